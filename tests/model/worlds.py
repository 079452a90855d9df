"""Makes worlds from a source of chance: a seed's, or Hypothesis' own (``strategies.py``).

Everything is small on purpose: few names, and prices and amounts of one order, so that credits run out,
budgets bind and things coincide.
"""

from random import Random
from typing import Any, TypeVar

from tests.conformance import forms

T = TypeVar("T")

#: An ordinary day; ends of months and of a year; a leap day; both days on which Europe moves its clocks.
INSTANTS = (
    forms.INSTANT,
    "2030-01-31T22:30:00+00:00",
    "2030-03-31T00:30:00+00:00",
    "2030-10-27T00:30:00+00:00",
    "2030-12-31T23:59:30+00:00",
    "2032-02-28T23:00:00+00:00",
)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
ANCHORS = (None, None, "2029-10-31T09:30:00+00:00", "2028-02-29T18:15:00+00:00")
WINDOWS = ("REQUEST", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR", "BILLING_PERIOD", "TOTAL", "TOTAL")
DECIMALS = {"general": 6, "promo": 0, "premium": 2}
DIMENSIONS = {"model": ("small", "large"), "region": ("eu", "us")}
PRICES = ("0", "0.001", "0.25", "0.25", "0.7", "1", "1", "1", "2.5", "7")
HOUR, DAY = 3600, 86400


class Chance:
    """Choices, by name."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def one(self, *things: T) -> T:
        return self.random.choice(things)

    def some(self, things: "list[T] | tuple[T, ...]", at_most: int) -> list[T]:
        """Some of them, each at most once, in any order."""
        return self.random.sample(list(things), self.upto(min(at_most, len(things))))

    def upto(self, most: int, least: int = 0) -> int:
        return self.random.randint(least, most)

    def often(self) -> bool:
        return self.upto(3) > 0

    def sometimes(self) -> bool:
        return self.upto(3) == 3

    def rarely(self) -> bool:
        return self.upto(11) == 11


def make_world(random: Random) -> forms.World:
    """A customer with its catalog, ready for operations."""
    chance = Chance(random)
    types = list(DECIMALS)[: chance.upto(3, least=1)]
    features = [make_feature(chance, name, types) for name in ("chat", "search")[: chance.upto(2, least=1)]]
    entities = make_entities(chance)
    owners = [None, *(entity["entityId"] for entity in entities)]
    wallets = [
        make_wallet(chance, owner, name)
        for owner in owners
        for name in types
        if (chance.often() if owner is None else chance.sometimes())
    ]
    world: forms.World = {
        "instant": chance.one(*INSTANTS),
        "creditTypes": [{"creditType": name, "decimals": DECIMALS[name]} for name in types],
        "entities": entities,
        "features": features,
        "wallets": wallets,
        "grants": [],
        "budgets": [
            make_budget(chance, f"b{number}", entities, features, types) for number in range(chance.upto(6))
        ],
    }
    if wallets:
        world["grants"] = [
            make_grant(chance, f"g{number}", world, now=0, made_at=-forms.SET_UP_BEFORE)
            for number in range(chance.upto(14, least=1))
        ]
    if chance.sometimes():
        parent = chance.one(*owners)
        world["unknownEntity"] = {"policy": "CREATE", "type": "user", "parentId": parent, "maximum": 2}
    if chance.rarely():
        world["observe"] = True
    return world


def make_feature(chance: Chance, name: str, types: list[str]) -> forms.FeatureForm:
    quantities = ["input", "output"][: chance.upto(2, least=1)]
    dimensions = list(DIMENSIONS)[: chance.upto(2)]
    places: dict[Any, forms.RateForm] = {}
    for credit_type in types:
        for quantity in quantities:
            if chance.rarely():
                continue  # so that a type is not acceptable, or there is no rate at all
            for matched in [{}, *([make_match(chance, dimensions)] if dimensions else [])]:
                for since in [None, *([chance.one(-DAY, HOUR, 2 * DAY)] if chance.sometimes() else [])]:
                    places[credit_type, quantity, str(sorted(matched.items())), since] = {
                        "creditType": credit_type,
                        "quantity": quantity,
                        "amount": chance.one(*PRICES),
                        "perUnits": chance.one("1", "1", "3", "1000"),
                        "dimensions": matched,
                        "effectiveFrom": since,
                    }
    return {
        "featureId": name,
        "quantities": quantities,
        "step": chance.one("1", "1", "0.5", "5"),
        "dimensions": dimensions,
        "creditTypes": chance.random.sample(types, len(types)),
        "rates": list(places.values()),
    }


def make_match(chance: Chance, dimensions: list[str]) -> dict[str, str]:
    return {name: chance.one(*DIMENSIONS[name]) for name in chance.some(dimensions, len(dimensions))}


def make_entities(chance: Chance) -> list[forms.EntityForm]:
    """A tree of people and another of products; a team may lack its department, an agent its user."""
    entities: list[forms.EntityForm] = []

    def add(entity_type: str, count: int, *above: str) -> None:
        parents = [None, *(entity["entityId"] for entity in entities if entity["type"] in above)]
        for number in range(count):
            parent = parents[-1 - chance.upto(len(parents) - 1)]
            suspended = chance.rarely() and chance.sometimes()
            entity: forms.EntityForm = {
                "entityId": f"{entity_type}-{number}",
                "type": entity_type,
                "parentId": parent,
                "suspended": suspended,
            }
            entities.append(entity)

    add("department", chance.upto(1))
    add("team", chance.upto(2), "department")
    add("user", chance.upto(3, least=1), "team", "department")
    add("agent", chance.upto(2), "user", "team")
    add("product", chance.upto(1))
    return entities


def make_wallet(chance: Chance, owner: str | None, credit_type: str) -> forms.WalletForm:
    return {
        "walletId": f"{owner or 'customer'}:{credit_type}",
        "entityId": owner,
        "creditType": credit_type,
        "overdraftLimit": chance.one("3", "20") if chance.sometimes() else "0",
    }


def make_grant(chance: Chance, grant_id: str, world: forms.World, now: int, made_at: int) -> forms.GrantForm:
    """A grant around ``now``, in seconds after the world's instant, that is not over when it is made."""
    wallet = chance.one(*world["wallets"])
    effective_at = now + chance.one(-2 * DAY, -DAY, -DAY, -DAY, HOUR, DAY)
    expires_at = chance.one(None, None, now + 60, now + 2 * HOUR, now + 5 * DAY, effective_at + DAY)
    if expires_at is not None and expires_at <= max(effective_at, made_at):
        expires_at = None
    decimals = DECIMALS[wallet["creditType"]]
    return {
        "grantId": grant_id,
        "walletId": wallet["walletId"],
        "amount": str(chance.upto(40, least=1)) + (f".{chance.upto(99):02}" if decimals >= 2 else ""),
        "kind": chance.one("PAID", "PROMOTIONAL", "RECURRING", "ADJUSTMENT"),
        "priority": chance.one(50, 50, 50, 10, 90),
        "effectiveAt": effective_at,
        "expiresAt": expires_at,
        "features": ["chat"] if chance.rarely() else None,
    }


def make_budget(
    chance: Chance,
    budget_id: str,
    entities: list[forms.EntityForm],
    features: list[forms.FeatureForm],
    types: list[str],
) -> forms.BudgetForm:
    """A budget of any shape."""
    on_credits = chance.one(True, False)
    feature = chance.one(*features)
    owner = chance.one(None, *(entity["entityId"] for entity in entities))
    return {
        "budgetId": budget_id,
        "entityId": owner,
        "each": chance.one("user", "team", "SESSION") if chance.sometimes() else None,
        "window": chance.one(*WINDOWS),
        "zone": chance.one(*ZONES),
        "anchor": chance.one(*ANCHORS),
        "mode": chance.one("HARD", "HARD", "SOFT", "OBSERVE"),
        "measure": "CREDITS" if on_credits else "QUANTITY",
        "creditType": chance.one(*types) if on_credits else None,
        "featureId": None if on_credits else feature["featureId"],
        "quantity": None if on_credits else chance.one(*feature["quantities"]),
        "dimensions": make_match(chance, feature["dimensions"]) if chance.sometimes() else {},
        "limit": str(chance.upto(60)),
        "advice": {"pauseSeconds": 30} if chance.sometimes() else None,
    }
