"""Usage that is taken back, and payments that were, as ``Booking`` writes it; KERNEL §6.

Where the kernel's text leaves a choice, the model's is this:

* Of a credit type, and of a quantity, all reversals of an event together take back its amount times the sum
  of their shares, rounded down to the type's decimals (to nine of a quantity); when that is 1, all of it.
* It is taken from what paid, by credit type, the last first, and returns there: a shortfall is no more; an
  overdraft is not owed any more as far as it still is; a grant has it again, unless it is void (then it is
  void too, and of one that was charged back no longer receivable) or has expired (then the policy says).
* What becomes an adjustment is a new grant: any time, priority 50, for the features of the grant it is from,
  and it pays what the wallet owes first. The first one belongs to the operation, each other is one more.
* What returns to a grant that can be burned repays nothing.
* A chargeback follows the payment to what was made of the grant, by transfers and reversals, however often:
  each that was not charged back before is, as an operation of its own, by the same rule; the grant itself
  is last.
* Counters give it back if they have not begun anew since.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tests.model.booking import Booking
from tests.model.customer import (
    AVAILABLE,
    CONSUMED,
    EXPIRED,
    OWED,
    RECEIVABLE,
    SCHEDULED,
    SHORTFALL,
    VOIDED,
    Charged,
    Customer,
    Entry,
    Grant,
    Subject,
    Wallet,
)
from tests.model.exact import ZERO, round_down
from tests.model.grants import USUAL_PRIORITY, Refused, named
from tests.model.words import Kind

#: Decimals of a quantity.
OF_QUANTITY = 9


@dataclass(frozen=True)
class Shares:
    """What all reversals of an event add up to, before one and with it."""

    before: Fraction
    after: Fraction

    def of(self, amount: Fraction, decimals: int) -> tuple[Fraction, Fraction]:
        """How much of it was taken back before, and is now."""
        unit = Fraction(1, 10**decimals)
        whole = amount if self.after == 1 else round_down(amount * self.after, unit)
        return round_down(amount * self.before, unit), whole


def reverse(
    booking: Booking,
    reversal_id: str,
    event: Charged | None,
    asked: Fraction | None,
    decimals: dict[str, int],
) -> None:
    """Takes back so much of an event, or the rest; its adjustments are named after the reversal."""
    before = event.reversed if event else ZERO
    share = 1 - before if asked is None else asked
    faults = [] if event else ["usageEventId NOT_FOUND"]
    if share == 0 and asked is None:
        faults.append("share SHARE_EXCEEDED")
    elif share == 0:
        faults.append("share NOT_POSITIVE")
    elif share > 1:
        faults.append("share TOO_LARGE")
    elif before + share > 1:
        faults.append("share SHARE_EXCEEDED")
    if faults or event is None:
        raise Refused(*faults)
    shares = Shares(before, before + share)
    booking.operation("usage reversed")
    made = 0
    for entry, amount in returned(booking.customer, event, shares, decimals):
        wallet = booking.customer.wallets[entry.wallet_id or ""]
        grant = booking.customer.grants[entry.grant_id] if entry.grant_id else None
        rest = give_back(booking, wallet, grant, entry, amount)
        if rest > 0:
            if made:
                booking.operation("usage reversed")
            adjust(booking, f"{reversal_id}.{made}", wallet, grant, rest)
            made += 1
    count_less(booking, event, shares, decimals)
    booking.memory.set(event, "reversed", shares.after)


def returned(
    customer: Customer, event: Charged, shares: Shares, decimals: dict[str, int]
) -> Iterator[tuple[Entry, Fraction]]:
    """How much of each entry that paid, the last first: as if those of a type lay in a row."""
    paid = [entry for entry in customer.entries if (entry.seq, entry.target) == (event.seq, CONSUMED)]
    passed: dict[str, Fraction] = {}
    for entry in reversed(paid):
        begins = passed.get(entry.credit_type, ZERO)
        passed[entry.credit_type] = begins + entry.amount
        before, after = shares.of(event.costs[entry.credit_type], decimals[entry.credit_type])
        amount = min(after, begins + entry.amount) - max(before, begins)
        if amount > 0:
            yield entry, amount


def give_back(
    booking: Booking, wallet: Wallet, grant: Grant | None, entry: Entry, amount: Fraction
) -> Fraction:
    """To where it came from; what is left is for an adjustment."""
    set_ = booking.memory.set
    if entry.source == SHORTFALL:
        booking.move(wallet, None, CONSUMED, SHORTFALL, amount)
        return ZERO
    if grant is None:
        owed = min(amount, wallet.owed)
        if owed > 0:
            booking.move(wallet, None, CONSUMED, OWED, owed)
            set_(wallet, "owed", wallet.owed - owed)
        return amount - owed
    if grant.voided:
        booking.move(wallet, grant, CONSUMED, RECEIVABLE if grant.charged_back else VOIDED, amount)
        return ZERO
    if grant.expires_at is None or booking.instant < grant.expires_at:
        booking.move(wallet, grant, CONSUMED, AVAILABLE, amount)
        set_(grant, "available", grant.available + amount)
        if grant not in wallet.grants:
            booking.memory.append(wallet.grants, grant)
        return ZERO
    if booking.customer.reversal_lapses:
        booking.move(wallet, grant, CONSUMED, EXPIRED, amount)
        set_(grant, "expired", grant.expired + amount)
        return ZERO
    return amount


def adjust(booking: Booking, grant_id: str, wallet: Wallet, lot: Grant | None, amount: Fraction) -> None:
    """A grant of its own; what the wallet owes is paid first."""
    made = Grant(
        grant_id=grant_id,
        wallet=wallet,
        number=len(booking.customer.grants),
        amount=amount,
        kind=Kind.ADJUSTMENT,
        priority=USUAL_PRIORITY,
        effective_at=booking.instant,
        expires_at=None,
        features=lot.features if lot else None,
        origin=lot,
    )
    booking.memory.put(booking.customer.grants, grant_id, made)
    booking.memory.append(wallet.grants, made)
    booking.move(wallet, made, CONSUMED, AVAILABLE, amount)
    booking.make_available(made)


def count_less(booking: Booking, event: Charged, shares: Shares, decimals: dict[str, int]) -> None:
    """Of each counter that it charged, as far as that has not begun anew since."""
    customer = booking.customer
    passed: dict[Subject, Fraction] = {}
    for subject, seq, counted in event.counted:
        budget, counter = customer.budgets[subject.budget_id], customer.counters[subject]
        if budget.credit_type is not None:
            amount, of = event.costs[budget.credit_type], decimals[budget.credit_type]
        else:
            amount, of = event.quantities[budget.quantity or ""], OF_QUANTITY
        begins = passed.get(subject, ZERO)
        passed[subject] = begins + counted
        before, after = shares.of(amount, of)
        less = min(after, begins + counted) - max(before, begins)
        if less > 0 and seq >= counter.began:
            booking.memory.set(counter, "used", counter.used - less)


def charge_back(booking: Booking, grant_id: str) -> None:
    """Its payment was taken back: it goes, and first what was made of it, each an operation."""
    grant = named(booking.customer, grant_id)
    if grant.charged_back:
        return
    for part in parts(booking.customer, grant):
        if not part.charged_back:
            take_back(booking, part)
    take_back(booking, grant)


def parts(customer: Customer, grant: Grant) -> list[Grant]:
    """What was made of it by transfers and reversals, and of that in turn, as it was made."""
    found = [grant]
    for each in customer.grants.values():  # what is made comes after what it is made of
        if each.origin in found:
            found.append(each)
    return found[1:]


def take_back(booking: Booking, grant: Grant) -> None:
    """What is spent of it is receivable, and what is left of it is void."""
    set_ = booking.memory.set
    booking.operation("grant charged back")
    set_(grant, "charged_back", True)
    set_(grant, "voided", True)
    if (amount := spent(booking.customer, grant)) > 0:
        booking.move(grant.wallet, grant, RECEIVABLE, VOIDED, amount)
    for account, left in ((SCHEDULED, grant.scheduled), (AVAILABLE, grant.available)):
        if left > 0:
            booking.move(grant.wallet, grant, account, VOIDED, left)
            set_(grant, account, ZERO)
    if grant in grant.wallet.grants:
        booking.memory.remove(grant.wallet.grants, grant)


def spent(customer: Customer, grant: Grant) -> Fraction:
    """What was consumed of it, or repaid by it, less what came back, as an adjustment too."""
    total = ZERO
    for entry in customer.entries:
        if entry.grant_id == grant.grant_id and entry.target in (CONSUMED, OWED):
            total += entry.amount
        elif entry.source == CONSUMED and entry.grant_id is not None:
            of = customer.grants[entry.grant_id]
            made = entry.target == AVAILABLE and of.kind is Kind.ADJUSTMENT and is_first(customer, entry)
            if (of.origin if made else of) is grant:
                total -= entry.amount
    return total


def is_first(customer: Customer, entry: Entry) -> bool:
    """Whether it is what its grant began with."""
    return next(each for each in customer.entries if each.grant_id == entry.grant_id) is entry


def standing_on(customer: Customer, account: str) -> dict[str, Fraction]:
    """By wallet, what the customer owes on an account that nothing repays, where there is any."""
    stands: dict[str, Fraction] = {}
    for entry in customer.entries:
        change = entry.amount * ((entry.source == account) - (entry.target == account))
        if change and entry.wallet_id is not None:
            stands[entry.wallet_id] = stands.get(entry.wallet_id, ZERO) + change
    return {wallet_id: amount for wallet_id, amount in stands.items() if amount}
