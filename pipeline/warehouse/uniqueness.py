"""Uniqueness of keys, within a delivery and against the table, found before anything is inserted.

What belongs here: which staged rows must not be loaded because their key is taken. What does not: the insert itself and
the error rows (`commit`).

The usual delivery has no conflict, so the work is in proving that cheaply: part by part, a strictly ascending key is
unique, and a range of keys that the table does not reach needs no join. Only what cannot be proved so goes to DuckDB,
which spills to disk when it must. Conflicts are listed in the temporary table `conflicts`, at most one per row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq

from pipeline.contract import Dataset
from pipeline.warehouse.sql import ident, idents, table, text

CONFLICTS = "temp.conflicts"


def find_conflicts(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    paths: Sequence[str],
    source: str,
    within: str = "this file",
) -> dict[str, int]:
    """List in `temp.conflicts` (_row, column_name, value, message) the staged rows whose key is taken.

    Args:
        connection: inside the transaction; the delivery's earlier version is deleted already.
        dataset: whose uniqueness holds.
        paths: the clean Parquet files, in row order.
        source: SQL that reads them, or some of their rows.
        within: what they are, for the messages.

    Returns:
        column name (sets joined by ", ") → conflicts; empty when there are none, and then there is no table.
    """
    found: dict[str, int] = {}
    for columns in dataset.uniqueness:
        unique, low, high = _look(paths, columns)
        taken = low is not None and _table_reaches(connection, dataset, columns[0], low, high)
        if not unique or taken:
            count = _list_conflicts(connection, dataset, columns, source, within, bool(found), unique, taken)
            if count:
                found[", ".join(columns)] = count
    return found


def exclude(found: dict[str, int]) -> str:
    """The WHERE clause that leaves the conflicting rows out."""
    return f" WHERE _row NOT IN (SELECT _row FROM {CONFLICTS})" if found else ""


def forget(connection: duckdb.DuckDBPyConnection, found: dict[str, int]) -> None:
    """Drop the list."""
    if found:
        connection.execute(f"DROP TABLE IF EXISTS {CONFLICTS}")


def _look(paths: Sequence[str], columns: Sequence[str]) -> tuple[bool, Any, Any]:
    """Whether the files prove their keys unique, and the smallest and largest value of the first key column.

    Holds one file's key columns at a time.
    """
    unique, low, high, last = True, None, None, None
    for path in paths:
        with pq.ParquetFile(path) as file:
            if not set(columns) <= set(file.schema_arrow.names):
                continue
            keys = _as_stored(pl.DataFrame(file.read(columns=list(columns), use_threads=False))).drop_nulls()
        if not keys.height:
            continue
        first = keys.get_column(columns[0])
        smallest: Any = first.min()
        largest: Any = first.max()
        if unique and len(paths) == 1:
            unique = not bool(keys.is_duplicated().any())
        elif unique:
            ascending = bool((first.slice(1) > first.slice(0, first.len() - 1)).all())
            unique = ascending and (last is None or smallest > last)
            last = largest
        low = smallest if low is None or smallest < low else low
        high = largest if high is None or largest > high else high
    return unique, low, high


def _as_stored(keys: pl.DataFrame) -> pl.DataFrame:
    """Keys that compare as they do in the table: categories as text, moments in UTC without zone."""
    casts = []
    for name, dtype in keys.schema.items():
        if isinstance(dtype, pl.Categorical | pl.Enum):
            casts.append(pl.col(name).cast(pl.String))
        elif isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            casts.append(pl.col(name).dt.convert_time_zone("UTC").dt.replace_time_zone(None))
    return keys.with_columns(casts) if casts else keys


def _table_reaches(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, column: str, low: Any, high: Any
) -> bool:
    """Whether the table has any key within the staged range; zone maps answer without a scan where ranges are apart."""
    if isinstance(low, float):
        return True  # NaN lies in no range
    sql = f"SELECT 1 FROM {table('clean', dataset.name)} WHERE {ident(column)} BETWEEN ? AND ? LIMIT 1"
    return connection.execute(sql, [low, high]).fetchone() is not None


def _list_conflicts(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    columns: Sequence[str],
    source: str,
    within: str,
    earlier: bool,
    unique: bool,
    taken: bool,
) -> int:
    """Add the conflicts of one set to the list; rows that an earlier set rejected are left aside."""
    keys = idents(columns)
    present = " AND ".join(f"{ident(column)} IS NOT NULL" for column in columns)
    if earlier:
        present += f" AND _row NOT IN (SELECT _row FROM {CONFLICTS})"
    before = _count(connection) if earlier else 0
    parts: list[str] = []
    if taken:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE taken AS SELECT _row, {keys} FROM {source} AS staged "
            f"SEMI JOIN {table('clean', dataset.name)} AS known USING ({keys}) WHERE {present}"
        )
        if _count(connection, "temp.taken"):
            parts.append(_taken_rows(dataset, columns))
            present += " AND _row NOT IN (SELECT _row FROM temp.taken)"
    if not unique:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE doubles AS SELECT {keys}, min(_row) AS first_row FROM {source} "
            f"WHERE {present} GROUP BY {keys} HAVING count(*) > 1"
        )
        if _count(connection, "temp.doubles"):
            parts.append(_double_rows(columns, source, within, present))
    if parts:
        rows = " UNION ALL ".join(parts)
        verb = (
            f"INSERT INTO {CONFLICTS}"
            if earlier
            else f"CREATE OR REPLACE TEMP TABLE {CONFLICTS.split('.')[1]} AS"
        )
        connection.execute(f"{verb} {rows}")
    connection.execute("DROP TABLE IF EXISTS temp.taken")
    connection.execute("DROP TABLE IF EXISTS temp.doubles")
    return _count(connection) - before if parts else 0


def _taken_rows(dataset: Dataset, columns: Sequence[str]) -> str:
    on = " AND ".join(f"known.{ident(column)} = taken.{ident(column)}" for column in columns)
    return (
        f"SELECT taken._row, {text(', '.join(columns))} AS column_name, any_value({_key_text('taken', columns)}) AS value, "
        f"{text(', '.join(columns))} || ' ' || any_value({_key_text('taken', columns)}) || ' is already in delivery ''' "
        "|| arg_min(known._delivery, known._row) || ''' (row ' || min(known._row) || ')' AS message "
        f"FROM temp.taken AS taken JOIN {table('clean', dataset.name)} AS known ON {on} GROUP BY taken._row"
    )


def _double_rows(columns: Sequence[str], source: str, within: str, present: str) -> str:
    name = text(", ".join(columns))
    key = _key_text("staged", columns)
    return (
        f"SELECT staged._row, {name} AS column_name, {key} AS value, "
        f"{name} || ' ' || {key} || ' is already in row ' || doubles.first_row || {text(f' of {within}')} AS message "
        f"FROM (SELECT _row, {idents(columns)} FROM {source} WHERE {present}) AS staged "
        f"JOIN temp.doubles AS doubles USING ({idents(columns)}) WHERE staged._row > doubles.first_row"
    )


def _key_text(relation: str, columns: Sequence[str]) -> str:
    return " || ', ' || ".join(f"{relation}.{ident(column)}::VARCHAR" for column in columns)


def _count(connection: duckdb.DuckDBPyConnection, name: str = CONFLICTS) -> int:
    row = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
    assert row is not None
    return int(row[0])
