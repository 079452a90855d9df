"""What resolvers find at hand: the services of the process, and the caller of this operation."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True, slots=True)
class Services:
    """What lives as long as the process.

    Attributes:
        observe_operation: told kind (``query`` …), outcome and seconds of every operation.
        observe_decision: told operation (``consume`` …) and the reason, ``ALLOWED`` if there is none.
    """

    database: Database
    decisions: Decisions
    hub: Hub[dict[str, Any]]
    environment: Environment
    observe_operation: Callable[[str, str, float], None] = lambda kind, outcome, seconds: None
    observe_decision: Callable[[str, str], None] = lambda operation, reason: None


@dataclass
class Context:
    """One operation. Over a socket many share a connection: each gets its own by ``for_operation``.

    Attributes:
        caller: tells who asks, now: a key may be revoked while a socket is open.
        connection_params: what ``connection_init`` brought; Strawberry fills it in.
    """

    services: Services
    caller: Callable[[], Principal | None]
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

    def balances(self) -> DataLoader[str, dict[str, Any] | None]:
        """Balances by customer, one query for all that one operation asks."""

        async def load(customers: list[str]) -> list[dict[str, Any] | None]:
            found = await reading.read_balances(self.services.database, customers)
            return [found.get(customer) for customer in customers]

        return self.loaders.setdefault("balances", DataLoader(load_fn=load))


Info: TypeAlias = StrawberryInfo[Context, None]
