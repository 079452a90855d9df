"""Where a grant stands, at the instant of reading: booked or not, and before it is paid."""

import pytest

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import entries, grant, read, verified, wallet


@pytest.fixture
def world(connection) -> Configuration:
    return small_world(connection)


def test_what_is_due_counts_unbooked(world) -> None:
    later = grant(world, effectiveAt=world.clock("1 hour"), expiresAt=world.clock("3 hours"))
    now = grant(world, expiresAt=world.clock("2 hours"))
    seq = world.seq
    told = []
    for _ in range(4):
        told.append((read(world, later), read(world, now)))
        world.advance("1 hour")
    assert [tuple((each["status"], each["remaining"]) for each in pair) for pair in told] == [
        (("SCHEDULED", "10"), ("ACTIVE", "10")),
        (("ACTIVE", "10"), ("ACTIVE", "10")),
        (("ACTIVE", "10"), ("EXPIRED", "0")),
        (("EXPIRED", "0"), ("EXPIRED", "0")),
    ]
    assert world.seq == seq
    verified(world)


def test_what_took_effect_and_paid_what_was_owed_is_exhausted(world) -> None:
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "50"}])
    first = grant(world, effectiveAt=world.clock("1 hour"))
    second = grant(world, effectiveAt=world.clock("2 hours"))
    world.connection.execute("UPDATE core.wallet SET owed = 12")
    world.advance("3 hours")
    unbooked = read(world, first), read(world, second)
    assert [(each["status"], each["remaining"]) for each in unbooked] == [("EXHAUSTED", "0"), ("ACTIVE", "8")]
    world.one("SELECT api.book_due(10)")
    assert (read(world, first), read(world, second)) == unbooked


def test_a_page_by_status(world) -> None:
    grants = {
        "SCHEDULED": grant(world, effectiveAt=world.clock("1 hour")),
        "ACTIVE": grant(world),
        "PENDING_PAYMENT": grant(world, pendingPayment=True),
        "EXPIRED": grant(world, expiresAt=world.clock("1 minute")),
        "VOIDED": grant(world),
    }
    world.change("void_grant", grantId=grants["VOIDED"], reason="mistake")
    world.advance("2 minutes")
    for status, grant_id in grants.items():
        found = world.rows(
            "SELECT row ->> 'grantId' FROM api.read_grants('acme', %s, NULL, 10) AS row",
            f'{{"status": "{status}"}}',
        )
        assert found == [(grant_id,)], status
    opened = world.rows(
        "SELECT row ->> 'status' FROM api.read_grants('acme', '{\"isOpen\": true}', NULL, 10) AS row"
    )
    assert opened == [("ACTIVE",), ("SCHEDULED",)]
    verified(world)


def test_a_pending_grant_is_no_credits_until_it_is_paid(world) -> None:
    seq = world.seq
    waiting = grant(world, entityId="ada", costBasis="0.002", currency="EUR", pendingPayment=True)
    assert int(waiting) == seq + 1
    shown = read(world, waiting)
    assert (shown["status"], shown["amount"], shown["remaining"]) == ("PENDING_PAYMENT", "10", "0")
    assert (shown["costBasis"], shown["currency"]) == ("0.002", "EUR")
    assert wallet(world, "ada:general") == {}
    assert entries(world) == []
    assert world.rows("SELECT kind, subject, actor FROM core.change WHERE seq = %s", seq + 1) == [
        ("GRANT_PENDING", waiting, "test")
    ]
    verified(world)

    paid = world.change("update_grant", grantId=waiting, paymentReceived=True)
    assert (paid["status"], paid["remaining"], paid["seq"]) == ("ACTIVE", "10", str(seq + 2))
    assert entries(world) == [(seq + 2, 1, "PAYMENT_RECEIVED", waiting, "ISSUED", "AVAILABLE", "10")]
    assert wallet(world, "ada:general") == {"available": "10"}
    again = world.change("update_grant", grantId=waiting, paymentReceived=True)
    assert again == paid | {"seq": None}
    assert world.seq == seq + 2
    verified(world)


def test_a_payment_pays_what_is_owed_and_respects_the_dates(world) -> None:
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "50"}])
    world.connection.execute("UPDATE core.wallet SET owed = 4")
    now = grant(world, pendingPayment=True)
    later = grant(world, pendingPayment=True, effectiveAt=world.clock("1 hour"))
    short = grant(world, pendingPayment=True, expiresAt=world.clock("1 minute"))
    assert world.change("update_grant", grantId=now, paymentReceived=True)["remaining"] == "6"
    assert world.change("update_grant", grantId=later, paymentReceived=True)["status"] == "SCHEDULED"
    assert wallet(world) == {"available": "6", "scheduled": "10"}
    world.advance("1 hour")
    assert world.one("SELECT api.book_due(10)") == 1
    assert read(world, short)["status"] == "EXPIRED"
    assert world.faults("update_grant", grantId=short, paymentReceived=True) == {("grantId", "EXPIRED")}


def test_a_pending_grant_is_a_request_of_its_own(world) -> None:
    asked = {"idempotencyKey": "k", "creditType": "general", "amount": "1"}
    first = world.change("grant_credits", **asked, pendingPayment=True)
    assert world.change("grant_credits", **asked, pendingPayment=True) == first | {"replayed": True}
    assert world.faults("grant_credits", **asked) == {("pendingPayment", "IDEMPOTENCY_CONFLICT")}
    other = world.change("grant_credits", **(asked | {"idempotencyKey": "l"}))
    assert world.change(
        "grant_credits", **(asked | {"idempotencyKey": "l"}), pendingPayment=False
    ) == other | {"replayed": True}
    assert world.faults("grant_credits", **(asked | {"idempotencyKey": "l"}), pendingPayment=True) == {
        ("pendingPayment", "IDEMPOTENCY_CONFLICT")
    }


def test_a_pending_grant_is_not_issued_beyond_what_a_wallet_holds(world) -> None:
    waiting = grant(world, pendingPayment=True)
    grant(world, amount="9" * 29)
    assert world.faults("update_grant", grantId=waiting, paymentReceived=True) == {
        ("paymentReceived", "TOO_LARGE")
    }


def test_terms_of_a_pending_grant_change_without_issuing_it(world) -> None:
    waiting = grant(world, pendingPayment=True, expiresAt=world.clock("1 hour"))
    changed = world.change(
        "update_grant", grantId=waiting, priority=7, effectiveAt=world.clock("2 hours"), expiresAt=None
    )
    assert (changed["status"], changed["priority"], changed["expiresAt"]) == ("PENDING_PAYMENT", 7, None)
    assert world.change("update_grant", grantId=waiting, paymentReceived=False)["seq"] is None
    assert entries(world) == []
    both = world.change("update_grant", grantId=waiting, paymentReceived=True, effectiveAt=None)
    assert (both["status"], both["remaining"]) == ("ACTIVE", "10")
    verified(world)
