"""P13: a key bound to one customer reads and moves nothing of another's, whatever the field."""

import re
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, build_schema, get_named_type

from controlplane.graphql.identity import node_id
from controlplane.graphql.schema import exported
from tests.api.serving import Api, asked

SCHEMA = build_schema(exported())

#: Every field that names a customer, as somebody else's key would ask it. `$c` is the other customer.
READS = {
    "customer": "customer(customerId: $c) { name }",
    "entity": 'entity(customerId: $c, entityId: "team") { name }',
    "entities": "entities(customerId: $c) { nodes { name } }",
    "wallet": 'wallet(customerId: $c, walletId: "customer:general") { available }',
    "wallets": "wallets(customerId: $c) { nodes { available } }",
    "grant": 'grant(customerId: $c, grantId: "4") { amount }',
    "grants": "grants(customerId: $c) { nodes { amount } }",
    "budgets": "budgets(customerId: $c) { nodes { limit } }",
    "budgetTree": "budgetTree(customerId: $c) { nodes { remaining } }",
    "ledgerEntries": "ledgerEntries(customerId: $c) { nodes { amount } }",
    "reservation": 'reservation(customerId: $c, reservationId: "5") { state }',
    "reservations": "reservations(customerId: $c) { nodes { state } }",
    "usageEvent": 'usageEvent(customerId: $c, usageEventId: "5") { seq }',
    "usageEvents": "usageEvents(customerId: $c) { nodes { seq } }",
    "decisions": "decisions(customerId: $c) { nodes { seq } }",
    "auditEvents": "auditEvents(customerId: $c) { nodes { seq } }",
}
INPUTS: dict[str, tuple[str, Any]] = {
    "check": ("allowed", asked),
    "checkMany": ("allowed", lambda customer: [asked(customer)]),
    "consume": ("allowed", asked),
    "consumeMany": ("allowed", lambda customer: [asked(customer)]),
    "recordUsage": ("allowed", asked),
    "reserve": ("allowed", asked),
    "reserveMany": ("allowed", lambda customer: [asked(customer)]),
    "settleReservation": (
        "allowed",
        lambda customer: {"customerId": customer, "reservationId": "5", "quantity": "1"},
    ),
    "releaseReservation": ("allowed", lambda customer: {"customerId": customer, "reservationId": "5"}),
    "extendReservation": (
        "allowed",
        lambda customer: {"customerId": customer, "reservationId": "5", "ttlSeconds": 60},
    ),
    "grantCredits": (
        "userErrors { code }",
        lambda customer: {
            "idempotencyKey": "k",
            "customerId": customer,
            "creditType": "general",
            "amount": "1",
        },
    ),
    "updateGrant": (
        "userErrors { code }",
        lambda customer: {"customerId": customer, "grantId": "4", "priority": 1},
    ),
    "voidGrant": (
        "userErrors { code }",
        lambda customer: {"customerId": customer, "grantId": "4", "reason": "mine"},
    ),
    "transferCredits": (
        "userErrors { code }",
        lambda customer: {
            "idempotencyKey": "k",
            "customerId": customer,
            "from": {"creditType": "general"},
            "to": {"creditType": "general", "entityId": "user"},
            "amount": "1",
        },
    ),
    "reverseConsumption": (
        "userErrors { code }",
        lambda customer: {
            "idempotencyKey": "k",
            "customerId": customer,
            "usageEventId": "6",
            "reason": "mine",
        },
    ),
    "upsertCustomer": ("userErrors { code }", lambda customer: {"customerId": customer, "name": "mine"}),
    "upsertEntity": (
        "userErrors { code }",
        lambda customer: {"customerId": customer, "entityId": "e", "type": "team"},
    ),
    "eraseEntity": ("userErrors { code }", lambda customer: {"customerId": customer, "entityId": "e"}),
    "setBudget": (
        "userErrors { code }",
        lambda customer: {
            "customerId": customer,
            "budgetId": "b",
            "window": "DAY",
            "measure": "CREDITS",
            "creditType": "general",
            "limit": "1",
        },
    ),
    "suspendCustomer": ("userErrors { code }", lambda customer: {"customerId": customer}),
    "resumeCustomer": ("userErrors { code }", lambda customer: {"customerId": customer}),
    "suspendEntity": (
        "userErrors { code }",
        lambda customer: {"customerId": customer, "entityId": "team"},
    ),
    "resumeEntity": (
        "userErrors { code }",
        lambda customer: {"customerId": customer, "entityId": "team"},
    ),
    "raiseBudget": (
        "userErrors { code }",
        lambda customer: {
            "idempotencyKey": "mine",
            "customerId": customer,
            "budgetId": "team-total",
            "amount": "1",
            "until": "2999-01-01T00:00:00Z",
            "reason": "mine",
        },
    ),
    "moveEntity": (
        "userErrors { code }",
        lambda customer: {"customerId": customer, "entityId": "user", "parentId": None},
    ),
    "archiveEntity": ("userErrors { code }", lambda customer: {"customerId": customer, "entityId": "user"}),
    "pauseBudget": (
        "userErrors { code }",
        lambda customer: {"customerId": customer, "budgetId": "team-total"},
    ),
    "resumeBudget": (
        "userErrors { code }",
        lambda customer: {"customerId": customer, "budgetId": "team-total"},
    ),
    "archiveBudget": (
        "userErrors { code }",
        lambda customer: {"customerId": customer, "budgetId": "team-total"},
    ),
    "createApiKey": (
        "userErrors { code }",
        lambda customer: {"kind": "SECRET", "name": "n", "scopes": ["READ"], "customerId": customer},
    ),
}
#: What belongs to no customer: a bound key may not change it.
SHARED = {
    "upsertCreditType": {"creditType": "c", "name": "C"},
    "upsertFeature": {"featureId": "f", "name": "F"},
    "setRates": {"featureId": "chat", "rates": []},
}
#: Fields that name no customer, each with a test of its own below, or nothing of anybody's.
OTHERS = {
    "customers",
    "apiKeys",
    "node",
    "viewer",
    "features",
    "creditTypes",
    "rates",
    "rotateApiKey",
    "revokeApiKey",
}


def names_a_customer(field: Any) -> bool:
    if "customerId" in field.args:
        return True
    inner = [get_named_type(argument.type) for argument in field.args.values()]
    return any(isinstance(each, GraphQLInputObjectType) and "customerId" in each.fields for each in inner)


def test_no_field_is_forgotten() -> None:
    roots = [SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type]
    fields = {name: field for root in roots if root for name, field in root.fields.items()}
    assert set(fields) == set(READS) | set(INPUTS) | set(SHARED) | OTHERS | {"balanceChanged"}
    assert {name for name, field in fields.items() if names_a_customer(field)} <= (
        set(READS) | set(INPUTS) | {"balanceChanged", "apiKeys"}
    )


@pytest.fixture
def mine_and_theirs(api: Api) -> tuple[str, str, str]:
    mine, theirs = api.customer(), api.customer()
    api.consume(theirs)
    return mine, theirs, api.make_key(customer=mine)


@pytest.mark.parametrize("name", READS)
def test_reading(api: Api, name: str, mine_and_theirs: tuple[str, str, str]) -> None:
    mine, theirs, key = mine_and_theirs
    query = f"query ($c: ID) {{ {READS[name]} }}"
    assert api.error(query, {"c": theirs}, key=key) == {"code": "FORBIDDEN", "field": "customerId"}
    assert api.error(query, {"c": "nobody"}, key=key)["code"] == "FORBIDDEN"
    own = api.data(query, {"c": mine}, key=key)
    assert (
        api.data(
            query.replace("(customerId: $c)", "").replace("customerId: $c, ", "").replace("($c: ID)", ""),
            key=key,
        )
        == own
    )


@pytest.mark.parametrize("name", INPUTS)
def test_moving(api: Api, name: str, mine_and_theirs: tuple[str, str, str]) -> None:
    _, theirs, key = mine_and_theirs
    selection, make = INPUTS[name]
    kind = "query" if SCHEMA.query_type and name in SCHEMA.query_type.fields else "mutation"
    root: GraphQLObjectType | None = SCHEMA.query_type if kind == "query" else SCHEMA.mutation_type
    assert root is not None
    wanted = root.fields[name].args["input"].type
    gates = "SELECT seq FROM core.gate WHERE customer_id = %s"
    before = api.connection.execute(gates, (theirs,)).fetchone()
    query = f"{kind} ($input: {wanted}) {{ {name}(input: $input) {{ {selection} }} }}"
    extensions = api.error(query, {"input": make(theirs)}, key=key)
    assert extensions["code"] == "FORBIDDEN"
    assert re.fullmatch(r"input(\[0\])?\.customerId", extensions["field"])
    assert api.connection.execute(gates, (theirs,)).fetchone() == before


@pytest.mark.parametrize("name", SHARED)
def test_what_belongs_to_all(api: Api, name: str, mine_and_theirs: tuple[str, str, str]) -> None:
    assert SCHEMA.mutation_type is not None
    wanted = SCHEMA.mutation_type.fields[name].args["input"].type
    query = f"mutation ($input: {wanted}) {{ {name}(input: $input) {{ userErrors {{ code }} }} }}"
    assert api.error(query, {"input": SHARED[name]}, key=mine_and_theirs[2]) == {"code": "FORBIDDEN"}


def test_lists_of_customers_and_keys(api: Api, mine_and_theirs: tuple[str, str, str]) -> None:
    mine, theirs, key = mine_and_theirs
    api.make_key(customer=theirs)
    query = "{ customers { nodes { customerId } } apiKeys { nodes { customerId } } }"
    found = api.data(query, key=key)
    assert found["customers"]["nodes"] == [{"customerId": mine}]
    assert found["apiKeys"]["nodes"] == [{"customerId": mine}]
    asked_for = "query ($c: ID) { apiKeys(filter: { customerId: $c }) { nodes { keyId } } }"
    assert api.error(asked_for, {"c": theirs}, key=key)["code"] == "FORBIDDEN"


def test_nodes(api: Api, mine_and_theirs: tuple[str, str, str]) -> None:
    mine, theirs, key = mine_and_theirs
    query = "query ($id: ID!) { node(id: $id) { __typename id } }"
    parts = {
        "Customer": (),
        "Entity": ("team",),
        "Wallet": ("customer:general",),
        "Grant": ("4",),
        "Budget": ("team-total",),
        "LedgerEntry": ("4", "1"),
    }
    for kind, natural in parts.items():
        own, other = node_id(kind, mine, *natural), node_id(kind, theirs, *natural)
        assert api.data(query, {"id": own}, key=key)["node"] == {"__typename": kind, "id": own}
        assert api.data(query, {"id": other}, key=key)["node"] is None
        assert api.data(query, {"id": other})["node"]["__typename"] == kind
    row = api.connection.execute(
        "SELECT key_id FROM core.api_key WHERE customer_id IS NULL LIMIT 1"
    ).fetchone()
    assert row is not None
    assert api.data(query, {"id": node_id("ApiKey", row[0])}, key=key)["node"] is None


def test_a_key_makes_none_that_may_more(api: Api, mine_and_theirs: tuple[str, str, str]) -> None:
    query = "mutation ($i: CreateApiKeyInput!) { createApiKey(input: $i) { secret } }"
    given = {"kind": "SECRET", "name": "n", "scopes": ["READ"]}
    assert api.error(query, {"i": given}, key=mine_and_theirs[2])["field"] == "input.customerId"
    narrow = api.make_key(["KEYS"])
    assert api.error(query, {"i": given}, key=narrow)["field"] == "input.scopes"


@pytest.mark.parametrize("given", ["rotateApiKey", "revokeApiKey"])
def test_a_key_reaches_none_of_others(api: Api, given: str, mine_and_theirs: tuple[str, str, str]) -> None:
    """Neither another customer's nor one of all customers: both are as if they were not there."""
    mine, theirs, key = mine_and_theirs
    api.make_key(customer=theirs)
    kind = given[0].upper() + given[1:] + "Input"
    query = f"mutation ($input: {kind}!) {{ {given}(input: $input) {{ userErrors {{ field code }} }} }}"
    more = {"overlapSeconds": 0} if given == "rotateApiKey" else {}
    for where in ("customer_id IS NULL", "customer_id = %s"):
        row = api.connection.execute(
            f"SELECT key_id FROM core.api_key WHERE {where} LIMIT 1",  # type: ignore[arg-type]
            (theirs,) if "%s" in where else None,
        ).fetchone()
        assert row is not None
        answer = api.data(query, {"input": {"keyId": row[0], **more}}, key=key)[given]
        assert answer["userErrors"] == [{"field": "keyId", "code": "NOT_FOUND"}]
    assert api.connection.execute(
        "SELECT count(*) FROM core.api_key WHERE customer_id = %s AND revoked_at IS NULL", (theirs,)
    ).fetchone() == (1,)
    assert mine != theirs


def test_every_field_needs_a_scope(api: Api) -> None:
    """With no scope at all nothing is left but to see whose key it is."""
    key = api.make_key([])
    customer = api.customer()
    assert api.data("{ viewer { scopes } }", key=key) == {"viewer": {"scopes": []}}
    for read in READS.values():
        assert api.error(f"query ($c: ID) {{ {read} }}", {"c": customer}, key=key)["code"] == "FORBIDDEN"
    for name in ("customers", "features", "creditTypes", "rates", "apiKeys"):
        assert api.error(f"{{ {name} {{ nodes {{ id }} }} }}", key=key)["code"] == "FORBIDDEN"


def test_exported_schema_is_the_committed_one() -> None:
    committed = Path(__file__).parents[2] / "schema.graphql"
    assert committed.read_text(encoding="utf-8") == exported(), (
        "run: controlplane schema --output schema.graphql"
    )


def test_everything_is_described() -> None:
    missing = []
    for name, kind in SCHEMA.type_map.items():
        if name.startswith("__") or name in ("Boolean", "Float", "ID", "Int", "String"):
            continue
        if not kind.description:
            missing.append(name)
        for field_name, field in getattr(kind, "fields", {}).items():
            if not field.description:
                missing.append(f"{name}.{field_name}")
            missing += [
                f"{name}.{field_name}({a})"
                for a, given in getattr(field, "args", {}).items()
                if not given.description
            ]
        missing += [
            f"{name}.{value}" for value, given in getattr(kind, "values", {}).items() if not given.description
        ]
    assert missing == []
