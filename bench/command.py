"""The command line: choose rows, run them on a server of their own, print the table."""

import logging
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import structlog
from rich.console import Console

from bench.plan import ROWS, Row
from bench.report import Figure, make_report, make_table, summary
from bench.world import HERE, World
from controlplane.cli.stopping import Stop, stop_signals
from controlplane.errors import ControlplaneError

#: Beside the repository, where the yardsticks are kept.
YARDSTICKS = HERE.parents[1] / "shared" / "bench"

_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")

_LIST = "\n".join(f"  {row.name:<8} {row.meaning}" for row in ROWS)


def _chosen(context: click.Context, parameter: click.Parameter, value: str | None) -> list[Row]:
    names = [row.name for row in ROWS] if value is None else [name.strip() for name in value.split(",")]
    if unknown := sorted(set(names) - {row.name for row in ROWS}):
        known = ", ".join(row.name for row in ROWS)
        raise click.BadParameter(f"no row {', '.join(unknown)}; there are {known}")
    return [row for row in ROWS if row.name in names]


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"\b\nRows:\n{_LIST}\n\n\b\nExamples:\n"
    "  make bench\n"
    '  make bench ARGS="--seconds 1 --pairs 1 --rows hot,single"    a quick look, not for publishing\n'
    '  make bench ARGS="--report bench.json"',
)
@click.option("--rows", callback=_chosen, metavar="NAMES", help="Which, with commas; all by default.")
@click.option("--seconds", type=click.IntRange(1), default=20, show_default=True, help="Length of each run.")
@click.option(
    "--pairs", type=click.IntRange(1), default=3, show_default=True, help="Runs of each side, in turns."
)
@click.option(
    "--yardsticks",
    type=click.Path(path_type=Path, file_okay=False),
    default=YARDSTICKS,
    show_default="../shared/bench beside the repository",
    metavar="DIR",
    help="Folder of floor.sql and its scripts.",
)
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write JSON too."
)
def main(rows: list[Row], seconds: int, pairs: int, yardsticks: Path, report: Path | None) -> None:
    """Measure our rows against the yardsticks, in turns, on a PostgreSQL 18 that is durable as in production.

    The server runs in a temporary folder and is gone afterwards. Every figure is a median over the pairs;
    with 20 seconds and three pairs it takes about a quarter of an hour. It exits with 0 also where a target
    is not reached: the table says so. For figures worth keeping, leave the machine alone meanwhile.
    """
    _require_yardsticks(rows, yardsticks)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    progress = Console(stderr=True)
    try:
        with stop_signals(), tempfile.TemporaryDirectory(prefix="cp-bench-") as folder:
            Path(folder).chmod(0o755)  # the server may run as another account
            with World(Path(folder), yardsticks.absolute()) as world:
                setting = _setting(world, seconds, pairs)
                figures = _measure(world, rows, seconds, pairs, progress)
    except Stop:
        raise click.ClickException("stopped before the end; nothing is left running") from None
    except ControlplaneError as error:
        raise click.ClickException(f"{error.message} [{error.code}]") from error
    Console().print(make_table(figures))
    click.echo(summary(figures))
    if report is not None:
        report.write_text(make_report(figures, setting))


def _measure(world: World, rows: list[Row], seconds: int, pairs: int, progress: Console) -> list[Figure]:
    figures: list[Figure] = []
    for number, row in enumerate(rows, start=1):
        place = f"[{number}/{len(rows)}]"
        progress.print(f"{place} {row.name}: {row.meaning}", markup=False, highlight=False)
        began = time.monotonic()
        with progress.status(f"{pairs} pairs of {seconds} s"):
            found = row.measure(world, seconds, pairs)
        for figure in found:
            took = time.monotonic() - began
            progress.print(f"      {figure.told()} ({took:.0f} s)", markup=False, highlight=False)
        figures += found
    return figures


def _setting(world: World, seconds: int, pairs: int) -> dict[str, Any]:
    server = {name: world.value("postgres", f"SHOW {name}") for name in _SETTINGS}
    return {
        "measuredAt": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": seconds,
        "pairs": pairs,
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "server": server,
    }


def _require_yardsticks(rows: list[Row], folder: Path) -> None:
    missing = sorted({file for row in rows for file in row.files if not (folder / file).is_file()})
    if missing:
        raise click.UsageError(
            f"no {', '.join(missing)} in {folder}; name the yardsticks' folder with --yardsticks,"
            " or choose rows that need none of it with --rows"
        )
