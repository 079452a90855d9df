"""``api.close_month``: what it refuses afterwards, what it books before, and who may be in between."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import ACTOR, Configuration, small_world


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    """In the third month of an installation; something was granted and used in each of them."""
    world = small_world(connection)
    world.catalog(
        "set_rates", featureId="chat", rates=[{"creditType": "general", "quantity": "input", "amount": "1"}]
    )
    for month in range(3):
        if month:
            next_month(world)
        world.change("grant_credits", idempotencyKey=f"g{month}", creditType="general", amount="9")
        world.rows("SELECT * FROM api.consume('acme', %s)", Jsonb([item(f"c{month}")]))
    return world


def next_month(world: Configuration) -> None:
    """On to its second day."""
    world.advance(
        world.one("SELECT date_trunc('month', core.clock(), 'UTC') + interval '1 month 1 day' - core.clock()")
    )


def item(key: str, occurred: str | None = None, **more: Any) -> dict[str, Any]:
    made = {"idempotencyKey": key, "featureId": "chat", "quantities": [{"name": "input", "amount": "1"}]}
    return made | ({} if occurred is None else {"overage": "RECORD", "occurredAt": occurred}) | more


def month(world: Configuration, back: int = 0) -> str:
    """The first day of a month, so many before this one."""
    return world.one(
        "SELECT (date_trunc('month', core.clock() AT TIME ZONE 'UTC')"
        " - make_interval(months => %s))::date::text",
        back,
    )


def close(world: Configuration, which: str, limit: int = 500) -> list[dict[str, Any]]:
    """Close it; what each call answered."""
    answers: list[dict[str, Any]] = []
    while not answers or answers[-1]["state"] != "CLOSED":
        assert len(answers) < 60, answers
        answers.append(world.one("SELECT api.close_month(%s, %s, %s)", which, ACTOR, limit))
    return answers


def codes(
    world: Configuration, which: str | None, actor: str = ACTOR, limit: int = 1
) -> list[tuple[str, str]]:
    with pytest.raises(psycopg.DatabaseError) as caught:
        world.one("SELECT api.close_month(%s, %s, %s)", which, actor, limit)
    assert caught.value.sqlstate == "UC101", caught.value
    return [(e["field"], e["code"]) for e in json.loads(caught.value.diag.message_detail or "")["errors"]]


def record(world: Configuration, key: str, occurred: str) -> str | None:
    """The code of its refusal; None if it was recorded."""
    try:
        answers = world.rows("SELECT allowed FROM api.consume('acme', %s)", Jsonb([item(key, occurred)]))
    except psycopg.DatabaseError as error:
        detail = json.loads(error.diag.message_detail or "{}")
        return str(detail["code"]) if detail["field"] == "occurredAt" else str(error)
    return None if answers == [(True,)] else str(answers)


def within(which: str, day: int = 20) -> str:
    return f"{which[:8]}{day:02}T12:00:00Z"


def offenders(world: Configuration) -> list[tuple[str, Any]]:
    return world.rows("SELECT check_name, offender FROM api.verify() WHERE offender IS NOT NULL")


def test_the_open_period_begins_where_the_last_closed_month_ends(world: Configuration) -> None:
    """Before any was closed it is this month; then it is longer or shorter, as the books are."""
    world.connection.execute("UPDATE core.rate SET effective_from = '2020-01-01'")
    assert record(world, "a", within(month(world, 1), 28)) == "PERIOD_CLOSED"
    close(world, month(world, 2))
    last = month(world, 1)
    assert record(world, "b", within(last)) is None
    assert record(world, "c", within(month(world, 2), 28)) == "PERIOD_CLOSED"
    assert record(world, "d", f"{last}T00:00:00Z") is None
    close(world, last)
    assert record(world, "e", within(last)) == "PERIOD_CLOSED"
    assert record(world, "f", f"{month(world)}T00:00:00Z") is None
    assert record(world, "b", within(last)) is None  # a replay, though its month is closed
    next_month(world)
    assert record(world, "g", within(month(world, 1))) is None
    assert offenders(world) == []


def test_step_by_step(world: Configuration) -> None:
    first = month(world, 2)
    assert [answer["state"] for answer in close(world, first)] == 2 * ["WAITING"] + 2 * ["WAITING"] + [
        "CLOSED"
    ]
    state = world.rows("SELECT clock_floor = open_from AND open_from = closed_until FROM core.installation")
    assert state == [(True,)]
    changes = "SELECT subject, before ->> 'state', after ->> 'state', actor FROM core.installation_change"
    assert world.rows(f"{changes} WHERE kind = 'MONTH' ORDER BY recorded_at") == [
        (first[:7], "OPEN", "CLOSING", ACTOR),
        (first[:7], "CLOSING", "CLOSED", ACTOR),
    ]
    [again] = close(world, first)
    assert (again["already"], again["closedBy"]) == (True, ACTOR)
    assert world.rows(f"{changes} WHERE kind = 'MONTH' OFFSET 2") == []
    assert world.rows("SELECT month::text, last_seq > 0 FROM core.customer_month") == [
        (month(world, 1), True)
    ]
    assert offenders(world) == []


def test_what_is_refused(world: Configuration) -> None:
    assert codes(world, None) == [("month", "NOT_A_MONTH")]
    assert codes(world, month(world)[:8] + "02") == [("month", "NOT_A_MONTH")]
    assert codes(world, month(world)) == [("month", "NOT_OVER")]
    assert codes(world, month(world, 1), actor="") == [("actor", "EMPTY")]
    assert codes(world, month(world, 1), limit=0) == [("limit", "OUT_OF_RANGE")]
    world.one("SELECT api.close_month(%s, 'x')", month(world, 2))
    assert codes(world, month(world, 1)) == [("month", "NOT_NEXT")]  # the first is being closed
    close(world, month(world, 2))
    next_month(world)
    assert codes(world, month(world, 1)) == [("month", "NOT_NEXT")]  # the one before it is to come first
    close(world, month(world, 2))
    close(world, month(world, 1))


def test_the_first_closes_all_before_it(world: Configuration) -> None:
    close(world, month(world, 1))
    [again] = close(world, month(world, 2))
    assert again["already"] is True
    assert record(world, "a", within(month(world, 2), 28)) == "PERIOD_CLOSED"


def test_what_was_due_is_booked_first(world: Configuration) -> None:
    """Of customers whom nobody asked for since, a few at a time."""
    others = [Configuration(world.connection, f"c{n}") for n in range(5)]
    for other in others:
        other.change("upsert_customer")
        fields = {"idempotencyKey": "g", "creditType": "general", "amount": "1"}
        other.change("grant_credits", expiresAt=world.clock("3 days"), **fields)
    next_month(world)
    states = [(answer["state"], answer.get("customers")) for answer in close(world, month(world, 1), limit=2)]
    assert [state for state in states if state[0] == "BOOKING"] == [("BOOKING", 2), ("BOOKING", 2)]
    booked = world.rows(
        "SELECT customer_id, effective_at < closed_until, recorded_at >= closed_until"
        " FROM core.ledger_entry, core.installation WHERE kind = 'GRANT_EXPIRED' ORDER BY 1"
    )
    assert booked == [(f"c{n}", True, True) for n in range(5)]
    assert offenders(world) == []


def test_who_holds_a_gate_is_waited_for(world: Configuration, database_url: str) -> None:
    """A call that began before may still record into the month; it is closed when that has ended."""
    which = month(world, 1)
    close(world, month(world, 2))
    world.connection.execute("UPDATE core.rate SET effective_from = '2020-01-01'")
    with psycopg.connect(database_url) as early:
        early.execute("SELECT allowed FROM api.consume('acme', %s)", (Jsonb([item("early", within(which))]),))
        for _ in range(4):
            answer = world.one("SELECT api.close_month(%s, %s)", which, ACTOR)
            assert answer["state"] == "WAITING"
        assert answer["transactions"] == 1
        other = Configuration(world.connection, "other")
        other.change("upsert_customer")
        with pytest.raises(psycopg.DatabaseError, match="open period begins"):
            world.rows("SELECT * FROM api.consume('other', %s)", Jsonb([item("late", within(which))]))
        early.commit()
    close(world, which)
    assert world.rows("SELECT count(*) FROM core.usage_event WHERE occurred_at < recorded_at") == [(1,)]
    assert offenders(world) == []


def test_a_gate_that_is_held_delays_what_is_due(world: Configuration, database_url: str) -> None:
    fields = {"idempotencyKey": "g", "creditType": "general", "amount": "1"}
    world.change("grant_credits", expiresAt=world.clock("3 days"), **fields)
    next_month(world)
    which = month(world, 1)
    with psycopg.connect(database_url, autocommit=True) as holder:
        for _ in range(2):
            world.one("SELECT api.close_month(%s, %s)", which, ACTOR)
        with holder.transaction():
            holder.execute("SELECT FROM core.gate WHERE customer_id = 'acme' FOR NO KEY UPDATE")
            answer = world.one("SELECT api.close_month(%s, %s)", which, ACTOR)
            assert (answer["state"], answer["customers"]) == ("BOOKING", 0)
    close(world, which)
    assert world.one("SELECT count(*) FROM core.ledger_entry WHERE kind = 'GRANT_EXPIRED'") == 1


FENCED = {
    "ledger_entry": (
        "INSERT INTO core.ledger_entry"
        " (customer_id, seq, leg, recorded_at, effective_at, kind, from_wallet_no,"
        " to_wallet_no, from_account, to_account, amount, from_balance_after, to_balance_after)"
        " SELECT customer_id, seq, 9, %(recorded)s, %(then)s, kind, from_wallet_no,"
        " to_wallet_no, from_account,"
        " to_account, amount, from_balance_after, to_balance_after FROM core.ledger_entry"
        " ORDER BY seq DESC LIMIT 1"
    ),
    "usage_event": (
        "INSERT INTO core.usage_event"
        " (customer_id, seq, recorded_at, occurred_at, catalog_version, feature_id,"
        " quantities, path) VALUES ('acme', 999, %(recorded)s, %(then)s, 1, 'chat', '{}', '[0]')"
    ),
    "change": (
        "INSERT INTO core.change (customer_id, seq, recorded_at, effective_at, kind, subject, actor)"
        " VALUES ('acme', 999, %(recorded)s, %(then)s, 'X', 'x', 'x')"
    ),
}


@pytest.mark.parametrize("table", FENCED)
def test_the_last_fence(world: Configuration, table: str) -> None:
    """Whoever writes rows of a closed month, by whatever time, is refused; in an open one he is not."""
    first, last, now = (f"{month(world, back)}T00:00:00Z" for back in (2, 1, 0))

    def insert(recorded: str, then: str | None) -> str | None:
        try:
            with world.connection.transaction(force_rollback=True):
                values = {"recorded": recorded, "then": then}
                world.connection.execute(FENCED[table], values)  # type: ignore[call-overload]
        except psycopg.DatabaseError as error:
            return error.sqlstate
        return None

    before = month(world, 20) + "T00:00:00Z"  # in the DEFAULT partition
    assert [insert(first, None), insert(now, first), insert(before, None)] == 3 * [None]
    close(world, month(world, 2))
    assert [insert(first, None), insert(last, first), insert(now, first), insert(before, None)] == 4 * [
        "UC911"
    ]
    assert [insert(last, None), insert(now, last), insert(now, None)] == 3 * [None]
    close(world, month(world, 1))
    assert [insert(last, None), insert(now, last), insert(now, None)] == ["UC911", "UC911", None]


def test_a_dry_run(world: Configuration) -> None:
    which = month(world, 1)
    found = world.one("SELECT api.read_closing(%s)", which)
    assert found == {
        "month": which,
        "state": "OPEN",
        "closedUntil": None,
        "errors": [],
        "customers": 1,
        "toBook": 0,
        "toOpen": 1,
        "events": 1,
        "entries": 2,
    }
    [error] = world.one("SELECT api.read_closing(%s)", month(world))["errors"]
    assert (error["field"], error["code"]) == ("month", "NOT_OVER")
    world.one("SELECT api.close_month(%s, 'x')", which)
    assert world.one("SELECT api.read_closing(%s)", which)["state"] == "CLOSING"
    close(world, which)
    found = world.one("SELECT api.read_closing(%s)", which)
    assert (found["state"], found["toOpen"]) == ("CLOSED", 0)
    assert datetime.fromisoformat(found["closedUntil"]) == datetime.fromisoformat(f"{month(world)}T00:00:00Z")


def test_a_restored_copy_waits_for_its_own_transactions(world: Configuration) -> None:
    """Numbers of transactions are those of one server: under another identity they are drawn anew."""
    which = month(world, 2)
    for _ in range(2):
        world.one("SELECT api.close_month(%s, 'x')", which)
    world.connection.execute("UPDATE core.month SET horizon = '1000000000', horizon_identity = 'another'")
    assert world.one("SELECT api.close_month(%s, 'x')", which)["state"] == "WAITING"
    close(world, which)


def test_rows_that_came_after_are_found(world: Configuration) -> None:
    which = month(world, 1)
    close(world, which)
    world.change("grant_credits", idempotencyKey="late", creditType="general", amount="1")
    world.connection.execute("SET session_replication_role = replica")
    world.connection.execute(
        "UPDATE core.ledger_entry SET effective_at = %s WHERE seq = %s", (within(which), world.seq)
    )
    assert [name for name, _ in offenders(world)] == ["openings"]


def test_closing_while_everybody_records(world: Configuration, database_url: str) -> None:
    """On real connections: what is recorded of the month is there when it is closed, and nothing after."""
    which = month(world, 1)
    close(world, month(world, 2))
    world.connection.execute("UPDATE core.rate SET effective_from = '2020-01-01'")
    customers = [f"c{n}" for n in range(4)]
    for name in customers:
        other = Configuration(world.connection, name)
        other.change("upsert_customer")
        other.change("grant_credits", idempotencyKey="g", creditType="general", amount="1000")
    start, stop = threading.Barrier(len(customers) + 1), threading.Event()

    def go_on(name: str) -> tuple[int, int]:
        """How many were recorded as of the month, and how many refused, until told to stop."""
        said = [0, 0]
        with psycopg.connect(database_url, autocommit=True) as session:
            start.wait()
            while not stop.is_set():
                asked = Jsonb([item(f"{name}-{sum(said)}", within(which))])
                try:
                    session.execute("SELECT * FROM api.consume(%s, %s)", (name, asked))
                    said[0] += 1
                except psycopg.DatabaseError as error:
                    if json.loads(error.diag.message_detail or "{}").get("code") != "PERIOD_CLOSED":
                        raise
                    said[1] += 1
        return said[0], said[1]

    of_the_month = "SELECT count(*) FROM core.usage_event, core.installation WHERE occurred_at < closed_until"
    with ThreadPoolExecutor(len(customers)) as pool:
        going = [pool.submit(go_on, name) for name in customers]
        start.wait()
        time.sleep(0.5)
        close(world, which)
        closed_with = world.one(of_the_month)
        time.sleep(0.5)
        stop.set()
        said = [each.result() for each in going]
    assert closed_with == sum(recorded for recorded, _ in said) > len(customers)
    assert world.one(of_the_month) == closed_with
    assert min(refused for _, refused in said) > 0
    assert offenders(world) == []


def test_another_database_of_the_cluster_delays_nothing(world: Configuration, database_url: str) -> None:
    """Transaction numbers are the cluster's; who works elsewhere is not waited for."""
    world.advance("40 days")
    with psycopg.connect(database_url, dbname="postgres") as elsewhere:
        elsewhere.execute("SELECT pg_current_xact_id()")
        assert len(close(world, month(world, 1))) < 20
