"""``api.grant_credits``: once per key, onto the ledger, what is owed first."""

from decimal import Decimal

import psycopg
import pytest
from psycopg.types.json import Jsonb

from controlplane.types import Role
from tests.sql.configuring import Configuration, small_world


@pytest.fixture
def world(connection) -> Configuration:
    return small_world(connection)


def wallet(world: Configuration, wallet_id: str = "customer:general") -> dict[str, Decimal]:
    """The accounts of a wallet that are not empty."""
    accounts = ("scheduled", "available", "owed")
    [row] = world.rows(f"SELECT {', '.join(accounts)} FROM core.wallet WHERE wallet_id = %s", wallet_id)
    return {account: amount for account, amount in zip(accounts, row, strict=True) if amount}


def entries(world: Configuration) -> list[tuple]:
    return world.rows(
        "SELECT seq, leg, kind, from_account::text, to_account::text, trim_scale(amount)::text,"
        " trim_scale(from_balance_after)::text, trim_scale(to_balance_after)::text"
        " FROM core.ledger_entry ORDER BY seq, leg"
    )


def test_a_grant_makes_its_wallet_and_one_entry(world) -> None:
    seq = world.seq
    made = world.change(
        "grant_credits", idempotencyKey="k", creditType="general", entityId="ada", amount="10.50"
    )
    assert made == made | {"walletId": "ada:general", "amount": "10.5", "repaid": "0", "replayed": False}
    assert (made["grantId"], made["seq"]) == (str(seq + 1), str(seq + 1))
    assert entries(world) == [(seq + 1, 1, "GRANT", "ISSUED", "AVAILABLE", "10.5", None, "10.5")]
    assert world.rows(
        "SELECT grant_kind, priority, trim_scale(remaining)::text, is_open FROM core.credit_grant"
    ) == [("PAID", 50, "10.5", True)]
    world.change("grant_credits", idempotencyKey="k2", walletId="ada:general", amount=1, features=["chat"])
    assert wallet(world, "ada:general") == {"available": Decimal("11.5")}
    world.history_is_whole()


def test_the_same_key_grants_once(world) -> None:
    asked = {
        "idempotencyKey": "k",
        "creditType": "general",
        "amount": "10",
        "expiresAt": world.clock("1 day"),
    }
    first = world.change("grant_credits", **asked)
    world.advance("2 days")
    again = world.change("grant_credits", **(asked | {"amount": "10.000"}))
    assert again == first | {"replayed": True}
    assert world.one("SELECT count(*) FROM core.credit_grant") == 1
    for field, value in (
        ("amount", "11"),
        ("kind", "PROMOTIONAL"),
        ("features", ["chat"]),
        ("expiresAt", None),
    ):
        assert world.faults("grant_credits", **(asked | {field: value})) == {(field, "IDEMPOTENCY_CONFLICT")}
    world.history_is_whole()


def test_the_key_space_is_that_of_consumption(world) -> None:
    world.connection.execute(
        "INSERT INTO core.idempotency"
        " (customer_id, key_month, key, fingerprint, recorded_at, seq, allowed, answer)"
        " VALUES ('acme', '1970-01-01', 'k', int4send(hashtext('consume')), now(), 1, true, '{}')"
    )
    assert world.faults("grant_credits", idempotencyKey="k", creditType="general", amount="1") == {
        ("operation", "IDEMPOTENCY_CONFLICT")
    }


def test_what_is_owed_is_paid_first(world) -> None:
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "50"}])
    world.connection.execute("UPDATE core.wallet SET owed = 12")
    seq = world.seq
    assert (
        world.change("grant_credits", idempotencyKey="a", creditType="general", amount="5")["repaid"] == "5"
    )
    assert (
        world.change("grant_credits", idempotencyKey="b", creditType="general", amount="9")["repaid"] == "7"
    )
    assert entries(world) == [
        (seq + 1, 1, "GRANT", "ISSUED", "AVAILABLE", "5", None, "5"),
        (seq + 1, 2, "OVERDRAFT_REPAID", "AVAILABLE", "OWED", "5", "0", "7"),
        (seq + 2, 1, "GRANT", "ISSUED", "AVAILABLE", "9", None, "9"),
        (seq + 2, 2, "OVERDRAFT_REPAID", "AVAILABLE", "OWED", "7", "2", "0"),
    ]
    assert wallet(world) == {"available": Decimal(2)}
    assert world.rows("SELECT is_open FROM core.credit_grant ORDER BY grant_no") == [(False,), (True,)]


def test_a_grant_waits_for_its_time(world) -> None:
    made = world.change(
        "grant_credits",
        idempotencyKey="k",
        creditType="general",
        amount="10",
        effectiveAt=world.clock("1 hour"),
        expiresAt=world.clock("2 hours"),
    )
    assert entries(world)[0][2:5] == ("GRANT", "ISSUED", "SCHEDULED")
    assert world.rows(
        "SELECT is_scheduled, next_due_at = effective_at FROM core.credit_grant, core.gate"
    ) == [(True, True)]
    assert made["repaid"] == "0"


def test_all_faults_of_a_grant_at_once(world) -> None:
    assert world.faults(
        "grant_credits", amount="Infinity", kind="GIFT", priority="low", features=["a", "a"], expiresAt="soon"
    ) == {
        ("idempotencyKey", "REQUIRED"),
        ("amount", "NOT_A_NUMBER"),
        ("kind", "UNKNOWN_VALUE"),
        ("priority", "NOT_A_NUMBER"),
        ("features[1]", "DUPLICATE"),
        ("expiresAt", "NOT_AN_INSTANT"),
    }
    assert world.faults(
        "grant_credits",
        idempotencyKey="0fffffff-ffff-7fff-bfff-ffffffffffff",
        creditType="promo",
        amount="0.5",
        priority=101,
        features=["none"],
        currency="euro",
        expiresAt=world.clock(),
    ) == {
        ("idempotencyKey", "KEY_FROM_THE_FUTURE"),
        ("amount", "TOO_MANY_DECIMALS"),
        ("priority", "TOO_LARGE"),
        ("features[0]", "NOT_FOUND"),
        ("currency", "NOT_A_CURRENCY"),
        ("costBasis", "REQUIRED"),
        ("expiresAt", "TOO_EARLY"),
    }
    asked = {"idempotencyKey": "k", "amount": "1"}
    assert world.faults("grant_credits", **asked) == {("walletId", "ONE_OF")}
    assert world.faults("grant_credits", **asked, creditType="general", costBasis="0.01") == {
        ("currency", "REQUIRED")
    }
    assert world.faults("grant_credits", **asked, walletId="w", creditType="general") == {
        ("walletId", "ONE_OF")
    }
    assert world.faults("grant_credits", **asked, walletId="w") == {("walletId", "NOT_FOUND")}
    assert world.faults("grant_credits", **asked, creditType="gold", entityId="nobody") == {
        ("entityId", "NOT_FOUND"),
        ("creditType", "NOT_FOUND"),
    }
    assert world.faults("grant_credits", **(asked | {"amount": "0"}), creditType="general") == {
        ("amount", "NOT_POSITIVE")
    }
    world.change("grant_credits", idempotencyKey="big", creditType="general", amount="9" * 29)
    assert world.faults("grant_credits", **asked, creditType="general") == {("amount", "TOO_LARGE")}
    assert world.one("SELECT count(*) FROM core.idempotency") == 1  # a refused key may come again


def test_an_application_may_call_it_and_touch_nothing(world, login_url) -> None:
    with psycopg.connect(login_url(Role.APP)) as app:
        app.execute(
            "SELECT api.grant_credits('acme', %s, 'app')",
            (Jsonb({"idempotencyKey": "k", "creditType": "general", "amount": "1"}),),
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SELECT core.begin_change('acme')")
