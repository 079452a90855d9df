"""How a key is kept; the month inside it, and the CHECK that holds ``core.idempotency`` to that."""

import re
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import small_world

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
UNDATED = "1970-01-01"
INSTALLED = date(2026, 3, 1)


def uuid7(at: datetime) -> str:
    digits = f"{round(at.timestamp() * 1000):012x}7abc9def0123456789ab"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def ulid(at: datetime) -> str:
    milliseconds = round(at.timestamp() * 1000)
    return "".join(CROCKFORD[milliseconds >> 5 * place & 31] for place in reversed(range(10))) + "5" * 16


def month(connection: psycopg.Connection, key: str, not_before: date = INSTALLED) -> str:
    return connection.execute("SELECT core.key_month(%s, %s)::text", (key, not_before)).fetchone()[0]


def test_the_month_inside_a_key(connection) -> None:
    for at, expected in (
        (datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01"),
        (datetime(2026, 3, 31, 23, 59, 59, 999000, tzinfo=UTC), "2026-03-01"),
        (datetime(2026, 2, 28, 23, 59, 59, 999000, tzinfo=UTC), UNDATED),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), "2028-02-01"),
        (datetime(9999, 12, 31, tzinfo=UTC), "9999-12-01"),
    ):
        for key in (uuid7(at), ulid(at), uuid7(at).upper(), ulid(at).lower()):
            assert month(connection, key) == expected, key


GOOD = uuid7(datetime(2026, 5, 5, tzinfo=UTC))
GOOD_ULID = ulid(datetime(2026, 5, 5, tzinfo=UTC))


NEITHER = (
    "",
    "order 17",
    GOOD.replace("-7", "-4"),  # another version
    GOOD[:19] + "c" + GOOD[20:],  # another variant
    GOOD[:3] + "g" + GOOD[4:],
    GOOD[:3] + "-" + GOOD[4:],
    GOOD.replace("-", ""),
    GOOD + " ",
    "{" + GOOD + "}",
    GOOD[:3] + "\u0663" + GOOD[4:],  # a digit, but not one of ours
    "8" + GOOD_ULID[1:],  # more than 128 bits
    "I" + GOOD_ULID[1:],  # letters that the alphabet leaves out
    GOOD_ULID[:5] + "u" + GOOD_ULID[6:],
    GOOD_ULID[:25],
    "\u0131" * 26,
    "é" * 26,
)


def test_any_other_key_is_undated(connection) -> None:
    for key in NEITHER:
        assert month(connection, key) == UNDATED, key


def test_a_key_is_kept_so_that_it_is_the_only_one_and_comes_back(connection) -> None:
    """A UUID in sixteen bytes; what has sixteen bytes as text, or could be taken for a UUID, otherwise."""
    keys = {*NEITHER, GOOD, GOOD.upper(), GOOD_ULID, GOOD_ULID.lower(), GOOD[:8].upper() + GOOD[8:]}
    keys |= {"a" * 15, "a" * 16, "a" * 17, "\u00e9" * 8, "\u00e9" * 16, r"\x00", r"\\", "\U0001f600" * 4}
    kept = dict(
        connection.execute(
            "SELECT k.key, core.key_bytes(k.key) FROM unnest(%s::text[]) AS k (key)"
            " WHERE core.key_text(core.key_bytes(k.key)) = k.key",
            (sorted(keys),),
        ).fetchall()
    )
    assert kept.keys() == keys
    assert len(set(kept.values())) == len(keys)
    short = {key for key, stored in kept.items() if len(stored) == 16}
    assert short == {key for key in keys if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key)}
    assert kept[GOOD] == bytes.fromhex(GOOD.replace("-", ""))


def insert(connection, key: str, key_month: str) -> None:
    connection.execute(
        "INSERT INTO core.idempotency"
        " (customer_id, key_month, key, fingerprint, recorded_at, seq, allowed, answer)"
        " VALUES ('acme', %s, core.key_bytes(%s), '', now(), 0, true, '[]')",
        (key_month, key),
    )


def test_a_stored_month_is_the_keys_own_or_none(connection) -> None:
    for key in (GOOD, GOOD.upper(), GOOD_ULID, GOOD_ULID.lower()):
        insert(connection, key, "2026-05-01")
        insert(connection, key, UNDATED)  # installed later than the key was made
        with pytest.raises(psycopg.errors.CheckViolation, match="idempotency_month_is_the_keys"):
            insert(connection, key, "2026-06-01")


def test_an_undated_key_has_no_month(connection) -> None:
    for key in NEITHER:
        insert(connection, key, UNDATED)
        with pytest.raises(psycopg.errors.CheckViolation, match="idempotency_month_is_the_keys"):
            insert(connection, key, "2026-05-01")


def this_month(connection) -> tuple[date, list[str]]:
    """Its first day, and keys at its edges and of it, in each form, and broken in each way."""
    [(first, until)] = connection.execute(
        "SELECT m.first, m.first + interval '1 month'"
        " FROM (SELECT date_trunc('month', core.clock(), 'UTC') AS first) AS m"
    ).fetchall()
    moments = [first + (until - first) * share for share in (0, 0.4)]
    moments += [until - timedelta(milliseconds=1), first - timedelta(milliseconds=1), until]
    keys = [form for at in moments for form in (uuid7(at), uuid7(at).upper(), ulid(at), ulid(at).lower())]
    key = uuid7(moments[1])
    keys += [
        key.replace("-7", "-4"),
        *(key[:n] + broken + key[n + 1 :] for n in (10, 19, 21, 30) for broken in "cgF-"),
    ]
    return first.date(), sorted(set(keys))


def test_a_decision_finds_the_month_that_the_key_has(connection) -> None:
    """Most keys are compared with the month's bounds (core.judge): the same month as reading them."""
    world = small_world(connection)
    _, keys = this_month(connection)
    items = [{"idempotencyKey": key, "featureId": "none", "quantity": "1"} for key in keys]
    connection.execute("SELECT * FROM api.consume(%s, %s)", (world.customer_id, Jsonb(items)))
    found = connection.execute(
        "SELECT k.key, i.key_month, core.key_month(k.key,"
        " (SELECT date_trunc('month', installed_at, 'UTC')::date FROM core.installation))"
        " FROM core.idempotency AS i, core.key_text(i.key) AS k (key)"
        ' ORDER BY k.key COLLATE "C"'
    ).fetchall()
    assert [key for key, _, _ in found] == keys
    assert [row for row in found if row[1] != row[2]] == []


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_the_zone_of_a_session_changes_no_key(connection, zone: str) -> None:
    """Neither whose month it is, nor what is too far ahead, nor what a replay is."""
    world = small_world(connection)
    world.begin("month")
    [(first, ahead)] = world.rows(
        "SELECT core.clock(), date_trunc('month', core.clock(), 'UTC') + interval '1 month'"
    )
    keys = [uuid7(first), uuid7(first + timedelta(days=15)), uuid7(ahead), ulid(ahead)]
    items = [{"idempotencyKey": key, "featureId": "none", "quantity": "1"} for key in keys]
    asked = "SELECT replayed FROM api.consume(%s, %s)"
    connection.execute(f"SET TimeZone = '{zone}'")
    assert world.rows(asked, world.customer_id, Jsonb(items)) == 4 * [(False,)]
    connection.execute("SET TimeZone = 'UTC'")
    assert world.rows(asked, world.customer_id, Jsonb(items)) == 4 * [(True,)]
    # An hour before the month ends in UTC it is over somewhere, and has not begun elsewhere.
    world.one("SELECT api.advance_clock(%s - interval '1 hour' - core.clock())", ahead)
    later = items[0] | {"idempotencyKey": uuid7(ahead + timedelta(days=40))}
    grant = {"amount": "1", "creditType": "general", "idempotencyKey": later["idempotencyKey"]}
    connection.execute(f"SET TimeZone = '{zone}'")
    for call, given in (("api.consume(%s, %s)", [later]), ("api.grant_credits(%s, %s, 'x')", grant)):
        with pytest.raises(psycopg.DatabaseError, match="its time lies more than a month ahead"):
            world.rows(f"SELECT {call}", world.customer_id, Jsonb(given))


def test_the_months_own_partition_takes_its_keys_only(connection) -> None:
    month_of, keys = this_month(connection)
    for key in keys:
        if month(connection, key, month_of) == str(month_of):
            insert(connection, key, str(month_of))
        else:
            with pytest.raises(psycopg.errors.CheckViolation, match="idempotency_month_is_the_keys"):
                insert(connection, key, str(month_of))
