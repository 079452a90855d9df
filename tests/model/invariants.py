"""The promises (DESIGN §3), asked of a customer's history by counting again, not by asking the decider.

Only the ledger entries, the operations and what was answered are believed; ``counting.py`` has the budgets.
"""

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction

from tests.model.catalog import Feature
from tests.model.counting import Total, Use
from tests.model.customer import (
    AVAILABLE,
    CONSUMED,
    EXPIRED,
    HELD,
    ISSUED,
    MOVED,
    OWED,
    SCHEDULED,
    SHORTFALL,
    VOIDED,
    Customer,
    Entry,
    Grant,
)
from tests.model.exact import ZERO
from tests.model.words import Kind, ReservationState

#: Accounts that count what came from them, and those that count what went to them.
SOURCES, SINKS = {ISSUED, OWED, SHORTFALL}, {SCHEDULED, AVAILABLE, HELD, CONSUMED, EXPIRED, VOIDED, MOVED}
#: What moves credits.
MOVERS = ("grant", "usage", "reserve", "settle", "release", "reservation expired")


def assert_ordered(customer: Customer) -> None:
    """P9: no gap in ``seq``, time never runs backwards along it, and every operation has its place."""
    assert [done.seq for done in customer.operations] == list(range(1, customer.seq + 1))
    times = [done.recorded_at for done in customer.operations]
    assert times == sorted(times)
    assert not times or times[-1] <= customer.last_at
    assert all(done.effective_at <= done.recorded_at for done in customer.operations)
    named = {done.seq: done.name for done in customer.operations}
    assert all(named[entry.seq].startswith(MOVERS) for entry in customer.entries)


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
        # What came back of a repaid overdraft was held by nobody's grant, and was issued with another.
        returned = grant.amount if grant.returned else 0
        assert folded[holder, ISSUED] + returned == (ZERO if grant.pending else grant.amount)
        assert folded[holder, HELD] + returned == grant.held >= 0
        gone = folded[holder, CONSUMED] + folded[holder, VOIDED] + folded[holder, MOVED]
        assert grant.amount == grant.left + gone - folded[holder, OWED]
        assert (grant in grant.wallet.grants) == (grant.available + grant.scheduled > 0)
    for wallet in customer.wallets.values():
        holder = ("wallet", wallet.wallet_id)
        assert folded[holder, OWED] == wallet.owed
        assert 0 <= wallet.owed <= wallet.overdraft_limit
        assert folded[holder, HELD] == wallet.held >= 0
        taken = folded[holder, CONSUMED] - folded[holder, SHORTFALL] + wallet.held
        gone = folded[holder, EXPIRED] + folded[holder, VOIDED] + folded[holder, MOVED]
        assert folded[holder, ISSUED] - taken - gone >= -wallet.overdraft_limit


def assert_none_stranded(customer: Customer) -> None:
    """P2: what is held is held by open reservations, and each ends once, in one way."""
    reservations = customer.reservations.values()
    for reservation in reservations:
        rest = sum(hold.rest for hold in reservation.holds)
        assert all(0 <= hold.settled <= hold.amount for hold in reservation.holds)
        assert rest == 0 or reservation.state is ReservationState.HELD
        assert reservation.closed or reservation.state in (ReservationState.HELD, ReservationState.EXPIRED)
    holds = [hold for reservation in reservations for hold in reservation.holds]
    for wallet in customer.wallets.values():
        assert wallet.held == sum(hold.rest for hold in holds if hold.wallet is wallet)
    for grant in customer.grants.values():
        assert grant.held == sum(hold.rest for hold in holds if hold.grant is grant)
    names = [done.name for done in customer.operations]
    states = [reservation.state for reservation in reservations]
    assert names.count("reserve") == len(states)
    assert names.count("release") == states.count(ReservationState.RELEASED)
    assert names.count("reservation expired") == states.count(ReservationState.EXPIRED)
    assert names.count("settle") >= states.count(ReservationState.SETTLED)


def assert_burned_in_order(customer: Customer, feature: Feature, use: Use, now: Use | Total) -> None:
    """P5: what paid or is held is the first of what could have been, and each but the last was emptied.

    ``now`` is the use itself, or what a reservation was settled to: what goes beyond it is burned now,
    at the rates of then.
    """
    paid = [
        entry
        for entry in customer.entries
        if entry.seq == now.seq and entry.source == AVAILABLE and entry.target in (CONSUMED, HELD)
    ]
    if not paid:
        return
    before = balances(entry for entry in customer.entries if entry.seq < now.seq)
    asked_at = use.item.occurred_at or use.at
    types = list(feature.acceptable_rates(now.quantities, use.item.dimensions, asked_at))

    def could_pay(grant: Grant) -> bool:
        return (
            grant.wallet.entity_id in use.path
            and grant.wallet.credit_type in types
            and (grant.features is None or use.item.feature_id in grant.features)
            and (grant.expires_at is None or now.at < grant.expires_at)
            and before[("grant", grant.grant_id), AVAILABLE] > 0
        )

    def place(grant: Grant) -> tuple[object, ...]:
        return (
            use.path.index(grant.wallet.entity_id),
            types.index(grant.wallet.credit_type),
            grant.priority,
            grant.expires_at is None,
            grant.expires_at or now.at,
            0 if grant.kind is Kind.PROMOTIONAL else 1,
            grant.effective_at,
            list(customer.grants).index(grant.grant_id),
        )

    order = sorted((grant for grant in customer.grants.values() if could_pay(grant)), key=place)
    assert [entry.grant_id for entry in paid] == [grant.grant_id for grant in order[: len(paid)]]
    for entry in paid[:-1]:
        assert entry.amount == before[("grant", entry.grant_id), AVAILABLE]
