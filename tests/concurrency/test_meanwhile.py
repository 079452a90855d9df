"""A customer that comes to be while a consumption runs. Each step waits for the other."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world

#: The clock as it is, but a session named ``paused`` waits for an advisory lock before it is told the time.
PAUSING_CLOCK = """
    CREATE OR REPLACE FUNCTION core.clock() RETURNS timestamptz LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF current_setting('application_name') = 'paused' THEN
        PERFORM pg_advisory_lock_shared(7);
        PERFORM pg_advisory_unlock_shared(7);
      END IF;
      RETURN clock_timestamp() + (SELECT clock_offset FROM core.installation);
    END $$
"""


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = small_world(connection)
    rates = [{"creditType": "general", "quantity": "input", "amount": "1"}]
    world.catalog("set_rates", featureId="chat", rates=rates)
    return world


def ask(key: str, amount: str, customer: str = "acme") -> dict[str, Any]:
    quantities = [{"name": "input", "amount": amount}]
    return {"idempotencyKey": key, "featureId": "chat", "quantities": quantities, "customerId": customer}


def waits(connection: psycopg.Connection, name: str, what: str) -> None:
    """Returns once the session of this name waits for that."""
    deadline = time.monotonic() + 20
    statement = "SELECT FROM pg_stat_activity WHERE application_name = %s AND wait_event = %s"
    while connection.execute(statement, (name, what)).fetchone() is None:
        assert time.monotonic() < deadline, f"{name} does not wait for {what}"
        time.sleep(0.01)


def in_session(url: str, name: str, statement: str, *arguments: Any) -> Callable[[], list[Any]]:
    def run() -> list[Any]:
        with psycopg.connect(url, autocommit=True, application_name=name) as session:
            return session.execute(statement, arguments).fetchall()  # type: ignore[arg-type]

    return run


@pytest.mark.parametrize("many", [False, True])
def test_a_customer_made_meanwhile_is_not_decided_on_without_its_gate(
    world: Configuration, database_url: str, many: bool
) -> None:
    """Its gate was looked for in vain; then it is made, gets credits, and another is spending them."""
    asked = ask("first", "10", "new")
    door = "api.consume_many(%s)" if many else "api.consume('new', %s)"
    statement = f"SELECT allowed, reason, deferred FROM {door}"
    world.connection.execute(PAUSING_CLOCK)
    world.connection.execute("SELECT pg_advisory_lock(7)")
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url) as other:
        first: Future[list[Any]] = pool.submit(in_session(database_url, "paused", statement, Jsonb([asked])))
        waits(world.connection, "paused", "advisory")
        new = Configuration(world.connection, "new")
        new.change("upsert_customer")
        new.change("grant_credits", idempotencyKey="g", creditType="general", amount="15")
        spent = "SELECT allowed FROM api.consume('new', %s)"
        assert other.execute(spent, (Jsonb([ask("second", "10", "new")]),)).fetchall() == [(True,)]
        world.connection.execute("SELECT pg_advisory_unlock(7)")
        deadline = time.monotonic() + 2
        while not first.done() and time.monotonic() < deadline:  # it may wait for the gate, or answer at once
            time.sleep(0.01)
        other.commit()
        answer = first.result(20)
    assert answer in (
        [(False, "INSUFFICIENT_CREDITS", False)],
        [(False, "CUSTOMER_NOT_FOUND", False)],
        [(False, None, True)],
    )
    assert world.rows("SELECT check_name FROM api.verify() WHERE offender IS NOT NULL") == []
