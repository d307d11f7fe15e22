"""Windows in which no row lies: of each group from its first window to the last window of the data.

What belongs here: the SQL that adds them. What does not: windows with rows.
"""

from __future__ import annotations

from datetime import datetime

from pipeline.contract import Dataset, Sliding, Tumbling
from pipeline.contract.windows import MICROSECOND
from pipeline.warehouse.sql import ident, interval, timestamp
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.columns import columns_of, listed, matched
from pipeline.warehouse.windows.grid import Grid


def write(
    dataset: Dataset,
    window: Tumbling | Sliding,
    grid: Grid,
    figures: str,
    source: str,
    lower: datetime,
    upper: datetime,
    earlier: str | None = None,
) -> str:
    """`figures` with the windows that start in [lower, upper) and have no row. The span of the data is that of `source`, whole;
    `earlier` is SQL of groups and `_first`, for those that had rows which are gone."""
    columns = columns_of(dataset, window)
    assert dataset.event_time is not None
    moment = ident(dataset.event_time)
    # From before `lower`, for what would start in a gap that ends there starts there too.
    first, last = grid.floor(grid.on_clock(clock.plus(lower, -MICROSECOND))), grid.on_clock(upper)
    start = grid.utc_sql("_slot", lower, grid.reach(upper))
    end = grid.utc_sql(f"(_slot + {interval(grid.length)})", lower, grid.reach(upper))
    slots = (
        f"SELECT {start} AS window_start, {end} AS window_end\n"
        f"  FROM range({timestamp(first)}, {timestamp(last)}, {interval(grid.step)}) AS slots(_slot)"
    )
    picked = ["slots.window_start", "slots.window_end", *(f"born.{name}" for name in columns.by)]
    for one in columns.planned:
        empty = one.measure.zero if window.fill == "zero" else "NULL"
        name = ident(one.name)
        known = f"figures.{name}"
        picked.append(
            f"CASE WHEN figures.row_count IS NULL THEN {empty} ELSE {known} END AS {name}"
            if empty != "NULL"
            else known
        )
    picked.append("coalesce(figures.row_count, 0) AS row_count")
    by = "".join(f"{name}, " for name in columns.by)
    grouped = f" GROUP BY {', '.join(columns.by)}" if columns.by else ""
    born = f"SELECT {by}min({moment}) AS _first FROM {source}{grouped}"
    if earlier is not None:
        born = f"SELECT {by}min(_first) AS _first FROM ({born} UNION ALL BY NAME {earlier}){grouped}"
    same = " AND ".join(
        [f"figures.{name} = slots.{name}" for name in ("window_start", "window_end")]
        + [matched(columns.by, "figures", "born")]
    )
    return (
        f"WITH figures AS (\n{figures}\n), slots AS (\n  {slots}\n), born AS (\n"
        f"  {born}\n"
        f"), ended AS (\n  SELECT max({moment}) AS _last FROM {source}\n)\n"
        f"SELECT {listed(picked, '  ')}\n"
        f"FROM slots JOIN ended ON slots.window_start <= ended._last JOIN born ON slots.window_end > born._first\n"
        f"LEFT JOIN figures ON {same}\n"
        f"WHERE slots.window_end > slots.window_start AND slots.window_start >= {timestamp(lower)} AND slots.window_start < {timestamp(upper)}"
    )
