"""``core.enqueue``: a job exists if and only if its caller commits, and not before its instant."""

import json

import psycopg
import pytest

QUEUES = ("top_up", "expiry", "recurring_grant", "alert", "webhook", "billing_export", "seal", "maintenance")


def read(connection: psycopg.Connection, queue: str) -> list[dict[str, object]]:
    rows = connection.execute("SELECT message FROM pgmq.read(%s, 30, 10)", (queue,)).fetchall()
    return [message for (message,) in rows]


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_takes_a_job(connection: psycopg.Connection, queue: str) -> None:
    connection.execute("SELECT core.enqueue('acme', %s, '{\"n\": 1}')", (queue,))
    assert read(connection, queue) == [{"n": 1, "customer_id": "acme"}]


def test_a_rolled_back_caller_leaves_no_job(connection: psycopg.Connection) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("SELECT core.enqueue('acme', 'alert', '{}')")
    assert read(connection, "alert") == []


def test_a_delayed_job_is_not_seen_before_its_instant(connection: psycopg.Connection) -> None:
    connection.execute("SELECT core.enqueue('acme', 'expiry', '{}', clock_timestamp() + interval '1 hour')")
    assert read(connection, "expiry") == []
    (remaining,) = connection.execute("SELECT vt - clock_timestamp() FROM pgmq.q_expiry").fetchone()
    assert 3590 < remaining.total_seconds() <= 3600


def test_an_unknown_queue_has_a_state_of_its_own(connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.DatabaseError) as caught:
        connection.execute("SELECT core.enqueue('acme', 'no such queue', '{}')")
    assert caught.value.sqlstate == "UC900"
    assert json.loads(caught.value.diag.message_detail) == {"field": "queue", "value": "no such queue"}


@pytest.mark.parametrize("arguments", ["NULL, 'alert', '{}'", "'acme', NULL, '{}'", "'acme', 'alert', NULL"])
def test_nothing_may_be_missing(connection: psycopg.Connection, arguments: str) -> None:
    with pytest.raises(psycopg.errors.NullValueNotAllowed):
        connection.execute(f"SELECT core.enqueue({arguments})")


@pytest.mark.parametrize("payload", ["[]", "1", '{"customer_id": "another"}'])
def test_the_payload_is_an_object_that_names_no_customer(
    connection: psycopg.Connection, payload: str
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        connection.execute("SELECT core.enqueue('acme', 'alert', %s)", (payload,))


def test_it_is_not_for_applications(login_url) -> None:
    from controlplane.types import Role

    with (
        psycopg.connect(login_url(Role.APP)) as app,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        app.execute("SELECT core.enqueue('acme', 'alert', '{}')")
