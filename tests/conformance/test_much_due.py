"""More is due than one call books: what is burned or held is booked all the same, so it can come back."""

import psycopg
import pytest

from tests.conformance.agreement import first_disagreement
from tests.conformance.forms import History, Operation
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import SqlBackend, stop_clock
from tests.conformance.test_sql import LEFT_TO_DOORS
from tests.model.examples import ask, entity, grant, wallet, world

#: More than one call books, and in a wallet that no other entity burns from.
MANY = [grant(f"g{n:03}", "1", effectiveAt=60 + n % 2) for n in range(503)]
OWN = [grant(f"user-{n}", "1", "user:general", effectiveAt=61 + n) for n in range(3)]

HOLD: Operation = {"op": "reserve", "items": [ask("held", "2.5", "user", ttlSeconds=60)]}
HOLD_ALL: Operation = {"op": "reserve", "items": [ask("held", "502.5", ttlSeconds=60)]}
SPEND: Operation = {"op": "consume", "items": [ask("spent", "502.5")]}
AGAIN: list[Operation] = [
    {"op": "consume", "items": [ask("again", "2.5", "user"), ask("all", "503")]},
    {"op": "bookDue"},
    {"op": "consume", "items": [ask("last", "1", "user"), ask("none", "1")]},
]


def settled(amount: str) -> Operation:
    quantities = [{"name": "input", "amount": amount}]
    return {"op": "settle", "steps": [{"reservation": "held", "quantities": quantities, "final": True}]}  # type: ignore[list-item]


WAYS: dict[str, list[Operation]] = {
    "released": [HOLD_ALL, {"op": "release", "steps": [{"reservation": "held"}]}],
    "of another wallet": [HOLD, {"op": "release", "steps": [{"reservation": "held"}]}],
    "settled in part": [HOLD_ALL, settled("1")],
    "expired": [HOLD_ALL, {"op": "advance", "seconds": 60}],
    "taken back": [SPEND, {"op": "reverse", "reversalId": "r", "key": "spent", "share": None}],
    "checked": [{"op": "check", "items": SPEND["items"]}],
}


@pytest.fixture(scope="module")
def stopped(module_connection: psycopg.Connection) -> psycopg.Connection:
    stop_clock(module_connection)
    return module_connection


def history(*operations: Operation) -> History:
    return {
        "world": world(
            entities=[entity("user")],
            wallets=[wallet("general"), wallet("general", "user", "1")],
            grants=[*MANY, *OWN],
        ),
        "operations": [{"op": "advance", "seconds": 65}, *operations],
    }


def agree(connection: psycopg.Connection, told: History) -> None:
    backend = SqlBackend(connection)
    difference = first_disagreement(ModelBackend(), backend, told, leave_out=LEFT_TO_DOORS)
    assert difference is None, difference
    offenders = connection.execute(
        "SELECT * FROM api.verify(%s) WHERE offender IS NOT NULL", ([backend._customer],)
    )
    assert offenders.fetchall() == []


@pytest.mark.parametrize("way", WAYS)
def test_what_comes_back_is_there_again(stopped: psycopg.Connection, way: str) -> None:
    agree(stopped, history(*WAYS[way], *AGAIN))


def test_what_goes_beyond_a_hold_burns_it(stopped: psycopg.Connection) -> None:
    told = history(settled("3"))
    told["world"]["grants"].append(grant("before", "1", "user:general"))
    hold: Operation = {"op": "reserve", "items": [ask("held", "1", "user")]}
    told["operations"] = [hold, *told["operations"]]
    agree(stopped, told)
