"""The promises (DESIGN §3), asked of a customer's history by counting again, not by asking the decider.

Only the ledger entries, the operations and what was answered are believed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from tests.model.catalog import Catalog
from tests.model.customer import (
    AVAILABLE,
    CONSUMED,
    EXPIRED,
    ISSUED,
    MOVED,
    OWED,
    SCHEDULED,
    SHORTFALL,
    VOIDED,
    Budget,
    Customer,
    Entry,
    Grant,
)
from tests.model.exact import ZERO
from tests.model.limits import SESSION_LIFE
from tests.model.request import Item
from tests.model.windows import window_at
from tests.model.words import Kind

#: Accounts that count what came from them, and those that count what went to them.
SOURCES, SINKS = {ISSUED, OWED, SHORTFALL}, {SCHEDULED, AVAILABLE, CONSUMED, EXPIRED, VOIDED, MOVED}


@dataclass(frozen=True)
class Use:
    """One allowed consumption, as it was asked for and answered."""

    seq: int
    at: datetime
    item: Item
    quantities: Mapping[str, Fraction]
    costs: Mapping[str, Fraction]  # by credit type, shortfall included


def assert_ordered(customer: Customer) -> None:
    """P9: no gap in ``seq``, time never runs backwards along it, and every operation has its place."""
    assert [done.seq for done in customer.operations] == list(range(1, customer.seq + 1))
    times = [done.recorded_at for done in customer.operations]
    assert times == sorted(times)
    assert not times or times[-1] <= customer.last_at
    assert all(done.effective_at <= done.recorded_at for done in customer.operations)
    named = {done.seq: done.name for done in customer.operations}
    assert all(named[entry.seq].startswith(("grant", "usage")) for entry in customer.entries)


def balances(entries: Iterable[Entry]) -> dict[tuple[object, str], Fraction]:
    """By grant (or wallet) and account."""
    folded: dict[tuple[object, str], Fraction] = defaultdict(Fraction)
    for entry in entries:
        assert entry.amount > 0
        for holder in (("wallet", entry.wallet_id), ("grant", entry.grant_id)):
            folded[holder, entry.source] += entry.amount if entry.source in SOURCES else -entry.amount
            folded[holder, entry.target] += entry.amount if entry.target in SINKS else -entry.amount
    return folded


def assert_balanced(customer: Customer) -> None:
    """P8: the fold of the entries is what every grant and wallet says; P1: and never too much."""
    folded = balances(customer.entries)
    for grant in customer.grants.values():
        holder = ("grant", grant.grant_id)
        assert folded[holder, AVAILABLE] == grant.available >= 0
        assert folded[holder, SCHEDULED] == grant.scheduled >= 0
        assert folded[holder, EXPIRED] == grant.expired >= 0
        assert folded[holder, ISSUED] == (ZERO if grant.pending else grant.amount)
        assert (grant in grant.wallet.grants) == (grant.available + grant.scheduled > 0)
    for wallet in customer.wallets.values():
        holder = ("wallet", wallet.wallet_id)
        assert folded[holder, OWED] == wallet.owed
        assert 0 <= wallet.owed <= wallet.overdraft_limit
        taken = folded[holder, CONSUMED] - folded[holder, SHORTFALL]
        gone = folded[holder, EXPIRED] + folded[holder, VOIDED] + folded[holder, MOVED]
        assert folded[holder, ISSUED] - taken - gone >= -wallet.overdraft_limit


def assert_counted(customer: Customer, uses: list[Use], now: datetime) -> None:
    """Every counter is the sum of the uses that its budget counts."""
    for subject, counter in customer.counters.items():
        budget = customer.budgets[subject.budget_id]
        used = recount(customer, budget, subject.entity_id, subject.session_id, uses, now)
        ended = counter.window_end is not None and counter.window_end <= now
        lapsed = subject.session_id is not None and (
            counter.last_used_at is not None and now >= counter.last_used_at + SESSION_LIFE
        )
        if budget.window != "REQUEST":
            assert used == (ZERO if ended or lapsed else counter.used), subject


def recount(
    customer: Customer,
    budget: Budget,
    entity_id: str | None,
    session_id: str | None,
    uses: list[Use],
    now: datetime,
) -> Fraction:
    """What one subject of a budget has used in the window of now."""

    def anew(before: datetime, after: datetime) -> bool:
        """Whether the count begins again between two instants."""
        spans = [
            window_at(budget.window, at, budget.zone, budget.anchor, customer.created_at)
            for at in (before, after)
        ]
        return spans[0] != spans[1] or (session_id is not None and after - before >= SESSION_LIFE)

    total, last = ZERO, customer.created_at
    for use in uses:
        concerned = (
            use.seq > budget.counts_from_seq
            and entity_id in path_ids(customer, use.item)
            and session_id in (None, use.item.session_id)
            and set(budget.dimensions.items()) <= set(use.item.dimensions.items())
        )
        taken = taken_of(budget, use) if concerned else ZERO
        if taken:
            total, last = (ZERO if anew(last, use.at) else total) + taken, use.at
    return ZERO if anew(last, now) else total


def taken_of(budget: Budget, use: Use) -> Fraction:
    if budget.credit_type is not None:
        return use.costs.get(budget.credit_type, ZERO)
    return (
        use.quantities.get(budget.quantity or "", ZERO) if budget.feature_id == use.item.feature_id else ZERO
    )


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


def assert_within(customer: Customer, use: Use, uses: list[Use]) -> None:
    """P4: after what was allowed, no hard budget of anybody on its path has been passed by it."""
    path = path_ids(customer, use.item)
    for budget in customer.budgets.values():
        taken = taken_of(budget, use)
        if budget.mode != "HARD" or not taken or budget.dimensions.items() - use.item.dimensions.items():
            continue
        ceiling = budget.limit + sum(extra.amount for extra in budget.raises if use.at < extra.until)
        for entity_id in subjects_of(customer, budget, path):
            session = use.item.session_id if budget.each == "SESSION" else None
            used = recount(customer, budget, entity_id, session, uses, use.at)
            assert (taken if budget.window == "REQUEST" else used) <= ceiling, budget.budget_id


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


def assert_burned_in_order(customer: Customer, catalog: Catalog, use: Use) -> None:
    """P5: what paid is the first of what could have, and each but the last was emptied."""
    before = balances(entry for entry in customer.entries if entry.seq < use.seq)
    paid = [e for e in customer.entries if (e.seq, e.source, e.target) == (use.seq, AVAILABLE, CONSUMED)]
    path = path_ids(customer, use.item)
    feature = catalog.features[use.item.feature_id]
    asked_at = use.item.occurred_at or use.at
    types = list(feature.acceptable_rates(use.item.quantities, use.item.dimensions, asked_at))

    def could_pay(grant: Grant) -> bool:
        return (
            grant.wallet.entity_id in path
            and grant.wallet.credit_type in types
            and (grant.features is None or use.item.feature_id in grant.features)
            and (grant.expires_at is None or use.at < grant.expires_at)
            and before[("grant", grant.grant_id), AVAILABLE] > 0
        )

    def place(grant: Grant) -> tuple[object, ...]:
        return (
            path.index(grant.wallet.entity_id),
            types.index(grant.wallet.credit_type),
            grant.priority,
            grant.expires_at is None,
            grant.expires_at or use.at,
            0 if grant.kind is Kind.PROMOTIONAL else 1,
            grant.effective_at,
            list(customer.grants).index(grant.grant_id),
        )

    order = sorted((grant for grant in customer.grants.values() if could_pay(grant)), key=place)
    assert [entry.grant_id for entry in paid] == [grant.grant_id for grant in order[: len(paid)]]
    for entry in paid[:-1]:
        assert entry.amount == before[("grant", entry.grant_id), AVAILABLE]
