"""What has changed and is not yet in `published/`: `ops.unpublished`.

What belongs here: marking, inside the transaction that changes something, and reading marks. What does not: writing files
(`publishing`).

A mark outlives a crash between the commit and the files: whoever publishes next writes what it stands for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb

from pipeline.contract import Dataset, TimeWindow
from pipeline.ingest.manifest import DaySpan
from pipeline.published import CLEAN
from pipeline.warehouse.publish.mergeable import needs_rows


@dataclass
class Unpublished:
    """What is to be published of one window, or of the clean table.

    Attributes:
        whole: all of it, and nothing else is to stay.
        days: days in the dataset's zone.
        deliveries: of the clean table of a dataset without event time.
    """

    whole: bool = False
    days: set[date] = field(default_factory=set)
    deliveries: set[str] = field(default_factory=set)


def mark(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: str, days: Collection[date]
) -> None:
    """Mark days of a window (or of the clean table: `published.CLEAN`) whose rows changed, came or went."""
    if dataset.publish != "nothing" and days:
        connection.execute(
            "INSERT INTO ops.unpublished (dataset, window_name, day) SELECT $1, $2, unnest($3::DATE[])",
            [dataset.name, window, sorted(days)],
        )


def mark_window(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, days: Collection[date]
) -> None:
    """`mark`, for a recomputation: the rows of open windows may have changed even where no figure did."""
    mark(connection, dataset, window.name, days)
    if not days and needs_rows(dataset, window):
        mark_something(connection, dataset, window.name)


def mark_something(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: str) -> None:
    """Mark a window without days: a total, or the open rows of a window of which no day changed."""
    if dataset.publish != "nothing":
        connection.execute(
            "INSERT INTO ops.unpublished (dataset, window_name) VALUES ($1, $2)", [dataset.name, window]
        )


def mark_clean(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, spans: Iterable[DaySpan], delivery: str
) -> None:
    """Mark the clean rows of `delivery` within `spans`, where the dataset publishes its clean table."""
    if dataset.publish != "all":
        return
    if dataset.event_time is not None:
        mark(connection, dataset, CLEAN, {span.day for span in spans})
    else:
        connection.execute(
            "INSERT INTO ops.unpublished (dataset, window_name, delivery) VALUES ($1, $2, $3)",
            [dataset.name, CLEAN, delivery],
        )


def mark_whole(connection: duckdb.DuckDBPyConnection, dataset: Dataset, windows: Sequence[str]) -> None:
    """Mark windows, or the clean table, of which all is to be written anew: what is published is of something else, or not there."""
    names = [name for name in windows if name != CLEAN or dataset.publish == "all"]
    if dataset.publish != "nothing" and names:
        connection.execute(
            "INSERT INTO ops.unpublished (dataset, window_name, whole) SELECT $1, unnest($2::VARCHAR[]), true",
            [dataset.name, names],
        )


def pending(connection: duckdb.DuckDBPyConnection, dataset: str) -> dict[str, Unpublished]:
    """Name of a window, or `published.CLEAN` → what is to be published of it."""
    rows = connection.execute(
        "SELECT DISTINCT window_name, day, delivery, whole FROM ops.unpublished WHERE dataset = ?", [dataset]
    ).fetchall()
    found: dict[str, Unpublished] = {}
    for window, day, delivery, whole in rows:
        one = found.setdefault(window, Unpublished())
        one.whole |= whole
        if day is not None:
            one.days.add(day)
        if delivery is not None:
            one.deliveries.add(delivery)
    return found


def clear(connection: duckdb.DuckDBPyConnection, dataset: str, kept: Collection[str] = ()) -> None:
    """Clear the marks of a dataset but for those of the windows `kept`. Nobody else can have written any since they were read: who
    publishes holds the warehouse."""
    connection.execute(
        "DELETE FROM ops.unpublished WHERE dataset = ? AND NOT list_contains(?::VARCHAR[], window_name)",
        [dataset, list(kept)],
    )
