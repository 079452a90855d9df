"""What a long history costs: hot batches with 1 000 operations behind them, and with 1 000 000.

The short history would grow long while it is measured, so every turn begins with a fresh copy of it and lasts
a few thousand operations; the long one just grows by the same. What stands in ``yardstick`` is the short one,
and a ratio of costs above 1 says how much dearer the long one is. Once with keys that are ordered by time, as
clients are told to make them, and once with random ones, which touch the whole of an index.
"""

from pathlib import Path

from bench.report import Figure
from bench.world import HERE, TEMPLATE, World

SHORT, LONG = 1_000, 1_000_000
TARGET = 1.2

#: Batches in a turn, and how many of them are not counted, since a new connection fills its caches first.
BATCHES, SKIPPED = 30, 5
ITEMS = 200

ORDERED, RANDOM = HERE / "hot.pgbench", HERE / "hot_random.pgbench"


def measure(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Fill both histories, then turn by turn; as many turns as fill the time of ``pairs``."""
    turns = max(pairs, pairs * seconds // 3)
    _fill(world, "short", SHORT)
    _fill(world, "long", LONG)
    # The first touch of a page after a checkpoint logs the whole page. Over the minutes until the next one
    # that is little; over a turn it would be most of what random keys cost.
    world.batch_seconds("long", 100, RANDOM, skip=0)
    return [
        _compare(world, "history", ORDERED, turns),
        _compare(world, "history, random keys", RANDOM, turns),
    ]


def _fill(world: World, database: str, operations: int) -> None:
    world.copy(TEMPLATE, database)
    world.script(database, HERE / "history.sql")
    with world.session(database) as session:
        # The history of the one customer begins with these 200, and not with the one of warm.sql.
        session.execute("SELECT count(*) FROM api.consume('customer-9', bench.batch('customer-9', 199))")
        session.execute("CALL bench.multiply_history('customer-9', %s)", (operations,))
        session.execute("VACUUM ANALYZE")
        session.execute("CHECKPOINT")


def _compare(world: World, name: str, script: Path, turns: int) -> Figure:
    short, long = [], []
    for _ in range(turns):
        with world.fresh("turn", "short") as turn:
            short.append(world.batch_seconds(turn, BATCHES, script, skip=SKIPPED) / ITEMS * 1e6)
        long.append(world.batch_seconds("long", BATCHES, script, skip=SKIPPED) / ITEMS * 1e6)
    ratios = [much / little for much, little in zip(long, short, strict=True)]
    return Figure(name, "µs/item", ratios, TARGET, at_most=True, yardstick=short, ours=long)
