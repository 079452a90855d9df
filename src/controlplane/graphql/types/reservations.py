"""A reservation as it stands."""

from enum import Enum

import strawberry

from controlplane.db.reading import Record
from controlplane.graphql.identity import node_id
from controlplane.graphql.inputs import Overage
from controlplane.graphql.scalars import JSON, Credits, DateTime, Long
from controlplane.graphql.types.amounts import (
    CreditAmount,
    Dimension,
    QuantityAmount,
    credit_amount,
    dimension,
    quantity_amount,
)
from controlplane.graphql.types.nodes import Node, from_record, pairs


@strawberry.enum(description="What has become of a reservation.")
class ReservationState(Enum):
    """States; all but HELD are final."""

    HELD = strawberry.enum_value("HELD", description="It holds what is not settled yet.")
    SETTLED = strawberry.enum_value("SETTLED", description="Settled for the last time; the rest returned.")
    RELEASED = strawberry.enum_value("RELEASED", description="Given up; what was settled stays so.")
    EXPIRED = strawberry.enum_value(
        "EXPIRED", description="Its time was over; a late settlement is still charged."
    )


@strawberry.type(description="Credits of one grant, or an overdraft, that a reservation holds or has used.")
class HeldSlice:
    """Part of a reservation, in burn order."""

    wallet_id: strawberry.ID = strawberry.field(description="Whose credits.")
    grant_id: strawberry.ID | None = strawberry.field(description="Of which grant; null: the overdraft.")
    credit_type: strawberry.ID = strawberry.field(description="Which kind of credit.")
    held: Credits = strawberry.field(description="What is held of it.")
    settled: Credits = strawberry.field(description="What was settled from it.")


@strawberry.type(description="Credits and budgets held before the cost was known, and what became of them.")
class Reservation(Node):
    """One reservation."""

    reservation_id: strawberry.ID = strawberry.field(description="Natural id: the seq at which it was made.")
    customer_id: strawberry.ID = strawberry.field(description="Whose it is.")
    state: ReservationState = strawberry.field(description="What has become of it.")
    feature_id: strawberry.ID = strawberry.field(description="What it is for.")
    entity_ids: list[strawberry.ID] = strawberry.field(description="Who uses it: the entities named.")
    session_id: str | None = strawberry.field(description="In which session.")
    dimensions: list[Dimension] = strawberry.field(description="What the request carried.")
    overage: Overage = strawberry.field(description="What happens to what does not fit.")
    reserved_at: DateTime = strawberry.field(description="When it was made.")
    expires_at: DateTime = strawberry.field(description="Until when it holds, or held.")
    catalog_version: Long = strawberry.field(description="The catalogue it is priced by.")
    quantities: list[QuantityAmount] = strawberry.field(description="What it was made for.")
    settled_quantities: list[QuantityAmount] = strawberry.field(description="What was used so far.")
    held: list[CreditAmount] = strawberry.field(description="What it holds now.")
    settled: list[CreditAmount] = strawberry.field(description="What was settled so far, paid by something.")
    shortfall: list[CreditAmount] = strawberry.field(description="What was settled and nothing paid for.")
    slices: list[HeldSlice] = strawberry.field(description="Who pays, in order.")
    metadata: JSON | None = strawberry.field(description="What you said about it.")


def reservation(record: Record) -> Reservation:
    """From ``api.read_reservations``."""
    return from_record(
        Reservation,
        record,
        id=strawberry.ID(node_id("Reservation", record["customerId"], record["reservationId"])),
        state=ReservationState(record["state"]),
        overage=Overage(record["overage"]),
        dimensions=pairs(record["dimensions"], dimension),
        quantities=pairs(record["quantities"], quantity_amount),
        settled_quantities=pairs(record["settledQuantities"], quantity_amount),
        held=pairs(record["held"], credit_amount),
        settled=pairs(record["settled"], credit_amount),
        shortfall=pairs(record["shortfall"], credit_amount),
        slices=[from_record(HeldSlice, each) for each in record["slices"]],
    )
