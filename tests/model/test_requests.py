"""Malformed requests do nothing at all and name the field (KERNEL §1)."""

from datetime import datetime
from typing import Any

import pytest

from tests.conformance.backend import Malformed
from tests.model.examples import ask, consume, feature, grant, rate, reasons, started

TWO = feature("chat", rate("general", "input", "1"), rate("general", "output", "1"), dimensions=["model"])

BOTH = [{"name": "input", "amount": "1"}, {"name": "output", "amount": "1"}]


def pair(key: str, value: str = "x") -> dict[str, str]:
    return {"key": key, "value": value}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"idempotencyKey": ""}, "idempotencyKey"),
        ({"idempotencyKey": None}, "idempotencyKey"),
        ({"quantities": None}, "quantities"),
        ({"quantity": "1"}, "quantities"),
        ({"quantities": []}, "quantities"),
        ({"quantities": [{"name": "input", "amount": "0"}]}, "quantities"),
        ({"quantities": [{"name": "input", "amount": "1"}, {"name": "input", "amount": "2"}]}, "quantities"),
        *(
            ({"quantities": [{"name": "input", "amount": amount}]}, "quantities")
            for amount in ("-1", "+1", "NaN", "1e3", "Infinity", "", " 1", "1_000", "٣", ".5", "1.", 1, None)
        ),
        ({"quantities": [{"name": "input", "amount": "1" * 30}]}, "quantities"),
        ({"quantities": [{"name": "input", "amount": "0.0000000001"}]}, "quantities"),
        ({"entityIds": ["a", "b", "c", "d", "e"]}, "entityIds"),
        ({"dimensions": [pair("model"), pair("model", "y")]}, "dimensions"),
        ({"dimensions": [pair("colour")]}, "dimensions"),
        ({"overage": "MAYBE"}, "overage"),
        ({"overage": "CAP", "group": "g"}, "overage"),
        ({"overage": "RECORD", "group": "g"}, "overage"),
        (
            {"overage": "CAP", "quantities": [{"name": n, "amount": "1"} for n in ("input", "output")]},
            "overage",
        ),
        ({"occurredAt": "2030-01-15T11:00:00Z"}, "occurredAt"),
        ({"overage": "RECORD", "occurredAt": "2030-01-15T12:00:00"}, "occurredAt"),
        ({"overage": "RECORD", "occurredAt": "2030-01-15T12:00:01Z"}, "occurredAt"),
        ({"overage": "RECORD", "occurredAt": "2029-12-31T23:59:59Z"}, "occurredAt"),
    ],
)
def test_malformed(changes: dict[str, Any], field: str) -> None:
    backend = started(features=[TWO], grants=[grant("g", "9"), grant("due", "9", effectiveAt=0)])
    before = backend.state()
    with pytest.raises(Malformed) as caught:
        consume(backend, ask("k1"), ask("k2", **changes))
    assert caught.value.field == field
    assert backend.state() == before
    assert reasons(consume(backend, ask("k1"))) == [None]


@pytest.mark.parametrize(
    "occurred", ["2030-01-15T12:00:00Z", "2030-01-01T00:00:00Z", "2030-01-15T13:00:00+01:00"]
)
def test_the_open_period(occurred: str) -> None:
    backend = started(grants=[grant("g", "9")])
    assert reasons(consume(backend, ask("k1", overage="RECORD", occurredAt=occurred))) == [None]


def test_the_open_period_begins_with_what_is_not_closed() -> None:
    """It is longer than this month, or of this month alone; a replay answers though its month is closed."""
    backend = started(grants=[grant("g", "9")])

    def record(key: str, occurred: str) -> list[str | None]:
        return reasons(consume(backend, ask(key, overage="RECORD", occurredAt=occurred)))

    backend.kernel.close_month(datetime.fromisoformat("2029-12-01T00:00:00Z"))
    assert record("k1", "2029-12-01T00:00:00Z") == [None]
    with pytest.raises(Malformed):
        record("k2", "2029-11-30T23:59:59Z")
    backend.kernel.close_month(datetime.fromisoformat("2030-01-01T00:00:00Z"))
    assert record("k1", "2029-12-01T00:00:00Z") == [None]
    with pytest.raises(Malformed):
        record("k2", "2029-12-31T23:59:59Z")
    assert record("k3", "2030-01-01T00:00:00Z") == [None]


def test_a_single_quantity_is_named_quantity() -> None:
    backend = started(features=[feature("chat", rate("general", "quantity", "1"))], grants=[grant("g", "9")])
    [answer] = backend.consume([{"idempotencyKey": "k1", "featureId": "chat", "quantity": "2"}])
    assert answer["quantities"] == [{"name": "quantity", "amount": "2"}]


def test_a_group_is_of_one_customer() -> None:
    kernel = started(grants=[grant("g", "9")]).kernel
    kernel.customers["other"] = kernel.customers["customer"]
    items = [{**ask(f"k{name}", group="g"), "customerId": name} for name in ("customer", "other")]
    with pytest.raises(ValueError, match="group"):
        kernel.consume_many(items)


def test_an_unknown_customer_records_nothing() -> None:
    kernel = started(grants=[grant("g", "9")]).kernel
    items = [{**ask("k1"), "customerId": name} for name in ("nobody", "customer")]
    assert reasons(kernel.consume_many(items)) == ["CUSTOMER_NOT_FOUND", None]
