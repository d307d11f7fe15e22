"""The ledger `ops.deliveries`: every delivery ever seen and what became of it.

What belongs here: reading and writing ledger rows. What does not: loading rows (`commit`).
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import duckdb

from pipeline.contract import Dataset
from pipeline.contract.fingerprint import MARK
from pipeline.ingest.manifest import CORRECTION, ColumnProfile, Staged

CURRENT = ("loaded", "partial")
"""Statuses of a delivery whose rows are in the clean table, and of a correction that was taken."""
OF_A_FILE = f"format IS DISTINCT FROM '{CORRECTION}'"
"""SQL: the row is no correction's."""
HAS_ROWS = f"(status IN ('loaded', 'partial') AND {OF_A_FILE})"
"""SQL: the row of a delivery whose rows are in the clean table."""


@dataclass(frozen=True)
class Entry:
    """One row of the ledger: one version of a delivery.

    Attributes:
        id: hex text, ordered by time.
        delivery: its key.
        dataset: name of the dataset.
        file_name: name of the file.
        sha256: hash of the bytes, or None where they were never read.
        bytes: size of the file.
        format: csv, excel, ndjson, json, parquet, arrow, avro or the word of another package's reader; `correction` for error
            rows that were sent back; None where it was not recognised.
        dialect: how the file is written, as JSON text, or None.
        rows_read: records of the file; 0 in a row of a duplicate or a quarantined file, like the other counts.
        rows_clean: rows loaded.
        rows_rejected: rows with a violation that rejects, and those that are superseded.
        rows_filtered: rows that the contract leaves out.
        violations: rows of the error table.
        status: loaded, partial (some rows rejected), quarantined, duplicate, replaced or removed.
        reason: why, where the status needs one; of loaded deliveries, what there is to say of their columns.
        contract_fingerprint: contract that it was staged under.
        event_time_min: earliest event time of a clean row, UTC without zone.
        event_time_max: latest.
        seconds: time that staging and commit took.
        peak_memory_mb: largest resident size of the process by then, in MiB.
        run_id: run that committed it.
        committed_at: when, UTC without zone.
        seq: rises with every row; a reader that remembers the last one sees only what is new.
        landing: identity of the landing, see `Staged.landing`.
        archive: what its dataset said is to become of the original once it is loaded: keep, encrypt, off (deleted); None where it
            was not loaded.
        rows_warned: rows with a warning; rejected ones too.
        rows_mended: records that were mended when they were read; rejected ones too.
        rows_expired: rows among the clean ones that retention has deleted since, or would not load again.
        rows_superseded: rows among the rejected ones with which nothing is wrong but that a later row has their key.
    """

    id: str
    delivery: str
    dataset: str
    file_name: str
    sha256: str | None
    bytes: int
    format: str | None
    dialect: str | None
    rows_read: int
    rows_clean: int
    rows_rejected: int
    rows_filtered: int
    violations: int
    status: str
    reason: str | None
    contract_fingerprint: str | None
    event_time_min: datetime | None
    event_time_max: datetime | None
    seconds: float
    peak_memory_mb: float | None
    run_id: str | None
    committed_at: datetime
    seq: int
    landing: str | None
    archive: str | None = None
    rows_warned: int = 0
    rows_mended: int = 0
    rows_expired: int = 0
    rows_superseded: int = 0

    @property
    def rows_refused(self) -> int:
        """Rows with a violation that rejects: those with which something is wrong."""
        return self.rows_rejected - self.rows_superseded

    @property
    def is_correction(self) -> bool:
        """Whether it corrected rows of other deliveries, and so has none."""
        return self.format == CORRECTION


_FIELDS = tuple(field.name for field in fields(Entry))
_COLUMNS = ", ".join(_FIELDS)
_SELECT = f"SELECT {_COLUMNS} FROM ops.deliveries"
_INSERT = (
    f"INSERT INTO ops.deliveries ({_COLUMNS}) VALUES "
    f"({', '.join('nextval(' + chr(39) + 'ops.delivery_seq' + chr(39) + ')' if f == 'seq' else '?' for f in _FIELDS)}) "
    "RETURNING seq"
)


def now() -> datetime:
    """This moment in UTC without zone, as the warehouse stores moments."""
    return datetime.now(UTC).replace(tzinfo=None)


def new_id() -> str:
    """32 hex digits in the layout of UUID version 7: later ids sort after earlier ones."""
    micro = time.time_ns() // 1000
    milli, rest = divmod(micro, 1000)
    return f"{milli:012x}7{rest * 4 + secrets.randbelow(4):03x}{secrets.randbits(62) | 1 << 63:016x}"


def insert(connection: duckdb.DuckDBPyConnection, values: dict[str, Any]) -> Entry:
    """Write one row; `values` holds every field of Entry but id, seq and committed_at, absent ones count as None
    (figures as 0)."""
    figures = ("bytes", "violations", "seconds", *(name for name in _FIELDS if name.startswith("rows_")))
    full: dict[str, Any] = dict.fromkeys(_FIELDS)
    full |= dict.fromkeys(figures, 0) | {"id": new_id(), "committed_at": now()} | values
    row = connection.execute(_INSERT, [full[name] for name in _FIELDS if name != "seq"]).fetchone()
    assert row is not None
    full["seq"] = row[0]
    return Entry(**full)


def facts(staged: Staged) -> dict[str, Any]:
    """What a row says of a staged file, whatever becomes of it."""
    manifest = staged.manifest
    return {
        "delivery": staged.delivery,
        "dataset": manifest.dataset,
        "file_name": PurePosixPath(staged.delivery).name,
        "sha256": manifest.sha256,
        "bytes": manifest.bytes,
        "format": manifest.format,
        "dialect": json.dumps(manifest.dialect, ensure_ascii=False),
        "contract_fingerprint": manifest.fingerprint,
        "landing": staged.landing,
        "seconds": manifest.seconds,
        "peak_memory_mb": manifest.peak_memory_mb,
    }


def duplicate_reason(original: Entry) -> str:
    """The reason of a duplicate."""
    return f"the same bytes are loaded as delivery {original.delivery!r} (entry {original.id})"


def by_landing(
    connection: duckdb.DuckDBPyConnection, dataset: str, delivery: str, landing: str
) -> Entry | None:
    """The row that this landing of the delivery already has."""
    return _one(connection, "dataset = ? AND delivery = ? AND landing = ?", [dataset, delivery, landing])


def current(connection: duckdb.DuckDBPyConnection, dataset: str, delivery: str) -> Entry | None:
    """The row of the version whose rows are in the clean table."""
    return _one(connection, f"dataset = ? AND delivery = ? AND {HAS_ROWS}", [dataset, delivery])


def loaded_by_hash(connection: duckdb.DuckDBPyConnection, dataset: str, sha256: str) -> Entry | None:
    """The row of the loaded delivery with these bytes, whatever its key."""
    return _one(
        connection, "dataset = ? AND sha256 = ? AND status IN ('loaded', 'partial')", [dataset, sha256]
    )


def same_bytes(connection: duckdb.DuckDBPyConnection, dataset: str, sha256: str) -> list[Entry]:
    """All rows of a dataset with these bytes, whatever became of them, newest first."""
    sql = f"{_SELECT} WHERE dataset = ? AND sha256 = ? ORDER BY seq DESC"
    return [Entry(*row) for row in connection.execute(sql, [dataset, sha256]).fetchall()]


def related(
    connection: duckdb.DuckDBPyConnection,
    dataset: str,
    delivery: str,
    sha256: str | None,
    landing: str | None,
) -> tuple[Entry | None, Entry | None, Entry | None]:
    """In one scan: the row of this landing, the current version of the key, the loaded delivery or correction with these bytes.

    The scan reads few columns, for most deliveries are new and a ledger row is wide.
    """
    rows = connection.execute(
        f"SELECT id, delivery = $2 AND landing = $4, {HAS_ROWS}, delivery = $2, "
        "sha256 = $3 AND status IN ('loaded', 'partial') "
        "FROM ops.deliveries WHERE dataset = $1 AND (delivery = $2 OR sha256 = $3) ORDER BY seq",
        [dataset, delivery, sha256, landing],
    ).fetchall()
    landed = next((row[0] for row in reversed(rows) if row[1]), None)
    mine = next((row[0] for row in reversed(rows) if row[2] and row[3]), None)
    same = next((row[0] for row in rows if row[4]), None)
    return _by_id(connection, landed), _by_id(connection, mine), _by_id(connection, same)


def entries(
    connection: duckdb.DuckDBPyConnection,
    dataset: str | None = None,
    after_seq: int = 0,
    limit: int | None = None,
    statuses: Sequence[str] | None = None,
) -> list[Entry]:
    """Rows with `seq` above `after_seq`, in order of `seq`."""
    sql = f"{_SELECT} WHERE seq > ?"
    parameters: list[Any] = [after_seq]
    if dataset is not None:
        sql, parameters = f"{sql} AND dataset = ?", [*parameters, dataset]
    if statuses is not None:
        sql, parameters = f"{sql} AND list_contains(?, status)", [*parameters, list(statuses)]
    sql += " ORDER BY seq"
    if limit is not None:
        sql += f" LIMIT {int(limit)}"
    return [Entry(*row) for row in connection.execute(sql, parameters).fetchall()]


def set_status(connection: duckdb.DuckDBPyConnection, entry: Entry, status: str, reason: str) -> None:
    """Give one row another status and reason."""
    connection.execute(
        "UPDATE ops.deliveries SET status = ?, reason = ? WHERE id = ?", [status, reason, entry.id]
    )


def newest(connection: duckdb.DuckDBPyConnection, dataset: str, delivery: str | None = None) -> list[Entry]:
    """The newest row of each delivery of a dataset, or of one, in order of `seq`."""
    return [
        Entry(*row)
        for row in connection.execute(
            f"{_SELECT} WHERE dataset = $1 AND ($2 IS NULL OR delivery = $2) "
            "QUALIFY row_number() OVER (PARTITION BY delivery ORDER BY seq DESC) = 1 ORDER BY seq",
            [dataset, delivery],
        ).fetchall()
    ]


def refused(connection: duckdb.DuckDBPyConnection, dataset: str) -> list[Entry]:
    """The rows of files that were quarantined and of whose name nothing was taken since, in order of `seq`; corrections too."""
    return where(
        connection,
        "dataset = $1 AND status = 'quarantined' AND NOT EXISTS (SELECT 1 FROM ops.deliveries AS later WHERE later.dataset = $1 "
        "AND later.delivery = ops.deliveries.delivery AND later.seq > ops.deliveries.seq AND later.status <> 'quarantined')",
        [dataset],
    )


def heir(connection: duckdb.DuckDBPyConnection, old: Entry) -> Entry | None:
    """The first delivery that holds the bytes of this loaded one as well, and is its duplicate."""
    found = where(
        connection,
        f"dataset = $1 AND sha256 = $2 AND delivery <> $3 AND status = 'duplicate' AND {OF_A_FILE} AND NOT EXISTS ("
        "SELECT 1 FROM ops.deliveries AS newer WHERE newer.dataset = $1 AND newer.delivery = ops.deliveries.delivery "
        "AND newer.seq > ops.deliveries.seq AND newer.status <> 'quarantined' AND newer.format IS DISTINCT FROM 'correction')",
        [old.dataset, old.sha256, old.delivery],
    )
    return found[0] if found else None


def inherit(connection: duckdb.DuckDBPyConnection, old: Entry, duplicate: Entry) -> None:
    """Make a duplicate the one that is loaded, with the counts and the profile of the delivery whose rows it has from now on."""
    figures = {name: getattr(old, name) for name in _FIELDS if name.startswith(("rows_", "event_time_"))}
    told = f"has the rows of delivery {old.delivery!r}, of which it was a duplicate until that changed (entry {old.id})"
    given = {
        "status": old.status,
        "violations": old.violations,
        "contract_fingerprint": old.contract_fingerprint,
        "reason": told,
    }
    change(connection, duplicate, figures | given)
    for name in ("columns", "cleaning"):
        connection.execute(
            f"INSERT INTO ops.{name} SELECT * REPLACE (? AS entry_id, ? AS delivery) FROM ops.{name} WHERE entry_id = ?",
            [duplicate.id, duplicate.delivery, old.id],
        )


def change(connection: duckdb.DuckDBPyConnection, entry: Entry, values: dict[str, Any]) -> Entry:
    """Give one row other values; returns it as it is then."""
    given = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE ops.deliveries SET {given} WHERE id = ?", [*values.values(), entry.id])
    return replace(entry, **values)


def carry_fingerprints(connection: duckdb.DuckDBPyConnection, datasets: Iterable[Dataset]) -> None:
    """Write anew the fingerprints that earlier versions stored of the contracts of now; those of other contracts stay."""
    rows = connection.execute(
        "SELECT DISTINCT dataset FROM ops.deliveries WHERE NOT starts_with(contract_fingerprint, ?)", [MARK]
    ).fetchall()
    earlier = {name for (name,) in rows}
    for dataset in datasets:
        if dataset.name in earlier:
            connection.execute(
                "UPDATE ops.deliveries SET contract_fingerprint = ? WHERE dataset = ? AND contract_fingerprint = ?",
                [dataset.fingerprint, dataset.name, dataset.former_fingerprint],
            )


def insert_profile(
    connection: duckdb.DuckDBPyConnection,
    entry: Entry,
    columns: Sequence[ColumnProfile],
    conflicts: Mapping[str, int],
) -> None:
    """Write the profile of a delivery's columns; `conflicts` (column → violations found at the commit) count as well."""
    if not columns:
        return
    values: list[Any] = []
    for position, column in enumerate(columns):
        top = json.dumps([list(pair) for pair in column.top_values], ensure_ascii=False)
        violations = column.violations + conflicts.get(column.name, 0)
        values += [
            entry.id,
            entry.dataset,
            entry.delivery,
            position,
            column.name,
            column.row_count,
            column.null_count,
        ]
        values += [column.distinct_count, column.min, column.max, column.mean, top, violations]
        values += [column.distinct_error, column.top_error]
    row = f"({', '.join('?' * 15)})"
    connection.execute(f"INSERT INTO ops.columns VALUES {', '.join([row] * len(columns))}", values)


def versions(
    connection: duckdb.DuckDBPyConnection, dataset: str, deliveries: Collection[str]
) -> dict[str, list[Entry]]:
    """Delivery → its newest rows, at most 20 and the current one, newest first."""
    rows = connection.execute(
        f"{_SELECT} WHERE dataset = ? AND delivery IN (SELECT unnest(?::VARCHAR[])) QUALIFY row_number() OVER "
        "(PARTITION BY delivery ORDER BY seq DESC) <= 20 OR status IN ('loaded', 'partial') ORDER BY seq DESC",
        [dataset, list(deliveries)],
    ).fetchall()
    found: dict[str, list[Entry]] = {}
    for row in rows:
        entry = Entry(*row)
        found.setdefault(entry.delivery, []).append(entry)
    return found


def where(
    connection: duckdb.DuckDBPyConnection, condition: str, parameters: list[Any], order: str = "seq"
) -> list[Entry]:
    """The rows that fulfil an SQL condition."""
    rows = connection.execute(f"{_SELECT} WHERE {condition} ORDER BY {order}", parameters).fetchall()
    return [Entry(*row) for row in rows]


def _by_id(connection: duckdb.DuckDBPyConnection, entry_id: str | None) -> Entry | None:
    return None if entry_id is None else _one(connection, "id = ?", [entry_id])


def _one(connection: duckdb.DuckDBPyConnection, condition: str, parameters: list[Any]) -> Entry | None:
    # All of the one row: DuckDB 2.0 takes a result that was not read to its end for unfinished.
    rows = connection.execute(f"{_SELECT} WHERE {condition} ORDER BY seq DESC LIMIT 1", parameters).fetchall()
    return Entry(*rows[0]) if rows else None
