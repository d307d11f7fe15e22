"""Recomputing windows: the days that are dirty, or those that are asked for.

What belongs here: batches of days, one transaction each. What does not: the SQL of windows (`compiler`) and how rows are
replaced (`revise`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from pipeline.contract import Dataset, Sliding, TimeWindow, Total
from pipeline.warehouse.connection import transaction
from pipeline.warehouse.sql import ident, table, timestamp
from pipeline.warehouse.windows import clock, dirty
from pipeline.warehouse.windows.compiler import compile_total, measures_of
from pipeline.warehouse.windows.dirty import Dirty
from pipeline.warehouse.windows.figures import figures_sql
from pipeline.warehouse.windows.revise import NEXT, final_until, mark_final, revise

MAX_DAYS = 31
MAX_ROWS = 20_000_000
MAX_LISTED_VALUES = 4_000_000


@dataclass(frozen=True)
class Recomputed:
    """What one recomputation did.

    Attributes:
        dataset: name of the dataset.
        window: name of the window.
        day: day in the dataset's zone, or None for a total.
        rows: windows that the day has now.
        changed: windows that are new, have other figures, or (counted at the first day of a batch) went.
        seconds: time of the batch, shared out evenly over its days.
        causes: deliveries whose rows made the day dirty, in order; none where it was only asked for.
    """

    dataset: str
    window: str
    day: date | None
    rows: int
    changed: int
    seconds: float
    causes: tuple[str, ...] = ()


def recompute_days(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, days: Sequence[date] | None
) -> list[Recomputed]:
    """Recompute the windows that start on `days` (None: all that are dirty), and clear their marks."""
    wanted = _dirty_days(connection, dataset, window) if days is None else sorted(set(days))
    done: list[Recomputed] = []
    for batch in batches(connection, dataset, window, wanted):
        done += _recompute_batch(connection, dataset, window, batch)
    if done:
        mark_final(connection, dataset, window, final_until(connection, dataset))
    return done


def recompute_total(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Total
) -> list[Recomputed]:
    """Recompute a total over the table, and per delivery for those that are dirty; nothing when none is."""
    began = time.perf_counter()
    with transaction(connection):
        marks = dirty.pending(connection, dataset.name, window.name)
        if not marks:
            return []
        source = table("clean", dataset.name)
        whole = compile_total(dataset, window, source, per_delivery=False)
        changed = revise(connection, dataset, window, whole, "_delivery IS NULL", None)
        rows = _rows_of(connection)
        connection.execute("CREATE OR REPLACE TEMP TABLE dirty_deliveries AS SELECT unnest(?::VARCHAR[]) AS _delivery",
                           [[mark.delivery for mark in marks]])  # fmt: skip
        scope = "_delivery IN (SELECT _delivery FROM temp.dirty_deliveries)"
        single = compile_total(dataset, window, f"(SELECT * FROM {source} WHERE {scope})", per_delivery=True)
        changed += revise(connection, dataset, window, single, scope, None)
        rows += _rows_of(connection)
        dirty.clear(connection, marks)
    causes = sorted({cause for mark in marks for cause in mark.causes})
    return [
        Recomputed(dataset.name, window.name, None, rows, changed, time.perf_counter() - began, tuple(causes))
    ]


def _recompute_batch(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, days: Sequence[date]
) -> list[Recomputed]:
    """One transaction over neighbouring days."""
    began = time.perf_counter()
    bounds = [clock.day_bounds(dataset.zone, day) for day in days]
    lower, upper = bounds[0][0], bounds[-1][1]
    with transaction(connection):
        covered = set(days)
        marks = [m for m in dirty.pending(connection, dataset.name, window.name) if m.day in covered]
        computed = figures_sql(connection, dataset, window, lower, upper)
        scope = f"window_start >= {timestamp(lower)} AND window_start < {timestamp(upper)}"
        changed = revise(connection, dataset, window, computed, scope, final_until(connection, dataset))
        counts = connection.execute(
            "SELECT day.lower, count(window_start), count(window_start) FILTER (_changed) "
            f"FROM (SELECT unnest(?::TIMESTAMP[]) AS lower, unnest(?::TIMESTAMP[]) AS upper) AS day LEFT JOIN {NEXT} "
            "ON window_start >= day.lower AND window_start < day.upper GROUP BY 1 ORDER BY 1",
            [[bound[0] for bound in bounds], [bound[1] for bound in bounds]],
        ).fetchall()
        dirty.clear(connection, marks)
    vanished = changed - sum(row[2] for row in counts)
    seconds = (time.perf_counter() - began) / len(days)
    causes = {mark.day: mark.causes for mark in marks}
    return [
        Recomputed(
            dataset.name,
            window.name,
            day,
            row[1],
            row[2] + (vanished if n == 0 else 0),
            seconds,
            causes.get(day, ()),
        )
        for n, (day, row) in enumerate(zip(days, counts, strict=True))
    ]


def _dirty_days(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow) -> list[date]:
    marks: list[Dirty] = dirty.pending(connection, dataset.name, window.name)
    return sorted({mark.day for mark in marks if mark.day is not None})


def batches(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, days: Sequence[date]
) -> Iterator[list[date]]:
    """Neighbouring days in batches, bounded by days and by what the windows must hold in memory."""
    weights = _rows_per_day(connection, dataset, days) if len(days) > 1 else {}
    lists = any(measure.carries_lists for measure in measures_of(dataset, window).values())
    overlap = -(-window.length // window.step) if isinstance(window, Sliding) else 1
    limit = MAX_LISTED_VALUES // overlap if lists else MAX_ROWS
    batch: list[date] = []
    held = 0
    for day in days:
        weight = weights.get(day, 0)
        apart = batch and day - batch[-1] != timedelta(days=1)
        if batch and (apart or len(batch) == MAX_DAYS or held + weight > limit):
            yield batch
            batch, held = [], 0
        batch.append(day)
        held += weight
    if batch:
        yield batch


def _rows_per_day(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, days: Sequence[date]
) -> dict[date, int]:
    assert dataset.event_time is not None
    moment = ident(dataset.event_time)
    lower, upper = clock.day_bounds(dataset.zone, days[0])[0], clock.day_bounds(dataset.zone, days[-1])[1]
    shown = dirty.local_sql(dataset, moment, lower, upper)
    rows = connection.execute(
        f"SELECT CAST({shown} AS DATE), count(*) FROM {table('clean', dataset.name)} "
        f"WHERE {moment} >= {timestamp(lower)} AND {moment} < {timestamp(upper)} GROUP BY 1"
    ).fetchall()
    return dict(rows)


def _rows_of(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute(f"SELECT count(*) FROM {NEXT}").fetchone()
    assert row is not None
    return int(row[0])
