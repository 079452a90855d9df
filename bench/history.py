"""What a long history costs: hot batches with few operations behind them, and with many.

A short history would grow long while it is measured, so every turn begins with a fresh copy of it and lasts
a few thousand operations; a long one just grows by the same. Once with keys that are ordered by time, as
clients are told to make them, and once with random ones, which touch the whole of an index.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.figure import Curve, Figure, measure_curve
from bench.world import HERE, TEMPLATE, World

ENDS = (1_000, 1_000_000)
STEPS = (1_000, 10_000, 100_000, 1_000_000)
FAR = (*STEPS, 10_000_000)
TARGET = 1.2

#: Batches in a turn, and how many of them are not counted, since a new connection fills its caches first.
BATCHES, SKIPPED = 30, 5
ITEMS = 200

#: From so many operations on, those of a turn change little.
_LONG = 100_000

KEYS = {"ordered keys": HERE / "hot.pgbench", "random keys": HERE / "hot_random.pgbench"}


def measure(world: World, seconds: int, pairs: int, *, name: str, lengths: Sequence[int]) -> list[Figure]:
    """Fill all histories, then turn by turn; as many turns as fill the time of ``pairs``.

    Args:
        world: where.
        seconds: of a run.
        pairs: of runs.
        name: of the row.
        lengths: operations before the first turn; each a multiple of the one before.
    """
    turns = max(pairs, pairs * seconds // 3)
    with _filled(world, lengths) as databases:
        figures: list[Figure] = []
        for keys, script in KEYS.items():
            world.tell(f"{turns} turns, {keys}")

            def cost(length: int, script: Path = script) -> float:
                if length >= _LONG:
                    return _turn(world, databases[length], script)
                with world.fresh("turn", databases[length]) as copy:
                    return _turn(world, copy, script)

            curve = Curve(name, keys, "operations before", lengths)
            figures.append(measure_curve(curve, cost, turns, target=TARGET))
    return figures


def _turn(world: World, database: str, script: Path) -> float:
    """Microseconds an item."""
    return world.batch_seconds(database, BATCHES, script, skip=SKIPPED) / ITEMS * 1e6


@contextmanager
def _filled(world: World, lengths: Sequence[int]) -> Iterator[Mapping[int, str]]:
    """A database for each length, the next one made from the one before."""
    with ExitStack() as databases:
        filled: dict[int, str] = {}
        source = TEMPLATE
        for length in lengths:
            world.tell(f"filling in a history of {length:,} operations")
            database = databases.enter_context(world.fresh(f"history_{length}", source))
            if source == TEMPLATE:
                world.script(database, HERE / "history.sql")
                # The history of the one customer begins with these 200, and not with the one of warm.sql.
                world.value(
                    database, "SELECT count(*) FROM api.consume('customer-9', bench.batch('customer-9', 199))"
                )
            with world.session(database) as session:
                session.execute("CALL bench.multiply_history('customer-9', %s)", (length,))
                session.execute("VACUUM ANALYZE")
                session.execute("CHECKPOINT")
            filled[length] = source = database
        for length, database in filled.items():
            # The first touch of a page after a checkpoint logs the whole page. Over the minutes until the
            # next one that is little; over a turn it would be most of what random keys cost.
            if length >= _LONG:
                world.batch_seconds(database, 100, KEYS["random keys"], skip=0)
        yield filled
