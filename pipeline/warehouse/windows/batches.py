"""Days put together into batches, and batches cut into spans, so that computing them stays within memory.

What belongs here: how much is computed at a time. What does not: computing it (`recompute`, `verify`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

import duckdb

from pipeline.contract import Dataset, Sliding, TimeWindow, Tumbling
from pipeline.warehouse.sql import ident, table, timestamp
from pipeline.warehouse.windows import clock, dirty
from pipeline.warehouse.windows.ways import plan

MAX_DAYS = 31
MAX_ROWS = 20_000_000
MAX_HELD_VALUES = 1_000_000
"""Values that a statement may hold at a time, as exact quantiles and distinct counts do: they cannot be spilled to disk."""
_WORTH_CUTTING = 8


@dataclass(frozen=True)
class Batch:
    """Neighbouring days, for one transaction.

    Attributes:
        days: local days, ascending.
        spans: the same time in pieces, one statement each: [lower, upper), UTC without zone.
    """

    days: tuple[date, ...]
    spans: tuple[tuple[datetime, datetime], ...]

    @property
    def lower(self) -> datetime:
        """Where the first day begins."""
        return self.spans[0][0]

    @property
    def upper(self) -> datetime:
        """Where the last day ends."""
        return self.spans[-1][1]


def batches(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, days: Sequence[date]
) -> Iterator[Batch]:
    """Neighbouring days in batches, bounded by days, rows and values held; a day with too many values is cut where windows are short."""
    holding = sum(not one.measure.states for one in plan(dataset, window))
    limit = MAX_HELD_VALUES // holding if holding else MAX_ROWS
    known = len(days) > 1 or (days and holding)
    weights = _rows_per_day(connection, dataset, days) if known else {}
    batch: list[date] = []
    held = 0
    for day in days:
        weight = weights.get(day, 0)
        apart = batch and day - batch[-1] != timedelta(days=1)
        if batch and (apart or len(batch) == MAX_DAYS or held + weight > limit):
            yield _batch(dataset, window, batch, -(-held // limit))
            batch, held = [], 0
        batch.append(day)
        held += weight
    if batch:
        yield _batch(dataset, window, batch, -(-held // limit))


def _batch(dataset: Dataset, window: TimeWindow, days: Sequence[date], pieces: int) -> Batch:
    lower, upper = clock.span_bounds(dataset.zone, days)
    if isinstance(window, Tumbling | Sliding):
        # Each piece reads a window's length beyond its end: many small pieces would read everything over and over.
        pieces = min(pieces, (upper - lower) // (_WORTH_CUTTING * window.length))
    else:
        pieces = 1
    cuts = [lower + (upper - lower) * n // pieces for n in range(1, pieces)] if pieces > 1 else []
    ends = [lower, *cuts, upper]
    return Batch(tuple(days), tuple(pairwise(ends)))


def _rows_per_day(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, days: Sequence[date]
) -> dict[date, int]:
    assert dataset.event_time is not None
    moment = ident(dataset.event_time)
    lower, upper = clock.span_bounds(dataset.zone, days)
    shown = dirty.local_sql(dataset, moment, lower, upper)
    rows = connection.execute(
        f"SELECT CAST({shown} AS DATE), count(*) FROM {table('clean', dataset.name)} "
        f"WHERE {moment} >= {timestamp(lower)} AND {moment} < {timestamp(upper)} GROUP BY 1"
    ).fetchall()
    return dict(rows)
