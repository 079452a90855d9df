"""``python -m bench.against REVISION``: the rows as they were at another commit and as they are, in turns.

A ratio to the yardstick says how good a row is, and moves with the machine; what has become of it since that
commit is the quotient of two such ratios, measured one right after the other. Either side is run by its own
``bench``, so both must know the rows.
"""

import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.table import Table

from bench.command import YARDSTICKS
from bench.world import HERE

ROOT = HERE.parent
#: How far a ratio may lie from what it was.
TARGET = 0.10


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n"
    "  python -m bench.against HEAD~1\n"
    "  python -m bench.against v0.1 --rows hot,spread --seconds 10 --pairs 9",
)
@click.argument("revision")
@click.option("--rows", default="hot,spread,single,check", show_default=True, help="As for the bench itself.")
@click.option("--seconds", type=click.IntRange(1), default=3, show_default=True, help="Length of each run.")
@click.option("--pairs", type=click.IntRange(1), default=7, show_default=True, help="Turns of both commits.")
@click.option(
    "--yardsticks",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    envvar="CONTROLPLANE_BENCH_YARDSTICKS",
    default=YARDSTICKS if YARDSTICKS.is_dir() else None,
    show_default="(../shared/bench beside the repository)",
    help="Folder of floor.sql, noop.py and their scripts.",
)
def main(revision: str, rows: str, seconds: int, pairs: int, yardsticks: Path | None) -> None:
    """Measure rows at REVISION and as they are here, in turns, and print what has become of each.

    1 is as it was; more is better. A row is "within" if its median lies no more than 10 % below 1.
    Exits with 0 all the same: the table says it.
    """
    known: dict[str, list[tuple[float, float]]] = defaultdict(list)
    console = Console()
    with _checked_out(revision) as then:
        for turn in range(1, pairs + 1):
            # Who comes second finds the machine as the first left it: they take turns in that too.
            order = (then, ROOT) if turn % 2 else (ROOT, then)
            told = {}
            for tree in order:
                name = revision if tree is then else "here"
                console.print(f"turn {turn} of {pairs}: {name}", style="dim")
                told[tree] = _run(tree, rows, seconds, yardsticks)
            for row, value in told[ROOT].items():
                if row in told[then]:
                    known[row].append((told[then][row], value))
    console.print(_table(revision, known))


@contextmanager
def _checked_out(revision: str) -> Iterator[Path]:
    """The tree of a commit in a folder of its own, as long as it is needed."""
    with TemporaryDirectory(prefix="cp-against-") as folder:
        tree = Path(folder, "then")
        added = _git("worktree", "add", "--detach", str(tree), revision)
        if added.returncode:
            raise click.BadParameter(added.stderr.strip(), param_hint="REVISION")
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)


def _run(tree: Path, rows: str, seconds: int, yardsticks: Path | None) -> Mapping[str, float]:
    """One pair of each row, by the bench of that tree: its ratio, upside down where less is better."""
    with TemporaryDirectory(prefix="cp-against-") as results:
        options = ["--rows", rows, "--seconds", str(seconds), "--pairs", "1", "--results", results]
        if yardsticks is not None:
            options += ["--yardsticks", str(yardsticks.resolve())]
        ran = subprocess.run(
            [sys.executable, "-m", "bench", *options],
            cwd=tree,
            # Its own sources, whatever is installed.
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tree), str(tree / "src")))},
            capture_output=True,
            text=True,
        )
        files = list(Path(results).glob("*.json"))
        if ran.returncode or not files:
            raise click.ClickException(f"the bench of {tree.name} failed:\n{ran.stderr[-2000:]}")
        measured = json.loads(files[0].read_text())["rows"]
    return {
        row["row"]: 1 / row["value"] if row["targetIs"] == "most" else row["value"]
        for row in measured
        if row["value"]
    }


def _table(revision: str, known: Mapping[str, list[tuple[float, float]]]) -> Table:
    table = Table(title=f"ratio to the yardstick: at {revision}, here, and here to {revision}")
    table.add_column("row", no_wrap=True)
    for name in (revision, "here", "here to then", "least", "most", ""):
        table.add_column(name, justify="right", no_wrap=True)
    for row, pairs in known.items():
        changes = [now / then for then, now in pairs]
        change = statistics.median(changes)
        figures = (statistics.median(column) for column in zip(*pairs, strict=True))
        table.add_row(
            row,
            *(f"{figure:.3f}" for figure in (*figures, change, min(changes), max(changes))),
            "within" if change >= 1 - TARGET else "[red]worse[/red]",
        )
    return table


if __name__ == "__main__":
    main(prog_name="python -m bench.against")
