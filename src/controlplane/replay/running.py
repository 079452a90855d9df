"""A whole replay: opens the door, makes the customers, sends the requests, asks verify."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from rich.console import Console

from controlplane.client.client import Client
from controlplane.db.decisions import Decisions, connections
from controlplane.db.local import Place
from controlplane.db.pool import Database
from controlplane.db.verify import verify
from controlplane.errors import CallFailed, ControlplaneError
from controlplane.progress import step
from controlplane.replay.doors import Door, GraphqlDoor, SqlDoor
from controlplane.replay.driving import drive, set_up
from controlplane.replay.report import Outcome
from controlplane.replay.serving import api_beside, temporary_key
from controlplane.replay.setup import demands
from controlplane.replay.tally import Tally
from controlplane.replay.trace import Trace
from controlplane.replay.world import Ids, Shape, spread
from controlplane.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """How to replay.

    Attributes:
        door: ``graphql`` or ``sql``.
        speed: a multiple of the trace's own; None is as fast as it goes.
        estimate: output tokens to reserve for each request; None consumes at once.
        concurrency: requests under way at once.
        url: of an API that runs already, with its ``key``; None starts one here.
    """

    shape: Shape
    seed: int
    tight: bool
    door: str
    speed: float | None
    concurrency: int
    estimate: int | None = None
    url: str | None = None
    key: str | None = None


async def replay(
    trace: Trace, plan: Plan, settings: Settings, place: Place | None, console: Console
) -> Outcome:
    """Run it; a stop signal ends it early, with an outcome of what was done.

    Args:
        trace: what to send.
        plan: how.
        settings: of the installation.
        place: its database; None where only a URL and a key are known, and then verify is not run.
        console: for progress.

    Raises:
        CallFailed: the door cannot be used, or refuses to make the customers.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    ids = Ids(f"replay-{secrets.token_hex(4)}")
    tally, seconds = Tally(), 0.0
    requests = spread(trace.rows, plan.shape, plan.seed)
    async with _door(plan, settings, place) as door:
        with step(console, "customers, grants and budgets") as told:
            await set_up(
                door,
                requests,
                plan.shape,
                ids,
                tight=plan.tight,
                tally=tally,
                stop=stop,
                concurrency=plan.concurrency,
                told=told,
            )
        if not stop.is_set():
            with step(console, "requests") as told:
                seconds = await drive(
                    door,
                    requests,
                    ids,
                    speed=plan.speed,
                    estimate=plan.estimate,
                    tally=tally,
                    stop=stop,
                    concurrency=plan.concurrency,
                    told=told,
                )
    checks, unverified = None, None
    if place is not None and not stop.is_set():
        customers = [ids.customer(number) for number in sorted(demands(requests))]
        try:
            checks = await asyncio.to_thread(verify, place.url, settings.role_prefix, customers)
        except ControlplaneError as error:  # the database has gone; what was counted is told all the same
            unverified = error.message
    told_of = {
        "door": plan.door,
        "seed": plan.seed,
        "tight": plan.tight,
        "speed": plan.speed,
        "reserve": plan.estimate,
        "concurrency": plan.concurrency,
        "customers": plan.shape.customers,
        "prefix": ids.prefix,
    }
    return Outcome(told_of, trace, tally, seconds, stop.is_set(), checks, unverified)


@asynccontextmanager
async def _door(plan: Plan, settings: Settings, place: Place | None) -> AsyncIterator[Door]:
    async with AsyncExitStack() as stack:
        if plan.url is not None:
            client = Client(plan.url, plan.key or "", connections=plan.concurrency)
            await stack.enter_async_context(client)
            await client.execute("{ viewer { keyId } }")  # a wrong key is told before anything is made
            yield GraphqlDoor(client)
            return
        if place is None:
            raise CallFailed("there is neither a database nor an API", answered="NOWHERE", retryable=False)
        serving = settings.model_copy(update={"database_url": place.serving_url})
        pool = partial(
            Database,
            place.serving_url,
            statement_timeout_ms=settings.statement_timeout_ms,
            behind_pooler=settings.behind_pooler,
        )
        database = pool(size=2, name="controlplane replay")
        await database.open()
        stack.push_async_callback(database.close)
        if plan.door == "sql":
            deciding = pool(size=connections(settings.lanes), name="controlplane lanes")
            await deciding.open()
            stack.push_async_callback(deciding.close)
            decisions = Decisions(deciding, lanes=settings.lanes, most_waiting=settings.lane_queue)
            decisions.start()
            stack.push_async_callback(decisions.stop)
            yield SqlDoor(database, decisions)
            return
        key = await stack.enter_async_context(temporary_key(database, settings, "replay"))
        url = await stack.enter_async_context(api_beside(serving))
        client = await stack.enter_async_context(Client(url, key, connections=plan.concurrency))
        yield GraphqlDoor(client)
