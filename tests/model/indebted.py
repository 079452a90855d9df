"""Histories in which most is held on overdrafts, and grants repay what is owed while it is held.

Random worlds seldom come to that. Here one reservation in ten gives back what somebody has repaid, with all
that may come in between: a part settled, a grant that expires, a hold that ends by itself, a dry run before
anybody has booked it.
"""

from random import Random

from tests.conformance.forms import BudgetForm, GrantForm, History, Item, Operation, World

TYPES = {"general": 6, "promo": 0}
MINUTE, DAY = 60, 86400
KINDS = 4 * ["reserve"] + 3 * ["settle"] + 3 * ["grant"] + 2 * ["advance", "release"] + ["check", "consume"]


def indebted(seed: int, length: int = 25) -> History:
    """A world and its operations, always the same for a seed."""
    at = Random(seed)
    world = _world(at)
    keys: list[str] = []
    now = 0
    operations: list[Operation] = []
    for number in range(length):
        key = f"k{number}"
        match at.choice(KINDS):
            case "reserve":
                operations.append(
                    {"op": "reserve", "items": [_item(at, key, at.choice([MINUTE, 10 * MINUTE, DAY]))]}
                )
                keys.append(key)
            case "settle" if keys:
                quantities = [{"name": "input", "amount": at.choice(["0", "1", "3", "5.5", "12"])}]
                step = {
                    "reservation": at.choice(keys[-3:]),
                    "quantities": quantities,
                    "final": at.random() < 0.4,
                }
                operations.append({"op": "settle", "steps": [step], "observe": at.random() < 0.1})  # type: ignore[list-item]
            case "release" if keys:
                operations.append({"op": "release", "steps": [{"reservation": at.choice(keys[-3:])}]})
            case "grant":
                operations.append({"op": "grant", "grant": _grant(at, f"g{number}", world, now)})
            case "consume" | "check" as op:
                operations.append({"op": op, "items": [_item(at, key)]})
            case _:
                seconds = at.choice([1, MINUTE, 10 * MINUTE, DAY])
                now += seconds
                operations.append({"op": "advance", "seconds": seconds})
    return {"world": world, "operations": operations}


def _world(at: Random) -> World:
    types = at.choice([["general"], ["general", "promo"], ["promo", "general"]])
    rates = [
        {
            "creditType": name,
            "quantity": "input",
            "amount": at.choice(["1", "0.7"]),
            "perUnits": at.choice(["1", "3"]),
        }
        for name in types
    ]
    wallets = [
        {
            "walletId": f"{holder or 'own'}-{name}",
            "entityId": holder,
            "creditType": name,
            "overdraftLimit": at.choice(["4", "15", "60"]) if at.random() < 0.8 else "0",
        }
        for holder in (None, "user")
        for name in types
        if holder is None or at.random() < 0.4
    ]
    return {
        "creditTypes": [{"creditType": name, "decimals": TYPES[name]} for name in types],
        "entities": [{"entityId": "user", "type": "user", "parentId": None}],
        "features": [
            {"featureId": "chat", "quantities": ["input"], "step": "1", "creditTypes": types, "rates": rates}  # type: ignore[typeddict-item]
        ],
        "wallets": wallets,  # type: ignore[typeddict-item]
        "grants": [],
        "budgets": [_budget(at, number) for number in range(at.randint(0, 2))],
    }


def _budget(at: Random, number: int) -> BudgetForm:
    return {
        "budgetId": f"b{number}",
        "entityId": at.choice([None, "user"]),
        "each": None,
        "window": at.choice(["TOTAL", "MINUTE", "DAY"]),
        "mode": at.choice(["HARD", "OBSERVE"]),
        "measure": "CREDITS",
        "creditType": "general",
        "featureId": None,
        "quantity": None,
        "limit": at.choice(["10", "50"]),
    }


def _grant(at: Random, grant_id: str, world: World, now: int) -> GrantForm:
    return {
        "grantId": grant_id,
        "walletId": at.choice(world["wallets"])["walletId"],
        "amount": at.choice(["1", "3", "8"]),
        "kind": at.choice(["PAID", "PROMOTIONAL", "ADJUSTMENT"]),
        "priority": 50,
        "effectiveAt": now + at.choice([-DAY, 0, MINUTE, 10 * MINUTE]),
        "expiresAt": at.choice([None, None, now + 11 * MINUTE, now + 2 * DAY]),
        "features": None,
    }


def _item(at: Random, key: str, ttl: int | None = None) -> Item:
    item: Item = {
        "idempotencyKey": key,
        "featureId": "chat",
        "quantities": [{"name": "input", "amount": at.choice(["1", "3", "4.5", "11"])}],
        "entityIds": at.choice([[], ["user"]]),
        "overage": at.choice(["OVERDRAFT", "OVERDRAFT", "OVERDRAFT", "REJECT"]),
    }
    return item if ttl is None else {**item, "ttlSeconds": ttl}
