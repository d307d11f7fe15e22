"""Which days of a window a verification looks at.

What belongs here: the days that there are, marking all of them, and the choice among them. What does not: looking at them (`verify`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from pipeline.contract import Dataset, TimeWindow, Total, Window
from pipeline.warehouse.sql import table, text, timestamp
from pipeline.warehouse.windows import dirty
from pipeline.warehouse.windows.tables import local_columns, window_table

SAMPLED_DAYS = 6
"""Days of a window that a verification looks at unless it is told."""

NEWEST = 2
"""Days at the end that every sample holds: what has just been computed."""

_SPREAD, _WORD = 2_654_435_769, 2**32


def days_known(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow) -> set[date]:
    """The days of a window that have stored windows, or clean rows that may give some."""
    stored = dirty.spans_in(connection, dataset, window_table(dataset, window), "window_start")
    rows = dirty.spans_in(connection, dataset, table("clean", dataset.name))
    return {span.day for span in stored} | dirty.days_of(dataset, window, rows)


def days_stored(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> dict[str, set[date]]:
    """Window over time → the days with stored windows; none where its table is not made yet."""
    columns = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'windows' AND database_name = current_database() "
        "AND column_name IN ('window_start', 'day')"
    ).fetchall()
    found: dict[str, set[date]] = {window.name: set() for window in dataset.time_windows}
    listed = []
    for window in dataset.time_windows:
        name, stored = f"{dataset.name}_{window.name}", window_table(dataset, window)
        if (name, "day") in columns and ("day", "DATE") in local_columns(window):
            listed.append(f"SELECT DISTINCT {text(window.name)}, day FROM {stored}")
        elif (name, "window_start") in columns:
            spans = dirty.spans_in(connection, dataset, stored, "window_start")
            found[window.name] = {span.day for span in spans}
    if listed:
        for name, day in connection.execute(" UNION ALL ".join(listed)).fetchall():
            found[name].add(day)
    return found


@dataclass(frozen=True)
class Computed:
    """The stored windows of a day.

    Attributes:
        window: name of the window.
        day: day in the dataset's zone, or None for a total.
        rows: windows that the day has.
        at: when a figure of one last changed, UTC without zone.
    """

    window: str
    day: date | None
    rows: int
    at: datetime


def computed_after(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window, at: datetime, day: date | None
) -> list[Computed]:
    """The days of a window, or its total, of which a figure changed after a moment, in order of that and of the day; of those that changed
    at that very moment the days behind `day`."""
    stored = window_table(dataset, window)
    [(last,)] = connection.execute(f"SELECT max(computed_at) FROM {stored}").fetchall()
    if last is None or last < at:
        return []
    if isinstance(window, Total):
        source = f"(SELECT NULL::DATE AS of_day, computed_at FROM {stored} WHERE _delivery IS NULL)"
        parameters: list[object] = []
    elif ("day", "DATE") in local_columns(window):
        source, parameters = f"(SELECT day AS of_day, computed_at FROM {stored})", []
    else:
        spans = dirty.spans_in(connection, dataset, stored, "window_start")
        source = (
            "(SELECT of_day, computed_at FROM (SELECT unnest($1::DATE[]) AS of_day, unnest($2::TIMESTAMP[]) AS first, "
            f"unnest($3::TIMESTAMP[]) AS last) AS span JOIN {stored} ON window_start BETWEEN span.first AND span.last)"
        )
        parameters = [
            [span.day for span in spans],
            [span.first for span in spans],
            [span.last for span in spans],
        ]
    behind = "false" if day is None else f"_at = {timestamp(at)} AND of_day > DATE {text(day.isoformat())}"
    rows = connection.execute(
        f"SELECT of_day, count(*), max(computed_at) AS _at FROM {source} GROUP BY of_day "
        f"HAVING _at > {timestamp(at)} OR {behind} ORDER BY _at, of_day",
        parameters,
    ).fetchall()
    return [Computed(window.name, *row) for row in rows]


def mark_everything(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window) -> None:
    """Mark all days of a window, or all deliveries of a total, that have clean rows or are stored."""
    if isinstance(window, Total):
        stored, rows = window_table(dataset, window), table("clean", dataset.name)
        both = f"(SELECT _delivery FROM {rows} UNION ALL SELECT _delivery FROM {stored})"
        dirty.mark_each(connection, dataset.name, window.name, "delivery", both)
        return
    days = ",".join(day.isoformat() for day in sorted(days_known(connection, dataset, window)))
    if days:
        listed = f"(SELECT unnest(string_split({text(days)}, ',')::DATE[]))"
        dirty.mark_each(connection, dataset.name, window.name, "day", listed)


def picked(days: Collection[date], sample: int | None, today: date) -> list[date]:
    """About `sample` of the days, ascending; None: all of them.

    The newest are always among them. Of the others each has its turn: one day in every 2ⁿ, by a phase that spreads neighbours and
    weekdays alike, so that all have been looked at after that many days, and none of them twice.
    """
    ordered = sorted(days)
    if sample is None or len(ordered) <= sample:
        return ordered
    newest = ordered[-min(NEWEST, sample) :]
    others = ordered[: -len(newest)]
    wanted = sample - len(newest)
    if not wanted:
        return newest
    bits = max(0, (-(-len(others) // wanted) - 1).bit_length())
    turn = today.toordinal() % 2**bits
    return [day for day in others if _phase(day, bits) == turn] + newest


def _phase(day: date, bits: int) -> int:
    """The turn of a day, of 2**bits; a further bit splits each turn in two."""
    spread = day.toordinal() * _SPREAD % _WORD
    return sum((spread >> 31 - bit & 1) << bit for bit in range(bits))
