"""Windows in which no row lies: of each group from its first window to the last window of the data.

What belongs here: the SQL that adds them. What does not: windows with rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from pipeline.contract import Dataset, Sliding, Tumbling
from pipeline.contract.windows import MICROSECOND, longest_pause
from pipeline.warehouse.sql import ident, interval, timestamp
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.body import bucket
from pipeline.warehouse.windows.columns import Columns, columns_of, listed, matched, with_keyed
from pipeline.warehouse.windows.grid import Grid


@dataclass(frozen=True)
class Filled:
    """What of the time is filled.

    Attributes:
        everything: the relation with the rows of all groups.
        first: the first row of all (UTC without zone), where it is known.
        stretches: first and last rows (UTC without zone) between which there is no pause that is too long to fill; None where there
            is no such pause at all.
    """

    everything: str
    first: datetime | None = None
    stretches: tuple[tuple[datetime, datetime], ...] | None = None

    def within(self, start: str, end: str) -> str:
        """SQL: whether a window with this start and end is filled where it has no row."""
        if self.stretches is None:
            return "true"
        spans = [
            f"({start} <= {timestamp(last)} AND {end} > {timestamp(first)})" for first, last in self.stretches
        ]
        return f"({' OR '.join(spans)})" if spans else "false"


def filled_in(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Tumbling | Sliding,
    everything: str,
    lower: datetime,
    upper: datetime,
    gone: datetime | None = None,
) -> Filled:
    """What is filled of [lower, upper): not the pauses of all the data that are longer than `longest_pause`. Rows that far away tell;
    `gone` is the moment before which there were rows that are no more."""
    pause = longest_pause(window)
    since, until = clock.plus(lower, -pause), clock.plus(upper, pause)
    moment = ident(dataset.event_time or "")
    scope = f"{moment} >= {timestamp(since)} AND {moment} <= {timestamp(until)}"
    rows = f"FROM {everything} AS rows WHERE {scope}"
    earliest = None
    if window.fill == "forward":
        [(earliest,)] = connection.execute(f"SELECT min({moment}) FROM {everything} AS rows").fetchall()
    [(first, last)] = connection.execute(f"SELECT min({moment}), max({moment}) {rows}").fetchall()
    if first is not None and last - first <= pause and first <= lower and last >= upper:
        return Filled(everything, earliest)
    width = max(pause // 2, timedelta(microseconds=1)) // timedelta(microseconds=1)
    ends = connection.execute(
        f"SELECT min({moment}), max({moment}) {rows} GROUP BY epoch_us({moment}) // {width} ORDER BY 1"
    ).fetchall()
    if gone is not None and since <= gone <= until:
        ends = sorted([*ends, (gone, gone)])
    found: list[tuple[datetime, datetime]] = []
    for begin, end in ends:
        if found and begin - found[-1][1] <= pause:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return Filled(everything, earliest, tuple(found))


def write(
    dataset: Dataset,
    window: Tumbling | Sliding,
    grid: Grid,
    figures: str,
    source: str,
    lower: datetime,
    upper: datetime,
    earlier: str | None = None,
    filled: Filled | None = None,
    stored: str | None = None,
) -> str:
    """`figures` with the windows that start in [lower, upper) and have no row. The span of the data is that of `source`, whole;
    `earlier` is SQL of groups and `_first`, for those that had rows which are gone; `filled` says what of the time is filled, `stored`
    is SQL of groups and figures (`window_start`, measures) of the last window that is kept of each, of those whose rows are gone."""
    filled = filled or Filled(source)
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
    forward = window.fill == "forward"
    for one in columns.planned:
        if forward:
            picked.append(
                f"CASE WHEN figures.row_count IS NULL THEN {_carried(columns)}.{ident(one.name)} ELSE figures.{ident(one.name)} END AS {ident(one.name)}"
            )
            continue
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
    carried = ""
    if forward:
        before = _before(dataset, window, grid, source, lower, filled.first, stored)
        carried = f"\nLEFT JOIN (\n  {before}\n) AS before ON {matched(columns.by, 'before', 'born')}"
    return (
        f"WITH figures AS (\n{figures}\n), slots AS (\n  {slots}\n), born AS (\n"
        f"  {born}\n"
        f"), ended AS (\n  SELECT max({moment}) AS _last FROM {filled.everything} AS rows\n)\n"
        f"SELECT {listed(picked, '  ')}\n"
        f"FROM slots JOIN ended ON slots.window_start <= ended._last JOIN born ON slots.window_end > born._first\n"
        f"LEFT JOIN figures ON {same}{carried}\n"
        f"WHERE slots.window_end > slots.window_start AND slots.window_start >= {timestamp(lower)} AND slots.window_start < {timestamp(upper)}"
        f" AND (figures.row_count IS NOT NULL OR {filled.within('slots.window_start', 'slots.window_end')})"
    )


def _carried(columns: Columns) -> str:
    """The figures of the last window with rows up to this one, within the span or before it."""
    names = ", ".join(f"{ident(one.name)} := {{}}.{ident(one.name)}" for one in columns.planned)
    own, before = (f"struct_pack({names.replace('{}', of)})" for of in ("figures", "before"))
    parted = f"PARTITION BY {', '.join(f'born.{name}' for name in columns.by)} " if columns.by else ""
    return (
        f"coalesce(last_value(CASE WHEN figures.row_count IS NOT NULL THEN {own} END IGNORE NULLS) "
        f"OVER ({parted}ORDER BY slots.window_start ROWS UNBOUNDED PRECEDING), {before})"
    )


def _before(
    dataset: Dataset,
    window: Tumbling | Sliding,
    grid: Grid,
    source: str,
    lower: datetime,
    first: datetime | None,
    stored: str | None,
) -> str:
    """SELECT of groups and figures of the last window with rows of each that starts before `lower`."""
    columns = columns_of(dataset, window)
    moment, by = ident(dataset.event_time or ""), columns.by
    start = grid.floor(grid.on_clock(lower))
    if grid.off_clock(start) < lower:
        start = grid.following(start)
    until = max(grid.off_clock(start), lower)
    since = min(first or lower, lower)
    span = clock.plus(since, -clock.DAY), grid.reach(until)
    slot = bucket(grid, grid.step, grid.clock_sql("_last", *span))
    names = "".join(f"{name}, " for name in by)
    grouped = f" GROUP BY {', '.join(by)}" if by else ""
    lasts = f"SELECT {names}max({moment}) AS _last FROM {source} AS rows WHERE {moment} < {timestamp(until)}{grouped} HAVING count(*) > 0"
    begin, end = grid.utc_sql("_slot", *span), grid.utc_sql(f"(_slot + {interval(grid.length)})", *span)
    starts = f"SELECT {names}{begin} AS window_start, {end} AS window_end FROM (SELECT {names}{slot} AS _slot FROM ({lasts}))"
    rows = (
        f"SELECT rows.*, starts.window_start, starts.window_end FROM {source} AS rows JOIN ({starts}) AS starts "
        f"ON {matched(by, 'rows', 'starts')} AND rows.{moment} >= starts.window_start AND rows.{moment} < {timestamp(until)}"
    )
    keys = ["window_start", "window_end", *by]
    figures = (
        f"SELECT {', '.join([*keys, *columns.over_rows(moment)])} FROM ({rows}) GROUP BY {', '.join(keys)}"
    )
    figures = with_keyed(columns, keys, figures, f"FROM ({rows})")
    found = f"SELECT {names}window_start, {', '.join(columns.results('window_start, window_end'))} FROM ({figures})"
    if stored is not None:
        found = f"SELECT * FROM ({found} UNION ALL BY NAME {stored})"
    return f"{found} QUALIFY row_number() OVER ({f'PARTITION BY {chr(44).join(by)} ' if by else ''}ORDER BY window_start DESC) = 1"
