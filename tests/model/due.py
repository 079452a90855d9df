"""What time has brought: holds expired, grants expired, grants effective, raises ended (KERNEL §2)."""

from collections.abc import Collection, Iterator
from datetime import datetime

from tests.model.booking import Booking
from tests.model.customer import AVAILABLE, EXPIRED, SCHEDULED, Budget, Customer, Grant, Raise, Reservation
from tests.model.exact import ZERO
from tests.model.holding import expire
from tests.model.words import ReservationState

#: So many due operations are booked by one call; but a hold cannot be spent before it is booked.
DUE_AT_ONCE = 500

HOLD_EXPIRED, GRANT_EXPIRED, GRANT_EFFECTIVE, RAISE_ENDED = range(4)

#: When it is due, what it is, and its place among those.
Due = tuple[datetime, int, int, Reservation | Grant | tuple[Budget, Raise]]


def due(customer: Customer, instant: datetime) -> list[Due]:
    """By due time, then in the order above, then the older."""
    return sorted(_due(customer, instant), key=lambda each: each[:3])


def _due(customer: Customer, instant: datetime) -> Iterator[Due]:
    for reservation in customer.reservations.values():
        if reservation.state is ReservationState.HELD and reservation.expires_at <= instant:
            yield reservation.expires_at, HOLD_EXPIRED, reservation.seq, reservation
    for grant in customer.grants.values():
        if grant.expires_at is not None and grant.over_at(instant):
            yield grant.expires_at, GRANT_EXPIRED, grant.number, grant
        if grant.scheduled > 0 and grant.effective_at <= instant:
            yield grant.effective_at, GRANT_EFFECTIVE, grant.number, grant
    for budget in customer.budgets.values():
        for extra in budget.raises:
            if extra.until <= instant:
                yield extra.until, RAISE_ENDED, extra.number, (budget, extra)


def book_due(booking: Booking, holders: Collection[str | None] = ()) -> None:
    """Books what is due, each as an operation; what is more than enough for one call stays due, but holds.

    So do not the grants of the holders, which may be burned: what is spent has to be booked before.
    """
    booked = 0
    for each in due(booking.customer, booking.instant):
        if booked < DUE_AT_ONCE or each[1] == HOLD_EXPIRED:
            booked += book(booking, each)
    for each in due(booking.customer, booking.instant):
        if isinstance(each[3], Grant) and each[3].wallet.entity_id in holders:
            book(booking, each)


def book(booking: Booking, each: Due) -> bool:
    """Whether there was anything to book."""
    due_at, order, _, thing = each
    if isinstance(thing, Reservation):
        expire(booking, thing)
    elif isinstance(thing, tuple):
        booking.operation("raise ended", due_at)
        budget, extra = thing
        ceiling = budget.limit + sum(each.amount for each in budget.raises)
        reached = booking.all_reached(budget, ceiling)
        booking.memory.remove(budget.raises, extra)
        booking.alert_all(budget, reached, ceiling - extra.amount)
    elif order == GRANT_EFFECTIVE:
        booking.operation("grant effective", due_at)
        booking.move(thing.wallet, thing, SCHEDULED, AVAILABLE, thing.scheduled)
        booking.memory.set(thing, "scheduled", ZERO)
        booking.make_available(thing)
    elif thing.available > 0:
        booking.operation("grant expired", due_at)
        booking.move(thing.wallet, thing, AVAILABLE, EXPIRED, thing.available)
        booking.memory.set(thing, "expired", thing.expired + thing.available)
        booking.take(thing, thing.available)
    else:  # nothing is left that could expire, or all of it is held
        return False
    return True
