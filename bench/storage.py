"""What a consumption leaves: bytes in relations, HOT updates, and write-ahead log."""

from pathlib import Path

from bench.figure import Figure
from bench.world import HERE, World

#: What a consumption updates; all other tables it only adds to.
UPDATED = ("gate", "credit_grant", "wallet", "counter")

ITEMS = 200
WORKLOADS = {"hot": HERE / "hot.pgbench", "spread": HERE / "spread.pgbench"}

# Tables with their indexes, TOAST and maps, whichever schema they are in; partitions are tables too.
_BYTES = """
    SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c
    WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
"""

_UPDATES = """
    SELECT relname, n_tup_upd AS updates, n_tup_hot_upd AS hot FROM pg_stat_user_tables
    WHERE schemaname = 'core' AND relname = ANY (%s)
"""

_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

_WRITTEN = "SELECT pg_current_wal_lsn() - '0/0'"


def measure_bytes(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Growth of all relations by consumption, each time from the same start."""
    figures = []
    for name, script in WORKLOADS.items():
        grown = []
        for _ in range(pairs):
            with world.fresh("storage") as database:
                before = world.value(database, _BYTES)
                items = _consume(world, database, script, seconds)
                grown.append(float(world.value(database, _BYTES) - before) / items)
        title = "bytes stored" if name == "hot" else f"bytes stored, {name}"
        figures.append(Figure(title, "B/item", grown, 800, at_most=True))
    return figures


def measure_updates(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Share of HOT updates: of each table, and the least of them is what counts."""
    figures = []
    for name, script in WORKLOADS.items():
        least, details = [], []
        for _ in range(pairs):
            with world.fresh("storage") as database:
                before = _updates(world, database)
                _consume(world, database, script, seconds)
                after = _updates(world, database)
                shares = {
                    table: (after[table][1] - before[table][1]) / (after[table][0] - before[table][0])
                    for table in UPDATED
                }
            least.append(min(shares.values()))
            details.append(shares)
        title = "HOT updates" if name == "hot" else f"HOT updates, {name}"
        figures.append(Figure(title, "share", least, 0.9, details={"shares": details}))
    return figures


def measure_log(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Write-ahead log by consumption, without whole pages and what autovacuum would add meanwhile."""
    world.restart({"full_page_writes": "off", "autovacuum": "off"})
    written = []
    with world.fresh("storage") as database:
        for _ in range(pairs):
            before = world.value(database, _WRITTEN)
            items = _consume(world, database, WORKLOADS["hot"], seconds)
            written.append(float(world.value(database, _WRITTEN) - before) / items)
    world.restart({})
    return [Figure("write-ahead log", "B/item", written, 1100, at_most=True)]


def _consume(world: World, database: str, script: Path, seconds: int) -> int:
    """Consume for some ``seconds``, in a fixed number of batches; returns how many consumptions that were."""
    batches = max(25, 30 * seconds)
    run = world.pgbench(database, "-M", "prepared", "-c", "1", "-t", str(batches), "-f", str(script))
    return run.transactions * ITEMS


def _updates(world: World, database: str) -> dict[str, tuple[int, int]]:
    """Updates, and those that were HOT, by table; a backend reports them when it ends."""
    with world.session(database) as session:
        while session.execute(_OTHERS).fetchone() != (0,):
            session.execute("SELECT pg_sleep(0.05)")
        rows = session.execute(_UPDATES, (list(UPDATED),)).fetchall()
        return {table: (updates, hot) for table, updates, hot in rows}
