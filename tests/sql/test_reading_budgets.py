"""What `usage` says of sessions: thirty days after its last use one counts as unused, booked or not."""

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.conformance.sql_backend import stop_clock
from tests.sql.test_reservations import World
from tests.sql.test_reservations import world as _reserving

world = _reserving


def usage(world: World) -> dict[str, tuple[str, str]]:
    """Used and held by session."""
    shown = world.one("SELECT api.read_budgets('acme', %s, NULL, 1)", Jsonb({"budgetId": "s"}))
    return {each["sessionId"]: (each["used"], each["held"]) for each in shown["usage"]}


@pytest.mark.parametrize("window", ["TOTAL", "YEAR"])
def test_a_session_counts_for_thirty_days_after_its_last_use(world: World, window: str) -> None:
    world.begin("year")
    stop_clock(world.connection)
    world.cap("s", "10", window, each="SESSION")
    assert world.consume("c1", "6", sessionId="old")["allowed"]
    held = world.reserve("r", "3", sessionId="old", ttlSeconds=86_400)
    world.advance("1 hour")
    assert world.consume("c2", "2", sessionId="new")["allowed"]
    world.advance("29 days 22 hours 59 minutes 59 seconds")
    # The hold has expired and nobody has booked it, so that reading leaves it out.
    assert usage(world) == {"old": ("6", "0"), "new": ("2", "0")}
    assert world.check("5", sessionId="old")["reason"] == "BUDGET_EXCEEDED"
    world.advance("1 second")
    assert usage(world) == {"old": ("0", "0"), "new": ("2", "0")}
    assert world.check("10", sessionId="old")["allowed"]
    assert world.consume("c3", "4", sessionId="old")["allowed"]
    assert usage(world) == {"old": ("4", "0"), "new": ("2", "0")}
    assert world.settle(held, "1")["allowed"]


def test_what_would_have_been_denied_is_not_forgotten(world: World) -> None:
    world.cap("s", "5", each="SESSION", mode="OBSERVE")
    assert world.consume("c1", "7", sessionId="old")["allowed"]
    world.advance("31 days")
    shown: Any = world.one("SELECT api.read_budgets('acme', %s, NULL, 1)", Jsonb({"budgetId": "s"}))
    [old] = shown["usage"]
    assert (old["used"], old["wouldDenyCount"], old["wouldDenyAmount"]) == ("0", "1", "7")


def test_other_budgets_forget_nothing(world: World) -> None:
    world.cap("b", "10")
    assert world.consume("c1", "6")["allowed"]
    world.advance("31 days")
    assert world.budget("b") == ("6", "0")


@pytest.mark.parametrize("window", ["REQUEST", "DAY"])
def test_what_would_have_been_denied_may_be_more_than_can_be_told(world: World, window: str) -> None:
    """An observed budget never stands in the way, however much it has counted."""
    counts = {"measure": "QUANTITY", "creditType": None, "featureId": "chat", "quantity": "input"}
    world.cap("seen", "1", window, mode="OBSERVE", **counts)
    world.charge("0")
    most = 29 * "9"
    for day in range(3):
        assert world.consume(f"c{day}", most)["allowed"]
        world.advance("1 day")
    [row] = [row for (row,) in world.rows("SELECT api.read_budget_tree('acme', '{}', NULL, 9)")]
    assert (row["wouldDenyCount"], row["wouldDenyAmount"]) == ("3", f"{most}.999999999")
