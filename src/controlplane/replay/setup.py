"""The customers of a replay: entities, wallets, grants and budgets, sized by what will be asked of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from controlplane.client.keys import new_key
from controlplane.replay.catalog import CREDITS, FEATURE, PROMO, amount
from controlplane.replay.world import Ids, Request, Shape

#: A change: the function, its customer, its input.
Change = tuple[str, str, dict[str, Any]]

_MODEL = "atlas"


@dataclass(frozen=True, slots=True)
class Sizes:
    """Shares of what will be asked for: of credits granted, and of what budgets let through."""

    customer: Decimal
    team: Decimal
    budget: Decimal


#: Enough for everything, and enough for roughly half.
PLENTY = Sizes(customer=Decimal("1.5"), team=Decimal("0.5"), budget=Decimal(3))
TIGHT = Sizes(customer=Decimal("0.5"), team=Decimal("0.1"), budget=Decimal("0.7"))


@dataclass(slots=True)
class Demand:
    """What one customer's requests cost, in the sold kind of credit, and whom it comes from."""

    total: Decimal = Decimal(0)
    largest: Decimal = Decimal(0)
    costly_model: Decimal = Decimal(0)
    teams: dict[int, Decimal] = field(default_factory=dict)
    agents: dict[tuple[int, int], Decimal] = field(default_factory=dict)
    output: dict[int, int] = field(default_factory=dict)

    def add(self, request: Request) -> None:
        """Count one request."""
        self.total += request.cost
        self.largest = max(self.largest, request.cost)
        if request.model == _MODEL:
            self.costly_model += request.cost
        agent = (request.team, request.agent)
        self.teams[request.team] = self.teams.get(request.team, Decimal(0)) + request.cost
        self.agents[agent] = self.agents.get(agent, Decimal(0)) + request.cost
        self.output[request.product] = self.output.get(request.product, 0) + request.generated


def demands(requests: Sequence[Request]) -> dict[int, Demand]:
    """By customer; who asks for nothing is missing."""
    found: dict[int, Demand] = {}
    for request in requests:
        found.setdefault(request.customer, Demand()).add(request)
    return found


def changes_of(number: int, demand: Demand, shape: Shape, ids: Ids, sizes: Sizes) -> Iterator[Change]:
    """Everything that makes one customer, in order."""
    customer = ids.customer(number)
    wallets = [{"creditType": CREDITS}, {"creditType": PROMO}]
    yield "upsert_customer", customer, {"name": f"Replay {number + 1}", "wallets": wallets}
    for team in range(shape.teams):
        # Every other team has money of its own; the rest lives on the customer's.
        own = {"wallets": [{"creditType": CREDITS}]} if team % 2 == 0 else {}
        yield "upsert_entity", customer, {"entityId": ids.team(team), "type": "team", **own}
        for agent in range(shape.agents):
            given = {"entityId": ids.agent(team, agent), "type": "agent", "parentId": ids.team(team)}
            yield "upsert_entity", customer, given
    for product in range(shape.products):
        yield "upsert_entity", customer, {"entityId": ids.product(product), "type": "product"}
    for grant in _grants(demand, shape, ids, sizes):
        yield "grant_credits", customer, {"idempotencyKey": new_key(), "source": "replay", **grant}
    for budget in _budgets(demand, shape, ids, sizes):
        yield "set_budget", customer, {"measure": "CREDITS", **budget}


def _grants(demand: Demand, shape: Shape, ids: Ids, sizes: Sizes) -> Iterator[dict[str, Any]]:
    whole = demand.total * sizes.customer
    month = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    yield {
        "creditType": PROMO,
        "amount": amount(whole * Decimal("0.1")),
        "kind": "PROMOTIONAL",
        "expiresAt": month,
        "features": [FEATURE],
    }
    yield {
        "creditType": CREDITS,
        "amount": amount(whole * Decimal("0.3")),
        "kind": "RECURRING",
        "priority": 30,
        "expiresAt": month,
    }
    yield {"creditType": CREDITS, "amount": amount(whole * Decimal("0.5")), "kind": "PAID"}
    yield {
        "creditType": CREDITS,
        "amount": amount(whole * Decimal("0.1")),
        "kind": "ADJUSTMENT",
        "priority": 90,
    }
    for team in range(0, shape.teams, 2):
        asked = demand.teams.get(team, Decimal(0))
        given = {"entityId": ids.team(team), "creditType": CREDITS, "kind": "PAID"}
        yield {**given, "amount": amount(asked * sizes.team)}


def _budgets(demand: Demand, shape: Shape, ids: Ids, sizes: Sizes) -> Iterator[dict[str, Any]]:
    in_credits: dict[str, Any] = {"creditType": CREDITS, "window": "TOTAL"}
    yield {
        **in_credits,
        "budgetId": "costly-model",
        "dimensions": {"model": _MODEL},
        "featureId": FEATURE,
        "limit": amount(demand.costly_model * sizes.budget),
    }
    yield {**in_credits, "budgetId": "request", "window": "REQUEST", "limit": amount(demand.largest)}
    for team in range(shape.teams):
        limit = amount(demand.teams.get(team, Decimal(0)) * sizes.budget)
        yield {**in_credits, "budgetId": f"of-{ids.team(team)}", "entityId": ids.team(team), "limit": limit}
    most = max(demand.agents.values(), default=Decimal(0))
    yield {**in_credits, "budgetId": "agents", "each": "agent", "limit": amount(most * sizes.budget)}
    for product in range(shape.products):
        tokens = Decimal(demand.output.get(product, 0)) * sizes.budget
        yield {
            "budgetId": f"output-of-{ids.product(product)}",
            "entityId": ids.product(product),
            "measure": "QUANTITY",
            "featureId": FEATURE,
            "quantity": "output",
            "window": "TOTAL",
            "limit": f"{int(tokens) + 1}",
        }
    half = amount(demand.total / 2)
    yield {
        **in_credits,
        "budgetId": "half-of-all",
        "window": "MONTH",
        "mode": "SOFT",
        "limit": half,
        "advice": {"prefer": "swift"},
    }
    yield {**in_credits, "budgetId": "day", "window": "DAY", "mode": "OBSERVE", "limit": half}
    yield {
        **in_credits,
        "budgetId": "session",
        "each": "SESSION",
        "mode": "OBSERVE",
        "limit": amount(demand.total / 10),
    }
