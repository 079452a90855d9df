"""``core.book_due``: what time has brought, in order, each an operation of its own."""

import psycopg
import pytest

from tests.sql.configuring import Configuration, small_world


@pytest.fixture
def world(connection) -> Configuration:
    return small_world(connection)


def grant(
    world: Configuration, key: str, amount: str, effective: str, expires: str | None = None, **fields
) -> int:
    """A grant at times given as intervals from now; its number."""
    times = {"effectiveAt": world.clock(effective)} | ({"expiresAt": world.clock(expires)} if expires else {})
    made = world.change(
        "grant_credits", idempotencyKey=key, amount=amount, **({"creditType": "general"} | times | fields)
    )
    return int(made["grantId"])


def operations(world: Configuration, since: int) -> list[tuple]:
    return world.rows(
        "SELECT seq - %s, leg, kind::text, grant_no, trim_scale(amount)::text,"
        " trim_scale(from_balance_after)::text, trim_scale(to_balance_after)::text"
        " FROM core.ledger_entry WHERE seq > %s"
        " UNION ALL SELECT seq - %s, 1, kind, (after ->> 'raiseNo')::bigint, after ->> 'amount', NULL, NULL"
        " FROM core.change WHERE seq > %s ORDER BY 1, 2",
        *(4 * [since]),
    )


def test_in_the_order_of_time(world) -> None:
    world.change(
        "set_budget", budgetId="b", measure="CREDITS", creditType="general", window="TOTAL", limit="1"
    )
    now = grant(world, "now", "4", "-1 day", "2 hours")
    later = grant(world, "later", "5", "1 hour", "3 hours")
    until = world.clock("150 minutes")
    world.change("raise_budget", idempotencyKey="r1", budgetId="b", amount="1", until=until, reason="x")
    ended = world.seq
    for_ever = grant(world, "for ever", "6", "170 minutes")
    since = world.seq
    world.advance("1 day")
    assert world.one("SELECT api.book_due(100)") == 5
    assert operations(world, since) == [
        (1, 1, "GRANT_EFFECTIVE", later, "5", "6", "9"),
        (2, 1, "GRANT_EXPIRED", now, "4", "5", None),
        (3, 1, "RAISE_ENDED", ended, "1", None, None),
        (4, 1, "GRANT_EFFECTIVE", for_ever, "6", "0", "11"),
        (5, 1, "GRANT_EXPIRED", later, "5", "6", None),
    ]
    assert world.rows(
        "SELECT scheduled, available, next_due_at = 'infinity' FROM core.wallet, core.gate"
    ) == [(0, 6, True)]
    assert world.rows(
        "SELECT grant_no, is_open, is_scheduled, remaining FROM core.credit_grant ORDER BY 1"
    ) == [
        (now, False, False, 0),
        (later, False, False, 0),
        (for_ever, True, False, 6),
    ]
    assert world.one("SELECT count(DISTINCT recorded_at) FROM core.ledger_entry WHERE seq > %s", since) == 1
    assert world.one(
        "SELECT bool_and(effective_at < recorded_at) FROM core.ledger_entry WHERE seq > %s", since
    )
    world.history_is_whole()


def test_at_one_instant_what_expires_goes_first(world) -> None:
    at = world.clock("1 hour")
    first = grant(world, "a", "1", "-1 h", None, expiresAt=at)
    second = grant(world, "b", "1", "0 s", None, effectiveAt=at)
    third = grant(world, "c", "1", "-1 h", None, expiresAt=at)
    since = world.seq
    world.advance("1 hour")
    world.one("SELECT api.book_due(100)")
    assert [(kind, no) for _, _, kind, no, *_ in operations(world, since)] == [
        ("GRANT_EXPIRED", first),
        ("GRANT_EXPIRED", third),
        ("GRANT_EFFECTIVE", second),
    ]


def test_what_takes_effect_pays_what_is_owed(world) -> None:
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "50"}])
    early = grant(world, "early", "5", "1 hour", "90 minutes")
    late = grant(world, "late", "10", "2 hours", "3 hours")
    world.connection.execute("UPDATE core.wallet SET owed = 8")
    since = world.seq
    world.advance("1 day")
    assert world.one("SELECT api.book_due(100)") == 3  # nothing was left of the early one to expire
    assert operations(world, since) == [
        (1, 1, "GRANT_EFFECTIVE", early, "5", "10", "5"),
        (1, 2, "OVERDRAFT_REPAID", early, "5", "0", "3"),
        (2, 1, "GRANT_EFFECTIVE", late, "10", "0", "10"),
        (2, 2, "OVERDRAFT_REPAID", late, "3", "7", "0"),
        (3, 1, "GRANT_EXPIRED", late, "7", "0", None),
    ]
    assert world.rows("SELECT scheduled, available, owed FROM core.wallet") == [(0, 0, 0)]
    world.history_is_whole()


def test_more_than_enough_for_one_call_stays_due(world) -> None:
    other = Configuration(world.connection, "zeta")
    other.change("upsert_customer")
    for customer in (world, other):
        for n in range(3):
            grant(customer, f"k{n}", "1", "-1 h", f"{n + 1} minutes")
    world.advance("1 hour")
    assert world.one("SELECT api.book_due(4)") == 4
    left = world.rows("SELECT customer_id, count(*) FROM core.credit_grant WHERE is_open GROUP BY 1")
    assert left == [("zeta", 2)]
    assert world.rows("SELECT customer_id FROM core.gate WHERE next_due_at < 'infinity'") == [("zeta",)]
    assert [world.one("SELECT api.book_due(4)") for _ in range(2)] == [2, 0]
    world.history_is_whole()
    other.history_is_whole()


def test_a_grant_that_was_used_up_leaves_nothing_to_book(world) -> None:
    grant(world, "k", "1", "-1 h", "1 minute")
    world.connection.execute("UPDATE core.credit_grant SET remaining = 0, is_open = false")
    seq = world.seq
    world.advance("1 hour")
    assert world.one("SELECT api.book_due(10)") == 0
    assert world.rows("SELECT seq, next_due_at = 'infinity' FROM core.gate") == [(seq, True)]


def test_a_locked_gate_is_left_to_its_holder(world, database_url) -> None:
    grant(world, "k", "1", "-1 h", "1 minute")
    world.advance("1 hour")
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM core.gate FOR NO KEY UPDATE")
        assert world.one("SELECT api.book_due(10)") == 0
    assert world.one("SELECT api.book_due(10)") == 1
