"""What administrators do to customers, entities and budgets that are there, as the API's callers see it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.serving import CONSUME, Api, asked, serving
from tests.api.test_administering import mutate

SUSPENSIONS = [
    ("Customer", {}, "CUSTOMER_SUSPENDED"),
    ("Entity", {"entityId": "team"}, "ENTITY_SUSPENDED"),
    ("Entity", {"entityId": "user"}, "ENTITY_SUSPENDED"),
]


def consume_there(api: Api, url: str, customer: str) -> Any:
    """A consumption of the user's, in another process's server."""
    variables = {"input": asked(customer, entityIds=["user"])}
    answer = api.client.post(
        f"{url}/graphql",
        json={"query": CONSUME, "variables": variables},
        headers={"authorization": f"Bearer {api.key}"},
    ).json()
    return answer["data"]["consume"]


@pytest.mark.parametrize(("what", "named", "reason"), SUSPENSIONS)
def test_suspension_counts_from_the_next_decision(
    api: Api, what: str, named: dict[str, str], reason: str
) -> None:
    customer = api.customer()
    who = {"customerId": customer, **named}
    selection = f"{what.lower()} {{ isSuspended }}"
    with serving(api.login) as elsewhere:
        assert consume_there(api, elsewhere, customer)["allowed"]
        for _ in range(2):
            done = mutate(api, f"suspend{what}", f"Suspend{what}Input", selection, who)
            assert done == {what.lower(): {"isSuspended": True}, "userErrors": []}
            assert consume_there(api, elsewhere, customer)["reason"] == reason
        done = mutate(api, f"resume{what}", f"Resume{what}Input", selection, who)
        assert done == {what.lower(): {"isSuspended": False}, "userErrors": []}
        assert consume_there(api, elsewhere, customer)["allowed"]
    changes = api.connection.execute(
        "SELECT before, after FROM core.change WHERE customer_id = %s AND kind = 'SUSPENSION' ORDER BY seq",
        (customer,),
    ).fetchall()
    assert changes == [
        ({"suspended": False}, {"suspended": True}),
        ({"suspended": True}, {"suspended": False}),
    ]


def test_what_cannot_be_suspended(api: Api) -> None:
    customer = api.customer()
    for verb in ("suspend", "resume"):
        kind = verb.capitalize()
        for entity in ("nobody", "", "nu\0l"):
            given = {"customerId": customer, "entityId": entity}
            done = mutate(api, f"{verb}Entity", f"{kind}EntityInput", "entity { id }", given)
            code = "NOT_STORABLE" if "\0" in entity else "NOT_FOUND"
            assert [(e["field"], e["code"]) for e in done["userErrors"]] == [("entityId", code)]
            assert done["entity"] is None
        done = mutate(
            api, f"{verb}Customer", f"{kind}CustomerInput", "customer { id }", {"customerId": "nobody"}
        )
        assert [(e["field"], e["code"]) for e in done["userErrors"]] == [("customerId", "NOT_FOUND")]


RAISE = "raiseId amount until raisedBy reason createdAt endedAt"


def raises(api: Api, customer: str) -> Any:
    """Those of the team's budget."""
    query = f"query ($c: ID!) {{ budgets(customerId: $c) {{ nodes {{ budgetId raises {{ {RAISE} }} }} }} }}"
    nodes = api.data(query, {"c": customer})["budgets"]["nodes"]
    return {each["budgetId"]: each["raises"] for each in nodes}["team-total"]


def test_a_raise_says_until_when_by_whom_and_why(api: Api) -> None:
    customer = api.customer()
    until = datetime.now(UTC) + timedelta(hours=1)
    given = {
        "idempotencyKey": "demo",
        "customerId": customer,
        "budgetId": "team-total",
        "amount": "25",
        "until": until.isoformat(),
        "reason": "a demo for the board",
    }
    selection = "budget { baseLimit raised limit } seq replayed"
    denied = {"entityIds": ["user"], "quantities": [{"name": "input", "amount": "60"}]}
    assert api.consume(customer, **denied)["reason"] == "BUDGET_EXCEEDED"
    made = mutate(api, "raiseBudget", "RaiseBudgetInput", selection, given)
    raised = {"budget": {"baseLimit": "50", "raised": "25", "limit": "75"}, "userErrors": []}
    assert made == raised | {"seq": made["seq"], "replayed": False}
    again = mutate(api, "raiseBudget", "RaiseBudgetInput", selection, given)
    assert again == raised | {"seq": made["seq"], "replayed": True}
    other = mutate(api, "raiseBudget", "RaiseBudgetInput", selection, given | {"amount": "26"})
    assert [(e["field"], e["code"]) for e in other["userErrors"]] == [("amount", "IDEMPOTENCY_CONFLICT")]
    assert (other["budget"], other["seq"], other["replayed"]) == (None, None, False)
    assert api.consume(customer, **denied)["allowed"]
    key = api.data("{ viewer { keyId } }")["viewer"]["keyId"]
    [first] = raises(api, customer)
    assert first == {
        "raiseId": made["seq"],
        "amount": "25",
        "until": first["until"],
        "raisedBy": f"key:{key}",
        "reason": "a demo for the board",
        "createdAt": first["createdAt"],
        "endedAt": None,
    }
    assert datetime.fromisoformat(first["until"]) == until > datetime.fromisoformat(first["createdAt"])
    more = given | {"idempotencyKey": "more", "reason": "another"}
    selection = f"budget {{ raises {{ {RAISE} }} }}"
    newer, older = mutate(api, "raiseBudget", "RaiseBudgetInput", selection, more)["budget"]["raises"]
    assert (newer["reason"], older) == ("another", first)


def test_raises_of_many_budgets_at_once(api: Api) -> None:
    customers = [api.customer(), api.customer()]
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    asked = {"idempotencyKey": "r", "budgetId": "team-total", "amount": "1", "until": until, "reason": "x"}
    query = """
      mutation ($a: RaiseBudgetInput!, $b: RaiseBudgetInput!, $c: RaiseBudgetInput!) {
        a: raiseBudget(input: $a) { budget { raises { amount } } }
        b: raiseBudget(input: $b) { budget { raises { amount } } }
        c: raiseBudget(input: $c) { budget { raises { amount } } }
      }"""
    given = {
        "a": asked | {"customerId": customers[0]},
        "b": asked | {"customerId": customers[0], "idempotencyKey": "r2", "amount": "2"},
        "c": asked | {"customerId": customers[1], "amount": "3"},
    }
    found = api.data(query, given)
    assert {name: [r["amount"] for r in each["budget"]["raises"]] for name, each in found.items()} == {
        "a": ["1"],
        "b": ["2", "1"],
        "c": ["3"],
    }
    both = """
      query ($a: ID!, $b: ID!) {
        a: budgets(customerId: $a) { nodes { budgetId raises { amount } } }
        b: budgets(customerId: $b) { nodes { budgetId raises { amount } } }
      }"""
    nodes = api.data(both, {"a": customers[0], "b": customers[1]})
    assert {
        (name, budget["budgetId"]): [r["amount"] for r in budget["raises"]]
        for name, page in nodes.items()
        for budget in page["nodes"]
        if budget["raises"]
    } == {("a", "team-total"): ["2", "1"], ("b", "team-total"): ["3"]}


def test_what_no_raise_is(api: Api) -> None:
    customer = api.customer()
    given = {
        "idempotencyKey": "none",
        "customerId": customer,
        "budgetId": "none",
        "amount": "0",
        "until": "2020-01-01T00:00:00Z",
        "reason": "x",
    }
    done = mutate(api, "raiseBudget", "RaiseBudgetInput", "budget { id }", given)
    assert done["budget"] is None
    assert {(e["field"], e["code"]) for e in done["userErrors"]} == {
        ("budgetId", "NOT_FOUND"),
        ("amount", "NOT_POSITIVE"),
        ("until", "IN_THE_PAST"),
    }
    done = mutate(api, "raiseBudget", "RaiseBudgetInput", "budget { id }", {**given, "reason": ""})
    assert [(e["field"], e["code"]) for e in done["userErrors"]] == [("reason", "EMPTY")]


def test_administering_needs_its_scope(api: Api) -> None:
    customer = api.customer()
    key = api.make_key(["READ", "CONSUME", "KEYS"])
    named = {"customerId": customer, "entityId": "team"}
    for name, given in (
        ("suspendCustomer", {"customerId": customer}),
        ("resumeCustomer", {"customerId": customer}),
        ("suspendEntity", named),
        ("resumeEntity", named),
    ):
        kind = name[0].upper() + name[1:] + "Input"
        query = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}"
        assert api.error(query, {"input": given}, key=key) == {"code": "FORBIDDEN", "scope": "CUSTOMERS"}


def test_a_budget_is_paused_goes_on_and_is_archived(api: Api) -> None:
    customer = api.customer()
    named = {"customerId": customer, "budgetId": "team-total"}
    much = {"entityIds": ["user"], "quantities": [{"name": "input", "amount": "51"}]}
    selection = "budget { isActive archivedAt }"

    def change(verb: str) -> Any:
        done = mutate(api, f"{verb}Budget", f"{verb.capitalize()}BudgetInput", selection, named)
        assert done["userErrors"] == []
        return done["budget"]

    assert api.consume(customer, **much)["reason"] == "BUDGET_EXCEEDED"
    assert change("pause") == {"isActive": False, "archivedAt": None}
    assert api.consume(customer, **much)["allowed"]
    assert change("resume") == {"isActive": True, "archivedAt": None}
    assert api.consume(customer, **much)["reason"] == "BUDGET_EXCEEDED"
    archived = change("archive")
    assert archived["isActive"] is False
    assert archived["archivedAt"] is not None
    few = {**much, "quantities": [{"name": "input", "amount": "49"}]}
    assert api.consume(customer, **few)["allowed"]
    for verb in ("pause", "resume"):
        kind = f"{verb.capitalize()}BudgetInput"
        done = mutate(api, f"{verb}Budget", kind, selection, named)
        assert [(e["field"], e["code"]) for e in done["userErrors"]] == [("budgetId", "ARCHIVED")]
    query = (
        "query ($c: ID!, $a: Boolean!) { budgets(customerId: $c, filter: {isArchived: $a}) { nodes { id } } }"
    )
    for is_archived, count in ((True, 1), (False, 0)):
        found = api.data(query, {"c": customer, "a": is_archived})["budgets"]["nodes"]
        assert len(found) == count


def test_an_entity_is_moved_archived_and_brought_back(api: Api) -> None:
    customer = api.customer()
    named = {"customerId": customer, "entityId": "user"}
    selection = "entity { path archivedAt }"
    move = {**named, "parentId": None}
    done = mutate(api, "moveEntity", "MoveEntityInput", selection, move)
    assert done == {"entity": {"path": ["user"], "archivedAt": None}, "userErrors": []}
    done = mutate(api, "moveEntity", "MoveEntityInput", selection, named)
    assert [(e["field"], e["code"]) for e in done["userErrors"]] == [("parentId", "REQUIRED")]
    mutate(api, "moveEntity", "MoveEntityInput", selection, {**named, "parentId": "team"})
    team = {"customerId": customer, "entityId": "team"}
    done = mutate(api, "archiveEntity", "ArchiveEntityInput", selection, team)
    assert [(e["field"], e["code"]) for e in done["userErrors"]] == [("entityId", "NOT_EMPTY")]
    with_all = {**team, "includeDescendants": True}
    done = mutate(api, "archiveEntity", "ArchiveEntityInput", selection, with_all)
    assert done["entity"]["archivedAt"] is not None
    assert api.consume(customer, entityIds=["user"])["reason"] == "ENTITY_NOT_FOUND"
    done = mutate(api, "upsertEntity", "UpsertEntityInput", selection, {**team, "name": "T"})
    assert [(e["field"], e["code"]) for e in done["userErrors"]] == [("entityId", "ARCHIVED")]
    for given in (team, named):
        done = mutate(api, "upsertEntity", "UpsertEntityInput", selection, {**given, "archived": False})
        assert done["entity"]["archivedAt"] is None
    assert api.consume(customer, entityIds=["user"])["allowed"]


@pytest.mark.parametrize(
    ("name", "given", "scope"),
    [
        ("moveEntity", {"entityId": "e", "parentId": None}, "CUSTOMERS"),
        ("archiveEntity", {"entityId": "e"}, "CUSTOMERS"),
        ("pauseBudget", {"budgetId": "b"}, "BUDGETS"),
        ("resumeBudget", {"budgetId": "b"}, "BUDGETS"),
        ("archiveBudget", {"budgetId": "b"}, "BUDGETS"),
    ],
)
def test_what_is_unknown_and_who_may_not(api: Api, name: str, given: dict[str, Any], scope: str) -> None:
    customer = api.customer()
    kind = name[0].upper() + name[1:] + "Input"
    done = mutate(api, name, kind, "", {"customerId": customer, **given})
    field = "entityId" if "entityId" in given else "budgetId"
    assert [(e["field"], e["code"]) for e in done["userErrors"]] == [(field, "NOT_FOUND")]
    query = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}"
    key = api.make_key([each for each in ("READ", "CUSTOMERS", "BUDGETS") if each != scope])
    answer = api.error(query, {"input": {"customerId": customer, **given}}, key=key)
    assert answer == {"code": "FORBIDDEN", "scope": scope}


def test_thresholds(api: Api) -> None:
    customer = api.customer()
    given = {"customerId": customer, "budgetId": "team-total", "thresholds": ["1", "0.80"]}
    made = mutate(api, "setBudget", "SetBudgetInput", "budget { thresholds }", given)
    assert made == {"budget": {"thresholds": ["0.8", "1"]}, "userErrors": []}
    assert api.consume(customer, entityIds=["user"], quantities=[{"name": "input", "amount": "45"}])[
        "allowed"
    ]
    told = api.connection.execute(
        "SELECT message ->> 'kind', message ->> 'threshold', message ->> 'used', message ->> 'limit'"
        " FROM pgmq.q_alert WHERE message ->> 'customer_id' = %s",
        (customer,),
    ).fetchall()
    assert told == [("BUDGET_THRESHOLD", "0.8", "45", "50")]
    wrong = mutate(
        api, "setBudget", "SetBudgetInput", "budget { id }", {**given, "thresholds": ["0.5", "11"]}
    )
    assert [(e["field"], e["code"]) for e in wrong["userErrors"]] == [("thresholds[1]", "OUT_OF_RANGE")]


EACH = "budget { budgetId eachType eachCount }"


def test_how_many_a_budget_counts(api: Api) -> None:
    customer = api.customer()
    for entity, parent in (("a", "team"), ("b", "a"), ("c", None)):
        given = {"customerId": customer, "entityId": entity, "type": "user", "parentId": parent}
        assert not mutate(api, "upsertEntity", "UpsertEntityInput", "entity { id }", given)["userErrors"]
    usual = {"customerId": customer, "measure": "CREDITS", "creditType": "general", "window": "DAY"}

    def counted(name: str, **fields: Any) -> Any:
        given = usual | {"budgetId": name, "limit": "1"} | fields
        return mutate(api, "setBudget", "SetBudgetInput", EACH, given)["budget"]["eachCount"]

    assert counted("all", each="user") == "4"
    assert counted("below", each="user", entityId="team") == "3"
    assert counted("itself", each="user", entityId="a") == "1"
    assert counted("mistyped", each="usr") == "0"
    assert counted("sessions", each="SESSION") is None
    assert counted("one") is None
    archived = {"customerId": customer, "entityId": "b"}
    assert not mutate(api, "archiveEntity", "ArchiveEntityInput", "entity { id }", archived)["userErrors"]
    page = api.data(
        "query ($c: ID!) { budgets(customerId: $c) { nodes { budgetId eachCount } } }", {"c": customer}
    )
    assert {each["budgetId"]: each["eachCount"] for each in page["budgets"]["nodes"]} == {
        "team-total": None,
        "all": "3",
        "below": "2",
        "itself": "0",
        "mistyped": "0",
        "sessions": None,
        "one": None,
    }
    rows = """query ($c: ID!, $b: ID!) {
      budgetTree(customerId: $c, filter: { budgetId: $b }) { nodes { entityId } }
    }"""
    for name, count in (("all", 3), ("below", 2), ("itself", 0), ("mistyped", 0)):
        assert len(api.data(rows, {"c": customer, "b": name})["budgetTree"]["nodes"]) == count


def test_one_budget_is_found_by_its_id(api: Api) -> None:
    customer = api.customer()
    query = """query ($c: ID!, $b: ID!) {
      budgets(customerId: $c, filter: { budgetId: $b }) { nodes { budgetId } }
    }"""
    for name, found in (("team-total", [{"budgetId": "team-total"}]), ("team", []), ("", [])):
        assert api.data(query, {"c": customer, "b": name})["budgets"]["nodes"] == found


LISTS = (
    *("budgetTree", "budgets", "decisions", "entities", "wallets", "grants"),
    *("ledgerEntries", "usageEvents", "reservations", "auditEvents"),
)


@pytest.mark.parametrize("name", LISTS)
def test_an_unknown_customer_has_nothing(api: Api, name: str) -> None:
    query = f"query ($c: ID!) {{ {name}(customerId: $c) {{ nodes {{ __typename }} }} }}"
    assert api.data(query, {"c": "nobody"}) == {name: {"nodes": []}}


def test_what_is_told_says_what_to_do(api: Api) -> None:
    customer = api.customer()

    def told(name: str, **given: Any) -> list[str]:
        kind = name[0].upper() + name[1:] + "Input"
        errors = mutate(api, name, kind, "", {"customerId": customer, **given})["userErrors"]
        return [f"{each['field']}: {each['message']}" for each in errors]

    counts = {"measure": "QUANTITY", "featureId": "chat", "quantity": "input", "window": "DAY", "limit": "1"}
    assert told("setBudget", budgetId="b", **(counts | {"quantity": "inpt"})) == [
        "quantity: chat has no quantity inpt, but input, output"
    ]
    colour = [{"key": "colour", "value": "red"}]
    assert told("setBudget", budgetId="b", dimensions=colour, **counts) == [
        "dimensions: chat has no dimension colour, but model"
    ]
    assert told("setBudget", budgetId="b", entityId="tem", **counts) == ["entityId: there is no entity tem"]
    assert told("setBudget", budgetId="team-total", window="DAY") == [
        "window: never changes once a budget is set: set another one, under another id"
    ]
    assert told("upsertEntity", entityId="new", type="user", parentId="tem") == [
        "parentId: there is no entity tem"
    ]
    assert told("moveEntity", entityId="user", parentId="tem") == ["parentId: there is no entity tem"]
    assert told("eraseEntity", entityId="usr") == ["entityId: there is no entity usr"]
    assert told("upsertEntity", entityId="user", archived=True) == [
        "archived: only false can be said here; archiveEntity (api.archive_entity) archives"
    ]
    assert not told("archiveEntity", entityId="team", includeDescendants=True)
    assert told("upsertEntity", entityId="user", archived=False) == [
        "parentId: team is archived; bring it back first"
    ]
    assert told("moveEntity", entityId="user", parentId=None) == [
        "entityId: is archived; bring it back first"
    ]
    denied = api.consume(customer, entityIds=["user"])
    assert denied["message"].startswith(
        f"The entity user is unknown to the customer {customer}, or archived,"
    )
