"""An open warehouse: many calls per open.

What belongs here: the calls, one line of thought each. What does not: how they are done.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl

from pipeline.contract import Dataset, Total
from pipeline.ingest.manifest import CleanerCount, ColumnProfile, DaySpan, Manifest, Staged
from pipeline.ingest.waiting import waiting as find_waiting
from pipeline.warehouse import cleaning, corrections, ledger, open_rows, precedence, profiles, tables
from pipeline.warehouse import commit as committing
from pipeline.warehouse.connection import transaction
from pipeline.warehouse.corrections import Applied
from pipeline.warehouse.errors import ContractChanged
from pipeline.warehouse.frames import frame
from pipeline.warehouse.ledger import Entry
from pipeline.warehouse.loading import Records
from pipeline.warehouse.publish import marks, publishing
from pipeline.warehouse.sql import table, timestamp
from pipeline.warehouse.windows import clock, dirty, held, live, recompute, retention
from pipeline.warehouse.windows.dirty import Dirty
from pipeline.warehouse.windows.held import Released
from pipeline.warehouse.windows.recompute import Recomputed
from pipeline.warehouse.windows.retention import Retained
from pipeline.warehouse.windows.tables import window_columns, window_table
from pipeline.warehouse.windows.watermark import mark_final, watermark

_ATTEMPTS = 5


class Session:
    """An open connection to the warehouse; made by `Warehouse.session`, closed by it."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        datasets: Mapping[str, Dataset],
        changed: Mapping[str, ContractChanged],
        published: Path | None = None,
        staging: Path | None = None,
    ) -> None:
        self.connection = connection
        self._datasets = datasets
        self._changed = changed
        self._published = published
        self._staging = staging
        self._manifests: dict[Path, Manifest] = {}

    def commit(
        self,
        staged: Staged,
        *,
        run_id: str | None = None,
        replay: bool = False,
        records: Records | None = None,
        again: bool = False,
    ) -> Entry:
        """Load a staged delivery in one transaction.

        Args:
            staged: what to load.
            run_id: run that does it.
            replay: committing again what is loaded already (same key, bytes and contract) changes nothing and gives the
                entry that is there; without it that is recorded as a duplicate.
            records: gives the source records of rows that the commit finds fault with; by default the clean row as JSON.
            again: the delivery is loaded already, with these bytes: its rows are replaced whatever its contract was. Its place among
                the deliveries stays: rows of later ones that have a key of its rows are rejected.

        Returns:
            The ledger entry: `loaded`, `partial` (rows rejected) or `duplicate`. The entry of the same landing, when
            that is in the ledger already. Of a correction: its own entry, with what it did in the reason; its rows are in
            those of other deliveries. As a replay it is applied again to what is open now.

        Raises:
            ReconciliationError: the rows do not add up; nothing was stored.
            DeliveryRefused: its rows refuse the whole of it, or too many are rejected; nothing was stored.
            CorrectionRefused: no row of a correction is one that is loaded now.
            ContractError: a reference does not fit the table that it refers to; nothing was stored.
            ContractChanged: the clean table does not fit the contract.
            WarehouseError: to be loaded again, but the table does not hold this version.
        """
        dataset = self._writable(staged.manifest.dataset)
        if staged.manifest.correction is not None:
            return corrections.commit(self.connection, dataset, staged, run_id=run_id, replay=replay)
        return committing.commit(
            self.connection,
            dataset,
            staged,
            run_id=run_id,
            replay=replay,
            records=records,
            again=again,
        )

    def record_quarantine(
        self,
        dataset: str,
        delivery: str,
        file_name: str,
        reason: str,
        *,
        bytes: int,
        sha256: str | None = None,
        format: str | None = None,
        dialect: str | None = None,
        landing: str | None = None,
        run_id: str | None = None,
        fingerprint: str | None = None,
    ) -> Entry:
        """Record a file that cannot be loaded as a whole; rows of an earlier version stay. The dataset may be unknown.
        Gives the entry of the same landing, when that is in the ledger already."""
        facts = {
            "dataset": dataset, "delivery": delivery, "file_name": file_name, "reason": reason, "bytes": bytes,
            "sha256": sha256, "format": format, "dialect": dialect, "landing": landing, "run_id": run_id,
            "contract_fingerprint": fingerprint, "status": "quarantined",
        }  # fmt: skip
        with transaction(self.connection):
            landed = (
                None if landing is None else ledger.by_landing(self.connection, dataset, delivery, landing)
            )
            return landed or ledger.insert(self.connection, facts)

    def entry_by_landing(self, dataset: str, delivery: str, landing: str) -> Entry | None:
        """The ledger entry of this landing of the delivery."""
        return ledger.by_landing(self.connection, dataset, delivery, landing)

    def loaded_by_hash(self, dataset: str, sha256: str) -> Entry | None:
        """The entry of the loaded delivery with these bytes, whatever its key."""
        return ledger.loaded_by_hash(self.connection, dataset, sha256)

    def same_bytes(self, dataset: str, sha256: str) -> list[Entry]:
        """All ledger entries of a dataset with these bytes, newest first."""
        return ledger.same_bytes(self.connection, dataset, sha256)

    def current(self, dataset: str, delivery: str) -> Entry | None:
        """The entry of the version of a delivery whose rows are in the clean table."""
        return ledger.current(self.connection, dataset, delivery)

    def in_order(self, dataset: str) -> list[Entry]:
        """The deliveries whose rows are in the clean table, in order of their first commit.

        Raises:
            ContractChanged: the clean table does not fit the contract.
        """
        self._writable(dataset)
        loaded = self.entries(dataset, statuses=ledger.CURRENT)
        current = {entry.delivery: entry for entry in loaded if not entry.is_correction}
        return [current[key] for key in precedence.in_order(self.connection, dataset) if key in current]

    def entries(
        self,
        dataset: str | None = None,
        after_seq: int = 0,
        limit: int | None = None,
        statuses: Sequence[str] | None = None,
    ) -> list[Entry]:
        """Ledger entries with `seq` above `after_seq`, in order of `seq`."""
        return ledger.entries(self.connection, dataset, after_seq, limit, statuses)

    def originals(self, dataset: str, origins: Collection[tuple[str, str]]) -> list[Entry]:
        """The entries of deliveries by key and beginning of their content's hash, whether or not they are loaded still, newest
        first."""
        return corrections.originals(self.connection, dataset, origins)

    def corrections(self, dataset: str) -> list[Entry]:
        """The entries of the dataset's corrections, in order."""
        return corrections.taken(self.connection, dataset)

    def corrected_by(self, entry_id: str) -> list[Entry]:
        """The deliveries with rows that a correction has corrected or looked at, as they are now, by key."""
        return corrections.corrected_by(self.connection, entry_id)

    def copy_open_rows(self, dataset: str, target: Path, deliveries: Sequence[str] | None = None) -> int:
        """Write the rows that are rejected and open, of some deliveries or all, to a Parquet file; returns how many.

        Columns: those of `revalidate.KEY_SCHEMA`, `format` VARCHAR and `record` VARCHAR. `_row` is the place, ascending by delivery and row;
        `seen_at` when its latest error was found.
        """
        return open_rows.copy_open_rows(self.connection, self._known(dataset), target, deliveries)

    def replay(self, staged: Staged) -> Applied:
        """Move the rows of a staged replay that pass now, in one transaction; those that fail get the new reason if it is
        another. Raises ReconciliationError, ContractChanged."""
        dataset = self._writable(staged.manifest.dataset)
        return corrections.replay(self.connection, dataset, staged)

    def dirty(self, dataset: str | None = None) -> list[Dirty]:
        """What is dirty, by dataset, window and day; only of datasets and windows that are declared."""
        found = dirty.pending(self.connection, dataset)
        names = {name: {window.name for window in d.windows} for name, d in self._datasets.items()}
        return [mark for mark in found if mark.window in names.get(mark.dataset, set())]

    def days_by_delivery(self, dataset: str, deliveries: Collection[str]) -> dict[str, list[DaySpan]]:
        """Delivery → the days of the rows that it has in the clean table; empty for a dataset without windows over time."""
        return dirty.days_by_delivery(self.connection, self._known(dataset), deliveries)

    def recompute(self, dataset: str, window: str, days: Sequence[date] | None = None) -> list[Recomputed]:
        """Recompute windows that start on `days`, by default all that are dirty, and clear their marks; one transaction
        per bounded batch of days. For a total `days` means nothing: what is dirty is recomputed. Then what changed is published."""
        owner = self._writable(dataset)
        spec = owner.window(window)
        if isinstance(spec, Total):
            done = recompute.recompute_total(self.connection, owner, spec)
        else:
            done = recompute.recompute_days(self.connection, owner, spec, days)
        self.publish([dataset])
        return done

    def publish(self, datasets: Collection[str] | None = None) -> int:
        """Write to `published/` what has changed and is not there yet, of these datasets or all; returns how many files were written
        or removed. Nothing where the warehouse has no such folder. Not within a transaction."""
        if self._published is None:
            return 0
        names = self._datasets.keys() - self._changed.keys() if datasets is None else set(datasets)
        return sum(
            publishing.publish(self.connection, self._datasets[name], self._published)
            for name in sorted(names)
        )

    def finish(self, dataset: str, now: datetime | None = None) -> dict[str, list[date]]:
        """Let `is_final` say of every window over time whether the watermark has passed it, as it does for a source that is idle,
        without recomputing anything. Window → the local days that changed, of windows of which some did."""
        owner = self._known(dataset)
        if dataset in self._changed:
            return {}
        mark = watermark(self.connection, owner, now)
        found: dict[str, list[date]] = {}
        with transaction(self.connection):
            for window in owner.time_windows:
                if days := mark_final(self.connection, owner, window, mark):
                    marks.mark(self.connection, owner, window.name, days)
                    found[window.name] = days
        if found:
            self.publish([dataset])
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
        retained = retention.retain(self.connection, self._writable(dataset), now, dry_run=dry_run)
        if not dry_run:
            self.publish([dataset])
        return retained

    def column_profile(self, entry_id: str) -> list[ColumnProfile]:
        """The column profile of one ledger entry, in the contract's order."""
        return profiles.of_entries(self.connection, [entry_id]).get(entry_id, [])

    def cleaning(self, entry_id: str) -> list[CleanerCount]:
        """How many values each cleaner changed in one ledger entry's file, by column; a cleaner that changed none is not listed."""
        return cleaning.of_entries(self.connection, [entry_id]).get(entry_id, [])

    def error_sample(self, dataset: str, delivery: str | None = None, limit: int = 20) -> pl.DataFrame:
        """The first error rows (not superseded) of a delivery, or of the dataset; columns of the error table."""
        name = table("errors", self._known(dataset).name)
        return frame(
            self.connection,
            f"SELECT * FROM {name} WHERE status <> 'superseded' AND ($1::VARCHAR IS NULL OR _delivery = $1) "
            f"ORDER BY _delivery, _row, column_name, check_name LIMIT {int(limit)}",
            [delivery],
        )

    def error_counts(self, dataset: str, delivery: str | None = None) -> pl.DataFrame:
        """column_name, check_name, severity, violations (Int64): error rows that are not superseded, most frequent first."""
        name = table("errors", self._known(dataset).name)
        return frame(
            self.connection,
            f"SELECT column_name, check_name, severity, count(*) AS violations FROM {name} WHERE status <> 'superseded' "
            "AND ($1::VARCHAR IS NULL OR _delivery = $1) GROUP BY ALL "
            "ORDER BY violations DESC, column_name, check_name, severity",
            [delivery],
        )

    def clean_sample(self, dataset: str, delivery: str | None = None, limit: int = 20) -> pl.DataFrame:
        """The first clean rows of a delivery, or some of the dataset; columns of the clean table."""
        name = table("clean", self._known(dataset).name)
        where = "" if delivery is None else "WHERE _delivery = ? ORDER BY _row "
        return frame(
            self.connection,
            f"SELECT * FROM {name} {where}LIMIT {int(limit)}",
            [] if delivery is None else [delivery],
        )

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

    def table_schema(self, schema: str, name: str) -> list[tuple[str, str]]:
        """Columns and DuckDB types of a table, in order; empty where there is none."""
        return list(tables.layout(self.connection).get((schema, name), {}).items())

    def query(self, sql: str) -> pl.DataFrame:
        """The result of any SQL as a polars frame."""
        return frame(self.connection, sql)

    def _known(self, dataset: str) -> Dataset:
        found = self._datasets.get(dataset)
        if found is None:
            raise KeyError(
                f"there is no dataset {dataset!r}; there are: {', '.join(self._datasets) or 'none'}"
            )
        return found

    def _writable(self, dataset: str) -> Dataset:
        found = self._known(dataset)
        if dataset in self._changed:
            raise self._changed[dataset]
        return found
