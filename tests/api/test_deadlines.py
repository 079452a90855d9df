"""How long a request may take: by its header, by its argument, and what it is told when the time is over."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.api.serving import CONSUME, Api, asked

HURRIED = CONSUME.replace("($input: ConsumeInput!)", "($input: ConsumeInput!, $ms: Int)").replace(
    "(input: $input)", "(input: $input, timeoutMs: $ms)"
)
CHECK = "query ($input: ConsumeInput!, $ms: Int) { check(input: $input, timeoutMs: $ms) { allowed } }"


@contextmanager
def held(api: Api, customer: str) -> Iterator[None]:
    """Somebody else has the customer's gate."""
    with psycopg.connect(api.connection.info.dsn) as other:
        other.execute("SELECT FROM core.gate WHERE customer_id = %s FOR NO KEY UPDATE", (customer,))
        yield


@pytest.mark.parametrize(
    ("header", "argument"), [("400", None), (None, 400), ("400", 30_000), ("30000", 400)]
)
def test_the_shorter_of_header_and_argument_holds(api: Api, header: str | None, argument: int | None) -> None:
    customer = api.customer()
    headers = {"controlplane_timeout_ms": header} if header else {}
    begun = time.monotonic()
    with held(api, customer):
        answer = api.post(HURRIED, {"input": asked(customer), "ms": argument}, **headers)
    assert time.monotonic() - begun < 4
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "LOCKED"
    assert answer["errors"][0]["extensions"]["retryable"] is True
    assert api.consume(customer)["seq"] == "5"


def test_a_check_needs_no_gate_and_a_grant_has_a_deadline_too(api: Api) -> None:
    customer = api.customer()
    grant = (
        "mutation ($input: GrantCreditsInput!)"
        " { grantCredits(input: $input, timeoutMs: 300) { grant { grantId } userErrors { code } } }"
    )
    given = {"idempotencyKey": "k", "customerId": customer, "creditType": "general", "amount": "1"}
    with held(api, customer):
        assert api.data(CHECK, {"input": asked(customer), "ms": 20_000})["check"] == {"allowed": True}
        assert api.error(grant, {"input": given})["code"] == "LOCKED"
    assert api.data(grant, {"input": given})["grantCredits"]["userErrors"] == []


@pytest.mark.parametrize(
    "value",
    ["0", "-1", "1.5", "soon", "60001", "9" * 400, "", "00", "000000001999999999", "000000001" + "0" * 5000],
    ids=range(10),
)
def test_a_header_that_says_no_time(api: Api, value: str) -> None:
    answer = api.raw('{"query": "{ viewer { name } }"}', controlplane_timeout_ms=value)
    assert answer.status_code == 400
    assert "Controlplane-Timeout-Ms" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("value", [0, -5, 60_001])
def test_an_argument_out_of_range(api: Api, value: int) -> None:
    customer = api.customer()
    error = api.error(HURRIED, {"input": asked(customer), "ms": value})
    assert (error["code"], error["field"]) == ("MALFORMED", "timeoutMs")
    assert api.consume(customer)["seq"] == "5"


def test_the_lanes_show_in_the_metrics(api: Api) -> None:
    customer = api.customer()
    api.consume(customer)
    shown = api.client.get(f"{api.url}/metrics").text
    for line in (
        'controlplane_lane_batch_items_count{call="consume"}',
        'controlplane_lane_batch_seconds_count{call="consume"}',
        'controlplane_lane_wait_seconds_count{call="consume"}',
        'controlplane_lane_depth_items{lanes="write"} 0.0',
        'controlplane_lane_depth_items{lanes="check"} 0.0',
        "controlplane_lane_deferred_items_total",
        'controlplane_decisions_total{operation="consume",reason="ALLOWED"}',
        'controlplane_database_pool_size{pool="lanes"}',
    ):
        assert line in shown, line
