"""Which rows there are, in the order in which they run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench import (
    fairness,
    growth,
    history,
    http,
    importing,
    lanes,
    live,
    moving,
    openloop,
    pairs,
    shapes,
    storage,
    suspension,
    tree,
    undecided,
)
from bench.figure import Figure
from bench.world import World

#: The rows that take long and are for curves; they run only where they are named.
GROWTH = "growth"
#: What nothing of ours can go beyond; likewise.
UNDECIDED = "undecided"
#: Takes so long that its own name, and no beginning of it, is needed.
FAR = "growth-history-far"

_HOT = ("floor.sql", "floor_hot.pgbench")
_SPREAD = ("floor.sql", "floor_spread.pgbench")


@dataclass(frozen=True, slots=True)
class Row:
    """What ``--rows`` chooses.

    Attributes:
        name: as it is chosen by.
        meaning: for ``--help`` and the table.
        measure: takes the world, seconds of each run, and pairs; may make more than one figure.
        files: of the yardsticks, which it needs.
        missing: says what else it needs that is not here; None if all is.
    """

    name: str
    meaning: str
    measure: Callable[[World, int, int], list[Figure]]
    files: tuple[str, ...] = ()
    missing: Callable[[], str | None] = lambda: None


ROWS = (
    Row(
        "hot",
        "one customer, 200 items a call, one connection; to floor.write",
        partial(pairs.measure, pair=pairs.HOT),
        _HOT,
    ),
    Row(
        "varied",
        "hot, and no two items of a batch ask the same amounts; to floor.write",
        partial(pairs.measure, pair=pairs.VARIED),
        _HOT,
    ),
    Row(
        "spread",
        "200 customers, one item each, one connection; to floor.write_many",
        partial(pairs.measure, pair=pairs.SPREAD),
        _SPREAD,
    ),
    Row(
        "reserve-hot",
        "a reserve and its settle, one customer, 200 a call, one connection; to hot",
        partial(pairs.measure, pair=pairs.RESERVE_HOT),
    ),
    Row(
        "reserve-spread",
        "a reserve and its settle, 200 customers, one connection; to spread",
        partial(pairs.measure, pair=pairs.RESERVE_SPREAD),
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
    Row(
        "check50",
        "50 customers a check, one item each, 8 clients; to pgbench -S, item by item",
        partial(pairs.measure, pair=pairs.CHECK_50),
    ),
    Row(
        "lanes-hot",
        "one customer, 64 callers of one item in one process; to floor.write, 200 a call",
        partial(pairs.measure, pair=lanes.LANES_HOT),
        _HOT,
    ),
    Row(
        "lanes-spread",
        "2 000 customers, 64 callers of one item in one process; to floor.write_many",
        partial(pairs.measure, pair=lanes.LANES_SPREAD),
        _SPREAD,
    ),
    Row("lanes-two", "the same 64 callers in two processes; to one, and deadlocks", lanes.measure_two),
    Row(
        "open-loop",
        "p99 at half the peak of lanes-spread, from when an item was due; to single calls",
        openloop.measure,
    ),
    Row(
        "fairness",
        "p99 of the others while one customer saturates and its gate is held; to theirs alone",
        fairness.measure,
    ),
    Row(
        "http-consume",
        "consume over HTTP, one process, 64 connections; to noop",
        partial(http.measure, operation="consume"),
        ("noop.py", "post.lua", "consume.json"),
        http.missing,
    ),
    Row(
        "http-check",
        "check over HTTP, one process, 64 connections; to noop",
        partial(http.measure, operation="check"),
        ("noop.py", "post.lua", "check.json"),
        http.missing,
    ),
    Row(
        "history",
        "hot, after 1 000 000 operations; to after 1 000",
        partial(history.measure, name="history", lengths=history.ENDS),
    ),
    Row(
        "budget-tree",
        "a page of 100 000 entities' budgets by utilisation; to the bare join and sort; below one parent",
        tree.measure,
    ),
    Row("depth", "a consume whose path has 12 entities, a budget on each; to 5", shapes.measure_depth),
    Row("axes", "a consume of three axes; to one, and to one with as many budgets", shapes.measure_axes),
    Row("suspension", "suspended in one process, asked in others: the next decision", suspension.measure),
    Row("move", "10 000 of 100 000 entities moved in one call, and who waits meanwhile", moving.measure),
    Row(
        "import",
        "100 000 entities of one customer imported, once; the last ones to the first",
        importing.measure,
    ),
    Row("live", "2 000 and 10 000 customers watched in one process: a change, p95 until told", live.measure),
    Row(
        UNDECIDED,
        "what a decision reads and writes, with nothing decided; lanes answered at once; to the yardsticks",
        undecided.measure,
        (*_HOT, "floor_spread.pgbench"),
    ),
    Row("updates", "share of HOT updates", storage.measure_updates),
    Row("bytes", "bytes stored by a consumption, indexes included", storage.measure_bytes),
    Row("wal", "write-ahead log of a consumption, without whole pages", storage.measure_log),
    Row("growth-customers", "an item with 2 000 to 100 000 customers", growth.measure_customers),
    Row(
        "growth-history",
        "an item after 10³ to 10⁶ operations of its customer",
        partial(history.measure, name="growth-history", lengths=history.STEPS),
    ),
    Row(
        FAR,
        "growth-history up to 10⁷; half an hour, 20 GB, and only by its full name",
        partial(history.measure, name="growth-history-far", lengths=history.FAR),
    ),
    Row("growth-depth", "an item whose path has 2 to 12 entities, a budget on each", growth.measure_depth),
    Row("growth-batch", "an item in calls of 1 to 200, hot and spread", growth.measure_batch),
    Row("growth-processes", "an item with its callers in 1 to 3 processes", growth.measure_processes),
)


def choose(given: str | None) -> Sequence[Row]:
    """Rows by their names, or by what several names begin with, separated by commas.

    Args:
        given: None chooses all but those of growth, and what is undecided.

    Raises:
        KeyError: of what chooses none.
    """
    if given is None:
        return [row for row in ROWS if not row.name.startswith((GROWTH, UNDECIDED))]
    chosen: set[str] = set()
    for word in (part.strip() for part in given.split(",")):
        begun = {row.name for row in ROWS if row.name.startswith(f"{word}-") and row.name != FAR}
        found = {row.name for row in ROWS if row.name == word} or begun
        if not found:
            raise KeyError(word)
        chosen |= found
    return [row for row in ROWS if row.name in chosen]
