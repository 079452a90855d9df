"""Months: made ahead, once; and what DEFAULT has taken in the meantime moves to where it belongs."""

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world

TABLES = ("usage_event", "ledger_entry", "idempotency")


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = small_world(connection)
    rates = [{"creditType": "general", "quantity": "input", "amount": "1"}]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="100")
    return world


def consume(world: Configuration, key: str) -> bool:
    """Whether it was answered before."""
    quantities = [{"name": "input", "amount": "1"}]
    item = {"idempotencyKey": key, "featureId": "chat", "quantities": quantities}
    [(allowed, replayed)] = world.rows("SELECT allowed, replayed FROM api.consume('acme', %s)", Jsonb([item]))
    assert allowed
    return bool(replayed)


def dated_key(world: Configuration) -> str:
    """A UUIDv7 of the database's time."""
    time = world.one("SELECT lpad(to_hex((extract(epoch FROM core.clock()) * 1000)::bigint), 12, '0')")
    return f"{time[:8]}-{time[8:]}-7000-8000-000000000000"


def in_default(world: Configuration) -> list[int]:
    return [world.one(f"SELECT count(*) FROM core.{table}_default") for table in TABLES]


def skip_months(world: Configuration) -> None:
    """A clock that moved without anybody making partitions, as when the maintenance job stands still."""
    world.connection.execute("UPDATE core.installation SET clock_offset = interval '200 days'")


def test_what_default_took_moves_in_the_transaction_that_makes_its_month(world: Configuration) -> None:
    skip_months(world)
    before = {table: world.rows(f"SELECT t::text FROM core.{table} AS t ORDER BY 1") for table in TABLES}
    key = dated_key(world)
    consume(world, key)
    after = {table: world.rows(f"SELECT t::text FROM core.{table} AS t ORDER BY 1") for table in TABLES}
    assert all(len(after[table]) == len(before[table]) + 1 for table in TABLES)
    assert in_default(world) == [1, 1, 1]

    with world.connection.transaction(force_rollback=True):
        assert world.one("SELECT core.ensure_partitions()") == 4 * 3
        assert in_default(world) == [0, 0, 0]
    assert in_default(world) == [1, 1, 1]

    assert world.one("SELECT core.ensure_partitions()") == 4 * 3
    assert in_default(world) == [0, 0, 0]
    for table in TABLES:
        assert world.rows(f"SELECT t::text FROM core.{table} AS t ORDER BY 1") == after[table]
        [(month,)] = world.rows(f'SELECT to_char(core.clock(), \'"core.{table}_"YYYY"_"MM\')')
        assert world.one(f"SELECT count(*) FROM {month}") == 1
        with pytest.raises(psycopg.DatabaseError) as caught:
            world.connection.execute(f"DELETE FROM {month}")
        assert caught.value.sqlstate == "UC910"
    assert consume(world, key), "it is still found under its key"
    assert world.rows("SELECT check_name FROM api.verify() WHERE offender IS NOT NULL") == []


def test_months_are_made_once_and_only_then_is_anything_locked(
    world: Configuration, database_url: str
) -> None:
    with psycopg.connect(database_url) as reader:
        reader.execute("SELECT FROM core.ledger_entry")
        assert world.one("SELECT core.ensure_partitions()") == 0
        skip_months(world)
        world.connection.execute("SET statement_timeout = '2s'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            world.one("SELECT core.ensure_partitions()")
    assert world.one("SELECT core.ensure_partitions()") == 4 * 3
    assert world.one("SELECT core.ensure_partitions()") == 0
    assert world.one("SELECT core.ensure_partitions(4)") == 3


def test_a_default_partition_still_refuses_after_rows_were_moved_out_of_it(world: Configuration) -> None:
    """The one place that takes rows out of history puts its guard back."""
    skip_months(world)
    consume(world, "undated")
    world.one("SELECT core.ensure_partitions()")
    [(disabled,)] = world.rows("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D' AND NOT tgisinternal")
    assert disabled == 0
