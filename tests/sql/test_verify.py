"""``api.verify``: silent where all is well, and loud about each thing that was tampered with."""

import psycopg
import pytest
from psycopg.types.json import Jsonb

from controlplane.types import Role
from tests.sql.configuring import Configuration, small_world

CHECKS = {
    "balances",
    "balances_after",
    "grants",
    "overspend",
    "granted",
    "terms",
    "charges",
    "counters",
    "burn_order",
    "reservations",
    "reversals",
    "seq",
    "recorded_at",
    "keys",
    "entities",
    "gates",
    "raises",
    "references",
    "chart",
    "openings",
}


@pytest.fixture
def world(connection) -> Configuration:
    """A customer that has spent from grants of two wallets, on overdraft, and beyond."""
    world = small_world(connection)
    rates = [
        {"creditType": credit_type, "quantity": quantity, "amount": amount}
        for credit_type, quantity, amount in (
            ("general", "input", "0.002"),
            ("general", "output", "0.005"),
            ("promo", "input", "0.001"),
            ("promo", "output", "0.003"),
        )
    ]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
    per_day = {"measure": "CREDITS", "creditType": "general", "window": "DAY", "limit": "1000"}
    world.change("set_budget", budgetId="day", **per_day)
    world.change("set_budget", budgetId="each", each="user", **per_day)
    world.change("set_budget", budgetId="session", each="SESSION", **per_day)
    world.change(
        "set_budget",
        budgetId="input",
        entityId="team",
        measure="QUANTITY",
        featureId="chat",
        quantity="input",
        window="TOTAL",
        limit="1000000",
    )
    world.change(
        "raise_budget",
        idempotencyKey="r1",
        budgetId="day",
        amount="5",
        until=world.clock("1 h"),
        reason="launch",
    )
    for key, fields in (
        ("ada", {"entityId": "ada", "creditType": "general", "amount": "1"}),
        ("promo", {"creditType": "promo", "amount": "1", "kind": "PROMOTIONAL"}),
        ("first", {"creditType": "general", "amount": "3"}),
        ("second", {"creditType": "general", "amount": "30", "expiresAt": world.clock("30 days")}),
        ("late", {"creditType": "general", "amount": "7", "effectiveAt": world.clock("2 h")}),
    ):
        world.change("grant_credits", idempotencyKey=key, **fields)
    consume(world, "a", "ada", input=1000, output=500)
    consume(world, "b", "bob", input=2000)
    assert ask(world, "denied", "bob", input=900_000) == (False, "BUDGET_EXCEEDED")
    return world


def consume(world: Configuration, key: str, entity: str, overage: str = "REJECT", **quantities: int) -> None:
    allowed, reason = ask(world, key, entity, overage, **quantities)
    assert allowed, reason


def ask(
    world: Configuration, key: str, entity: str, overage: str = "REJECT", **quantities: int
) -> tuple[bool, str | None]:
    item = {
        "idempotencyKey": key,
        "featureId": "chat",
        "entityIds": [entity],
        "overage": overage,
        "quantities": [{"name": name, "amount": str(amount)} for name, amount in quantities.items()],
    }
    [answer] = world.rows("SELECT allowed, reason FROM api.consume(%s, %s)", world.customer_id, Jsonb([item]))
    return answer


def offended(world: Configuration) -> set[str]:
    """The checks that found something; each must have told how much it looked at."""
    rows = world.rows("SELECT check_name, checked, offender FROM api.verify()")
    assert {name for name, checked, _ in rows if checked is not None} == CHECKS
    return {name for name, _, offender in rows if offender is not None}


def test_all_is_well_through_a_long_day(world) -> None:
    assert offended(world) == set()
    looked = dict(world.rows("SELECT check_name, checked FROM api.verify() WHERE checked IS NOT NULL"))
    assert looked.pop("openings") == 0  # no month was opened; test_openings.py has those
    assert looked.pop("reversals") == 0  # test_verify_reversals.py has those
    assert min(looked.values()) > 0
    world.advance("3 hours")  # the raise ends, a grant takes effect
    consume(world, "c", "ada", input=9000)
    assert offended(world) == set()
    world.advance("40 days")  # the windows roll, a grant expires
    consume(world, "d", "ada", input=1000)
    consume(world, "e", "bob", overage="OVERDRAFT", input=5000)
    consume(world, "f", "bob", overage="RECORD", input=9000)
    assert offended(world) == set()
    world.change("grant_credits", idempotencyKey="repays", creditType="general", amount="6")
    assert offended(world) == set()
    world.history_is_whole()


TAMPERED = {
    "UPDATE core.wallet SET held = 1 WHERE wallet_no > 0": {"balances", "reservations"},
    "UPDATE core.wallet SET available = available + 1": {"balances", "overspend"},
    "UPDATE core.wallet SET overdraft_limit = 1, owed = 1 WHERE wallet_id = 'ada:general'": {
        "balances",
        "granted",
    },
    "UPDATE core.ledger_entry SET to_balance_after = to_balance_after + 1 WHERE kind = 'GRANT'": {
        "balances_after"
    },
    "UPDATE core.ledger_entry SET from_balance_after = NULL WHERE kind = 'CONSUME'": {"balances_after"},
    "UPDATE core.ledger_entry SET amount = amount / 2 WHERE kind = 'CONSUME' AND leg = 1": {
        "balances",
        "balances_after",
        "burn_order",
        "charges",
        "grants",
    },
    "DELETE FROM core.ledger_entry WHERE kind = 'CONSUME'": {"balances", "charges", "grants"},
    "UPDATE core.ledger_entry SET kind = 'OVERDRAFT_REPAID' WHERE kind = 'GRANT'": {"chart", "keys"},
    "UPDATE core.credit_grant SET remaining = remaining - 1 WHERE amount = 30": {"grants", "overspend"},
    "UPDATE core.credit_grant SET amount = amount + 1 WHERE amount = 30": {"granted", "grants"},
    "UPDATE core.credit_grant SET is_open = NOT is_open": {"grants"},
    "UPDATE core.credit_grant SET is_scheduled = NOT is_scheduled WHERE amount = 7": {"grants", "overspend"},
    """UPDATE core.usage_event SET credits = '{"general": "9"}'""": {"charges", "counters"},
    "UPDATE core.counter SET used = used + 1": {"counters"},
    "UPDATE core.counter SET window_start = window_start - interval '1 d'": {"counters"},
    "DELETE FROM core.counter_window": {"counters"},
    "DELETE FROM core.counter": {"counters"},
    "UPDATE core.usage_event SET counters = (counters::jsonb - 0)::json": {"counters"},
    # What should have burned first: the other lot, the other wallet, the other type.
    "UPDATE core.credit_grant SET priority = 49 WHERE amount = 3": {"burn_order", "terms"},
    "UPDATE core.credit_grant SET features = '{other}' WHERE amount = 30": {
        "burn_order",
        "granted",
        "references",
    },
    "UPDATE core.credit_grant SET effective_at = core.clock() WHERE amount = 30": {"burn_order", "terms"},
    "UPDATE core.wallet SET entity_no = (SELECT entity_no FROM core.entity WHERE entity_id = 'bob')"
    " WHERE wallet_no IN (SELECT wallet_no FROM core.credit_grant WHERE amount = 30)": {"burn_order"},
    "DELETE FROM core.change WHERE seq = 3": {"seq"},
    "UPDATE core.gate SET seq = seq + 1": {"seq"},
    "INSERT INTO core.change (customer_id, seq, recorded_at, kind, subject, actor)"
    " SELECT customer_id, seq + 99, recorded_at, kind, subject, actor FROM core.change WHERE seq = 3": {
        "seq",
        "recorded_at",
    },
    "UPDATE core.change SET recorded_at = recorded_at - interval '1 day' WHERE seq = 3": {"recorded_at"},
    "DELETE FROM core.idempotency WHERE key = 'a'": {"keys"},
    "DELETE FROM core.idempotency WHERE key = 'promo'": {"keys"},
    "UPDATE core.idempotency SET seq = seq - 1 WHERE key = 'b'": {"keys"},
    "UPDATE core.idempotency SET seq = seq + 1, allowed = false WHERE key = 'denied'": {"keys"},
    "INSERT INTO core.idempotency"
    " (customer_id, key_month, key, fingerprint, recorded_at, seq, allowed, answer)"
    " SELECT customer_id, key_month, 'copy', fingerprint, recorded_at, seq, allowed, answer"
    " FROM core.idempotency WHERE key = 'a'": {"keys"},
    "UPDATE core.entity SET path = ARRAY[entity_no, 0], path_types = ARRAY[entity_type, 'customer']"
    " WHERE entity_id = 'ada'": {"entities"},
    "UPDATE core.entity SET path_types[2] = 'squad' WHERE entity_id = 'ada'": {"entities"},
    "DELETE FROM core.gate": {"gates"},
    "DELETE FROM core.customer": {"gates"},
    "UPDATE core.gate SET entity_count = 7": {"gates"},
    "UPDATE core.gate SET next_due_at = 'infinity'": {"gates"},
    "UPDATE core.gate SET last_no = 3": {"gates"},
    "UPDATE core.gate SET counts_sessions = false": {"gates"},
    "UPDATE core.gate SET suspended_entities = '{99}'": {"gates"},
    "UPDATE core.budget SET raised = 0": {"raises"},
    "DELETE FROM core.feature": {"references"},
    "UPDATE core.usage_event SET catalog_version = 99": {"references"},
}


@pytest.fixture
def tampering(world) -> Configuration:
    """The same, with the guards of history switched off."""
    world.connection.execute("SET session_replication_role = replica")
    return world


def test_whatever_is_tampered_with_is_found(tampering) -> None:
    for statement, expected in TAMPERED.items():
        with tampering.connection.transaction(force_rollback=True):
            changed = tampering.connection.execute(statement).rowcount
            assert changed > 0, statement
            assert offended(tampering) == expected, statement
    assert offended(tampering) == set()


def test_only_the_customers_asked_for(tampering) -> None:
    other = Configuration(tampering.connection, "other")
    other.change("upsert_customer")
    tampering.connection.execute("UPDATE core.gate SET seq = seq + 1")
    found = tampering.rows(
        "SELECT customer_id, offender FROM api.verify(ARRAY['other']) WHERE offender IS NOT NULL"
    )
    assert found == [("other", {"seq": 3, "before": 1})]


def test_the_application_may_ask(world, login_url) -> None:
    with psycopg.connect(login_url(Role.WORKER)) as worker:
        assert len(worker.execute("SELECT * FROM api.verify()").fetchall()) == len(CHECKS)
