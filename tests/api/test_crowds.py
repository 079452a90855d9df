"""What a crowd that only reads must not do to those who decide, and what is told where reading fails."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from tests.api.serving import CONSUME, Api, asked
from tests.api.test_sockets import BALANCE, received, subscribe

#: Connections of the pool for reading, and as many again who wait for one.
CROWD = 8
GRANT = """
mutation ($input: GrantCreditsInput!) { grantCredits(input: $input) { seq replayed grant { grantId } } }
"""


@contextmanager
def locked(api: Api, table: str) -> Iterator[None]:
    """Nobody can read it."""
    with psycopg.connect(api.connection.info.dsn) as other:
        other.execute(f"LOCK TABLE core.{table} IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()


@contextmanager
def too_slow(api: Api, function: str) -> Iterator[None]:
    """A function of ``api`` says that it has taken too long."""
    found = api.connection.execute("SELECT pg_get_functiondef(%s::regproc)", (f"api.{function}",)).fetchone()
    assert found is not None
    says = "\nBEGIN\n  RAISE EXCEPTION 'too slow' USING ERRCODE = '57014';"
    api.connection.execute(found[0].replace("\nBEGIN", says, 1))
    yield
    api.connection.execute(found[0])


def test_a_crowd_of_readers_keeps_nobody_from_deciding(api: Api) -> None:
    """Neither while a key is looked up again, nor on a socket that shows balances; and it is ready."""
    customer = api.customer()
    with (
        ThreadPoolExecutor(CROWD) as readers,
        api.socket() as socket,
        locked(api, "change"),
    ):
        reading = [
            readers.submit(api.post, "{ auditEvents(first: 1) { nodes { seq } } }") for _ in range(CROWD)
        ]
        time.sleep(1.1)  # what is known of the key has grown old
        begun = time.monotonic()
        assert api.consume(customer)["allowed"] is True
        assert api.client.get(f"{api.url}/readyz").json() == {"ready": True}
        subscribe(socket, BALANCE, {"c": customer})
        assert received(socket)["payload"]["data"]["balanceChanged"]["version"]["seq"] == "5"
        assert time.monotonic() - begun < 1.5
        assert not any(each.done() for each in reading)


@pytest.mark.parametrize("replayed", [False, True])
def test_what_is_written_and_cannot_be_read_is_not_called_unwritten(api: Api, replayed: bool) -> None:
    """The full answer needs the budgets, which cannot be read in time; it is charged all the same."""
    customer = api.customer()
    given = asked(customer, entityIds=["user"], detail="FULL")
    if replayed:
        api.data(CONSUME, {"input": given})
    with too_slow(api, "read_budgets"):
        error = api.error(CONSUME, {"input": given})
    assert (error["code"], error["retryable"]) == ("UNKNOWN", True)
    answer = api.data(CONSUME, {"input": given})["consume"]
    assert (answer["replayed"], answer["seq"], len(answer["budgets"])) == (True, "5", 1)


def test_a_grant_that_is_made_and_cannot_be_read_is_not_called_unmade(api: Api) -> None:
    customer = api.customer()
    given = {"idempotencyKey": "k", "customerId": customer, "creditType": "general", "amount": "1"}
    with too_slow(api, "read_grants"):
        assert api.error(GRANT, {"input": given})["code"] == "UNKNOWN"
    answer = api.data(GRANT, {"input": given})["grantCredits"]
    assert answer["replayed"] is True
    assert answer["grant"]["grantId"] == answer["seq"]
