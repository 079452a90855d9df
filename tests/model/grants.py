"""What becomes of grants: paid late, changed, voided, moved to another wallet, as ``Booking`` writes it.

Where the kernel's text leaves a choice, the model's is this:

* Whatever is refused is refused with all its faults, each a field and a code, and changes nothing.
* A change that changes nothing is no operation, whatever the grant's status; so is a second void.
* A transfer takes every lot that can be burned now, whatever features it is restricted to, and each part is
  an operation; the part is a grant of its own, made at that moment, with the terms of its lot.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from tests.model.booking import Booking
from tests.model.burn import burn_order
from tests.model.customer import AVAILABLE, ISSUED, MOVED, SCHEDULED, VOIDED, Customer, Grant, Wallet
from tests.model.due import book_due
from tests.model.exact import ZERO, round_up

#: What a change that says null means.
USUAL_PRIORITY = 50
HIGHEST_PRIORITY = 100


class Refused(Exception):
    """All that is wrong with a change of grants, as ``field CODE``."""

    def __init__(self, *faults: str) -> None:
        super().__init__(", ".join(sorted(faults)))


@dataclass(frozen=True)
class Change:
    """New terms by name; what is not among them stays, and None is what a new grant takes for it."""

    terms: dict[str, Any] = field(default_factory=dict)  # priority, effective_at, expires_at
    paid: bool = False


def status(grant: Grant, instant: datetime) -> str:
    """Where it stands, when everything due is booked."""
    if grant.voided:
        return "VOIDED"
    if grant.expires_at is not None and grant.expires_at <= instant:
        return "EXPIRED"
    if grant.pending:
        return "PENDING_PAYMENT"
    if grant.available + grant.scheduled + grant.held == 0:
        return "EXHAUSTED"
    return "SCHEDULED" if instant < grant.effective_at else "ACTIVE"


def standing(booking: Booking) -> dict[str, tuple[str, Fraction]]:
    """Status and rest of every grant at the instant, what is due included; nothing stays booked."""
    mark, known = booking.memory.mark, list(booking.customer.grants.values())
    book_due(booking)
    seen = {
        grant.grant_id: (status(grant, booking.instant), grant.available + grant.scheduled) for grant in known
    }
    booking.memory.undo(mark)
    return seen


def update(booking: Booking, grant_id: str, change: Change) -> None:
    """Dates and priority of what is unspent; or that the payment was received."""
    grant, now, set_ = named(booking.customer, grant_id), booking.instant, booking.memory.set
    has_begun = grant.effective_at <= now and not grant.pending
    terms = {name: getattr(grant, name) for name in ("priority", "effective_at", "expires_at")} | change.terms
    if terms["priority"] is None:
        terms["priority"] = USUAL_PRIORITY
    if terms["effective_at"] is None:
        terms["effective_at"] = grant.effective_at if has_begun else now
    changed = {name: value for name, value in terms.items() if value != getattr(grant, name)}
    pays = change.paid and grant.pending
    if not changed and not pays:
        return
    refuse_ended(grant, now)
    faults = []
    if terms["priority"] > HIGHEST_PRIORITY:
        faults.append("priority TOO_LARGE")
    if "effective_at" in changed and (has_begun or terms["effective_at"] < now):
        faults.append("effectiveAt HAS_BEGUN" if has_begun else "effectiveAt IN_THE_PAST")
    if terms["expires_at"] is not None and terms["expires_at"] <= max(now, terms["effective_at"]):
        faults.append("expiresAt IN_THE_PAST" if terms["expires_at"] <= now else "expiresAt TOO_EARLY")
    if faults:
        raise Refused(*faults)
    booking.operation("grant updated")
    for name, value in changed.items():
        set_(grant, name, value)
    if pays:
        set_(grant, "pending", False)
        booking.issue(grant)


def void(booking: Booking, grant_id: str) -> None:
    """Takes back what is left of it; of what is held, what returns."""
    grant, set_ = named(booking.customer, grant_id), booking.memory.set
    if grant.voided:
        return
    refuse_ended(grant, booking.instant)
    booking.operation("grant voided")
    set_(grant, "voided", True)
    for account, amount in ((SCHEDULED, grant.scheduled), (AVAILABLE, grant.available)):
        if amount > 0:
            booking.move(grant.wallet, grant, account, VOIDED, amount)
            set_(grant, account, ZERO)
    if grant in grant.wallet.grants:
        booking.memory.remove(grant.wallet.grants, grant)


@dataclass(frozen=True)
class Holding:
    """A wallet by whose it is (None: the customer's own) and its credit type."""

    entity_id: str | None
    credit_type: str

    def find(self, customer: Customer) -> Wallet | None:
        for wallet in customer.wallets.values():
            if (wallet.entity_id, wallet.credit_type) == (self.entity_id, self.credit_type):
                return wallet
        return None

    def faults(self, customer: Customer, name: str, is_needed: bool) -> list[str]:
        if self.entity_id is not None and self.entity_id not in customer.entities:
            return [f"{name}.entityId NOT_FOUND"]
        if not is_needed and self.entity_id is not None and customer.entities[self.entity_id].archived:
            return [f"{name}.entityId ARCHIVED"]
        missing = is_needed and self.find(customer) is None
        return [f"{name}.creditType NOT_FOUND"] if missing else []


def transfer(
    booking: Booking, transfer_id: str, source: Holding, target: Holding, amount: Fraction, decimals: int
) -> None:
    """Moves so much, lot by lot in burn order, or nothing; what the target owes is paid first."""
    customer, now = booking.customer, booking.instant
    faults = source.faults(customer, "from", True) + target.faults(customer, "to", False)
    if source.credit_type != target.credit_type:
        faults.append("to CREDIT_TYPE_MISMATCH")
    elif source == target and source.find(customer) is not None:
        faults.append("to SAME_WALLET")
    if amount != round_up(amount, decimals):
        faults.append("amount TOO_MANY_DECIMALS")
    if faults:
        raise Refused(*faults)
    giver = source.find(customer)
    assert giver is not None
    lots = [
        lot
        for lot in sorted(giver.grants, key=burn_order)
        if lot.available > 0 and (lot.expires_at is None or now < lot.expires_at)
    ]
    if amount > sum(lot.available for lot in lots):
        raise Refused("amount INSUFFICIENT_CREDITS")
    taker = target.find(customer)
    if taker is None:
        taker = Wallet(
            f"{target.entity_id or 'customer'}:{target.credit_type}", target.entity_id, target.credit_type
        )
        booking.memory.put(customer.wallets, taker.wallet_id, taker)
    place = 0
    while amount > 0:
        lot = lots[place]
        taken = min(lot.available, amount)
        part = replace(
            lot,
            grant_id=f"{transfer_id}.{place}",
            wallet=taker,
            number=len(customer.grants),
            amount=taken,
            available=ZERO,
            held=ZERO,
            returned=False,
            origin=lot,
        )
        booking.operation("grant transferred")
        booking.move(giver, lot, AVAILABLE, MOVED, taken)
        booking.take(lot, taken)
        booking.memory.put(customer.grants, part.grant_id, part)
        booking.memory.append(taker.grants, part)
        booking.move(taker, part, ISSUED, AVAILABLE, taken)
        booking.make_available(part)
        amount -= taken
        place += 1


def named(customer: Customer, grant_id: str) -> Grant:
    """The grant of a name."""
    if grant_id not in customer.grants:
        raise Refused("grantId NOT_FOUND")
    return customer.grants[grant_id]


def refuse_ended(grant: Grant, instant: datetime) -> None:
    """What has ended is refused with its status."""
    if (now := status(grant, instant)) in ("VOIDED", "EXPIRED", "EXHAUSTED"):
        raise Refused(f"grantId {now}")
