"""Recorded decisions: what ``decisions`` lists."""

from datetime import datetime
from typing import Any

import strawberry

from controlplane.db.lanes.ticket import Judgement
from controlplane.db.reading import Record
from controlplane.graphql.answers import decision
from controlplane.graphql.identity import node_id
from controlplane.graphql.scalars import DateTime, Long
from controlplane.graphql.types.amounts import CreditAmount, QuantityAmount, quantity_amount
from controlplane.graphql.types.decisions import Binding, BudgetWarning, Slice, WalletBalance
from controlplane.graphql.types.nodes import Node, from_record, pairs
from controlplane.graphql.types.reasons import Reason


@strawberry.type(
    description="A decision as it was recorded under its key, denials too: what `consume` and `reserve`"
    " answered, with its figures."
)
class RecordedDecision(Node):
    """One recorded answer."""

    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    idempotency_key: str = strawberry.field(description="Its key.")
    allowed: bool = strawberry.field(description="Whether it was allowed.")
    would_allow: bool = strawberry.field(
        description="Whether it fitted; false beside `allowed` is an observed denial, which was recorded and"
        " not enforced."
    )
    reason: Reason | None = strawberry.field(
        description="Why not, or why it would not have been. What only a budget in mode OBSERVE would have"
        " denied has none: see `wouldDenyCount` and `wouldDenyAmount` of that budget's `usage`."
    )
    message: str | None = strawberry.field(description="The reason for people, with its figures.")
    seq: Long = strawberry.field(description="Of the operation; of a denial, the one it was judged after.")
    recorded_at: DateTime = strawberry.field(description="When it was decided.")
    feature_id: strawberry.ID | None = strawberry.field(
        description="What was asked for; null: no feature of the catalogue."
    )
    entity_ids: list[strawberry.ID] | None = strawberry.field(
        description="Who asked: the entities that were named; null: that of a denial is not kept."
    )
    quantities: list[QuantityAmount] = strawberry.field(
        description="What was taken or held; what a denial asked for is not kept."
    )
    credits: list[CreditAmount] = strawberry.field(description="What it cost, or held.")
    slices: list[Slice] = strawberry.field(description="Who paid, in burn order.")
    shortfall: list[CreditAmount] = strawberry.field(description="What nothing paid for.")
    wallets: list[WalletBalance] = strawberry.field(description="The wallets on its path, afterwards.")
    binding: Binding | None = strawberry.field(
        description="What denied it, or was nearest to, with its figures of then. Of an entity that was not"
        " there yet, `entityId` is null."
    )
    warnings: list[BudgetWarning] = strawberry.field(description="Soft budgets that were passed.")
    catalog_version: Long | None = strawberry.field(
        description="The catalogue it was judged by; null: recorded before that was kept of denials."
    )
    usage_event_id: strawberry.ID | None = strawberry.field(description="What it left in the history.")
    reservation_id: strawberry.ID | None = strawberry.field(description="The reservation that it made.")


def recorded_decision(record: Record) -> RecordedDecision:
    """From ``api.read_decisions``: a replay, but for what only the request says."""
    answer = record["answer"]
    if record["isOfNewcomer"]:
        del answer["binding"]["entityId"]  # it is known by its place in the request, not as the customer
    judgement = Judgement(
        customer_id=record["customerId"],
        idempotency_key=record["idempotencyKey"],
        allowed=record["allowed"],
        reason=record["reason"],
        would_allow=record["reason"] is None,
        replayed=True,
        seq=int(record["seq"]),
        recorded_at=datetime.fromisoformat(record["recordedAt"]),
        answer=answer,
    )
    asked: dict[str, Any] = {} if record["featureId"] is None else {"featureId": record["featureId"]}
    answered = decision(judgement, asked, recorded=True)
    return from_record(
        RecordedDecision,
        record,
        id=strawberry.ID(node_id("RecordedDecision", record["customerId"], record["idempotencyKey"])),
        would_allow=answered.would_allow,
        reason=answered.reason,
        message=answered.message,
        quantities=pairs(record["quantities"], quantity_amount),
        credits=answered.credits,
        slices=answered.slices,
        shortfall=answered.shortfall,
        wallets=answered.wallets,
        binding=answered.binding,
        warnings=answered.warnings,
    )
