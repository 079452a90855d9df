"""What a settlement costs: out of what is held, then beyond it (KERNEL §6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from tests.model.booking import Booking
from tests.model.burn import WHOLE, Plan, acceptable_wallets, plan_burn
from tests.model.catalog import Catalog, prices
from tests.model.customer import (
    CONSUMED,
    HELD,
    RECEIVABLE,
    VOIDED,
    Charge,
    Charged,
    Counted,
    Customer,
    Hold,
    Reservation,
    Wallet,
)
from tests.model.exact import CEILING, ZERO, round_up
from tests.model.holding import end, unhold
from tests.model.limits import counts_still, limit_at, measured
from tests.model.words import Overage, Reason, ReservationState

Quantities = Mapping[str, Fraction]


@dataclass
class Settlement:
    """A total that a reservation is to be settled to, by the rates of its day."""

    reservation: Reservation
    catalog: Catalog
    total: Quantities
    final: bool
    paid: list[tuple[Hold, Fraction]] = field(default_factory=list)  # what each hold pays now
    excess: Plan = field(default_factory=Plan)
    wallets: list[Wallet] = field(default_factory=list)

    def __post_init__(self) -> None:
        record = self.reservation
        self.rates = record.feature.acceptable_rates(self.total, record.item.dimensions, record.reserved_at)

    @property
    def refusal(self) -> Reason | None:
        """Why it cannot be booked, now or ever."""
        if not self.total.keys() <= self.reservation.feature.steps.keys():
            return Reason.FEATURE_TYPE_MISMATCH
        if not self.rates:
            return Reason.NO_RATE
        if max(prices(self.rates, self.total).values()) >= CEILING:
            return Reason.REQUEST_LIMIT_EXCEEDED
        return None

    @property
    def brings_more(self) -> bool:
        """Whether any quantity is more than was settled before."""
        return exceeds(self.total, self.reservation.settled)

    def plan(self, customer: Customer, observe: bool, booking: Booking) -> None:
        """Changes nothing yet."""
        record = self.reservation
        self.wallets = acceptable_wallets(customer, record.path, self.rates)
        if not self.brings_more:
            return
        price, unpaid = self.pay_from_holds()
        if unpaid > 0:
            overdraft = observe or record.observed or record.item.overage is Overage.OVERDRAFT
            self.excess = plan_burn(
                self.wallets, price, record.item.feature_id, booking.instant, self.catalog, overdraft, unpaid
            )

    def pay_from_holds(self) -> tuple[Quantities, Fraction]:
        """The price by credit type, and which share of it the holds leave unpaid.

        The holds are walked with the whole total, as grants of what each holds in all, so that rounding
        happens once. But when something was paid in a type that has no price for the total, what is new is
        priced by itself, so that nothing is paid twice.
        """
        record = self.reservation
        alone = any(hold.settled > 0 and hold.wallet.credit_type not in self.rates for hold in record.holds)
        price = prices(self.rates, less(self.total, record.settled) if alone else self.total)
        unpaid = WHOLE
        for hold in record.holds:
            credit_type = hold.wallet.credit_type
            came_back = hold.amount == 0 and not hold.free
            if came_back or credit_type not in price:
                continue
            if unpaid == 0 or price[credit_type] == 0:
                return price, ZERO
            due = round_up(unpaid * price[credit_type], self.catalog.decimals(credit_type))
            paid = min(due, hold.rest if alone else hold.amount)
            more = paid if alone else max(paid - hold.settled, ZERO)
            if more > 0:
                self.paid.append((hold, more))
            unpaid = ZERO if paid == due else unpaid - paid / price[credit_type]
        return price, unpaid

    def book(self, booking: Booking) -> None:
        """One operation; nothing stands in its way, for it has happened."""
        booking.operation("settle")
        record, memory = self.reservation, booking.memory
        before = all_costs(record)
        more = {name: amount for name, amount in less(self.total, record.settled).items() if amount > 0}
        counted: list[Counted] = []
        for hold, amount in self.paid:
            booking.move(hold.wallet, hold.grant, HELD, CONSUMED, amount)
            unhold(booking, hold.wallet, hold.grant, amount)
            if hold.grant is not None and hold.grant.charged_back:
                booking.move(hold.wallet, hold.grant, RECEIVABLE, VOIDED, amount)
            memory.set(hold, "settled", hold.settled + amount)
        booking.pay(self.excess, self.wallets)
        for hold in self.further():
            memory.append(record.holds, hold)
        memory.set(record, "settled", self.total)
        costs = all_costs(record)
        for charge in record.charges:
            budget = booking.customer.budgets[charge.subject.budget_id]
            measure = measured(budget, record.item.feature_id, self.total, costs)
            counted += count(booking, charge, measure, record.seq)
        if more:
            paid = less(costs, before)
            charged = Charged(booking.customer.seq, record.seq, more, paid, counted)
            memory.append(booking.customer.charged, charged)
        if self.final:
            end(booking, record, booking.instant)
            memory.set(record, "closed", True)
            if record.state is ReservationState.HELD:
                memory.set(record, "state", ReservationState.SETTLED)

    def further(self) -> list[Hold]:
        """What was paid beyond the holds, so that a later settlement counts on from it."""
        plan = self.excess
        holds = [Hold(wallet, grant, amount, settled=amount) for wallet, grant, amount in plan.slices]
        if plan.free_at is not None:
            holds.append(Hold(plan.free_at, None, ZERO, free=True))
        if plan.shortfall > 0:
            holds.append(Hold(self.wallets[-1], None, plan.shortfall, plan.shortfall, shortfall=True))
        return holds


def all_costs(record: Reservation) -> dict[str, Fraction]:
    """By credit type what was settled so far, shortfall included."""
    costs = record.credits()
    for credit_type, amount in record.credits(shortfall=True).items():
        costs[credit_type] = costs.get(credit_type, ZERO) + amount
    return costs


def count(booking: Booking, charge: Charge, measure: Fraction, reserved: int) -> list[Counted]:
    """What was held becomes used, in the window in which it was held; what goes beyond counts now.

    Returned is what was counted, and since when: what goes beyond first.
    """
    inside = min(charge.amount, measure) - min(charge.amount, charge.counted)
    beyond = measure - charge.counted - inside
    booking.memory.set(charge, "counted", measure)
    counter = booking.customer.counters.get(charge.subject)
    if counter is not None and inside > 0 and charge.window == (counter.window_start, counter.window_end):
        if counts_still(counter, charge.subject, booking.instant):
            booking.alert(charge.subject, counter.used, counter.used + inside)
        booking.memory.set(counter, "held", counter.held - inside)
        booking.memory.set(counter, "used", counter.used + inside)
        booking.memory.set(counter, "last_used_at", booking.instant)
    if beyond > 0:
        budget = booking.customer.budgets[charge.subject.budget_id]
        booking.charge(limit_at(booking.customer, budget, charge.subject, 0, booking.instant), used=beyond)
    parts = (booking.customer.seq, beyond), (reserved, inside)
    return [Counted(charge.subject, seq, amount) for seq, amount in parts if amount > 0]


def larger(one: Quantities, other: Quantities) -> dict[str, Fraction]:
    """Name by name."""
    names = dict.fromkeys([*one, *other])
    return {name: max(one.get(name, ZERO), other.get(name, ZERO)) for name in names}


def less(one: Quantities, other: Quantities) -> dict[str, Fraction]:
    return {name: amount - other.get(name, ZERO) for name, amount in one.items()}


def exceeds(one: Quantities, other: Quantities) -> bool:
    return any(amount > other.get(name, ZERO) for name, amount in one.items())
