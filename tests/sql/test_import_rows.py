"""``api.import_rows``: many rows of one customer, each as if it had come alone, and undone alone."""

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    return small_world(connection)


def imported(world: Configuration, kind: str, *rows: Any, customer: str | None = None) -> list[Any]:
    """Outcome, or the codes of a refusal, of each row."""
    found = world.rows(
        "SELECT place, outcome, errors FROM api.import_rows(%s, %s, 'import') ORDER BY place",
        kind,
        Jsonb([{"customerId": customer or world.customer_id, **row} for row in rows]),
    )
    assert [place for place, _, _ in found] == list(range(len(rows)))
    assert all((errors is None) == (outcome != "REFUSED") for _, outcome, errors in found)
    return [
        outcome if errors is None else {(each["field"], each["code"]) for each in errors}
        for _, outcome, errors in found
    ]


def test_what_becomes_of_customers(world: Configuration) -> None:
    row = {"name": "New", "observe": True, "metadata": {"crm": 7}, "wallets": [{"creditType": "general"}]}
    assert imported(world, "customers", row, customer="new") == ["CREATED"]
    assert imported(world, "customers", row, {}, customer="new") == ["UNCHANGED", "UNCHANGED"]
    assert imported(world, "customers", {"observe": False}, {"name": None}, customer="new") == [
        "CHANGED",
        "CHANGED",
    ]
    new = Configuration(world.connection, "new")
    assert new.seq == 3
    new.history_is_whole()


def test_a_refused_customer_leaves_nothing(world: Configuration) -> None:
    wallets = [{"creditType": "none"}]
    assert imported(world, "customers", {"wallets": wallets}, customer="new") == [
        {("wallets[0].creditType", "NOT_FOUND")}
    ]
    assert imported(world, "customers", {}, customer="x" * 129) == [{("customerId", "TOO_LONG")}]
    assert world.rows("SELECT customer_id FROM core.gate") == [("acme",)]


def test_what_becomes_of_entities(world: Configuration) -> None:
    found = imported(
        world,
        "entities",
        {"entityId": "sub", "type": "team", "parentId": "team"},
        {"entityId": "eve", "type": "user", "parentId": "sub"},
        {"entityId": "ada", "parentId": "sub"},
        {"entityId": "bob", "name": "Bob"},
        {"entityId": "team"},
        {"entityId": "bad", "type": "user", "parentId": "nobody"},
        {"entityId": "worse"},
        {"entityId": "team", "parentId": "eve"},
        {"entityId": "fay", "type": "user", "colour": "red"},
        {"entityId": "gus", "type": "user"},
    )
    assert found == [
        "CREATED",
        "CREATED",
        "CHANGED",
        "CHANGED",
        "UNCHANGED",
        {("parentId", "NOT_FOUND")},
        {("type", "REQUIRED")},
        {("parentId", "CYCLE")},
        {("colour", "UNKNOWN_FIELD")},
        "CREATED",
    ]
    world.history_is_whole()
    assert imported(world, "entities", {"entityId": "x", "type": "user"}, customer="nobody") == [
        {("customerId", "NOT_FOUND")}
    ]


def test_suspension_comes_with_the_row(world: Configuration) -> None:
    suspended = {"entityId": "eve", "type": "user", "suspended": True}
    assert imported(world, "entities", suspended, suspended) == ["CREATED", "UNCHANGED"]
    assert imported(world, "entities", {**suspended, "suspended": False}) == ["CHANGED"]
    assert imported(world, "entities", {**suspended, "suspended": "yes"}) == [{("suspended", "WRONG_TYPE")}]
    assert imported(world, "customers", {"suspended": True}, {"suspended": None}) == ["CHANGED", "UNCHANGED"]
    assert world.one("SELECT is_suspended FROM core.gate")
    world.history_is_whole()


def test_what_becomes_of_balances(world: Configuration) -> None:
    row = {"idempotencyKey": "k", "creditType": "general", "amount": "10.5", "entityId": "ada"}
    found = imported(
        world,
        "balances",
        row,
        row,
        {**row, "amount": "11"},
        {**row, "idempotencyKey": "l", "amount": "NaN"},
        {**row, "idempotencyKey": "m", "amount": "0.0000001"},
        {**row, "idempotencyKey": "n", "entityId": "nobody"},
        {**row, "idempotencyKey": "o", "expiresAt": "2020-01-01T00:00:00Z"},
    )
    assert found == [
        "CREATED",
        "UNCHANGED",
        {("amount", "IDEMPOTENCY_CONFLICT")},
        {("amount", "NOT_A_NUMBER")},
        {("amount", "TOO_MANY_DECIMALS")},
        {("entityId", "NOT_FOUND")},
        {("expiresAt", "TOO_EARLY")},
    ]
    world.history_is_whole()


def test_what_was_granted_is_what_the_ledger_says(world: Configuration) -> None:
    world.change("upsert_entity", entityId="ada", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
    later = {
        "idempotencyKey": "later",
        "creditType": "promo",
        "amount": "3",
        "effectiveAt": world.clock("1d"),
    }
    now = {"idempotencyKey": "now", "creditType": "general", "amount": "2.5", "entityId": "ada"}
    for _ in range(2):
        assert world.rows(
            "SELECT credit_type, trim_scale(granted)::text FROM api.import_rows('balances', %s, 'x')",
            Jsonb([{"customerId": "acme", **row} for row in (later, now)]),
        ) == [("promo", "3"), ("general", "2.5")]


def test_what_time_brings_meanwhile_is_no_change_of_a_row(world: Configuration) -> None:
    world.change(
        "set_budget",
        budgetId="b",
        measure="CREDITS",
        creditType="general",
        window="TOTAL",
        limit="10",
    )
    world.change(
        "raise_budget", idempotencyKey="r1", budgetId="b", amount="1", until=world.clock("1 hour"), reason="r"
    )
    world.change(
        "grant_credits", idempotencyKey="g", creditType="general", amount="1", expiresAt=world.clock("1 hour")
    )
    seq = world.seq
    world.advance("2 hours")
    assert imported(world, "customers", {"name": "Acme"}) == ["UNCHANGED"]
    assert world.seq == seq + 2  # booked; the row itself took none
    assert imported(world, "entities", {"entityId": "ada"}) == ["UNCHANGED"]
    world.history_is_whole()


def test_what_is_no_call(world: Configuration) -> None:
    for kind, rows, code in (
        ("budgets", [], "UNKNOWN_VALUE"),
        (None, [], "UNKNOWN_VALUE"),
        ("entities", {}, "WRONG_TYPE"),
        ("entities", [{}] * 1001, "TOO_MANY"),
    ):
        with pytest.raises(psycopg.DatabaseError) as caught:
            world.one("SELECT count(*) FROM api.import_rows(%s, %s, 'x')", kind, Jsonb(rows))
        assert (caught.value.sqlstate, code in str(caught.value.diag.message_detail)) == ("UC101", True)
    assert imported(world, "entities") == []
    [(outcome, errors)] = world.rows("SELECT outcome, errors FROM api.import_rows('entities', '[7]', 'x')")
    assert (outcome, errors[0]["code"]) == ("REFUSED", "22023")
    for kind in ("customers", "entities", "balances"):
        [(outcome,)] = world.rows("SELECT outcome FROM api.import_rows(%s, '[{}]', 'x')", kind)
        assert outcome == "REFUSED"


def test_of_several_customers_nobody_is_waited_for(world: Configuration, database_url: str) -> None:
    """Those whose gates are held elsewhere are for a call of their own; the others are done."""
    for name in ("b", "c", "d"):
        imported(world, "customers", {}, customer=name)
    rows = [{"customerId": name, "name": name} for name in ("new", "d", "c", "b", "c", "x" * 129)]
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM core.gate WHERE customer_id = 'c' FOR NO KEY UPDATE")
        world.connection.execute("SET statement_timeout = '5s'")
        found = imported(world, "customers", *rows)
        assert found == [
            "CREATED",
            "CHANGED",
            "DEFERRED",
            "CHANGED",
            "DEFERRED",
            {("customerId", "TOO_LONG")},
        ]
        entities = [{"customerId": name, "entityId": "e", "type": "user"} for name in ("c", "d", "nobody")]
        assert imported(world, "entities", *entities) == [
            "DEFERRED",
            "CREATED",
            {("customerId", "NOT_FOUND")},
        ]
        with pytest.raises(psycopg.errors.QueryCanceled):
            imported(world, "customers", rows[2])
    assert imported(world, "customers", rows[2]) == ["CHANGED"]
    assert imported(world, "customers", *rows)[:5] == 5 * ["UNCHANGED"]
    for name in ("new", "b", "c", "d"):
        Configuration(world.connection, name).history_is_whole()
