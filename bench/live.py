"""Live balances: how soon a change is told while so many customers are watched, and what watching costs.

One hub as an API process has it, in this process, with a subscription for each customer. First nothing
changes, and processor time is taken; then another connection consumes for one customer after the other, and
each change counts from when its commit was answered until a subscriber has it or a newer one.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

import click
import uvloop

from bench.deciding import administering
from bench.figure import Figure
from bench.load import Percentiles
from bench.world import World
from controlplane.http.live import make_hub

WATCHED = (2_000, 10_000)
#: Milliseconds until a change is told, at p95.
TARGET_MS = 100
#: Customers of seed.sql, who can consume; the others only have a gate.
_CONSUMERS = 2_000
#: Seconds until everybody has been told the first state, and until the last change is.
_FIRST_SECONDS, _LAST_SECONDS = 60.0, 5.0
#: Seconds between two changes, drawn evenly.
_PAUSE = (0.05, 0.15)

_ADD = """
    INSERT INTO core.gate (customer_id, seq, last_at)
    SELECT 'customer-' || n, 3, now() FROM generate_series(%s::bigint, %s) AS n
"""
_CONSUME = "SELECT seq FROM api.consume(%s, ('[' || bench.item(%s, 1) || ']')::jsonb)"


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run found.

    Attributes:
        told: milliseconds from each commit to its subscriber.
        share: of a core that this process used while nothing changed.
    """

    told: Percentiles
    share: float


def measure(world: World, seconds: int, pairs: int) -> list[Figure]:
    """As many runs as pairs for each number of customers, half of the seconds without a change."""
    runs: dict[int, list[_Run]] = {watched: [] for watched in WATCHED}
    with world.fresh("live") as database:
        with world.session(database) as session:
            session.execute(_ADD, (_CONSUMERS + 1, max(WATCHED)))
            session.execute("VACUUM ANALYZE")
        for turn in range(1, pairs + 1):
            for watched in WATCHED:
                world.tell(f"run {turn} of {pairs}: {watched:,} watched")
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    runs[watched].append(runner.run(_run(world, database, watched, seconds)))
    return [
        Figure(
            f"live, {watched:,} watched",
            "ms",
            [run.told.p95 for run in found],
            TARGET_MS,
            at_most=True,
            ours=[run.told.p95 for run in found],
            says="p95 from a commit to its subscriber",
            note=f"p50 {statistics.median(run.told.p50 for run in found):.0f} ms;"
            f" {max(run.share for run in found):.1%} of a core of this process while nothing changes",
        )
        for watched, found in runs.items()
    ]


async def _run(world: World, database: str, watched: int, seconds: float) -> _Run:
    customers = [f"customer-{number}" for number in range(1, watched + 1)]
    # When each had a number, in the order in which it was told.
    seen: dict[str, list[tuple[int, float]]] = {}
    async with administering(world.app_url(database), size=2) as pool:
        hub = make_hub(pool)
        hub.start()

        async def watch(customer: str) -> None:
            async with aclosing(hub.subscribe(customer)) as events:
                async for snapshot in events:
                    seen.setdefault(customer, []).append((snapshot.version.seq, time.monotonic()))

        watching = [asyncio.create_task(watch(customer)) for customer in customers]
        try:
            await _until(lambda: len(seen) == watched, _FIRST_SECONDS)
            begun, used = time.monotonic(), time.process_time()
            await asyncio.sleep(seconds / 2)
            share = (time.process_time() - used) / (time.monotonic() - begun)
            changes = await asyncio.to_thread(_change, world, database, seconds / 2)
            customer, seq, _ = changes[-1]
            await _until(lambda: seen[customer][-1][0] >= seq, _LAST_SECONDS)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            await hub.stop()
    waits = [
        next(at for told, at in seen[customer] if told >= seq) - committed
        for customer, seq, committed in changes
    ]
    return _Run(Percentiles.of(waits), share)


def _change(world: World, database: str, seconds: float) -> list[tuple[str, int, float]]:
    """Consume for one after the other: who, the number he came to, and when that was committed."""
    changes: list[tuple[str, int, float]] = []
    end = time.monotonic() + seconds
    with world.session(database) as session:
        while len(changes) < 2 or time.monotonic() < end:
            customer = f"customer-{random.randint(1, _CONSUMERS)}"
            [(seq,)] = session.execute(_CONSUME, (customer, customer)).fetchall()
            changes.append((customer, seq, time.monotonic()))
            time.sleep(random.uniform(*_PAUSE))
    return changes


async def _until(told: Callable[[], bool], seconds: float) -> None:
    """Wait for it.

    Raises:
        ClickException: it does not come.
    """
    end = time.monotonic() + seconds
    while not told():
        if time.monotonic() > end:
            raise click.ClickException("a subscriber was not told")
        await asyncio.sleep(0.05)
