"""A change of a budget tells of thresholds at its own instant, though the clock goes on while it is made."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import grant, priced, reserve, step, verified

#: Half a minute before the window ends for who asks first, half a minute after it for who asks again.
CLOCK_THAT_GOES_ON = """
    CREATE SEQUENCE core.looks;
    GRANT USAGE ON SEQUENCE core.looks TO PUBLIC;
    CREATE OR REPLACE FUNCTION core.clock() RETURNS timestamptz LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      RETURN (SELECT window_end FROM core.counter) + (nextval('core.looks') - 1.5) * interval '1 minute';
    END $$
"""


def lower(world: Configuration) -> None:
    world.change("set_budget", budgetId="b", limit="10")


def go_on(world: Configuration) -> None:
    world.change("pause_budget", budgetId="b", paused=False)


def end_raise(world: Configuration) -> None:
    world.change("upsert_entity", entityId="ada", name="Ada")


@pytest.mark.parametrize("change", [lower, go_on, end_raise])
def test_of_a_window_that_ends_meanwhile(connection, change: Callable[[Configuration], None]) -> None:
    world = priced(small_world(connection))
    grant(world, "100")
    world.change(
        "set_budget",
        budgetId="b",
        measure="CREDITS",
        creditType="general",
        window="DAY",
        anchorAt=world.clock("1 hour"),
        limit="20" if change is lower else "10",
        thresholds=["0.8"],
    )
    if change is end_raise:
        more = {"amount": "10", "until": world.clock("3560 seconds"), "reason": "a rush"}
        world.change("raise_budget", idempotencyKey="r", budgetId="b", **more)
    held = reserve(world, "8")
    if change is go_on:
        world.change("pause_budget", budgetId="b", paused=True)
    step(world, "settle", held, quantities=[{"name": "input", "amount": "8"}], final=True)
    assert world.rows("SELECT FROM pgmq.q_alert") == []
    connection.execute(CLOCK_THAT_GOES_ON)
    change(world)
    [(threshold, told_at, window_end)] = world.rows(
        "SELECT message ->> 'threshold', (message ->> 'at')::timestamptz, window_end"
        " FROM pgmq.q_alert, core.counter"
    )
    assert (threshold, window_end - told_at) == ("0.8", timedelta(seconds=30))
    verified(world)
