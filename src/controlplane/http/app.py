"""The application: one Starlette app with its pool, its keys and its hub."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, WebSocketRoute

from controlplane.db.decisions import Decisions, connections
from controlplane.db.pool import Database
from controlplane.errors import ConfigurationError
from controlplane.graphql.context import Services
from controlplane.graphql.schema import schema
from controlplane.http.endpoint import TIMEOUT_HEADER, Endpoint
from controlplane.http.health import healthz, readyz
from controlplane.http.keyring import KeyRing
from controlplane.http.lane_metrics import LaneMetrics
from controlplane.http.live import make_hub
from controlplane.http.metrics import Metrics
from controlplane.http.upkeep import keep_up
from controlplane.settings import Settings

#: Connections for what is short and must not wait: keys are looked up, versions looked at.
ASIDE = 2


def create_app(settings: Settings) -> Starlette:
    """The API of one process.

    Args:
        settings: ``database_url`` is filled in, whether the server is embedded or not.

    Raises:
        ConfigurationError: there is no database URL.
    """
    if settings.database_url is None:
        raise ConfigurationError("the API needs a database URL")
    pool = partial(
        Database,
        settings.database_url,
        statement_timeout_ms=settings.statement_timeout_ms,
        behind_pooler=settings.behind_pooler,
    )
    database = pool(size=settings.pool_size, name="controlplane api")
    # A pool of its own: a crowd of readers must not keep a decision waiting for a connection.
    deciding = pool(size=connections(settings.lanes), name="controlplane lanes")
    # Nor may it keep anybody from being known, which every key has to be once a second, or from being told.
    aside = pool(size=ASIDE, name="controlplane keys and live")
    metrics = Metrics()
    lane_metrics = LaneMetrics(metrics.registry)
    hub = make_hub(aside)
    keys = KeyRing(aside, settings.environment)
    decisions = Decisions(
        deciding, lanes=settings.lanes, most_waiting=settings.lane_queue, watch=lane_metrics
    )
    services = Services(
        database=database,
        decisions=decisions,
        hub=hub,
        environment=settings.environment,
        request_timeout=settings.request_timeout_ms / 1000,
        observe_operation=metrics.observe_operation,
        observe_decision=metrics.observe_decision,
    )
    lane_metrics.show_depth(decisions)
    metrics.watch(reads=database, lanes=deciding, aside=aside)
    metrics.gauge(
        "controlplane_live_subscribers", "Subscriptions that are open.", lambda: float(hub.subscribers)
    )
    endpoint = Endpoint(schema, services, keys, settings.cors_origins)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await database.open()
        await deciding.open()
        await aside.open()
        decisions.start()
        upkeep = asyncio.create_task(keep_up(database), name="upkeep")
        keys.start()
        hub.start()
        try:
            yield
        finally:
            upkeep.cancel()
            await hub.stop()
            await keys.stop()
            await aside.close()
            await decisions.stop()
            await deciding.close()
            await database.close()

    app = Starlette(
        routes=[
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint),
            Route("/healthz", healthz),
            Route("/readyz", readyz(aside, settings.environment)),
            Route("/metrics", metrics.show),
        ],
        middleware=_middleware(settings),
        lifespan=lifespan,
    )
    app.state.shut = decisions.shut
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    """Pages of other origins may call only where they are named."""
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type", TIMEOUT_HEADER],
            max_age=600,
        )
    ]
