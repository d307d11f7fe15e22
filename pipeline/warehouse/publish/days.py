"""A table cut into local days.

What belongs here: which day a moment is of, in SQL and over batches, and files by day. What does not: what is in the files.

A day is what lies between its bounds, as for a recomputation; clocks that are turned back at midnight show the day before once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.contract import Dataset
from pipeline.published import day_file
from pipeline.warehouse.publish import files
from pipeline.warehouse.publish.files import Content
from pipeline.warehouse.sql import LAST, ident, timestamp
from pipeline.warehouse.windows import clock

_MOST_DAYS = 31
_END = np.datetime64("10000-01-01", "us")


def write_days(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    folder: Path,
    days: Iterable[date],
    content: Content,
    notes: Mapping[str, str] | None = None,
) -> int:
    """Write a file for each of `days`; a day without rows loses its own. Returns how many were written or removed.

    `content.source` is a table, or a SELECT in brackets; the first column of its order is the moment that the days go by.
    """
    done = 0
    for stretch in stretches(days):
        bounds = [clock.day_bounds(dataset.zone, day) for day in stretch]
        moment = ident(content.order[0])
        span = f"{moment} >= {timestamp(bounds[0][0])} AND {moment} < {timestamp(bounds[-1][1])}"
        part = replace(content, source=f"{content.source} AS source WHERE {span}")
        written = files.write(
            connection, folder, part, _Cut(content.order[0], stretch, [upper for _, upper in bounds]), notes
        )
        for name in {day_file(day) for day in stretch} - written:
            (folder / name).unlink(missing_ok=True)
        done += len(stretch)
    return done


def stretches(days: Iterable[date]) -> Iterator[list[date]]:
    """Days that follow each other, so many at most together."""
    stretch: list[date] = []
    for day in sorted(set(days)):
        if stretch and (day - stretch[-1] != timedelta(days=1) or len(stretch) == _MOST_DAYS):
            yield stretch
            stretch = []
        stretch.append(day)
    if stretch:
        yield stretch


def numbered_sql(dataset: Dataset, moment: str, days: Sequence[date]) -> str:
    """SQL of the place of a moment's day among ascending `days`, one of which it is of; halving, for they may be many."""

    def among(low: int, high: int) -> str:
        if low == high:
            return str(low)
        middle = (low + high) // 2
        upper = clock.day_bounds(dataset.zone, days[middle])[1]
        return f"CASE WHEN {moment} < {timestamp(upper)} THEN {among(low, middle)} ELSE {among(middle + 1, high)} END"

    return among(0, len(days) - 1)


def days_of(dataset: Dataset, moments: Iterable[datetime]) -> set[date]:
    """The days of moments."""
    found = set()
    for moment in moments:
        day = clock.day_of(dataset.zone, moment)
        lower, upper = clock.day_bounds(dataset.zone, day)
        if moment < lower and day > date.min:
            day -= timedelta(days=1)
        elif moment >= upper and day < date.max:
            day += timedelta(days=1)
        found.add(day)
    return found


class _Cut:
    """Cuts batches that are sorted by a moment where the day ends."""

    def __init__(self, column: str, days: Sequence[date], uppers: Sequence[datetime]) -> None:
        self._column = column
        self._names = [day_file(day) for day in days]
        # A row at the last moment that there is belongs to the day that ends then.
        ends = [_END if upper == LAST else np.datetime64(upper, "us") for upper in uppers]
        self._uppers = np.array(ends, dtype="datetime64[us]")

    def __call__(self, batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
        moments = batch.column(self._column).cast(pa.timestamp("us")).to_numpy(zero_copy_only=False)
        ends = np.searchsorted(moments, self._uppers, side="left")
        start = 0
        for name, end in zip(self._names, ends.tolist(), strict=True):
            if end > start:
                yield name, batch.slice(start, end - start)
                start = end
