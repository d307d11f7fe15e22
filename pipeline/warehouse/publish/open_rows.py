"""The rows of windows that are not final, for those whose figures cannot be added to.

What belongs here: which rows those are, and which of their files are out of date. What does not: writing files (`files`).

A mark does not say which rows changed: a window of a year is marked by the day in which it starts. So each file notes what it is made
of, and is written again when that is not what the table gives.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb

from pipeline.contract import Dataset, TimeWindow
from pipeline.contract.windows import Session
from pipeline.published import day_file, day_in
from pipeline.warehouse.publish import days as by_day
from pipeline.warehouse.publish import files
from pipeline.warehouse.publish.files import Content
from pipeline.warehouse.sql import ident, idents, text, timestamp
from pipeline.warehouse.windows import dirty
from pipeline.warehouse.windows.figures import counted
from pipeline.warehouse.windows.tables import window_table

GROUP_ROWS = 65_536
_OWN = ("_delivery", "_row")


def row_columns(dataset: Dataset, window: TimeWindow) -> list[str]:
    """The columns that the window is made of, in the contract's order, `_delivery` and `_row`. All of them where SQL of the dataset's
    own may look at any."""
    measures = window.measures.values()
    if any(measure.where is not None or measure.expression is not None for measure in measures):
        return [*dataset.column_names, *_OWN]
    looked_at = {dataset.event_time, *window.by, *(name for one in measures for name in (one.column, one.by))}
    return [*(name for name in dataset.column_names if name in looked_at), *_OWN]


def publish_open(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, folder: Path
) -> int:
    """Bring `folder` up to date: a file for each local day with rows of a window that is not final. Returns how many files were
    written or removed."""
    names = row_columns(dataset, window)
    notes = _notes(connection, dataset, window, names)
    there = _there(folder)
    stale = [day for day, note in notes.items() if there.get(day) != note]
    if stale:
        folder.mkdir(parents=True, exist_ok=True)
        assert dataset.event_time is not None
        by_day.write_days(
            connection,
            dataset,
            folder,
            stale,
            Content(names, _relation(connection, dataset, window), [dataset.event_time, *_OWN], GROUP_ROWS),
            {day_file(day): note for day, note in notes.items()},
        )
    gone = there.keys() - notes.keys()
    for day in gone:
        (folder / day_file(day)).unlink(missing_ok=True)
    return len(stale) + len(gone)


def _there(folder: Path) -> dict[date, str | None]:
    """Day → what its file says it is made of."""
    if not folder.is_dir():
        return {}
    days = {day_in(path.name): path for path in folder.iterdir()}
    return {day: files.note_of(path) for day, path in days.items() if day is not None}


def _relation(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow) -> str:
    """SQL of the rows that belong to a window that is not final; all from the earliest of these on where windows are the same for all
    groups."""
    assert dataset.event_time is not None
    moment, table = ident(dataset.event_time), window_table(dataset, window)
    found = connection.execute(f"SELECT min(window_start) FROM {table} WHERE NOT is_final").fetchone()
    first = found[0] if found else None
    rows = f"SELECT * FROM {counted(dataset, window)} AS counted"
    if first is None:
        return f"({rows} WHERE false)"
    since = f"{rows} WHERE {moment} >= {timestamp(first)}"
    if not isinstance(window, Session):
        return f"({since})"
    same = "".join(f" AND own.{ident(name)} IS NOT DISTINCT FROM row.{ident(name)}" for name in window.by)
    return (
        f"(SELECT * FROM ({since}) AS row WHERE EXISTS (SELECT 1 FROM {table} AS own WHERE NOT own.is_final "
        f"AND row.{moment} >= own.window_start AND row.{moment} < own.window_end{same}))"
    )


def _notes(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, names: list[str]
) -> dict[date, str]:
    """Day → what tells its rows from any others: how many there are, and the sum of their hashes."""
    assert dataset.event_time is not None
    relation = _relation(connection, dataset, window)
    spans = dirty.spans_in(connection, dataset, relation)
    found = {span.day for span in spans}
    # Where clocks are put back at midnight a row of the day after shows this day once more.
    days = sorted(found | {day + timedelta(days=1) for day in found if day < date.max})
    if not days:
        return {}
    rows = connection.execute(
        f"SELECT {by_day.numbered_sql(dataset, ident(dataset.event_time), days)}, "
        f"count(*) || ' ' || sum(hash({idents(names)}))::VARCHAR || ' ' || hash({text(repr(names))}) "
        f"FROM {relation} GROUP BY 1"
    ).fetchall()
    return {days[n]: note for n, note in rows}
