"""Who asks for what: the rows of a trace, spread over customers with teams, agents and products.

Everything is drawn from a seed, so that two runs with the same seed ask for the same; only the prefix of the
customers' ids and the idempotency keys differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from controlplane.replay.catalog import MODELS, price
from controlplane.replay.trace import Row

#: Sessions that an agent has.
_SESSIONS = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """How many of what; per customer, but agents per team."""

    customers: int = 20
    teams: int = 3
    agents: int = 4
    products: int = 3


@dataclass(frozen=True, slots=True)
class Request:
    """One consumption to be. Customers, teams and all are numbers; ``ids`` has their names.

    Attributes:
        offset: seconds after the first one.
        cost: what it costs in the sold kind of credit.
    """

    line: int
    offset: float
    customer: int
    team: int
    agent: int
    product: int
    session: int
    model: str
    context: int
    generated: int
    cost: Decimal


def spread(rows: Sequence[Row], shape: Shape, seed: int) -> list[Request]:
    """Give each row to somebody; a few customers ask for much and many for little."""
    random = Random(seed)  # noqa: S311  # repeatable, and no secret
    weights = [1 / (number + 1) ** 0.7 for number in range(shape.customers)]
    customers = random.choices(range(shape.customers), weights, k=len(rows))
    models = random.choices(list(MODELS), [share for _, _, share in MODELS.values()], k=len(rows))
    return [
        Request(
            line=row.line,
            offset=row.offset,
            customer=customer,
            team=random.randrange(shape.teams),
            agent=random.randrange(shape.agents),
            product=random.randrange(shape.products),
            session=random.randrange(_SESSIONS),
            model=model,
            context=row.context,
            generated=row.generated,
            cost=price(model, row.context, row.generated),
        )
        for row, customer, model in zip(rows, customers, models, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Ids:
    """Names of what the numbers stand for; only customers carry the prefix, the rest is their own."""

    prefix: str

    def customer(self, number: int) -> str:
        """Of a customer, unique in the installation."""
        return f"{self.prefix}-c{number + 1:03d}"

    def team(self, number: int) -> str:
        """Of a team."""
        return f"team-{number + 1}"

    def agent(self, team: int, number: int) -> str:
        """Of an agent."""
        return f"agent-{team + 1}-{number + 1}"

    def product(self, number: int) -> str:
        """Of a product."""
        return f"product-{number + 1}"
