"""Months are made while everything goes on: nobody who spends, reads or makes them too is a victim of it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world

KEYS = count()


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = small_world(connection)
    rates = [{"creditType": "general", "quantity": "input", "amount": "1"}]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="100000")
    return world


def ask(amount: str = "1") -> Jsonb:
    quantities = [{"name": "input", "amount": amount}]
    return Jsonb([{"idempotencyKey": f"key-{next(KEYS)}", "featureId": "chat", "quantities": quantities}])


def consume(connection: psycopg.Connection, amount: str = "1") -> bool:
    rows = connection.execute("SELECT allowed FROM api.consume('acme', %s)", (ask(amount),)).fetchall()
    return bool(rows[0][0])


def grant(connection: psycopg.Connection) -> None:
    given = {"idempotencyKey": f"grant-{next(KEYS)}", "creditType": "general", "amount": "1"}
    connection.execute("SELECT api.grant_credits('acme', %s, 'test')", (Jsonb(given),))


def read(connection: psycopg.Connection) -> None:
    connection.execute("SELECT * FROM api.verify(ARRAY['acme'])").fetchall()


def make_months(connection: psycopg.Connection) -> None:
    connection.execute("SELECT api.advance_clock('40 days')")


@contextmanager
def going_on(url: str, *work: Callable[[psycopg.Connection], object]) -> Iterator[list[Future[int]]]:
    """Each in a session of its own, again and again until the block ends; then how often each was done."""
    stop = threading.Event()

    def run(step: Callable[[psycopg.Connection], object]) -> int:
        done = 0
        with psycopg.connect(url, autocommit=True) as session:
            while not stop.is_set():
                step(session)
                done += 1
        return done

    with ThreadPoolExecutor(len(work)) as pool:
        running = [pool.submit(run, step) for step in work]
        try:
            yield running
        finally:
            stop.set()


def waits_for_a_table(world: Configuration, name: str) -> None:
    deadline = time.monotonic() + 20
    waiting = "SELECT FROM pg_stat_activity WHERE application_name = %s AND wait_event = 'relation'"
    while not world.rows(waiting, name):
        assert time.monotonic() < deadline, f"{name} does not wait"
        time.sleep(0.01)


def test_a_consumption_that_has_begun_goes_on(world: Configuration, database_url: str) -> None:
    """A transaction that has written a denial, and then an event, while months ahead are made."""

    def make() -> None:
        with psycopg.connect(database_url, autocommit=True, application_name="maker") as session:
            make_months(session)

    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url) as spender:
        assert not consume(spender, "1000000")
        maker = pool.submit(make)
        waits_for_a_table(world, "maker")
        assert consume(spender, "3")
        assert not maker.done()
        spender.commit()
        maker.result(60)
    assert world.rows("SELECT check_name FROM api.verify() WHERE offender IS NOT NULL") == []


def test_nobody_is_a_victim(world: Configuration, database_url: str) -> None:
    """Neither spenders, nor a giver, nor a reader of everything, nor the one who makes months."""
    before = months(world)
    work = (consume, consume, consume, grant, read)
    with going_on(database_url, *work) as running, psycopg.connect(database_url, autocommit=True) as maker:
        for _ in range(6):
            make_months(maker)
            time.sleep(0.1)
    assert all(each.result() > 0 for each in running)
    assert months(world) > before + 3 * 6
    assert world.rows("SELECT check_name FROM api.verify() WHERE offender IS NOT NULL") == []
    spent = running[0].result() + running[1].result() + running[2].result()
    assert world.rows("SELECT count(*) FROM core.usage_event") == [(spent,)]


def test_two_who_make_them_at_once_make_them_once(world: Configuration, database_url: str) -> None:
    """The first holds the tables until it commits; the second then finds everything made."""
    before = months(world)
    world.connection.execute("UPDATE core.installation SET clock_offset = interval '100 days'")
    second: Future[Any]
    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url) as first:
        made = first.execute("SELECT core.ensure_partitions()").fetchone()

        def make() -> Any:
            with psycopg.connect(database_url, autocommit=True, application_name="maker") as session:
                return session.execute("SELECT core.ensure_partitions()").fetchone()

        second = pool.submit(make)
        waits_for_a_table(world, "maker")
        first.commit()
        assert second.result(60) == (0,)
    assert made == (months(world) - before,)


def months(world: Configuration) -> int:
    """How many partitions there are."""
    return int(world.one("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'"))
