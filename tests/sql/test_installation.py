"""Keys, the clock of a test environment, and a new incarnation."""

import hashlib
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world

SECRET = hashlib.sha256(b"secret").hexdigest()
KEY = {
    "prefix": "cp_test_sk_ab",
    "secretHash": SECRET,
    "kind": "SECRET",
    "name": "backend",
    "scopes": ["consume"],
}


@pytest.fixture
def world(connection) -> Configuration:
    return small_world(connection)


def test_a_key_is_made_and_revoked_on_record(world) -> None:
    made = world.catalog(
        "create_api_key", **KEY, customerId="acme", observe=True, expiresAt=world.clock("1 day")
    )
    assert (made["kind"], made["scopes"], made["customerId"], made["isObserved"]) == (
        "SECRET",
        ["consume"],
        "acme",
        True,
    )
    assert "secretHash" not in made
    assert world.catalog("revoke_api_key", keyId=made["keyId"])["revokedAt"] is not None
    world.catalog("revoke_api_key", keyId=made["keyId"])
    history = world.rows("SELECT kind, subject, actor FROM core.installation_change WHERE kind = 'API_KEY'")
    assert history == 2 * [("API_KEY", made["keyId"], "test")]
    assert SECRET not in world.one("SELECT string_agg(after::text, '') FROM core.installation_change")


def test_all_faults_of_a_key_at_once(world) -> None:
    assert world.faults(
        "create_api_key", **(KEY | {"secretHash": "ab", "kind": "ROOT", "scopes": [1]}), x=1
    ) == {
        ("secretHash", "NOT_A_HASH"),
        ("kind", "UNKNOWN_VALUE"),
        ("scopes", "WRONG_TYPE"),
        ("x", "UNKNOWN_FIELD"),
    }
    world.catalog("create_api_key", **KEY)
    assert world.faults("create_api_key", **KEY, customerId="nobody", expiresAt=world.clock("-1 s")) == {
        ("secretHash", "DUPLICATE"),
        ("customerId", "NOT_FOUND"),
        ("expiresAt", "TOO_EARLY"),
    }
    assert world.faults("revoke_api_key", keyId="none") == {("keyId", "NOT_FOUND")}


def test_a_rotated_key_is_found_by_both_secrets_until_the_overlap_ends(world) -> None:
    which = world.catalog("create_api_key", **KEY)["keyId"]
    new = hashlib.sha256(b"another").hexdigest()
    with_hash = {"keyId": which, "prefix": "cp_test_sk_cd", "secretHash": new}
    made = world.catalog("rotate_api_key", **with_hash, overlapSeconds=3600)
    assert (made["keyId"], made["prefix"]) == (which, "cp_test_sk_cd")
    assert made["formerSecretUntil"] is not None

    def found(secret: str) -> dict[str, Any]:
        return world.one("SELECT api.find_api_key(decode(%s, 'hex'))", secret)

    assert (found(new)["keyId"], found(new)["expiresAt"]) == (which, None)
    assert (found(SECRET)["keyId"], found(SECRET)["prefix"]) == (which, KEY["prefix"])
    assert found(SECRET)["expiresAt"] == made["formerSecretUntil"]
    assert found(hashlib.sha256(b"nobody's").hexdigest()) is None
    assert world.rows(
        "SELECT before, after ->> 'prefix' FROM core.installation_change WHERE before IS NOT NULL"
        " AND kind = 'API_KEY'"
    ) == [({"prefix": KEY["prefix"]}, "cp_test_sk_cd")]
    for taken in (SECRET, new):
        taken_again = {**with_hash, "secretHash": taken}
        assert world.faults("rotate_api_key", **taken_again, overlapSeconds=0) == {
            ("secretHash", "DUPLICATE")
        }
        assert world.faults("create_api_key", **(KEY | {"secretHash": taken})) == {
            ("secretHash", "DUPLICATE")
        }


def test_what_cannot_be_rotated(world) -> None:
    new = {"prefix": "cp_test_sk_cd", "secretHash": hashlib.sha256(b"another").hexdigest()}
    assert world.faults("rotate_api_key", **(new | {"secretHash": "x"}), overlapSeconds="1.5") == {
        ("keyId", "REQUIRED"),
        ("secretHash", "NOT_A_HASH"),
        ("overlapSeconds", "TOO_MANY_DECIMALS"),
    }
    which = world.catalog("create_api_key", **KEY, customerId="acme")["keyId"]
    other = {"keyId": which, "customerId": "other"}
    assert world.faults("rotate_api_key", **new, **other, overlapSeconds=0) == {("keyId", "NOT_FOUND")}
    assert world.faults("revoke_api_key", **other) == {("keyId", "NOT_FOUND")}
    world.connection.execute("UPDATE core.api_key SET expires_at = now()")
    assert world.faults("rotate_api_key", **new, keyId=which, overlapSeconds=0) == {("keyId", "EXPIRED")}
    world.catalog("revoke_api_key", keyId=which, customerId="acme")
    assert world.faults("rotate_api_key", **new, keyId=which, overlapSeconds=0) == {("keyId", "REVOKED")}


def test_the_clock_moves_ahead_and_its_months_are_there(world) -> None:
    before = world.one("SELECT core.clock()")
    after = world.advance("400 days")
    assert 399 <= (after - before).days <= 400
    world.change("grant_credits", idempotencyKey="k", creditType="general", amount="1")
    assert world.one("SELECT count(*) FROM core.ledger_entry_default") == 0
    for step in ("0", "-1 day", "300 years", None):
        with pytest.raises(psycopg.DatabaseError) as caught:
            world.advance(step)
        assert caught.value.sqlstate == "UC101"


def test_a_live_clock_is_the_walls(world) -> None:
    world.connection.execute("UPDATE core.installation SET environment = 'live'")
    with pytest.raises(psycopg.DatabaseError) as caught:
        world.advance("1 day")
    assert caught.value.sqlstate == "UC101"


def test_another_identity_waits_for_recovery(world) -> None:
    world.connection.execute("UPDATE core.installation SET identity = 'another'")
    for call in (
        lambda: world.change("upsert_entity", entityId="x", type="user"),
        lambda: world.catalog("upsert_credit_type", creditType="gold"),
        lambda: world.one("SELECT api.book_due(1)"),
    ):
        with pytest.raises(psycopg.DatabaseError) as caught:
            call()
        assert caught.value.sqlstate == "UC120"
    with pytest.raises(psycopg.DatabaseError) as caught:
        world.one("SELECT api.recover('')")
    assert caught.value.sqlstate == "UC101"
    assert world.one("SELECT api.recover('restored from a dump')")["incarnation"] == 2
    assert world.rows("SELECT incarnation, reason FROM core.incarnation ORDER BY 1")[1] == (
        2,
        "restored from a dump",
    )
    world.change("upsert_entity", entityId="x", type="user")


def test_only_read_committed_sees_what_a_lock_waited_for(world) -> None:
    world.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with pytest.raises(psycopg.DatabaseError) as caught, world.connection.transaction():
        world.connection.execute("SELECT api.upsert_customer('acme', %s, 'test')", (Jsonb({}),))
    assert caught.value.sqlstate == "UC110"
