"""Rates: the yardstick and ours in turns, A B A B, and the ratio of each pair."""

from dataclasses import dataclass
from typing import Protocol

import click

from bench.figure import Figure
from bench.world import HERE, World

ONE = ("-M", "prepared", "-c", "1")
EIGHT = ("-c", "8", "-j", "2")


class Side(Protocol):
    """What is driven."""

    @property
    def database(self) -> str:
        """Where it leaves what it does."""
        ...

    def rate(self, world: World, seconds: int) -> tuple[int, float]:
        """Drive it; items done, and in a second."""
        ...


@dataclass(frozen=True, slots=True)
class Pgbench:
    """A script of pgbench that does so many items a transaction; {yardsticks} and {bench} are folders."""

    database: str
    arguments: tuple[str, ...]
    items: int = 200

    def rate(self, world: World, seconds: int) -> tuple[int, float]:
        """Drive it; items done, and in a second."""
        names = {"yardsticks": world.yardsticks, "bench": HERE}
        filled = [argument.format(**names) for argument in self.arguments]
        run = world.pgbench(self.database, "-T", str(seconds), *filled)
        return run.transactions * self.items, run.rate * self.items


@dataclass(frozen=True, slots=True)
class Pair:
    """A row.

    Attributes:
        name: of the row.
        yardstick: what it is compared with.
        ours: what is compared.
        target: least ratio wanted; None where it is for information only.
        records: whether ours leaves what it does behind; otherwise it must leave nothing.
        unanswered: most items that are done at the end of a run without having been counted.
    """

    name: str
    yardstick: Side
    ours: Side
    target: float | None
    records: bool = True
    unanswered: int = 0


FLOOR_HOT = Pgbench("floor", (*ONE, "-f", "{yardsticks}/floor_hot.pgbench"))
FLOOR_SPREAD = Pgbench("floor", (*ONE, "-f", "{yardsticks}/floor_spread.pgbench"))

HOT = Pair("hot", FLOOR_HOT, Pgbench("ours", (*ONE, "-f", "{bench}/hot.pgbench")), 0.5)
#: No two items of a batch ask the same amounts, so that none is read or priced for another.
VARIED = Pair("hot, varied", FLOOR_HOT, Pgbench("ours", (*ONE, "-f", "{bench}/hot_varied.pgbench")), 0.5)
SPREAD = Pair("spread", FLOOR_SPREAD, Pgbench("ours", (*ONE, "-f", "{bench}/spread.pgbench")), 0.5)
#: A reserve and its settle, 200 a call each; to as many consumptions.
RESERVE_HOT = Pair(
    "reserve and settle, hot", HOT.ours, Pgbench("ours", (*ONE, "-f", "{bench}/reserve_hot.pgbench")), 0.3
)
RESERVE_SPREAD = Pair(
    "reserve and settle, spread",
    SPREAD.ours,
    Pgbench("ours", (*ONE, "-f", "{bench}/reserve_spread.pgbench")),
    0.3,
)
SINGLE = Pair(
    "single",
    Pgbench("pgbench", ("-N", "-M", "simple", *EIGHT), items=1),
    Pgbench("ours", ("-M", "simple", *EIGHT, "-f", "{bench}/single.pgbench"), items=1),
    0.3,
)
CHECK = Pair(
    "check",
    Pgbench("pgbench", ("-S", "-M", "prepared", *EIGHT), items=1),
    Pgbench("ours", ("-M", "prepared", *EIGHT, "-f", "{bench}/check.pgbench"), items=1),
    0.08,
    records=False,
)
CHECK_50 = Pair(
    "check, 50 a call",
    CHECK.yardstick,
    Pgbench("ours", ("-M", "prepared", *EIGHT, "-f", "{bench}/check_50.pgbench"), items=50),
    0.5,
    records=False,
)


def measure(world: World, seconds: int, pairs: int, *, pair: Pair) -> list[Figure]:
    """Run the pairs; what ours has recorded must be all that was asked, and allowed."""
    for side in (pair.yardstick, pair.ours):
        world.ensure(side.database)
    theirs, ours = [], []
    for turn in range(pairs):
        world.tell(f"pair {turn + 1} of {pairs}: the yardstick")
        theirs.append(pair.yardstick.rate(world, seconds)[1])
        world.tell(f"pair {turn + 1} of {pairs}: ours")
        before = _recorded(world, pair.ours.database)
        asked, rate = pair.ours.rate(world, seconds)
        ours.append(rate)
        recorded = _recorded(world, pair.ours.database) - before
        expected = asked if pair.records else 0
        if not expected <= recorded <= expected + pair.unanswered:
            raise click.ClickException(f"{pair.name}: {expected} consumptions asked, {recorded} recorded")
    ratios = [mine / yardstick for mine, yardstick in zip(ours, theirs, strict=True)]
    return [Figure(pair.name, "items/s", ratios, pair.target, yardstick=theirs, ours=ours)]


def _recorded(world: World, database: str) -> int:
    return int(world.value(database, "SELECT count(*) FROM core.usage_event"))
