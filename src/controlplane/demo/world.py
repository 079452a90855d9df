"""The demo's customer: departments, teams, users, agents and products, wallets, grants and budgets.

Made again on the same data it changes nothing: every change sets a state or carries a fixed key.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.db import configuration
from controlplane.db.pool import Database

CUSTOMER = "acme"
FEATURE = "completion"
CREDITS, PROMO = "credits", "promo"
ACTOR = "demo"
#: Who spends in the lines that can be pasted: the agents leave this wallet and budget alone.
GUEST, GUESTS_PRODUCT = "guest", "assistant"
#: Credits for a million tokens in and out, by model.
MODELS = {"swift": ("250", "1000"), "sage": ("1250", "5000"), "atlas": ("5000", "20000")}
#: Agents with the product they work for, and how eager they are.
AGENTS = {
    "crawler": ("search-box", 3),
    "ranker": ("search-box", 2),
    "writer": ("assistant", 3),
    "closer": ("assistant", 1),
}

#: Who stands below whom; in order, since a parent comes first.
_ENTITIES: tuple[tuple[str, str, str | None], ...] = (
    ("research", "department", None),
    ("sales", "department", None),
    ("search", "team", "research"),
    ("outreach", "team", "sales"),
    ("ada", "user", "search"),
    ("grace", "user", "outreach"),
    ("crawler", "agent", "ada"),
    ("ranker", "agent", "ada"),
    ("writer", "agent", "grace"),
    ("closer", "agent", "grace"),
    ("search-box", "product", None),
    ("assistant", "product", None),
    (GUEST, "user", None),
)
#: The same key must always come with the same request, so this cannot be reckoned from now.
_ALWAYS = "2100-01-01T00:00:00Z"
_GRANTS: tuple[dict[str, Any], ...] = (
    {"creditType": PROMO, "amount": "100", "kind": "PROMOTIONAL", "expiresAt": _ALWAYS},
    {"creditType": CREDITS, "amount": "1000", "kind": "PAID"},
    {"creditType": CREDITS, "amount": "200", "kind": "RECURRING", "priority": 30, "expiresAt": _ALWAYS},
    {"creditType": CREDITS, "amount": "300", "kind": "PAID", "entityId": "search"},
    {"creditType": CREDITS, "amount": "300", "kind": "PAID", "entityId": GUEST},
)
#: The eager agents reach theirs near the end of a minute, the others never: some are denied, balances move.
_BUDGETS: tuple[dict[str, Any], ...] = (
    {"budgetId": "company-month", "window": "MONTH", "limit": "20000000"},
    {"budgetId": "atlas-hour", "window": "HOUR", "limit": "10000", "dimensions": {"model": "atlas"}},
    {"budgetId": "outreach-minute", "window": "MINUTE", "limit": "130", "entityId": "outreach"},
    {"budgetId": "agent-minute", "window": "MINUTE", "limit": "100", "each": "agent"},
    {"budgetId": "sales-hour", "window": "HOUR", "limit": "5000", "entityId": "sales", "mode": "SOFT"},
    {"budgetId": "guest-day", "window": "DAY", "limit": "60", "entityId": GUEST},
)


async def make_world(database: Database) -> None:
    """Make all of it, or leave it as it is.

    Raises:
        DatabaseError: the database refuses.
    """
    for kind, name in ((CREDITS, "Credits"), (PROMO, "Promotional credits")):
        await configuration.upsert_credit_type(database, {"creditType": kind, "name": name}, ACTOR)
    feature = {
        "featureId": FEATURE,
        "name": "Completion",
        "quantities": ["input", "output"],
        "dimensions": ["model"],
        "creditTypes": [PROMO, CREDITS],
    }
    await configuration.upsert_feature(database, feature, ACTOR)
    await configuration.set_rates(database, {"featureId": FEATURE, "rates": _rates()}, ACTOR)
    await configuration.upsert_customer(database, CUSTOMER, {"name": "Acme Inc."}, ACTOR)
    for entity, kind, parent in _ENTITIES:
        given = {"entityId": entity, "type": kind, "parentId": parent}
        await configuration.upsert_entity(database, CUSTOMER, given, ACTOR)
    for number, grant in enumerate(_GRANTS):
        given = {"idempotencyKey": f"demo-grant-{number}", "source": ACTOR, **grant}
        await configuration.grant_credits(database, CUSTOMER, given, ACTOR)
    for budget in _BUDGETS:
        given = {"measure": "CREDITS", "creditType": CREDITS, **budget}
        await configuration.set_budget(database, CUSTOMER, given, ACTOR)


def top_up(key: str) -> dict[str, Any]:
    """A month's worth, for when the agents have spent it all."""
    month = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    grant = {"creditType": CREDITS, "amount": "200", "kind": "PAID", "expiresAt": month, "source": "top-up"}
    return {"customerId": CUSTOMER, "idempotencyKey": key, **grant}


def _rates() -> list[dict[str, Any]]:
    return [
        {
            "creditType": kind,
            "quantity": quantity,
            "amount": cost,
            "perUnits": "1000000",
            "dimensions": {"model": model},
            "effectiveFrom": "2020-01-01T00:00:00Z",
        }
        for model, costs in MODELS.items()
        for quantity, cost in zip(("input", "output"), costs, strict=True)
        for kind in (CREDITS, PROMO)
    ]
