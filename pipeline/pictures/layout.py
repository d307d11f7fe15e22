"""What every drawing of a series shares: colours, where lines break, what is drawn as bars, what the axis of time says.

What belongs here: choices that do not depend on a format. What does not: shapes (`svg`, `files`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.shown import Line, Point, Series

COLOURS = ("#4c8ed8", "#e08a3c", "#3fa67a", "#c65a8e", "#8a78d6", "#8b97a8")
"""Of lines, in order; the last is that of the rest."""

OPEN = 0.4
"""Opacity of windows that are not final."""

_MOST_BARS = 62
_MICRO = timedelta(microseconds=1)


def colours_of(series: Series, taken: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """A colour for each line, in order: those that are `taken` by its name, else the first that are free."""
    named = {line.label for line in series.lines}
    free = [one for one in COLOURS[:-1] if one not in {taken.get(name) for name in named}]
    return [
        COLOURS[-1]
        if line.rest
        else taken.get(line.label) or (free.pop(0) if free else COLOURS[n % (len(COLOURS) - 1)])
        for n, line in enumerate(series.lines)
    ]


def banded(series: Series) -> bool:
    """Whether the range of the windows behind a point is drawn: only of a single line, for several would hide each other."""
    return series.averaged and len(series.lines) == 1


def as_bars(series: Series) -> bool:
    """Whether each figure gets a bar: amounts of one group, few enough to be told apart."""
    return (
        len(series.lines) == 1
        and series.from_zero
        and not series.averaged
        and (series.upper - series.lower) / series.step <= _MOST_BARS
    )


def runs_of(series: Series, line: Line) -> Iterator[list[Point]]:
    """The points of a line between its gaps: where a window is missing or has no figure."""
    run: list[Point] = []
    for point in line.points:
        if run and (point.value is None or point.at - run[-1].at > 1.5 * series.step):
            yield run
            run = []
        if point.value is not None:
            run.append(point)
    if run:
        yield run


def axis_text(series: Series, zone: ZoneInfo) -> str:
    """What the axis of time says of itself."""
    years = sorted({f"{clock.to_local(zone, at):%Y}" for at in (series.lower, series.upper - _MICRO)})
    return f"{' to '.join(years)}, {zone.key}"


def by_finality(run: Sequence[Point]) -> Iterator[tuple[list[Point], bool]]:
    """Stretches of final and of open windows; each begins with the last point of the one before it, so that the line goes on."""
    part: list[Point] = []
    for point in run:
        if part and point.final != part[-1].final:
            yield part, part[-1].final
            part = [replace(part[-1], final=point.final)]
        part.append(point)
    if part:
        yield part, part[-1].final
