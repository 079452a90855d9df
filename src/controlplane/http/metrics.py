"""Figures for Prometheus, of one application: two in one process do not share them."""

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from controlplane.db.pool import Database

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def _figure(database: Database, name: str) -> float:
    return float(database.statistics().get(name, 0))


class Metrics:
    """What is counted, and how it is shown."""

    def __init__(self) -> None:
        """Count from zero."""
        self.registry = CollectorRegistry()
        self._operations = Histogram(
            "controlplane_graphql_operation_seconds",
            "Seconds an operation took; a subscription lasts as long as its socket.",
            ("kind", "outcome"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._decisions = Counter(
            "controlplane_decisions",
            "Decisions by operation and reason; ALLOWED where there is none.",
            ("operation", "reason"),
            registry=self.registry,
        )

    def observe_operation(self, kind: str, outcome: str, seconds: float) -> None:
        """One operation is over."""
        self._operations.labels(kind, outcome).observe(seconds)

    def observe_decision(self, operation: str, reason: str) -> None:
        """One item was decided."""
        self._decisions.labels(operation, reason).inc()

    def watch(self, **databases: Database) -> None:
        """Show the pools' figures as they are when somebody asks."""
        for name, says in (
            ("pool_size", "Connections to the database."),
            ("pool_available", "Connections that wait for work."),
            ("requests_waiting", "Requests that wait for a connection."),
        ):
            gauge = Gauge(f"controlplane_database_{name}", says, ("pool",), registry=self.registry)
            for pool, database in databases.items():
                show = partial(_figure, database, name)
                gauge.labels(pool).set_function(show)

    def gauge(self, name: str, says: str, read: Callable[[], float]) -> None:
        """Show a figure of somebody else as it is when somebody asks."""
        Gauge(name, says, registry=self.registry).set_function(read)

    async def show(self, request: Request) -> Response:
        """``/metrics``."""
        return Response(generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
