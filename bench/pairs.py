"""Rates: the yardstick and ours in turns, A B A B, and the ratio of each pair."""

from dataclasses import dataclass

import click

from bench.report import Figure
from bench.world import HERE, World

ONE = ("-M", "prepared", "-c", "1")
EIGHT = ("-c", "8", "-j", "2")


@dataclass(frozen=True, slots=True)
class Side:
    """What is driven: a database, and pgbench's arguments; {yardsticks} and {bench} are folders."""

    database: str
    arguments: tuple[str, ...]

    def rate(self, world: World, seconds: int) -> tuple[int, float]:
        """Transactions done, and in a second."""
        names = {"yardsticks": world.yardsticks, "bench": HERE}
        filled = [argument.format(**names) for argument in self.arguments]
        run = world.pgbench(self.database, "-T", str(seconds), *filled)
        return run.transactions, run.rate


@dataclass(frozen=True, slots=True)
class Pair:
    """A row: both sides do ``items`` a transaction; ``records`` says whether ours leaves them behind."""

    name: str
    yardstick: Side
    ours: Side
    items: int
    target: float | None
    records: bool = True


HOT = Pair(
    "hot",
    Side("floor", (*ONE, "-f", "{yardsticks}/floor_hot.pgbench")),
    Side("ours", (*ONE, "-f", "{bench}/hot.pgbench")),
    200,
    0.5,
)
#: No two items of a batch ask the same amounts, so that none is read or priced for another.
VARIED = Pair(
    "hot, varied",
    Side("floor", (*ONE, "-f", "{yardsticks}/floor_hot.pgbench")),
    Side("ours", (*ONE, "-f", "{bench}/hot_varied.pgbench")),
    200,
    0.5,
)
SPREAD = Pair(
    "spread",
    Side("floor", (*ONE, "-f", "{yardsticks}/floor_spread.pgbench")),
    Side("ours", (*ONE, "-f", "{bench}/spread.pgbench")),
    200,
    0.5,
)
SINGLE = Pair(
    "single",
    Side("pgbench", ("-N", "-M", "simple", *EIGHT)),
    Side("ours", ("-M", "simple", *EIGHT, "-f", "{bench}/single.pgbench")),
    1,
    0.3,
)
CHECK = Pair(
    "check",
    Side("pgbench", ("-S", "-M", "prepared", *EIGHT)),
    Side("ours", ("-M", "prepared", *EIGHT, "-f", "{bench}/check.pgbench")),
    1,
    None,
    records=False,
)


def measure(world: World, seconds: int, pairs: int, *, pair: Pair) -> list[Figure]:
    """Run the pairs; what ours has recorded must be all that was asked, and allowed."""
    for side in (pair.yardstick, pair.ours):
        world.ensure(side.database)
    theirs, ours, asked = [], [], 0
    before = _recorded(world, pair.ours.database)
    for _ in range(pairs):
        _, rate = pair.yardstick.rate(world, seconds)
        theirs.append(rate * pair.items)
        done, rate = pair.ours.rate(world, seconds)
        ours.append(rate * pair.items)
        asked += done * pair.items
    recorded = _recorded(world, pair.ours.database) - before
    expected = asked if pair.records else 0
    if recorded != expected:
        raise click.ClickException(f"{pair.name}: {expected} consumptions asked, {recorded} recorded")
    ratios = [mine / yardstick for mine, yardstick in zip(ours, theirs, strict=True)]
    return [Figure(pair.name, "items/s", ratios, pair.target, yardstick=theirs, ours=ours)]


def _recorded(world: World, database: str) -> int:
    return int(world.value(database, "SELECT count(*) FROM core.usage_event"))
