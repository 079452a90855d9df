"""What resolvers find at hand: the services of the process, and the caller of this operation."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, TypeAlias

from strawberry.dataloader import DataLoader
from strawberry.types import Info as StrawberryInfo

from controlplane.db import reading
from controlplane.db.decisions import Decisions
from controlplane.db.pool import Database
from controlplane.graphql.access import Principal
from controlplane.graphql.failures import failure
from controlplane.live.hub import Hub
from controlplane.types import Environment

#: Milliseconds that a request may ask to wait at most.
LONGEST_TIMEOUT_MS = 60_000


@dataclass(frozen=True, slots=True)
class Services:
    """What lives as long as the process.

    Attributes:
        request_timeout: seconds that a decision may take where the request does not say.
        observe_operation: told kind (``query`` …), outcome and seconds of every operation.
        observe_decision: told operation (``consume`` …) and the reason, ``ALLOWED`` if there is none.
    """

    database: Database
    decisions: Decisions
    hub: Hub[dict[str, Any]]
    environment: Environment
    request_timeout: float = 5.0
    observe_operation: Callable[[str, str, float], None] = lambda kind, outcome, seconds: None
    observe_decision: Callable[[str, str], None] = lambda operation, reason: None


@dataclass
class Context:
    """One operation. Over a socket many share a connection: each gets its own by ``for_operation``.

    Attributes:
        caller: tells who asks, now: a key may be revoked while a socket is open.
        deadline: on ``time.monotonic``, from the request's header; a socket's requests have none.
        connection_params: what ``connection_init`` brought; Strawberry fills it in.
    """

    services: Services
    caller: Callable[[], Principal | None]
    deadline: float | None = None
    connection_params: Any = None
    loaders: dict[str, DataLoader[Any, Any]] = field(default_factory=dict)

    def for_operation(self) -> "Context":
        """The same with loaders of its own, so that nothing read is older than the operation."""
        return replace(self, loaders={})

    @property
    def principal(self) -> Principal:
        """Who asks.

        Raises:
            GraphQLError: ``UNAUTHENTICATED``; the key was revoked or has expired.
        """
        found = self.caller()
        if found is None:
            raise failure("UNAUTHENTICATED", "this key is not valid any more")
        return found

    def seconds_left(self, timeout_ms: int | None) -> float:
        """How long a decision may take: the argument of its field, at most what the request has left.

        Raises:
            GraphQLError: ``MALFORMED``; the argument is out of range.
        """
        if timeout_ms is not None and not 1 <= timeout_ms <= LONGEST_TIMEOUT_MS:
            raise failure(
                "MALFORMED", f"timeoutMs: between 1 and {LONGEST_TIMEOUT_MS} milliseconds", field="timeoutMs"
            )
        seconds = self.services.request_timeout if timeout_ms is None else timeout_ms / 1000
        if self.deadline is None:
            return seconds
        left = max(self.deadline - monotonic(), 0.0)
        return left if timeout_ms is None else min(seconds, left)

    def balances(self) -> DataLoader[str, dict[str, Any] | None]:
        """Balances by customer, one query for all that one operation asks."""

        async def load(customers: list[str]) -> list[dict[str, Any] | None]:
            found = await reading.read_balances(self.services.database, customers)
            return [found.get(customer) for customer in customers]

        return self.loaders.setdefault("balances", DataLoader(load_fn=load))

    def budget_raises(self) -> DataLoader[tuple[str, str], list[dict[str, Any]]]:
        """Raises by customer and budget, one query for all budgets of an operation."""

        async def load(budgets: list[tuple[str, str]]) -> list[list[dict[str, Any]]]:
            found = await reading.read_budget_raises(self.services.database, budgets)
            return [found.get(budget, []) for budget in budgets]

        # Nothing is kept: an operation may raise a budget twice, and asks after each.
        return self.loaders.setdefault("budget_raises", DataLoader(load_fn=load, cache=False))

    def each_counts(self) -> DataLoader[tuple[str, str], str | None]:
        """How many entities budgets count, by customer and budget; one query for all of an operation."""

        async def load(budgets: list[tuple[str, str]]) -> list[str | None]:
            found = await reading.count_each(self.services.database, budgets)
            return [found.get(budget) for budget in budgets]

        # Nothing is kept: an operation may make entities between two budgets.
        return self.loaders.setdefault("each_counts", DataLoader(load_fn=load, cache=False))


Info: TypeAlias = StrawberryInfo[Context, None]
