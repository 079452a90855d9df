"""One row after the other, on a server of their own, while somebody looks on."""

import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.figure import Figure
from bench.plan import Row
from bench.report import Results
from bench.world import World

_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")


@dataclass
class Run:
    """What is to be measured, and what has been.

    Attributes:
        rows: in their order.
        seconds: of each run.
        pairs: of runs.
        progress: where it says how far it is.
        figures: of the rows that are done.
        skipped: why, of rows that need what is not here.
        failed: why, of rows that did not come to their end; the others go on.
    """

    rows: Sequence[Row]
    seconds: int
    pairs: int
    progress: Console
    figures: list[Figure] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def measure(self, yardsticks: Path, folder: Path) -> Results:
        """Measure all rows; what there is is in the folder after each of them."""
        with (
            tempfile.TemporaryDirectory(prefix="cp-bench-") as data,
            self.progress.status("starting") as status,
        ):
            Path(data).chmod(0o755)  # the server may run as another account
            with World(Path(data), yardsticks.absolute(), status.update) as world:
                results = Results(folder, datetime.now(UTC), self._setting(world))
                for place, row in enumerate(self.rows, start=1):
                    self._say(f"[{place}/{len(self.rows)}] {row.name}: {row.meaning}")
                    self._measure_row(world, row)
                    results.write(self.figures, self.skipped, self.failed)
        return results

    def _measure_row(self, world: World, row: Row) -> None:
        if (why := row.missing()) is not None:
            self.skipped[row.name] = why
            self._say(f"      skipped: {why}")
            return
        began = time.monotonic()
        world.tell(row.name)
        try:
            found = row.measure(world, self.seconds, self.pairs)
        except Exception as error:
            self.failed[row.name] = _reason(error)
            self._say(f"      failed: {self.failed[row.name]}")
            return
        for figure in found:
            self._say(f"      {figure.told()}")
        self._say(f"      took {time.monotonic() - began:.0f} s")
        self.figures += [replace(figure, says=figure.says or row.meaning) for figure in found]

    def _say(self, line: str) -> None:
        self.progress.print(line, markup=False, highlight=False, soft_wrap=True)

    def _setting(self, world: World) -> dict[str, Any]:
        return {
            "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": self.seconds,
            "pairs": self.pairs,
            "processors": os.cpu_count(),
            "machine": platform.machine(),
            "server": {name: world.value("postgres", f"SHOW {name}") for name in _SETTINGS},
        }


def _reason(error: BaseException) -> str:
    """Of many callers who failed together, the first one's."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
