"""The same key with another request: the first field that differs is named."""

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world

ASKED = {"idempotencyKey": "k", "featureId": "chat", "quantities": [{"name": "input", "amount": "1"}]}
RECORDED = {"overage": "RECORD"}
THEN = {"occurredAt": "2026-01-01T00:00:00Z"}


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = small_world(connection)
    rates = [{"creditType": "general", "quantity": "input", "amount": "1"}]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.connection.execute("UPDATE core.rate SET effective_from = '-infinity'")
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="9")
    return world


def consume(world: Configuration, **changes: Any) -> tuple[bool, str | None]:
    """Whether it was answered before, and the field of a conflict."""
    item = {name: value for name, value in (ASKED | changes).items() if value is not None}
    [answer] = world.rows("SELECT replayed, answer ->> 'field' FROM api.consume('acme', %s)", Jsonb([item]))
    return bool(answer[0]), answer[1]


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ({}, {"featureId": "search", "sessionId": "s"}, "featureId"),
        ({}, {"quantities": [{"name": "input", "amount": "2"}], "entityIds": ["ada"]}, "quantities"),
        ({}, {"entityIds": ["ada"], "sessionId": "s"}, "entityIds"),
        ({}, {"sessionId": "s", "dimensions": [{"key": "model", "value": "x"}]}, "sessionId"),
        ({"sessionId": "s"}, {"sessionId": None, "overage": "CAP"}, "sessionId"),
        ({}, {"dimensions": [{"key": "model", "value": "x"}], "group": "g"}, "dimensions"),
        *(({}, {"overage": other, "group": None}, "overage") for other in ("CAP", "OVERDRAFT", "RECORD")),
        (RECORDED, {"overage": None, "group": "g"}, "overage"),
        (RECORDED, RECORDED | THEN, "occurredAt"),
        (RECORDED | THEN, RECORDED, "occurredAt"),
        (RECORDED | THEN, RECORDED | {"occurredAt": "2026-01-01T00:00:01Z"}, "occurredAt"),
        ({}, {"group": "g"}, "group"),
        ({"group": "g"}, {}, "group"),
        ({"group": "g"}, {"group": "h"}, "group"),
        ({}, {"idempotencyKey": "g"}, "operation"),
    ],
)
def test_the_field_that_differs(
    world: Configuration, first: dict[str, Any], second: dict[str, Any], field: str
) -> None:
    month = world.clock("0 seconds")[:7]
    first, second = (
        {name: month + value[7:] if name == "occurredAt" and value else value for name, value in item.items()}
        for item in (first, second)
    )
    assert consume(world, **first) == (False, None)
    assert consume(world, **second) == (False, field)
    assert consume(world, **first) == (True, None)
