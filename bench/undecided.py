"""How far rates could go if deciding cost nothing: the same reads, writes and answers, to the yardsticks."""

from bench import pairs as pairing
from bench.figure import Figure
from bench.lanes import HOT, Lanes
from bench.pairs import CHECK, EIGHT, FLOOR_HOT, FLOOR_SPREAD, ONE, SINGLE, Pair, Pgbench
from bench.world import HERE, World

_DATABASE = "undecided"


def _script(name: str, *how: str, items: int = 200) -> Pgbench:
    return Pgbench(_DATABASE, (*how, "-f", f"{{bench}}/undecided_{name}.pgbench"), items)


#: What is written goes to the yardstick's own tables, so that nothing is recorded in ours.
_PAIRS = (
    Pair("undecided, hot", FLOOR_HOT, _script("hot", *ONE), None, records=False),
    Pair("undecided, spread", FLOOR_SPREAD, _script("spread", *ONE), None, records=False),
    Pair(
        "undecided, single",
        SINGLE.yardstick,
        _script("single", "-M", "simple", *EIGHT, items=1),
        None,
        records=False,
    ),
    Pair(
        "undecided, check",
        CHECK.yardstick,
        _script("check", "-M", "prepared", *EIGHT, items=1),
        None,
        records=False,
    ),
    Pair("undecided, lanes hot", FLOOR_HOT, Lanes(HOT, database=_DATABASE), None, records=False),
)


def measure(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Read, written and answered as a decision is; through lanes, answered at once."""
    world.ensure(_DATABASE)
    world.script(_DATABASE, world.yardsticks / "floor.sql")
    world.script(_DATABASE, HERE / "undecided.sql")
    return [figure for pair in _PAIRS for figure in pairing.measure(world, seconds, pairs, pair=pair)]
