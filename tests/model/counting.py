"""Budgets by counting again; what was asked and answered is believed, and what was held at first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from tests.model.customer import Budget, Customer, Subject
from tests.model.exact import ZERO
from tests.model.limits import SESSION_LIFE
from tests.model.request import Item
from tests.model.windows import Span, window_at


@dataclass(frozen=True)
class Use:
    """One allowed consumption, as it was asked for and answered."""

    seq: int
    at: datetime
    item: Item
    path: list[str | None]
    quantities: Mapping[str, Fraction]
    costs: Mapping[str, Fraction]  # by credit type, shortfall included


class Total(NamedTuple):
    """What a reservation was settled to; ``late`` is after it had expired."""

    seq: int
    at: datetime
    quantities: Mapping[str, Fraction]
    costs: Mapping[str, Fraction]
    late: bool


@dataclass(frozen=True)
class HeldUse(Use):
    """One reservation, and all to which it was settled; ``first`` is what it held of each counter."""

    first: Mapping[Subject, Fraction]
    observed: bool
    totals: list[Total] = field(default_factory=list)


class Part(NamedTuple):
    """What was counted, when, and in the window of when."""

    seq: int
    at: datetime
    amount: Fraction
    window: datetime


def assert_counted(customer: Customer, uses: list[Use], now: datetime) -> None:
    """Every counter is the sum of the uses that its budget counts, and of what is held."""
    for subject, counter in customer.counters.items():
        budget = customer.budgets[subject.budget_id]
        ended = counter.window_end is not None and counter.window_end <= now
        lapsed = subject.session_id is not None and (
            counter.last_used_at is not None and now >= counter.last_used_at + SESSION_LIFE
        )
        used = recount(customer, budget, subject, uses, now)
        held = recount_held(customer, budget, subject, uses, now)
        if budget.window != "REQUEST":
            assert used == (ZERO if ended or lapsed else counter.used), subject
            assert lapsed or held == (ZERO if ended else counter.held) >= 0, subject


def recount(customer: Customer, budget: Budget, subject: Subject, uses: list[Use], now: datetime) -> Fraction:
    """What one subject of a budget has used in the window of now."""

    def anew(before: datetime, after: datetime) -> bool:
        """Whether the count begins again between two instants."""
        if span(customer, budget, before) != span(customer, budget, after):
            return True
        return subject.session_id is not None and after - before >= SESSION_LIFE

    total, last = ZERO, customer.created_at
    parts = [
        part for use in uses if concerns(budget, subject, use) for part in parts_of(budget, subject, use)
    ]
    for part in sorted(parts):
        if span(customer, budget, part.window) == span(customer, budget, part.at):
            total, last = (ZERO if anew(last, part.at) else total) + part.amount, part.at
    return ZERO if anew(last, now) else total


def recount_held(
    customer: Customer, budget: Budget, subject: Subject, uses: list[Use], now: datetime
) -> Fraction:
    """What open reservations of the window of now still hold."""
    total = ZERO
    for use in uses:
        if not isinstance(use, HeldUse) or not concerns(budget, subject, use):
            continue
        if customer.reservations[str(use.seq)].state != "HELD":
            continue
        if span(customer, budget, use.at) == span(customer, budget, now):
            counted = taken_of(budget, use.item, use.totals[-1]) if use.totals else ZERO
            total += max(use.first.get(subject, ZERO) - counted, ZERO)
    return total


def parts_of(budget: Budget, subject: Subject, use: Use) -> Iterator[Part]:
    """What happens counts when it does; but what was held counts in the window in which it was."""
    if not isinstance(use, HeldUse):
        if taken := taken_of(budget, use.item, use):
            yield Part(use.seq, use.at, taken, use.at)
        return
    first = use.first.get(subject, ZERO)
    if first:
        yield Part(use.seq, use.at, ZERO, use.at)
    before = ZERO
    for total in use.totals:
        taken = taken_of(budget, use.item, total)
        inside = ZERO if total.late else min(first, taken) - min(first, before)
        if inside:
            yield Part(total.seq, total.at, inside, use.at)
        if beyond := taken - before - inside:
            yield Part(total.seq, total.at, beyond, total.at)
        before = taken


def concerns(budget: Budget, subject: Subject, use: Use) -> bool:
    return (
        use.seq > budget.counts_from_seq
        and subject.entity_id in use.path
        and subject.session_id in (None, use.item.session_id)
        and set(budget.dimensions.items()) <= set(use.item.dimensions.items())
    )


def span(customer: Customer, budget: Budget, at: datetime) -> Span:
    return window_at(budget.window, at, budget.zone, budget.anchor, customer.created_at)


def taken_of(budget: Budget, item: Item, taken: Use | Total) -> Fraction:
    if budget.credit_type is not None:
        return taken.costs.get(budget.credit_type, ZERO)
    return taken.quantities.get(budget.quantity or "", ZERO) if budget.feature_id == item.feature_id else ZERO


def assert_within(customer: Customer, use: Use, uses: list[Use]) -> None:
    """P4: after what was allowed, no hard budget of anybody on its path has been passed by it."""
    for budget in customer.budgets.values():
        taken = taken_of(budget, use.item, use)
        if budget.mode != "HARD" or not taken or budget.dimensions.items() - use.item.dimensions.items():
            continue
        ceiling = budget.limit + sum(extra.amount for extra in budget.raises if use.at < extra.until)
        for entity_id in subjects_of(customer, budget, use.path):
            session = use.item.session_id if budget.each == "SESSION" else None
            subject = Subject(budget.budget_id, entity_id, session)
            used = recount(customer, budget, subject, uses, use.at)
            held = recount_held(customer, budget, subject, uses, use.at)
            assert (taken if budget.window == "REQUEST" else used + held) <= ceiling, budget.budget_id
            if isinstance(use, HeldUse) and budget.window != "REQUEST":
                assert use.first[subject] == taken, budget.budget_id


def subjects_of(customer: Customer, budget: Budget, path: list[str | None]) -> list[str | None]:
    """Whom on the path a budget binds."""
    if budget.each in (None, "SESSION"):
        return [budget.entity_id] if budget.entity_id in path else []
    nodes = [customer.entities[entity_id] for entity_id in path if entity_id is not None]
    return [
        node.entity_id
        for node in nodes
        if node.type == budget.each
        and (budget.entity_id is None or budget.entity_id in [up.entity_id for up in node.upwards()][1:])
    ]


def path_ids(customer: Customer, item: Item) -> list[str | None]:
    """The item's entities and all their ancestors, nearest first, and the customer."""
    ids: list[str | None] = []
    for entity_id in item.entity_ids:
        entity = customer.entities.get(entity_id)
        while entity is not None:
            if entity.entity_id not in ids:
                ids.append(entity.entity_id)
            entity = entity.parent
    return [*ids, None]
