"""Every figure of the budget tree is the one that ``check`` goes by at that very instant, in random worlds.

Both are asked in one transaction that is rolled back, at instants at which something ends (a window,
a raise, a hold, a session), and one microsecond before.
"""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import psycopg
import pytest

from tests.conformance.agreement import moment
from tests.conformance.forms import FeatureForm
from tests.conformance.replay import apply
from tests.conformance.tree_backend import Row, TreeBackend
from tests.model.operations import Maker
from tests.model.worlds import Chance, make_budget, make_world

STEPS = 10
FIGURES = ("limit", "used", "held", "resetsAt")


@pytest.fixture(scope="module")
def backend(module_connection: psycopg.Connection) -> TreeBackend:
    return TreeBackend(module_connection)


@pytest.mark.parametrize("seed", range(8))
def test_figures_are_those_of_check(backend: TreeBackend, seed: int) -> None:
    for world, features in live(backend, seed):
        for instant in some(world, backend.instants()):
            with backend.stopped_at(instant):
                rows = backend.tree()
                assert Counter(
                    (r["budgetId"], r["entityId"], r["sessionId"]) for r in rows
                ) == backend.subjects(instant)
                for row in rows:
                    coherent(row)
                for row in world.sample(rows, min(len(rows), 5)):
                    bound = backend.told_by_check(row, features)
                    figures, shown = (
                        {name: to_the_second(of[name]) for name in FIGURES} for of in (bound, row)
                    )
                    assert shown == figures, (instant, row)


@pytest.mark.parametrize("seed", range(8, 12))
def test_orders_pages_and_filters(backend: TreeBackend, seed: int) -> None:
    for world, _ in live(backend, seed):
        for instant in some(world, backend.instants()):
            with backend.stopped_at(instant):
                chosen = world.choice(list(RANKS))
                for order in RANKS:
                    rows = backend.tree(orderBy=order)
                    assert [row["key"][3:] for row in rows] == [
                        row["key"][3:] for row in sorted(rows, key=RANKS[order])
                    ]
                    size, paged = world.randint(1, 4), []
                    while page := backend.tree(paged[-1]["key"] if paged else None, size, orderBy=order):
                        paged += page
                    assert paged == rows
                    if order == chosen:
                        filtered(backend, world, rows, order)


def live(backend: TreeBackend, seed: int) -> Iterator[tuple[Random, list[FeatureForm]]]:
    """A world as it goes on, with holds, and with budgets on each of some and on sessions."""
    random = Random(seed)
    chance = Chance(random)
    world = make_world(random)
    types = [each["creditType"] for each in world["creditTypes"]]
    for number, each in enumerate(("user", "agent", "SESSION", None)):
        budget = make_budget(chance, f"more{number}", world["entities"], world["features"], types)
        world["budgets"].append({**budget, "each": each, "limit": "40"})
    backend.set_up(world)
    maker = Maker(chance, copy.deepcopy(world))
    for _ in range(STEPS):
        apply(backend, maker.operation())
        if chance.often():
            backend.hold(maker.new_item(), chance.one(1, 60, 3600))
        maker.now = backend.seconds
        yield random, world["features"]


def to_the_second(figure: str | None) -> Any:
    """Answers tell when a window ends to the second, rounded up."""
    ends = moment(figure) if figure and "T" in figure else None
    return (ends + timedelta(microseconds=999_999)).replace(microsecond=0) if ends else figure


def some(random: Random, instants: list[datetime]) -> list[datetime]:
    """Now, and a few of the others."""
    return [instants[0], *random.sample(instants[1:], min(2, len(instants) - 1))]


def coherent(row: Row) -> None:
    """What follows from the others."""
    limit, taken = Fraction(row["limit"]), Fraction(row["used"]) + Fraction(row["held"])
    assert Fraction(row["held"]) >= 0
    assert Fraction(row["remaining"]) == max(limit - taken, 0)
    if limit:
        assert abs(Fraction(str(row["utilisation"])) - taken / limit) < Fraction(1, 10**9)
    else:
        assert row["utilisation"] == (None if taken else 0)


def highest_first(row: Row) -> tuple[Any, ...]:
    return -float("inf" if row["utilisation"] is None else row["utilisation"]), *row["key"][3:]


def soonest_first(row: Row) -> tuple[Any, ...]:
    resets_at = moment(row["resetsAt"])
    return resets_at is None, resets_at, *row["key"][3:]


RANKS: dict[str, Any] = {
    "UTILISATION": highest_first,
    "ENTITY": lambda row: row["key"][3:],
    "RESETS_AT": soonest_first,
}


def filtered(backend: TreeBackend, random: Random, rows: list[Row], order: str) -> None:
    """Each filter leaves what it says, in the same order."""
    parents = backend.parents()

    def below(entity: str | None, root: str) -> bool:
        while entity is not None and entity != root:
            entity = parents[entity]
        return entity == (root or None)

    chosen, kind = random.choice([*parents, ""]), random.choice(["user", "team"])
    least = random.choice([0, 0.3, 1])
    wanted: list[tuple[dict[str, Any], Callable[[Row], bool]]] = [
        ({"entityId": chosen}, lambda row: (row["entityId"] or "") == chosen),
        ({"parentId": chosen}, lambda row: row["entityId"] is not None and (row["parentId"] or "") == chosen),
        ({"belowId": chosen}, lambda row: below(row["entityId"], chosen)),
        (
            {"belowId": chosen, "entityType": kind},
            lambda row: row["entityType"] == kind and below(row["entityId"], chosen),
        ),
        (
            {"minimumUtilisation": least},
            lambda row: row["utilisation"] is None or row["utilisation"] >= least,
        ),
    ]
    for name in ("mode", "budgetId", "featureId", "creditType"):
        for value in {row[name] for row in rows} - {None}:
            wanted += [({name: value}, lambda row, name=name, value=value: row[name] == value)]  # type: ignore[misc]
    for given, keeps in wanted:
        assert backend.tree(orderBy=order, **given) == [row for row in rows if keeps(row)], given
    for name in ("entityId", "parentId", "belowId", "budgetId"):
        assert backend.tree(orderBy=order, **{name: "nobody"}) == []
