"""The plot of a run: how far from what is wanted each row is, and what grows how.

Three kinds of panels: rows with a target as shares of it, rows without one as ratios, and one panel for each
thing that grows by more than one step. A line at 1 is what is wanted, the yardstick, or the first point.
"""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.figure import Curve, Figure, shown

_GOOD, _SHORT, _PLAIN = "#2a7f3f", "#b3261e", "#47597a"
_INCH_A_ROW, _INCHES_AROUND, _INCHES_OF_A_CURVE = 0.34, 1.3, 3.6
_INCHES, _COLUMNS, _DOTS = 11, 2, 110
#: Beyond this factor between its ends, an axis is logarithmic.
_WIDE = 8


def plot(figures: Sequence[Figure], title: str, file: Path) -> None:
    """Draw all panels for which there is something into a PNG file."""
    judged = [figure for figure in figures if figure.target and min(figure.values) > 0]
    others = [figure for figure in figures if figure.target is None and figure.yardstick and not figure.curve]
    curves: dict[str, list[Curve]] = {}
    for figure in figures:
        if figure.curve and len(figure.curve.points) > 2:
            curves.setdefault(figure.curve.row, []).append(figure.curve)
    lists = [(rows, draw) for rows, draw in ((judged, _draw_judged), (others, _draw_others)) if rows]
    panels = list(curves.items())
    lines = [panels[place : place + _COLUMNS] for place in range(0, len(panels), _COLUMNS)]
    heights = [len(rows) * _INCH_A_ROW + _INCHES_AROUND for rows, _ in lists]
    heights += [_INCHES_OF_A_CURVE] * len(lines)
    if not heights:
        return
    page = matplotlib.figure.Figure(figsize=(_INCHES, sum(heights)), layout="constrained")
    page.suptitle(title, fontsize="medium")
    bands = page.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for band, (rows, draw) in zip(bands, lists, strict=False):
        draw(band.add_subplot(), rows)
    for band, line in zip(bands[len(lists) :], lines, strict=True):
        for place, (row, drawn) in enumerate(line, start=1):
            _draw_curves(band.add_subplot(1, _COLUMNS, place), row, drawn)
    page.savefig(file, dpi=_DOTS)


def _draw_judged(axes: Axes, figures: Sequence[Figure]) -> None:
    def share(figure: Figure, value: float) -> float:
        assert figure.target is not None
        return figure.target / value if figure.at_most else value / figure.target

    _draw_rows(axes, figures, share)
    axes.set_title("how much of what is wanted is reached: median and spread", loc="left")
    axes.set_xlabel("1 or more: all of it")


def _draw_others(axes: Axes, figures: Sequence[Figure]) -> None:
    _draw_rows(axes, figures, lambda figure, value: value)
    axes.set_title("ratio of ours to the yardstick, for information", loc="left")
    axes.set_xlabel("1: as fast as the yardstick")


def _draw_rows(axes: Axes, figures: Sequence[Figure], place: Callable[[Figure, float], float]) -> None:
    labels, reach = [], [1.0]
    for line, figure in enumerate(figures):
        at = place(figure, figure.median)
        ends = sorted(place(figure, value) for value in (min(figure.values), max(figure.values)))
        color = {"ok": _GOOD, "short": _SHORT}.get(figure.verdict, _PLAIN)
        axes.plot(ends, [line, line], color=color, linewidth=5, alpha=0.35, solid_capstyle="butt")
        axes.plot([at], [line], "o", color=color, markersize=7)
        wanted = f"  ({figure.wanted})" if figure.wanted else ""
        unit = "" if figure.yardstick else f" {figure.unit}"
        labels.append(f"{figure.name}   {shown(figure.median)}{unit}{wanted}")
        reach += ends
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="x", alpha=0.3)
    _scale_x(axes, [min(reach) / 1.25, max(reach) * 1.25], _steps(min(reach) / 1.25, max(reach) * 1.25))


def _draw_curves(axes: Axes, row: str, curves: Sequence[Curve]) -> None:
    reach = [1.0]
    for curve in curves:
        relative = curve.relative().values()
        least, middle, most = ([of(values) for values in relative] for of in (min, statistics.median, max))
        first = shown(statistics.median(curve.costs[curve.points[0]]))
        label = f"{curve.series} (at first {first} µs)"
        (line,) = axes.plot(curve.points, middle, "o-", label=label, markersize=4)
        axes.fill_between(curve.points, least, most, color=line.get_color(), alpha=0.15, linewidth=0)
        reach += [*least, *most]
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_title(row, loc="left")
    axes.set_xlabel(curves[0].along)
    axes.set_ylabel("cost of an item, first point = 1")
    _scale_x(axes, None, sorted({point for curve in curves for point in curve.points}))
    low, high = min(reach) / 1.25, max(reach) * 1.25
    if high > _WIDE * low:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(FixedLocator(_steps(low, high)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylim(low, high)
    else:
        axes.set_ylim(0, high)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", fontsize="small")


def _scale_x(axes: Axes, ends: Sequence[float] | None, ticks: Sequence[float]) -> None:
    """Logarithmic where the ticks are far apart; with those ticks and no others."""
    if ticks[-1] > _WIDE * ticks[0] or ends is not None:
        axes.set_xscale("log")
    if ends is not None:
        axes.set_xlim(*ends)
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))


def _steps(low: float, high: float) -> list[float]:
    """1, 2, 5, 10 and so on, as far as they lie between the two; more of them where that is not far."""
    steps = (1, 2, 5) if high > 10 * low else (1, 1.5, 2, 3, 5, 7)
    return [at for power in range(-6, 8) for step in steps if low <= (at := step * 10.0**power) <= high]


def _short(value: float) -> str:
    """2000 as 2k, and so on."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
