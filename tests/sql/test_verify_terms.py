"""``api.verify`` on grants that were changed, voided and moved: what was tampered with is found."""

import pytest

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import consume, grant, priced, verified

OWN, ADA = {"creditType": "general"}, {"creditType": "general", "entityId": "ada"}


@pytest.fixture
def world(connection) -> Configuration:
    """Grants that were changed and spent, voided, paid late, and moved in two parts; history unguarded."""
    world = priced(small_world(connection))
    first, second = grant(world, "30"), grant(world, "20")
    consume(world, "2")
    world.change("update_grant", grantId=second, priority=10)
    consume(world, "3")
    world.change("update_grant", grantId=second, priority=20, expiresAt=world.clock("9 days"))
    world.change("void_grant", grantId=grant(world, "7"), reason="mistake")
    late = grant(world, "5", pendingPayment=True, priority=90)
    consume(world, "1")
    world.change("update_grant", grantId=late, paymentReceived=True)
    grant(world, "6", pendingPayment=True)
    asked = {"idempotencyKey": "t", "from": OWN, "to": ADA, "amount": "18"}
    assert len(world.change("transfer_credits", **asked)["parts"]) == 2
    consume(world, "4", "ada")
    verified(world)
    world.connection.execute("SET session_replication_role = replica")
    assert first
    return world


ENTRY = "UPDATE core.ledger_entry SET"
CHANGE = "UPDATE core.change SET"
TAMPERED = {
    # Terms that are not those of the history.
    "UPDATE core.credit_grant SET priority = 21 WHERE amount = 20": {"terms"},
    "UPDATE core.credit_grant SET expires_at = 'infinity' WHERE amount = 20": {"terms"},
    f"""{CHANGE} after = after || '{{"priority": 11}}' WHERE after ->> 'priority' = '10'""": {"terms"},
    f"{CHANGE} kind = 'OTHER' WHERE kind = 'GRANT_PENDING'": {"keys"},
    # Payments and voids.
    "UPDATE core.credit_grant SET is_pending = true, remaining = 0, is_open = false WHERE amount = 5": {
        "grants",
        "overspend",
        "terms",
    },
    "UPDATE core.credit_grant SET is_pending = false WHERE amount = 6": {"grants", "terms"},
    "UPDATE core.credit_grant SET voided_at = NULL WHERE amount = 7": {"terms"},
    f"{CHANGE} kind = 'OTHER' WHERE kind = 'GRANT_VOIDED'": {"seq", "terms"},
    "DELETE FROM core.change WHERE kind = 'GRANT_VOIDED'": {"seq", "terms"},
    "DELETE FROM core.ledger_entry WHERE kind = 'GRANT_VOIDED'": {"balances", "balances_after", "grants"},
    f"{ENTRY} amount = 4 WHERE kind = 'PAYMENT_RECEIVED'": {"balances", "balances_after", "grants"},
    # Transfers: another amount, another lot, another type, a part that is alone or nobody's.
    f"{ENTRY} amount = amount - 1 WHERE kind = 'TRANSFER' AND amount = 2": {
        "balances",
        "balances_after",
        "grants",
        "terms",
    },
    f"{ENTRY} grant_no = 1 WHERE kind = 'TRANSFER' AND amount = 2": {"grants", "terms"},
    "UPDATE core.credit_grant SET from_grant_no = 1 WHERE amount = 2": {"granted", "terms"},
    "UPDATE core.credit_grant SET from_grant_no = NULL WHERE amount = 2": {"granted", "terms"},
    "UPDATE core.credit_grant SET from_grant_no = 1 WHERE amount = 30": {"granted", "terms"},
    "UPDATE core.credit_grant SET currency = 'EUR' WHERE amount = 2": {"granted", "terms"},
    """UPDATE core.change SET after = after || '{"amount": "19"}' WHERE kind = 'TRANSFER'""": {"terms"},
    """UPDATE core.change SET after = after || '{"parts": 1}' WHERE kind = 'TRANSFER'""": {"terms"},
    "DELETE FROM core.change WHERE kind = 'TRANSFER'": {"keys", "terms"},
    "DELETE FROM core.idempotency WHERE key = 't'": {"keys"},
}


def test_whatever_is_tampered_with_is_found(world) -> None:
    for statement, expected in TAMPERED.items():
        with world.connection.transaction(force_rollback=True):
            assert world.connection.execute(statement).rowcount > 0, statement
            found = world.rows("SELECT DISTINCT check_name FROM api.verify() WHERE offender IS NOT NULL")
            assert {name for (name,) in found} == expected, statement
    verified(world)
