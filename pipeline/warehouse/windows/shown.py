"""What a picture of a window is made of, and how a measure of several groups may be put together.

What belongs here: values and rules. What does not: reading the figures (`series`), drawing them (`pictures`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.contract import Dataset, Session, Window
from pipeline.warehouse.windows.compiler import figure_columns

SESSIONS = "sessions"
"""What is shown of a session window unless a measure is named: how many began."""

COMBINED = {
    "count": "sum(value)",
    "sum": "sum(value)",
    "rate": "sum(value)",
    "share": "sum(value)",
    "min": "min(value)",
    "max": "max(value)",
    "avg": "sum(value * row_count) / nullif(sum(row_count) FILTER (value IS NOT NULL), 0)",
}
ADDED = frozenset({"count", "sum", "rate", "share"})
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip


class NotDrawable(ValueError):
    """What was asked for has no picture; says why, and what would do."""


@dataclass(frozen=True)
class Point:
    """A window, or the mean of several that start side by side.

    Attributes:
        at: where it starts (of a growing window where it ends), UTC.
        value: the figure; None where it is null.
        low: smallest of the windows, high: largest.
        final: whether no row is expected any more that would change it.
    """

    at: datetime
    value: float | None
    low: float | None
    high: float | None
    final: bool


@dataclass(frozen=True)
class Line:
    """The points of a group, ascending; `rest`: of all groups that have no line of their own."""

    label: str
    points: tuple[Point, ...]
    rest: bool = False


@dataclass(frozen=True)
class Series:
    """Figures of one measure over a span.

    Attributes:
        dataset: name of the dataset.
        window: name of the window.
        measure: its measure, `row_count`, or `SESSIONS`.
        lower: beginning of the span, upper: its end; UTC.
        step: time from one point to the next where none is missing.
        lines: a line per group, the largest first.
        averaged: whether a point is the mean of several windows.
        left_out: groups without a line that no other line holds.
        from_zero: whether the figures are amounts, which are read from zero.
        axis: what a point's time is.
    """

    dataset: str
    window: str
    measure: str
    lower: datetime
    upper: datetime
    step: timedelta
    lines: tuple[Line, ...]
    averaged: bool = False
    left_out: int = 0
    from_zero: bool = True
    axis: str = "window start"


@dataclass(frozen=True)
class Bars:
    """One figure per group, the largest first; `rest` of the others where it can be had, else they are `left_out`."""

    measure: str
    bars: tuple[tuple[str, float], ...]
    rest: float | None = None
    left_out: int = 0


def drawable(dataset: Dataset, window: Window, measure: str | None = None) -> str:
    """The measure to draw: the one asked for, else the first that is a number.

    Raises:
        NotDrawable: there is no such measure, or it is no number.
    """
    types = dict(figure_columns(dataset, window))
    numbers = [name for name in (*window.measures, "row_count") if types[name].startswith(_NUMBERS)]
    if isinstance(window, Session):
        numbers.insert(0, SESSIONS)
    if measure is None:
        return numbers[0]
    if measure not in numbers:
        raise NotDrawable(
            f"{dataset.name}/{window.name} has no measure {measure!r} that is a number; it has: {', '.join(numbers)}"
        )
    return measure


def kind_of(window: Window, measure: str) -> str:
    """The kind of a measure of a window; row and session counts count."""
    return window.measures[measure].kind if measure in window.measures else "count"
