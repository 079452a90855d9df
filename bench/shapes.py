"""What the shape of a request costs: a path of twelve entities to one of five, and three axes to one.

Each entity on a path has a budget of its own, so that a longer path has more to look up, to hold against its
limit, to write down. Three axes are three branches of five that meet at the customer: thirteen entities. They
are held against two requests of one axis: one of five entities, where the other axes bring their own budgets
along, as they do in life; and one of thirteen with as many budgets, where only the naming is dearer.

Each comparison is made singly, in batches of one customer, where the budgets are looked up once for all 200
items, and in batches of 200 customers, where each item has its own; there the shape weighs most.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import click

from bench.figure import Figure
from bench.pairs import ONE
from bench.world import HERE, World

TARGET = 1.5
#: Customers of each shape, and items of a batch.
CUSTOMERS = 200
#: Seconds of a run: many short turns tell more of a ratio than few long ones.
_LONGEST = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """So many axes, each with a path of ``depth`` entities, the customer included."""

    depth: int
    axes: int = 1

    @property
    def prefix(self) -> str:
        """What the names of its customers begin with."""
        return f"shape-{self.depth}-{self.axes}-"

    @property
    def entities(self) -> str:
        """The agents of a request, as JSON."""
        return ",".join(f'"agent-{axis}"' for axis in range(1, self.axes + 1))


SHALLOW, DEEP, THREE = Shape(5), Shape(12), Shape(5, axes=3)
#: As many entities, and budgets, on one axis as on three.
AS_MANY = Shape(13)


@dataclass(frozen=True, slots=True)
class Way:
    """How items are sent: a script of pgbench, and the items of a call."""

    name: str
    script: str
    items: int

    def cost(self, world: World, database: str, shape: Shape, seconds: int) -> float:
        """Microseconds an item, over one connection."""
        given = {"customer": f"{shape.prefix}1", "shape": shape.prefix, "entities": shape.entities}
        named = [part for name, value in given.items() for part in ("-D", f"{name}={value}")]
        script = ("-D", f"items={self.items}", "-f", str(HERE / self.script))
        run = world.pgbench(database, *ONE, "-T", str(seconds), *named, *script)
        return 1e6 / (run.rate * self.items)


WAYS = (
    Way("single", "shape_hot.pgbench", 1),
    Way("hot", "shape_hot.pgbench", 200),
    Way("spread", "shape_spread.pgbench", CUSTOMERS),
)

#: By way and shape, one for each turn.
Costs: TypeAlias = Mapping[Way, Mapping[Shape, Sequence[float]]]


def measure_depth(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Paths of twelve entities and of five, in turns."""
    costs = _measure(world, (SHALLOW, DEEP), seconds, pairs)
    says = f"a path of {DEEP.depth} entities, a budget on each; to one of {SHALLOW.depth}"
    return [_figure(f"depth, {way.name}", costs[way][SHALLOW], costs[way][DEEP], says) for way in WAYS]


def measure_axes(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Three axes and both requests of one, in turns."""
    costs = _measure(world, (SHALLOW, AS_MANY, THREE), seconds, pairs)
    each = "a budget on each entity"
    told = {
        "own budgets": (
            SHALLOW,
            f"three axes of {THREE.depth} entities, 13 in all, {each}; to one axis of {SHALLOW.depth}",
        ),
        "as many budgets": (
            AS_MANY,
            f"three axes of {THREE.depth} entities, 13 in all, {each}; to one axis of those 13",
        ),
    }
    return [
        _figure(f"axes, {name}, {way.name}", costs[way][one], costs[way][THREE], says)
        for name, (one, says) in told.items()
        for way in WAYS
    ]


def _measure(world: World, shapes: Sequence[Shape], seconds: int, pairs: int) -> Costs:
    costs: dict[Way, dict[Shape, list[float]]] = {way: {shape: [] for shape in shapes} for way in WAYS}
    with world.fresh("shapes") as database:
        _make(world, database, shapes)
        for turn in range(1, pairs + 1):
            for way in WAYS:
                for shape in shapes:
                    world.tell(f"pair {turn} of {pairs}: {way.name}, {shape.axes} by {shape.depth} entities")
                    cost = way.cost(world, database, shape, min(seconds, _LONGEST))
                    costs[way][shape].append(cost)
        _require_allowed(world, database)
    return costs


def _make(world: World, database: str, shapes: Sequence[Shape]) -> None:
    world.script(database, HERE / "depth.sql")
    with world.session(database) as session:
        for shape in shapes:
            world.tell(f"making {CUSTOMERS} customers of {shape.axes} by {shape.depth} entities")
            session.execute(
                "SELECT bench.make_deep(%s || n, %s, %s) FROM generate_series(1, %s) AS n",
                (shape.prefix, shape.depth, shape.axes, CUSTOMERS),
            )
        session.execute("VACUUM ANALYZE")


def _require_allowed(world: World, database: str) -> None:
    denied = world.value(database, "SELECT count(*) FROM core.idempotency WHERE NOT allowed")
    if denied:
        raise click.ClickException(f"{denied} consumptions of the bench were denied")


def _figure(name: str, first: Sequence[float], last: Sequence[float], says: str) -> Figure:
    ratios = [dear / cheap for dear, cheap in zip(last, first, strict=True)]
    note = f"{statistics.median(last) - statistics.median(first):,.0f} µs an item more"
    return Figure(
        name,
        "µs/item",
        ratios,
        TARGET,
        at_most=True,
        yardstick=first,
        ours=last,
        says=says,
        note=note,
    )
