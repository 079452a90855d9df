"""``auditEvents``: who changed what, told to those who may know."""

from typing import Any

import pytest

from tests.api.serving import Api
from tests.api.test_administering import mutate

EVENT = "id customerId seq recordedAt effectiveAt kind subjectType subject actor before after"
QUERY = f"""
query ($c: ID, $f: AuditFilter, $n: Int, $a: String) {{
  auditEvents(customerId: $c, filter: $f, first: $n, after: $a) {{
    nodes {{ {EVENT} }} pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""


def events(api: Api, key: str | None = None, **asked: Any) -> list[Any]:
    found: list[Any] = api.data(QUERY, asked, key=key)["auditEvents"]["nodes"]
    return found


@pytest.fixture
def governed(api: Api) -> str:
    """A customer whose user moved, and whose budget was changed and paused."""
    customer = api.customer()
    user = {"customerId": customer, "entityId": "user"}
    budget = {"customerId": customer, "budgetId": "team-total"}
    mutate(api, "moveEntity", "MoveEntityInput", "", {**user, "parentId": None})
    mutate(api, "setBudget", "SetBudgetInput", "", {**budget, "limit": "12.5"})
    mutate(api, "pauseBudget", "PauseBudgetInput", "", budget)
    return customer


def test_who_did_what(api: Api, governed: str) -> None:
    actor = "key:" + api.data("{ viewer { keyId } }")["viewer"]["keyId"]
    found = events(api, c=governed)
    assert [(e["seq"], e["kind"], e["subject"], e["actor"]) for e in found] == [
        ("7", "BUDGET", "team-total", actor),
        ("6", "BUDGET", "team-total", actor),
        ("5", "ENTITY_MOVED", "user", actor),
    ]
    assert (found[1]["before"]["baseLimit"], found[1]["after"]["baseLimit"]) == ("50", "12.5")
    assert (found[0]["before"]["isActive"], found[0]["after"]["isActive"]) == (True, False)
    assert found[2]["before"] == {"entityId": "user", "parentId": "team"}
    assert [e["seq"] for e in events(api, c=governed, f={"subject": "user"})] == ["5"]
    assert [e["seq"] for e in events(api, c=governed, f={"kind": "BUDGET", "actor": actor})] == ["7", "6"]
    at = found[2]["recordedAt"]
    assert [e["seq"] for e in events(api, c=governed, f={"recordedBefore": found[1]["recordedAt"]})] == ["5"]
    assert len(events(api, c=governed, f={"recordedFrom": at})) == 3
    for event in found:
        query = f"query ($id: ID!) {{ node(id: $id) {{ ... on AuditEvent {{ {EVENT} }} }} }}"
        assert api.data(query, {"id": event["id"]})["node"] == event


def test_what_was_archived_with_its_team_is_found(api: Api) -> None:
    customer = api.customer()
    given = {"customerId": customer, "entityId": "team", "includeDescendants": True}
    mutate(api, "archiveEntity", "ArchiveEntityInput", "", given)
    [event] = events(api, c=customer, f={"subject": "user"})
    assert (event["kind"], event["subject"]) == ("ENTITY_ARCHIVED", "team")
    assert {"team", "user"} <= set(event["after"]["entityIds"])


def test_pages(api: Api, governed: str) -> None:
    seen, after = [], None
    while True:
        found = api.data(QUERY, {"c": governed, "n": 2, "a": after})["auditEvents"]
        seen += [e["seq"] for e in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["7", "6", "5"]


def test_a_bound_key_sees_its_own_alone(api: Api, governed: str) -> None:
    theirs = api.customer()
    mutate(api, "suspendCustomer", "SuspendCustomerInput", "", {"customerId": theirs})
    mutate(api, "upsertCreditType", "UpsertCreditTypeInput", "", {"creditType": "audited", "name": "A"})
    key = api.make_key(customer=governed)
    assert [e["seq"] for e in events(api, key)] == ["7", "6", "5"]
    everybody = events(api, n=100)
    assert {governed, theirs, None} <= {e["customerId"] for e in everybody}
    node = "query ($id: ID!) { node(id: $id) { id } }"
    for event in everybody:
        if event["customerId"] != governed:
            assert api.data(node, {"id": event["id"]}, key=key)["node"] is None
            assert api.data(node, {"id": event["id"]})["node"] == {"id": event["id"]}


def test_changes_of_keys_need_their_scope(api: Api) -> None:
    customer = api.customer()
    given = {"kind": "SECRET", "name": "n", "scopes": ["READ"], "customerId": customer}
    made = mutate(api, "createApiKey", "CreateApiKeyInput", "apiKey { keyId } secret", given)
    which = made["apiKey"]["keyId"]
    rotation = {"keyId": which, "overlapSeconds": 60}
    mutate(api, "rotateApiKey", "RotateApiKeyInput", "", rotation)
    mutate(api, "revokeApiKey", "RevokeApiKeyInput", "", {"keyId": which})
    reader = api.make_key(["READ"], customer=customer)
    assert events(api, reader) == []
    whole = api.make_key(["READ"])
    assert events(api, whole, f={"kind": "API_KEY"}) == []
    own = api.make_key(["READ", "KEYS"], customer=customer)
    revoked, rotated, created = events(api, own, f={"subject": which})
    assert (revoked["before"], revoked["after"]) == ({"revoked": False}, {"revoked": True})
    assert set(rotated["before"]) == {"prefix"}
    assert created["after"]["scopes"] == ["READ"]
    assert {e["customerId"] for e in (revoked, rotated, created)} == {customer}
    assert made["secret"] not in str([revoked, rotated, created])
    node = "query ($id: ID!) { node(id: $id) { id } }"
    assert api.data(node, {"id": revoked["id"]}, key=own)["node"] == {"id": revoked["id"]}
    assert api.data(node, {"id": revoked["id"]}, key=whole)["node"] is None


def test_what_is_refused(api: Api) -> None:
    customer = api.customer()
    key = api.make_key(["KEYS", "CUSTOMERS"])
    assert api.error(QUERY, {"c": customer}, key=key) == {"code": "FORBIDDEN", "scope": "READ"}
    assert events(api, c="nobody") == []
    assert api.error(QUERY, {"c": customer, "n": 0})["code"] == "BAD_USER_INPUT"
    assert api.error(QUERY, {"c": customer, "a": "bm90aGluZw"})["code"] == "INVALID_INPUT"


def test_a_mistyped_kind_is_refused(api: Api, governed: str) -> None:
    """A list that is empty for a slip would be taken for one in which nothing happened."""
    for kind in ("BUDGETS", "budget", ""):
        assert api.error(QUERY, {"c": governed, "f": {"kind": kind}})["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    ("enum", "view"), [("AuditKind", "audit_event_kinds"), ("LedgerEntryKind", "entry_kinds")]
)
def test_kinds_are_those_of_the_reports(api: Api, enum: str, view: str) -> None:
    query = "query ($n: String!) { __type(name: $n) { enumValues { name description } } }"
    shown = api.data(query, {"n": enum})["__type"]["enumValues"]
    kinds = api.connection.execute(f"SELECT kind, meaning FROM report.{view}").fetchall()  # type: ignore[arg-type]
    assert sorted((each["name"], each["description"]) for each in shown) == sorted(kinds)
