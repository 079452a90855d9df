"""``api.verify`` on what was reversed: whatever is tampered with is found; and their money."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import grant, priced
from tests.sql.test_openings import opened
from tests.sql.test_reverse_consumption import ask, budgets, reverse

D = Decimal


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    return priced(small_world(connection))


def offended(world: Configuration) -> set[str]:
    return {name for (name,) in world.rows("SELECT check_name FROM api.verify() WHERE offender IS NOT NULL")}


TAMPERED = {
    "UPDATE core.reversal SET share = share / 2": {"reversals"},
    "UPDATE core.reversal SET share = 1 WHERE share = 0.25": {"reversals"},
    "UPDATE core.reversal SET event_recorded_at = event_recorded_at - interval '1 s'": {"reversals"},
    "UPDATE core.reversal SET event_seq = event_seq - 1": {"reversals"},
    'UPDATE core.reversal SET quantities = \'{"input": "1"}\'': {"reversals"},
    "UPDATE core.reversal SET credits = NULL WHERE share = 0.25": {"reversals"},
    """UPDATE core.reversal SET shortfall = '{"general": "1"}' WHERE share = 0.25""": {"reversals"},
    "UPDATE core.reversal SET counters = NULL WHERE share = 0.25": {"counters"},
    "UPDATE core.reversal SET first_seq = seq WHERE first_seq < seq": {"reversals", "seq"},
    "UPDATE core.ledger_entry SET amount = amount / 2 WHERE kind = 'REVERSAL' AND grant_no <> seq": {
        "balances",
        "balances_after",
        "grants",
        "reversals",
    },
    # Another grant gets back what this one had paid.
    "UPDATE core.ledger_entry SET grant_no = (SELECT min(grant_no) FROM core.credit_grant)"
    " WHERE kind = 'REVERSAL' AND grant_no <> seq": {"grants", "reversals"},
    "UPDATE core.credit_grant SET from_grant_no = NULL WHERE grant_kind = 'ADJUSTMENT'": {
        "granted",
        "reversals",
    },
    "UPDATE core.credit_grant SET from_grant_no = 1 WHERE amount = 60": {"granted", "terms"},
    "DELETE FROM core.reversal WHERE share = 0.5": {"counters", "keys", "reversals", "seq"},
    "DELETE FROM core.idempotency WHERE seq = (SELECT max(seq) FROM core.reversal)": {"keys"},
    "DELETE FROM core.ledger_entry WHERE kind = 'REVERSAL' AND grant_no <> seq": {
        "balances",
        "balances_after",
        "grants",
        "reversals",
    },
}


def test_whatever_is_tampered_with_is_found(world: Configuration) -> None:
    """Two lots that expire, one that does not; half while they are in force, a quarter afterwards."""
    budgets(world)
    ends = world.clock("1 hour")
    grant(world, "3", expiresAt=ends, priority=1)
    grant(world, "4", expiresAt=ends, priority=2)
    grant(world, "60")
    event = ask(world, "12")
    reverse(world, event, "0.5")  # 5 and 1
    world.advance("2 hours")
    reverse(world, event, "0.45")  # the rest of the second, and part of the first
    reverse(world, ask(world, "1"), "0.25")
    assert offended(world) == set()
    world.connection.execute("SET session_replication_role = replica")
    for statement, expected in TAMPERED.items():
        with world.connection.transaction(force_rollback=True):
            changed = world.connection.execute(statement).rowcount  # type: ignore[arg-type]
            assert changed > 0, statement
            assert offended(world) == expected, statement
    assert offended(world) == set()


def money(world: Configuration, *grants: str) -> list[tuple[str, str, Decimal]]:
    return world.rows(
        "SELECT kind, to_account, money FROM report.ledger"
        " WHERE customer_id = 'acme' AND grant_id = ANY (%s) ORDER BY seq, leg",
        list(grants),
    )


def balances(world: Configuration) -> dict[str, Decimal]:
    """What stands on each account of the general ledger that has something."""
    return dict(
        world.rows(
            "SELECT money_account, sum(money_credit - money_debit) FROM report.ledger_legs"
            " WHERE customer_id = 'acme' GROUP BY 1 HAVING sum(money_credit - money_debit) <> 0"
        )
    )


def test_money_comes_back_as_it_went(world: Configuration) -> None:
    """Three credits for one euro; the second costs a cent more, and comes back with it."""
    lot = grant(world, "3", costBasis="0.333333333", currency="EUR")
    ask(world, "1")
    second = ask(world, "1")
    reverse(world, second)
    ask(world, "2")
    assert money(world, lot) == [
        ("GRANT", "AVAILABLE", D("1.00")),
        ("CONSUME", "CONSUMED", D("0.33")),
        ("CONSUME", "CONSUMED", D("0.34")),
        ("REVERSAL", "AVAILABLE", D("0.34")),
        ("CONSUME", "CONSUMED", D("0.67")),
    ]
    assert balances(world) == {"BILLED": D("-1.00"), "RECOGNISED_REVENUE": D("1.00")}
    shown = world.rows(
        "SELECT actor, source FROM report.ledger WHERE customer_id = 'acme' AND kind = 'REVERSAL'"
    )
    assert shown == [("test", f"usage:{second}")]


@pytest.mark.parametrize(("policy", "there"), [("ADJUSTMENT", "DEFERRED_REVENUE"), ("LAPSE", "BREAKAGE")])
def test_money_of_what_has_expired(world: Configuration, policy: str, there: str) -> None:
    world.change("upsert_customer", reversalOfExpired=policy)
    grant(world, "3", costBasis="0.333333333", currency="EUR", expiresAt=world.clock("1 hour"))
    event = ask(world, "3")
    world.advance("2 hours")
    reverse(world, event, "0.666666666")  # 1.999999 credits: 67 cents
    assert balances(world) == {
        "BILLED": D("-1.00"),
        "RECOGNISED_REVENUE": D("0.33"),
        there: D("0.67"),
    }
    if policy == "ADJUSTMENT":
        ask(world, "1.999999")
        assert balances(world) == {"BILLED": D("-1.00"), "RECOGNISED_REVENUE": D("1.00")}


def test_a_month_begins_with_what_was_reversed(world: Configuration) -> None:
    """Openings know what came back in another month than it went, and what became a grant of its own."""
    priced_lot: dict[str, Any] = {"costBasis": "0.333333333", "currency": "EUR"}
    lot = grant(world, "3", **priced_lot)
    gone = grant(world, "3", expiresAt=world.clock("1 hour"), priority=1, **priced_lot)
    event = ask(world, "6")
    world.advance("2 hours")
    world.advance("31 days")
    opened(world)
    reverse(world, event, "0.666666667")
    assert offended(world) == set()
    [(made, amount)] = world.rows(
        "SELECT grant_no::text, amount FROM core.credit_grant WHERE from_grant_no = %s", gone
    )
    assert amount == D("1.000000000")
    world.advance("31 days")
    opened(world)
    ask(world, "4")
    assert offended(world) == set()
    assert balances(world) == {"BILLED": D("-2.00"), "RECOGNISED_REVENUE": D("2.00")}
    assert [each for *_, each in money(world, lot)] == [D("1.00"), D("1.00"), D("1.00"), D("1.00")]
    assert [each for *_, each in money(world, made)] == [D("0.33"), D("0.33")]
