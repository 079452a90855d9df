"""What becomes of a reservation: settle, release, extend (KERNEL §6); one call, under the customer's gate.

None has a key of its own: settling is cumulative, the others may be repeated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.model.answer import (
    Answer,
    nothing,
    refusal,
    show_credits,
    show_instant,
    show_quantities,
    show_slice,
    show_wallet,
)
from tests.model.booking import Booking
from tests.model.burn import Slice
from tests.model.catalog import Catalog
from tests.model.customer import Customer, Hold, Reservation
from tests.model.due import book_due
from tests.model.holding import extend, release
from tests.model.memory import Memory
from tests.model.request import Malformed, read_quantities, read_ttl
from tests.model.settling import Settlement, exceeds, larger
from tests.model.words import Reason, ReservationState


@dataclass(frozen=True)
class Step:
    """One thing to be done with one reservation."""

    verb: str
    reservation_id: str
    quantities: Mapping[str, Fraction] = field(default_factory=dict)
    final: bool = True
    ttl: int = 0


def read_step(verb: str, given: Mapping[str, Any]) -> Step:
    reservation_id = given.get("reservationId")
    if not isinstance(reservation_id, str):
        raise Malformed("reservationId", "is missing")
    if verb == "extend":
        return Step(verb, reservation_id, ttl=read_ttl(given))
    if verb == "release":
        return Step(verb, reservation_id)
    final = given.get("final", True)
    if not isinstance(final, bool):
        raise Malformed("final", "is true or false")
    return Step(verb, reservation_id, read_quantities(given, nothing_too=True), final)


@dataclass
class Steps:
    """All steps of a call, in order, at one instant; what is due comes first."""

    customer: Customer
    catalog: Catalog
    instant: datetime
    observe: bool = False
    memory: Memory = field(default_factory=Memory)
    gone: dict[str, list[Hold]] = field(default_factory=dict)  # slices of which nothing is left

    def holders(self, steps: Sequence[Step]) -> set[str | None]:
        """Whose wallets may pay what goes beyond a hold."""
        settled = [step.reservation_id for step in steps if step.verb == "settle"]
        paths = [r.path for name, r in self.customer.reservations.items() if name in settled]
        return {node.entity_id if node else None for path in paths for node in path}

    def take(self, steps: Sequence[Step]) -> list[Answer]:
        book_due(self.booking, self.holders(steps))
        verbs: dict[str, Callable[[Reservation, Step], Answer]] = {
            "settle": self.settle,
            "release": self.release,
            "extend": self.extend,
        }
        answers = []
        for step in steps:
            reservation = self.customer.reservations.get(step.reservation_id)
            if reservation is None:
                answers.append(refusal(Reason.RESERVATION_NOT_FOUND) | {"state": None})
            else:
                over = [hold for hold in reservation.holds if hold.amount == 0]
                self.gone.setdefault(reservation.reservation_id, over)
                answers.append(verbs[step.verb](reservation, step))
        if self.memory.mark > 0:
            self.customer.last_at = self.instant
        return answers

    @property
    def booking(self) -> Booking:
        return Booking(self.customer, self.memory, self.instant)

    def settle(self, reservation: Reservation, step: Step) -> Answer:
        """To the larger of what was said before and is said now, quantity by quantity."""
        if reservation.closed:
            if reservation.state is ReservationState.RELEASED or exceeds(
                step.quantities, reservation.settled
            ):
                return self.refused(reservation, Reason.RESERVATION_ENDED)
            return self.settled(reservation) | {"replayed": True}
        total = larger(reservation.settled, step.quantities)
        settlement = Settlement(reservation, self.catalog, total, step.final)
        if settlement.refusal is not None:
            return self.refused(reservation, settlement.refusal)
        settlement.plan(self.customer, self.observe, self.booking)
        recorded = settlement.brings_more or step.final
        if recorded:
            settlement.book(self.booking)
        paid = [Slice(hold.wallet, hold.grant, amount) for hold, amount in settlement.paid]
        slices = [show_slice(*each) for each in [*paid, *settlement.excess.slices]]
        return self.settled(reservation, recorded) | {"slices": slices}

    def release(self, reservation: Reservation, step: Step) -> Answer:
        """What was settled stays settled."""
        if reservation.state is ReservationState.RELEASED:
            return self.answer(reservation) | {"replayed": True}
        if reservation.state is not ReservationState.HELD:
            return self.refused(reservation, Reason.RESERVATION_ENDED)
        release(self.booking, reservation)
        return self.answer(reservation, recorded=True)

    def extend(self, reservation: Reservation, step: Step) -> Answer:
        """Never to an earlier end."""
        observed = self.observe or reservation.observed
        if self.customer.suspended and not observed:
            return self.refused(reservation, Reason.CUSTOMER_SUSPENDED)
        if reservation.state is not ReservationState.HELD:
            return self.refused(reservation, Reason.RESERVATION_ENDED)
        entity = any(node is not None and node.suspended for node in reservation.path)
        if entity and not observed:
            return self.refused(reservation, Reason.ENTITY_SUSPENDED)
        expires_at = self.instant + timedelta(seconds=step.ttl)
        recorded = expires_at > reservation.expires_at
        if recorded:
            extend(self.booking, reservation, expires_at)
        return self.answer(reservation, recorded) | self.suspended(entity)

    def suspended(self, entity: bool) -> Answer:
        """Why it would have been refused, where nothing is enforced."""
        if not (self.customer.suspended or entity):
            return {}
        reason = Reason.CUSTOMER_SUSPENDED if self.customer.suspended else Reason.ENTITY_SUSPENDED
        return {"wouldAllow": False, "reason": reason.name}

    # Answers

    def answer(self, reservation: Reservation, recorded: bool = False) -> Answer:
        """The reservation as it stands now, with the wallets of its slices (not of those long gone) and those
        that had too little.
        """
        unseen = self.gone[reservation.reservation_id]
        slices = [
            hold for hold in reservation.holds if hold not in unseen and not (hold.free or hold.shortfall)
        ]
        short = [hold for hold in reservation.holds if hold.shortfall]
        wallets = dict.fromkeys(hold.wallet for hold in slices + short)
        return nothing() | {
            "allowed": True,
            "outcome": "ALLOWED",
            "wouldAllow": True,
            "seq": self.customer.seq if recorded else None,
            "reservationId": reservation.reservation_id,
            "state": reservation.state.value,
            "expiresAt": show_instant(reservation.expires_at),
            "quantities": show_quantities(reservation.settled),
            "credits": show_credits(reservation.credits()),
            "shortfall": show_credits(reservation.credits(shortfall=True)),
            "wallets": [show_wallet(wallet, self.instant) for wallet in wallets],
        }

    def settled(self, reservation: Reservation, recorded: bool = False) -> Answer:
        """What fell short is told whenever it is told that it is settled."""
        short = bool(reservation.credits(shortfall=True))
        return self.answer(reservation, recorded) | {
            "wouldAllow": not short,
            "reason": Reason.INSUFFICIENT_CREDITS.name if short else None,
        }

    def refused(self, reservation: Reservation, reason: Reason) -> Answer:
        """Nothing is recorded, so that it may come again; the reservation is shown as it stands."""
        denied = {"allowed": False, "outcome": "DENIED", "wouldAllow": False, "reason": reason.name}
        return self.answer(reservation) | denied
