"""A window's stored figures as series for a picture: few enough points, few enough groups, and nothing added up that must not be.

What belongs here: choosing and combining figures. What does not: drawing them (`pictures`).

Over groups, counts and sums are added, the largest of maxima and the smallest of minima taken, averages weighted by rows. Quantiles,
distinct counts and the like cannot be had from those of the groups: of these the groups with most rows are shown, and how many are
left out is said. Over time nothing is added, for windows may overlap: where there are more windows than points, a point is the mean of
its windows, with the smallest and the largest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import duckdb

from pipeline.contract import Cumulative, Dataset, Session, Sliding, TimeWindow, Total, Window
from pipeline.contract.durations import longest
from pipeline.counts import counted
from pipeline.warehouse.sql import ident, interval, timestamp
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.grid import day_grid
from pipeline.warehouse.windows.shown import (
    ADDED,
    COMBINED,
    SESSIONS,
    Bars,
    Line,
    NotDrawable,
    Point,
    Series,
    drawable,
    kind_of,
)
from pipeline.warehouse.windows.tables import window_table

_WIDTHS = [
    *(timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30)),
    *(timedelta(hours=n) for n in (1, 2, 3, 6, 12)),
    *(timedelta(days=n) for n in (1, 2, 7, 14, 28, 91, 364)),
]
_SESSION_POINTS = 48


def series(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    lower: datetime,
    upper: datetime,
    *,
    measure: str | None = None,
    by: Sequence[str] | None = None,
    points: int = 240,
    lines: int = 5,
) -> Series:
    """The figures of the windows that start in [lower, upper) (UTC).

    Args:
        measure: which one; see `drawable`.
        by: group columns to tell apart; the window's own when not given, none for sessions.
        points: at most about so many of a line.
        lines: at most so many, and one for the rest.

    Raises:
        NotDrawable: the measure is none, `by` names no group, or groups cannot be put together.
    """
    chosen = drawable(dataset, window, measure)
    groups = _groups(dataset, window, chosen, by)
    kind = kind_of(window, chosen)
    combined = COMBINED.get(kind)
    at, axis = "window_start", "window start"
    if isinstance(window, Cumulative):
        at, axis = f"(window_end - {interval(window.step)})", "last step of the window"
    scope = f"window_start >= {timestamp(lower)} AND window_start < {timestamp(upper)}"
    step, width = _steps(connection, dataset, window, at, scope, upper - lower, points)
    value = "1" if chosen == SESSIONS else ident(chosen)
    merged = (
        "SELECT moment, shown, rank, value, final FROM placed"
        if isinstance(window, Session)
        else f"SELECT moment, shown, rank, {combined or 'any_value(value)'} AS value, bool_and(final) AS final FROM placed GROUP BY ALL"
    )
    bucket = _bucket(dataset, width, lower, upper)
    mean = "sum(value)" if chosen == SESSIONS else "avg(value)"
    rows = connection.execute(
        f"WITH given AS (SELECT {at} AS moment, {_label(groups)} AS label, CAST({value} AS DOUBLE) AS value, row_count, is_final AS final "
        f"FROM {window_table(dataset, window)} WHERE {scope}), "
        f"ranked AS (SELECT label, row_number() OVER (ORDER BY {'sum(value)' if kind in ADDED else 'sum(row_count)'} DESC NULLS LAST, label) "
        "AS rank, count(*) OVER () AS labels FROM given GROUP BY label), "
        f"placed AS (SELECT given.*, labels, CASE WHEN rank <= {lines} THEN label END AS shown, least(rank, {lines + 1}) AS rank "
        f"FROM given JOIN ranked USING (label)), merged AS ({merged}) "
        f"SELECT rank, shown, {bucket} AS start, {mean}, min(value), max(value), bool_and(final), (SELECT max(labels) FROM placed) "
        "FROM merged GROUP BY ALL ORDER BY 1, 3"
    ).fetchall()
    found: dict[int, tuple[str | None, list[Point]]] = {}
    for rank, label, moment, *figures, _ in rows:
        found.setdefault(rank, (label, []))[1].append(Point(moment, *figures))
    others = max(0, (rows[0][-1] if rows else 0) - lines)
    kept = {rank: line for rank, line in found.items() if rank <= lines or combined is not None}
    return Series(
        dataset.name,
        window.name,
        chosen,
        lower,
        upper,
        step,
        tuple(
            Line(label if label is not None else counted(others, "other"), tuple(line), rest=rank > lines)
            for rank, (label, line) in kept.items()
        ),
        averaged=width is not None and chosen != SESSIONS,
        left_out=0 if combined is not None else others,
        from_zero=kind in ADDED or kind == "count_distinct",
        axis=axis,
    )


def bars(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Window,
    span: tuple[datetime, datetime] | None = None,
    *,
    measure: str | None = None,
    most: int = 8,
) -> Bars:
    """The figures by group: of a total those over the whole table, of others those of the last window that starts in `span` (UTC)."""
    chosen = drawable(dataset, window, measure)
    target = window_table(dataset, window)
    scope = "_delivery IS NULL"
    if span is not None and not isinstance(window, Total):
        within = f"window_start >= {timestamp(span[0])} AND window_start < {timestamp(span[1])}"
        scope = f"(window_start, window_end) = (SELECT max((window_start, window_end)) FROM {target} WHERE {within})"
    combined = COMBINED.get(kind_of(window, chosen))
    rows = connection.execute(
        f"WITH given AS (SELECT {_label(window.by)} AS label, CAST({ident(chosen)} AS DOUBLE) AS value, row_count FROM {target} WHERE {scope}), "
        "ranked AS (SELECT *, row_number() OVER (ORDER BY value DESC NULLS LAST, label) AS rank FROM given) "
        f"SELECT min(label), {combined or 'any_value(value)'}, count(*) FROM ranked GROUP BY least(rank, {most + 1}) ORDER BY min(rank)"
    ).fetchall()
    shown = tuple((label, value) for label, value, _ in rows[:most] if value is not None)
    others = rows[most:]
    rest = others[0][1] if others and combined is not None else None
    return Bars(chosen, shown, rest, others[0][2] if others else 0)


def days_stored(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow
) -> tuple[date, date] | None:
    """The first and the last day with stored windows; None where there are none."""
    first, last = connection.execute(
        f"SELECT min(window_start), max(window_start) FROM {window_table(dataset, window)}"
    ).fetchall()[0]
    return None if first is None else (clock.day_of(dataset.zone, first), clock.day_of(dataset.zone, last))


def _groups(dataset: Dataset, window: TimeWindow, measure: str, by: Sequence[str] | None) -> Sequence[str]:
    if by is None:
        return () if isinstance(window, Session) else window.by
    unknown = [name for name in by if name not in window.by]
    if unknown:
        listed = ", ".join(window.by) or "nothing"
        raise NotDrawable(
            f"{dataset.name}/{window.name} is not grouped by {', '.join(unknown)}, but by {listed}"
        )
    if (
        set(by) != set(window.by)
        and not isinstance(window, Session)
        and kind_of(window, measure) not in COMBINED
    ):
        raise NotDrawable(
            f"{measure} of several groups of {dataset.name}/{window.name} cannot be put together; "
            f"tell all of them apart: {', '.join(window.by)}"
        )
    return by


def _label(groups: Sequence[str]) -> str:
    named = ", ".join(f"coalesce({ident(name)}::VARCHAR, 'null')" for name in groups)
    return f"concat_ws(', ', {named})" if named else "''"


def _steps(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    at: str,
    scope: str,
    span: timedelta,
    points: int,
) -> tuple[timedelta, timedelta | None]:
    """The time between two points, and the width of those that stand for several windows, or None."""
    if isinstance(window, Session):
        width = _width(span / _SESSION_POINTS, timedelta())
        return width, width
    step = window.step if isinstance(window, Sliding | Cumulative) else longest(window.unit)
    [(count,)] = connection.execute(
        f"SELECT count(*) FROM (SELECT DISTINCT {at} FROM {window_table(dataset, window)} WHERE {scope} LIMIT {points + 1})"
    ).fetchall()
    if count <= points:
        return step, None
    width = _width(span / points, step)
    return width, width


def _bucket(dataset: Dataset, width: timedelta | None, lower: datetime, upper: datetime) -> str:
    """SQL of the point that `moment` is part of; points of days or more begin at one local time, whatever clocks do between them."""
    if width is None:
        return "moment"
    if width < clock.DAY:
        return f"time_bucket({interval(width)}, moment, {timestamp(lower)})"
    days, until = day_grid(dataset.zone), clock.plus(upper, width)
    begins = timestamp(clock.reached(dataset.zone, lower))
    return days.utc_sql(
        f"time_bucket({interval(width)}, {days.clock_sql('moment', lower, until)}, {begins})", lower, until
    )


def _width(least: timedelta, step: timedelta) -> timedelta:
    """The next length that people count in, of whole steps where that is one."""
    fitting = [width for width in _WIDTHS if width >= least and width >= step]
    return next(
        (width for width in fitting if not step or not width % step), fitting[0] if fitting else _WIDTHS[-1]
    )
