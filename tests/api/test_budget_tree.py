"""``budgetTree`` over HTTP: what a row shows, orders, pages, and cursors of another order."""

from typing import Any

from tests.api.serving import Api

TREE = """
query ($c: ID, $filter: BudgetTreeFilter, $order: BudgetTreeOrder, $first: Int, $after: String) {
  budgetTree(customerId: $c, filter: $filter, orderBy: $order, first: $first, after: $after) {
    nodes {
      entityId entityType entityName parentId sessionId budgetId subject measure creditType featureId quantity
      dimensions { key value } window mode limit used held remaining utilisation windowStart resetsAt
      wouldDenyCount wouldDenyAmount
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
SET_BUDGET = "mutation ($i: SetBudgetInput!) { setBudget(input: $i) { userErrors { code } } }"


def peopled(api: Api) -> str:
    """A customer whose team has used 10 of 50, and whose users have an observed budget of 4 a day each."""
    customer = api.customer()
    budget = {
        "customerId": customer,
        "budgetId": "users",
        "each": "user",
        "measure": "QUANTITY",
        "featureId": "chat",
        "quantity": "input",
        "window": "DAY",
        "mode": "OBSERVE",
        "limit": "4",
    }
    assert api.data(SET_BUDGET, {"i": budget})["setBudget"] == {"userErrors": []}
    api.consume(customer, entityIds=["user"], quantities=[{"name": "input", "amount": "10"}])
    return customer


def tree(api: Api, customer: str, **variables: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.data(TREE, {"c": customer, **variables})["budgetTree"]
    return found


def test_rows(api: Api) -> None:
    user, team = tree(api, peopled(api))["nodes"]
    assert team == {
        "entityId": "team",
        "entityType": "team",
        "entityName": None,
        "parentId": None,
        "sessionId": None,
        "budgetId": "team-total",
        "subject": "ENTITY",
        "measure": "CREDITS",
        "creditType": "general",
        "featureId": None,
        "quantity": None,
        "dimensions": [],
        "window": "TOTAL",
        "mode": "HARD",
        "limit": "50",
        "used": "10",
        "held": "0",
        "remaining": "40",
        "utilisation": 0.2,
        "windowStart": None,
        "resetsAt": None,
        "wouldDenyCount": "0",
        "wouldDenyAmount": "0",
    }
    assert (user["entityId"], user["parentId"], user["subject"]) == ("user", "team", "EACH")
    assert (user["utilisation"], user["remaining"]) == (2.5, "0")
    assert (user["wouldDenyCount"], user["wouldDenyAmount"]) == ("1", "10")
    assert user["windowStart"] < user["resetsAt"]


def test_filters_and_orders(api: Api) -> None:
    customer = peopled(api)

    def ids(**variables: Any) -> list[str]:
        return [row["entityId"] for row in tree(api, customer, **variables)["nodes"]]

    assert ids(order="ENTITY") == ["team", "user"]
    assert ids(order="RESETS_AT") == ["user", "team"]
    for given, left in (
        ({"entityId": "team"}, ["team"]),
        ({"parentId": ""}, ["team"]),
        ({"parentId": "team"}, ["user"]),
        ({"belowId": "team"}, ["user", "team"]),
        ({"type": "user"}, ["user"]),
        ({"budgetId": "users"}, ["user"]),
        ({"featureId": "chat"}, ["user"]),
        ({"creditType": "general"}, ["team"]),
        ({"mode": "HARD"}, ["team"]),
        ({"minimumUtilisation": 0.5}, ["user"]),
        ({"minimumUtilisation": 0.2, "type": "team"}, ["team"]),
    ):
        assert ids(filter=given) == left, given


def test_pages(api: Api) -> None:
    customer = peopled(api)
    page = tree(api, customer, first=1)
    assert ([row["entityId"] for row in page["nodes"]], page["pageInfo"]["hasNextPage"]) == (["user"], True)
    after = page["pageInfo"]["endCursor"]
    page = tree(api, customer, first=1, after=after)
    assert ([row["entityId"] for row in page["nodes"]], page["pageInfo"]["hasNextPage"]) == (["team"], False)
    refused = api.error(TREE, {"c": customer, "after": after, "order": "ENTITY"})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "after")
