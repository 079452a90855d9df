"""``api.void_grant``: what is left of a grant and not held is taken back, once."""

import pytest

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import consume, entries, grant, priced, read, verified, wallet


@pytest.fixture
def world(connection) -> Configuration:
    return priced(small_world(connection))


def void(world: Configuration, grant_id: str) -> dict:
    return world.change("void_grant", grantId=grant_id, reason="charged back")


def test_what_is_left_is_taken_back_once(world) -> None:
    grant_id = grant(world)
    consume(world, "3")
    seq = world.seq
    voided = void(world, grant_id)
    assert voided == voided | {
        "grantId": grant_id,
        "walletId": "customer:general",
        "voided": "7",
        "held": "0",
        "seq": str(seq + 1),
        "replayed": False,
    }
    assert entries(world, seq) == [(seq + 1, 1, "GRANT_VOIDED", grant_id, "AVAILABLE", "VOIDED", "7")]
    assert world.rows("SELECT kind, after ->> 'reason', actor FROM core.change WHERE seq = %s", seq + 1) == [
        ("GRANT_VOIDED", None, "test")
    ]
    assert (
        world.one("SELECT void_reason FROM core.credit_grant WHERE grant_no = %s", grant_id) == "charged back"
    )
    shown = read(world, grant_id)
    assert (shown["status"], shown["remaining"]) == ("VOIDED", "0")
    assert shown["voidedAt"] is not None
    assert wallet(world) == {}
    assert not world.one("SELECT is_open FROM core.credit_grant")
    world.advance("1 day")
    assert void(world, grant_id) == voided | {"replayed": True}
    assert world.seq == seq + 1
    verified(world)


def test_a_scheduled_grant_never_takes_effect(world) -> None:
    grant_id = grant(world, effectiveAt=world.clock("1 hour"))
    seq = world.seq
    void(world, grant_id)
    assert entries(world, seq) == [(seq + 1, 1, "GRANT_VOIDED", grant_id, "SCHEDULED", "VOIDED", "10")]
    world.advance("2 hours")
    assert world.one("SELECT api.book_due(10)") == 0
    assert wallet(world) == {}
    verified(world)


def test_a_grant_that_waits_for_its_payment_is_only_called_off(world) -> None:
    grant_id = grant(world, pendingPayment=True)
    seq = world.seq
    assert void(world, grant_id)["voided"] == "0"
    assert read(world, grant_id)["status"] == "VOIDED"
    assert entries(world) == []
    assert world.faults("update_grant", grantId=grant_id, paymentReceived=True) == {("grantId", "VOIDED")}
    assert void(world, grant_id)["replayed"] is True
    assert world.seq == seq + 1
    verified(world)


def test_what_has_ended_by_itself_is_not_voided(world) -> None:
    expired, exhausted = grant(world, expiresAt=world.clock("1 minute")), grant(world, priority=1)
    consume(world, "10")
    world.advance("1 hour")
    for grant_id, status in ((expired, "EXPIRED"), (exhausted, "EXHAUSTED")):
        assert world.faults("void_grant", grantId=grant_id, reason="x") == {("grantId", status)}
    assert world.faults("void_grant", grantId="99", reason="x") == {("grantId", "NOT_FOUND")}
    assert world.faults("void_grant", grantId=7) == {("grantId", "WRONG_TYPE"), ("reason", "REQUIRED")}


def test_the_next_grant_pays_after_it(world) -> None:
    first, second = grant(world), grant(world)
    void(world, first)
    assert consume(world, "4") == [(second, "4")]
    verified(world)


def test_of_two_customers_each_is_told_of_its_own(world) -> None:
    other = Configuration(world.connection, "other")
    other.change("upsert_customer")
    while other.seq < world.seq:
        other.change("upsert_customer", name=str(other.seq))
    mine, theirs = grant(world, "5"), grant(other, "6")
    assert mine == theirs
    assert (void(world, mine)["voided"], void(other, theirs)["voided"]) == ("5", "6")
    assert (void(world, mine)["voided"], void(other, theirs)["voided"]) == ("5", "6")
    other.history_is_whole()
