"""One figure of a run, and the curve that it may be the end of."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Curve:
    """What a cost does while something grows.

    Attributes:
        row: its name; the curves of a row are drawn in one panel.
        series: which of them it is.
        along: what grows, with its unit.
        points: how much there is of it, upwards.
        costs: at each point, one for each pair; µs an item. Empty before they are measured.
    """

    row: str
    series: str
    along: str
    points: Sequence[int]
    costs: Mapping[int, Sequence[float]] = field(default_factory=dict)

    def relative(self) -> dict[int, list[float]]:
        """The costs of each pair, as multiples of the same pair's first point."""
        first = self.costs[self.points[0]]
        return {
            at: [cost / start for cost, start in zip(costs, first, strict=True)]
            for at, costs in self.costs.items()
        }

    def as_json(self) -> dict[str, Any]:
        """Everything about it."""
        points = [
            {"at": at, "cost": statistics.median(self.costs[at]), "relative": statistics.median(values)}
            | {"least": min(values), "most": max(values), "costs": list(self.costs[at])}
            for at, values in self.relative().items()
        ]
        return {"series": self.series, "along": self.along, "points": points}


@dataclass(frozen=True, slots=True)
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
        says: what is measured, for people.
        note: more figures in a few words.
        details: more about it, for the JSON only.
        curve: whose last point, to its first, the values are.
    """

    name: str
    unit: str
    values: Sequence[float]
    target: float | None
    at_most: bool = False
    yardstick: Sequence[float] = ()
    ours: Sequence[float] = ()
    says: str = ""
    note: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    curve: Curve | None = None

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

    @property
    def wanted(self) -> str:
        """The target as it is read; nothing where there is none."""
        return "" if self.target is None else f"{'≤' if self.at_most else '≥'} {self.target:,g}"

    def told(self) -> str:
        """The row in one line, while the others are still running."""
        note = f" ({self.note})" if self.note else ""
        return f"{self.name}: {shown(self.median)} {self.verdict}".rstrip() + note

    def as_json(self) -> dict[str, Any]:
        """Everything about it."""
        return {
            "row": self.name,
            "says": self.says,
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
            **({"details": dict(self.details)} if self.details else {}),
            **({"curve": self.curve.as_json()} if self.curve else {}),
        }


def measure_curve(
    curve: Curve, cost: Callable[[int], float], pairs: int, *, target: float | None = None
) -> Figure:
    """Measure every point of a curve, all of them in turns, and make the figure of its ends.

    Args:
        curve: without its costs.
        cost: measures one point; µs an item.
        pairs: how many times.
        target: of the last cost, as a multiple of the first.
    """
    costs: dict[int, list[float]] = {point: [] for point in curve.points}
    for _ in range(pairs):
        for point in curve.points:
            costs[point].append(cost(point))
    measured = replace(curve, costs=costs)
    first, last = curve.points[0], curve.points[-1]
    return Figure(
        f"{curve.row}, {curve.series}",
        "µs/item",
        measured.relative()[last],
        target,
        at_most=True,
        yardstick=costs[first],
        ours=costs[last],
        curve=measured,
    )


def shown(value: float) -> str:
    """A number to three digits or so."""
    for least, decimals in ((100, 0), (10, 1), (0.1, 2)):
        if abs(value) >= least:
            return f"{value:,.{decimals}f}"
    return f"{value:.3f}" if value else "0"
