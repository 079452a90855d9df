"""Which rows there are, in the order in which they run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bench import history, pairs, storage
from bench.report import Figure
from bench.world import World


@dataclass(frozen=True, slots=True)
class Row:
    """What ``--rows`` chooses.

    Attributes:
        name: as it is chosen by.
        meaning: for ``--help``.
        measure: takes the world, seconds of each run, and pairs; may make more than one figure.
        files: of the yardsticks, which it needs.
    """

    name: str
    meaning: str
    measure: Callable[[World, int, int], list[Figure]]
    files: tuple[str, ...] = ()


ROWS = (
    Row(
        "hot",
        "one customer, 200 items a call, one connection; to floor.write",
        partial(pairs.measure, pair=pairs.HOT),
        ("floor.sql", "floor_hot.pgbench"),
    ),
    Row(
        "varied",
        "hot, and no two items of a batch ask the same amounts; to floor.write",
        partial(pairs.measure, pair=pairs.VARIED),
        ("floor.sql", "floor_hot.pgbench"),
    ),
    Row(
        "spread",
        "200 customers, one item each, one connection; to floor.write_many",
        partial(pairs.measure, pair=pairs.SPREAD),
        ("floor.sql", "floor_spread.pgbench"),
    ),
    Row(
        "single",
        "one item a call, 2 000 customers, 8 clients; to pgbench -N",
        partial(pairs.measure, pair=pairs.SINGLE),
    ),
    Row(
        "check",
        "one check a call, 2 000 customers, 8 clients; to pgbench -S",
        partial(pairs.measure, pair=pairs.CHECK),
    ),
    Row("history", "hot, after 1 000 operations and after 1 000 000", history.measure),
    Row("updates", "share of HOT updates", storage.measure_updates),
    Row("bytes", "bytes stored by a consumption, indexes included", storage.measure_bytes),
    Row("wal", "write-ahead log of a consumption, without whole pages", storage.measure_log),
)
