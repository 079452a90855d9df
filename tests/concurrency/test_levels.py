"""Races that broke other systems, each judged by the model: caps at every level, and changes in between."""

from collections import Counter

import psycopg
import pytest

from tests.concurrency.hand_made import LEVELS, ask, budget, consume, grant, make_world
from tests.concurrency.judging import judge
from tests.concurrency.racing import CONNECTIONS, Arena, Done, Lane
from tests.conformance.forms import World

Connections = list[psycopg.Connection]


def raced(
    admin: psycopg.Connection, connections: Connections, world: World, lanes: list[Lane]
) -> Counter[str | None]:
    """How often each reason was given; the model has judged."""
    arena = Arena(admin, [world])
    done: list[Done] = arena.race(connections, lanes)
    assert judge(arena, done) is None
    assert not [each for each in done if each.error]
    return Counter(row["reason"] for each in done for row in each.rows)


@pytest.mark.parametrize("level", [None, *LEVELS, "product"])
def test_all_spend_exactly_what_a_level_has(
    admin: psycopg.Connection, connections: Connections, level: str | None
) -> None:
    """Sixteen ask three times what fits in twice over; every other level has more than enough."""
    others = [budget(f"b-{each}", "1000", each) for each in (*LEVELS, "product") if each != level]
    world = make_world(budget("exact", str(2 * CONNECTIONS), level), *others)
    lanes: list[Lane] = [
        [[consume(ask(f"k{n}.{turn}", "agent", "product"))] for turn in range(3)] for n in range(CONNECTIONS)
    ]
    assert raced(admin, connections, world, lanes) == {
        None: 2 * CONNECTIONS,
        "BUDGET_EXCEEDED": CONNECTIONS,
    }


def test_all_spend_exactly_all_credits(admin: psycopg.Connection, connections: Connections) -> None:
    """As many as there are credits; all of them are allowed."""
    world = make_world(held=str(CONNECTIONS * 4))
    lanes: list[Lane] = [
        [[consume(*(ask(f"k{n}.{turn}.{i}", "agent") for i in range(2)))] for turn in range(2)]
        for n in range(CONNECTIONS)
    ]
    assert raced(admin, connections, world, lanes) == {None: CONNECTIONS * 4}


@pytest.mark.parametrize("level", [None, *LEVELS])
def test_budgets_per_model_at_every_level(
    admin: psycopg.Connection, connections: Connections, level: str | None
) -> None:
    """Each model has a cap of its own there; what names none meets the caps of neither."""
    world = make_world(
        budget("large", "10", level, featureId="chat", dimensions={"model": "large"}),
        budget("small", "13", level, featureId="chat", dimensions={"model": "small"}),
        budget("whole", "1000", level),
    )
    models = ("large", "small", None)
    lanes: list[Lane] = [
        [
            [consume(*(ask(f"k{n}.{turn}.{model}", "agent", model=model) for model in models))]
            for turn in range(2)
        ]
        for n in range(CONNECTIONS)
    ]
    allowed = 10 + 13 + 2 * CONNECTIONS
    reasons = raced(admin, connections, world, lanes)
    assert reasons == {None: allowed, "BUDGET_EXCEEDED": 6 * CONNECTIONS - allowed}


def test_an_agent_of_two_teams_under_one_product(admin: psycopg.Connection, connections: Connections) -> None:
    """Three axes: the team it works for, itself, and the product; each has its cap."""
    world = make_world(
        budget("product", "30", "product"), budget("team", "12", "team"), budget("shared", "25", "shared")
    )
    lanes: list[Lane] = [
        [[consume(ask(f"k{n}.{turn}", "shared", ("team", "blue")[n % 2], "product"))] for turn in range(4)]
        for n in range(CONNECTIONS)
    ]
    reasons = raced(admin, connections, world, lanes)
    assert reasons[None] == 25


@pytest.mark.parametrize("turn", range(4))
def test_what_changes_meanwhile_is_seen_whole_or_not_at_all(
    admin: psycopg.Connection, connections: Connections, turn: int
) -> None:
    """Grants are added and a budget is lowered, raised and lowered, while batches ask for all there is."""
    world = make_world(budget("b", "40", "team"), held="8")
    lanes: list[Lane] = [
        [
            [consume(*(ask(f"k{n}.{i}.{j}", "agent", overage="CAP", amount="2") for j in range(3)))]
            for i in range(3)
        ]
        for n in range(CONNECTIONS - 2)
    ]
    lanes.append([[(0, {"op": "grant", "grant": grant(f"more-{i}", "9")})] for i in range(5)])
    lanes.append(
        [
            [(0, {"op": "setBudget", "budget": budget("b", limit, "team")})]
            for limit in ("30", "60", str(11 + turn), "50", "20")
        ]
    )
    reasons = raced(admin, connections, world, lanes)
    assert 4 <= reasons[None] <= 30
