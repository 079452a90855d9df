"""Entities made by the customer's policy, as the model has it: how many, and what is said of them at once."""

import psycopg
import pytest

from tests.conformance.agreement import first_disagreement
from tests.conformance.forms import BudgetForm, Item, World
from tests.conformance.model_backend import ModelBackend
from tests.conformance.sql_backend import SqlBackend


def world(maximum: int, suspended: bool = False, budgets: list[BudgetForm] | None = None) -> World:
    """A customer with an agent and a hundred credits, who lets so many users be made."""
    grant = {"grantId": "g", "walletId": "w", "amount": "100", "kind": "PAID", "priority": 50}
    return {
        "creditTypes": [{"creditType": "general", "decimals": 6}],
        "entities": [{"entityId": "agent", "type": "agent", "parentId": None, "suspended": suspended}],
        "features": [
            {
                "featureId": "chat",
                "quantities": ["input"],
                "step": "1",
                "creditTypes": ["general"],
                "rates": [{"creditType": "general", "quantity": "input", "amount": "1", "perUnits": "1"}],
            }
        ],
        "wallets": [{"walletId": "w", "entityId": None, "creditType": "general", "overdraftLimit": "0"}],
        "grants": [{**grant, "effectiveAt": -86400, "expiresAt": None, "features": None}],  # type: ignore[typeddict-item]
        "budgets": budgets or [],
        "unknownEntity": {"policy": "CREATE", "type": "user", "parentId": None, "maximum": maximum},
    }


def item(key: str, *entity_ids: str, overage: str = "REJECT") -> Item:
    return {
        "idempotencyKey": key,
        "featureId": "chat",
        "quantities": [{"name": "input", "amount": "1"}],
        "entityIds": list(entity_ids),
        "overage": overage,
    }


def disagreement(connection: psycopg.Connection, made: World, *calls: list[Item]) -> str | None:
    history = {"world": made, "operations": [{"op": "consume", "items": items} for items in calls]}
    return first_disagreement(ModelBackend(), SqlBackend(connection), history, leave_out={"retryAfter"})  # type: ignore[arg-type]


@pytest.mark.parametrize("overage", ["REJECT", "RECORD"])
@pytest.mark.parametrize(
    ("maximum", "suspended"),
    [
        (0, False),
        (2, False),
        (2, True),
        (1, False),
        (1, True),
    ],
)
def test_those_of_one_item_all_fit_or_none_is_made(
    connection: psycopg.Connection, maximum: int, suspended: bool, overage: str
) -> None:
    calls = [[item("k1", "ann", "bob", "agent", overage=overage), item("k2", "cid")], [item("k3", "bob")]]
    assert disagreement(connection, world(maximum, suspended), *calls) is None


@pytest.mark.parametrize(("mode", "limit"), [("SOFT", "0"), ("SOFT", "1"), ("HARD", "0"), ("HARD", "1")])
def test_a_newcomer_is_named_in_what_limits_it(connection: psycopg.Connection, mode: str, limit: str) -> None:
    budget: BudgetForm = {
        "budgetId": "b",
        "entityId": None,
        "each": "user",
        "window": "TOTAL",
        "mode": mode,
        "measure": "CREDITS",
        "creditType": "general",
        "featureId": None,
        "quantity": None,
        "limit": limit,
    }
    calls = [
        [item("k1", "ann"), item("k2", "ann"), item("k3", "bob")],
        [item("k1", "ann"), item("k2", "ann"), item("k3", "bob")],
    ]
    assert disagreement(connection, world(5, budgets=[budget]), *calls) is None
