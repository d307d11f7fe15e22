"""Panels of figures as SVG, drawn by hand: a picture costs a millisecond and no library.

What belongs here: shapes from numbers. What does not: a page around them (`page`), other formats (`files`).

Greys and colours are chosen to be read on white and on black, since pages of both kinds show them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

from pipeline.counts import counted
from pipeline.pictures import ticks
from pipeline.pictures.layout import (
    COLOURS,
    OPEN,
    as_bars,
    axis_text,
    banded,
    by_finality,
    colours_of,
    runs_of,
)
from pipeline.warehouse.windows.shown import Bars, Line, Point, Series

TEXT, GRID = "#7d8794", "#8b97a8"
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 30, 44


@dataclass(frozen=True)
class Panel:
    """A drawn part of a picture: its shapes as SVG, its size, and what its lines are called."""

    shapes: str
    width: int
    height: int
    legend: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """From figures to pixels of a panel."""

    series: Series
    width: int
    height: int
    low: float
    high: float

    def x(self, at: datetime) -> float:
        """Of a moment."""
        return _LEFT + (self.width - _LEFT - _RIGHT) * (
            (at - self.series.lower) / (self.series.upper - self.series.lower)
        )

    def y(self, value: float) -> float:
        """Of a figure."""
        return (
            self.height
            - _BOTTOM
            - (self.height - _TOP - _BOTTOM) * (value - self.low) / (self.high - self.low)
        )


def picture(panels: Sequence[Panel], title: str = "") -> str:
    """Panels side by side as one SVG, with the names of the lines below."""
    names = {name: colour for panel in panels for name, colour in panel.legend.items()}
    width, height = sum(panel.width for panel in panels), max(panel.height for panel in panels)
    drawn, left = "", 0
    for panel in panels:
        drawn += f'<g transform="translate({left} 0)">{panel.shapes}</g>'
        left += panel.width
    rows = list(_legend(names, width)) if len(names) > 1 else []
    for n, row in enumerate(rows):
        drawn += f'<g transform="translate(0 {height + 18 * n})">{row}</g>'
    whole = height + 18 * len(rows) + (4 if rows else 0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{whole}" viewBox="0 0 {width} {whole}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="11" fill="{TEXT}">{drawn}</svg>'
    )


def series_panel(
    series: Series,
    zone: ZoneInfo,
    title: str,
    width: int = 520,
    height: int = 230,
    legend: Mapping[str, str] | None = None,
) -> Panel:
    """Figures over time: bars where there are few windows of one group, else lines. `legend`: name → colour of the lines of a panel
    beside it, for those of the same name."""
    place = place_of(series, width, height)
    shapes = _frame(place, zone, title)
    names = {}
    for line, colour in zip(series.lines, colours_of(series, legend or {}), strict=True):
        names[line.label] = colour
        shapes += _bars(place, line, colour) if as_bars(series) else _line(place, line, colour)
    if not any(line.points for line in series.lines):
        shapes += (
            f'<text x="{(width + _LEFT) / 2:.0f}" y="{height / 2:.0f}" text-anchor="middle">no windows</text>'
        )
    return Panel(shapes, width, height, names)


def bar_panel(given: Bars, title: str, width: int = 520, height: int = 230) -> Panel:
    """One figure per group, as bars from zero, true to scale; those below zero go to the left."""
    rows = [
        *given.bars,
        *([(counted(given.left_out, "other"), given.rest)] if given.rest is not None else []),
    ]
    finite = [value for _, value in rows if math.isfinite(value)]
    low, high = min(0.0, *finite, 0.0), max(0.0, *finite, 0.0)
    name_width, step = 150, min(24.0, (height - _TOP - 16) / max(1, len(rows)))
    scale = (width - name_width - 90) / ((high - low) or 1.0)
    zero = name_width - low * scale
    shapes = _text(10, 16, title, weight="bold")
    for n, (label, value) in enumerate(rows):
        y, length = _TOP + step * n, scale * abs(value) if math.isfinite(value) else 0.0
        left = zero - length if value < 0 else zero
        colour = COLOURS[-1] if n == len(given.bars) else COLOURS[0]
        shapes += (
            _text(name_width - 6, y + step * 0.62, _short(label or given.measure, 24), anchor="end")
            + f'<rect x="{left:.1f}" y="{y:.1f}" width="{length:.1f}" height="{step * 0.72:.1f}" rx="2" fill="{colour}"/>'
            + _text(left + length + 6, y + step * 0.62, ticks.number(value))
        )
    if given.rest is None and given.left_out:
        shapes += _text(
            10, height - 6, f"{counted(given.left_out, 'more group is', 'more groups are')} left out"
        )
    return Panel(shapes, width, height)


def place_of(series: Series, width: int, height: int) -> Place:
    """Where figures lie in a panel."""
    figures = [
        figure
        for line in series.lines
        for point in line.points
        for figure in (point.value, *((point.low, point.high) if banded(series) else ()))
        if figure is not None
    ]
    low, high = min(figures, default=0.0), max(figures, default=1.0)
    if series.from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    marks = ticks.values(low, high)
    return Place(
        series,
        width,
        height,
        marks[0],
        min(marks[-1], high + 0.08 * (high - low)) if high > low else marks[-1],
    )


def _frame(place: Place, zone: ZoneInfo, title: str) -> str:
    series, right, floor = place.series, place.width - _RIGHT, place.height - _BOTTOM
    shapes = _text(10, 16, title, weight="bold")
    for value in ticks.values(place.low, place.high):
        if value > place.high:
            break
        y = place.y(value)
        shapes += (
            f'<line x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}" stroke-opacity="{0.7 if value == 0 else 0.25}"/>'
            + _text(_LEFT - 6, y + 4, ticks.number(value), anchor="end")
        )
    for at, label in ticks.times(series.lower, series.upper, zone):
        x = place.x(at)
        shapes += f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{floor}" y2="{floor + 4}" stroke="{GRID}"/>' + _text(
            min(max(x, _LEFT), right - 8), floor + 16, label, anchor="middle"
        )
    more = (
        f"; {counted(series.left_out, 'more group is', 'more groups are')} left out"
        if series.left_out
        else ""
    )
    mean = f"mean of the windows of {_length(series.step)}, " if series.averaged else ""
    return shapes + _text(_LEFT, floor + 34, f"{mean}{axis_text(series, zone)}{more}")


def _bars(place: Place, line: Line, colour: str) -> str:
    shapes, zero = "", place.y(0.0)
    for point in line.points:
        if point.value is None:
            continue
        left, right = place.x(point.at), place.x(min(point.at + place.series.step, place.series.upper))
        top, bottom = sorted((place.y(point.value), zero))
        gap = min(2.0, (right - left) * 0.15)
        shapes += (
            f'<rect x="{left + gap / 2:.1f}" y="{top:.1f}" width="{max(1.0, right - left - gap):.1f}" '
            f'height="{max(0.5, bottom - top):.1f}" fill="{colour}" fill-opacity="{1 if point.final else OPEN}"/>'
        )
    return shapes


def _line(place: Place, line: Line, colour: str) -> str:
    shapes = ""
    dashed = ' stroke-dasharray="4 3"' if line.rest else ""
    for run in runs_of(place.series, line):
        if banded(place.series):
            shapes += _band(place, run, colour)
        for part, final in by_finality(run):
            opacity = 1 if final else OPEN
            if len(part) == 1:
                point = part[0]
                shapes += f'<circle cx="{place.x(point.at):.1f}" cy="{place.y(point.value or 0.0):.1f}" r="2.2" fill="{colour}" fill-opacity="{opacity}"/>'
            else:
                spelled = " ".join(f"{place.x(p.at):.1f},{place.y(p.value or 0.0):.1f}" for p in part)
                shapes += f'<polyline points="{spelled}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-linejoin="round" stroke-opacity="{opacity}"{dashed}/>'
    return shapes


def _band(place: Place, run: Sequence[Point], colour: str) -> str:
    """The range of the windows behind each point."""
    above = [f"{place.x(p.at):.1f},{place.y(p.high):.1f}" for p in run if p.high is not None]
    below = [f"{place.x(p.at):.1f},{place.y(p.low):.1f}" for p in reversed(run) if p.low is not None]
    return f'<polygon points="{" ".join(above + below)}" fill="{colour}" fill-opacity="0.18"/>'


def _legend(names: dict[str, str], width: int) -> Iterator[str]:
    """Rows of names with their colours."""
    row, x = "", _LEFT
    for label, colour in names.items():
        name = _short(label, 32)
        wide = 24 + 6.4 * len(name)
        if x + wide > width and row:
            yield row
            row, x = "", _LEFT
        row += f'<rect x="{x}" y="2" width="10" height="10" rx="2" fill="{colour}"/>' + _text(
            x + 15, 11, name
        )
        x += int(wide)
    if row:
        yield row


def _length(step: timedelta) -> str:
    days, seconds = step.days, step.seconds
    if days:
        return counted(days, "day")
    return f"{seconds // 3600} h" if seconds % 3600 == 0 else f"{seconds // 60} min"


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    styled = ("" if anchor == "start" else f' text-anchor="{anchor}"') + (
        "" if weight == "normal" else f' font-weight="{weight}"'
    )
    return f'<text x="{x:.1f}" y="{y:.1f}"{styled}>{escape(text)}</text>'
