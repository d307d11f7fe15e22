"""The windows as they would be if everything that is known were committed and recomputed: the live query.

What belongs here: which days the table cannot answer for, and one statement over it and those. What does not: the rows that are staged
(`arriving`), the SQL of windows (`figures`, `compiler`).

Days that are neither dirty nor touched by staged rows come from the table; where there are none others, that is all that is asked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

import duckdb
import polars as pl

from pipeline.contract import Dataset, Session, TimeWindow, Total, Window
from pipeline.ingest.manifest import Staged
from pipeline.warehouse.publish.days import stretches
from pipeline.warehouse.sql import ident, idents, table, text, timestamp
from pipeline.warehouse.windows import clock, dirty, late, reach
from pipeline.warehouse.windows.arriving import Arriving, arriving
from pipeline.warehouse.windows.columns import matched
from pipeline.warehouse.windows.compiler import compile_total, figure_columns
from pipeline.warehouse.windows.figures import counted, figures_sql
from pipeline.warehouse.windows.revise import identity_of
from pipeline.warehouse.windows.tables import local_values, window_columns, window_table

_FAR = timedelta(days=3_660)


def windows(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Window,
    since: datetime | None,
    until: datetime | None,
    waiting: Sequence[Staged],
) -> pl.DataFrame:
    """Windows that start in [since, until), see `Session.windows`; `waiting` is what is staged.

    Raises:
        duckdb.IOException, FileNotFoundError: a staged folder went meanwhile.
    """
    marks = connection.execute(
        "SELECT DISTINCT day, delivery FROM ops.dirty_windows WHERE dataset = ? AND window_name = ?",
        [dataset.name, window.name],
    ).fetchall()
    coming = arriving(connection, dataset, waiting) if waiting else Arriving()
    if isinstance(window, Total):
        deliveries = {delivery for _, delivery in marks} | coming.deliveries
        return _frame(connection, _total_sql(dataset, window, deliveries, coming))
    rows = (
        coming.rows(dataset, counted(dataset, window), _in_time(connection, dataset, window, coming))
        if coming
        else None
    )
    days = {day for day, _ in marks} | _touched(connection, dataset, window, coming, rows)
    wanted = {day for day in days if _overlaps(dataset, day, since, until)}
    return _frame(connection, _sql(connection, dataset, window, since, until, wanted, rows))


def _frame(connection: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    """As `frames.frame`, for a statement that is known to give rows: without planning it twice."""
    result = pl.from_arrow(connection.execute(sql).to_arrow_table())
    assert isinstance(result, pl.DataFrame)
    return result


def _touched(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    coming: Arriving,
    rows: str | None,
) -> set[date]:
    """The days of windows that the rows which come or go change."""
    if not coming.spans or rows is None:
        return set()
    found = dirty.days_of(dataset, window, coming.spans)
    found |= reach.further_days(connection, dataset, window, coming.going(), coming.spans)
    fresh = reach.of_deliveries(coming.fresh)
    return found | reach.further_days(connection, dataset, window, fresh, coming.spans, rows)


def _in_time(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, coming: Arriving
) -> str | None:
    """SQL: that a row which comes would not be held back; None where none would."""
    before = late.reached(connection, dataset) if dataset.late == "hold" and coming.spans else None
    if before is None:
        return None
    _, edge = before.edges(dataset, window, min(span.first for span in coming.spans))
    return None if edge is None else f"{ident(dataset.event_time or '')} >= {timestamp(edge)}"


def _overlaps(dataset: Dataset, day: date, since: datetime | None, until: datetime | None) -> bool:
    lower, upper = clock.day_bounds(dataset.zone, day)
    return (since is None or upper > since) and (until is None or lower < until)


def _sql(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    since: datetime | None,
    until: datetime | None,
    days: Collection[date],
    relation: str | None,
) -> str:
    asked = _within(since, until)
    spans = [clock.span_bounds(dataset.zone, stretch) for stretch in stretches(days)]
    fresh = [
        f"SELECT * FROM ({figures_sql(connection, dataset, window, lower, upper, relation)}) AS figures{_where(asked)}"
        for lower, upper in spans
    ]
    elsewhere = [f"NOT ({' AND '.join(_within(lower, upper))})" for lower, upper in spans]
    ends = (spans[0][0], _latest_end(dataset, window, spans[-1][1])) if spans else None
    return _merged(dataset, window, _where([*asked, *elsewhere]), fresh, _where(asked), ends)


def _latest_end(dataset: Dataset, window: TimeWindow, upper: datetime) -> datetime:
    """A moment by which the windows that start before `upper` have ended; of sessions, which have no length, one that is far off."""
    return clock.plus(upper, _FAR if isinstance(window, Session) else window.length + 2 * clock.DAY)


def _total_sql(dataset: Dataset, window: Total, deliveries: Collection[str], coming: Arriving) -> str:
    if not deliveries:
        return _merged(dataset, window, "", [], "")
    source = table("clean", dataset.name)
    rows = coming.rows(dataset, source) if coming else source
    listed = f"_delivery IN ({', '.join(text(delivery) for delivery in sorted(deliveries))})"
    fresh = [compile_total(dataset, window, rows, per_delivery=False)]
    if window.per_delivery:
        touched = f"(SELECT * FROM {rows} AS rows WHERE {listed})"
        fresh.append(compile_total(dataset, window, touched, per_delivery=True))
    return _merged(dataset, window, f" WHERE NOT (_delivery IS NULL OR {listed})", fresh, "")


def _merged(
    dataset: Dataset,
    window: Window,
    stored: str,
    fresh: Sequence[str],
    known: str,
    ends: tuple[datetime, datetime] | None = None,
) -> str:
    """SELECT of the table's windows for which the condition `stored` holds, and of fresh figures in place of the others; of those that
    the table knows under the condition `known` the revision stays. `ends`: the fresh ones lie between them."""
    target = window_table(dataset, window)
    names = [name for name, _ in window_columns(dataset, window)]
    parts = [f"SELECT {idents(names)} FROM {target}{stored}"]
    keys = identity_of(window)
    if fresh:
        on = matched([ident(key) for key in keys], "live", "old")
        figures = ", ".join(
            f"CAST(live.{ident(name)} AS {kind}) AS {ident(name)}"
            for name, kind in figure_columns(dataset, window)
        )
        local = local_values(dataset, window, "live.window_start", "live.window_end", *ends) if ends else []
        beside = "".join(f", {value}" for value in local)
        parts.append(
            f"SELECT {figures}, coalesce(old.revision, 0)::INTEGER AS revision, old.computed_at, false AS is_final{beside} "
            f"FROM ({' UNION ALL '.join(fresh)}) AS live LEFT JOIN (SELECT * FROM {target}{known}) AS old ON {on}"
        )
    order = ", ".join(f"{ident(key)} NULLS {'FIRST' if key == '_delivery' else 'LAST'}" for key in keys)
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY {order}"


def _within(since: datetime | None, until: datetime | None) -> list[str]:
    asked = []
    if since is not None:
        asked.append(f"window_start >= {timestamp(since)}")
    if until is not None:
        asked.append(f"window_start < {timestamp(until)}")
    return asked


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
