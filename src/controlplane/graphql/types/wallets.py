"""Wallets, grants, and the live balance."""

from enum import Enum
from typing import Any, ClassVar

import strawberry

from controlplane.db.reading import Record
from controlplane.graphql.identity import node_id
from controlplane.graphql.scalars import Credits, DateTime, Long
from controlplane.graphql.types.nodes import Node, from_record


@strawberry.enum(description="What a grant of credits is.")
class GrantKind(Enum):
    """Kinds of grants; promotional ones burn before paid ones of the same rank."""

    PAID = strawberry.enum_value("PAID", description="Bought: has a cost basis.")
    PROMOTIONAL = strawberry.enum_value("PROMOTIONAL", description="Given away.")
    RECURRING = strawberry.enum_value("RECURRING", description="Comes with every period of a plan.")
    ADJUSTMENT = strawberry.enum_value("ADJUSTMENT", description="A correction.")


@strawberry.enum(description="Where a grant stands now.")
class GrantStatus(Enum):
    """Where a grant stands."""

    SCHEDULED = strawberry.enum_value("SCHEDULED", description="Not effective yet.")
    ACTIVE = strawberry.enum_value("ACTIVE", description="Can be burned, or reservations hold what is left.")
    PENDING_PAYMENT = strawberry.enum_value(
        "PENDING_PAYMENT", description="Not issued before its payment is received."
    )
    EXHAUSTED = strawberry.enum_value("EXHAUSTED", description="Nothing is left.")
    EXPIRED = strawberry.enum_value("EXPIRED", description="Its time has passed; what was left is gone.")
    VOIDED = strawberry.enum_value("VOIDED", description="What was left was taken back.")


@strawberry.type(description="A customer's or an entity's holding of one credit type, as it stands now.")
class Wallet(Node):
    """One wallet."""

    wallet_id: strawberry.ID = strawberry.field(description="Natural id, unique within the customer.")
    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    entity_id: strawberry.ID | None = strawberry.field(
        description="Of which entity; null: the customer's own."
    )
    credit_type: strawberry.ID = strawberry.field(description="Which kind of credit it holds.")
    available: Credits = strawberry.field(description="What can be spent now; overdraft is not in it.")
    held: Credits = strawberry.field(description="Held by open reservations.")
    leased: Credits = strawberry.field(description="Leased to sidecars.")
    settled: Credits = strawberry.field(description="available + held + leased.")
    scheduled: Credits = strawberry.field(description="Granted, but not effective yet.")
    owed: Credits = strawberry.field(description="Overdraft drawn; the next grant pays it first.")
    shortfall: Credits = strawberry.field(description="Recorded use that nothing paid for.")
    receivable: Credits = strawberry.field(
        description="Spent of grants whose payment was taken back, and owed since."
    )
    overdraft_limit: Credits = strawberry.field(description="How much may be owed.")
    decimals: int = strawberry.field(description="Digits behind the point that the credit type has.")
    display_decimals: int = strawberry.field(description="Digits to show to people; round down.")
    created_at: DateTime = strawberry.field(description="When it was made.")


@strawberry.type(description="A lot of credits in a wallet.")
class Grant(Node):
    """One grant."""

    grant_id: strawberry.ID = strawberry.field(description="Natural id: the seq at which it was granted.")
    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    wallet_id: strawberry.ID = strawberry.field(description="The wallet it lies in.")
    credit_type: strawberry.ID = strawberry.field(description="Which kind of credit.")
    kind: GrantKind = strawberry.field(description="What it is.")
    status: GrantStatus = strawberry.field(description="Where it stands now.")
    state: GrantStatus = strawberry.field(
        description="Where it stands now.", deprecation_reason="The same as `status`."
    )
    priority: int = strawberry.field(description="0 to 100; the lower burns first.")
    amount: Credits = strawberry.field(description="What was granted.")
    remaining: Credits = strawberry.field(description="What is left of it now.")
    held: Credits = strawberry.field(description="What of it reservations hold.")
    effective_at: DateTime = strawberry.field(description="Since when it can be burned.")
    expires_at: DateTime | None = strawberry.field(description="Until when; null: never ends.")
    features: list[strawberry.ID] | None = strawberry.field(
        description="Only these features may burn it; null: any."
    )
    cost_basis: Credits | None = strawberry.field(
        description="What one credit cost, net of tax and discount, in `currency`."
    )
    currency: str | None = strawberry.field(description="Currency of the cost basis, ISO 4217.")
    source: str | None = strawberry.field(description="Where it came from, such as an invoice.")
    from_grant_id: strawberry.ID | None = strawberry.field(
        description="The grant of another wallet that it was transferred from; of an adjustment, the one that"
        " had paid for what was reversed, and has expired."
    )
    voided_at: DateTime | None = strawberry.field(description="When it was voided.")
    void_reason: str | None = strawberry.field(
        description="Why it was voided, and why charged back; `eraseEntity` of whose it is forgets it."
    )
    charged_back_at: DateTime | None = strawberry.field(
        description="When its payment was taken back, if so: what is spent of it is a receivable."
    )
    created_at: DateTime = strawberry.field(description="When it was granted.")


@strawberry.type(description="What a transfer took of one grant.")
class TransferredPart:
    """A part of a transfer."""

    from_grant_id: strawberry.ID = strawberry.field(description="The grant it was taken of.")
    grant_id: strawberry.ID = strawberry.field(description="The grant it is now, of the other wallet.")
    amount: Credits = strawberry.field(description="How much.")
    repaid: Credits = strawberry.field(description="What of it paid at once what that wallet owed.")


@strawberry.type(description="What was charged back of a grant that was made of another, with that one.")
class ChargedBackPart:
    """A part of a chargeback."""

    grant_id: strawberry.ID = strawberry.field(description="The grant it is.")
    wallet_id: strawberry.ID = strawberry.field(
        description="Where it lies, and what was spent is receivable."
    )
    voided: Credits = strawberry.field(description="What was left of it and was taken back.")
    held: Credits = strawberry.field(description="What reservations held of it then.")
    receivable: Credits = strawberry.field(description="What had been spent of it.")


@strawberry.type(description="What makes one state of a customer newer than another: compare in this order.")
class Version:
    """A version; see KERNEL §7."""

    incarnation: int = strawberry.field(description="Of the installation; a restore begins a new one.")
    seq: Long = strawberry.field(description="Place in the customer's history.")
    as_of: DateTime = strawberry.field(description="The instant it was looked at.")


@strawberry.type(description="All wallets of a customer at one version, in full.")
class Balance:
    """What `balanceChanged` tells."""

    customer_id: strawberry.ID = strawberry.field(description="Whose balance it is.")
    version: Version = strawberry.field(description="Which state this is.")
    wallets: list[Wallet] = strawberry.field(description="The wallets asked for, the oldest thousand.")


@strawberry.type(description="A wallet as it stood at some place of its customer's history.")
class PastWallet:
    """One wallet; what was made later shows zeros."""

    wallet_id: strawberry.ID = strawberry.field(description="Natural id, unique within the customer.")
    entity_id: strawberry.ID | None = strawberry.field(
        description="Of which entity; null: the customer's own."
    )
    credit_type: strawberry.ID = strawberry.field(description="Which kind of credit it holds.")
    available: Credits = strawberry.field(description="What could be spent; overdraft is not in it.")
    held: Credits = strawberry.field(description="Held by reservations.")
    leased: Credits = strawberry.field(description="Leased to sidecars.")
    settled: Credits = strawberry.field(description="available + held + leased.")
    scheduled: Credits = strawberry.field(description="Granted, and not effective then.")
    owed: Credits = strawberry.field(description="Overdraft drawn.")
    shortfall: Credits = strawberry.field(description="Recorded use that nothing had paid for.")
    receivable: Credits = strawberry.field(description="Spent of grants whose payment was taken back.")
    overdraft_limit: Credits = strawberry.field(description="How much could be owed.")
    decimals: int = strawberry.field(description="Digits behind the point that the credit type has.")
    display_decimals: int = strawberry.field(description="Digits to show to people; round down.")


@strawberry.type(description="All wallets of a customer at one place of its history, by the ledger as it is.")
class PastBalance:
    """What `balancesAt` tells."""

    seq: Long = strawberry.field(
        description="The operation asked for, or that of the last ledger entry recorded by then."
    )
    is_final: bool = strawberry.field(
        description="False as long as something was due by `effectiveAt` that is not booked yet."
    )
    wallets: list[PastWallet] = strawberry.field(description="The oldest thousand of those there are now.")


@strawberry.input(description="A place in a customer's history: exactly one of these.")
class HistoryPoint:
    """Where to look."""

    KEYS: ClassVar = {"seq": "seq", "recorded_at": "recordedAt", "effective_at": "effectiveAt"}
    seq: Long | None = strawberry.field(default=None, description="After this operation.")
    recorded_at: DateTime | None = strawberry.field(
        default=None,
        description="After all that was recorded by then: the ledger as it stood, without what was due and"
        " not booked yet.",
    )
    effective_at: DateTime | None = strawberry.field(
        default=None,
        description="After all that had taken effect by then: what was due is counted from when it was due,"
        " however much later it was booked. So it is what one was told at that instant.",
    )


def past_balance(record: Record) -> PastBalance:
    """From ``api.balances_at``."""
    return from_record(
        PastBalance, record, wallets=[from_record(PastWallet, each) for each in record["wallets"]]
    )


def wallet(record: Record) -> Wallet:
    """From ``api.read_wallets`` or ``api.read_balances``."""
    identifier = node_id("Wallet", record["customerId"], record["walletId"])
    return from_record(Wallet, record, id=strawberry.ID(identifier))


def grant(record: Record) -> Grant:
    """From ``api.read_grants``."""
    return from_record(
        Grant,
        record,
        id=strawberry.ID(node_id("Grant", record["customerId"], record["grantId"])),
        kind=GrantKind(record["kind"]),
        features=record["featureIds"],
        status=GrantStatus(record["status"]),
        state=GrantStatus(record["status"]),
    )


def transferred_part(record: dict[str, Any]) -> TransferredPart:
    """From ``api.transfer_credits``."""
    return from_record(TransferredPart, record)


def charged_back_part(record: dict[str, Any]) -> ChargedBackPart:
    """From ``api.void_grant``."""
    return from_record(ChargedBackPart, record)


def version(record: dict[str, Any]) -> Version:
    """From whatever carries ``incarnation``, ``seq`` and ``asOf``."""
    return from_record(Version, record)
