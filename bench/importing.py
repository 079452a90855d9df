"""An import of 100 000 entities of one customer: rows a second, and whether the last ones cost more.

It is ``controlplane import`` itself, on files of a tenth each, one after the other; its rows go through the
functions that every other door uses, over one connection, since they are of one customer. It takes minutes,
so it is done once, however many pairs there are: the first and the last tenth are compared.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.figure import Figure
from bench.world import HERE, World

CUSTOMER, ENTITIES, FILES = "imported", 100_000, 10

_FOUND = "SELECT entity_count FROM core.gate WHERE customer_id = 'imported'"
_ROWS = """
    SELECT string_agg(json_build_object('customerId', '{customer}', 'entityId', b.entity_id,
      'type', b.entity_type, 'parentId', p.entity_id)::text, E'\n' ORDER BY b.no)
    FROM bench.branches({entities}) AS b LEFT JOIN bench.branches({entities}) AS p ON p.no = b.parent_no
    WHERE b.no > {begin} AND b.no <= {end}
"""


def measure(world: World, seconds: int, pairs: int) -> list[Figure]:
    """Import all files, parents before children."""
    each = ENTITIES // FILES
    with world.fresh("importing") as database, TemporaryDirectory() as folder:
        world.script(database, HERE / "branches.sql")
        world.value(database, f"SELECT api.upsert_customer('{CUSTOMER}', '{{}}', 'bench')")
        costs = []
        for begin in range(0, ENTITIES, each):
            file = Path(folder) / f"entities-{begin}.jsonl"
            query = _ROWS.format(customer=CUSTOMER, entities=ENTITIES, begin=begin, end=begin + each)
            file.write_text(world.value(database, query))
            world.tell(f"{begin:,} of {ENTITIES:,} entities")
            costs.append(_import(world.app_url(database), file) / each * 1e6)
        found = world.value(database, _FOUND)
        if found != ENTITIES:
            raise click.ClickException(f"{ENTITIES} entities were imported, and {found} are there")
    taken = sum(costs) * each / 1e6
    return [
        Figure(
            "import",
            "µs/entity",
            [costs[-1] / costs[0]],
            None,
            yardstick=costs[:1],
            ours=costs[-1:],
            says="100 000 entities of one customer, the last 10 000; to the first 10 000",
            note=f"all in {taken:.0f} s, {ENTITIES / taken:,.0f} a second",
            details={"costs": costs},
        )
    ]


def _import(url: str, file: Path) -> float:
    """Seconds, as the command tells them."""
    done = subprocess.run(
        [sys.executable, "-m", "controlplane", "import", "entities", str(file), "--json"],
        env={**os.environ, "CONTROLPLANE_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(f"the import ended with {done.returncode}: {done.stderr.strip()}")
    return float(json.loads(done.stdout)["seconds"])
