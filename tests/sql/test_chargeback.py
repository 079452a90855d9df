"""``api.void_grant`` as a chargeback: what was spent of the grant is a receivable."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import consume, entries, grant, priced, read, reserve, step, verified, wallet
from tests.sql.test_reverse_consumption import ask, reverse
from tests.sql.test_verify_reversals import balances, offended

D = Decimal


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    return priced(small_world(connection))


def charge_back(world: Configuration, grant_id: str, **more: Any) -> dict[str, Any]:
    asked = {"grantId": grant_id, "reason": "card dispute", "chargeback": True} | more
    made: dict[str, Any] = world.change("void_grant", **asked)
    return made


def test_what_was_spent_is_receivable_and_the_rest_is_void(world) -> None:
    lot = grant(world, costBasis="0.5", currency="EUR")
    ask(world, "3")
    seq = world.seq
    made = charge_back(world, lot)
    assert made == made | {
        "voided": "7",
        "held": "0",
        "receivable": "3",
        "seq": str(seq + 1),
        "replayed": False,
    }
    assert entries(world, seq) == [
        (seq + 1, 1, "CHARGEBACK", lot, "RECEIVABLE", "VOIDED", "3"),
        (seq + 1, 2, "GRANT_VOIDED", lot, "AVAILABLE", "VOIDED", "7"),
    ]
    assert wallet(world) == {"receivable": "3"}
    shown = read(world, lot)
    assert (shown["status"], shown["chargedBackAt"]) == ("VOIDED", shown["voidedAt"])
    assert charge_back(world, lot, reason="again") == made | {"replayed": True}
    assert charge_back(world, lot, chargeback=False)["replayed"]
    assert world.seq == seq + 1
    assert (
        world.one("SELECT api.balances_at('acme', %s)", f'{{"seq": {world.seq}}}')["wallets"][0]["receivable"]
        == "3"
    )
    assert balances(world) == {
        "BILLED": D("-5.00"),
        "RECOGNISED_REVENUE": D("1.50"),
        "RECEIVABLE": D("-1.50"),
        "REFUNDABLE": D("5.00"),
    }
    verified(world)


@pytest.mark.parametrize("how", ["exhausted", "expired", "voided"])
def test_what_is_over_can_still_be_charged_back(world, how: str) -> None:
    lot = grant(world, expiresAt=world.clock("1 hour"))
    ask(world, "10" if how == "exhausted" else "4")
    if how == "expired":
        world.advance("2 hours")
    if how == "voided":
        plain = charge_back(world, lot, chargeback=False)
        assert (plain["voided"], plain["receivable"], wallet(world)) == ("6", "0", {})
    else:
        assert world.faults("void_grant", grantId=lot, reason="x") == {("grantId", how.upper())}
    made = charge_back(world, lot)
    spent = "10" if how == "exhausted" else "4"
    assert (made["voided"], made["receivable"], made["replayed"]) == ("0", spent, False)
    assert wallet(world) == {"receivable": spent}
    assert charge_back(world, lot) == made | {"replayed": True}
    if how == "voided":
        assert charge_back(world, lot, chargeback=False) == plain | {"replayed": True}
    verified(world)


def test_what_is_held_is_receivable_once_it_is_settled(world) -> None:
    lot = grant(world)
    ask(world, "1")
    held = reserve(world, "6")
    made = charge_back(world, lot)
    assert (made["voided"], made["held"], made["receivable"]) == ("3", "6", "1")
    seq = world.seq
    step(world, "settle", held, quantities=[{"name": "input", "amount": "4"}])
    assert [entry[1:] for entry in entries(world, seq)] == [
        (1, "SETTLE", lot, "HELD", "CONSUMED", "4"),
        (2, "CHARGEBACK", lot, "RECEIVABLE", "VOIDED", "4"),
        (3, "GRANT_VOIDED", lot, "HELD", "VOIDED", "2"),
    ]
    assert wallet(world) == {"receivable": "5"}
    verified(world)


def test_what_is_reversed_is_no_longer_receivable(world) -> None:
    lot = grant(world, costBasis="0.5", currency="EUR")
    event = ask(world, "8")
    reverse(world, event, "0.25")
    charge_back(world, lot)
    assert wallet(world) == {"receivable": "6"}
    made = reverse(world, event, "0.75")
    assert made["returned"] == [
        {"walletId": "customer:general", "account": "RECEIVABLE", "grantId": lot, "amount": "6"}
    ]
    assert wallet(world) == {}
    assert balances(world) == {"BILLED": D("-5.00"), "REFUNDABLE": D("5.00")}
    verified(world)


def test_what_repaid_an_overdraft_was_spent(world) -> None:
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "5"}])
    event = ask(world, "5", overage="OVERDRAFT")
    lot = grant(world)
    assert charge_back(world, lot)["receivable"] == "5"
    verified(world)
    # What was repaid comes back as credits, and stays receivable.
    reverse(world, event)
    assert wallet(world) == {"available": "5", "receivable": "5"}
    verified(world)


def move(world: Configuration, amount: str, giver: str | None, taker: str | None) -> str:
    """The grant of the other wallet."""
    ends = [{"creditType": "general"} | ({} if who is None else {"entityId": who}) for who in (giver, taker)]
    key = f"move {world.seq}"
    made = world.change(
        "transfer_credits", idempotencyKey=key, **{"from": ends[0]}, to=ends[1], amount=amount
    )
    part: str = made["parts"][0]["grantId"]
    return part


def test_it_follows_the_payment_to_parts_of_parts(world) -> None:
    lot = grant(world, costBasis="0.5", currency="EUR")
    part = move(world, "7", None, "ada")
    further = move(world, "4", "ada", "bob")
    other = grant(world, "5", entityId="bob", priority=90)
    ask(world, "1", entityIds=["ada"])
    ask(world, "3", entityIds=["bob"])
    seq = world.seq
    made = charge_back(world, lot)
    assert made == made | {"voided": "3", "held": "0", "receivable": "0", "seq": str(seq + 3)}
    assert made["parts"] == [
        {"grantId": part, "walletId": "ada:general", "voided": "2", "held": "0", "receivable": "1"},
        {"grantId": further, "walletId": "bob:general", "voided": "1", "held": "0", "receivable": "3"},
    ]
    assert entries(world, seq) == [
        (seq + 1, 1, "CHARGEBACK", part, "RECEIVABLE", "VOIDED", "1"),
        (seq + 1, 2, "GRANT_VOIDED", part, "AVAILABLE", "VOIDED", "2"),
        (seq + 2, 1, "CHARGEBACK", further, "RECEIVABLE", "VOIDED", "3"),
        (seq + 2, 2, "GRANT_VOIDED", further, "AVAILABLE", "VOIDED", "1"),
        (seq + 3, 1, "GRANT_VOIDED", lot, "AVAILABLE", "VOIDED", "3"),
    ]
    assert (wallet(world), wallet(world, "ada:general")) == ({}, {"receivable": "1"})
    assert wallet(world, "bob:general") == {"available": "5", "receivable": "3"}
    assert read(world, other)["status"] == "ACTIVE"
    assert balances(world) == {
        "BILLED": D("-5.00"),
        "RECOGNISED_REVENUE": D("2.00"),
        "RECEIVABLE": D("-2.00"),
        "REFUNDABLE": D("5.00"),
    }
    assert charge_back(world, lot, reason="again") == made | {"replayed": True}
    again = charge_back(world, part)
    assert (again["receivable"], again["parts"], again["replayed"]) == ("1", [], True)
    assert world.seq == seq + 3
    verified(world)


def test_adjustments_of_it_are_parts(world) -> None:
    lot = grant(world, expiresAt=world.clock("1 hour"))
    event = ask(world, "6")
    world.advance("2 hours")
    adjustment = reverse(world, event, "0.5")["returned"][0]["grantId"]
    moved = move(world, "2", None, "ada")
    consume(world, "1", "ada")
    made = charge_back(world, lot)
    assert (made["voided"], made["receivable"]) == ("0", "3")
    assert [(part["grantId"], part["voided"], part["receivable"]) for part in made["parts"]] == [
        (adjustment, "1", "0"),
        (moved, "1", "1"),
    ]
    assert (wallet(world), wallet(world, "ada:general")) == ({"receivable": "3"}, {"receivable": "1"})
    # The rest of it is no longer receivable, and makes nothing new.
    assert reverse(world, event)["share"] == "0.5"
    assert wallet(world) == {}
    verified(world)


def test_a_part_that_was_charged_back_is_so_once(world) -> None:
    """What was made of it went with it; a part that was only voided, and one held, are still to come."""
    lot = grant(world, "20")
    part = move(world, "8", None, "ada")
    further = move(world, "3", "ada", "bob")
    voided = move(world, "4", None, "bob")
    consume(world, "1", "bob")
    assert [each["grantId"] for each in charge_back(world, part)["parts"]] == [further]
    held = reserve(world, "2", "bob")
    charge_back(world, voided, chargeback=False)
    made = charge_back(world, lot)
    assert [each["grantId"] for each in made["parts"]] == [voided]
    assert (made["parts"][0]["voided"], made["parts"][0]["held"]) == ("0", "2")
    step(world, "settle", held, quantities=[{"name": "input", "amount": "2"}])
    assert wallet(world, "bob:general") == {"receivable": "3"}
    verified(world)


def test_a_void_leaves_the_parts_and_lists_them(world) -> None:
    lot = grant(world)
    part = move(world, "4", None, "ada")
    assert charge_back(world, lot, chargeback=False)["parts"] == []
    assert wallet(world, "ada:general") == {"available": "4"}
    listed = world.rows(
        "SELECT row ->> 'grantId' FROM api.read_grants('acme', %s, NULL, 9) AS row",
        f'{{"fromGrantId": "{lot}"}}',
    )
    assert listed == [(part,)]


def test_nothing_was_spent_of_what_waited_for_its_payment(world) -> None:
    made = charge_back(world, grant(world, pendingPayment=True))
    assert (made["voided"], made["receivable"]) == ("0", "0")
    verified(world)


def test_whatever_is_tampered_with_is_found(world) -> None:
    lot, other = grant(world, "4", priority=1), grant(world)
    ask(world, "6")
    charge_back(world, lot)
    charge_back(world, other, chargeback=False)
    assert offended(world) == set()
    world.connection.execute("SET session_replication_role = replica")
    for statement, expected in {
        "UPDATE core.wallet SET receivable = 3": {"balances"},
        "UPDATE core.credit_grant SET charged_back_at = NULL": {"grants", "terms"},
        "UPDATE core.credit_grant SET charged_back_at = voided_at": {"grants", "terms"},
        "UPDATE core.ledger_entry SET amount = 3 WHERE kind = 'CHARGEBACK'": {
            "balances",
            "balances_after",
            "grants",
        },
        "UPDATE core.ledger_entry SET from_account = 'SHORTFALL' WHERE kind = 'CHARGEBACK'": {
            "balances",
            "chart",
            "grants",
        },
        "DELETE FROM core.change WHERE kind = 'GRANT_VOIDED' AND after ? 'receivable'": {"seq", "terms"},
    }.items():
        with world.connection.transaction(force_rollback=True):
            assert world.connection.execute(statement).rowcount > 0, statement
            assert offended(world) == expected, statement


def test_a_chargeback_is_yes_or_no(world) -> None:
    lot = grant(world)
    assert world.faults("void_grant", grantId=lot, reason="x", chargeback="yes") == {
        ("chargeback", "WRONG_TYPE")
    }
