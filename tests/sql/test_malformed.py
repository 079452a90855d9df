"""What ``api.consume`` says to bad input: the item, the field and a stable code; nothing is written."""

import json
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.configuring import Configuration, small_world

GOOD = {"idempotencyKey": "k", "featureId": "chat", "quantities": [{"name": "input", "amount": "1"}]}


def item(**changes: Any) -> dict[str, Any]:
    """A good item with changes; None takes a field away."""
    return {name: value for name, value in (GOOD | changes).items() if value is not None}


def amount(value: Any) -> dict[str, Any]:
    return item(quantities=[{"name": "input", "amount": value}])


@pytest.fixture
def world(connection: psycopg.Connection) -> Configuration:
    world = small_world(connection)
    world.catalog(
        "set_rates",
        featureId="chat",
        rates=[{"creditType": "general", "quantity": "input", "amount": "1"}],
    )
    return world


def fault(world: Configuration, items: Any, call: str = "consume") -> tuple[int, str, str]:
    """Item, field and code of what the call is refused for; the call must leave nothing behind."""
    before = world.rows("SELECT seq, last_at FROM core.gate")
    with pytest.raises(psycopg.DatabaseError) as caught:
        world.rows(f"SELECT * FROM api.{call}(%s, %s)", world.customer_id, Jsonb(items))
    assert caught.value.sqlstate == "UC100", caught.value
    detail = json.loads(caught.value.diag.message_detail or "{}")
    assert detail["message"]
    assert world.rows("SELECT seq, last_at FROM core.gate") == before
    assert world.rows("SELECT * FROM core.idempotency") == []
    return detail["item"], detail["field"], detail["code"]


@pytest.mark.parametrize("call", ["consume", "check"])
@pytest.mark.parametrize(
    ("bad", "field", "code"),
    [
        (item(featureId=None), "featureId", "REQUIRED"),
        (item(featureId=7), "featureId", "WRONG_TYPE"),
        (item(colour="red"), "colour", "UNKNOWN_FIELD"),
        (item(customerId="another"), "customerId", "ANOTHER_CUSTOMER"),
        (item(quantities=None), "quantities", "REQUIRED"),
        (item(quantity="1"), "quantity", "BOTH"),
        (item(quantities=None, quantity=[1]), "quantity", "WRONG_TYPE"),
        (item(quantities=[]), "quantities", "ALL_ZERO"),
        (item(quantities={"input": "1"}), "quantities", "WRONG_TYPE"),
        (item(quantities=[3]), "quantities[0]", "NOT_AN_OBJECT"),
        (item(quantities=[{"name": "input"}]), "quantities[0].amount", "REQUIRED"),
        (item(quantities=[{"amount": "1"}]), "quantities[0].name", "NOT_A_NAME"),
        (item(quantities=2 * GOOD["quantities"]), "quantities[1].name", "DUPLICATE"),
        (
            item(quantities=[*GOOD["quantities"], *(2 * [{"name": "output", "amount": "0"}])]),
            "quantities[2].name",
            "DUPLICATE",
        ),
        (
            item(quantities=[*GOOD["quantities"], {"name": "input", "amount": "0"}]),
            "quantities[1].name",
            "DUPLICATE",
        ),
        (
            item(featureId="unheard-of", dimensions=2 * [{"key": "model", "value": "x"}]),
            "dimensions[0].key",
            "DUPLICATE",
        ),
        (amount("0"), "quantities", "ALL_ZERO"),
        (amount("-1"), "quantities[0].amount", "NEGATIVE"),
        (amount("NaN"), "quantities[0].amount", "NOT_A_NUMBER"),
        (amount("Infinity"), "quantities[0].amount", "NOT_A_NUMBER"),
        (amount("1e3"), "quantities[0].amount", "NOT_A_NUMBER"),
        (amount("1_000"), "quantities[0].amount", "NOT_A_NUMBER"),
        (amount("0x1F"), "quantities[0].amount", "NOT_A_NUMBER"),
        (amount("١٢"), "quantities[0].amount", "NOT_A_NUMBER"),
        (amount(" 1"), "quantities[0].amount", "NOT_A_NUMBER"),
        (amount(True), "quantities[0].amount", "WRONG_TYPE"),
        (amount("1." + 10 * "0"), "quantities[0].amount", "TOO_MANY_DECIMALS"),
        (amount(0.12345678901), "quantities[0].amount", "TOO_MANY_DECIMALS"),
        (amount(30 * "9"), "quantities[0].amount", "TOO_LARGE"),
        (item(entityIds=["a", 5]), "entityIds[1]", "WRONG_TYPE"),
        (item(entityIds=list("abcde")), "entityIds", "TOO_MANY"),
        (item(sessionId=5), "sessionId", "WRONG_TYPE"),
        (item(sessionId=129 * "s"), "sessionId", "TOO_LONG"),
        (item(dimensions={"model": "large"}), "dimensions", "WRONG_TYPE"),
        (item(dimensions=[{"key": "model"}]), "dimensions[0]", "WRONG_TYPE"),
        (item(dimensions=[{"key": "model", "value": "\n" * 256}]), "dimensions[0].value", "TOO_LONG"),
        (
            item(dimensions=[{"key": "region", "value": "x"}, {"key": "model", "value": "x" * 100_000}]),
            "dimensions[1].value",
            "TOO_LONG",
        ),
        (item(dimensions=2 * [{"key": "model", "value": "x"}]), "dimensions[0].key", "DUPLICATE"),
        (item(dimensions=[{"key": "colour", "value": "red"}]), "dimensions[0].key", "UNDECLARED_DIMENSION"),
        (item(overage="SOMETIMES"), "overage", "UNKNOWN_VALUE"),
        (item(overage="CAP", group="g"), "overage", "NOT_IN_A_GROUP"),
        (item(group=""), "group", "EMPTY"),
        (item(group=4), "group", "WRONG_TYPE"),
        (item(metadata=[1]), "metadata", "WRONG_TYPE"),
        (item(metadata={"long": 9000 * "x"}), "metadata", "TOO_LONG"),
        (item(occurredAt="2030-01-01T00:00:00Z"), "occurredAt", "ONLY_WITH_RECORD"),
        (item(overage="RECORD", occurredAt="2030-01-01T00:00:00"), "occurredAt", "NOT_AN_INSTANT"),
        (item(overage="RECORD", occurredAt="2030-13-01T00:00:00Z"), "occurredAt", "NOT_AN_INSTANT"),
        (item(overage="RECORD", occurredAt="2999-01-01T00:00:00Z"), "occurredAt", "IN_THE_FUTURE"),
        (item(overage="RECORD", occurredAt="2001-01-01T00:00:00Z"), "occurredAt", "PERIOD_CLOSED"),
    ],
)
def test_a_bad_field_is_named(world: Configuration, call: str, bad: Any, field: str, code: str) -> None:
    """Behind a good one, so that the item is counted too."""
    assert fault(world, [item(idempotencyKey="good"), bad], call) == (1, field, code)


@pytest.mark.parametrize(
    ("bad", "field", "code"),
    [
        (item(idempotencyKey=None), "idempotencyKey", "REQUIRED"),
        (item(idempotencyKey=5), "idempotencyKey", "WRONG_TYPE"),
        (item(idempotencyKey=""), "idempotencyKey", "EMPTY"),
        (item(idempotencyKey=256 * "k"), "idempotencyKey", "TOO_LONG"),
        (
            item(idempotencyKey="7fffffff-ffff-7fff-bfff-ffffffffffff"),
            "idempotencyKey",
            "KEY_FROM_THE_FUTURE",
        ),
    ],
)
def test_a_bad_key_is_named(world: Configuration, bad: Any, field: str, code: str) -> None:
    assert fault(world, [bad]) == (0, field, code)


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ({}, "NOT_A_LIST"),
        ("x", "NOT_A_LIST"),
        (None, "NOT_A_LIST"),
        ([], "EMPTY"),
        (["x"], "NOT_AN_OBJECT"),
        ([[GOOD]], "NOT_AN_OBJECT"),
        (10_000 * [GOOD], "TOO_MANY"),
    ],
)
def test_a_bad_list_is_named(world: Configuration, items: Any, code: str) -> None:
    assert fault(world, items)[1:] == ("items", code)


def test_a_group_is_of_one_customer(world: Configuration) -> None:
    world.one("SELECT api.upsert_customer('other', '{}', 'test')")
    items = [
        item(customerId="acme", group="g"),
        item(customerId="other", group="g", idempotencyKey="l"),
    ]
    with pytest.raises(psycopg.DatabaseError, match="a group is of one customer"):
        world.rows("SELECT * FROM api.consume_many(%s)", Jsonb(items))


def test_consume_many_needs_each_ones_customer(world: Configuration) -> None:
    with pytest.raises(psycopg.DatabaseError) as caught:
        world.rows("SELECT * FROM api.consume_many(%s)", Jsonb([item()]))
    assert json.loads(caught.value.diag.message_detail or "{}")["field"] == "customerId"


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (item(featureId="unheard-of"), "FEATURE_NOT_FOUND"),
        (item(featureId="o'brien\"; DROP TABLE"), "FEATURE_NOT_FOUND"),
        (item(entityIds=["nobody"]), "ENTITY_NOT_FOUND"),
        (item(entityIds=["Ω≈ç√∫ 💥"]), "ENTITY_NOT_FOUND"),
        (item(quantities=[{"name": "colour", "amount": "1"}]), "FEATURE_TYPE_MISMATCH"),
        (item(quantities=[{"name": "output", "amount": "1"}]), "NO_RATE"),
        (amount(29 * "9"), "INSUFFICIENT_CREDITS"),
    ],
)
def test_what_is_well_formed_is_answered(world: Configuration, asked: Any, reason: str) -> None:
    [row] = world.rows("SELECT allowed, reason FROM api.consume(%s, %s)", world.customer_id, Jsonb([asked]))
    assert row == (False, reason)


def test_a_product_out_of_range_denies_its_item_alone(world: Configuration) -> None:
    world.catalog(
        "set_rates",
        featureId="chat",
        rates=[{"creditType": "general", "quantity": "output", "amount": "100"}],
    )
    huge = item(idempotencyKey="huge", quantities=[{"name": "output", "amount": 29 * "9"}])
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="5")
    rows = world.rows(
        "SELECT allowed, reason FROM api.consume(%s, %s)", world.customer_id, Jsonb([huge, item()])
    )
    assert rows == [(False, "REQUEST_LIMIT_EXCEEDED"), (True, None)]


def test_an_unknown_customer_is_answered_and_leaves_nothing(world: Configuration) -> None:
    [row] = world.rows("SELECT reason, seq FROM api.consume('nobody', %s)", Jsonb([item()]))
    assert row == ("CUSTOMER_NOT_FOUND", None)
    assert world.rows("SELECT * FROM core.idempotency") == []


def test_keys_keep_any_character(world: Configuration) -> None:
    world.change("grant_credits", idempotencyKey="g", creditType="general", amount="5")
    for key in ("ключ 💥", "a'b\"c\\d", "tab\tand\nline"):
        asked = Jsonb([item(idempotencyKey=key)])
        first, again = (
            world.rows("SELECT allowed, replayed, answer FROM api.consume(%s, %s)", world.customer_id, asked)
            for _ in range(2)
        )
        assert (first[0][:2], again[0][:2]) == ((True, False), (True, True))
        assert first[0][2] == again[0][2]
