"""What administrators do, and what they are told when something is wrong with it."""

import uuid
from typing import Any

import pytest

from controlplane.db.keys import hash_of
from tests.api.serving import Api


def mutate(
    api: Api, name: str, kind: str, selection: str, given: dict[str, Any], key: str | None = None
) -> Any:
    payload = f"{selection} userErrors {{ field code message }}"
    query = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ {payload} }} }}"
    return api.data(query, {"input": given}, key=key)[name]


def test_from_nothing_to_a_decision(api: Api) -> None:
    unique = uuid.uuid4().hex[:8]
    customer, coin, feature = f"acme-{unique}", f"coin-{unique}", f"feature-{unique}"
    made = mutate(
        api,
        "upsertCreditType",
        "UpsertCreditTypeInput",
        "creditType { creditType decimals }",
        {"creditType": coin, "decimals": 4},
    )
    assert made == {"creditType": {"creditType": coin, "decimals": 4}, "userErrors": []}
    made = mutate(
        api,
        "upsertFeature",
        "UpsertFeatureInput",
        "feature { featureId featureType requestLimits { name amount } }",
        {
            "featureId": feature,
            "quantities": ["input", "output"],
            "dimensions": ["model"],
            "creditTypes": [coin],
            "requestLimits": [{"name": "input", "amount": "1000"}],
        },
    )
    assert made["feature"]["requestLimits"] == [{"name": "input", "amount": "1000"}]
    made = mutate(
        api,
        "setRates",
        "SetRatesInput",
        "rates { quantity amount perUnits dimensions { key value } }",
        {
            "featureId": feature,
            "rates": [
                {"creditType": coin, "quantity": "input", "amount": "0.5", "perUnits": "1"},
                {
                    "creditType": coin,
                    "quantity": "input",
                    "amount": "2",
                    "dimensions": [{"key": "model", "value": "large"}],
                },
            ],
        },
    )
    assert len(made["rates"]) == 2
    made = mutate(
        api,
        "upsertCustomer",
        "UpsertCustomerInput",
        "customer { customerId name unknownEntity { policy type } wallets { overdraftLimit } }",
        {
            "customerId": customer,
            "name": "Acme",
            "unknownEntity": {"policy": "CREATE", "type": "user"},
            "wallets": [{"creditType": coin, "overdraftLimit": "1"}],
        },
    )
    assert made["customer"]["unknownEntity"] == {"policy": "CREATE", "type": "user"}
    assert made["customer"]["wallets"] == [{"overdraftLimit": "1"}]
    made = mutate(
        api,
        "upsertEntity",
        "UpsertEntityInput",
        "entity { entityId type parentId }",
        {"customerId": customer, "entityId": "team", "type": "team"},
    )
    assert made["entity"] == {"entityId": "team", "type": "team", "parentId": None}
    grant = {
        "idempotencyKey": "g",
        "customerId": customer,
        "creditType": coin,
        "amount": "10.5",
        "expiresAt": "2999-01-01T00:00:00+01:00",
    }
    granted = "grant { grantId amount status } replayed"
    made = mutate(api, "grantCredits", "GrantCreditsInput", granted, grant)
    assert (made["grant"]["amount"], made["grant"]["status"], made["replayed"]) == ("10.5", "ACTIVE", False)
    assert mutate(api, "grantCredits", "GrantCreditsInput", granted, grant)["replayed"] is True
    budget = {
        "customerId": customer,
        "budgetId": "b",
        "entityId": "team",
        "window": "MONTH",
        "measure": "CREDITS",
        "creditType": coin,
        "limit": "3",
    }
    made = mutate(api, "setBudget", "SetBudgetInput", "budget { limit mode window subject }", budget)
    assert made["budget"] == {"limit": "3", "mode": "HARD", "window": "MONTH", "subject": "ENTITY"}
    large = {"dimensions": [{"key": "model", "value": "large"}], "entityIds": ["team"], "featureId": feature}
    allowed = api.consume(customer, **large)
    assert (allowed["allowed"], allowed["credits"]) == (True, [{"creditType": coin, "amount": "2"}])
    assert api.consume(customer, **large)["reason"] == "BUDGET_EXCEEDED"


def test_an_entity_is_forgotten(api: Api) -> None:
    customer = api.customer()
    who = {"customerId": customer, "entityId": "zelda"}
    named = {**who, "type": "user", "name": "Zelda", "metadata": {"mail": "z@example"}}
    mutate(api, "upsertEntity", "UpsertEntityInput", "entity { id }", named)
    left = "entity { entityId name metadata type }"
    made = mutate(api, "eraseEntity", "EraseEntityInput", left, who)["entity"]
    assert made == {"entityId": made["entityId"], "name": None, "metadata": {}, "type": "user"}
    assert made["entityId"].startswith("erased:")
    query = "query ($c: ID!, $e: ID!) { entity(customerId: $c, entityId: $e) { entityId path } }"
    assert api.data(query, {"c": customer, "e": "zelda"})["entity"] is None
    found = api.data(query, {"c": customer, "e": made["entityId"]})["entity"]
    assert found == {"entityId": made["entityId"], "path": [made["entityId"]]}
    again = mutate(api, "eraseEntity", "EraseEntityInput", left, who)
    assert (again["entity"], again["userErrors"][0]["code"]) == (None, "NOT_FOUND")
    mutate(api, "upsertEntity", "UpsertEntityInput", "entity { id }", {**who, "type": "agent"})
    assert api.data(query, {"c": customer, "e": "zelda"})["entity"]["path"] == ["zelda"]


def test_all_errors_at_once(api: Api) -> None:
    customer = api.customer()
    given = {
        "idempotencyKey": "",
        "customerId": customer,
        "creditType": "general",
        "amount": "-1",
        "priority": 7,
    }
    answer = mutate(api, "grantCredits", "GrantCreditsInput", "grant { id }", given)
    assert answer["grant"] is None
    assert {error["field"] for error in answer["userErrors"]} >= {"idempotencyKey", "amount"}
    assert all(error["code"] and error["message"] for error in answer["userErrors"])


@pytest.mark.parametrize(
    ("name", "kind", "given"),
    [
        ("upsertEntity", "UpsertEntityInput", {"entityId": "e", "type": "t", "parentId": "nobody"}),
        (
            "setBudget",
            "SetBudgetInput",
            {"budgetId": "b", "window": "DAY", "measure": "CREDITS", "limit": "1"},
        ),
        ("grantCredits", "GrantCreditsInput", {"idempotencyKey": "k", "creditType": "none", "amount": "1"}),
    ],
)
def test_user_errors_write_nothing(api: Api, name: str, kind: str, given: dict[str, Any]) -> None:
    customer = api.customer()
    answer = mutate(api, name, kind, "", {"customerId": customer, **given})
    assert answer["userErrors"]
    row = api.connection.execute("SELECT seq FROM core.gate WHERE customer_id = %s", (customer,)).fetchone()
    assert row == (4,)


def test_unknown_customers(api: Api) -> None:
    given = {"idempotencyKey": "k", "customerId": "nobody", "creditType": "general", "amount": "1"}
    answer = mutate(api, "grantCredits", "GrantCreditsInput", "grant { id }", given)
    assert [error["code"] for error in answer["userErrors"]] == ["NOT_FOUND"]


def test_a_new_key_works_and_only_its_hash_is_stored(api: Api) -> None:
    selection = "apiKey { keyId prefix kind scopes customerId isObserved } secret"
    given = {"kind": "SECRET", "name": "backend", "scopes": ["READ", "CONSUME"], "observe": True}
    made = mutate(api, "createApiKey", "CreateApiKeyInput", selection, given)
    secret = made["secret"]
    assert secret.startswith("cp_test_sk_")
    assert secret.startswith(made["apiKey"]["prefix"])
    assert len(made["apiKey"]["prefix"]) < 24
    assert api.data("{ viewer { name scopes isObserved } }", key=secret)["viewer"] == {
        "name": "backend",
        "scopes": ["READ", "CONSUME"],
        "isObserved": True,
    }
    row = api.connection.execute(
        "SELECT secret_hash FROM core.api_key WHERE key_id = %s", (made["apiKey"]["keyId"],)
    ).fetchone()
    assert row == (hash_of(secret),)
    changes = api.connection.execute("SELECT after::text FROM core.installation_change").fetchall()
    assert not any(secret in text for (text,) in changes)


def test_a_key_that_stands_twice_is_told_and_nothing_written(api: Api) -> None:
    """A JSON object would have room for the last one alone."""
    customer = api.customer()
    once = {"key": "model", "value": "small"}
    twice = [once, {"key": "model", "value": "large"}]
    budget = {
        "customerId": customer,
        "budgetId": "twice",
        "measure": "CREDITS",
        "creditType": "general",
        "window": "DAY",
        "limit": "1",
        "dimensions": [*twice, {"key": "region", "value": "eu"}, once],
    }
    made = mutate(api, "setBudget", "SetBudgetInput", "budget { id }", budget)
    told = [{"field": f"dimensions[{place}].key", "code": "DUPLICATE"} for place in (1, 3)]
    assert made["budget"] is None
    assert [{"field": e["field"], "code": e["code"]} for e in made["userErrors"]] == told
    shown = api.data("query ($c: ID!) { budgets(customerId: $c) { nodes { budgetId } } }", {"c": customer})[
        "budgets"
    ]
    assert "twice" not in str(shown)
    rate = {"creditType": "general", "amount": "7"}
    rates = [
        {**rate, "dimensions": [once]},
        {**rate, "dimensions": twice},
        rate,
        {**rate, "dimensions": twice},
    ]
    set_ = mutate(api, "setRates", "SetRatesInput", "rates { amount }", {"featureId": "chat", "rates": rates})
    assert set_["rates"] == []
    assert [(e["field"], e["code"]) for e in set_["userErrors"]] == [
        ("rates[1].dimensions[1].key", "DUPLICATE"),
        ("rates[3].dimensions[1].key", "DUPLICATE"),
    ]
    limits = [{"name": "input", "amount": "1"}, {"name": "input", "amount": "2"}]
    feature = {"featureId": "chat", "requestLimits": limits}
    upserted = mutate(api, "upsertFeature", "UpsertFeatureInput", "feature { id }", feature)
    assert [(e["field"], e["code"]) for e in upserted["userErrors"]] == [
        ("requestLimits[1].name", "DUPLICATE")
    ]
    reader = api.make_key(["READ"])
    query = "mutation ($input: SetBudgetInput!) { setBudget(input: $input) { userErrors { code } } }"
    assert api.error(query, {"input": budget}, key=reader)["code"] == "FORBIDDEN"
