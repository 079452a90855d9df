"""Histories in which most of what is asked fits: batches on a few routes, well within every limit.

Random worlds deny much, so that a batch of them seldom fits as a whole; what the database finds out
beforehand about one that does (core.judge) is judged here: which grant pays, what counts where, and which
budget is the nearest after each item, when they change places in mid-batch.
"""

import random
from typing import Any

from tests.conformance.forms import BudgetForm, History, Item

FEATURES = ("chat", "image")


def generous(seed: int) -> History:
    """A world and a few batches, always the same for a seed."""
    at = random.Random(seed)
    people = [f"user-{n}" for n in range(at.randint(1, 3))]
    entities: list[dict[str, Any]] = [{"entityId": "team", "type": "team", "parentId": None}]
    entities += [{"entityId": name, "type": "user", "parentId": "team"} for name in people]
    entities += [{"entityId": "app", "type": "product", "parentId": None}]
    world: dict[str, Any] = {
        "creditTypes": [{"creditType": "general", "decimals": 6}, {"creditType": "promo", "decimals": 2}],
        "entities": entities,
        "features": [_feature(at, name) for name in FEATURES],
        "wallets": [
            {
                "walletId": f"{holder or 'own'}-{kind}",
                "entityId": holder,
                "creditType": kind,
                "overdraftLimit": "0",
            }
            for holder, kind in ((None, "general"), (None, "promo"), (people[0], "general"))
            if holder is None or at.random() < 0.5
        ],
        "budgets": [_budget(at, n, people) for n in range(at.randint(1, 4))],
    }
    world["grants"] = [
        {
            "grantId": f"g{n}",
            "walletId": at.choice(world["wallets"])["walletId"],
            "amount": at.choice(["40", "1000", "100000"]),
            "kind": at.choice(["PAID", "PROMOTIONAL"]),
            "priority": 50,
            "effectiveAt": -86400,
            "expiresAt": None,
            "features": at.choice([None, None, None, ["chat"]]),
        }
        for n in range(at.randint(2, 5))
    ]
    operations: list[Any] = []
    for call in range(4):
        who = at.choice([people, people[:1]])
        items = [_item(at, f"k{call}-{n}", who) for n in range(at.choice([1, 2, 5, 12]))]
        operations.append({"op": "consume", "items": items, "observe": False})
    return {"world": world, "operations": operations}  # type: ignore[typeddict-item]


def _feature(at: random.Random, name: str) -> dict[str, Any]:
    kinds = at.choice([["general"], ["general", "promo"], ["promo", "general"]])
    rates = [
        {
            "creditType": kind,
            "quantity": quantity,
            "amount": at.choice(["1", "0.25", "0.0333"]),
            "perUnits": at.choice(["1", "3", "10"]),
        }
        for kind in kinds
        for quantity in ("input", "output")
    ]
    return {
        "featureId": name,
        "quantities": ["input", "output"],
        "step": "1",
        "creditTypes": kinds,
        "rates": rates,
    }


def _budget(at: random.Random, number: int, people: list[str]) -> BudgetForm:
    counted = at.choice(["CREDITS", "CREDITS", "QUANTITY"])
    owner = at.choice([None, "team", "app", people[0]])
    return {
        "budgetId": f"b{number}",
        "entityId": owner,
        "each": "user" if owner in (None, "team") and at.random() < 0.4 else None,
        "window": at.choice(["TOTAL", "TOTAL", "DAY", "REQUEST"]),
        "mode": at.choice(["HARD", "HARD", "HARD", "SOFT", "OBSERVE"]),
        "measure": counted,
        "creditType": at.choice(["general", "promo"]) if counted == "CREDITS" else None,
        "featureId": "chat" if counted == "QUANTITY" else None,
        "quantity": "input" if counted == "QUANTITY" else None,
        "limit": at.choice(["60", "100", "1000", "100000"]),
    }


def _item(at: random.Random, key: str, people: list[str]) -> Item:
    quantities = [{"name": "input", "amount": at.choice(["1", "2", "7", "2.5"])}]
    if at.random() < 0.5:
        quantities.append({"name": "output", "amount": at.choice(["0", "1", "4"])})
    at.shuffle(quantities)
    return {
        "idempotencyKey": key,
        "featureId": at.choice(["chat", "chat", "image"]),
        "quantities": quantities,  # type: ignore[typeddict-item]
        "entityIds": at.choice([[], [at.choice(people)], [at.choice(people), "app"], ["app"]]),
        "overage": at.choice(["REJECT", "REJECT", "REJECT", "OVERDRAFT", "RECORD"]),
    }
