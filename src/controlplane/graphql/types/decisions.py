"""The answer of ``check`` and ``consume``: KERNEL §1, with nothing decided here."""

from enum import Enum

import strawberry

from controlplane.db import reading
from controlplane.graphql.context import Info
from controlplane.graphql.scalars import JSON, Credits, DateTime, Long
from controlplane.graphql.types.amounts import CreditAmount, QuantityAmount
from controlplane.graphql.types.budgets import Budget
from controlplane.graphql.types.reasons import Reason
from controlplane.graphql.types.reservations import Reservation, reservation


@strawberry.enum(description="What was decided.")
class DecisionOutcome(Enum):
    """Outcomes."""

    ALLOWED = strawberry.enum_value("ALLOWED", description="It may go on, and was charged.")
    DENIED = strawberry.enum_value("DENIED", description="It may not go on, and was not charged.")


@strawberry.enum(description="What kind of limit binds.")
class BindingKind(Enum):
    """Kinds of limits."""

    BUDGET = strawberry.enum_value("BUDGET", description="A budget.")
    WALLET = strawberry.enum_value(
        "WALLET", description="A wallet; limit is its overdraft, used what is owed."
    )
    REQUEST_LIMIT = strawberry.enum_value("REQUEST_LIMIT", description="The most one request may ask.")


@strawberry.type(description="Credits that one grant, or the overdraft of a wallet, paid.")
class Slice:
    """Part of a payment, in burn order."""

    wallet_id: strawberry.ID = strawberry.field(description="The wallet that paid.")
    grant_id: strawberry.ID | None = strawberry.field(description="The grant that paid; null: overdraft.")
    amount: Credits = strawberry.field(description="How much it paid.")


@strawberry.type(description="A wallet after the decision.")
class WalletBalance:
    """Balances of one wallet on the request's path."""

    wallet_id: strawberry.ID = strawberry.field(description="Which wallet.")
    credit_type: strawberry.ID = strawberry.field(description="Which kind of credit.")
    available: Credits = strawberry.field(description="What can be spent; overdraft is not in it.")
    held: Credits = strawberry.field(description="Held by open reservations.")
    leased: Credits = strawberry.field(description="Leased to sidecars.")
    settled: Credits = strawberry.field(description="available + held + leased.")
    owed: Credits = strawberry.field(description="Overdraft drawn.")
    shortfall: Credits = strawberry.field(description="Recorded use that nothing paid for.")
    receivable: Credits = strawberry.field(
        description="Spent of grants whose payment was taken back, and owed since."
    )
    overdraft_limit: Credits = strawberry.field(description="How much could be owed.")


@strawberry.type(description="What denied the request, or is nearest to.")
class Binding:
    """A limit with its figures."""

    kind: BindingKind = strawberry.field(description="What kind of limit.")
    entity_id: strawberry.ID | None = strawberry.field(description="Its subject; null: the customer itself.")
    budget_id: strawberry.ID | None = strawberry.field(description="Which budget, if it is one.")
    wallet_id: strawberry.ID | None = strawberry.field(description="Which wallet, if it is one.")
    quantity: str | None = strawberry.field(description="Of which quantity, if it is of one request.")
    limit: Credits | None = strawberry.field(description="The limit.")
    used: Credits | None = strawberry.field(description="What is used of it.")
    held: Credits | None = strawberry.field(description="What reservations hold of it.")
    resets_at: DateTime | None = strawberry.field(description="When it begins anew; null: never.")


@strawberry.type(description="A soft budget that was passed.")
class BudgetWarning:
    """A warning with the budget's advice."""

    budget_id: strawberry.ID = strawberry.field(description="Which budget.")
    entity_id: strawberry.ID | None = strawberry.field(description="Its subject; null: the customer itself.")
    limit: Credits = strawberry.field(description="Its limit.")
    used: Credits = strawberry.field(description="What is used, this request included.")
    advice: JSON | None = strawberry.field(description="What to do about it, as you set it.")


@strawberry.type(description="What the customer's plan says about the feature.")
class Entitlement:
    """Use of a period's quota."""

    usage: Credits = strawberry.field(description="Used in this period.")
    limit: Credits | None = strawberry.field(description="The quota; null: none.")
    resets_at: DateTime | None = strawberry.field(description="When the period ends.")


@strawberry.type(
    description="The answer to one request. A denial is an answer, not an error: `reason` says why and"
    " `binding` with which figures. The recorded answer is replayed exactly; `budgets` and"
    " `reservation` are of the moment."
)
class Decision:
    """One answer."""

    customer_id: strawberry.Private[str]
    allowed: bool = strawberry.field(description="Whether it may go on.")
    outcome: DecisionOutcome = strawberry.field(description="The same as a word.")
    reason: Reason | None = strawberry.field(description="Why not, or why it would not have been allowed.")
    message: str | None = strawberry.field(description="The reason for people, with its figures.")
    replayed: bool = strawberry.field(
        description="Whether this key was answered before; nothing was charged."
    )
    would_allow: bool = strawberry.field(
        description="Whether it fits; differs from `allowed` where nothing is enforced."
    )
    usage_event_id: strawberry.ID | None = strawberry.field(description="What it left in the history.")
    reservation_id: strawberry.ID | None = strawberry.field(description="Which reservation it belongs to.")
    expires_at: DateTime | None = strawberry.field(description="Until when that reservation holds.")
    seq: Long | None = strawberry.field(
        description="Place in the customer's history; of a denial, the one it was judged after."
    )
    quantities: list[QuantityAmount] = strawberry.field(
        description="What was taken or held, with CAP perhaps less; of a settled reservation, all so far."
    )
    credits: list[CreditAmount] = strawberry.field(
        description="What it cost, or holds; of a settled reservation, all so far."
    )
    slices: list[Slice] = strawberry.field(description="Who paid, in burn order.")
    shortfall: list[CreditAmount] = strawberry.field(
        description="Recorded, but paid by nothing; of a settled reservation, all so far."
    )
    wallets: list[WalletBalance] = strawberry.field(description="The wallets on its path, afterwards.")
    entitlement: Entitlement | None = strawberry.field(description="What the plan says; null without one.")
    binding: Binding | None = strawberry.field(description="What denied it, or is nearest to.")
    budgets: list[Budget] | None = strawberry.field(
        description="With `detail: FULL` only: all budgets that count this request, as they stand now, each"
        " with those of its path and its session whom it counts, at zero too."
    )
    warnings: list[BudgetWarning] = strawberry.field(description="Soft budgets that were passed.")
    retry_after: int | None = strawberry.field(
        description="Seconds after which the binding limit begins anew; a new attempt needs a new key."
    )

    @strawberry.field(
        description="That reservation as it stands now. A replay tells what was decided then; here is what"
        " has become of it: what was settled, until when it holds, whether it has ended."
    )
    async def reservation(self, info: Info) -> Reservation | None:
        """Read anew for each answer; null where nothing was held."""
        if self.reservation_id is None:
            return None
        records = await reading.read_reservations(
            info.context.services.database,
            self.customer_id,
            {"reservationId": str(self.reservation_id)},
            None,
            1,
        )
        return reservation(records[0]) if records else None
