"""``detail: FULL``: every budget that a request counts on and none else, with those it counts there."""

from typing import Any

import pytest

from controlplane.graphql.deciding import CHAIN_PAGE
from tests.api.serving import Api, asked
from tests.api.test_reading import statements

CHAIN = "{ binding { budgetId entityId } budgets { budgetId usage { entityId sessionId used held } } }"
CONSUME = f"mutation ($i: ConsumeInput!) {{ answer: consume(input: $i) {CHAIN} }}"
RESERVE = f"mutation ($i: ReserveInput!) {{ answer: reserve(input: $i) {CHAIN} }}"
RECORD = f"mutation ($i: RecordUsageInput!) {{ answer: recordUsage(input: $i) {CHAIN} }}"
CHECK = f"query ($i: ConsumeInput!) {{ answer: check(input: $i) {CHAIN} }}"
SET = """
mutation ($i: SetBudgetInput!) { setBudget(input: $i) { userErrors { field code message } } }
"""


def set_budget(api: Api, customer: str, budget: str, **more: Any) -> None:
    usual = {"measure": "CREDITS", "creditType": "general", "window": "TOTAL", "limit": "40"}
    given = {"customerId": customer, "budgetId": budget, **usual, **more}
    if given["measure"] == "QUANTITY":
        del given["creditType"]
    assert api.data(SET, {"i": given})["setBudget"]["userErrors"] == []


def ask(api: Api, query: str, customer: str, **more: Any) -> Any:
    return api.data(query, {"i": asked(customer, detail="FULL", **more)})["answer"]


def chain(answer: Any) -> dict[str, list[tuple[str | None, str | None, str, str]]]:
    """Of each budget, who is counted."""
    return {
        budget["budgetId"]: [tuple(usage.values()) for usage in budget["usage"]]
        for budget in answer["budgets"]
    }


@pytest.mark.parametrize("query", [CHECK, CONSUME, RESERVE, RECORD])
def test_what_does_not_count_the_request_is_not_there(api: Api, query: str) -> None:
    customer = api.customer()
    counted = {"measure": "QUANTITY", "featureId": "chat"}
    set_budget(api, customer, "input", quantity="input", **counted)
    set_budget(api, customer, "output", quantity="output", **counted)
    set_budget(api, customer, "large", dimensions=[{"key": "model", "value": "large"}])
    set_budget(api, customer, "small", dimensions=[{"key": "model", "value": "small"}])
    set_budget(api, customer, "agents", each="agent")
    set_budget(api, customer, "users", each="user")
    set_budget(api, customer, "paused")
    api.connection.execute(
        "UPDATE core.budget SET is_active = false WHERE customer_id = %s AND budget_id = 'paused'",
        (customer,),
    )
    api.connection.execute(
        "INSERT INTO core.feature (feature_id, catalog_version, name, feature_type, quantities, credit_types)"
        " VALUES ('search', 1, 'S', 'METERED', '{input}', '{general}') ON CONFLICT DO NOTHING"
    )
    set_budget(api, customer, "search", quantity="input", measure="QUANTITY", featureId="search")
    api.connection.execute(
        "INSERT INTO core.credit_type (credit_type, name) VALUES ('promo', 'P') ON CONFLICT DO NOTHING"
    )
    set_budget(api, customer, "promo", creditType="promo")
    dimensions = [{"key": "model", "value": "small"}]
    answer = ask(api, query, customer, entityIds=["user"], dimensions=dimensions)
    assert set(chain(answer)) == {"team-total", "input", "small", "users"}


def test_who_has_used_nothing_is_there_at_zero(api: Api) -> None:
    customer = api.customer()
    set_budget(api, customer, "users", each="user")
    set_budget(api, customer, "each-request", window="REQUEST")
    nothing = ("0", "0")
    answer = ask(api, CHECK, customer, entityIds=["user"])
    expected = {
        "team-total": [("team", None, *nothing)],
        "users": [("user", None, *nothing)],
        "each-request": [(None, None, *nothing)],
    }
    assert chain(answer) == expected
    ask(api, CONSUME, customer, entityIds=["user"], quantities=[{"name": "input", "amount": "2.5"}])
    held = ask(api, RESERVE, customer, entityIds=["user"])
    assert chain(held) == {
        **expected,
        "team-total": [("team", None, "2.5", "1")],
        "users": [("user", None, "2.5", "1")],
    }


def test_only_the_session_that_is_asked_for(api: Api) -> None:
    customer = api.customer("1000")
    set_budget(api, customer, "sessions", each="SESSION", limit="3")
    for number in range(120):
        api.consume(customer, sessionId=f"other-{number}")
    told = ask(api, CONSUME, customer, sessionId="mine", quantities=[{"name": "input", "amount": "2"}])
    assert chain(told) == {"sessions": [(None, "mine", "2", "0")]}
    for number in range(120, 240):
        api.consume(customer, sessionId=f"other-{number}")
    denied = ask(api, CHECK, customer, sessionId="mine", quantities=[{"name": "input", "amount": "2"}])
    assert denied["binding"]["budgetId"] == "sessions"
    assert chain(denied) == {"sessions": [(None, "mine", "2", "0")]}
    assert chain(ask(api, CHECK, customer)) == {"sessions": [(None, "", "0", "0")]}


def test_whoever_would_be_made_is_there(api: Api) -> None:
    """A denial of somebody whom nobody has made names a budget, and that budget is shown with him."""
    customer = api.customer()
    api.connection.execute(
        "UPDATE core.gate SET unknown_entity = 'CREATE', unknown_type = 'user', unknown_parent_no = 1"
        " WHERE customer_id = %s",
        (customer,),
    )
    set_budget(api, customer, "users", each="user", limit="3")
    denied = ask(
        api, CONSUME, customer, entityIds=["newcomer"], quantities=[{"name": "input", "amount": "4"}]
    )
    assert denied["binding"] == {"budgetId": "users", "entityId": "newcomer"}
    assert chain(denied) == {
        "team-total": [("team", None, "0", "0")],
        "users": [("newcomer", None, "0", "0")],
    }
    assert chain(ask(api, CONSUME, customer, entityIds=["newcomer"]))["users"] == [
        ("newcomer", None, "1", "0")
    ]


def test_however_many_there_are(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that bound was set last; a statement reads a page, and most answers need one."""
    customer = api.customer()
    more = CHAIN_PAGE + 5
    api.connection.execute(
        "INSERT INTO core.budget (customer_id, budget_no, budget_id, entity_no, measure, credit_type,"
        " budget_window, amount_limit, window_rank, counts_from_seq, created_at)"
        " SELECT %s, 100 + n, 'b' || n, 0, 'CREDITS', 'general', 'TOTAL', 1000 - n, 9, 1, now()"
        " FROM generate_series(1, %s) AS n",
        (customer, more),
    )
    api.connection.execute("UPDATE core.gate SET last_no = 5000 WHERE customer_id = %s", (customer,))
    set_budget(api, customer, "last", limit="0.5")
    with statements(monkeypatch) as sent:
        denied = ask(api, CHECK, customer)
    assert denied["binding"]["budgetId"] == "last"
    assert [budget["budgetId"] for budget in denied["budgets"]] == [
        *(f"b{n}" for n in range(1, more + 1)),
        "last",
    ]
    assert len([query for query, _ in sent if "read_budgets" in query]) == 2
    with statements(monkeypatch) as sent:
        assert chain(ask(api, CHECK, api.customer(), entityIds=["team"])) == {
            "team-total": [("team", None, "0", "0")]
        }
    assert len([query for query, _ in sent if "read_budgets" in query]) == 1
