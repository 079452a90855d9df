"""What an item costs while something grows: customers, the depth of the tree, items a call, processes.

The cost is time of the whole machine an item, one call after the other (or, of processes, as fast as they go
together), against the first point in the same turn. ``history`` has the curve of operations.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

from bench.figure import Curve, Figure, measure_curve
from bench.lanes import Lanes
from bench.pairs import ONE
from bench.world import HERE, TEMPLATE, World

CUSTOMERS = (2_000, 10_000, 30_000, 100_000)
DEPTHS = (2, 4, 6, 8, 10, 12)
SIZES = (1, 2, 5, 10, 20, 50, 100, 200)
PROCESSES = (1, 2, 3)

#: Items a call, where something else grows.
CALLS = (200, 1)

#: Callers of all processes together.
CALLERS = 60


def measure_customers(world: World, seconds: int, pairs: int) -> list[Figure]:
    """As many customers as there are, in batches of 200 and one by one."""
    with _peopled(world) as databases:

        def cost(items: int, customers: int) -> float:
            world.tell(f"{customers:,} customers, {items} a call")
            return _spread(world, databases[customers], seconds, customers, items)

        curves = (Curve("growth-customers", f"{items} a call", "customers", CUSTOMERS) for items in CALLS)
        return [
            measure_curve(curve, partial(cost, items), pairs)
            for curve, items in zip(curves, CALLS, strict=True)
        ]


def measure_depth(world: World, seconds: int, pairs: int) -> list[Figure]:
    """A path of so many entities, the customer included, with a budget on each."""
    with world.fresh("depth") as database:
        world.script(database, HERE / "depth.sql")
        for depth in DEPTHS:
            world.value(database, f"SELECT bench.make_deep('depth-{depth}', {depth})")

        def cost(items: int, depth: int) -> float:
            world.tell(f"{depth} entities deep, {items} items a call")
            return _hot(world, database, seconds, f"depth-{depth}", items, agents=1)

        curves = (Curve("growth-depth", f"{n} a call", "entities on the path", DEPTHS) for n in CALLS)
        return [
            measure_curve(curve, partial(cost, items), pairs)
            for curve, items in zip(curves, CALLS, strict=True)
        ]


def measure_batch(world: World, seconds: int, pairs: int) -> list[Figure]:
    """So many items a call: of the hot customer, and of as many customers."""
    world.ensure("ours")

    def hot(items: int) -> float:
        world.tell(f"hot, {items} items a call")
        return _hot(world, "ours", seconds, "customer-9", items, agents=8)

    def spread(items: int) -> float:
        world.tell(f"spread, {items} items a call")
        return _spread(world, "ours", seconds, 2_000, items)

    return [
        measure_curve(Curve("growth-batch", series, "items a call", SIZES), cost, pairs)
        for series, cost in (("hot", hot), ("spread", spread))
    ]


def measure_processes(world: World, seconds: int, pairs: int) -> list[Figure]:
    """The same callers on so many processes of the API."""
    world.ensure("ours")

    def cost(processes: int) -> float:
        world.tell(f"{processes} processes")
        _, rate = Lanes(processes=processes, callers=CALLERS).rate(world, seconds)
        return 1e6 / rate

    curve = Curve("growth-processes", "2 000 customers", "processes of the API", PROCESSES)
    return [measure_curve(curve, cost, pairs)]


def _hot(world: World, database: str, seconds: int, customer: str, items: int, *, agents: int) -> float:
    """Microseconds an item, over one connection, of one customer."""
    given = ("-D", f"customer={customer}", "-D", f"agents={agents}", "-D", f"items={items}")
    script = str(HERE / "growth_hot.pgbench")
    run = world.pgbench(database, *ONE, "-T", str(seconds), *given, "-f", script)
    return 1e6 / (run.rate * items)


def _spread(world: World, database: str, seconds: int, customers: int, items: int) -> float:
    """The same, each item of another customer."""
    given = ("-D", f"customers={customers}", "-D", f"items={items}")
    script = str(HERE / "growth_spread.pgbench")
    run = world.pgbench(database, *ONE, "-T", str(seconds), *given, "-f", script)
    return 1e6 / (run.rate * items)


@contextmanager
def _peopled(world: World) -> Iterator[Mapping[int, str]]:
    """A database for each number of customers, the next one made from the one before."""
    with ExitStack() as databases:
        peopled: dict[int, str] = {}
        source = TEMPLATE
        for customers in CUSTOMERS:
            world.tell(f"making {customers:,} customers")
            database = databases.enter_context(world.fresh(f"customers_{customers}", source))
            if source == TEMPLATE:
                world.script(database, HERE / "customers.sql")
            with world.session(database) as session:
                session.execute("CALL bench.add_customers(%s)", (customers,))
                session.execute("VACUUM ANALYZE")
            peopled[customers] = source = database
        with world.session("postgres") as session:
            session.execute("CHECKPOINT")
        for customers, database in peopled.items():
            # The first touch of a page after a checkpoint logs the whole page; here, and not in a run.
            world.tell(f"{customers:,} customers consume once")
            world.value(database, f"SELECT bench.consume_once({customers})")
        yield peopled
