"""The budgets that bind an item (KERNEL §4)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from tests.model.customer import SESSION, Budget, Counter, Customer, Path, Subject
from tests.model.exact import ZERO
from tests.model.windows import Span, window_at
from tests.model.words import Mode, Window

#: A session's counter lives so long after its last use.
SESSION_LIFE = timedelta(days=30)

Amounts = Mapping[str, Fraction]


@dataclass
class Limit:
    """One budget as it binds one subject on an item's path, at one instant."""

    budget: Budget
    subject: Subject
    position: int
    span: Span
    used: Fraction
    held: Fraction
    ceiling: Fraction

    @property
    def order(self) -> tuple[int, int, str]:
        """When several bind, the lowest is named: the leaf, then the shorter window, then the id."""
        return self.position, self.budget.window.rank, self.budget.budget_id

    def amount(self, feature_id: str, quantities: Amounts, costs: Amounts) -> Fraction:
        """How much of what the budget counts an item takes."""
        return measured(self.budget, feature_id, quantities, costs)

    def fits(self, amount: Fraction) -> bool:
        """The one predicate; what takes nothing always fits."""
        return amount == 0 or self.used + self.held + amount <= self.ceiling


def measured(budget: Budget, feature_id: str, quantities: Amounts, costs: Amounts) -> Fraction:
    """What a budget counts of quantities of a feature; ``costs`` are by credit type."""
    if budget.credit_type is not None:
        return costs.get(budget.credit_type, ZERO)
    if budget.feature_id == feature_id and budget.quantity is not None:
        return quantities.get(budget.quantity, ZERO)
    return ZERO


def limits_on(
    customer: Customer, path: Path, session_id: str, dimensions: Mapping[str, str], instant: datetime
) -> list[Limit]:
    """Every budget on the path, in the order in which they are named."""
    limits = [
        limit_at(customer, budget, subject, position, instant)
        for budget in customer.budgets.values()
        if not budget.paused and budget.dimensions.items() <= dimensions.items()
        for position, subject in subjects(budget, path, session_id)
    ]
    return sorted(limits, key=lambda limit: limit.order)


def subjects(budget: Budget, path: Path, session_id: str) -> Iterator[tuple[int, Subject]]:
    """Whom on the path the budget counts, with their positions."""
    for position, node in enumerate(path):
        entity_id = node.entity_id if node else None
        if budget.each in (None, SESSION):
            if entity_id == budget.entity_id:
                session = session_id if budget.each == SESSION else None
                yield position, Subject(budget.budget_id, entity_id, session)
        elif node is not None and node.type == budget.each:
            above = [entity.entity_id for entity in node.upwards()][1:]
            if budget.entity_id is None or budget.entity_id in above:
                yield position, Subject(budget.budget_id, entity_id)


def limit_at(customer: Customer, budget: Budget, subject: Subject, position: int, instant: datetime) -> Limit:
    counter = customer.counters.get(subject)
    counts = counter is not None and counts_still(counter, subject, instant)
    return Limit(
        budget=budget,
        subject=subject,
        position=position,
        span=span_of(customer, budget, counter, instant),
        used=counter.used if counter and counts else ZERO,
        held=counter.held if counter and counts else ZERO,
        ceiling=budget.ceiling(instant),
    )


def span_of(customer: Customer, budget: Budget, counter: Counter | None, instant: datetime) -> Span:
    """A counter keeps its window until that ends; only then is the next one worked out."""
    if counter is not None and (counter.window_end is None or instant < counter.window_end):
        return Span(counter.window_start, counter.window_end)
    return window_at(budget.window, instant, budget.zone, budget.anchor, customer.created_at)


def counts_still(counter: Counter, subject: Subject, instant: datetime) -> bool:
    """Whether what was used counts at the instant: the window lasts, and so does the session."""
    if counter.window_end is not None and counter.window_end <= instant:
        return False
    return (
        subject.session_id is None
        or counter.last_used_at is None
        or instant < counter.last_used_at + SESSION_LIFE
    )


def first_exceeded(
    limits: Iterable[Limit], feature_id: str, quantities: Amounts, costs: Amounts
) -> Limit | None:
    """The hard budget that denies the item, if any; those on quantities are asked before those on credits."""
    exceeded = [
        limit
        for limit in limits
        if limit.budget.mode is Mode.HARD and not limit.fits(limit.amount(feature_id, quantities, costs))
    ]
    return min(exceeded, key=lambda limit: limit.budget.credit_type is not None, default=None)


def keeps_count(budget: Budget) -> bool:
    """A budget on one request counts nothing."""
    return budget.window is not Window.REQUEST
