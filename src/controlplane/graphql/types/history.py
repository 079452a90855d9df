"""What happened: ledger entries, usage events, recorded decisions."""

from enum import Enum

import strawberry

from controlplane.db.reading import Record
from controlplane.graphql.identity import node_id
from controlplane.graphql.scalars import JSON, Credits, DateTime, Long, Money
from controlplane.graphql.types.amounts import (
    CreditAmount,
    Dimension,
    QuantityAmount,
    credit_amount,
    dimension,
    quantity_amount,
)
from controlplane.graphql.types.nodes import Node, from_record, pairs
from controlplane.graphql.types.reasons import Reason


@strawberry.enum(description="Where credits are or have gone.")
class Account(Enum):
    """Accounts of a wallet; the last four are unbounded and have no balance."""

    SCHEDULED = strawberry.enum_value("SCHEDULED", description="Granted, not effective yet.")
    AVAILABLE = strawberry.enum_value("AVAILABLE", description="Can be spent.")
    HELD = strawberry.enum_value("HELD", description="Held by reservations.")
    LEASED = strawberry.enum_value("LEASED", description="Leased to sidecars.")
    OWED = strawberry.enum_value("OWED", description="Overdraft drawn; grows when credits move from it.")
    SHORTFALL = strawberry.enum_value("SHORTFALL", description="Recorded use that nothing paid for.")
    RECEIVABLE = strawberry.enum_value(
        "RECEIVABLE", description="Spent of a grant whose payment was taken back."
    )
    ISSUED = strawberry.enum_value("ISSUED", description="Where granted credits come from.")
    CONSUMED = strawberry.enum_value("CONSUMED", description="Spent.")
    EXPIRED = strawberry.enum_value("EXPIRED", description="Expired unspent.")
    VOIDED = strawberry.enum_value("VOIDED", description="Taken back.")


@strawberry.enum(description="What moved credits; in SQL report.entry_kinds.")
class LedgerEntryKind(Enum):
    """Kinds of movements."""

    GRANT = strawberry.enum_value("GRANT", description="A lot of credits was granted.")
    GRANT_EFFECTIVE = strawberry.enum_value("GRANT_EFFECTIVE", description="A grant took effect.")
    GRANT_EXPIRED = strawberry.enum_value(
        "GRANT_EXPIRED",
        description="What was left of a grant expired, or came back to it after that.",
    )
    OVERDRAFT_REPAID = strawberry.enum_value(
        "OVERDRAFT_REPAID",
        description="A grant that took effect paid what its wallet owed.",
    )
    CONSUME = strawberry.enum_value(
        "CONSUME",
        description="A usage event was charged: to a grant, to an overdraft, or to nobody.",
    )
    RESERVE = strawberry.enum_value(
        "RESERVE",
        description="A reservation holds it: of a grant, or of an overdraft.",
    )
    SETTLE = strawberry.enum_value("SETTLE", description="What was held was used.")
    RELEASE = strawberry.enum_value("RELEASE", description="What was held came back, unused.")
    PAYMENT_RECEIVED = strawberry.enum_value(
        "PAYMENT_RECEIVED",
        description="A grant that waited for its payment was granted.",
    )
    GRANT_VOIDED = strawberry.enum_value(
        "GRANT_VOIDED",
        description="What was left of a grant was taken back.",
    )
    TRANSFER = strawberry.enum_value(
        "TRANSFER",
        description="Part of a grant moved to another wallet, where it is a grant of its own.",
    )
    REVERSAL = strawberry.enum_value(
        "REVERSAL",
        description="Usage was taken back: the credits return to where they came from, or become a grant of"
        " their own.",
    )
    CHARGEBACK = strawberry.enum_value(
        "CHARGEBACK",
        description="What was spent of a grant whose payment was taken back is owed now.",
    )


@strawberry.type(description="One immutable movement of credits from one account to another.")
class LedgerEntry(Node):
    """One entry."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    seq: Long = strawberry.field(description="The operation it belongs to.")
    leg: int = strawberry.field(description="Its place within the operation, from 1.")
    kind: LedgerEntryKind = strawberry.field(description="What moved it.")
    recorded_at: DateTime = strawberry.field(description="When it was recorded; never backwards along seq.")
    effective_at: DateTime | None = strawberry.field(description="When it took effect, if that was before.")
    from_wallet_id: strawberry.ID = strawberry.field(description="From this wallet.")
    from_account: Account = strawberry.field(description="From this account of it.")
    to_wallet_id: strawberry.ID = strawberry.field(description="To this wallet.")
    to_account: Account = strawberry.field(description="To this account of it.")
    credit_type: strawberry.ID = strawberry.field(description="Which kind of credit.")
    grant_id: strawberry.ID | None = strawberry.field(description="Of which grant; null: overdraft and such.")
    to_grant_id: strawberry.ID | None = strawberry.field(
        description="Of a TRANSFER: the grant that it became in the other wallet."
    )
    amount: Credits = strawberry.field(description="How much; always more than 0.")
    from_balance_after: Credits | None = strawberry.field(
        description="Balance of the first account after it; null for an unbounded one."
    )
    to_balance_after: Credits | None = strawberry.field(description="The same of the second account.")
    actor: str | None = strawberry.field(
        description="Who made it: a key, `entity:` and the first entity named, `customer`, or `clock`."
    )
    source: str | None = strawberry.field(
        description="On what ground: `usage:`, `reservation:` or `grant:` with its number, or what was said"
        " of a grant, such as an invoice."
    )
    currency: str | None = strawberry.field(
        description="Currency of `money`, ISO 4217; null: the grant has no cost basis."
    )
    money: Money | None = strawberry.field(
        description="What it comes to at the grant's cost basis, to the currency's smallest unit: a lot's"
        " movements add up to exactly what was paid for it. 0.00 where it only moves within deferred revenue."
    )


@strawberry.type(description="What was taken back of a usage event at a time.")
class Reversal:
    """One reversal."""

    usage_event_id: strawberry.ID = strawberry.field(description="The usage event.")
    seq: Long = strawberry.field(description="Place in the customer's history.")
    recorded_at: DateTime = strawberry.field(description="When it was recorded; it takes effect then.")
    share: Credits = strawberry.field(description="How much of the event: more than 0, at most 1.")
    quantities: list[QuantityAmount] = strawberry.field(description="What is no longer used.")
    credits: list[CreditAmount] = strawberry.field(
        description="What it no longer costs, by where it was charged; shortfall is not in it."
    )
    shortfall: list[CreditAmount] = strawberry.field(description="What nothing paid for and is not owed now.")
    reason: str | None = strawberry.field(description="Why.")
    actor: str = strawberry.field(description="Who did it.")


@strawberry.type(description="Where credits went that were taken back.")
class ReturnedPart:
    """A part of a reversal."""

    wallet_id: strawberry.ID = strawberry.field(description="Whose wallet paid.")
    account: Account = strawberry.field(
        description="AVAILABLE: they can be spent again; OWED, SHORTFALL and RECEIVABLE: they are no longer"
        " owed; EXPIRED or VOIDED: their grant ended like that, and nobody has them."
    )
    grant_id: strawberry.ID | None = strawberry.field(
        description="The grant they are of, an adjustment made now if `fromGrantId` or no grant had paid."
    )
    from_grant_id: strawberry.ID | None = strawberry.field(
        description="The grant that had paid and has expired since, so that there is an adjustment instead."
    )
    amount: Credits = strawberry.field(description="How much.")
    repaid: Credits = strawberry.field(description="What of an adjustment paid at once what the wallet owed.")


@strawberry.type(description="One attributed consumption.")
class UsageEvent(Node):
    """One usage event."""

    usage_event_id: strawberry.ID = strawberry.field(description="Natural id: its seq.")
    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    seq: Long = strawberry.field(description="Place in the customer's history.")
    recorded_at: DateTime = strawberry.field(description="When it was recorded.")
    occurred_at: DateTime = strawberry.field(description="When it happened.")
    feature_id: strawberry.ID = strawberry.field(description="What was used.")
    entity_ids: list[strawberry.ID] = strawberry.field(
        description="Who used it: the entities that were named."
    )
    session_id: str | None = strawberry.field(description="In which session.")
    dimensions: list[Dimension] = strawberry.field(description="What the request carried.")
    quantities: list[QuantityAmount] = strawberry.field(description="How much was used.")
    credits: list[CreditAmount] = strawberry.field(description="What it cost; shortfall is not in it.")
    shortfall: list[CreditAmount] = strawberry.field(description="What nothing paid for.")
    reason: Reason | None = strawberry.field(description="Why it would have been denied, if so.")
    reservation_id: strawberry.ID | None = strawberry.field(description="The reservation it settles, if any.")
    metadata: JSON | None = strawberry.field(description="What you said about it.")
    catalog_version: Long = strawberry.field(description="The catalogue it was priced by.")
    reversed: Credits = strawberry.field(
        description="How much of it was taken back so far, from 0 to 1; its own amounts stay as they are."
    )
    reversals: list[Reversal] = strawberry.field(
        description="What was taken back: subtract their amounts for what it is in the end."
    )


def ledger_entry(record: Record) -> LedgerEntry:
    """From ``api.read_ledger_entries``."""
    return from_record(
        LedgerEntry,
        record,
        id=strawberry.ID(node_id("LedgerEntry", record["customerId"], record["seq"], str(record["leg"]))),
        kind=LedgerEntryKind(record["kind"]),
        from_account=Account(record["fromAccount"]),
        to_account=Account(record["toAccount"]),
    )


def usage_event(record: Record) -> UsageEvent:
    """From ``api.read_usage_events``."""
    return from_record(
        UsageEvent,
        record,
        id=strawberry.ID(node_id("UsageEvent", record["customerId"], record["seq"])),
        dimensions=pairs(record["dimensions"], dimension),
        quantities=pairs(record["quantities"], quantity_amount),
        credits=pairs(record["credits"], credit_amount),
        shortfall=pairs(record["shortfall"], credit_amount),
        reason=Reason(record["reason"]) if record["reason"] else None,
        reversals=[reversal(each) for each in record["reversals"]],
    )


def reversal(record: Record) -> Reversal:
    """From ``api.read_usage_events``."""
    return from_record(
        Reversal,
        record,
        quantities=pairs(record["quantities"], quantity_amount),
        credits=pairs(record["credits"], credit_amount),
        shortfall=pairs(record["shortfall"], credit_amount),
    )


def returned_part(record: Record) -> ReturnedPart:
    """From ``api.reverse_consumption``."""
    return ReturnedPart(
        wallet_id=record["walletId"],
        account=Account(record["account"]),
        grant_id=record.get("grantId"),
        from_grant_id=record.get("fromGrantId"),
        amount=record["amount"],
        repaid=record.get("repaid", Credits("0")),
    )
