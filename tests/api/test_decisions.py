"""``decisions``: denials and observed denials with the figures they were answered with."""

import time
from typing import Any

from psycopg.types.json import Jsonb

from tests.api.serving import Api

LIST = """
query ($c: ID, $filter: DecisionFilter, $first: Int, $after: String) {
  decisions(customerId: $c, filter: $filter, first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes {
      idempotencyKey allowed wouldAllow reason message seq featureId entityIds usageEventId reservationId
      quantities { name amount } credits { creditType amount } slices { walletId grantId amount }
      shortfall { creditType amount } wallets { walletId creditType available held leased settled owed }
      binding { kind entityId budgetId walletId quantity limit used held resetsAt } warnings { budgetId }
    }
  }
}
"""
#: What an answer says at once and what is listed of it later.
TOLD = (
    *("allowed", "wouldAllow", "reason", "message", "usageEventId", "seq", "quantities", "credits"),
    *("slices", "shortfall", "binding", "warnings"),
)


def listed(api: Api, customer: str, **filter_: Any) -> list[dict[str, Any]]:
    found = api.data(LIST, {"c": customer, "filter": filter_})["decisions"]["nodes"]
    assert isinstance(found, list)
    return found


def test_a_decision_is_listed_with_the_figures_it_was_answered_with(api: Api) -> None:
    customer = api.customer("60")
    many = [{"name": "input", "amount": "55"}]
    answers = {
        "fits": api.consume(customer, idempotencyKey="fits", entityIds=["user"]),
        "over": api.consume(customer, idempotencyKey="over", entityIds=["user"], quantities=many),
        "poor": api.consume(customer, idempotencyKey="poor", quantities=[{"name": "output", "amount": "60"}]),
    }
    assert [answers[key]["reason"] for key in answers] == [None, "BUDGET_EXCEEDED", "INSUFFICIENT_CREDITS"]
    nodes = {node["idempotencyKey"]: node for node in listed(api, customer)}
    assert set(nodes) == set(answers)
    for key, answer in answers.items():
        assert {name: nodes[key][name] for name in TOLD} == {name: answer[name] for name in TOLD}
        assert nodes[key]["wallets"][0]["available"] == "59"
        assert nodes[key]["featureId"] == "chat"
    assert nodes["over"]["binding"] == {
        "kind": "BUDGET",
        "entityId": "team",
        "budgetId": "team-total",
        "walletId": None,
        "quantity": None,
        "limit": "50",
        "used": "1",
        "held": "0",
        "resetsAt": None,
    }
    assert nodes["over"]["message"].startswith("The budget team-total of team allows 50; 1 used.")
    assert [nodes[key]["entityIds"] for key in answers] == [["user"], None, None]
    assert [node["idempotencyKey"] for node in listed(api, customer, wouldAllow=False)] == ["poor", "over"]
    assert [
        node["idempotencyKey"] for node in listed(api, customer, budgetId="team-total", allowed=False)
    ] == ["over"]


def test_observed_denials_are_listed_beside_real_ones(api: Api) -> None:
    customer = api.customer("60")
    observing = api.make_key(customer=customer, observe=True)
    many = [{"name": "input", "amount": "55"}]
    asked = {"entityIds": ["user"], "quantities": many}
    assert not api.consume(customer, idempotencyKey="a", **asked)["allowed"]
    answer = api.consume(customer, idempotencyKey="b", key=observing, **asked)
    assert (answer["allowed"], answer["wouldAllow"]) == (True, False)
    assert [
        (node["idempotencyKey"], node["allowed"], node["wouldAllow"], node["binding"]["budgetId"])
        for node in listed(api, customer, wouldAllow=False)
    ] == [("b", True, False, "team-total"), ("a", False, False, "team-total")]
    [observed] = listed(api, customer, wouldAllow=False, allowed=True)
    assert observed["message"].startswith("It was allowed although it does not fit: The budget team-total")
    assert observed["quantities"] == many


def test_messages_say_what_is_known(api: Api) -> None:
    """What a denial asked for is not kept, so its sentence makes do without, and breaks at nothing."""
    customer = api.customer()
    api.consume(customer, idempotencyKey="f", featureId="nothing")
    api.consume(customer, idempotencyKey="e", entityIds=["nobody"])
    api.consume(customer, idempotencyKey="q", quantities=[{"name": "seconds", "amount": "1"}])
    final = " This answer is final for its key; a new attempt needs a new one."
    assert {
        node["idempotencyKey"]: node["message"].removesuffix(final) for node in listed(api, customer)
    } == {
        "f": "There is no feature of that name.",
        "e": f"An entity that was named is unknown to the customer {customer}, or archived, and its policy"
        " does not create it.",
        "q": "The feature chat does not count all of what was asked for.",
    }


def test_denials_by_pages(api: Api) -> None:
    customer = api.customer("1")
    for number in range(5):
        api.consume(
            customer, idempotencyKey=str((number * 3) % 5), quantities=[{"name": "input", "amount": "2"}]
        )
        time.sleep(0.001)
    found, after = [], None
    for _ in range(3):
        given = {"c": customer, "filter": {"wouldAllow": False}, "first": 2, "after": after}
        page = api.data(LIST, given)["decisions"]
        found.append([node["idempotencyKey"] for node in page["nodes"]])
        after = page["pageInfo"]["endCursor"]
    assert found == [["2", "4"], ["1", "3"], ["0"]]
    assert not page["pageInfo"]["hasNextPage"]
    assert api.error(LIST, {"c": customer, "after": after})["field"] == "after"


def test_what_one_request_may_ask_is_told_and_listed(api: Api) -> None:
    customer = api.customer("60")
    capped = {"featureId": "capped", "quantities": ["input"], "creditTypes": ["general"]}
    api.connection.execute(
        "SELECT api.upsert_feature(%s, 'test')", (Jsonb({**capped, "requestLimits": {"input": "5"}}),)
    )
    asked = [{"name": "input", "amount": "6"}]
    answer = api.consume(customer, idempotencyKey="k", featureId="capped", quantities=asked)
    [node] = listed(api, customer, reason="REQUEST_LIMIT_EXCEEDED")
    for told in (answer, node):
        assert told["reason"] == "REQUEST_LIMIT_EXCEEDED"
        assert told["message"].startswith("One request may ask 5 of input at most.")
        assert (told["binding"]["kind"], told["binding"]["limit"]) == ("REQUEST_LIMIT", "5")
        assert told["binding"]["quantity"] == "input"
