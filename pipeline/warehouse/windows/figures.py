"""The figures of some days' windows as SQL, whoever asks: the recomputation, the verification, the live query.

What belongs here: which rows count, and over which span the compiler is run. What does not: the SQL of windows (`compiler`).
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from pipeline.contract import Cumulative, Dataset, Session, Sliding, TimeWindow, Tumbling
from pipeline.contract.windows import MICROSECOND
from pipeline.warehouse.sql import LAST, ident, idents, interval, table, text, timestamp
from pipeline.warehouse.windows import clock, sessions
from pipeline.warehouse.windows.compiler import compile_window
from pipeline.warehouse.windows.fill import filled_in
from pipeline.warehouse.windows.grid import grid_of
from pipeline.warehouse.windows.limits import Limits, limits_of


def figures_sql(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    lower: datetime,
    upper: datetime,
    relation: str | None = None,
    limits: Limits | None = None,
    only: str | None = None,
) -> str:
    """SELECT of `compiler.figure_columns` of the windows that start in [lower, upper), without those that retention has frozen or
    deleted: the rows that are left would give less than they were made of.

    Args:
        connection: looked at where the span to read depends on the rows.
        dataset: the window's.
        window: any over time.
        lower: UTC without zone; where a day begins.
        upper: UTC without zone; where a day ends.
        relation: SQL of a relation with the columns of the clean table, in its place.
        only: SQL condition on rows that whole groups fulfil, where not all groups are wanted.
        limits: how far retention has gone, where the caller knows it; read when None.
    """
    everything = relation or counted(dataset, window)
    source = everything if only is None else f"(SELECT * FROM {everything} AS rows WHERE {only})"
    until = (
        sessions.horizon(connection, dataset, window, source, upper) if isinstance(window, Session) else None
    )
    if limits is None:
        limits = limits_of(connection, dataset.name)
    earlier, filled, stored = None, None, None
    if isinstance(window, Tumbling | Sliding) and window.fill is not None:
        filled = filled_in(connection, dataset, window, everything, lower, upper, limits.rows)
    if limits.rows is not None and getattr(window, "fill", None) is not None:
        earlier = _before(dataset, window, limits.rows)
        stored = _kept(dataset, window, limits.rows)
    sql = compile_window(dataset, window, source, lower, upper, until, earlier, filled, stored)
    if _passes_the_end(dataset, window, until or upper):
        sql = _ended(dataset, window, sql)
    return f"SELECT * FROM (\n{sql}\n)\nWHERE {limits.open_sql(window)}" if limits else sql


def _passes_the_end(dataset: Dataset, window: TimeWindow, upper: datetime) -> bool:
    """Whether windows that start before `upper` may end after the year 9999: no reader in Python could hold such a moment."""
    if isinstance(window, Session):
        return clock.plus(upper, window.pause) == LAST
    return grid_of(dataset, window).reach(upper) >= clock.plus(LAST, -clock.DAY)


def _ended(dataset: Dataset, window: TimeWindow, sql: str) -> str:
    """`sql` with windows that end with the year 9999 at the latest, in UTC and where they go by the local clock on that; of those that grow
    within a period one does."""
    end = timestamp(LAST)
    if not isinstance(window, Session) and grid_of(dataset, window).local:
        end = timestamp(clock.to_utc(dataset.zone, LAST))
    last = f"{timestamp(LAST)} - {interval(MICROSECOND)}"
    ended = f"SELECT * REPLACE (CASE WHEN window_end >= {end} THEN {last} ELSE window_end END AS window_end) FROM (\n{sql}\n)"
    if isinstance(window, Cumulative):
        before = (
            f"lag(window_end) OVER (PARTITION BY {idents(['window_start', *window.by])} ORDER BY window_end)"
        )
        ended += f" AS grown QUALIFY coalesce({before} < {end}, true)"
    return ended


def _spans_rows(window: TimeWindow) -> bool:
    """Whether which windows there are follows from the first and last rows, not from the clock alone."""
    return isinstance(window, Session) or (isinstance(window, Tumbling) and window.fill is not None)


def _before(dataset: Dataset, window: TimeWindow, rows: datetime) -> str:
    """SQL of the first window that is kept of each group, of those from before the rows that are left."""
    by = "".join(f"{ident(name)}, " for name in window.by)
    grouped = f" GROUP BY {idents(window.by)}" if window.by else ""
    having = "" if window.by else " HAVING count(*) > 0"
    kept = f"FROM {table('windows', f'{dataset.name}_{window.name}')} WHERE window_start < {timestamp(rows)}"
    return f"SELECT {by}min(window_start) AS _first {kept}{grouped}{having}"


def _kept(dataset: Dataset, window: TimeWindow, rows: datetime) -> str:
    """SQL of the figures of the last window with rows of each group, of those from before the rows that are left."""
    names = idents([*window.by, "window_start", *window.measures])
    parted = f"PARTITION BY {idents(window.by)} " if window.by else ""
    return (
        f"SELECT {names} FROM {table('windows', f'{dataset.name}_{window.name}')} WHERE window_start < {timestamp(rows)} AND row_count > 0 "
        f"QUALIFY row_number() OVER ({parted}ORDER BY window_start DESC) = 1"
    )


def counted(dataset: Dataset, window: TimeWindow) -> str:
    """SQL of the relation of the clean rows that count in a window: held ones do not. Nor do those that came for a session whose other
    rows are gone: they would join it to sessions that are open still."""
    source = table("clean", dataset.name)
    left_out = [
        *(["held"] if dataset.late == "hold" else []),
        *(["frozen"] if dataset.keep_rows is not None and _spans_rows(window) else []),
    ]
    if not left_out:
        return source
    late = (
        f"SELECT delivery AS _delivery, _row FROM ops.late_rows WHERE dataset = {text(dataset.name)} "
        f"AND window_name = {text(window.name)} AND status IN ({', '.join(map(text, left_out))})"
    )
    return f"(SELECT * FROM {source} ANTI JOIN ({late}) AS late USING (_delivery, _row))"
