"""Rows that were rejected and wait for somebody to correct them.

What belongs here: reading them from the error table. What does not: what is made of them (`errors`), changing their status.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.warehouse.errors import WarehouseError
from pipeline.warehouse.ledger import HAS_ROWS
from pipeline.warehouse.session import Session
from pipeline.warehouse.sql import table, text

_GROUP_BYTES = 2 * 2**20
_VECTOR, _MOST = 2048, 122_880


@dataclass(frozen=True)
class Source:
    """The current version of a delivery: hash of its bytes, and the columns of its file in order."""

    sha256: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Rejected:
    """What `save_rejected` saved.

    Attributes:
        violations: error rows.
        record_bytes: mean size of a record, in bytes of JSON.
        unsplit: whether the reader could not split some row into columns.
        sources: delivery → its current version, in the order of the rows.
        more: columns of records that none of the sources has, in order of appearance.
    """

    violations: int
    record_bytes: int
    unsplit: bool
    sources: dict[str, Source]
    more: tuple[str, ...]


def save_rejected(
    session: Session, dataset: str, path: Path, deliveries: Collection[str] | None = None
) -> Rejected | None:
    """Write the open error rows that reject, of some deliveries or of all, to a Parquet file: whoever works on them need not keep
    the warehouse from others.

    The file has `_delivery, sheet, column_name, check_name, message, record` VARCHAR, `_row, line` BIGINT and `unsplit` BOOLEAN
    (the record is `_raw` and `_fields`), ordered by delivery, row and time of detection.

    Returns:
        None where there are no such rows; then there is no file.

    Raises:
        WarehouseError: the ledger does not know where a row comes from.
    """
    rows = f"FROM {table('errors', dataset)} WHERE {_open(deliveries)}"
    violations, size = session.query(
        f"SELECT count(*) AS violations, coalesce(avg(strlen(record)), 0)::BIGINT AS size {rows}"
    ).row(0)
    if not violations:
        return None
    group = min(max(_GROUP_BYTES // max(size, 1) // _VECTOR, 1) * _VECTOR, _MOST)
    with _one_thread(session) if violations * size > _GROUP_BYTES else nullcontext():
        session.connection.execute(
            "COPY (SELECT _delivery, _row, sheet, line, column_name, check_name, message, record,"
            f" coalesce(json_type(record, '$._fields') = 'ARRAY', false) AS unsplit {rows}"
            f" ORDER BY _delivery, _row, detected_at, column_name NULLS LAST, check_name) TO {text(str(path))}"
            f" (FORMAT parquet, ROW_GROUP_SIZE {group})"
        )
    saved = f"read_parquet({text(str(path))}, file_row_number = true)"
    sources = _sources(session, dataset, saved)
    known = {column for source in sources.values() for column in source.columns}
    keys = session.query(
        f"SELECT json_keys(record) AS names FROM {saved} WHERE NOT unsplit GROUP BY ALL ORDER BY min(file_row_number)"
    )["names"]
    more = dict.fromkeys(name for names in keys.to_list() for name in names or () if name not in known)
    unsplit = session.query(f"SELECT bool_or(unsplit) AS unsplit FROM {saved}").item()
    return Rejected(violations, size, unsplit, sources, tuple(more))


@contextmanager
def _one_thread(session: Session) -> Iterator[None]:
    """Sorting wide rows takes 140 MB more in two threads, and is no faster."""
    threads = session.query("SELECT current_setting('threads') AS threads").item()
    session.connection.execute("SET threads = 1")
    try:
        yield
    finally:
        session.connection.execute(f"SET threads = {int(threads)}")


def _sources(session: Session, dataset: str, saved: str) -> dict[str, Source]:
    rows = session.query(
        f"SELECT _delivery, sha256, dialect FROM (SELECT DISTINCT _delivery FROM {saved}) LEFT JOIN"
        f" (SELECT delivery, arg_max(sha256, seq) AS sha256, arg_max(dialect, seq) AS dialect FROM ops.deliveries"
        f" WHERE dataset = {text(dataset)} AND {HAS_ROWS} GROUP BY delivery) ON delivery = _delivery"
        " ORDER BY _delivery"
    )
    sources = {}
    for delivery, sha256, dialect in rows.iter_rows():
        if sha256 is None:
            raise WarehouseError(
                f"errors.{dataset} holds open rows of delivery {delivery!r}, which the ledger does not know as loaded. "
                "Drop its file into the inbox again."
            )
        sources[delivery] = Source(sha256, tuple(json.loads(dialect or "{}").get("columns", ())))
    return sources


def rejected_counts(
    session: Session, dataset: str, deliveries: Collection[str] | None = None
) -> pl.DataFrame:
    """column_name, check_name, violations (Int64) of the open error rows that reject, most frequent first."""
    return session.query(
        f"SELECT column_name, check_name, count(*) AS violations FROM {table('errors', dataset)}"
        f" WHERE {_open(deliveries)} GROUP BY ALL ORDER BY violations DESC, column_name, check_name"
    )


def rejected_rows(session: Session, dataset: str, deliveries: Collection[str] | None = None) -> int:
    """How many rows have an open error that rejects them."""
    counted = session.query(
        f"SELECT count(*) FROM (SELECT DISTINCT _delivery, _row FROM {table('errors', dataset)} WHERE {_open(deliveries)})"
    )
    return int(counted.item())


def first_rejected(
    session: Session, dataset: str, limit: int, deliveries: Collection[str] | None = None
) -> pl.DataFrame:
    """The first of these error rows, by delivery and row: `_delivery, _row, sheet, line, column_name, check_name, value,
    message`."""
    return session.query(
        f"SELECT _delivery, _row, sheet, line, column_name, check_name, value, message FROM {table('errors', dataset)}"
        f" WHERE {_open(deliveries)} ORDER BY _delivery, _row, column_name NULLS LAST, check_name LIMIT {int(limit)}"
    )


def deliveries_of(session: Session, dataset: str) -> list[str]:
    """Keys of every delivery of the dataset that the ledger knows, ascending."""
    found = session.query(
        f"SELECT DISTINCT delivery FROM ops.deliveries WHERE dataset = {text(dataset)} ORDER BY delivery"
    )
    return found["delivery"].to_list()


def _open(deliveries: Iterable[str] | None) -> str:
    """The condition of an error row that still keeps its row out of the clean table."""
    condition = "severity = 'reject' AND status = 'open'"
    if deliveries is None:
        return condition
    return f"{condition} AND list_contains([{', '.join(map(text, deliveries))}]::VARCHAR[], _delivery)"
