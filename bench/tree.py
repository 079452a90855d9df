"""What a dashboard's page of budgets costs: of 100 000 entities by utilisation, and below one parent.

The yardstick is the bare join of the same counters, budgets and entities, sorted by the same share, with as
many rows of them: no windows, raises or holds that have ended, nobody without a counter, no names, no cursor.
Both run in one process each. Left alone, the planner gives the bare join two more where each entity has a
budget of its own; then the ratio says how many cores are idle.
"""

from bench.figure import Figure
from bench.world import HERE, World

ENTITIES = 100_000
TARGET, PARENT_TARGET = 1.5, 50.0

#: Customers by how their entities have budgets: one for each of a type, or one of its own.
SHAPES = {"one for each": False, "one of its own": True}


def measure(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Both shapes of budgets in turns; a ratio is time to time."""
    with world.fresh("tree") as database:
        world.script(database, HERE / "tree.sql")
        for shape, own in SHAPES.items():
            world.tell(f"making {ENTITIES:,} entities, budgets {shape}")
            world.value(database, f"SELECT bench.make_tree('{shape}', {ENTITIES}, {own})")
        with world.session(database) as session:
            session.execute("VACUUM ANALYZE")
        return [
            figure for shape in SHAPES for figure in _measure_shape(world, database, shape, seconds, pairs)
        ]


def _measure_shape(world: World, database: str, shape: str, seconds: int, pairs: int) -> list[Figure]:
    def milliseconds(script: str) -> float:
        given = ("-M", "extended", "-c", "1", "-T", str(seconds), "-D", f"customer={shape}")
        return 1e3 / world.pgbench(database, *given, "-f", str(HERE / script)).rate

    bare, ours, parent = [], [], []
    for turn in range(pairs):
        world.tell(f"pair {turn + 1} of {pairs}, {shape}")
        bare.append(milliseconds("tree_bare.pgbench"))
        ours.append(milliseconds("tree_ours.pgbench"))
        parent.append(milliseconds("tree_parent.pgbench"))
    ratios = [found / floor for found, floor in zip(ours, bare, strict=True)]
    return [
        Figure(f"budget-tree, {shape}", "ms", ratios, TARGET, at_most=True, yardstick=bare, ours=ours),
        Figure(f"budget-tree, {shape}, below one parent", "ms", parent, PARENT_TARGET, at_most=True),
    ]
