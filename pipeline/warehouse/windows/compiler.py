"""A window specification → one readable SELECT.

What belongs here: the SQL of windows over a source of rows, and what all kinds of them have in common. What does not: the
kinds that take more than one aggregation (`sliding`, `cumulative`, `sessions`), windows without rows (`fill`), storing results
(`recompute`), deciding which days to compute (`dirty`). The assets, the backfills and the live query all run what this module
writes.
"""

from __future__ import annotations

from datetime import datetime

from pipeline.contract import Cumulative, Dataset, GridWindow, Session, Sliding, TimeWindow, Total, Window
from pipeline.warehouse.sql import FIRST, ident, timestamp
from pipeline.warehouse.types import duckdb_type
from pipeline.warehouse.windows import cumulative, fill, sessions, sliding
from pipeline.warehouse.windows.body import Body, bucket
from pipeline.warehouse.windows.columns import Columns, columns_of, listed, with_keyed
from pipeline.warehouse.windows.grid import Grid, grid_of
from pipeline.warehouse.windows.measures import Measure
from pipeline.warehouse.windows.ways import plan

BOOKKEEPING = (("revision", "INTEGER"), ("computed_at", "TIMESTAMP"), ("is_final", "BOOLEAN"))
_BOUNDS = "window_start, window_end"


def measures_of(dataset: Dataset, window: Window) -> dict[str, Measure]:
    """Name → how it is computed, in order."""
    return {one.name: one.measure for one in plan(dataset, window)}


def figure_columns(dataset: Dataset, window: Window) -> list[tuple[str, str]]:
    """Columns that `compile_window` and `compile_total` give, with their DuckDB types, in order."""
    types = {column.name: duckdb_type(column.dtype) for column in dataset.columns}
    delivery = [("_delivery", "VARCHAR")] if isinstance(window, Total) else []
    return [
        ("window_start", "TIMESTAMP"),
        ("window_end", "TIMESTAMP"),
        *delivery,
        *((name, types[name]) for name in window.by),
        *((name, measure.sql_type) for name, measure in measures_of(dataset, window).items()),
        ("row_count", "BIGINT"),
    ]


def compile_window(
    dataset: Dataset,
    window: TimeWindow,
    source: str,
    lower: datetime,
    upper: datetime,
    until: datetime | None = None,
    earlier: str | None = None,
    filled: fill.Filled | None = None,
    stored: str | None = None,
) -> str:
    """SQL of the windows that start in [lower, upper).

    Args:
        dataset: whose event time and zone hold.
        window: any over time.
        source: a table, or a SELECT in brackets, with the dataset's columns.
        lower: UTC without zone.
        upper: UTC without zone.
        until: for sessions: the moment by which all that started before `upper` have ended (`sessions.horizon`).
        earlier: for filled windows: SQL of groups and `_first`, the first window of those that had rows which are gone.
        filled: for filled windows: what of the time is filled; all of it when None.
        stored: for windows filled forward: SQL of the figures that are kept of groups whose rows are gone.

    Returns:
        SELECT of `figure_columns`; one row per window and group in which at least one row of the source lies, or more where the
        window is filled.
    """
    columns = columns_of(dataset, window)
    if isinstance(window, Session):
        body = sessions.write(dataset, window, columns, source, lower, until or upper)
        return _outer(columns, body, lower, upper)
    grid = grid_of(dataset, window)
    body = _body(dataset, window, columns, grid, source, lower, read_until(dataset, window, upper))
    if lower == FIRST and not (isinstance(window, Sliding) and window.length > window.step):
        # The window that a row of the first days is in may begin before the calendar: then it begins with that.
        body = (
            f"SELECT * REPLACE (greatest(window_start, {timestamp(lower)}) AS window_start) FROM (\n{body}\n)"
        )
    figures = _outer(columns, body, lower, upper)
    if isinstance(window, Cumulative) or window.fill is None:
        return figures
    return fill.write(dataset, window, grid, figures, source, lower, upper, earlier, filled, stored)


def read_until(dataset: Dataset, window: GridWindow, upper: datetime) -> datetime:
    """The moment (UTC) before which all rows lie of the windows that start before `upper`: itself, where it is a start and windows do not
    overlap."""
    grid = grid_of(dataset, window)
    shown = grid.on_clock(upper)
    apart = not isinstance(window, Sliding) or window.length == window.step
    starts = apart and grid.floor(shown) == shown and grid.off_clock(shown) == upper
    return upper if starts else grid.reach(upper)


def compile_total(dataset: Dataset, window: Total, source: str, *, per_delivery: bool) -> str:
    """SQL of a total over `source`: one row per group, or per group and delivery; `figure_columns`, without times."""
    columns = columns_of(dataset, window)
    delivery = "_delivery" if per_delivery else "NULL::VARCHAR AS _delivery"
    groups = [*(["_delivery"] if per_delivery else []), *columns.by]
    grouped = f"\n  GROUP BY {', '.join(groups)}" if groups else ""
    keys = ["_delivery", *columns.by]
    picked = [delivery, *columns.by, *columns.over_rows("NULL")]
    figures = f"SELECT {listed(picked)}\n  FROM {source}{grouped}\n  HAVING count(*) > 0"
    rows = source if per_delivery else f"(SELECT * REPLACE (NULL::VARCHAR AS _delivery) FROM {source})"
    figures = with_keyed(columns, keys, figures, f"FROM {rows}")
    shown = ["NULL::TIMESTAMP AS window_start", "NULL::TIMESTAMP AS window_end", "_delivery", *columns.by]
    shown += [*columns.results("_delivery"), "row_count"]
    return f"SELECT {listed(shown, '  ')}\nFROM (\n  {figures}\n)"


def _body(
    dataset: Dataset,
    window: TimeWindow,
    columns: Columns,
    grid: Grid,
    source: str,
    lower: datetime,
    until: datetime,
) -> str:
    """SQL of window_start, window_end, groups, raw columns."""
    assert dataset.event_time is not None
    moment = ident(dataset.event_time)
    body = Body(grid, columns, source, moment, lower, until)
    if isinstance(window, Cumulative):
        return cumulative.write(body)
    if isinstance(window, Sliding) and window.length > window.step:
        return sliding.write(body, window)
    return body.timed(_tumbling(body))


def _tumbling(body: Body) -> str:
    columns, slot = body.columns, f"{bucket(body.grid, body.grid.step, body.shown)} AS _slot"
    picked = [slot, *columns.by, *columns.over_rows(body.moment)]
    figures = f"SELECT {listed(picked)}\n  {body.reads}\n  GROUP BY {', '.join(['1', *columns.by])}"
    return with_keyed(columns, ["_slot", *columns.by], figures, f"FROM (SELECT *, {slot} {body.reads})")


def _outer(columns: Columns, body: str, lower: datetime, upper: datetime) -> str:
    """The results of the windows that start in [lower, upper)."""
    shown = ["window_start", "window_end", *columns.by, *columns.results(_BOUNDS), "row_count"]
    return (
        f"SELECT {listed(shown, '  ')}\nFROM (\n{body}\n)\n"
        f"WHERE window_start >= {timestamp(lower)} AND window_start < {timestamp(upper)}"
    )
