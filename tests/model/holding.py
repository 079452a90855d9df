"""What a reservation holds, and how it comes back (KERNEL §6)."""

from datetime import datetime
from fractions import Fraction

from tests.model.booking import Booking
from tests.model.customer import (
    AVAILABLE,
    EXPIRED,
    HELD,
    OWED,
    VOIDED,
    Charge,
    Grant,
    Hold,
    Reservation,
    Wallet,
)
from tests.model.exact import ZERO
from tests.model.judge import Verdict
from tests.model.limits import keeps_count
from tests.model.words import Kind, ReservationState


def reserve(booking: Booking, verdict: Verdict, observed: bool) -> None:
    """Holds what an allowed item would be charged; what is lacking (to an observed one) is not booked."""
    assert verdict.fit is not None
    assert verdict.feature is not None
    booking.create(verdict.newcomers)
    booking.operation("reserve")
    plan = verdict.fit.plan
    for wallet, grant, amount in plan.slices:
        hold(booking, wallet, grant, amount)
    holds = [Hold(*piece) for piece in plan.slices]
    if plan.free_at is not None:
        holds.append(Hold(plan.free_at, None, ZERO, free=True))
    amounts, charges = plan.amounts(), []
    for limit in verdict.limits:
        amount = limit.amount(verdict.item.feature_id, verdict.fit.quantities, amounts)
        booking.count(limit, amount, hold=True)
        if keeps_count(limit.budget):
            charges.append(Charge(limit.subject, amount, limit.span))
    reservation = Reservation(
        seq=booking.customer.seq,
        item=verdict.item,
        feature=verdict.feature.as_it_stands(),
        path=verdict.path,
        reserved_at=booking.instant,
        expires_at=verdict.item.until(booking.instant),
        observed=observed,
        holds=holds,
        charges=charges,
    )
    booking.memory.put(booking.customer.reservations, reservation.reservation_id, reservation)


def hold(booking: Booking, wallet: Wallet, grant: Grant | None, amount: Fraction) -> None:
    """From a grant, or on the overdraft: that is owed as soon as it is held."""
    booking.memory.set(wallet, "held", wallet.held + amount)
    if grant is None:
        booking.move(wallet, None, OWED, HELD, amount)
        booking.memory.set(wallet, "owed", wallet.owed + amount)
    else:
        booking.move(wallet, grant, AVAILABLE, HELD, amount)
        booking.memory.set(grant, "held", grant.held + amount)
        booking.take(grant, amount)


def unhold(booking: Booking, wallet: Wallet, grant: Grant | None, amount: Fraction) -> None:
    """The part of a hold that an entry takes elsewhere."""
    booking.memory.set(wallet, "held", wallet.held - amount)
    if grant is not None:
        booking.memory.set(grant, "held", grant.held - amount)


def extend(booking: Booking, reservation: Reservation, expires_at: datetime) -> None:
    """Sessions that it is held for are in use: none is forgotten while something is held."""
    booking.operation("extend")
    booking.memory.set(reservation, "expires_at", expires_at)
    for charge in reservation.charges:
        if charge.rest > 0:
            booking.memory.set(booking.customer.counters[charge.subject], "last_used_at", booking.instant)


# How it comes back


def release(booking: Booking, reservation: Reservation) -> None:
    booking.operation("release")
    end(booking, reservation, booking.instant)
    booking.memory.set(reservation, "state", ReservationState.RELEASED)
    booking.memory.set(reservation, "closed", True)


def expire(booking: Booking, reservation: Reservation) -> None:
    """Effective when it was due: what a grant had until then comes back to it, and is due in its turn."""
    booking.operation("reservation expired", reservation.expires_at)
    end(booking, reservation, reservation.expires_at)
    booking.memory.set(reservation, "state", ReservationState.EXPIRED)


def end(booking: Booking, reservation: Reservation, at: datetime) -> None:
    """Whatever is still held returns; what is settled stays. If nothing is, a late report is as any other."""
    for piece in [*reservation.holds]:
        if piece.rest > 0:
            unhold(booking, piece.wallet, piece.grant, piece.rest)
            if piece.grant is None:
                return_to_overdraft(booking, piece.wallet, piece.rest, at)
            else:
                return_to_grant(booking, piece.grant, piece.rest, at)
            booking.memory.set(piece, "amount", piece.settled)
        if piece.free and not any(reservation.settled.values()):
            booking.memory.remove(reservation.holds, piece)
    for charge in reservation.charges:
        free(booking, charge)
        booking.memory.set(charge, "amount", charge.amount - charge.rest)


def return_to_grant(booking: Booking, grant: Grant, amount: Fraction, at: datetime) -> None:
    """A grant that is void or over has nothing to give any more."""
    if grant.voided:
        booking.move(grant.wallet, grant, HELD, VOIDED, amount)
    elif grant.over_at(at):
        booking.move(grant.wallet, grant, HELD, EXPIRED, amount)
        booking.memory.set(grant, "expired", grant.expired + amount)
    else:
        booking.move(grant.wallet, grant, HELD, AVAILABLE, amount)
        booking.give_back(grant, amount)


def return_to_overdraft(booking: Booking, wallet: Wallet, amount: Fraction, at: datetime) -> None:
    """Less is owed; what grants have repaid of it meanwhile is given back as a grant."""
    owed = min(amount, wallet.owed)
    if owed > 0:
        booking.move(wallet, None, HELD, OWED, owed)
        booking.memory.set(wallet, "owed", wallet.owed - owed)
    if amount > owed:
        grant = adjustment(booking, wallet, amount - owed, at)
        booking.move(wallet, grant, HELD, AVAILABLE, grant.amount)


def adjustment(booking: Booking, wallet: Wallet, amount: Fraction, at: datetime) -> Grant:
    grants = booking.customer.grants
    made = sum(grant.returned for grant in grants.values())
    grant = Grant(
        grant_id=f"adjustment-{made + 1}",
        wallet=wallet,
        number=len(grants),
        amount=amount,
        kind=Kind.ADJUSTMENT,
        priority=50,
        effective_at=at,
        expires_at=None,
        features=None,
        returned=True,
    )
    booking.memory.put(grants, grant.grant_id, grant)
    booking.give_back(grant, amount)
    return grant


def free(booking: Booking, charge: Charge) -> None:
    """A counter that has begun anew holds nothing of it."""
    counter = booking.customer.counters.get(charge.subject)
    if (
        counter is not None
        and charge.rest > 0
        and charge.window == (counter.window_start, counter.window_end)
    ):
        booking.memory.set(counter, "held", counter.held - charge.rest)
