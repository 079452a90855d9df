"""Decisions through the door, and requests that are none: each names its field and writes nothing."""

import json
import uuid
from typing import Any

import pytest

from tests.api.serving import CONSUME, Api, asked

MANY = """
mutation Many($input: [ConsumeInput!]!) {
  consumeMany(input: $input) { allowed reason seq replayed credits { amount } }
}
"""
HURRIED = MANY.replace("(input: $input)", "(input: $input, timeoutMs: 500)")
CHECK = "query ($input: ConsumeInput!) { check(input: $input) { allowed reason seq usageEventId } }"
RECORD = """
mutation ($input: RecordUsageInput!) {
  recordUsage(input: $input) { allowed reason wouldAllow shortfall { amount } credits { amount } }
}
"""


def amount(text: Any, name: str = "input") -> list[dict[str, Any]]:
    return [{"name": name, "amount": text}]


def test_allowed(api: Api) -> None:
    customer = api.customer("10")
    answer = api.consume(customer, entityIds=["user"], quantities=[*amount("2.50"), *amount("0", "output")])
    wallet = {"walletId": "customer:general", "creditType": "general", "available": "7.5", "owed": "0"}
    expected = {
        "allowed": True,
        "outcome": "ALLOWED",
        "reason": None,
        "message": None,
        "replayed": False,
        "wouldAllow": True,
        "usageEventId": "5",
        "seq": "5",
        "retryAfter": None,
        "quantities": [{"name": "input", "amount": "2.5"}, {"name": "output", "amount": "0"}],
        "credits": [{"creditType": "general", "amount": "2.5"}],
        "slices": [{"walletId": "customer:general", "grantId": "4", "amount": "2.5"}],
        "shortfall": [],
        "wallets": [{**wallet, "held": "0", "leased": "0", "settled": "7.5"}],
        "warnings": [],
        "budgets": None,
    }
    assert {name: answer[name] for name in expected} == expected
    assert answer["binding"]["budgetId"] == "team-total"


def test_denied_names_the_budget(api: Api) -> None:
    answer = api.consume(api.customer(), entityIds=["user"], quantities=amount("51"), detail="FULL")
    assert (answer["allowed"], answer["outcome"], answer["reason"]) == (False, "DENIED", "BUDGET_EXCEEDED")
    assert answer["binding"] == {
        "kind": "BUDGET",
        "entityId": "team",
        "budgetId": "team-total",
        "walletId": None,
        "quantity": None,
        "limit": "50",
        "used": "0",
        "held": "0",
        "resetsAt": None,
    }
    assert "team-total" in answer["message"]
    assert "new key" in answer["message"].replace("new one", "new key")
    assert answer["budgets"] == [{"budgetId": "team-total"}]
    assert (answer["quantities"], answer["credits"], answer["usageEventId"]) == ([], [], None)


def test_replayed_and_conflicting(api: Api) -> None:
    customer, key = api.customer(), str(uuid.uuid4())
    first = api.consume(customer, idempotencyKey=key)
    again = api.consume(customer, idempotencyKey=key)
    assert again == {**first, "replayed": True}
    other = api.consume(customer, idempotencyKey=key, quantities=amount("2"))
    assert (other["allowed"], other["reason"]) == (False, "IDEMPOTENCY_CONFLICT")
    assert "quantities" in other["message"]


@pytest.mark.parametrize("observed", [False, True])
def test_what_was_not_recorded_is_not_final(api: Api, observed: bool) -> None:
    """Usage that cannot be booked is refused without a record, and its key may come again."""
    customer, key = api.customer(), str(uuid.uuid4())
    api.connection.execute("UPDATE core.gate SET observe = %s WHERE customer_id = %s", (observed, customer))
    query = RECORD.replace("reason", "reason message seq")
    if observed:
        query = query.replace("RecordUsageInput", "ConsumeInput").replace("recordUsage", "consume")
    given = asked(customer, idempotencyKey=key, entityIds=["nobody"])
    [refused] = api.data(query, {"input": given}).values()
    assert (refused["allowed"], refused["reason"], refused["seq"]) == (False, "ENTITY_NOT_FOUND", None)
    assert "new one" not in refused["message"]
    [booked] = api.data(query, {"input": {**given, "entityIds": ["user"]}}).values()
    assert booked["allowed"] is True


def test_what_was_recorded_is_final_however_often_it_is_told(api: Api) -> None:
    customer, key = api.customer("1"), str(uuid.uuid4())
    given = {"idempotencyKey": key, "quantities": amount("2")}
    told = [api.consume(customer, **given) for _ in range(2)]
    assert [each["replayed"] for each in told] == [False, True]
    assert all("a new attempt needs a new one" in each["message"] for each in told)
    other = api.consume(customer, **{**given, "quantities": amount("3")})
    dry = api.data(CHECK.replace("reason", "reason message"), {"input": asked(customer, **given)})["check"]
    for each in (other, dry):
        assert each["allowed"] is False
        assert "new one" not in each["message"]


def test_check_writes_nothing(api: Api) -> None:
    customer = api.customer()
    before = api.count("idempotency")
    answer = api.data(CHECK, {"input": asked(customer)})["check"]
    assert answer == {"allowed": True, "reason": None, "seq": answer["seq"], "usageEventId": None}
    assert api.count("idempotency") == before


def test_record_usage(api: Api) -> None:
    customer = api.customer("1")
    given = asked(customer, quantities=amount("3"))
    answer = api.data(RECORD, {"input": given})["recordUsage"]
    assert answer["allowed"] is True
    assert (answer["wouldAllow"], answer["reason"]) == (False, "INSUFFICIENT_CREDITS")
    assert (answer["credits"], answer["shortfall"]) == ([{"amount": "1"}], [{"amount": "2"}])


def test_many_customers_in_order(api: Api) -> None:
    first, second = api.customer("1"), api.customer("1")
    items = [asked(first), asked(second), asked(first), asked("nobody-here")]
    answers = api.data(MANY, {"input": items})["consumeMany"]
    assert [answer["reason"] for answer in answers] == [
        None,
        None,
        "INSUFFICIENT_CREDITS",
        "CUSTOMER_NOT_FOUND",
    ]
    again = api.data(MANY, {"input": items})["consumeMany"]
    assert [answer["replayed"] for answer in again] == [True, True, True, False]


def test_a_customer_held_elsewhere_stalls_only_himself(api: Api) -> None:
    import psycopg

    held, free = api.customer(), api.customer()
    with psycopg.connect(api.connection.info.dsn) as other:
        other.execute("SELECT FROM core.gate WHERE customer_id = %s FOR NO KEY UPDATE", (held,))
        answer = api.post(HURRIED, {"input": [asked(held), asked(free)]})
    assert [item and item["allowed"] for item in answer["data"]["consumeMany"]] == [None, True]
    (error,) = answer["errors"]
    assert error["path"] == ["consumeMany", 0]
    assert error["extensions"] == {"code": "LOCKED", "retryable": True, "retryAfter": 0.1}


def test_duplicate_keys_in_a_batch(api: Api) -> None:
    customer = api.customer()
    item = asked(customer)
    other = {**item, "quantities": amount("2")}
    answers = api.data(MANY, {"input": [item, item, other]})["consumeMany"]
    assert [(answer["replayed"], answer["reason"]) for answer in answers] == [
        (False, None),
        (True, None),
        (answers[2]["replayed"], "IDEMPOTENCY_CONFLICT"),
    ]


def test_unicode(api: Api) -> None:
    customer = api.customer()
    answer = api.consume(
        customer, idempotencyKey="schlüssel-🗝", sessionId="séance", metadata={"ключ": ["✓", 1.5]}
    )
    query = "query ($c: ID!) { usageEvents(customerId: $c) { nodes { sessionId metadata } } }"
    assert answer["allowed"] is True
    (event,) = api.data(query, {"c": customer})["usageEvents"]["nodes"]
    assert event == {"sessionId": "séance", "metadata": {"ключ": ["✓", 1.5]}}


@pytest.mark.parametrize(
    ("given", "reason", "told"),
    [
        ({"featureId": "nothing"}, "FEATURE_NOT_FOUND", "There is no feature nothing."),
        ({"entityIds": ["nobody"]}, "ENTITY_NOT_FOUND", "The entity nobody is unknown"),
        ({"entityIds": ["user", "{0}"]}, "ENTITY_NOT_FOUND", "One of user, {0} is unknown"),
        ({"quantities": amount("1", "images")}, "FEATURE_TYPE_MISMATCH", "chat does not count all of images"),
        ({"quantities": amount("101")}, "INSUFFICIENT_CREDITS", "customer:general has 100"),
        ({"quantities": amount("9" * 29)}, "INSUFFICIENT_CREDITS", "customer:general has 100"),
    ],
)
def test_denials_are_data_and_name_what_it_is(
    api: Api, given: dict[str, Any], reason: str, told: str
) -> None:
    answer = api.consume(api.customer(), **given)
    assert (answer["allowed"], answer["reason"]) == (False, reason)
    assert told in answer["message"]


BAD = [
    ({"quantities": amount("NaN")}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount("Infinity")}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount("1e3")}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount("1_000")}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount(" 1")}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount("\u0661")}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount(1.5)}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount(True)}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount("1" * 30)}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount(10**40)}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount("0.0000000001")}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": amount(None)}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": "many"}, "BAD_USER_INPUT", "quantities"),
    ({"occurredAt": "2026-01-01T00:00:00", "overage": "RECORD"}, "BAD_USER_INPUT", "occurredAt"),
    ({"occurredAt": "yesterday", "overage": "RECORD"}, "BAD_USER_INPUT", "occurredAt"),
    ({"overage": "MAYBE"}, "BAD_USER_INPUT", "overage"),
    ({"customerId": ["a"]}, "BAD_USER_INPUT", "customerId"),
    ({"surprise": 1}, "BAD_USER_INPUT", "surprise"),
    ({"quantities": [{"name": "input"}]}, "BAD_USER_INPUT", "quantities[0].amount"),
    ({"quantities": [{**amount("1")[0], "unit": "x"}]}, "BAD_USER_INPUT", "quantities[0].unit"),
    ({"dimensions": [{"key": "': required field 'x'"}]}, "BAD_USER_INPUT", "dimensions[0].value"),
    ({"quantities": amount("-1")}, "MALFORMED", "quantities[0].amount"),
    ({"quantities": amount("0")}, "MALFORMED", "quantities"),
    ({"quantities": []}, "MALFORMED", "quantities"),
    ({"quantities": None}, "MALFORMED", "quantities"),
    ({"quantity": "1"}, "MALFORMED", None),
    ({"quantities": [*amount("1"), *amount("2")]}, "MALFORMED", None),
    ({"idempotencyKey": ""}, "MALFORMED", "idempotencyKey"),
    ({"idempotencyKey": "k" * 300}, "MALFORMED", "idempotencyKey"),
    ({"idempotencyKey": "a\0b"}, "MALFORMED", "idempotencyKey"),
    ({"sessionId": "\ud800"}, "MALFORMED", "sessionId"),
    ({"metadata": {"a": ["\0"]}}, "MALFORMED", "metadata.a[0]"),
    ({"entityIds": ["a", "b", "c", "d", "e"]}, "MALFORMED", "entityIds"),
    ({"dimensions": [{"key": "colour", "value": "red"}]}, "MALFORMED", None),
    ({"occurredAt": "2026-01-01T00:00:00Z"}, "MALFORMED", "occurredAt"),
    ({"overage": "CAP", "group": "g"}, "MALFORMED", None),
]


@pytest.mark.parametrize(("given", "code", "field"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input(api: Api, given: dict[str, Any], code: str, field: str | None) -> None:
    customer = api.customer()
    before = api.count("idempotency"), api.count("usage_event"), api.count("ledger_entry")
    extensions = api.error(CONSUME, {"input": {**asked(customer), **given}})
    assert extensions["code"] == code
    assert extensions["field"] == field if field else extensions.get("field") is not None
    assert (api.count("idempotency"), api.count("usage_event"), api.count("ledger_entry")) == before
    assert api.consume(customer)["allowed"] is True


SET = "mutation ($i: SetBudgetInput!) { setBudget(input: $i) { userErrors { code } } }"
GIVEN = "mutation ($c: ID!) { setBudget(input: { customerId: $c, %s }) { userErrors { code } } }"
LISTED = "mutation ($q: [QuantityInput!]) { consume(input: { quantities: $q, %s }) { reason } }"
WRITTEN = (
    'mutation { consume(input: { idempotencyKey: "k", customerId: "c", featureId: "f",'
    ' quantities: [{name: "input", amount: "1"}, {name: "output", amount: %s}] }) { reason } }'
)
REST = 'idempotencyKey: "k", customerId: "c", featureId: "f"'


@pytest.mark.parametrize(
    ("query", "variables", "field"),
    [
        (SET, {"i": {"customerId": "c", "limit": "1"}}, "budgetId"),
        (SET, {"i": {"customerId": "c", "budgetId": None}}, "budgetId"),
        (SET, {"i": {"customerId": "c", "budgetId": "b", "limits": "1"}}, "limits"),
        (SET, {"i": 3}, "input"),
        (SET, {}, "input"),
        (GIVEN % "limit: 1", {"c": "c"}, "budgetId"),
        (GIVEN % 'budgetId: "b", limits: 1', {"c": "c"}, "limits"),
        (GIVEN % 'budgetId: "b", limit: "1"', {"c": ["c"]}, "customerId"),
        (LISTED % REST, {"q": [{"name": "input"}]}, "quantities[0].amount"),
        (LISTED % REST, {"q": [{"name": "input", "amount": "x"}]}, "quantities[0].amount"),
        (LISTED % (REST + ", occurredAt: 7"), {"q": []}, "occurredAt"),
        (
            LISTED % (REST + ', metadata: {}, dimensions: [{key: "a", value: "b"}, {key: 1}]'),
            {"q": []},
            "dimensions[1].key",
        ),
        (WRITTEN % '"NaN"', {}, "quantities[1].amount"),
        (WRITTEN % "1.5", {}, "quantities[1].amount"),
        (WRITTEN % "null", {}, "quantities[1].amount"),
        (WRITTEN % '"1", unit: "s"', {}, "quantities[1].unit"),
        ('{ customers(first: "x") { edges { cursor } } }', {}, "first"),
        ("query ($x: ID!) { entity(entityId: $x) { name } }", {"x": [1]}, "entityId"),
        ("{ entity { name } }", {}, "entityId"),
        ('{ entity(entityId: "e", name: "n") { name } }', {}, "name"),
    ],
)
def test_the_field_is_named_and_not_the_variable(
    api: Api, query: str, variables: dict[str, Any], field: str
) -> None:
    """Whatever callers call their variables, what they are told is a name of the schema's."""
    error = api.post(query, variables)["errors"][0]
    assert error["locations"]
    told = error["extensions"]
    assert told["field"] == field
    assert told["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


LONG = "x" * 500_000
ONE = "mutation ($i: ConsumeInput!) { consume(input: $i) { allowed message } }"


@pytest.mark.parametrize(
    ("query", "given"),
    [
        (ONE, {"entityIds": [LONG]}),
        (ONE, {LONG: 1}),
        (ONE, {"overage": LONG}),
        (ONE, {"featureId": LONG}),
        (ONE, {"metadata": {LONG: "\0"}}),
        (ONE, {"dimensions": [{"key": LONG, "value": "v"}]}),
        (f'{{ budgets(first: "{LONG}") {{ nodes {{ budgetId }} }} }}', {}),
        (f"{{ budgets(first: {'9' * 5_000}) {{ nodes {{ budgetId }} }} }}", {}),
        (f"{{ budgets({LONG}: 1) {{ nodes {{ budgetId }} }} }}", {}),
        (f"{{ viewer {{ {LONG} }} }}", {}),
        (f"{{ viewer }} }} {LONG}", {}),
        (f"query ($a: {LONG}) {{ viewer {{ name }} }}", {}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_very_long_is_not_given_back(api: Api, query: str, given: dict[str, Any]) -> None:
    body = json.dumps({"query": query, "variables": {"i": {**asked(api.customer()), **given}}})
    answer = api.raw(body)
    assert answer.status_code == 200
    assert len(answer.content) < 3_000
    assert "set_int_max_str_digits" not in answer.text
    told = answer.json()
    assert told["errors"][0]["extensions"]["code"] if "errors" in told else told["data"]["consume"]["message"]
    named = api.raw(json.dumps({"query": "query A { viewer { name } }", "operationName": LONG}))
    assert (named.status_code, len(named.content) < 3_000) == (400, True)


def test_a_group_of_two_customers_is_none_for_check_either(api: Api) -> None:
    first, second = api.customer(), api.customer()
    items = [asked(first), asked(first, group="g"), asked(second, group="g")]
    check = "query ($input: [ConsumeInput!]!) { checkMany(input: $input) { allowed } }"
    told = api.error(check, {"input": items})
    assert told == api.error(MANY, {"input": items})
    assert (told["field"], told["item"], told["problem"]) == ("group", 1, "GROUP_OF_TWO_CUSTOMERS")


def test_the_bad_items_of_a_batch_fail_alone_and_each_is_named(api: Api) -> None:
    customer = api.customer()
    before = api.count("idempotency")
    items = [
        asked(customer),
        asked(customer, quantities=amount("0")),
        asked(customer),
        asked(customer, group=""),
    ]
    answer = api.post(MANY, {"input": items})
    assert [item and item["allowed"] for item in answer["data"]["consumeMany"]] == [True, None, True, None]
    told = [(error["path"][1], error["extensions"]) for error in answer["errors"]]
    assert [(place, each["code"], each["item"], each["field"], each["problem"]) for place, each in told] == [
        (1, "MALFORMED", 1, "quantities", "ALL_ZERO"),
        (3, "MALFORMED", 3, "group", "EMPTY"),
    ]
    assert api.count("idempotency") == before + 2


@pytest.mark.parametrize("size", [0, 10_000])
def test_size_of_a_batch(api: Api, size: int) -> None:
    extensions = api.error(MANY, {"input": [asked("c", idempotencyKey=f"k{n}") for n in range(size)]})
    assert (extensions["code"], extensions["field"]) == ("MALFORMED", "input")


@pytest.mark.parametrize("overage", ["CAP", "OVERDRAFT", "RECORD"])
def test_overage_modes_need_a_scope_each(api: Api, overage: str) -> None:
    customer = api.customer()
    plain = api.make_key(["CONSUME", "CHECK"], kind="SECRET")
    given = {"input": asked(customer, overage=overage)}
    for query in (CONSUME, CHECK):
        extensions = api.error(query, given, key=plain)
        assert (extensions["code"], extensions["scope"]) == ("FORBIDDEN", overage)
    able = api.make_key(["CONSUME", overage], kind="SECRET")
    assert api.data(CONSUME, given, key=able)["consume"]["allowed"] is True


def test_record_usage_needs_the_scope(api: Api) -> None:
    plain = api.make_key(["CONSUME"], kind="SECRET")
    assert api.error(RECORD, {"input": asked("c")}, key=plain)["scope"] == "RECORD"


def test_an_observed_key_is_never_denied(api: Api) -> None:
    customer = api.customer("1")
    key = api.make_key(observe=True)
    answer = api.consume(customer, quantities=amount("5"), key=key)
    assert (answer["allowed"], answer["wouldAllow"], answer["reason"]) == (
        True,
        False,
        "INSUFFICIENT_CREDITS",
    )
    assert "does not fit" in answer["message"]
