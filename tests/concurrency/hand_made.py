"""A world made by hand: four levels of people, and two products beside them."""

from typing import Any

from tests.concurrency.racing import Lane
from tests.conformance.forms import BudgetForm, GrantForm, Item, Operation, World

#: From the customer down; each is the parent of the next.
LEVELS = ("department", "team", "user", "agent")


def make_world(*budgets: BudgetForm, held: str = "1000") -> World:
    """``red`` and ``blue`` are teams; each level of red has an entity named after it."""
    people = [
        {"entityId": level, "type": level, "parentId": LEVELS[place - 1] if place else None}
        for place, level in enumerate(LEVELS)
    ]
    others = [
        {"entityId": "blue", "type": "team", "parentId": "department"},
        {"entityId": "shared", "type": "agent", "parentId": None},
        {"entityId": "product", "type": "product", "parentId": None},
    ]
    return {
        "creditTypes": [{"creditType": "general", "decimals": 6}],
        "entities": [*people, *others],  # type: ignore[list-item]
        "features": [
            {
                "featureId": "chat",
                "quantities": ["input"],
                "step": "1",
                "dimensions": ["model"],
                "creditTypes": ["general"],
                "rates": [{"creditType": "general", "quantity": "input", "amount": "1", "perUnits": "1"}],
            }
        ],
        "wallets": [{"walletId": "w", "entityId": None, "creditType": "general", "overdraftLimit": "0"}],
        "grants": [grant("g", held)],
        "budgets": list(budgets),
    }


def grant(grant_id: str, amount: str) -> GrantForm:
    return {
        "grantId": grant_id,
        "walletId": "w",
        "amount": amount,
        "kind": "PAID",
        "priority": 50,
        "effectiveAt": -86400,
        "expiresAt": None,
        "features": None,
    }


def budget(budget_id: str, limit: str, entity_id: str | None = None, **more: Any) -> BudgetForm:
    """On credits, in all."""
    made: BudgetForm = {
        "budgetId": budget_id,
        "entityId": entity_id,
        "each": None,
        "window": "TOTAL",
        "mode": "HARD",
        "measure": "CREDITS",
        "creditType": "general",
        "featureId": None,
        "quantity": None,
        "limit": limit,
    }
    return {**made, **more}  # type: ignore[typeddict-item]


def ask(key: str, *entity_ids: str, amount: str = "1", model: str | None = None, **more: Any) -> Item:
    item: Item = {
        "idempotencyKey": key,
        "featureId": "chat",
        "quantities": [{"name": "input", "amount": amount}],
        "entityIds": list(entity_ids),
        "dimensions": [{"key": "model", "value": model}] if model else [],
    }
    return {**item, **more}  # type: ignore[typeddict-item]


def consume(*items: Item, world: int = 0) -> tuple[int, Operation]:
    return world, {"op": "consume", "items": list(items)}


def one_each(*operations: Operation) -> list[Lane]:
    """A lane for each, on the first world."""
    return [[[(0, operation)]] for operation in operations]
