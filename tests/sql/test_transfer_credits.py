"""``api.transfer_credits``: all or nothing, once per key, in burn order, and nothing is lost on the way."""

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from controlplane.types import Role
from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import consume, entries, grant, priced, read, verified, wallet

OWN = {"creditType": "general"}
ADA = {"creditType": "general", "entityId": "ada"}


@pytest.fixture
def world(connection) -> Configuration:
    return priced(small_world(connection))


def transfer(world: Configuration, amount: str, key: str = "t", **more: Any) -> dict[str, Any]:
    asked = {"idempotencyKey": key, "from": OWN, "to": ADA, "amount": amount}
    made: dict[str, Any] = world.change("transfer_credits", **(asked | more))
    return made


def test_a_part_of_a_grant_moves_with_its_terms(world) -> None:
    lot = grant(
        world,
        kind="PROMOTIONAL",
        priority=7,
        expiresAt=world.clock("1 day"),
        features=["chat"],
        costBasis="0.004",
        currency="USD",
        source="invoice 12",
    )
    seq = world.seq
    made = transfer(world, "4")
    part = str(seq + 1)
    assert made == made | {
        "fromWalletId": "customer:general",
        "toWalletId": "ada:general",
        "creditType": "general",
        "amount": "4",
        "parts": [{"fromGrantId": lot, "grantId": part, "amount": "4", "repaid": "0"}],
        "seq": part,
        "replayed": False,
    }
    assert entries(world, seq) == [(seq + 1, 1, "TRANSFER", lot, "AVAILABLE", "AVAILABLE", "4")]
    assert world.seq == seq + 1
    assert (wallet(world), wallet(world, "ada:general")) == ({"available": "6"}, {"available": "4"})
    there, here = read(world, part), read(world, lot)
    same = ("kind", "priority", "effectiveAt", "expiresAt", "featureIds", "costBasis", "currency", "source")
    assert {name: there[name] for name in same} == {name: here[name] for name in same}
    assert (there["fromGrantId"], there["amount"], there["remaining"]) == (lot, "4", "4")
    assert (here["fromGrantId"], here["amount"], here["remaining"]) == (None, "10", "6")
    shown = world.rows(
        "SELECT row ->> 'grantId', row ->> 'toGrantId'"
        " FROM api.read_ledger_entries('acme', %s, NULL, 9) AS row",
        Jsonb({"grantId": part}),
    )
    assert shown == [(lot, part)]
    assert consume(world, "5", "ada") == [(part, "4"), (lot, "1")]
    verified(world)


def test_several_grants_move_in_burn_order(world) -> None:
    last = grant(world, "5", priority=90)
    soon = grant(world, "5", expiresAt=world.clock("1 hour"))
    first = grant(world, "5", priority=10)
    grant(world, "5", effectiveAt=world.clock("1 hour"), priority=1)
    seq = world.seq
    made = transfer(world, "12.5")
    assert [(part["fromGrantId"], part["grantId"], part["amount"]) for part in made["parts"]] == [
        (first, str(seq + 1), "5"),
        (soon, str(seq + 2), "5"),
        (last, str(seq + 3), "2.5"),
    ]
    assert (made["seq"], world.seq) == (str(seq + 3), seq + 3)
    assert world.rows("SELECT seq, kind, after ->> 'amount' FROM core.change WHERE seq > %s", seq) == [
        (seq + 3, "TRANSFER", "12.5")
    ]
    assert [read(world, lot)["status"] for lot in (first, soon, last)] == ["EXHAUSTED", "EXHAUSTED", "ACTIVE"]
    assert wallet(world) == {"available": "2.5", "scheduled": "5"}
    assert wallet(world, "ada:general") == {"available": "12.5"}
    verified(world)
    world.advance("2 hours")
    assert wallet(world, "ada:general") == {"available": "7.5"}
    consume(world, "15", "ada")
    verified(world)


def test_the_same_key_moves_once(world) -> None:
    grant(world)
    first = transfer(world, "4")
    seq = world.seq
    world.advance("1 day")
    assert transfer(world, "4.00") == first | {"replayed": True}
    assert world.seq == seq
    asked = {"idempotencyKey": "t", "from": OWN, "to": ADA, "amount": "4"}
    for field, value, named in (
        ("amount", "5", "amount"),
        ("from", {"walletId": "customer:general"}, "from.walletId"),
        ("to", ADA | {"entityId": "bob"}, "to.entityId"),
        ("to", {"walletId": "ada:general"}, "to.walletId"),
    ):
        assert world.faults("transfer_credits", **(asked | {field: value})) == {
            (named, "IDEMPOTENCY_CONFLICT")
        }
    assert world.faults("grant_credits", idempotencyKey="t", creditType="general", amount="4") == {
        ("operation", "IDEMPOTENCY_CONFLICT")
    }
    item = {"idempotencyKey": "t", "featureId": "chat", "quantities": [{"name": "input", "amount": "1"}]}
    told = world.rows("SELECT reason, answer ->> 'field' FROM api.consume('acme', %s)", Jsonb([item]))
    assert told == [("IDEMPOTENCY_CONFLICT", "operation")]
    verified(world)


def test_what_the_other_wallet_owes_is_paid_first(world) -> None:
    world.change("upsert_entity", entityId="ada", wallets=[{"creditType": "general", "overdraftLimit": "50"}])
    item = {"idempotencyKey": "o", "featureId": "chat", "entityIds": ["ada"], "overage": "OVERDRAFT"}
    owing = item | {"quantities": [{"name": "input", "amount": "7"}]}
    assert world.rows("SELECT allowed FROM api.consume('acme', %s)", Jsonb([owing])) == [(True,)]
    first, second = grant(world, "5"), grant(world, "5")
    seq = world.seq
    made = transfer(world, "9")
    assert [(part["amount"], part["repaid"]) for part in made["parts"]] == [("5", "5"), ("4", "2")]
    assert entries(world, seq) == [
        (seq + 1, 1, "TRANSFER", first, "AVAILABLE", "AVAILABLE", "5"),
        (seq + 1, 2, "OVERDRAFT_REPAID", str(seq + 1), "AVAILABLE", "OWED", "5"),
        (seq + 2, 1, "TRANSFER", second, "AVAILABLE", "AVAILABLE", "4"),
        (seq + 2, 2, "OVERDRAFT_REPAID", str(seq + 2), "AVAILABLE", "OWED", "2"),
    ]
    assert wallet(world, "ada:general") == {"available": "2"}
    assert [read(world, str(seq + n))["status"] for n in (1, 2)] == ["EXHAUSTED", "ACTIVE"]
    verified(world)


def test_not_enough_moves_nothing(world) -> None:
    grant(world, "5")
    grant(world, "5", effectiveAt=world.clock("1 hour"))
    grant(world, "5", expiresAt=world.clock("1 minute"))
    grant(world, "5", pendingPayment=True)
    world.advance("30 minutes")
    seq = world.seq
    with pytest.raises(
        psycopg.DatabaseError, match=r"customer:general has 5 available, and 5\.000001 were asked"
    ):
        transfer(world, "5.000001")
    assert world.faults("transfer_credits", idempotencyKey="t", **{"from": OWN}, to=ADA, amount="6") == {
        ("amount", "INSUFFICIENT_CREDITS")
    }
    assert world.seq == seq
    assert world.rows("SELECT wallet_id FROM core.wallet") == [("customer:general",)]
    transfer(world, "5")  # a refused key may come again
    assert wallet(world) == {"scheduled": "5"}
    verified(world)


def test_what_has_taken_effect_moves_however_much_is_due(world) -> None:
    """More than one call books."""
    for _ in range(502):
        grant(world, "1", effectiveAt=world.clock("1 hour"))
    world.advance("1 hour")
    assert len(transfer(world, "501.5")["parts"]) == 502
    assert wallet(world) == {"available": "0.5"}
    verified(world)


def test_back_and_forth_and_on(world) -> None:
    lot = grant(world)
    transfer(world, "6", "there")
    transfer(world, "2", "back", **{"from": {"walletId": "ada:general"}, "to": OWN})
    made = transfer(world, "3", "on", **{"from": ADA, "to": ADA | {"entityId": "team"}})
    [part] = made["parts"]
    assert read(world, part["fromGrantId"])["fromGrantId"] == lot
    assert [
        wallet(world, name)["available"] for name in ("customer:general", "ada:general", "team:general")
    ] == [
        "6",
        "1",
        "3",
    ]
    verified(world)


def test_all_faults_of_a_transfer(world) -> None:
    grant(world)
    world.change("grant_credits", idempotencyKey="p", creditType="promo", amount="5")
    assert world.faults("transfer_credits", **{"from": "customer:general", "amount": "1e3"}) == {
        ("idempotencyKey", "REQUIRED"),
        ("from", "WRONG_TYPE"),
        ("to", "REQUIRED"),
        ("amount", "NOT_A_NUMBER"),
    }
    asked = {"idempotencyKey": "k", "from": OWN, "to": ADA, "amount": "1"}

    def faults(**changes: Any) -> set[tuple[str, str]]:
        return world.faults("transfer_credits", **(asked | changes))

    assert faults(**{"from": {"wallet": "w"}, "to": {"entityId": 7}}) == {
        ("from.wallet", "UNKNOWN_FIELD"),
        ("to.entityId", "WRONG_TYPE"),
    }
    assert faults(**{"from": {}, "to": {"walletId": "w", "creditType": "general"}}) == {
        ("from.walletId", "ONE_OF"),
        ("to.walletId", "ONE_OF"),
    }
    assert faults(**{"from": {"walletId": "w"}, "to": ADA | {"entityId": "nobody"}}) == {
        ("from.walletId", "NOT_FOUND"),
        ("to.entityId", "NOT_FOUND"),
    }
    assert faults(**{"from": ADA}) == {("from.creditType", "NOT_FOUND")}
    assert faults(to=ADA | {"creditType": "gold"}) == {
        ("to.creditType", "NOT_FOUND"),
        ("to", "CREDIT_TYPE_MISMATCH"),
    }
    assert faults(to={"creditType": "promo"}) == {("to", "CREDIT_TYPE_MISMATCH")}
    assert faults(to=OWN, amount="0") == {("to", "SAME_WALLET"), ("amount", "NOT_POSITIVE")}
    assert faults(amount="0.0000001") == {("amount", "TOO_MANY_DECIMALS")}
    assert faults(idempotencyKey="0fffffff-ffff-7fff-bfff-ffffffffffff") == {
        ("idempotencyKey", "KEY_FROM_THE_FUTURE")
    }
    world.change("grant_credits", idempotencyKey="big", creditType="general", entityId="ada", amount="9" * 29)
    assert faults() == {("amount", "TOO_LARGE")}
    world.change(
        "upsert_entity", entityId="bob", wallets=[{"creditType": "promo", "walletId": "team:general"}]
    )
    assert faults(to=ADA | {"entityId": "team"}) == {("to.creditType", "DUPLICATE")}
    assert world.one("SELECT count(*) FROM core.change WHERE kind = 'TRANSFER'") == 0


def test_an_application_may_call_them(world, login_url) -> None:
    lot = grant(world)
    with psycopg.connect(login_url(Role.APP)) as app:
        for function, given in (
            ("transfer_credits", {"idempotencyKey": "k", "from": OWN, "to": ADA, "amount": "1"}),
            ("update_grant", {"grantId": lot, "priority": 1}),
            ("void_grant", {"grantId": lot, "reason": "x"}),
        ):
            app.execute(f"SELECT api.{function}('acme', %s, 'app')", (Jsonb(given),))
    verified(world)
