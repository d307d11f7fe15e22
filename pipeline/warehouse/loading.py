"""Moving staged Parquet into the tables of a dataset, and taking a delivery's rows out again.

What belongs here: the statements that insert and delete rows of one delivery. What does not: deciding what happens to a
delivery (`commit`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import duckdb
import polars as pl
import pyarrow.parquet as pq

from pipeline.contract import Dataset
from pipeline.ingest.manifest import Staged
from pipeline.warehouse.added import Room, rescued_sql
from pipeline.warehouse.conflict_list import CONFLICTS, in_file
from pipeline.warehouse.sql import ident, idents, parquet, table, text, timestamp
from pipeline.warehouse.tables import ERROR_COLUMNS, clean_columns

Records = Callable[[Staged, pl.Series], Iterator[pl.DataFrame]]
"""Given a delivery and ascending row numbers (Int64), frames with `_row` BIGINT, `line` BIGINT, `sheet` VARCHAR, `record` VARCHAR
(the source row as JSON text) and `shown` VARCHAR (JSON text: contract column → its text in the file; may be absent), each row number
once."""

CONFLICT_SEVERITY = "CASE severity WHEN 'warn' THEN 'warn' ELSE 'reject' END"
"""SQL of the severity of a conflict's error row: one that refuses a whole file was not told to, or this is no file."""
CONFLICT_STATUS = "CASE severity WHEN 'warn' THEN 'noted' WHEN 'superseded' THEN 'superseded' ELSE 'open' END"
"""SQL of its status."""
_BATCH = 50_000


def clean_source(dataset: Dataset, staged: Staged, room: Room) -> str:
    """SQL in brackets that reads the clean Parquet with the contract's and Windrow's own columns of the clean table but `_delivery`,
    typed as there, and those of `room`; a column that the files lack is null."""
    schemas = [set(pq.read_schema(path).names) for path in staged.clean_paths]
    known = set().union(*schemas)
    alike = all(schema == schemas[0] for schema in schemas)
    picked = [
        f"CAST({ident(name) if name in known else 'NULL'} AS {kind}) AS {ident(name)}"
        for name, kind in clean_columns(dataset)
        if name not in ("_delivery", "_rescued")
    ]
    picked.append(f"{rescued_sql(room.full) if room.full else '_rescued'} AS _rescued")
    picked += [f"{ident(name)} AS {ident(column)}" for name, column in room.columns.items()]
    return f"(SELECT {', '.join(picked)} FROM {parquet(staged.clean_paths, union_by_name=not alike)})"


def insert_clean(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    delivery: str,
    source: str,
    where: str,
    room: Room,
) -> int:
    """Insert the rows of `source`, its columns in `room` too; returns how many."""
    names = [*(name for name, _ in clean_columns(dataset)), *room.columns.values()]
    picked = ", ".join(text(delivery) if name == "_delivery" else ident(name) for name in names)
    return changed_rows(
        connection,
        f"INSERT INTO {table('clean', dataset.name)} ({idents(names)}) SELECT {picked} FROM {source}{where}",
    )


def insert_errors(connection: duckdb.DuckDBPyConnection, staged: Staged, detected_at: datetime) -> int:
    """Insert the staged error rows: `open` where they reject, `noted` where they do not. Returns how many."""
    if not staged.error_paths:
        return 0
    names = [name for name, _ in ERROR_COLUMNS]
    given = {
        "_delivery": text(staged.delivery),
        "status": "CASE severity WHEN 'reject' THEN 'open' ELSE 'noted' END",
        "detected_at": timestamp(detected_at),
    }
    picked = ", ".join(given.get(name, ident(name)) for name in names)
    return changed_rows(
        connection,
        f"INSERT INTO {table('errors', staged.manifest.dataset)} ({idents(names)}) "
        f"SELECT {picked} FROM {parquet(staged.error_paths)}",
    )


def insert_conflicts(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    staged: Staged,
    source: str,
    records: Records | None,
    detected_at: datetime,
) -> int:
    """Insert an error row for each listed conflict, with its source record; returns how many."""
    if records is None:
        plain = (
            f"(SELECT staged._row, NULL AS sheet, NULL AS line, to_json(staged)::VARCHAR AS record, NULL AS shown FROM {source} AS staged "
            f"WHERE _row IN (SELECT _row FROM {CONFLICTS}))"
        )
        return _insert_conflicts(connection, dataset, staged, plain, detected_at)
    inserted, after = 0, -1
    while True:
        rows = connection.execute(
            f"SELECT DISTINCT _row FROM {CONFLICTS} WHERE _row > ? ORDER BY _row LIMIT {_BATCH}", [after]
        ).fetchall()
        if not rows:
            return inserted
        after = rows[-1][0]
        for frame in records(staged, pl.Series("_row", [row[0] for row in rows], dtype=pl.Int64)):
            shown = frame if "shown" in frame.columns else frame.with_columns(shown=pl.lit(None, pl.String))
            connection.register("source_records", shown)
            try:
                inserted += _insert_conflicts(connection, dataset, staged, "source_records", detected_at)
            finally:
                connection.unregister("source_records")


def _insert_conflicts(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    staged: Staged,
    records: str,
    detected_at: datetime,
) -> int:
    names = [name for name, _ in ERROR_COLUMNS]
    return changed_rows(
        connection,
        f"INSERT INTO {table('errors', staged.manifest.dataset)} ({idents(names)}) "
        f"SELECT {text(staged.delivery)}, _row, sheet, line, column_name, check_name, told, head || told || tail, record, "
        f"{CONFLICT_SEVERITY}, {CONFLICT_STATUS}, {timestamp(detected_at)} FROM (SELECT *, {in_file(dataset, 'shown', 'value')} AS told "
        f"FROM {CONFLICTS} JOIN {records} AS record USING (_row))",
    )


def delete_rows(connection: duckdb.DuckDBPyConnection, dataset: Dataset, delivery: str) -> int:
    """Take a delivery's rows out of the clean table and mark its errors as superseded; returns the rows taken out."""
    connection.execute(
        f"UPDATE {table('errors', dataset.name)} SET status = 'superseded' "
        "WHERE _delivery = ? AND status IN ('open', 'noted', 'replayed')",
        [delivery],
    )
    return changed_rows(
        connection, f"DELETE FROM {table('clean', dataset.name)} WHERE _delivery = {text(delivery)}"
    )


def count_rows(connection: duckdb.DuckDBPyConnection, dataset: Dataset, delivery: str) -> int:
    """Rows of the delivery that the clean table holds."""
    return count_of(connection, f"{table('clean', dataset.name)} WHERE _delivery = {text(delivery)}")


def count_of(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    """Rows of an SQL relation."""
    row = connection.execute(f"SELECT count(*) FROM {source}").fetchone()
    assert row is not None
    return int(row[0])


def event_span(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, delivery: str
) -> tuple[datetime | None, datetime | None]:
    """Earliest and latest event time of the delivery's clean rows."""
    if dataset.event_time is None:
        return None, None
    column = ident(dataset.event_time)
    row = connection.execute(
        f"SELECT min({column}), max({column}) FROM {table('clean', dataset.name)} WHERE _delivery = ?",
        [delivery],
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def changed_rows(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    """Run a statement that changes rows; how many it changed."""
    row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row[0])
