"""Budgets, rates and the tree change while sixteen connections consume and reserve.

Each decision is judged by the model under what was in force at its ``seq``, so none has seen half of one.
"""

from collections import Counter

import psycopg
import pytest

from tests.concurrency.hand_made import ask, budget, make_world
from tests.concurrency.judging import judge
from tests.concurrency.pricing import sets_rates
from tests.concurrency.racing import CONNECTIONS, Arena, Done, Lane, Step
from tests.conformance.forms import Operation, RateForm, World

Connections = list[psycopg.Connection]
TURNS = 8


def world_of_two() -> World:
    """Input and output cost the same; whoever sees one of them change without the other pays another sum."""
    world = make_world(
        budget("red", "60", "team", thresholds=["0.1", "0.5", "1"]),
        budget("blue", "60", "blue", thresholds=["0.5", "0.9"]),
        budget("each", "90", each="agent", thresholds=["0.2"]),
        budget("hour", "100", "department", window="HOUR", thresholds=["0.05", "0.1", "0.2", "0.3"]),
        budget("seen", "20", "user", mode="OBSERVE"),
    )
    [feature] = world["features"]
    feature["quantities"] = ["input", "output"]
    feature["rates"] = rates("1")
    return world


def rates(amount: str) -> list[RateForm]:
    return [
        {"creditType": "general", "quantity": quantity, "amount": amount, "perUnits": "1"}
        for quantity in ("input", "output")
    ]


def change(operation: Operation) -> Step:
    return [(0, operation)]


def spending(lane: int) -> Lane:
    """Both quantities, for who is moved and suspended; every third connection reserves, and settles."""
    steps: Lane = []
    for turn in range(TURNS):
        keys = [f"k{lane}.{turn}.{place}" for place in range(2)]
        others = ["product"] if lane % 2 else []
        items = [ask(key, "agent", *others) for key in keys]
        for item in items:
            item["quantities"] = [{"name": name, "amount": "1"} for name in ("input", "output")]
        op = "reserve" if lane % 3 == 0 else "consume"
        steps.append(change({"op": op, "items": items}))  # type: ignore[typeddict-item]
        if op == "reserve":
            total = [{"name": "input", "amount": "2"}, {"name": "output", "amount": "1"}]
            step = {"reservation": keys[0], "quantities": total, "final": True}
            steps.append(change({"op": "settle", "steps": [step]}))  # type: ignore[list-item]
            steps.append(change({"op": "release", "steps": [{"reservation": keys[1]}]}))
    return steps


def administering(turn: int) -> list[Lane]:
    """The tree, suspensions, budgets, rates and the clock; each by a connection of its own."""
    tree: Lane = []
    for parent in ("blue", "department", "team") * 3:
        tree.append(change({"op": "moveEntity", "entityId": "user", "parentId": parent}))
    suspending: Lane = []
    for named in ("user", "team", "blue"):
        for suspended in (True, False):
            suspending.append(change({"op": "suspendEntity", "entityId": named, "suspended": suspended}))
    limits: Lane = []
    for place in range(4):
        raised: Operation = {"op": "raiseBudget", "budgetId": "red", "raiseId": f"r{place}", "amount": "10"}
        limits.append(change({**raised, "until": (1, 5000)[place % 2]}))
        limits.append(change({**raised, "until": (1, 5000)[place % 2]}))  # a retry raises nothing
        limits.append(change({"op": "pauseBudget", "budgetId": "each", "paused": place % 2 == 0}))
        lowered = budget("blue", str(30 + 10 * place + turn), "blue", thresholds=["0.5", "0.9"])
        limits.append(change({"op": "setBudget", "budget": lowered}))
    pricing: Lane = []
    for amount in ("2", "3", "5", "1", "2"):
        since: list[RateForm] = [{**rate, "effectiveFrom": 0} for rate in rates(amount)]
        pricing.append(change({"op": "setRates", "featureId": "chat", "rates": since}))
    rolling: Lane = [change({"op": "bookDue"})] * 3
    for _ in range(2):
        rolling += [change({"op": "advance", "seconds": 3600}), *([change({"op": "bookDue"})] * 3)]
    return [tree, suspending, limits, pricing, rolling]


@pytest.mark.parametrize("turn", range(2))
def test_no_decision_sees_half_of_a_change(
    admin: psycopg.Connection, connections: Connections, turn: int
) -> None:
    arena = Arena(admin, [world_of_two()])
    lanes = administering(turn)
    lanes = [spending(lane) for lane in range(CONNECTIONS - len(lanes))] + lanes
    done: list[Done] = arena.race(connections, lanes)
    assert judge(arena, done) is None
    assert not [each for each in done if each.error and each.error != "UC101"]
    told = Counter(row["reason"] for each in done for row in each.rows if "items" in each.operation)
    assert told[None] > 10, told
    assert len([each for each in done if sets_rates(each)]) == 5
    alerts = arena.sql[0].state()["alerts"]
    assert len(alerts) > 5, alerts  # as many as the model has told of, each as often
