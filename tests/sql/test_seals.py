"""Seals: whatever the owner of the database does to history afterwards is found, and named."""

import json
import struct
from hashlib import sha256
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from controlplane.types import Role
from tests.sql.catalogue import OPENINGS, SEALED
from tests.sql.configuring import Configuration, small_world


def ask(world: Configuration, key: str, **fields: Any) -> bool:
    """One consumption; whether it was allowed."""
    item = {
        "idempotencyKey": key,
        "featureId": "chat",
        "entityIds": ["ada"],
        "quantities": [{"name": "input", "amount": "1000"}],
        **fields,
    }
    return world.one("SELECT allowed FROM api.consume(%s, %s)", world.customer_id, Jsonb([item]))


def history(connection: psycopg.Connection) -> Configuration:
    """A customer with every kind of row in its history, with and without what may be null."""
    world = small_world(connection)
    rates = [{"creditType": "general", "quantity": name, "amount": "0.002"} for name in ("input", "output")]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.advance("10 s")
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "1"}])
    per_day = {"measure": "CREDITS", "creditType": "general", "window": "DAY", "limit": "1000"}
    world.change("set_budget", budgetId="day", **per_day)
    world.change("set_budget", budgetId="each", each="user", **per_day)
    world.change(
        "raise_budget",
        idempotencyKey="r1",
        budgetId="day",
        amount="5",
        until=world.clock("1 h"),
        reason="launch",
    )
    world.change("grant_credits", idempotencyKey="ada", entityId="ada", creditType="general", amount="1")
    world.change("grant_credits", idempotencyKey="all", creditType="general", amount="10")
    assert ask(world, "plain")  # two slices
    assert not ask(world, "denied", quantities=[{"name": "input", "amount": "90000"}])
    assert not ask(world, "denied again", quantities=[{"name": "input", "amount": "80000"}])
    asked = {"featureId": "chat", "quantities": [{"name": "input", "amount": "100"}]}
    two = [{"idempotencyKey": key, **asked} for key in ("one", "two")]
    answers = world.rows("SELECT allowed, recorded_at FROM api.consume('acme', %s)", Jsonb(two))
    assert answers == [(True, answers[0][1])] * 2  # two operations of one instant
    first, second, _ = (reserve(world, f"held {n}", "300") for n in range(3))  # the last one expires
    step = {"reservationId": first, "quantities": [{"name": "input", "amount": "200"}]}
    for call, given in (
        ("extend", {"reservationId": first, "ttlSeconds": 900}),
        ("settle", {**step, "final": False}),
        ("settle", step),
        ("release", {"reservationId": second}),
    ):
        assert world.one(f"SELECT allowed FROM api.{call}('acme', %s)", Jsonb([given])), call
    assert ask(
        world,
        "full",
        entityIds=["ada", "team"],
        sessionId="s",
        dimensions=[{"key": "model", "value": "große"}],
        quantities=[{"name": "input", "amount": "9000"}],
        overage="RECORD",
        occurredAt=world.clock("-1 s"),
    )
    event = {"usageEventId": str(world.seq), "reason": "slow"}
    for share in ("0.25", "0.75"):
        world.change("reverse_consumption", idempotencyKey=f"back {share}", share=share, **event)
    world.advance("2 hours")  # the raise ends
    world.change("upsert_entity", entityId="eve", type="user")
    return world


def sealed_history(connection: psycopg.Connection) -> Configuration:
    """The same, sealed in several goes, with the guards of history switched off."""
    world = history(connection)
    for up_to in (3, 5, world.seq - 2, None):
        world.one("SELECT api.seal(%s, %s)", world.customer_id, up_to)
    connection.execute("SET session_replication_role = replica")
    assert verdict(world) == []
    return world


def reserve(world: Configuration, key: str, amount: str) -> str:
    """Credits held; the reservation's id."""
    item = {"idempotencyKey": key, "featureId": "chat", "entityIds": ["ada"], "ttlSeconds": 600}
    items = Jsonb([{**item, "quantities": [{"name": "input", "amount": amount}]}])
    return world.one("SELECT answer ->> 'reservationId' FROM api.reserve('acme', %s)", items)


@pytest.fixture
def unsealed(connection: psycopg.Connection) -> Configuration:
    return history(connection)


@pytest.fixture
def sealed(connection: psycopg.Connection) -> Configuration:
    return sealed_history(connection)


def verdict(world: Configuration, heads: list[Any] | None = None) -> list[dict[str, Any]]:
    """All offenders; each check must have told how much it looked at."""
    rows = world.rows(
        "SELECT check_name, checked, offender FROM api.verify_seals(NULL, %s)", heads and Jsonb(heads)
    )
    assert {name for name, checked, _ in rows if checked is not None} == {
        "seals",
        "seal_chain",
        "seal_heads",
    }
    return [{"check": name, **offender} for name, _, offender in rows if offender is not None]


def found(world: Configuration) -> list[tuple[str, int, str]]:
    return [(each["table"], each["seq"], each["happened"]) for each in verdict(world)]


def test_it_looks_at_every_operation(sealed: Configuration) -> None:
    looked = dict(sealed.rows("SELECT check_name, checked FROM api.verify_seals() WHERE checked IS NOT NULL"))
    assert looked == {"seals": sealed.seq, "seal_chain": 4, "seal_heads": 0}
    assert sealed.rows("SELECT offender FROM api.verify() WHERE offender IS NOT NULL") == []


#: What becomes of a value, by its type.
OTHERWISE = {
    "bigint": "{} + 1",
    "integer": "{} + 100",
    "smallint": "{} + 100",
    "numeric": "{} + 0.000000001",
    "text": "{} || 'x'",
    "boolean": "NOT {}",
    "bytea": "{} || '\\x00'",
    "date": "{} - 31",
    "timestamp with time zone": "{} + interval '1 microsecond'",
    "json": "({}::text || ' ')::json",
    "jsonb": "'[0]'::jsonb",
    "core.account": "CASE {0} WHEN 'HELD' THEN 'LEASED' ELSE 'HELD' END::core.account",
    "core.entry_kind": "CASE {0} WHEN 'GRANT' THEN 'CONSUME' ELSE 'GRANT' END::core.entry_kind",
}
#: What a column may hold where there was nothing.
EMPTY = {
    "text": "''",
    "numeric": "0",
    "bigint": "0",
    "json": "'null'",
    "jsonb": "'null'",
    "timestamp with time zone": "'-infinity'",
}

#: A row given another of these stands somewhere else: missing at the one place, too much at the other.
PLACES = {"seq", "from_seq", "allowed", "customer_id"}

COLUMNS = """
    SELECT attname::text, format_type(atttypid, NULL), attnotnull FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""


@pytest.mark.parametrize("table", SEALED)
def test_every_column_is_sealed(sealed: Configuration, table: str) -> None:
    """Of every row: a changed value, one that is taken away, one that is put where none was."""
    without_checks(sealed, table)
    column_of_seq = "from_seq" if table == "counter_window" else "seq"
    columns = sealed.rows(COLUMNS, f"core.{table}")
    assert len(columns) >= 4
    rows = sealed.rows(f"SELECT ctid, tableoid, {column_of_seq} FROM core.{table} ORDER BY 3")
    assert len(rows) > 1
    tried = 0
    for ctid, oid, seq in rows:
        for column, kind, is_needed in columns:
            if column in PLACES:
                continue
            changes = [(OTHERWISE[kind].format(column), "IS NOT NULL")]
            if not is_needed:
                changes += [("NULL", "IS NOT NULL"), (EMPTY[kind], "IS NULL")]
            for change, where in changes:
                with sealed.connection.transaction(force_rollback=True):
                    changed = sealed.connection.execute(
                        f"UPDATE core.{table} SET {column} = {change}"  # type: ignore[arg-type]
                        f" WHERE (tableoid, ctid) = (%s, %s) AND {column} {where}",
                        (oid, ctid),
                    ).rowcount
                    if changed:
                        tried += 1
                        assert found(sealed) == [(table, seq, "ALTERED")], (column, change)
    assert tried >= len(rows) * 2
    assert verdict(sealed) == []


def without_checks(world: Configuration, table: str) -> None:
    """An owner would drop them too."""
    for relation, name in world.rows(
        "SELECT DISTINCT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE contype = 'c' AND conislocal AND conrelid::regclass::text LIKE %s",
        f"core.{table}%",
    ):
        world.connection.execute(f"ALTER TABLE {relation} DROP CONSTRAINT IF EXISTS {name}")  # type: ignore[arg-type]


@pytest.mark.parametrize("table", SEALED)
def test_a_row_that_is_missing_or_too_much(sealed: Configuration, table: str) -> None:
    """The first, one in the middle, the last: each alone, and each as a copy of another."""
    seq = "from_seq" if table == "counter_window" else "seq"
    other = {
        "ledger_entry": "leg = leg + 10",
        "usage_event": "recorded_at = recorded_at + interval '1 s'",
        "change": "seq = (SELECT max(seq) FROM core.usage_event)",
        "counter_window": "counter_no = counter_no + 100",
        "idempotency": "key = key || '\\x41'",
        "reservation_step": "seq = 2",
        "ledger_origin": "seq = 2",
        "reversal": "event_seq = 0, first_seq = 1, seq = 2",
    }[table]
    rows = sealed.rows(f"SELECT tableoid, ctid, {seq} FROM core.{table} ORDER BY 3")
    for oid, ctid, at in rows:
        with sealed.connection.transaction(force_rollback=True):
            sealed.connection.execute(
                f"DELETE FROM core.{table} WHERE (tableoid, ctid) = (%s, %s)",
                (oid, ctid),  # type: ignore[arg-type]
            )
            assert found(sealed) == [(table, at, "DELETED")]
        with sealed.connection.transaction(force_rollback=True):
            sealed.connection.execute(
                f"CREATE TEMP TABLE copied AS SELECT * FROM core.{table} WHERE (tableoid, ctid) = (%s, %s)",  # type: ignore[arg-type]
                (oid, ctid),
            )
            sealed.connection.execute(f"UPDATE copied SET {other}")  # type: ignore[arg-type]
            at = sealed.one(f"SELECT {seq} FROM copied")
            sealed.connection.execute(f"INSERT INTO core.{table} SELECT * FROM copied")  # type: ignore[arg-type]
            assert found(sealed) == [(table, at, "INSERTED")]
    assert verdict(sealed) == []


def test_a_row_that_was_moved(sealed: Configuration) -> None:
    """To another operation, to before the first one, from allowed to denied, to another customer."""
    other = Configuration(sealed.connection, "other")
    other.change("upsert_customer")
    other.one("SELECT api.seal('other')")
    last = sealed.one("SELECT max(seq) FROM core.usage_event")
    moves = {
        f"UPDATE core.usage_event SET seq = 3 WHERE seq = {last}": [
            ("usage_event", 3, "INSERTED"),
            ("usage_event", last, "DELETED"),
        ],
        f"UPDATE core.usage_event SET seq = -1 WHERE seq = {last}": [
            ("usage_event", -1, "INSERTED"),
            ("usage_event", last, "DELETED"),
        ],
        f"UPDATE core.idempotency SET allowed = false WHERE seq = {last}": [
            ("idempotency", last, "DELETED"),
            ("idempotency", last, "INSERTED"),
        ],
        "UPDATE core.change SET customer_id = 'other' WHERE seq = 1 AND customer_id = 'acme'": [
            ("change", 1, "DELETED")
        ],
    }
    sealed.connection.execute("DELETE FROM core.change WHERE customer_id = 'other'")
    for statement, expected in moves.items():
        with sealed.connection.transaction(force_rollback=True):
            assert sealed.connection.execute(statement).rowcount == 1  # type: ignore[arg-type]
            mine = sealed.rows(
                "SELECT offender FROM api.verify_seals(ARRAY['acme']) WHERE offender IS NOT NULL"
            )
            assert [(each["table"], each["seq"], each["happened"]) for (each,) in mine] == expected, statement


def test_the_first_of_many(sealed: Configuration) -> None:
    """Each span speaks for itself: what comes after a span that was tampered with is not suspected."""
    sealed.connection.execute("UPDATE core.change SET actor = 'x' WHERE seq IN (2, 5)")
    sealed.connection.execute("DELETE FROM core.ledger_entry WHERE leg = 2")
    rows = found(sealed)
    assert rows[:2] == [("change", 2, "ALTERED"), ("change", 5, "ALTERED")]
    assert [row[0] for row in rows[2:]] == ["ledger_entry"] * (len(rows) - 2)
    told = verdict(sealed)[2]
    assert (told["leg"], told["happened"]) == (2, "DELETED")


def test_denials_are_sealed_by_what_follows_them(sealed: Configuration) -> None:
    """More of them may come at a seq that is sealed already; what cannot change any more is sealed."""
    more = {"quantities": [{"name": "input", "amount": "90000"}]}
    sealed.connection.execute("SET session_replication_role = origin")
    assert not ask(sealed, "late", **more)
    sealed.one("SELECT api.seal('acme')")
    assert not ask(sealed, "later", **more)
    assert verdict(sealed) == []
    sealed.change("upsert_entity", entityId="joe", type="user")
    sealed.one("SELECT api.seal('acme')")
    assert verdict(sealed) == []
    sealed.connection.execute("SET session_replication_role = replica")
    sealed.connection.execute("DELETE FROM core.idempotency WHERE key = 'later'")
    [told] = verdict(sealed)
    assert told == {
        "check": "seals",
        "table": "idempotency",
        "isDenial": True,
        "seq": sealed.seq - 1,
        "happened": "DELETED",
    }


def test_every_immutable_table_is_sealed(sealed: Configuration) -> None:
    """And every column: a new one must be named where rows are digested."""
    immutable = """
        SELECT c.relname::text FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'customer_id'
        WHERE c.relnamespace = 'core'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND EXISTS (SELECT FROM pg_trigger AS t
                      WHERE t.tgrelid = c.oid AND t.tgfoid = 'core.refuse_change'::regproc)
    """
    assert {name for (name,) in sealed.rows(immutable)} == {*SEALED, *OPENINGS, "seal"}
    source = sealed.one("SELECT prosrc FROM pg_proc WHERE oid = 'core.sealed_rows'::regproc")
    texts = source.split("ROW(\n           '")[1:]
    branches = {text.split("'")[0]: text.split("FROM core.")[0] for text in texts}
    assert set(branches) == set(SEALED)
    for table, text in branches.items():
        for column, _, _ in sealed.rows(COLUMNS, f"core.{table}"):
            assert column == "customer_id" or f".{column}" in text, f"{table}.{column} is not sealed"


SETTINGS = {
    "TimeZone": "Asia/Kolkata",
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "client_encoding": "LATIN1",
    "lc_numeric": "C",
    "search_path": "pg_temp",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}


def test_no_setting_of_a_session_has_a_say(unsealed: Configuration, database_url: str) -> None:
    heads = []
    for settings in ({}, SETTINGS):
        with psycopg.connect(database_url) as session:
            for name, value in settings.items():
                session.execute("SELECT set_config(%s, %s, false)", (name, value))
            heads.append(session.execute("SELECT api.seal('acme')").fetchone()[0]["head"])
            session.rollback()
    assert heads[0] == heads[1]
    unsealed.one("SELECT api.seal('acme')")
    with psycopg.connect(database_url) as session:
        for name, value in SETTINGS.items():
            session.execute("SELECT set_config(%s, %s, false)", (name, value))
        told = session.execute("SELECT offender FROM api.verify_seals() WHERE offender IS NOT NULL")
        assert told.fetchall() == []


def test_the_head_is_made_of_the_rows_alone(unsealed: Configuration) -> None:
    """However the chain is cut, and worked out here once more, from the columns as the server sends them."""
    whole = head(unsealed)
    pieces = []
    for step in (1, 3, 1000):
        with unsealed.connection.transaction(force_rollback=True):
            for up_to in range(step, unsealed.seq + step, step):
                unsealed.one("SELECT api.seal('acme', %s)", up_to)
            pieces.append(unsealed.one("SELECT api.seal_head('acme')"))
    assert {json.dumps(each) for each in pieces} == {json.dumps(pieces[0])}
    assert pieces[0] == {
        "customerId": "acme",
        "seq": str(unsealed.seq),
        "head": whole,
        "incarnation": 1,
    }


def head(world: Configuration) -> str:
    """The chain by hand: sha256 over the head before and the digests of an operation's rows, in order."""
    digests: dict[int, list[tuple[int, bytes]]] = {}
    for seq, table, digest in world.rows(
        "SELECT seq, table_no, digest FROM core.sealed_rows('acme', 0, 1000)"
    ):
        digests.setdefault(seq, []).append((table, digest))
    made = world.one("SELECT core.seal_root('acme')")
    for seq in range(1, world.seq + 1):
        made = sha256(made + b"".join(digest for _, digest in sorted(digests[seq]))).digest()
    return made.hex()


def test_a_digest_is_what_the_server_sends(unsealed: Configuration) -> None:
    """Number of columns; for each the number of its type, its length and its bytes, or -1."""
    row = unsealed.rows(
        "SELECT seq, recorded_at, kind, subject, before::text, after::text, actor,"
        " (extract(epoch FROM recorded_at - timestamptz '2000-01-01 00:00+00') * 1000000)::bigint"
        " FROM core.change WHERE seq = 2"
    )[0]
    seq, _, kind, subject, before, after, actor, micros = row
    int8, timestamptz, raw = 20, 1184, 17
    texts = [(raw, text and text.encode()) for text in (kind, subject, before, after, actor)]
    fields = [(raw, b"change"), (raw, b"acme"), (int8, struct.pack("!q", seq))]
    fields += [(timestamptz, struct.pack("!q", micros)), (timestamptz, None), *texts]
    sent = struct.pack("!i", len(fields))
    for kind_of, value in fields:
        sent += struct.pack("!i", kind_of)
        sent += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    digest = unsealed.one("SELECT digest FROM core.sealed_rows('acme', 1, 2) WHERE table_no = 3")
    assert digest == sha256(sent).digest()


def test_only_the_customers_asked_for(sealed: Configuration) -> None:
    other = Configuration(sealed.connection, "other")
    other.change("upsert_customer")
    other.one("SELECT api.seal('other')")
    sealed.connection.execute("UPDATE core.change SET actor = 'x' WHERE seq = 1")
    rows = sealed.rows(
        "SELECT customer_id, offender ->> 'table' FROM api.verify_seals(ARRAY['other'])"
        " WHERE offender IS NOT NULL"
    )
    assert rows == [("other", "change")]


def test_the_application_may_ask(unsealed: Configuration, login_url: Any) -> None:
    with psycopg.connect(login_url(Role.WORKER), autocommit=True) as worker:
        sealed = worker.execute("SELECT api.seal('acme')").fetchone()[0]
        assert sealed["sealed"] == unsealed.seq
        assert worker.execute("SELECT api.seal('acme')").fetchone()[0] == {**sealed, "sealed": 0}
        assert len(worker.execute("SELECT * FROM api.verify_seals()").fetchall()) == 3


def test_what_cannot_be_sealed(unsealed: Configuration) -> None:
    for call in ("api.seal('nobody')", "api.seal_head('nobody')"):
        with pytest.raises(psycopg.DatabaseError, match="there is no customer nobody") as caught:
            unsealed.one(f"SELECT {call}")
        assert caught.value.sqlstate == "UC101"
    with pytest.raises(psycopg.DatabaseError) as caught:
        unsealed.rows('SELECT * FROM api.verify_seals(NULL, \'[{"seq": "x"}]\')')
    assert caught.value.sqlstate == "UC101"
    fields = {each["field"] for each in json.loads(caught.value.diag.message_detail)["errors"]}
    assert fields == {"heads[0].customerId", "heads[0].seq", "heads[0].head"}
    unsealed.connection.execute("UPDATE core.installation SET identity = 'another'")
    with pytest.raises(psycopg.DatabaseError) as caught:
        unsealed.one("SELECT api.seal('acme')")
    assert caught.value.sqlstate == "UC120"
