"""Reservations."""

from typing import Annotated

import strawberry

from controlplane.db import reading
from controlplane.graphql.arguments import After, CustomerId, First, filter_of, reader
from controlplane.graphql.context import Info
from controlplane.graphql.failures import failure
from controlplane.graphql.filters import ReservationFilter, SeqOrder
from controlplane.graphql.paging import paging
from controlplane.graphql.queries.history import Order, ascending
from controlplane.graphql.types.nodes import Connection
from controlplane.graphql.types.reservations import Reservation, reservation


@strawberry.type
class ReservationQueries:
    """What is held."""

    @strawberry.field(description="One reservation of a customer as it stands; null if there is none.")
    async def reservation(
        self,
        info: Info,
        reservation_id: Annotated[strawberry.ID, strawberry.argument(description="Which one.")],
        customer_id: CustomerId = None,
    ) -> Reservation | None:
        """One, or null."""
        customer = reader(info, customer_id)
        if not (reservation_id.isascii() and reservation_id.isdigit() and len(reservation_id) <= 18):
            raise failure("BAD_USER_INPUT", "reservationId: a number", field="reservationId")
        records = await reading.read_reservations(
            info.context.services.database, customer, {"reservationId": reservation_id}, None, 1
        )
        return reservation(records[0]) if records else None

    @strawberry.field(description="Reservations of a customer as they stand.")
    async def reservations(
        self,
        info: Info,
        customer_id: CustomerId = None,
        filter: Annotated[ReservationFilter | None, strawberry.argument(description="Which.")] = None,  # noqa: A002
        order_by: Order = SeqOrder.NEWEST_FIRST,
        first: First = None,
        after: After = None,
    ) -> Connection[Reservation]:
        """A page."""
        customer = reader(info, customer_id)
        asked = paging(info, first, after, customer)
        records = await reading.read_reservations(
            info.context.services.database,
            customer,
            {**filter_of(filter), **ascending(order_by)},
            asked.after,
            asked.limit,
        )
        return asked.page(records, reservation)
