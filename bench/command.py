"""The command line: choose rows, run them on a server of their own, print the table, write files."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import structlog
from rich.console import Console

from bench.figure import Figure
from bench.plan import GROWTH, ROWS, UNDECIDED, Row, choose
from bench.report import make_table, summary
from bench.running import Run
from bench.world import HERE
from controlplane.cli.stopping import Stop, stop_signals
from controlplane.errors import ControlplaneError

#: Beside the repository, where the yardsticks are kept.
YARDSTICKS = HERE.parents[1] / "shared" / "bench"

_LIST = "\n".join(f"  {row.name:<18} {row.meaning}" for row in ROWS)

#: Columns of the table where nobody has a terminal, and from how many on it says what a row is.
_COLUMNS, _ROOM = 150, 120


def _chosen(context: click.Context, parameter: click.Parameter, value: str | None) -> Sequence[Row]:
    try:
        return choose(value)
    except KeyError as error:
        known = ", ".join(row.name for row in ROWS)
        raise click.BadParameter(f"no row {error.args[0]}; there are {known}") from error


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"\b\nRows:\n{_LIST}\n\n"
    "Figures: a ratio is ours to the yardstick, of the same pair; of a growing thing, its last cost to its"
    " first. The median of the pairs is compared with what is wanted: ok, or short.\n\n"
    "\b\nExamples:\n"
    "  make bench\n"
    '  make bench ARGS="--rows hot,single --seconds 1 --pairs 1"    a quick look, not for publishing\n'
    '  make bench ARGS="--rows growth"                              all curves: three quarters of an hour\n'
    '  make bench ARGS="--rows lanes,open-loop,fairness --results /tmp/figures"',
)
@click.option(
    "--rows",
    callback=_chosen,
    metavar="NAMES",
    help="Which, with commas, or what several begin with: lanes, http, growth."
    f" All but {GROWTH} and {UNDECIDED} by default.",
)
@click.option("--seconds", type=click.IntRange(1), default=20, show_default=True, help="Length of each run.")
@click.option(
    "--pairs", type=click.IntRange(1), default=3, show_default=True, help="Runs of each side, in turns."
)
@click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default=HERE / "results",
    show_default="bench/results",
    metavar="DIR",
    help="Folder for the JSON file and the plot; made if it is not there.",
)
@click.option(
    "--yardsticks",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="CONTROLPLANE_BENCH_YARDSTICKS",
    show_envvar=True,
    default=YARDSTICKS,
    show_default="../shared/bench beside the repository",
    metavar="DIR",
    help="Folder of floor.sql, noop.py and their scripts.",
)
@click.pass_context
def main(
    context: click.Context, rows: Sequence[Row], seconds: int, pairs: int, results: Path, yardsticks: Path
) -> None:
    """Measure our rows against the yardsticks, in turns, on a PostgreSQL 18 that is durable as in production.

    The server runs in a temporary folder and is gone afterwards. Every figure is a median over the pairs;
    with 20 seconds and three pairs the usual rows take half an hour, and those of growth as long again. For
    figures worth keeping, leave the machine alone meanwhile.

    A table is printed at the end. A JSON file with everything measured and a plot, named by the time of the
    start, are written whenever a row is done, so what is interrupted leaves what it has.

    It exits with 0 also where a target is not reached: the table says so. A row that needs what is not here
    is skipped and says why; if it was named with --rows, the exit code is 1. It is 1 too if a row failed; the
    others are measured nevertheless.
    """
    _require_yardsticks(rows, yardsticks)
    results.mkdir(parents=True, exist_ok=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    run = Run(rows, seconds, pairs, Console(stderr=True))
    try:
        with stop_signals():
            files = run.measure(yardsticks, results)
    except Stop:
        raise click.ClickException("stopped before the end; nothing is left running") from None
    except ControlplaneError as error:
        raise click.ClickException(f"{error.message} [{error.code}]") from error
    finally:
        if run.figures:
            _print(run.figures)
    for name, why in run.skipped.items():
        click.echo(f"{name} was skipped: {why}")
    for name, why in run.failed.items():
        click.echo(f"{name} failed: {why}")
    click.echo(f"written: {', '.join(str(file) for file in (files.json, files.picture) if file.exists())}")
    named = context.get_parameter_source("rows") is click.core.ParameterSource.COMMANDLINE
    if run.failed or (run.skipped and named):
        sys.exit(1)


def _print(figures: Sequence[Figure]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_COLUMNS)
    console.print(make_table(figures, says=console.width >= _ROOM))
    click.echo(summary(figures))


def _require_yardsticks(rows: Sequence[Row], folder: Path) -> None:
    missing = sorted({file for row in rows for file in row.files if not (folder / file).is_file()})
    if missing:
        raise click.UsageError(
            f"no {', '.join(missing)} in {folder}; name the yardsticks' folder with --yardsticks,"
            " or choose rows that need none of it with --rows"
        )
