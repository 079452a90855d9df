"""Rates of single items as an API process gets them, through ``Decisions``, without HTTP."""

from dataclasses import dataclass

from bench import pairs as pairing
from bench.drivers import drive
from bench.figure import Figure
from bench.load import Closed
from bench.pairs import FLOOR_HOT, FLOOR_SPREAD, Pair
from bench.world import World

EVERYBODY, HOT = (1, 2_000), (9, 9)
CALLERS = 64
TARGET_TWO = 0.8

_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True, slots=True)
class Lanes:
    """Callers of one item each, who share some processes.

    Attributes:
        customers: numbers of the first and the last.
        processes: of the API.
        callers: in all of them together.
        database: where.
    """

    customers: tuple[int, int] = EVERYBODY
    processes: int = 1
    callers: int = CALLERS
    database: str = "ours"

    def rate(self, world: World, seconds: int) -> tuple[int, float]:
        """Drive it; items decided, also to warm up, and in a second."""
        load = Closed(self.customers, self.callers // self.processes, seconds)
        driven = drive(world.app_url(self.database), [[load]] * self.processes)
        done = [each for process in driven for each in process.done]
        items = sum(each.items for each in done)
        decided = items + sum(process.warming for process in driven)
        return decided, items / max(each.seconds for each in done)


LANES_HOT = Pair("lanes-hot", FLOOR_HOT, Lanes(HOT), 0.5)
LANES_SPREAD = Pair("lanes-spread", FLOOR_SPREAD, Lanes(), 0.5)
_TWO = Pair("lanes-two", Lanes(), Lanes(processes=2), TARGET_TWO)


def measure_two(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Two processes with half of the callers each, to one with all of them; and their deadlocks."""
    world.ensure("ours")
    before = world.value("ours", _DEADLOCKS)
    figures = pairing.measure(world, seconds, pairs, pair=_TWO)
    deadlocks = float(world.value("ours", _DEADLOCKS) - before)
    return [*figures, Figure("lanes-two, deadlocks", "deadlocks", [deadlocks], 0, at_most=True)]
