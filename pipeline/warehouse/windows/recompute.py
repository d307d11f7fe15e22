"""Recomputing windows: the days that are dirty, or those that are asked for.

What belongs here: batches of days, one transaction each. What does not: how days are put together (`batches`), the SQL of windows
(`compiler`) and how rows are replaced (`revise`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from pipeline.contract import Dataset, TimeWindow, Total
from pipeline.warehouse.connection import transaction
from pipeline.warehouse.failures import Failures, concerns_all
from pipeline.warehouse.publish import marks
from pipeline.warehouse.publish.days import numbered_sql
from pipeline.warehouse.sql import table, timestamp
from pipeline.warehouse.windows import clock, dirty, own_sql
from pipeline.warehouse.windows.batches import Batch, batches, parts_of_total, pieces
from pipeline.warehouse.windows.compiler import compile_total
from pipeline.warehouse.windows.dirty import Dirty
from pipeline.warehouse.windows.figures import figures_sql
from pipeline.warehouse.windows.limits import Limits, limits_of
from pipeline.warehouse.windows.revise import Revised, revise
from pipeline.warehouse.windows.tables import window_table
from pipeline.warehouse.windows.watermark import mark_final, watermark


@dataclass(frozen=True)
class Recomputed:
    """What one recomputation did.

    Attributes:
        dataset: name of the dataset.
        window: name of the window.
        day: day in the dataset's zone, or None for a total.
        rows: windows that the day has now.
        changed: windows that are new, have other figures, or went.
        seconds: time of the batch, shared out evenly over its days.
        causes: deliveries whose rows made the day dirty, in order; none where it was only asked for.
        kept: nothing was computed: retention deleted rows that the day's windows were made of, so they stay as they are.
    """

    dataset: str
    window: str
    day: date | None
    rows: int
    changed: int
    seconds: float
    causes: tuple[str, ...] = ()
    kept: bool = False


def recompute_days(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    days: Sequence[date] | None,
    failures: Failures,
) -> list[Recomputed]:
    """Recompute the windows that start on `days` (None: all that are dirty), and clear their marks. Days whose rows are gone are
    left as they are, and told. Days that fail keep their figures and marks, and are in `failures`; all others are done."""
    # A mark that is written meanwhile has a higher generation, and stays.
    pending = dirty.pending(connection, dataset.name, window.name)
    wanted = sorted({mark.day for mark in pending if mark.day is not None} if days is None else set(days))
    limits, final = limits_of(connection, dataset.name), watermark(connection, dataset)
    staying = [day for day in wanted if limits.stays(dataset, window, day)] if limits else []
    done = _kept(connection, dataset, window, staying, pending) if staying else []
    again = _Recomputation(connection, dataset, window, limits, final, pending, failures)
    with failures.aside("window", dataset.name, window.name, wanted):
        for batch in batches(connection, dataset, sorted(set(wanted) - set(staying))):
            done += again.batch(batch)
    if done:
        with failures.aside("final marks", dataset.name, window.name), transaction(connection):
            marks.mark_window(connection, dataset, window, mark_final(connection, dataset, window, final))
    return done


def recompute_total(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Total
) -> list[Recomputed]:
    """Recompute a total over the table, and per delivery for those that are dirty; nothing when none is."""
    began = time.perf_counter()
    with transaction(connection):
        pending = dirty.pending(connection, dataset.name, window.name)
        if not pending:
            return []
        source = table("clean", dataset.name)
        whole = [
            compile_total(dataset, window, rows, per_delivery=False)
            for rows in parts_of_total(connection, dataset, window, source)
        ]
        revised = list(revise(connection, dataset, window, whole, "_delivery IS NULL", None).values())
        connection.execute("CREATE OR REPLACE TEMP TABLE dirty_deliveries AS SELECT unnest(?::VARCHAR[]) AS _delivery",
                           [[mark.delivery for mark in pending]])  # fmt: skip
        scope = "_delivery IN (SELECT _delivery FROM temp.dirty_deliveries)"
        if window.per_delivery:
            single = [
                compile_total(dataset, window, rows, per_delivery=True)
                for rows in parts_of_total(
                    connection, dataset, window, f"(SELECT * FROM {source} WHERE {scope})"
                )
            ]
            revised += revise(connection, dataset, window, single, scope, None).values()
        rows, changed = sum(one.windows for one in revised), sum(one.changed for one in revised)
        dirty.clear(connection, pending)
        if changed:
            marks.mark_something(connection, dataset, window.name)
    causes = sorted({cause for mark in pending for cause in mark.causes})
    return [
        Recomputed(dataset.name, window.name, None, rows, changed, time.perf_counter() - began, tuple(causes))
    ]


def _kept(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    days: Sequence[date],
    pending: Sequence[Dirty],
) -> list[Recomputed]:
    """Days that stay as they are: only their marks go."""
    covered = set(days)
    done = [mark for mark in pending if mark.day in covered]
    with transaction(connection):
        rows = _windows_per_day(connection, dataset, days, window_table(dataset, window))
        dirty.clear(connection, done)
    causes = {mark.day: mark.causes for mark in done}
    return [
        Recomputed(dataset.name, window.name, day, count, 0, 0.0, causes.get(day, ()), kept=True)
        for day, count in zip(days, rows, strict=True)
    ]


@dataclass(frozen=True)
class _Recomputation:
    """What the batches of one recomputation have in common."""

    connection: duckdb.DuckDBPyConnection
    dataset: Dataset
    window: TimeWindow
    limits: Limits
    final: datetime | None
    pending: Sequence[Dirty]
    failures: Failures

    def batch(self, batch: Batch) -> list[Recomputed]:
        """A batch; where it fails its days one by one, so that only those are left out which fail alone."""
        try:
            return self._compute(batch)
        except Exception as error:
            if concerns_all(error):
                raise
        done: list[Recomputed] = []
        for day in batch.days:
            with self.failures.aside("window", self.dataset.name, self.window.name, [day], helps=self._helps):
                for alone in batches(self.connection, self.dataset, [day]):
                    done += self._compute(alone)
        return done

    def _helps(self, error: Exception) -> str | None:
        return own_sql.remedy(self.dataset, self.window, error)

    def _compute(self, batch: Batch) -> list[Recomputed]:
        """One transaction over neighbouring days."""
        connection, dataset, window = self.connection, self.dataset, self.window
        began, days = time.perf_counter(), batch.days
        covered = set(days)
        done = [mark for mark in self.pending if mark.day in covered]
        with transaction(connection):
            computed = [
                figures_sql(
                    connection, dataset, window, piece.lower, piece.upper, limits=self.limits, only=piece.only
                )
                for piece in pieces(connection, dataset, window, batch)
            ]
            scope = (
                f"window_start >= {timestamp(batch.lower)} AND window_start < {timestamp(batch.upper)} "
                f"AND {self.limits.open_sql(window)}"
            )
            of_day = numbered_sql(dataset, "window_start", days)
            revised = revise(connection, dataset, window, computed, scope, self.final, of_day)
            dirty.clear(connection, done)
            differing = [days[number] for number, one in revised.items() if one.differs]
            marks.mark_window(connection, dataset, window, differing)
        seconds = (time.perf_counter() - began) / len(days)
        causes = {mark.day: mark.causes for mark in done}
        told = [(day, revised.get(number, Revised())) for number, day in enumerate(days)]
        return [
            Recomputed(dataset.name, window.name, day, one.windows, one.changed, seconds, causes.get(day, ()))
            for day, one in told
        ]


def _windows_per_day(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    days: Sequence[date],
    source: str,
) -> list[int]:
    """For each day the number of windows of `source` that start on it."""
    bounds = [clock.day_bounds(dataset.zone, day) for day in days]
    rows = connection.execute(
        "SELECT day.lower, count(window_start) "
        f"FROM (SELECT unnest(?::TIMESTAMP[]) AS lower, unnest(?::TIMESTAMP[]) AS upper) AS day LEFT JOIN {source} "
        "ON window_start >= day.lower AND window_start < day.upper GROUP BY 1 ORDER BY 1",
        [[bound[0] for bound in bounds], [bound[1] for bound in bounds]],
    ).fetchall()
    return [row[1] for row in rows]
