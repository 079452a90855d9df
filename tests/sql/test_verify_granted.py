"""``api.verify`` on terms of grants that nobody changed: where the owner of the database does, it shows."""

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import consume, grant, priced, step, verified

OWN, ADA = {"creditType": "general"}, {"creditType": "general", "entityId": "ada"}

#: What each column of a grant that holds a term becomes, and the checks that say so whatever else does.
TERMS = {
    "wallet_no": ("wallet_no + 1", "granted"),
    "grant_kind": ("CASE grant_kind WHEN 'RECURRING' THEN 'PAID' ELSE 'RECURRING' END", "granted"),
    "priority": ("priority + 1", "terms"),
    "effective_at": ("effective_at - interval '1 s'", "terms"),
    "expires_at": (
        "CASE WHEN expires_at < 'infinity' THEN 'infinity' ELSE effective_at + '9 y' END",
        "terms",
    ),
    "features": ("CASE WHEN features IS NULL THEN ARRAY['chat'] END", "granted"),
    "amount": ("amount + 1", "granted"),
    "cost_basis": ("CASE WHEN cost_basis IS NULL THEN 9 END", "granted"),
    "currency": ("CASE currency WHEN 'EUR' THEN 'USD' ELSE 'EUR' END", "granted"),
    "source": ("concat(source, 'forged')", "granted"),
    "created_at": ("created_at + interval '1 s'", "granted"),
    "is_pending": ("NOT is_pending", "terms"),
    "from_grant_no": ("coalesce(from_grant_no, 0) + 1", "granted"),
    "lot_offset": ("coalesce(lot_offset, 0) + 1", "granted"),
}
#: Where a grant stands, by the ledger and by the changes that say so; and what may be erased.
STATE = {"customer_id", "grant_no", "remaining", "held", "is_scheduled", "is_open"}
STATE |= {"voided_at", "charged_back_at", "void_reason"}
#: What a key's fingerprint tells of a grant made before its terms were kept.
PRINTED = set(TERMS) - {"wallet_no", "created_at", "from_grant_no", "lot_offset", "is_pending"}


def granted(connection: psycopg.Connection) -> Configuration:
    """Grants that say all and nothing, that wait, were changed, are parts of others or adjustments."""
    world = priced(small_world(connection))
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
    bought = {"costBasis": "0.010", "currency": "USD", "source": "invoice 7", "features": ["chat"]}
    grant(world, "3", **bought, expiresAt=world.clock("1 h"), effectiveAt=world.clock("-1 d"), priority=10)
    grant(world, "8.50", kind="PROMOTIONAL", priority="020", expiresAt=world.clock("2 h"))
    grant(world)
    changed = grant(world, "20", source="gift")
    world.change("update_grant", grantId=changed, priority=60, expiresAt=world.clock("9 days"))
    grant(world, "6", pendingPayment=True)
    late = grant(world, "7", pendingPayment=True, effectiveAt=world.clock("3 days"))
    world.change("update_grant", grantId=late, effectiveAt=None, paymentReceived=True)
    consume(world, "4")
    event = str(world.seq)
    world.change("transfer_credits", idempotencyKey="t", **{"from": OWN, "to": ADA, "amount": "9"})
    world.advance("3 h")
    world.change("reverse_consumption", idempotencyKey="v", usageEventId=event, reason="slow")
    assert world.one("SELECT count(*) FROM core.credit_grant WHERE grant_kind = 'ADJUSTMENT'") == 2
    verified(world)
    return unguarded(world)


def made_before(connection: psycopg.Connection) -> Configuration:
    """The same, as a database has it that is older than the terms in its history."""
    world = granted(connection)
    world.connection.execute("UPDATE core.ledger_origin SET terms = NULL")
    return world


def unguarded(world: Configuration) -> Configuration:
    """As the owner of the database has it, who drops what is in the way."""
    world.connection.execute("SET session_replication_role = replica")
    for (name,) in world.rows(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'core.credit_grant'::regclass AND contype = 'c'"
    ):
        world.connection.execute(f"ALTER TABLE core.credit_grant DROP CONSTRAINT {name}")  # type: ignore[arg-type]
    return world


def grants(world: Configuration) -> list[int]:
    return [no for (no,) in world.rows("SELECT grant_no FROM core.credit_grant ORDER BY 1")]


def named(world: Configuration, check: str) -> list[str]:
    """The grants that a check finds something with, in its order."""
    offenders = world.rows(
        "SELECT offender ->> 'grantId' FROM api.verify() WHERE check_name = %s AND offender ? 'grantId'",
        check,
    )
    return [grant_id for (grant_id,) in offenders]


def forge(world: Configuration, column: str, where: str, *arguments: int) -> int:
    return world.connection.execute(
        f"UPDATE core.credit_grant SET {column} = {TERMS[column][0]} WHERE {where}",  # type: ignore[arg-type]
        arguments,
    ).rowcount


def finds_every_term(world: Configuration) -> None:
    """Of each grant alone; and of all of them the first one first."""
    numbers = grants(world)
    for column, (_, check) in TERMS.items():
        for number in numbers:
            with world.connection.transaction(force_rollback=True):
                assert forge(world, column, "grant_no = %s", number) == 1
                assert named(world, check)[:1] == [str(number)], (column, number)
    with world.connection.transaction(force_rollback=True):
        assert forge(world, "currency", "true") == len(numbers)
        assert named(world, "granted") == [str(number) for number in numbers]


def finds_what_keys_know(world: Configuration) -> None:
    """Of all that was granted under a key; of parts and adjustments their ground."""
    verified(world)
    own = world.rows("SELECT grant_no FROM core.credit_grant WHERE from_grant_no IS NULL ORDER BY 1")
    for column in sorted(PRINTED):
        for (number,) in own:
            with world.connection.transaction(force_rollback=True):
                assert forge(world, column, "grant_no = %s", number) == 1
                found = {*named(world, "granted"), *named(world, "terms")}
                assert str(number) in found, (column, number)
    for number in grants(world):
        with world.connection.transaction(force_rollback=True):
            forge(world, "source", "grant_no = %s", number)
            assert named(world, "granted") == [str(number)]


def test_every_column_is_a_term_or_where_it_stands(connection: psycopg.Connection) -> None:
    columns = connection.execute(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'core.credit_grant'::regclass"
        " AND attnum > 0 AND NOT attisdropped"
    )
    assert {name for (name,) in columns.fetchall()} == {*TERMS, *STATE}


def test_whatever_term_is_tampered_with_is_found(connection: psycopg.Connection) -> None:
    finds_every_term(granted(connection))


def test_of_grants_made_before_what_their_keys_know(connection: psycopg.Connection) -> None:
    finds_what_keys_know(made_before(connection))


def test_what_it_says(connection: psycopg.Connection) -> None:
    """What each term was and is, and no others; of one made before, which term it is."""
    world = granted(connection)
    first = grants(world)[0]
    tell = "SELECT offender FROM api.verify() WHERE check_name = 'granted' AND offender IS NOT NULL"
    forged = "UPDATE core.credit_grant SET cost_basis = 9, source = 'forged' WHERE grant_no = %s"
    world.connection.execute(forged, [first])
    assert world.rows(tell) == [
        (
            {
                "grantId": str(first),
                "was": {"costBasis": "0.01", "source": "invoice 7"},
                "is": {"costBasis": "9", "source": "forged"},
            },
        )
    ]
    world.connection.execute(
        "UPDATE core.ledger_origin SET terms = NULL, source = 'forged' WHERE seq = %s", [first]
    )
    assert world.rows(tell) == [({"grantId": str(first), "term": "costBasis", "is": "9"},)]


def test_a_grant_that_is_gone(connection: psycopg.Connection) -> None:
    world = granted(connection)
    for number in grants(world):
        with world.connection.transaction(force_rollback=True):
            world.connection.execute("DELETE FROM core.credit_grant WHERE grant_no = %s", [number])
            assert named(world, "granted") == [str(number)]


def overdrawing(connection: psycopg.Connection) -> Configuration:
    """Two wallets, of which one was spoken of twice."""
    world = granted(connection)
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "7"}])
    verified(world)
    return world


def test_how_far_a_wallet_may_be_overdrawn(connection: psycopg.Connection) -> None:
    """As was said last; one that nobody spoke of, not at all."""
    world = overdrawing(connection)
    finds_overdrafts(world)


def finds_overdrafts(world: Configuration) -> None:
    tell = "SELECT offender FROM api.verify() WHERE check_name = 'granted' AND offender IS NOT NULL"
    for wallet_id, was in (("customer:general", "7"), ("ada:general", "0")):
        with world.connection.transaction(force_rollback=True):
            forged = "UPDATE core.wallet SET overdraft_limit = 100 WHERE wallet_id = %s"
            world.connection.execute(forged, [wallet_id])
            assert world.rows(tell) == [({"walletId": wallet_id, "was": was, "overdraftLimit": "100"},)]


@pytest.mark.parametrize("how", ["release", "expire"])
def test_what_a_reservation_gave_back_of_a_repaid_overdraft(connection: psycopg.Connection, how: str) -> None:
    """Nobody granted it, and the entry that made it says its terms."""
    world = priced(small_world(connection))
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
    item = {
        "idempotencyKey": "r",
        "featureId": "chat",
        "quantities": [{"name": "input", "amount": "4"}],
        "overage": "OVERDRAFT",
        "ttlSeconds": 60,
    }
    held = world.one("SELECT answer ->> 'reservationId' FROM api.reserve('acme', %s)", Jsonb([item]))
    grant(world)
    if how == "release":
        step(world, "release", held)
    world.advance("2 minutes")
    consume(world, "1")
    made = world.one("SELECT grant_no FROM core.credit_grant WHERE grant_kind = 'ADJUSTMENT'")
    world.change("update_grant", grantId=str(made), priority=60)
    verified(world)
    unguarded(world)
    for column, (_, check) in TERMS.items():
        with world.connection.transaction(force_rollback=True):
            assert forge(world, column, "grant_no = %s", made) == 1
            assert named(world, check) == [str(made)], column
    with world.connection.transaction(force_rollback=True):
        world.connection.execute("DELETE FROM core.credit_grant WHERE grant_no = %s", [made])
        assert named(world, "granted") == [str(made)]
