"""One figure, the table of all of them, and the same as JSON."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """A row of the table.

    Attributes:
        name: of the row.
        unit: of ``yardstick`` and ``ours``.
        values: what is compared with the target, one for each pair; the median counts.
        target: what the median should be; None where it is for information only.
        at_most: the target is the most it may be, instead of the least.
        yardstick: one for each pair; empty where there is nothing to compare with.
        ours: likewise.
        details: more about it, for the JSON only.
    """

    name: str
    unit: str
    values: Sequence[float]
    target: float | None
    at_most: bool = False
    yardstick: Sequence[float] = ()
    ours: Sequence[float] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The figure."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """``ok`` or ``short``; nothing where there is no target."""
        if self.target is None:
            return ""
        reached = self.median <= self.target if self.at_most else self.median >= self.target
        return "ok" if reached else "short"

    def told(self) -> str:
        """The row in one line, while the others are still running."""
        return f"{self.name}: {_shown(self.median)} {self.verdict}".rstrip()

    def as_json(self) -> dict[str, Any]:
        """Everything about it."""
        return {
            "row": self.name,
            "unit": self.unit,
            "value": self.median,
            "least": min(self.values),
            "most": max(self.values),
            "target": self.target,
            "targetIs": "most" if self.at_most else "least",
            "verdict": self.verdict or None,
            "values": list(self.values),
            "yardstick": list(self.yardstick),
            "ours": list(self.ours),
            **({"details": self.details} if self.details else {}),
        }


def make_table(figures: Sequence[Figure]) -> Table:
    """The table: medians, and the spread of what is compared."""
    table = Table(title="medians; ratio is ours to the yardstick, pair by pair")
    table.add_column("row")
    for name in ("yardstick", "ours"):
        table.add_column(name, justify="right")
    table.add_column("unit")
    for name in ("ratio", "spread", "target"):
        table.add_column(name, justify="right")
    table.add_column("")
    for figure in figures:
        compared = bool(figure.yardstick)
        style = {"ok": "green", "short": "red"}.get(figure.verdict, "")
        table.add_row(
            figure.name,
            _shown(statistics.median(figure.yardstick)) if compared else "",
            _shown(statistics.median(figure.ours or figure.values)),
            figure.unit,
            _shown(figure.median) if compared else "",
            f"{_shown(min(figure.values))} to {_shown(max(figure.values))}",
            "" if figure.target is None else f"{'≤' if figure.at_most else '≥'} {figure.target:g}",
            f"[{style}]{figure.verdict}[/]" if style else "",
        )
    return table


def summary(figures: Sequence[Figure]) -> str:
    """The last line: how many reach their target, and which do not."""
    judged = [figure for figure in figures if figure.target is not None]
    short = [figure.name for figure in judged if figure.verdict == "short"]
    text = f"{len(judged) - len(short)} of {len(judged)} targets reached"
    return f"{text}; short: {', '.join(short)}" if short else text


def make_report(figures: Sequence[Figure], setting: dict[str, Any]) -> str:
    """JSON: what it ran on, then one object for each row."""
    rows = [figure.as_json() for figure in figures]
    return json.dumps({**setting, "rows": rows}, indent=2) + "\n"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2f}"
