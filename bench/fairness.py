"""What one customer may do to the others: it saturates, and somebody holds its gate for five seconds.

Three processes run. In all of them callers press for the hot customer; in one of them items of everybody else
come in an open loop, over the same ``Decisions``. Their 99th percentile is compared with that of the same
items on the same three processes, with nobody pressing and the gate free.
"""

import time
from dataclasses import asdict

from bench.drivers import drive
from bench.figure import Figure
from bench.lanes import HOT
from bench.load import Closed, Load, Open, Percentiles
from bench.world import World

OTHERS = (10, 2_000)
#: Items of the others that come in a second.
RATE = 100.0
PROCESSES = 3
#: Callers of the hot customer in each process.
CALLERS = 64
HELD_SECONDS = 5.0
TARGET = 2.0


def measure(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Alternate between quiet and pressed; a run is long enough for the gate to be held twice that time."""
    world.ensure("ours")
    quiet, pressed = [], []
    hot = 0
    for turn in range(pairs):
        world.tell(f"pair {turn + 1} of {pairs}: the others alone")
        quiet.append(_others(world, [], seconds)[0])
        world.tell(f"pair {turn + 1} of {pairs}: one customer presses, and its gate is held")
        found, items = _others(world, [Closed(HOT, CALLERS, seconds)], seconds)
        pressed.append(found)
        hot += items
    return [
        Figure(
            "fairness",
            "ms, p99",
            [much.p99 / little.p99 for much, little in zip(pressed, quiet, strict=True)],
            TARGET,
            at_most=True,
            yardstick=[each.p99 for each in quiet],
            ours=[each.p99 for each in pressed],
            note=f"the hot one got {hot / pairs / seconds:,.0f} items/s",
            details={
                "alone": [asdict(each) for each in quiet],
                "pressed": [asdict(each) for each in pressed],
                "heldSeconds": _held(seconds),
            },
        )
    ]


def _held(seconds: float) -> float:
    """Of a short run, half."""
    return min(HELD_SECONDS, seconds / 2)


def _others(world: World, pressing: list[Load], seconds: int) -> tuple[Percentiles, int]:
    """Latencies of everybody else, and items of the hot customer."""
    others: list[Load] = [Open(OTHERS, RATE, seconds)]

    def hold() -> None:
        time.sleep(seconds / 4)
        with world.session("ours") as session, session.transaction():
            session.execute("SELECT FROM core.gate WHERE customer_id = 'customer-9' FOR NO KEY UPDATE")
            time.sleep(_held(seconds))

    loads = [others + pressing, *[pressing] * (PROCESSES - 1)]
    driven = drive(world.app_url("ours"), loads, hold if pressing else lambda: None)
    own, *hot = [each for process in driven for each in process.done]
    return Percentiles.of(own.latencies), sum(each.items for each in hot)
