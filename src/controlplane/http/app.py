"""The application: one Starlette app with its pool, its keys and its hub."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import Gauge
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, WebSocketRoute

from controlplane.db.decisions import Decisions
from controlplane.db.pool import Database
from controlplane.errors import ConfigurationError
from controlplane.graphql.context import Services
from controlplane.graphql.schema import schema
from controlplane.http.endpoint import Endpoint
from controlplane.http.health import healthz, readyz
from controlplane.http.keyring import KeyRing
from controlplane.http.live import make_hub
from controlplane.http.metrics import Metrics
from controlplane.settings import Settings


def create_app(settings: Settings) -> Starlette:
    """The API of one process.

    Args:
        settings: ``database_url`` is filled in, whether the server is embedded or not.

    Raises:
        ConfigurationError: there is no database URL.
    """
    if settings.database_url is None:
        raise ConfigurationError("the API needs a database URL")
    database = Database(
        settings.database_url,
        size=settings.pool_size,
        statement_timeout_ms=settings.statement_timeout_ms,
        behind_pooler=settings.behind_pooler,
        name="controlplane api",
    )
    metrics = Metrics()
    hub = make_hub(database)
    keys = KeyRing(database, settings.environment)
    services = Services(
        database=database,
        decisions=Decisions(database),
        hub=hub,
        environment=settings.environment,
        observe_operation=metrics.observe_operation,
        observe_decision=metrics.observe_decision,
    )
    metrics.watch(database)
    Gauge(
        "controlplane_live_subscribers", "Subscriptions that are open.", registry=metrics.registry
    ).set_function(lambda: float(hub.subscribers))
    endpoint = Endpoint(schema, services, keys, settings.cors_origins)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await database.open()
        keys.start()
        hub.start()
        try:
            yield
        finally:
            await hub.stop()
            await keys.stop()
            await database.close()

    return Starlette(
        routes=[
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint),
            Route("/healthz", healthz),
            Route("/readyz", readyz(database, settings.environment)),
            Route("/metrics", metrics.show),
        ],
        middleware=_middleware(settings),
        lifespan=lifespan,
    )


def _middleware(settings: Settings) -> list[Middleware]:
    """Pages of other origins may call only where they are named."""
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
            max_age=600,
        )
    ]
