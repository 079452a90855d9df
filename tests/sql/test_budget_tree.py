"""The budget tree where random worlds seldom come: no limit, archived and moved entities, old sessions."""

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world

CREDITS = {"measure": "CREDITS", "creditType": "general", "window": "TOTAL"}


class World(Configuration):
    """A customer whose users spend one credit an input."""

    def tree(self, after: Any = None, limit: int = 100, **filter_: Any) -> list[dict[str, Any]]:
        statement = "SELECT api.read_budget_tree(%s, %s, %s, %s)"
        given = Jsonb(filter_), None if after is None else Jsonb(after), limit
        return [row for (row,) in self.rows(statement, self.customer_id, *given)]

    def shown(self, **filter_: Any) -> list[tuple[Any, ...]]:
        return [(row["entityId"], row["used"], row["utilisation"]) for row in self.tree(**filter_)]

    def spend(self, amount: str, *entities: str, **more: Any) -> None:
        item = {
            "idempotencyKey": f"k{self.seq}",
            "featureId": "chat",
            "quantities": [{"name": "input", "amount": amount}],
            "entityIds": entities,
            **more,
        }
        call = "SELECT allowed FROM api.consume(%s, %s)"
        assert self.rows(call, self.customer_id, Jsonb([item])) == [(True,)]


@pytest.fixture
def world(connection: psycopg.Connection) -> World:
    world = World(small_world(connection).connection)
    rates = [{"creditType": "general", "quantity": "input", "amount": "1"}]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.change("upsert_customer", wallets=[{"creditType": "general"}])
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="1000")
    return world


def test_who_has_used_nothing_is_there(world: World) -> None:
    world.change("set_budget", budgetId="each", each="user", limit="10", **CREDITS)
    world.spend("4", "bob")
    assert world.shown() == [("bob", "4", 0.4), ("ada", "0", 0)]
    assert world.shown(minimumUtilisation=0.1) == [("bob", "4", 0.4)]


def test_a_limit_of_nothing(world: World) -> None:
    world.change("set_budget", budgetId="each", each="user", limit="10", **CREDITS)
    world.spend("4", "bob")
    world.change("set_budget", budgetId="each", limit="0")
    world.change("set_budget", budgetId="team", entityId="team", limit="3", mode="SOFT", **CREDITS)
    world.spend("6", "team")
    assert world.shown() == [("bob", "4", None), ("team", "6", 2), ("ada", "0", 0)]
    assert {row["remaining"] for row in world.tree()} == {"0"}
    first = world.tree(limit=1)[0]
    assert [row["entityId"] for row in world.tree(after=first["key"])] == ["team", "ada"]


def test_whom_it_counts_now(world: World) -> None:
    """Who was moved away is counted no more, and who was moved below is."""
    world.change("upsert_entity", entityId="other", type="team")
    world.change("set_budget", budgetId="each", entityId="team", each="user", limit="10", **CREDITS)
    world.change("set_budget", budgetId="inner", entityId="other", each="user", limit="20", **CREDITS)
    world.spend("5", "ada")
    world.change("upsert_entity", entityId="ada", parentId="other")
    found = [(row["budgetId"], row["entityId"], row["used"]) for row in world.tree(orderBy="ENTITY")]
    assert found == [("inner", "ada", "0"), ("each", "bob", "0")]
    world.connection.execute("UPDATE core.entity SET archived_at = now() WHERE entity_id = 'bob'")
    assert world.shown() == [("ada", "0", 0)]
    world.connection.execute("UPDATE core.budget SET is_active = false")
    assert world.shown() == []


def test_budgets_of_each_inside_one_another(world: World) -> None:
    """An owner is no subject of its own budget, and each of a type below another of it is one."""
    world.change("upsert_entity", entityId="squad", type="team", parentId="team")
    world.change("set_budget", budgetId="inner", entityId="team", each="team", limit="10", **CREDITS)
    world.change("set_budget", budgetId="all", each="team", limit="10", **CREDITS)
    found = [(row["budgetId"], row["entityId"]) for row in world.tree(orderBy="ENTITY")]
    assert found == [("all", "team"), ("inner", "squad"), ("all", "squad")]
    assert [row["budgetId"] for row in world.tree(parentId="team")] == ["inner", "all"]


def test_a_session_is_there_for_thirty_days(world: World) -> None:
    world.change("set_budget", budgetId="s", each="SESSION", limit="10", **CREDITS)
    assert world.shown() == []
    world.spend("5", "ada", sessionId="chat-1")
    world.advance("29 days 23 hours")
    world.spend("2", "ada")
    assert [(row["sessionId"], row["used"]) for row in world.tree()] == [("chat-1", "5"), ("", "2")]
    world.advance("1 hour")
    assert [(row["sessionId"], row["used"]) for row in world.tree()] == [("", "2")]


def test_a_tie_is_paged_through(world: World) -> None:
    for name in "abcdefg":
        world.change("upsert_entity", entityId=name, type="agent", parentId="bob")
    world.change("set_budget", budgetId="each", each="agent", limit="3", **CREDITS)
    for name in "bdf":
        world.spend("1", name)
    rows = world.tree()
    assert "".join(row["entityId"] for row in rows) == "bdfaceg"
    paged: list[Any] = []
    while page := world.tree(after=paged[-1]["key"] if paged else None, limit=2):
        paged += page
    assert paged == rows


def test_cursors_of_another_order(world: World) -> None:
    world.change("set_budget", budgetId="each", each="user", limit="10", **CREDITS)
    key = world.tree()[0]["key"]
    for after in (["1", *key[1:], 1], key[:4], {"a": 1}, [1, "ENTITY", *key[2:]], [7, *key[1:]]):
        with pytest.raises(psycopg.DatabaseError) as caught:
            world.tree(after=after)
        assert caught.value.sqlstate == "UC101"


def test_nobody(world: World) -> None:
    world.customer_id = "nobody"
    assert world.tree() == []


def test_each_of_twelve_above_one_another_binds(world: World) -> None:
    """Moved in between, what is taken back returns to those who had counted it."""
    for depth in range(12):
        above = f"d{depth - 1}" if depth else None
        world.change("upsert_entity", entityId=f"d{depth}", type="unit", parentId=above)
        budget = {"budgetId": f"b{depth}", "entityId": f"d{depth}", "limit": "10", **CREDITS}
        world.change("set_budget", **budget)
    world.spend("4", "d11")
    event = world.seq
    assert {row["used"] for row in world.tree()} == {"4"}
    for depth in range(12):
        world.change("set_budget", budgetId=f"b{depth}", limit="4")
        item = {"featureId": "chat", "quantities": [{"name": "input", "amount": "1"}], "entityIds": ["d11"]}
        call = "SELECT reason, answer -> 'binding' ->> 'budgetId' FROM api.consume(%s, %s)"
        denied = world.rows(call, "acme", Jsonb([item | {"idempotencyKey": f"denied {depth}"}]))
        assert denied == [("BUDGET_EXCEEDED", f"b{depth}")]
        world.change("set_budget", budgetId=f"b{depth}", limit="10")
    world.change("move_entity", entityId="d6", parentId="team")
    world.spend("1", "d11")
    given = {"usageEventId": str(event), "idempotencyKey": "back", "reason": "x"}
    world.one("SELECT api.reverse_consumption('acme', %s, 'test')", Jsonb(given))
    used = {row["budgetId"]: row["used"] for row in world.tree()}
    assert used == {f"b{depth}": "0" if depth < 6 else "1" for depth in range(12)}
