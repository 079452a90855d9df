"""What a consumption changes stands in no index and stays in its page; what is history is immutable."""

import json
import re
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.catalogue import CUSTOMERS, FUNCTIONS, HISTORY, uncommented
from tests.sql.configuring import Configuration, small_world
from tests.sql.conftest import Rows

#: The one indexed column that a consumption may change, and only in a predicate: it flips once.
FLIPS_ONCE = ("credit_grant", "is_open")
KEYS = count()


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = small_world(connection)
    world.catalog(
        "set_rates", featureId="chat", rates=[{"creditType": "general", "quantity": "input", "amount": "1"}]
    )
    return world


def consume(world: Configuration, amount: str = "1", times: int = 1, **more: Any) -> list[tuple[Any, ...]]:
    """One call with so many items like that."""
    items = [
        {
            "idempotencyKey": f"key-{next(KEYS)}",
            "featureId": "chat",
            "quantities": [{"name": "input", "amount": amount}],
            **more,
        }
        for _ in range(times)
    ]
    return world.rows("SELECT allowed, reason FROM api.consume(%s, %s)", world.customer_id, Jsonb(items))


def images(world: Configuration) -> dict[tuple[str, str], dict[str, Any]]:
    """Every row a customer has, by table and primary key."""
    found = {}
    for oid, table in world.rows(CUSTOMERS + "AND NOT c.relispartition"):
        keys = world.rows(
            "SELECT a.attname::text FROM pg_constraint AS k CROSS JOIN unnest(k.conkey)"
            " WITH ORDINALITY AS n (n, place)"
            " JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = n.n"
            " WHERE k.conrelid = %s AND k.contype = 'p' ORDER BY n.place",
            oid,
        )
        for (row,) in world.rows(f"SELECT to_json(t)::text FROM core.{table} AS t"):
            image = json.loads(row)
            found[table, str([image[key] for (key,) in keys])] = image
    return found


def changed_by_consuming(world: Configuration) -> set[tuple[str, str]]:
    """Table and column of whatever was changed, and not only added, by consumptions of every kind."""
    world.change("upsert_entity", entityId="ada", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
    world.change("upsert_customer", unknownEntity={"policy": "CREATE", "type": "user", "parentId": "team"})
    for number, amount in enumerate(("3", "4", "100")):
        later = {} if number < 2 else {"effectiveAt": world.clock("1 hour")}
        world.change(
            "grant_credits", idempotencyKey=f"g{number}", creditType="general", amount=amount, **later
        )
    for window, mode in (("MINUTE", "SOFT"), ("DAY", "OBSERVE"), ("TOTAL", "HARD")):
        shape = {"measure": "CREDITS", "creditType": "general", "window": window, "mode": mode}
        world.change("set_budget", budgetId=window, limit="1" if mode != "HARD" else "1000", **shape)
    assert consume(world, entityIds=["ada"]) == [(True, None)]
    before = images(world)
    assert consume(world, amount="5", entityIds=["ada"]) == [(True, None)]
    assert consume(world, amount="4", entityIds=["ada"], overage="OVERDRAFT") == [(True, None)]
    assert consume(world, amount="9", overage="RECORD") == [(True, "INSUFFICIENT_CREDITS")]
    assert consume(world, amount="9") == [(False, "INSUFFICIENT_CREDITS")]
    world.advance("2 days")
    assert consume(world, entityIds=["newcomer"]) == [(True, None)]
    after = images(world)
    return {
        (table, column)
        for (table, key), image in before.items()
        for column, value in image.items()
        if after[table, key][column] != value
    }


def test_no_index_names_what_a_consumption_changes(world: Configuration, rows: Rows) -> None:
    """Seen by consuming: with overdraft, shortfall, a new entity, a new window and a grant that begins."""
    changed = changed_by_consuming(world)
    assert {table for table, _ in changed} == {"gate", "wallet", "credit_grant", "counter"}
    assert FLIPS_ONCE in changed
    indexes = """
        SELECT c.relname::text, i.indexrelid::regclass::text,
               array_to_string(ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, false)
                                     FROM generate_series(1, i.indnatts) AS n), ' '),
               coalesce(pg_get_expr(i.indpred, i.indrelid), '')
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'core'::regnamespace
    """
    wrong = [
        (index, column)
        for table, index, keys, predicate in rows(indexes)
        for changed_table, column in changed
        if table == changed_table
        and (
            re.search(rf"\b{column}\b", keys)
            or ((table, column) != FLIPS_ONCE and re.search(rf"\b{column}\b", predicate))
        )
    ]
    assert wrong == []
    for table in {table for table, _ in changed}:
        [(options,)] = rows("SELECT reloptions FROM pg_class WHERE oid = ('core.' || %s)::regclass", table)
        [fill] = [int(each.split("=")[1]) for each in options or [] if each.startswith("fillfactor=")]
        assert fill <= 80, table


def test_updates_stay_in_their_page(world: Configuration) -> None:
    """Some thousand consumptions, one at a time and in batches: 0.9 of the updates are HOT."""
    worlds = [world, *(Configuration(world.connection, f"other-{n}") for n in range(3))]
    for each in worlds:
        each.change("upsert_customer")
        for number in range(20):
            each.change("grant_credits", idempotencyKey=f"g{number}", creditType="general", amount="100")
        for window in ("MINUTE", "DAY", "MONTH", "TOTAL"):
            shape = {"measure": "CREDITS", "creditType": "general", "window": window, "limit": "100000"}
            each.change("set_budget", budgetId=window, **shape)
    before = updates(world)
    for _ in range(60):
        for each in worlds:
            for size in (1, 1, 1, 5):
                assert consume(each, times=size) == size * [(True, None)]
    after = updates(world)
    made, hot = (after[i] - before[i] for i in range(2))
    assert made > 60 * 4 * 4 * 3
    assert hot >= 0.9 * made, f"{hot} of {made}"


def updates(world: Configuration) -> tuple[int, int]:
    """Of all tables, how many there were, and how many of them HOT."""
    world.one("SELECT pg_stat_force_next_flush()")
    [(made, hot)] = world.rows(
        "SELECT sum(n_tup_upd)::int, sum(n_tup_hot_upd)::int FROM pg_stat_user_tables"
        " WHERE schemaname = 'core'"
    )
    return made, hot


def test_a_consumption_calls_nothing_that_slows_or_does_not_distribute(
    world: Configuration, rows: Rows
) -> None:
    """No NOTIFY, no sequence, no queue but through core.enqueue, and no time but core.clock's.

    Which functions it runs through, the server counts.
    """
    world.connection.execute("SET track_functions = 'all'")
    changed_by_consuming(world)
    world.one("SELECT pg_stat_force_next_flush()")
    ran = {name for (name,) in rows("SELECT funcid::regprocedure::text FROM pg_stat_user_functions")}
    assert {"core.clock()", "core.begin_writing()"} <= ran
    forbidden = re.compile(
        r"\bNOTIFY\b|\bpg_notify\(|\bnextval\(|\bcurrval\(|\brandom\(|\bgen_random_uuid\(|\buuidv[47]\(|"
        r"\bclock_timestamp\(|\bnow\(|\bcurrent_timestamp\b|\bpgmq\."
    )
    for name, source in rows(f"SELECT name, prosrc FROM ({FUNCTIONS}) AS f"):
        if name in ran - {"core.clock()", "core.enqueue(text,text,jsonb,timestamp with time zone)"}:
            assert forbidden.findall(uncommented(source)) == [], name


LEAVES = """
    SELECT relid::regclass::text FROM pg_partition_tree(('core.' || %s)::regclass) UNION SELECT 'core.' || %s
"""


@pytest.mark.parametrize("table", HISTORY)
def test_history_is_never_changed(rows: Rows, world: Configuration, table: str) -> None:
    """Not by its owner, and not in a partition by itself, be it a new one."""
    world.advance("100 days")
    for (leaf,) in rows(LEAVES, table, table):
        assert refusals(rows, leaf, "FOR EACH ROW") >= {"UPDATE", "DELETE"}, leaf
        assert "TRUNCATE" in refusals(rows, leaf, "FOR EACH STATEMENT"), leaf


def refusals(rows: Rows, table: str, level: str) -> set[str]:
    """What triggers of this table refuse, whatever they are asked for and by whom."""
    definitions = rows(
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger"
        " WHERE tgrelid = %s::regclass AND tgfoid = 'core.refuse_change'::regproc"
        " AND tgenabled IN ('O', 'A') AND tgqual IS NULL AND tgattr = ''",
        table,
    )
    found = [definition for (definition,) in definitions if level in definition and " BEFORE " in definition]
    return {word for text in found for word in re.findall(r"UPDATE|DELETE|TRUNCATE", text.split(" ON ")[0])}


@pytest.mark.parametrize("what", ["UPDATE {} SET seq = seq", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_was_recorded_stays(world: Configuration, what: str) -> None:
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="1")
    assert consume(world) == [(True, None)]
    for table in ("ledger_entry", "usage_event", "idempotency", "change"):
        with pytest.raises(psycopg.DatabaseError) as caught:
            world.connection.execute(what.format(f"core.{table}"))  # type: ignore[arg-type]
        assert caught.value.sqlstate == "UC910", table
