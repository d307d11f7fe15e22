"""Calls on an open warehouse that are about windows.

What belongs here: the calls, one line of thought each. What does not: how they are done (`windows`, `publish`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial

import duckdb
import polars as pl

from pipeline.contract import Total
from pipeline.ingest.manifest import DaySpan
from pipeline.ingest.waiting import waiting as find_waiting
from pipeline.warehouse.connection import transaction
from pipeline.warehouse.failures import Failures, told
from pipeline.warehouse.frames import frame
from pipeline.warehouse.opened import Opened
from pipeline.warehouse.publish import marks, publishing
from pipeline.warehouse.sql import timestamp
from pipeline.warehouse.windows import clock, dirty, held, live, own_sql, recompute, retention, sample, verify
from pipeline.warehouse.windows.dirty import Dirty
from pipeline.warehouse.windows.held import Released
from pipeline.warehouse.windows.recompute import Recomputed
from pipeline.warehouse.windows.retention import Retained
from pipeline.warehouse.windows.sample import SAMPLED_DAYS, Computed
from pipeline.warehouse.windows.tables import as_declared, window_columns, window_table
from pipeline.warehouse.windows.verify import Verified
from pipeline.warehouse.windows.watermark import mark_final, watermark

_ATTEMPTS = 5


class WindowCalls(Opened):
    """What can be asked of windows: to be computed, verified, finished, released, kept, published, read."""

    def dirty(self, dataset: str | None = None) -> list[Dirty]:
        """What is dirty, by dataset, window and day; only of datasets and windows that are declared."""
        found = dirty.pending(self.connection, dataset)
        names = {name: {window.name for window in d.windows} for name, d in self._datasets.items()}
        return [mark for mark in found if mark.window in names.get(mark.dataset, set())]

    def days(self, dataset: str) -> dict[str, set[date]]:
        """Window over time → the days that exist for it, in the dataset's zone: those with stored windows, and those that are dirty."""
        found = sample.days_stored(self.connection, self._known(dataset))
        for mark in self.dirty(dataset):
            if mark.day is not None:
                found[mark.window].add(mark.day)
        return found

    def computed_after(
        self, dataset: str, window: str, at: datetime, day: date | None = None
    ) -> list[Computed]:
        """The days of a window, or its total, of which a figure changed after `at` (UTC without zone), in order of that and of the day; of
        those that changed at that very moment the days behind `day`. None of a window that is not computed yet as it is declared."""
        owner = self._known(dataset)
        spec = owner.window(window)
        if not as_declared(self.connection, owner, spec):
            return []
        return sample.computed_after(self.connection, owner, spec, at, day)

    def days_by_delivery(self, dataset: str, deliveries: Collection[str]) -> dict[str, list[DaySpan]]:
        """Delivery → the days of the rows that it has in the clean table; empty for a dataset without windows over time."""
        return dirty.days_by_delivery(self.connection, self._known(dataset), deliveries)

    def recompute(
        self,
        dataset: str,
        window: str,
        days: Sequence[date] | None = None,
        failures: Failures | None = None,
    ) -> list[Recomputed]:
        """Recompute windows that start on `days`, by default all that are dirty, and clear their marks; one transaction
        per bounded batch of days. For a total `days` means nothing: what is dirty is recomputed. Then what changed is published.

        Args:
            failures: takes what fails while the rest is done; without it that is raised at the end.

        Raises:
            PartsFailed: days could not be computed, or published; all others were. ContractError, ContractChanged: the declaration or the
                clean table does not fit; nothing was done.
        """
        owner = self._writable(dataset)
        spec = owner.window(window)
        done: list[Recomputed] = []
        with told(failures) as aside:
            with aside.aside(
                "window", dataset, window, days or (), helps=partial(own_sql.remedy, owner, spec)
            ):
                if isinstance(spec, Total):
                    done = recompute.recompute_total(self.connection, owner, spec)
                else:
                    done = recompute.recompute_days(self.connection, owner, spec, days, aside)
            self.publish([dataset], aside)
        return done

    def publish(self, datasets: Collection[str] | None = None, failures: Failures | None = None) -> int:
        """Write to `published/` what has changed and is not there yet, of these datasets or all; returns how many files were written
        or removed. Nothing where the warehouse has no such folder. Not within a transaction.

        Raises:
            PartsFailed: a publication could not be written, and `failures` is not there to take it; all others were.
        """
        if self._published is None:
            return 0
        names = self._datasets.keys() - self._changed.keys() if datasets is None else set(datasets)
        done = 0
        with told(failures) as aside:
            for name in sorted(names):
                with aside.aside("publication", name):
                    done += publishing.publish(self.connection, self._datasets[name], self._published, aside)
        return done

    def mark_everything(self, dataset: str, window: str) -> None:
        """Mark all of a window dirty, so that `recompute` computes every day of it anew, or all of a total."""
        owner = self._writable(dataset)
        sample.mark_everything(self.connection, owner, owner.window(window))

    def verify(
        self,
        dataset: str,
        window: str,
        days: Collection[date] | None = None,
        sampled: int | None = SAMPLED_DAYS,
        today: date | None = None,
    ) -> Verified:
        """Compute windows anew from the clean rows and compare them with the stored ones; changes nothing. All days of a window that is
        not computed yet as it is declared now wait to be.

        Args:
            days: to choose from; all that have rows or stored windows when not given.
            sampled: about how many days to look at: the newest, and others by turns; None: all of them. Totals are looked at as a
                whole.
            today: what the turns go by; the day in the dataset's zone when not given.

        Raises:
            ContractChanged: the clean table does not fit the contract.
        """
        owner = self._writable(dataset)
        spec = owner.window(window)
        if not as_declared(self.connection, owner, spec):
            return verify.all_wait(self.connection, owner, spec)
        if isinstance(spec, Total):
            return verify.verify_total(self.connection, owner, spec)
        turn = today or datetime.now(owner.zone).date()
        return verify.verify_days(self.connection, owner, spec, days, sampled, turn)

    def as_declared(self, dataset: str, window: str) -> bool:
        """Whether a window's table holds what is declared now; one that was changed or added since does once somebody writes."""
        owner = self._known(dataset)
        return as_declared(self.connection, owner, owner.window(window))

    def finish(
        self, dataset: str, now: datetime | None = None, failures: Failures | None = None
    ) -> dict[str, list[date]]:
        """Let `is_final` say of every window over time whether the watermark has passed it, as it does for a source that is idle,
        without recomputing anything. Window → the local days that changed, of windows of which some did.

        Raises:
            PartsFailed: a window could not be brought up to date, and `failures` is not there to take it; all others were.
        """
        owner = self._known(dataset)
        if dataset in self._changed:
            return {}
        mark = watermark(self.connection, owner, now)
        found: dict[str, list[date]] = {}
        with told(failures) as aside:
            for window in owner.time_windows:
                with aside.aside("final marks", dataset, window.name), transaction(self.connection):
                    if days := mark_final(self.connection, owner, window, mark):
                        marks.mark(self.connection, owner, window.name, days)
                        found[window.name] = days
            if found:
                self.publish([dataset], aside)
        return found

    def watermark(self, dataset: str, now: datetime | None = None) -> datetime | None:
        """The moment up to which the dataset's rows are taken to be there, UTC without zone; None when nothing is loaded."""
        return watermark(self.connection, self._known(dataset), now)

    def late_rows(
        self,
        dataset: str | None = None,
        window: str | None = None,
        delivery: str | None = None,
        status: str | None = None,
        limit: int | None = None,
    ) -> pl.DataFrame:
        """Rows of `ops.late_rows`, those listed last first; its columns."""
        return held.late_rows(self.connection, dataset, window, delivery, status, limit)

    def late_counts(self, dataset: str | None = None) -> pl.DataFrame:
        """dataset, window_name, delivery, status, rows (Int64), first and last event time of late rows, in that order."""
        return held.late_counts(self.connection, dataset)

    def release(self, dataset: str, window: str | None = None, delivery: str | None = None) -> list[Released]:
        """Let held rows count in their windows, all or those of a window or delivery, and mark the days; one transaction.

        Raises:
            KeyError: there is no such window.
        """
        owner = self._writable(dataset)
        if window is not None:
            owner.window(window)
        return held.release(self.connection, owner, window, delivery)

    def retain(self, dataset: str, now: datetime | None = None, *, dry_run: bool = False) -> Retained:
        """Delete the clean rows and windows that are older than the dataset keeps; see `retention.retain`.

        Raises:
            ReconciliationError: not as many rows went as were counted; nothing was deleted.
        """
        owner = self._writable(dataset)
        if dry_run:  # a window that is not made yet has nothing to delete, and holds no rows back
            made = [one for one in owner.windows if as_declared(self.connection, owner, one)]
            return retention.retain(self.connection, replace(owner, windows=made), now, dry_run=True)
        retained = retention.retain(self.connection, owner, now)
        self.publish([dataset])
        return retained

    def window_rows(
        self, dataset: str, window: str, days: Sequence[date] | None = None, limit: int | None = None
    ) -> pl.DataFrame:
        """Rows of a window's table in order of `window_start` and groups, of all days or those that start on `days`."""
        owner = self._known(dataset)
        spec = owner.window(window)
        where = ""
        if days is not None and not isinstance(spec, Total):
            bounds = [clock.day_bounds(owner.zone, day) for day in days]
            spans = [
                f"(window_start >= {timestamp(low)} AND window_start < {timestamp(high)})"
                for low, high in bounds
            ]
            where = f"WHERE {' OR '.join(spans) or 'false'}"
        order = ["window_start", *(["_delivery NULLS FIRST"] if isinstance(spec, Total) else [])]
        order += [
            str(number + 1) for number, (name, _) in enumerate(window_columns(owner, spec)) if name in spec.by
        ]
        cut = "" if limit is None else f" LIMIT {int(limit)}"
        return frame(
            self.connection,
            f"SELECT * FROM {window_table(owner, spec)} {where} ORDER BY {', '.join(order)}{cut}",
        )

    def windows(
        self, dataset: str, window: str, since: datetime | None = None, until: datetime | None = None
    ) -> pl.DataFrame:
        """The windows as they would be if what is staged were committed and what is dirty recomputed; only the days for which that is not
        so are computed, through the same compiler.

        Args:
            dataset: name of the dataset.
            window: name of the window. A total is given whole: it has no times.
            since: windows that start at this moment or later, UTC without zone.
            until: windows that start before this moment.

        Returns:
            The columns of the window's table, by `window_start` and groups. Of what is computed live `is_final` is false, `revision` and
            `computed_at` are those of the table, 0 and null where it has no such window.
        """
        owner = self._known(dataset)
        spec = owner.window(window)
        for attempt in range(_ATTEMPTS):
            waiting = [] if self._staging is None else find_waiting(self._staging, owner, self._manifests)
            try:
                return live.windows(self.connection, owner, spec, since, until, waiting)
            except (duckdb.IOException, FileNotFoundError):
                # Another process has put a staged folder away that we looked at; one that stays broken is told.
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")
