"""``api.update_grant``: dates and priority of what is unspent, and the order of what was spent before."""

import pytest

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import consume, entries, grant, priced, read, verified, wallet


@pytest.fixture
def world(connection) -> Configuration:
    return priced(small_world(connection))


def test_one_change_with_before_and_after(world) -> None:
    grant_id = grant(world, priority=20)
    seq = world.seq
    until = world.clock("1 day")
    changed = world.change("update_grant", grantId=grant_id, priority=70, expiresAt=until)
    assert (changed["priority"], changed["seq"], changed["status"]) == (70, str(seq + 1), "ACTIVE")
    [(kind, before, after, actor)] = world.rows(
        "SELECT kind, before, after, actor FROM core.change WHERE seq = %s", seq + 1
    )
    assert (kind, actor) == ("GRANT_UPDATED", "test")
    assert (before["priority"], before["expiresAt"]) == (20, None)
    assert (after["priority"], after["effectiveAt"]) == (70, before["effectiveAt"])
    assert world.one("SELECT expires_at = next_due_at FROM core.credit_grant, core.gate")
    assert world.change("update_grant", grantId=grant_id, priority=70)["seq"] is None
    assert world.change("update_grant", grantId=grant_id)["seq"] is None
    assert world.seq == seq + 1
    nulls = world.change("update_grant", grantId=grant_id, priority=None, expiresAt=None, effectiveAt=None)
    assert (nulls["priority"], nulls["expiresAt"]) == (50, None)
    assert nulls["effectiveAt"] == changed["effectiveAt"]
    verified(world)


def test_what_was_spent_keeps_the_order_of_its_time(world) -> None:
    first, second = grant(world), grant(world)
    assert consume(world, "2") == [(first, "2")]
    world.change("update_grant", grantId=second, priority=10)
    assert consume(world, "3") == [(second, "3")]
    world.change("update_grant", grantId=first, expiresAt=world.clock("1 day"), priority=10)
    assert consume(world, "1") == [(first, "1")]
    world.change("update_grant", grantId=first, priority=60)
    assert consume(world, "8") == [(second, "7"), (first, "1")]
    verified(world)
    # Each was right when it was decided, and would be wrong under other terms.
    world.connection.execute("SET session_replication_role = replica")
    for change in range(2):
        with world.connection.transaction(force_rollback=True):
            world.connection.execute(
                "UPDATE core.change SET before = before || '{\"priority\": 5}' WHERE seq = ("
                " SELECT seq FROM core.change WHERE kind = 'GRANT_UPDATED' ORDER BY seq OFFSET %s LIMIT 1)",
                (change,),
            )
            assert ("burn_order",) in world.rows(
                "SELECT check_name FROM api.verify() WHERE offender IS NOT NULL"
            )


def test_a_grant_that_waits_may_begin_at_another_time(world) -> None:
    grant_id = grant(world, effectiveAt=world.clock("2 hours"))
    world.change("update_grant", grantId=grant_id, effectiveAt=world.clock("1 hour"))
    assert world.one("SELECT effective_at = next_due_at FROM core.credit_grant, core.gate")
    world.change("update_grant", grantId=grant_id, effectiveAt=world.clock("3 hours"))
    world.advance("90 minutes")
    assert world.one("SELECT api.book_due(10)") == 0
    assert read(world, grant_id)["status"] == "SCHEDULED"
    seq = world.seq
    assert world.change("update_grant", grantId=grant_id, effectiveAt=None)["status"] == "ACTIVE"
    assert wallet(world) == {"available": "10"}
    assert consume(world, "4") == [(grant_id, "4")]
    assert [(at, kind) for at, _, kind, *_ in entries(world, seq)] == [
        (seq + 2, "GRANT_EFFECTIVE"),
        (seq + 3, "CONSUME"),
    ]
    verified(world)


def test_an_expiry_is_put_off_or_brought_forward(world) -> None:
    sooner = grant(world, expiresAt=world.clock("5 days"))
    longer = grant(world, expiresAt=world.clock("1 hour"))
    world.change("update_grant", grantId=sooner, expiresAt=world.clock("30 minutes"))
    world.change("update_grant", grantId=longer, expiresAt=world.clock("3 days"))
    seq = world.seq
    world.advance("2 hours")
    assert wallet(world) == {"available": "10"}
    assert world.one("SELECT api.book_due(10)") == 1
    assert [entry[2:4] for entry in entries(world, seq)] == [("GRANT_EXPIRED", sooner)]
    verified(world)


def test_what_has_ended_is_refused_with_its_status(world) -> None:
    expired = grant(world, expiresAt=world.clock("1 minute"))
    exhausted, voided = grant(world, priority=1), grant(world)
    world.change("void_grant", grantId=voided, reason="mistake")
    consume(world, "10")
    world.advance("1 hour")
    seq = world.seq
    for grant_id, status in ((expired, "EXPIRED"), (exhausted, "EXHAUSTED"), (voided, "VOIDED")):
        assert read(world, grant_id)["status"] == status
        assert world.faults("update_grant", grantId=grant_id, priority=7) == {("grantId", status)}
        # What changes nothing is no reason to complain: a payment may be told twice.
        assert world.change("update_grant", grantId=grant_id, paymentReceived=True)["status"] == status
    assert world.rows("SELECT kind FROM core.change WHERE seq > %s", seq) == []
    verified(world)


def test_all_faults_of_an_update(world) -> None:
    grant_id = grant(world)
    later = grant(world, effectiveAt=world.clock("2 hours"))
    assert world.faults(
        "update_grant", priority="high", expiresAt="soon", amount="1", paymentReceived="yes"
    ) == {
        ("grantId", "REQUIRED"),
        ("priority", "NOT_A_NUMBER"),
        ("expiresAt", "NOT_AN_INSTANT"),
        ("amount", "UNKNOWN_FIELD"),
        ("paymentReceived", "WRONG_TYPE"),
    }
    for unknown in ("99", "0", "-1", "1e3", "nine", "0" + grant_id, "9" * 30, "9" * 18):
        assert world.faults("update_grant", grantId=unknown, priority=1) == {("grantId", "NOT_FOUND")}
    assert world.faults(
        "update_grant",
        grantId=grant_id,
        priority=101,
        effectiveAt=world.clock("1 h"),
        expiresAt=world.clock(),
    ) == {("priority", "TOO_LARGE"), ("effectiveAt", "HAS_BEGUN"), ("expiresAt", "IN_THE_PAST")}
    assert world.faults(
        "update_grant", grantId=later, effectiveAt=world.clock("-1 h"), expiresAt=world.clock("-2 h")
    ) == {("effectiveAt", "IN_THE_PAST"), ("expiresAt", "IN_THE_PAST")}
    assert world.faults("update_grant", grantId=later, expiresAt=world.clock("1 h")) == {
        ("expiresAt", "TOO_EARLY")
    }
    nobody = Configuration(world.connection, "nobody")
    assert nobody.faults("update_grant", grantId=grant_id) == {("customerId", "NOT_FOUND")}
    other = Configuration(world.connection, "other")
    other.change("upsert_customer")
    assert other.faults("void_grant", grantId=grant_id, reason="mine") == {("grantId", "NOT_FOUND")}
