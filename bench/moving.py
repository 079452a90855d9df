"""A subtree of 10 000 of 100 000 entities is moved in one call: how long it takes, and who waits meanwhile.

The tree is twelve deep. One process moves a division from one region to the other and back, with a pause
between; another has callers of the same customer, half of them agents in that division, and an open loop of
all other customers. Whoever asks for the same customer waits at its gate for the whole move; the others share
the processors and the log with it, and nothing else: their 99th percentile is held against that of a run in
which nothing is moved.
"""

import asyncio
import statistics
import time
from dataclasses import dataclass

from bench.deciding import administering
from bench.drivers import drive
from bench.fairness import OTHERS, RATE
from bench.figure import Figure
from bench.load import Asking, Load, Open, Percentiles
from bench.world import HERE, World
from controlplane.db import configuration

CUSTOMER, ENTITIES = "tree", 100_000
DIVISION, REGIONS = "division-3", ("region-2", "region-1")
#: Agents of the division that moves, and of another.
MOVED, UNMOVED = ("agent-600", "agent-5000"), ("agent-10700", "agent-15000")
CALLERS = 4
#: Seconds between two moves.
_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run found.

    Attributes:
        moves: seconds of each.
        waits: the longest wait of the same customer in each move; seconds.
        usual: median wait of the same customer while nothing moves; seconds.
        others: of all other customers.
    """

    moves: list[float]
    waits: list[float]
    usual: float
    others: Percentiles


def measure(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Alternate between a run without moves and one with as many as there is time for, at least one."""
    quiet, moving = [], []
    with world.fresh("moving") as database:
        world.script(database, HERE / "branches.sql")
        world.tell(f"making {ENTITIES:,} entities")
        world.value(database, f"SELECT bench.make_branches('{CUSTOMER}', {ENTITIES})")
        with world.session(database) as session:
            session.execute("VACUUM ANALYZE")
        for turn in range(1, pairs + 1):
            world.tell(f"pair {turn} of {pairs}: nothing moves")
            quiet.append(_run(world, database, seconds, moves=False))
            world.tell(f"pair {turn} of {pairs}: a division moves")
            moving.append(_run(world, database, seconds, moves=True))
    still = [run.others.p99 for run in quiet]
    moved = [run.others.p99 for run in moving]
    usual = statistics.median(run.usual for run in quiet) * 1e3
    return [
        Figure(
            "move",
            "s",
            [statistics.median(run.moves) for run in moving],
            None,
            says="a subtree of 10 000 among 100 000 entities, twelve deep, in one call",
            note=f"{sum(len(run.moves) for run in moving)} moves",
        ),
        Figure(
            "move, the same customer",
            "s",
            [statistics.median(run.waits) for run in moving],
            None,
            says="the longest wait of a consume of the same customer while it moves",
            note=f"usually {usual:.0f} ms",
        ),
        Figure(
            "move, others",
            "ms, p99",
            [much / little for much, little in zip(moved, still, strict=True)],
            None,
            yardstick=still,
            ours=moved,
            says="p99 of all other customers while it moves; to theirs while nothing does",
        ),
    ]


def _run(world: World, database: str, seconds: int, *, moves: bool) -> Run:
    url = world.app_url(database)
    found: list[tuple[float, float]] = []

    def move() -> None:
        with asyncio.Runner() as runner:
            found.extend(runner.run(_move(url, seconds)))

    asking = Asking(CUSTOMER, MOVED + UNMOVED, CALLERS, seconds)
    loads: list[Load] = [asking, Open(OTHERS, RATE, seconds)]
    (driven,) = drive(url, [loads], move if moves else lambda: None)
    own, others = driven.done
    met = [
        [each.seconds for each in own.answers if each.asked < ended and each.answered > began]
        for began, ended in found
    ]
    return Run(
        [ended - began for began, ended in found],
        [max(waits) for waits in met if waits],  # the last move of a short run may meet nobody any more
        statistics.median(each.seconds for each in own.answers),
        Percentiles.of(others.latencies),
    )


async def _move(url: str, seconds: float) -> list[tuple[float, float]]:
    """When each move began and ended, on ``time.monotonic``; as many as keep the division where it was."""
    moves: list[tuple[float, float]] = []
    last = time.monotonic() + seconds - _PAUSE
    async with administering(url) as database:
        while not moves or time.monotonic() < last:
            for region in REGIONS:
                began = time.monotonic()
                given = {"entityId": DIVISION, "parentId": region}
                await configuration.move_entity(database, CUSTOMER, given, "bench")
                moves.append((began, time.monotonic()))
                await asyncio.sleep(_PAUSE)
    return moves
