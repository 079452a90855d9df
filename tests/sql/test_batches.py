"""One odd item of a batch: it alone is denied, and for the first of the reasons there are."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world
from tests.sql.granting import grant, priced, verified

NINE = "9" * 29


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = priced(small_world(connection))
    grant(world, "100")
    return world


def item(amount: str = "1", name: str = "input", **more: Any) -> dict[str, Any]:
    quantities = [{"name": name, "amount": amount}]
    return {"idempotencyKey": str(uuid4()), "featureId": "chat", "quantities": quantities} | more


def reasons(world: Configuration, *items: dict[str, Any]) -> list[str | None]:
    """Why each was denied, or would have been."""
    asked = world.rows("SELECT reason FROM api.consume(%s, %s)", world.customer_id, Jsonb(items))
    return [reason for (reason,) in asked]


@pytest.mark.parametrize("name", ['a"b', "a\\", "a\nb", "{}", "'", "💥"])
def test_a_quantity_may_be_called_anything(world: Configuration, name: str) -> None:
    assert reasons(world, item(), item(name=name), item()) == [None, "FEATURE_TYPE_MISMATCH", None]


def test_a_key_begins_with_what_is_recorded_of_it(world: Configuration) -> None:
    refused = item(featureId="unheard-of", overage="RECORD", idempotencyKey="k")
    first, other = item(overage="RECORD", idempotencyKey="k"), item("2", idempotencyKey="k")
    rows = world.rows(
        "SELECT reason, replayed, seq FROM api.consume(%s, %s)",
        world.customer_id,
        Jsonb([refused, first, other, first, refused, first]),
    )
    conflict = ("IDEMPOTENCY_CONFLICT", False, None)
    done, again = (None, False, world.seq), (None, True, world.seq)
    assert rows == [("FEATURE_NOT_FOUND", False, None), done, conflict, again, conflict, again]


def test_a_group_may_come_after_what_nothing_was_recorded_of(world: Configuration) -> None:
    refused = item(featureId="unheard-of", overage="RECORD", idempotencyKey="k")
    group = [item(idempotencyKey=key, group="g") for key in ("k", "l")]
    assert reasons(world, refused, *group) == ["FEATURE_NOT_FOUND", None, None]
    twice = [refused | {"idempotencyKey": "m"}, *(item(idempotencyKey="m", group="h") for _ in range(2))]
    assert reasons(world, *twice) == ["FEATURE_NOT_FOUND", *(2 * ["IDEMPOTENCY_CONFLICT"])]


def test_a_raised_limit_reaches_no_further_than_what_can_be_used(world: Configuration) -> None:
    budget = {"measure": "QUANTITY", "featureId": "chat", "quantity": "input", "window": "TOTAL"}
    world.change("set_budget", budgetId="b", limit=NINE, **budget)
    world.change(
        "raise_budget", budgetId="b", idempotencyKey="r", amount=NINE, until=world.clock("1 hour"), reason="x"
    )
    rates = [{"creditType": "general", "quantity": "input", "amount": "0.000000000000000001"}]
    world.catalog("set_rates", featureId="chat", rates=rates)
    grant(world, "99999999999999")
    assert reasons(world, item(NINE), item(), item("0.5"), item("0.5")) == [
        None,
        "REQUEST_LIMIT_EXCEEDED",
        None,
        "REQUEST_LIMIT_EXCEEDED",
    ]
    world.advance("2 hours")
    assert reasons(world, item("0.499999999"), item("0.1")) == ["BUDGET_EXCEEDED", "BUDGET_EXCEEDED"]
    verified(world)


def test_what_a_request_may_ask_comes_before_what_it_costs(world: Configuration) -> None:
    shape = world.one("SELECT to_jsonb(f) FROM core.feature AS f WHERE feature_id = 'chat' LIMIT 1")
    world.catalog(
        "upsert_feature",
        featureId="chat",
        quantities=shape["quantities"],
        dimensions=shape["dimensions"],
        creditTypes=shape["credit_types"],
        requestLimits={"output": "5"},
    )
    assert reasons(world, item("6", "output"), item("5", "output")) == ["REQUEST_LIMIT_EXCEEDED", "NO_RATE"]
    # What cannot be booked is refused for that.
    assert reasons(world, item("6", "output", overage="RECORD")) == ["NO_RATE"]


def test_entities_for_whom_there_is_no_room_come_before_quantities(world: Configuration) -> None:
    world.change(
        "upsert_customer", unknownEntity={"policy": "CREATE", "type": "user", "parentId": None, "max": 1}
    )
    both = {"entityIds": ["new", "newer"]}
    assert reasons(world, item(name="colour", **both), item(name="output", **both), item(**both)) == (
        3 * ["ENTITY_NOT_FOUND"]
    )
    assert reasons(world, item(name="colour", entityIds=["new"])) == ["FEATURE_TYPE_MISMATCH"]


def test_what_one_request_may_ask_is_named_with_its_limit(world: Configuration) -> None:
    """To who asks, observed too; to a replay; and to who reads decisions."""
    of_chat = {
        "quantities": ["input", "output"],
        "dimensions": ["model", "region"],
        "creditTypes": ["general"],
    }
    limits = {"input": "7.50", "output": "5"}
    world.catalog("upsert_feature", featureId="chat", requestLimits=limits, **of_chat)
    figures = {"used": "0", "held": "0", "resetsAt": None, "entityId": None}
    of_input = {"kind": "REQUEST_LIMIT", "quantity": "input", "limit": "7.5", **figures}
    of_output = {"kind": "REQUEST_LIMIT", "quantity": "output", "limit": "5", **figures}
    asked = [item("8"), item("6", "output"), item("8", overage="RECORD"), item("7.6", overage="CAP")]
    bindings = [of_input, of_output, of_input, None]
    call = "SELECT answer::jsonb FROM api.consume(%s, %s)"
    first, again = (
        [answer for (answer,) in world.rows(call, world.customer_id, Jsonb(asked))] for _ in range(2)
    )
    assert [answer.get("binding") for answer in first] == bindings
    assert again == first
    [(checked,)] = world.rows(
        "SELECT answer -> 'binding' FROM api.check(%s, %s)", world.customer_id, Jsonb([item("8")])
    )
    assert checked == of_input
    [(observed,)] = world.rows(
        "SELECT answer -> 'binding' FROM api.consume(%s, %s, true)", world.customer_id, Jsonb([item("8")])
    )
    assert observed == of_input
    read = world.rows(
        "SELECT row -> 'answer' -> 'binding' FROM api.read_decisions(%s, %s, NULL, 10) AS row",
        world.customer_id,
        Jsonb({"allowed": False}),
    )
    assert sorted(binding["quantity"] for (binding,) in read) == ["input", "output"]
    both = [{"name": "output", "amount": "6"}, {"name": "input", "amount": "8"}]
    for quantities in (both, both[::-1]):
        asked = [item("1") | {"quantities": quantities}]
        [(either,)] = world.rows(
            "SELECT answer -> 'binding' FROM api.check(%s, %s)", world.customer_id, Jsonb(asked)
        )
        assert either == of_input


def test_a_window_is_over_when_its_answer_said(world: Configuration) -> None:
    """A billing period begins with the customer, in the middle of a second."""
    budget = {"measure": "CREDITS", "creditType": "general", "window": "BILLING_PERIOD"}
    world.change("set_budget", budgetId="b", limit="2", **budget)
    call = "SELECT answer -> 'binding' ->> 'resetsAt' FROM api.consume(%s, %s) ORDER BY item"
    asked = Jsonb([item(), item("2")])
    first, again = (world.rows(call, world.customer_id, asked) for _ in range(2))
    assert first == again
    assert world.rows(call, world.customer_id, Jsonb([item(), item()])) == first
    [(ends,)] = world.rows(
        "SELECT DISTINCT date_trunc('second', window_end) + interval '1 second' FROM core.counter"
    )
    assert {f"{ends:%Y-%m-%dT%H:%M:%SZ}"} == {told for (told,) in first}
    world.one("SELECT api.advance_clock(%s - core.clock())", ends)
    assert reasons(world, item("2")) == [None]


def test_figures_have_no_zeros_at_their_end(world: Configuration) -> None:
    """Whatever stands before an item in its batch."""
    rates = [{"creditType": "general", "quantity": "input", "amount": "1", "perUnits": "3"}]
    world.catalog("set_rates", featureId="chat", rates=rates)
    world.change("upsert_customer", wallets=[{"creditType": "general", "overdraftLimit": "4"}])
    items = [item("301.5", overage="OVERDRAFT"), item("30", overage="RECORD"), item("1")]
    used = world.rows(
        "SELECT answer -> 'binding' ->> 'used' FROM api.consume(%s, %s) ORDER BY item",
        world.customer_id,
        Jsonb(items),
    )
    assert used == [(None,), ("4",), ("4",)]
