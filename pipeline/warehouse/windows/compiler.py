"""A window specification → one readable SELECT.

What belongs here: the SQL of windows over a source of rows. What does not: storing results (`recompute`) or deciding
which days to compute (`dirty`). The assets, the backfills and the live query all run what this module writes.
"""

from __future__ import annotations

from datetime import datetime

from pipeline.contract import Dataset, GridWindow, Session, Sliding, TimeWindow, Total, Window
from pipeline.contract.durations import Period
from pipeline.warehouse.sql import ident, interval, timestamp
from pipeline.warehouse.types import duckdb_type
from pipeline.warehouse.windows.grid import Grid, grid_of
from pipeline.warehouse.windows.measures import Measure, measure_of

BOOKKEEPING = (("revision", "INTEGER"), ("computed_at", "TIMESTAMP"), ("is_final", "BOOLEAN"))


def measures_of(dataset: Dataset, window: Window) -> dict[str, Measure]:
    """Name → how it is computed, in order."""
    dtypes = {column.name: column.dtype for column in dataset.columns}
    return {
        name: measure_of(aggregate, None if aggregate.column is None else dtypes[aggregate.column])
        for name, aggregate in window.measures.items()
    }


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
    dataset: Dataset, window: TimeWindow, source: str, lower: datetime, upper: datetime
) -> str:
    """SQL of the windows that start in [lower, upper).

    Args:
        dataset: whose event time and zone hold.
        window: tumbling or sliding.
        source: a table, or a SELECT in brackets, with the dataset's columns.
        lower: UTC without zone.
        upper: UTC without zone.

    Returns:
        SELECT of `figure_columns`; one row per window and group in which at least one row of the source lies.
    """
    assert not isinstance(window, Session)
    grid = grid_of(dataset, window)
    until = grid.reach(upper)
    assert dataset.event_time is not None
    moment = ident(dataset.event_time)
    shown = grid.clock_sql(moment, lower, until)
    reads = f"FROM {source}\n  WHERE {moment} >= {timestamp(lower)} AND {moment} < {timestamp(until)}"
    body = (
        _sliding(dataset, window, grid, shown, reads)
        if isinstance(window, Sliding)
        else _tumbling(dataset, window, grid, shown, reads)
    )
    start, end = (
        grid.utc_sql("_slot", lower, until),
        grid.utc_sql(f"(_slot + {interval(grid.length)})", lower, until),
    )
    names = [ident(name) for name, _ in figure_columns(dataset, window)[2:]]
    return (
        f"SELECT * FROM (\n  SELECT {', '.join([f'{start} AS window_start', f'{end} AS window_end', *names])}\n"
        f"  FROM (\n{body}\n  )\n)\nWHERE window_start >= {timestamp(lower)} AND window_start < {timestamp(upper)}"
    )


def compile_total(dataset: Dataset, window: Total, source: str, *, per_delivery: bool) -> str:
    """SQL of a total over `source`: one row per group, or per group and delivery; `figure_columns`, without times."""
    delivery = "_delivery" if per_delivery else "NULL::VARCHAR AS _delivery"
    picked = [
        "NULL::TIMESTAMP AS window_start",
        "NULL::TIMESTAMP AS window_end",
        delivery,
        *(ident(name) for name in window.by),
        *(f"{measure.whole} AS {ident(name)}" for name, measure in measures_of(dataset, window).items()),
        "count(*) AS row_count",
    ]
    groups = [*(["_delivery"] if per_delivery else []), *(ident(name) for name in window.by)]
    grouped = f"\nGROUP BY {', '.join(groups)}" if groups else ""
    return f"SELECT {', '.join(picked)}\nFROM {source}{grouped}\nHAVING count(*) > 0"


def _tumbling(dataset: Dataset, window: GridWindow, grid: Grid, shown: str, reads: str) -> str:
    measures = measures_of(dataset, window)
    picked = [
        f"{_bucket(grid, grid.step, shown)} AS _slot",
        *(ident(name) for name in window.by),
        *(f"{measure.whole} AS {ident(name)}" for name, measure in measures.items()),
        "count(*) AS row_count",
    ]
    return f"  SELECT {', '.join(picked)}\n  {reads}\n  GROUP BY {_groups('1', window)}"


def _sliding(dataset: Dataset, window: Sliding, grid: Grid, shown: str, reads: str) -> str:
    """Rows are aggregated per pane; panes, not rows, are then put into each window that they lie in."""
    measures = measures_of(dataset, window)
    carried = {
        name: {suffix: ident(f"_{name}_{suffix}") for suffix in m.partials} for name, m in measures.items()
    }
    partials = [
        f"{sql} AS {carried[name][suffix]}"
        for name, m in measures.items()
        for suffix, sql in m.partials.items()
    ]
    by = [ident(name) for name in window.by]
    panes = ", ".join([f"{_bucket(grid, window.pane, shown)} AS _pane", *by, *partials, "count(*) AS _rows"])
    combined = [f"{_filled(m.combined, carried[name])} AS {ident(name)}" for name, m in measures.items()]
    windows = ", ".join(["_slot", *by, *combined, "sum(_rows)::BIGINT AS row_count"])
    back = -(-window.length // window.step)
    slot = f"{_bucket(grid, grid.step, '_pane')} - _back * {interval(grid.step)} AS _slot"
    return (
        f"  WITH panes AS (\n  SELECT {panes}\n  {reads}\n  GROUP BY {_groups('1', window)}\n  ), placed AS (\n"
        f"  SELECT *, {slot} FROM panes, range({back}) AS steps(_back)\n  )\n"
        f"  SELECT {windows}\n  FROM placed WHERE _slot + {interval(grid.length)} > _pane\n"
        f"  GROUP BY {_groups('_slot', window)}"
    )


def _filled(template: str, names: dict[str, str]) -> str:
    for suffix, name in names.items():
        template = template.replace(f"{{{suffix}}}", name)
    return template


def _bucket(grid: Grid, width: Period, shown: str) -> str:
    return f"time_bucket({interval(width)}, {shown}, {timestamp(grid.origin)})"


def _groups(first: str, window: Window) -> str:
    return ", ".join([first, *(ident(name) for name in window.by)])
