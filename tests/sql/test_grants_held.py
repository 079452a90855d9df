"""Grants that reservations hold, in part or whole, when they are voided, changed, moved and looked at."""

import pytest

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import consume, entries, grant, priced, read, reserve, step, verified, wallet
from tests.sql.test_reverse_consumption import ask

OWN, ADA = {"creditType": "general"}, {"creditType": "general", "entityId": "ada"}


@pytest.fixture
def world(connection) -> Configuration:
    return priced(small_world(connection))


def void(world: Configuration, grant_id: str) -> dict:
    return world.change("void_grant", grantId=grant_id, reason="charged back")


def transfer(world: Configuration, amount: str) -> dict:
    return world.change("transfer_credits", idempotencyKey=amount, **{"from": OWN}, to=ADA, amount=amount)


def test_what_is_held_is_spent_or_taken_back_when_it_returns(world) -> None:
    grant_id = grant(world)
    held = reserve(world, "4")
    voided = void(world, grant_id)
    assert (voided["voided"], voided["held"]) == ("6", "4")
    shown = read(world, grant_id)
    assert (shown["status"], shown["remaining"], shown["held"]) == ("VOIDED", "0", "4")
    assert wallet(world) == {"held": "4"}
    assert void(world, grant_id) == voided | {"replayed": True}
    verified(world)
    other = grant(world)
    seq = world.seq
    step(world, "settle", held, quantity=None, quantities=[{"name": "input", "amount": "1"}], final=True)
    assert [entry[2:] for entry in entries(world, seq)] == [
        ("SETTLE", grant_id, "HELD", "CONSUMED", "1"),
        ("GRANT_VOIDED", grant_id, "HELD", "VOIDED", "3"),
    ]
    assert wallet(world) == {"available": "10"}
    assert not world.one("SELECT is_open FROM core.credit_grant WHERE voided_at IS NOT NULL")
    assert void(world, grant_id) == voided | {"replayed": True}
    verified(world)
    assert consume(world, "2") == [(other, "2")]


def test_a_release_gives_nothing_back_to_what_is_void(world) -> None:
    grant_id = grant(world)
    held = reserve(world, "10")
    seq = world.seq
    assert (void(world, grant_id)["voided"], world.seq) == ("0", seq + 1)
    assert entries(world, seq) == []
    step(world, "release", held)
    assert [entry[2:] for entry in entries(world, seq)] == [
        ("GRANT_VOIDED", grant_id, "HELD", "VOIDED", "10")
    ]
    assert wallet(world) == {}
    verified(world)


def test_an_expired_hold_of_what_is_void_is_nobodys(world) -> None:
    """Neither a check nor a balance shows it as available, before and after it is booked."""
    grant_id = grant(world)
    reserve(world, "4", ttl=60)
    void(world, grant_id)
    world.advance("2 minutes")
    item = '[{"idempotencyKey": "c", "featureId": "chat", "quantities": [{"name": "input", "amount": "1"}]}]'
    for _ in range(2):
        assert world.rows("SELECT reason FROM api.check('acme', %s)", item) == [("INSUFFICIENT_CREDITS",)]
        assert wallet(world) == {}
        assert (read(world, grant_id)["status"], read(world, grant_id)["held"]) == ("VOIDED", "0")
        world.one("SELECT api.book_due(10)")
    verified(world)


def test_a_reader_sees_what_an_expired_hold_gives_back(world) -> None:
    grant_id = grant(world)
    reserve(world, "10", ttl=60)
    assert (read(world, grant_id)["status"], read(world, grant_id)["remaining"]) == ("ACTIVE", "0")
    world.advance("2 minutes")
    unbooked = read(world, grant_id)
    assert (unbooked["status"], unbooked["remaining"], unbooked["held"]) == ("ACTIVE", "10", "0")
    assert world.one("SELECT api.book_due(10)") == 1
    assert read(world, grant_id) == unbooked
    verified(world)


def test_an_overdraft_that_is_not_held_any_more_is_not_repaid(world) -> None:
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "9"}])
    item = """[{"idempotencyKey": "o", "featureId": "chat", "overage": "OVERDRAFT", "ttlSeconds": 60,
                "quantities": [{"name": "input", "amount": "7"}]}]"""
    assert world.rows("SELECT allowed FROM api.reserve('acme', %s)", item) == [(True,)]
    later = grant(world, effectiveAt=world.clock("2 minutes"))
    sooner = grant(world, "5", effectiveAt=world.clock("30 seconds"))
    world.advance("3 minutes")
    unbooked = read(world, sooner), read(world, later)
    assert [(each["status"], each["remaining"]) for each in unbooked] == [
        ("EXHAUSTED", "0"),
        ("ACTIVE", "10"),
    ]
    world.one("SELECT api.book_due(10)")
    assert (read(world, sooner), read(world, later)) == unbooked
    assert wallet(world) == {"available": "15"}
    verified(world)


def test_what_is_held_stays_and_what_is_small_moves(world) -> None:
    held, half, small = grant(world, "4", priority=1), grant(world, "4", priority=2), grant(world, "0.5")
    first = reserve(world, "6")
    made = transfer(world, "2.5")
    assert [(part["fromGrantId"], part["amount"]) for part in made["parts"]] == [(half, "2"), (small, "0.5")]
    assert wallet(world) == {"held": "6"}
    assert [read(world, lot)["status"] for lot in (held, half, small)] == ["ACTIVE", "ACTIVE", "EXHAUSTED"]
    assert world.faults("transfer_credits", idempotencyKey="u", **{"from": OWN}, to=ADA, amount="1") == {
        ("amount", "INSUFFICIENT_CREDITS")
    }
    verified(world)
    step(world, "release", first)
    assert wallet(world) == {"available": "6"}
    assert [part["amount"] for part in transfer(world, "5")["parts"]] == ["4", "1"]
    verified(world)


def test_new_terms_are_of_what_a_hold_gives_back_too(world) -> None:
    first, second = grant(world), grant(world)
    held = reserve(world, "10")
    world.change("update_grant", grantId=first, priority=90)
    assert consume(world, "4") == [(second, "4")]
    step(world, "release", held)
    assert consume(world, "7") == [(second, "6"), (first, "1")]
    again = reserve(world, "9")
    world.change("update_grant", grantId=first, expiresAt=world.clock("1 minute"))
    world.advance("10 minutes")
    step(world, "release", again)
    assert read(world, first)["status"] == "EXPIRED"
    assert wallet(world) == {}
    verified(world)


def test_what_is_held_can_always_come_back(world) -> None:
    """With what is there it never comes to more than can be written: else nothing could be booked again."""
    most = "9" + 28 * "0"
    waiting = grant(world, "2" + 28 * "0", pendingPayment=True)
    grant(world, most)
    event = ask(world, "1")
    other = grant(world, most, entityId="ada")
    held = reserve(world, "8" + 28 * "0")
    too_large = {("amount", "TOO_LARGE")}
    asked = {"creditType": "general", "amount": "2" + 28 * "0"}
    assert world.faults("grant_credits", idempotencyKey="k", **asked) == too_large
    assert world.faults("update_grant", grantId=waiting, paymentReceived=True) == {
        ("paymentReceived", "TOO_LARGE")
    }
    move = {"from": ADA, "to": OWN, "amount": asked["amount"]}
    assert world.faults("transfer_credits", idempotencyKey="t", **move) == too_large
    assert read(world, other)["remaining"] == most
    grant(world, "1" + 28 * "0")
    assert world.faults("reverse_consumption", idempotencyKey="r", usageEventId=event, reason="x") == {
        ("share", "TOO_LARGE")
    }
    world.advance("2 hours")
    consume(world, "1")
    assert world.one("SELECT state FROM core.reservation WHERE reservation_no = %s", int(held)) == "EXPIRED"
    verified(world)
