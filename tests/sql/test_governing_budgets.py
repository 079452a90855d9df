"""Budgets that are paused, go on, or are archived, between consumptions and reservations."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.test_reservations import World, request
from tests.sql.test_reservations import world as _reserving

world = _reserving


def state(world: World, budget: str) -> tuple[bool, bool]:
    """Whether it is active, and whether it is archived."""
    shown = world.one("SELECT api.read_budgets('acme', %s, NULL, 1)", Jsonb({"budgetId": budget}))
    return shown["isActive"], shown["archivedAt"] is not None


def test_a_paused_budget_binds_and_counts_nothing_and_goes_on_from_where_it_was(world: World) -> None:
    world.cap("b", "10", "DAY")
    assert world.consume("c1", "6")["allowed"]
    assert world.consume("c2", "5")["reason"] == "BUDGET_EXCEEDED"
    assert world.change("pause_budget", budgetId="b", paused=True)["isActive"] is False
    assert world.check("50")["allowed"]
    assert world.consume("c3", "50")["allowed"]
    assert world.budget("b") == ("6", "0")
    assert world.change("pause_budget", budgetId="b", paused=False)["isActive"] is True
    assert world.consume("c4", "5")["reason"] == "BUDGET_EXCEEDED"
    assert world.consume("c5", "4")["allowed"]
    assert world.budget("b") == ("10", "0")


def test_a_pause_over_the_end_of_a_window(world: World) -> None:
    world.cap("b", "10", "DAY")
    assert world.consume("c1", "6")["allowed"]
    world.change("pause_budget", budgetId="b", paused=True)
    world.advance("1 day")
    assert world.consume("c2", "7")["allowed"]
    world.change("pause_budget", budgetId="b", paused=False)
    assert world.budget("b") == ("0", "0")
    assert world.consume("c3", "10")["allowed"]


@pytest.mark.parametrize("end", ["settled", "released", "expired"])
@pytest.mark.parametrize("how", ["pause_budget", "archive_budget"])
def test_what_was_reserved_before_is_settled_on_it(world: World, end: str, how: str) -> None:
    world.cap("b", "10", "DAY")
    held = world.reserve("r", "8", ttlSeconds=60)
    assert world.budget("b") == ("0", "8")
    world.change(how, budgetId="b", **({"paused": True} if how == "pause_budget" else {}))
    if end == "settled":
        assert world.settle(held, "3")["allowed"]
    elif end == "released":
        assert world.release(held)["allowed"]
    else:
        world.advance("2 minutes")
        assert world.consume("c", "1")["allowed"]
    assert world.budget("b") == ({"settled": "3"}.get(end, "0"), "0")


def test_what_is_reserved_in_a_pause_never_counts(world: World) -> None:
    world.cap("b", "10", "DAY")
    world.change("pause_budget", budgetId="b", paused=True)
    held = world.reserve("r", "8")
    world.change("pause_budget", budgetId="b", paused=False)
    assert world.settle(held, "9")["allowed"]
    assert world.consume("c", "10")["allowed"]
    assert world.budget("b") == ("10", "0")


def test_budgets_on_each_session_too(world: World) -> None:
    world.cap("b", "10", each="SESSION")
    world.change("pause_budget", budgetId="b", paused=True)
    assert world.consume("c1", "11", sessionId="s")["allowed"]
    world.change("pause_budget", budgetId="b", paused=False)
    assert world.consume("c2", "11", sessionId="s")["reason"] == "BUDGET_EXCEEDED"


def test_an_archived_budget_is_over_for_good(world: World) -> None:
    world.cap("b", "10", "DAY")
    until = world.clock("1 h")
    world.change("raise_budget", idempotencyKey="r1", budgetId="b", amount="5", until=until, reason="x")
    assert world.consume("c1", "16")["reason"] == "BUDGET_EXCEEDED"
    world.change("pause_budget", budgetId="b", paused=True)
    assert world.change("archive_budget", budgetId="b")["archivedAt"] is not None
    assert state(world, "b") == (False, True)
    assert world.consume("c2", "16")["allowed"]
    seq = world.seq
    world.change("archive_budget", budgetId="b")
    assert world.seq == seq
    archived = {("budgetId", "ARCHIVED")}
    assert world.faults("pause_budget", budgetId="b", paused=False) == archived
    assert (
        world.faults("raise_budget", idempotencyKey="r2", budgetId="b", amount="1", until=until, reason="x")
        == archived
    )
    assert world.faults("set_budget", budgetId="b", limit="5") == archived
    another = {
        "measure": "QUANTITY",
        "featureId": "chat",
        "quantity": "input",
        "window": "HOUR",
        "limit": "1",
    }
    assert world.faults("set_budget", budgetId="b", **another) == archived
    world.advance("2 hours")
    assert world.consume("c3", "1")["allowed"]
    assert world.rows("SELECT raised FROM core.budget") == [(0,)]
    assert world.seq > seq
    for is_archived, found in ((True, ["b"]), (False, [])):
        assert found == [
            row["budgetId"]
            for (row,) in world.rows(
                "SELECT api.read_budgets('acme', %s, NULL, 9)", Jsonb({"isArchived": is_archived})
            )
        ]


def test_nothing_is_written_where_nothing_changes(world: World) -> None:
    world.cap("b", "10", "DAY")
    seq = world.seq
    world.change("pause_budget", budgetId="b", paused=False)
    assert world.seq == seq
    for _ in range(2):
        world.change("pause_budget", budgetId="b", paused=True)
    assert world.seq == seq + 1
    world.change("set_budget", budgetId="b", limit="11")
    assert state(world, "b") == (False, False)
    assert world.rows("SELECT budget_version FROM core.budget") == [(3,)]
    kinds = world.rows(
        "SELECT kind, before -> 'is_active', after -> 'is_active', after -> 'budget_version'"
        " FROM core.change WHERE seq >= %s ORDER BY seq",
        seq,
    )
    assert kinds == [
        ("BUDGET", None, True, 1),
        ("BUDGET", True, False, 2),
        ("BUDGET", False, False, 3),
    ]


def test_what_is_wrong_with_it(world: World) -> None:
    assert world.faults("pause_budget", budgetId="none", paused=True) == {("budgetId", "NOT_FOUND")}
    assert world.faults("archive_budget", budgetId="none") == {("budgetId", "NOT_FOUND")}
    assert world.faults("pause_budget", budgetId="", paused="yes", x=1) == {
        ("budgetId", "EMPTY"),
        ("paused", "WRONG_TYPE"),
        ("x", "UNKNOWN_FIELD"),
    }
    assert world.faults("pause_budget") == {("budgetId", "REQUIRED"), ("paused", "REQUIRED")}
    assert world.faults("archive_budget", budgetId=7) == {("budgetId", "WRONG_TYPE")}


@pytest.fixture
def other(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


def test_pauses_and_suspensions_count_on_another_connection_at_once(
    world: World, other: psycopg.Connection
) -> None:
    there = World(other)
    world.cap("b", "1", "DAY")
    assert there.consume("c1", "2")["reason"] == "BUDGET_EXCEEDED"
    world.change("pause_budget", budgetId="b", paused=True)
    assert there.consume("c2", "2")["allowed"]
    world.change("pause_budget", budgetId="b", paused=False)
    assert there.consume("c3", "2")["reason"] == "BUDGET_EXCEEDED"
    world.suspend("team")
    assert there.consume("c4", "1", entityIds=["ada"])["reason"] == "ENTITY_SUSPENDED"
    assert there.check("1", entityIds=["ada"])["reason"] == "ENTITY_SUSPENDED"
    world.suspend("team", False)
    world.suspend(None)
    assert there.consume("c5", "1", entityIds=["ada"])["reason"] == "CUSTOMER_SUSPENDED"
    world.suspend(None, False)
    assert there.call("consume", request("c6", "1", entityIds=["ada"]))[0]["allowed"]
