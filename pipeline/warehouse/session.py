"""An open warehouse: many calls per open.

What belongs here: the calls about deliveries and rows, one line of thought each. What does not: those about windows
(`window_calls`), how they are done.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from pipeline.ingest.manifest import CleanerCount, ColumnProfile, Staged
from pipeline.warehouse import cleaning, corrections, ledger, open_rows, precedence, profiles, tables
from pipeline.warehouse import commit as committing
from pipeline.warehouse.connection import transaction
from pipeline.warehouse.corrections import Applied
from pipeline.warehouse.frames import frame
from pipeline.warehouse.ledger import Entry
from pipeline.warehouse.loading import Records
from pipeline.warehouse.sql import table
from pipeline.warehouse.window_calls import WindowCalls


class Session(WindowCalls):
    """An open connection to the warehouse; made by `Warehouse.session`, closed by it."""

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

    def newest(self, dataset: str, delivery: str | None = None) -> list[Entry]:
        """The newest ledger row of each delivery of a dataset, or of one, in order of `seq`: what became of the file that came last under
        that key, whatever is loaded. The dataset may be unknown."""
        return ledger.newest(self.connection, dataset, delivery)

    def refused(self, dataset: str) -> list[Entry]:
        """The files that were quarantined and of whose name nothing was taken since, in order of `seq`, whether or not they lie there
        still; corrections too."""
        return ledger.refused(self.connection, dataset)

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

    def newest_loaded(self, dataset: str) -> Entry | None:
        """The entry with rows in the clean table that was committed last."""
        loaded = f"dataset = $1 AND {ledger.HAS_ROWS}"
        newest = f"{loaded} AND seq = (SELECT max(seq) FROM ops.deliveries WHERE {loaded})"
        return next(iter(ledger.where(self.connection, newest, [dataset])), None)

    def of_runs(self, run_ids: Collection[str]) -> list[Entry]:
        """The ledger entries that some runs have committed, in order of `seq`."""
        some = "run_id IN (SELECT unnest(?::VARCHAR[]))"
        return ledger.where(self.connection, some, [list(run_ids)])

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

    def open_records(self, dataset: str, delivery: str, rows: Collection[int]) -> dict[int, str | None]:
        """Row number → source record (JSON text), of those rows of a delivery that are rejected and open."""
        found = self.connection.execute(
            f"SELECT _row, any_value(record) FROM {table('errors', self._known(dataset).name)} WHERE _delivery = ? AND status = 'open' "
            "AND severity = 'reject' AND _row IN (SELECT unnest(?::BIGINT[])) GROUP BY 1",
            [delivery, list(rows)],
        ).fetchall()
        return dict(found)

    def replay(self, staged: Staged) -> Applied:
        """Move the rows of a staged replay that pass now, in one transaction; those that fail get the new reason if it is
        another. Raises ReconciliationError, ContractChanged."""
        dataset = self._writable(staged.manifest.dataset)
        return corrections.replay(self.connection, dataset, staged)

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

    def table_schema(self, schema: str, name: str) -> list[tuple[str, str]]:
        """Columns and DuckDB types of a table, in order; empty where there is none."""
        return list(tables.layout(self.connection).get((schema, name), {}).items())

    def query(self, sql: str) -> pl.DataFrame:
        """The result of any SQL as a polars frame."""
        return frame(self.connection, sql)
