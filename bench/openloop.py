"""Latency at half of the peak: items come when they come, and the database is near or farther away.

What is compared is the 99th percentile with that of single calls on a connection of their own, one after the
other, over the same way and with nobody else there.
"""

import random
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, astuple, dataclass

import psycopg
from psycopg.types.json import Jsonb

from bench.delay import delayed_url
from bench.drivers import drive
from bench.figure import Figure
from bench.lanes import EVERYBODY, Lanes
from bench.load import Open, Percentiles, make_item
from bench.world import World

#: Seconds that are added to a round trip to the database.
ADDED = (0.0, 0.002)
TARGET = 5.0

#: Share of the peak at which items come, and of the seconds of a run that single calls get.
_SHARE, _SINGLE_SHARE = 0.5, 0.25
#: Single calls that do not count.
_FIRST = 20


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn found over one way.

    Attributes:
        rate: arrivals a second.
        single: of single calls.
        found: of the arrivals.
        repeats: how often one was sent again.
    """

    rate: float
    single: Percentiles
    found: Percentiles
    repeats: int


def measure(world: World, seconds: int, pairs: int) -> list[Figure]:
    """In every turn find the peak; then, for each distance, single calls and arrivals at half of it."""
    world.ensure("ours")
    url = world.app_url("ours")
    turns: dict[float, list[Turn]] = {added: [] for added in ADDED}
    for number in range(1, pairs + 1):
        world.tell(f"pair {number} of {pairs}: the peak")
        _, peak = Lanes().rate(world, seconds)
        for added, found in turns.items():
            world.tell(f"pair {number} of {pairs}: {_way(added)}")
            with delayed_url(url, added / 2) if added else nullcontext(url) as there:
                found.append(_take_turn(there, peak * _SHARE, seconds))
    return [_figure(f"open-loop, {_way(added)}", found) for added, found in turns.items()]


def _way(added: float) -> str:
    return f"{added * 1e3:g} ms added"


def _take_turn(url: str, rate: float, seconds: int) -> Turn:
    single = Percentiles.of(_single_calls(url, seconds * _SINGLE_SHARE))
    (driven,) = drive(url, [[Open(EVERYBODY, rate, seconds)]])
    (done,) = driven.done
    return Turn(rate, single, Percentiles.of(done.latencies), done.repeats)


def _figure(name: str, turns: Sequence[Turn]) -> Figure:
    middle = sorted(turns, key=lambda turn: turn.found.p99)[len(turns) // 2]
    p50, p95, p99 = astuple(middle.found)
    return Figure(
        name,
        "ms, p99",
        [turn.found.p99 / turn.single.p99 for turn in turns],
        TARGET,
        at_most=True,
        yardstick=[turn.single.p99 for turn in turns],
        ours=[turn.found.p99 for turn in turns],
        note=f"p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f} ms at {middle.rate:,.0f} items/s",
        details={"turns": [asdict(turn) for turn in turns]},
    )


def _single_calls(url: str, seconds: float) -> list[float]:
    """Seconds that each of them took, without the first ones, which plan."""
    latencies: list[float] = []
    with psycopg.connect(url, autocommit=True) as connection:
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end or len(latencies) < 2 * _FIRST:
            item = make_item(random.randint(*EVERYBODY))
            query = "SELECT * FROM api.consume(%s, %s)"
            connection.execute(query, (item["customerId"], Jsonb([item]))).fetchall()
            latencies.append(time.perf_counter() - began)
    return latencies[_FIRST:]
