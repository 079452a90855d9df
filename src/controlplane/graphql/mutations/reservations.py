"""Reservations: hold before the cost is known, settle by what was used."""

from typing import Annotated, cast

import strawberry

from controlplane.graphql.context import Info
from controlplane.graphql.deciding import TimeoutMs, consumed, stepped
from controlplane.graphql.inputs import (
    ExtendReservationInput,
    ReleaseReservationInput,
    ReserveInput,
    SettleReservationInput,
)
from controlplane.graphql.types.decisions import Decision


@strawberry.type
class ReservationMutations:
    """What holds, and what becomes of it."""

    @strawberry.mutation(
        description="Decide as `consume` does, and hold what it would charge: credits, and every budget on"
        " the path. It is held until it is settled, released or expires. A replay is the same answer: ask for"
        " `reservation` to see whether it still holds."
    )
    async def reserve(
        self,
        info: Info,
        asked: Annotated[ReserveInput, strawberry.argument(name="input", description="What to hold.")],
        timeout_ms: TimeoutMs = None,
    ) -> Decision:
        """One reservation."""
        (answer,) = await consumed(info, [asked], "reserve", timeout_ms)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @strawberry.mutation(
        description="Decide several, of any customers, each counting for the next. An item that was not"
        " decided is null, and an error with its index in the path says why."
    )
    async def reserve_many(
        self,
        info: Info,
        asked: Annotated[
            list[ReserveInput],
            strawberry.argument(name="input", description="What to hold, at most 1000."),
        ],
        timeout_ms: TimeoutMs = None,
    ) -> list[Decision | None]:
        """Several reservations."""
        # An exception in a list is what graphql-core reports as the error of that place.
        return cast("list[Decision | None]", await consumed(info, asked, "reserveMany", timeout_ms))

    @strawberry.mutation(
        description="Say what a reservation has used so far. Up to what it holds this cannot fail; beyond"
        " that it is paid as far as there is something to pay with, and the rest is a `shortfall`. The last"
        " time, what is still held returns. After its expiry it is charged all the same."
    )
    async def settle_reservation(
        self,
        info: Info,
        asked: Annotated[
            SettleReservationInput, strawberry.argument(name="input", description="What was used.")
        ],
        timeout_ms: TimeoutMs = None,
    ) -> Decision:
        """One settlement."""
        return await stepped(info, asked, "settleReservation", timeout_ms)

    @strawberry.mutation(description="Give up a reservation: what it still holds returns. Again is harmless.")
    async def release_reservation(
        self,
        info: Info,
        asked: Annotated[ReleaseReservationInput, strawberry.argument(name="input", description="Which.")],
        timeout_ms: TimeoutMs = None,
    ) -> Decision:
        """One release."""
        return await stepped(info, asked, "releaseReservation", timeout_ms)

    @strawberry.mutation(description="Hold a reservation longer, from now on.")
    async def extend_reservation(
        self,
        info: Info,
        asked: Annotated[ExtendReservationInput, strawberry.argument(name="input", description="Which.")],
        timeout_ms: TimeoutMs = None,
    ) -> Decision:
        """One extension."""
        return await stepped(info, asked, "extendReservation", timeout_ms)
