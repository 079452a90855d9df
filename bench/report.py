"""What a run leaves: the table on the terminal, and a JSON file and a plot in the folder of results."""

import json
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from bench.figure import Figure, shown
from bench.plot import plot

_STYLES = {"ok": "green", "short": "red"}


class Results:
    """The two files of one run, named by when it began; written anew whenever a row is done."""

    def __init__(self, folder: Path, began: datetime, setting: Mapping[str, Any]) -> None:
        """Describe them; the folder is there."""
        stem = began.strftime("%Y-%m-%dT%H%M%S")
        self.json = folder / f"{stem}.json"
        self.picture = folder / f"{stem}.png"
        self._title = f"controlplane bench, {began:%Y-%m-%d %H:%M} UTC"
        self._setting = setting

    def write(self, figures: Sequence[Figure], skipped: Mapping[str, str], failed: Mapping[str, str]) -> None:
        """Write what there is so far.

        Args:
            figures: measured.
            skipped: why, by row.
            failed: why, by row.
        """
        rows = [figure.as_json() for figure in figures]
        written = {**self._setting, "rows": rows, "skipped": dict(skipped), "failed": dict(failed)}
        self.json.write_text(json.dumps(written, indent=2) + "\n")
        if figures:
            title = f"{self._title}: {self._setting['pairs']} pairs of {self._setting['seconds']} s"
            plot(figures, title, self.picture)


def make_table(figures: Sequence[Figure], *, says: bool) -> Table:
    """The table: medians, and the spread of what is compared.

    Args:
        figures: its rows.
        says: with a column that says what each is; there is room for it.
    """
    table = Table(
        title="medians; ratio is ours to the yardstick, of a growing thing its last cost to its first"
    )
    table.add_column("row", no_wrap=True)
    if says:
        table.add_column("what it says", ratio=1)
    for name in ("yardstick", "ours"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit")
    for name in ("ratio", "spread", "wanted"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for figure in figures:
        compared = bool(figure.yardstick)
        style = _STYLES.get(figure.verdict, "")
        text = escape(f"{figure.says}; {figure.note}" if figure.note else figure.says)
        table.add_row(
            figure.name,
            *([text] if says else []),
            shown(statistics.median(figure.yardstick)) if compared else "",
            shown(statistics.median(figure.ours or figure.values)),
            figure.unit,
            shown(figure.median) if compared else "",
            f"{shown(min(figure.values))} to {shown(max(figure.values))}",
            figure.wanted,
            f"[{style}]{figure.verdict}[/]" if style else "",
        )
    return table


def summary(figures: Sequence[Figure]) -> str:
    """The last line: how many reach what is wanted, and which do not."""
    judged = [figure for figure in figures if figure.target is not None]
    short = [figure.name for figure in judged if figure.verdict == "short"]
    text = f"{len(judged) - len(short)} of {len(judged)} targets reached"
    return f"{text}; short: {'; '.join(short)}" if short else text
