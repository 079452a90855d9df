"""Our rows against the yardsticks, interleaved in one run: a table of ratios.

    .venv/bin/python bench/run.py --seconds 20 --pairs 3

Starts an embedded PostgreSQL 18 in a temporary folder, durable as in production, and drives everything with
its pgbench. The yardsticks are not part of the project: ``--yardsticks`` names their folder.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from controlplane.db.binaries import find_binaries
from controlplane.db.embedded import EmbeddedServer
from controlplane.db.migrate import migrate
from controlplane.types import Environment

HERE = Path(__file__).parent
ONE = ("-M", "prepared", "-c", "1")
EIGHT = ("-M", "simple", "-c", "8", "-j", "2")


@dataclass(frozen=True)
class Row:
    """What is compared; ``yardstick`` and ``ours`` are arguments of pgbench, {y} the yardsticks' folder."""

    name: str
    yardstick: tuple[str, ...]
    ours: tuple[str, ...]
    target: float


ROWS = (
    Row("hot", (*ONE, "-f", "{y}/floor_hot.pgbench"), (*ONE, "-f", "{h}/hot.pgbench"), 0.5),
    Row("spread", (*ONE, "-f", "{y}/floor_spread.pgbench"), (*ONE, "-f", "{h}/spread.pgbench"), 0.5),
    Row("single", (*EIGHT, "-N"), (*EIGHT, "-f", "{h}/single.pgbench"), 0.3),
    Row(
        "check",
        ("-M", "prepared", "-c", "8", "-j", "2", "-S"),
        ("-M", "prepared", "-c", "8", "-j", "2", "-f", "{h}/check.pgbench"),
        0.08,
    ),
)


@dataclass(frozen=True)
class Outcome:
    """Transactions per second of each run, in pairs."""

    name: str
    target: float
    yardstick: list[float]
    ours: list[float]

    @property
    def ratios(self) -> list[float]:
        """Ours to theirs, by pair."""
        return [ours / theirs for ours, theirs in zip(self.ours, self.yardstick, strict=True)]


class Bench:
    """A server with our world and theirs in one database."""

    def __init__(self, server: EmbeddedServer, yardsticks: Path, seconds: int) -> None:
        self._url = server.url("bench")
        self._binaries = find_binaries(18)
        self._names = {"y": str(yardsticks), "h": str(HERE)}
        self._seconds = seconds
        self._run("psql", "-qc", "CREATE DATABASE bench", server.url())
        migrate(self._url, prefix="controlplane", environment=Environment.TEST)
        for script in (HERE / "seed.sql", yardsticks / "floor.sql"):
            self._run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script), self._url)
        self._run("pgbench", "-q", "-i", "-s", "10", self._url)

    def measure(self, row: Row, pairs: int) -> Outcome:
        """Yardstick and ours in turns."""
        theirs, ours = [], []
        for _ in range(pairs):
            theirs.append(self._tps(row.yardstick))
            ours.append(self._tps(row.ours))
        return Outcome(row.name, row.target, theirs, ours)

    def _tps(self, arguments: Sequence[str]) -> float:
        filled = [each.format(**self._names) for each in arguments]
        said = self._run("pgbench", "-n", "-T", str(self._seconds), *filled, self._url)
        found = re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE)
        assert found is not None, said
        return float(found[1])

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self._binaries.program(program)), *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{program} {' '.join(arguments)}\n{done.stderr}")
        return done.stdout


def main() -> None:
    """Run what the command line asks for."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--yardsticks", type=Path, default=HERE.parents[1] / "shared" / "bench")
    parser.add_argument("--seconds", type=int, default=20, help="of each run (20)")
    parser.add_argument("--pairs", type=int, default=3, help="of runs, interleaved (3)")
    parser.add_argument("--rows", default=",".join(row.name for row in ROWS), help="which, with commas")
    parser.add_argument("--report", type=Path, help="write the figures as JSON too")
    given = parser.parse_args()
    if not (given.yardsticks / "floor.sql").exists():
        sys.exit(f"no yardsticks in {given.yardsticks}; name their folder with --yardsticks")
    console = Console()
    table = Table(
        "row", "yardstick /s", "ours /s", "ratio", "spread", "target", title="medians of interleaved runs"
    )
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="cp-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer(Path(folder) / "data", major=18)
        server.start()
        try:
            bench = Bench(server, given.yardsticks, given.seconds)
            for row in ROWS:
                if row.name in given.rows.split(","):
                    console.print(f"{row.name}: {given.pairs} pairs of {given.seconds} s …")
                    outcomes.append(bench.measure(row, given.pairs))
        finally:
            server.stop()
    for found in outcomes:
        ratio = statistics.median(found.ratios)
        table.add_row(
            found.name,
            f"{statistics.median(found.yardstick):,.0f}",
            f"{statistics.median(found.ours):,.0f}",
            f"{ratio:.2f}",
            f"{min(found.ratios):.2f} to {max(found.ratios):.2f}",
            f"≥ {found.target} {'ok' if ratio >= found.target else 'short'}",
        )
    console.print(table)
    if given.report:
        given.report.write_text(json.dumps([asdict(found) for found in outcomes], indent=1) + "\n")


if __name__ == "__main__":
    main()
