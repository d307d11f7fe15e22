"""Pictures as PNG or SVG files, drawn by matplotlib, for a report or a slide.

What belongs here: one series, or the bars of a total, in a figure of their own. What does not: pictures in pages (`svg`, `page`).
matplotlib takes a second to import, so this module is imported only to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipeline.counts import counted
from pipeline.pictures import ticks
from pipeline.pictures.layout import COLOURS, OPEN, as_bars, axis_text, banded, colours_of, runs_of
from pipeline.warehouse.windows.shown import Bars, Line, Point, Series


def draw_series(series: Series, zone: ZoneInfo, title: str, out: Path) -> None:
    """Write a series to a `.png` or `.svg` file.

    Raises:
        OSError: the file cannot be written.
    """
    figure, axes = _figure(title)
    for line, colour in zip(series.lines, colours_of(series), strict=True):
        (_bars if as_bars(series) else _line)(axes, series, line, colour)
    axes.set_xlim(0, _days(series, series.upper))
    marks = ticks.times(series.lower, series.upper, zone, 9)
    axes.set_xticks([_days(series, at) for at, _ in marks], [label for _, label in marks])
    mean = ", mean of the windows of each point" if series.averaged else ""
    more = (
        f"; {counted(series.left_out, 'more group is', 'more groups are')} left out"
        if series.left_out
        else ""
    )
    axes.set_xlabel(f"{series.axis}, {axis_text(series, zone)}{more}")
    axes.set_ylabel(f"{series.measure}{mean}")
    if series.from_zero:
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    if len(series.lines) > 1:
        figure.legend(loc="outside lower center", ncols=min(6, len(series.lines)), frameon=False, fontsize=9)
    _save(figure, out)


def draw_bars(bars: Bars, title: str, out: Path) -> None:
    """Write one figure per group to a `.png` or `.svg` file; raises OSError."""
    figure, axes = _figure(title)
    rows = [*bars.bars, *([(counted(bars.left_out, "other"), bars.rest)] if bars.rest is not None else [])]
    colours = [COLOURS[0]] * len(bars.bars) + [COLOURS[-1]]
    axes.barh(range(len(rows)), [value for _, value in rows], color=colours[: len(rows)])
    # Labels are set last: a formatter of the axis would show the places of the bars.
    axes.set_yticks(range(len(rows)), [label or bars.measure for label, _ in rows])
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    left_out = (
        f"; {counted(bars.left_out, 'more group is', 'more groups are')} left out"
        if bars.rest is None and bars.left_out
        else ""
    )
    axes.set_xlabel(f"{bars.measure}{left_out}")
    _save(figure, out)


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter(lambda value, _: ticks.number(value))
    return figure, axes


def _bars(axes: Axes, series: Series, line: Line, colour: str) -> None:
    width = series.step / timedelta(days=1)
    for final in (True, False):
        points = [point for point in line.points if point.final is final and point.value is not None]
        axes.bar(
            [_days(series, point.at) for point in points],
            [point.value or 0.0 for point in points],
            width=0.88 * width,
            align="edge",
            color=colour,
            alpha=1 if final else OPEN,
        )


def _line(axes: Axes, series: Series, line: Line, colour: str) -> None:
    axes.plot([], [], color=colour, label=line.label, linestyle="--" if line.rest else "-")
    for run in runs_of(series, line):
        at = [_days(series, point.at) for point in run]
        if banded(series):
            low, high = ([getattr(point, side) for point in run] for side in ("low", "high"))
            axes.fill_between(at, low, high, color=colour, alpha=0.18, linewidth=0)
        if len(run) == 1:
            axes.plot(
                at, [run[0].value or 0.0], "o", markersize=5, color=colour, alpha=_alpha(run), clip_on=False
            )
        for one, other in pairwise(range(len(run))):
            axes.plot(
                at[one : other + 1],
                [run[one].value or 0.0, run[other].value or 0.0],
                color=colour,
                alpha=_alpha(run[one : other + 1]),
                linewidth=1.4,
                linestyle="--" if line.rest else "-",
            )


def _days(series: Series, at: datetime) -> float:
    """Days since the span began."""
    return (at - series.lower) / timedelta(days=1)


def _alpha(points: Sequence[Point]) -> float:
    return 1 if all(point.final for point in points) else OPEN


def _save(figure: Figure, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure)
    figure.savefig(out, dpi=130)
