"""Uniqueness of keys, within a delivery and against the table, found before anything is inserted.

What belongs here: which staged rows must not be loaded because their key is taken. What does not: the list of them
(`conflict_list`), the insert itself and the error rows (`loading`).

The usual delivery has no conflict, so the work is in proving that cheaply: part by part, a strictly ascending key is
unique, and a range of keys that the table does not reach needs no join. Only what cannot be proved so goes to DuckDB,
which spills to disk when it must. A row is listed for one set of columns at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq

from pipeline.contract import Dataset
from pipeline.contract.severities import UNIQUE
from pipeline.warehouse.conflict_list import ConflictList
from pipeline.warehouse.sql import ident, idents, table, text


def list_taken(
    listed: ConflictList,
    dataset: Dataset,
    paths: Sequence[str],
    source: str,
    known: str | None = None,
    within: str = "this file",
) -> None:
    """List the rows whose key is taken; those rejected by then are left aside, and so are those of an earlier set.

    Args:
        dataset: whose uniqueness holds.
        paths: the clean Parquet files, in row order.
        source: SQL that reads them, or some of their rows.
        known: SQL of the rows whose keys are taken; the clean table when not given.
        within: what they are, for the messages.
    """
    known = known or table("clean", dataset.name)
    for columns in dataset.uniqueness:
        unique, low, high = _look(paths, columns)
        taken = low is not None and _reaches(listed.connection, known, columns[0], low, high)
        if not unique or taken:
            _list(listed, dataset, known, columns, source, within, unique, taken)


def severity_of(dataset: Dataset, columns: Sequence[str]) -> str:
    """What becomes of a row whose key is taken."""
    return dataset.severities.get((columns[0], UNIQUE), "reject") if len(columns) == 1 else "reject"


def reached(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, paths: Sequence[str], columns: Sequence[str]
) -> bool:
    """Whether the clean table has any key of these columns within the range of the staged ones."""
    _, low, high = _look(paths, columns)
    return low is not None and _reaches(connection, table("clean", dataset.name), columns[0], low, high)


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


def _reaches(connection: duckdb.DuckDBPyConnection, known: str, column: str, low: Any, high: Any) -> bool:
    """Whether the rows known have any key within the staged range; zone maps answer without a scan where ranges are apart."""
    if isinstance(low, float):
        return True  # NaN lies in no range
    sql = f"SELECT 1 FROM {known} AS known WHERE {ident(column)} BETWEEN ? AND ? LIMIT 1"
    return connection.execute(sql, [low, high]).fetchone() is not None


def _list(
    listed: ConflictList,
    dataset: Dataset,
    known: str,
    columns: Sequence[str],
    source: str,
    within: str,
    unique: bool,
    taken: bool,
) -> None:
    """List the conflicts of one set."""
    connection, keys = listed.connection, idents(columns)
    present = " AND ".join(f"{ident(column)} IS NOT NULL" for column in columns) + listed.spared
    parts: list[str] = []
    if taken:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE taken AS SELECT _row, {keys} FROM {source} AS staged "
            f"SEMI JOIN {known} AS known USING ({keys}) WHERE {present}"
        )
        if listed.count("temp.taken"):
            parts.append(_taken_rows(known, columns))
            present += " AND _row NOT IN (SELECT _row FROM temp.taken)"
    if not unique:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE doubles AS SELECT {keys}, min(_row) AS first_row FROM {source} "
            f"WHERE {present} GROUP BY {keys} HAVING count(*) > 1"
        )
        if listed.count("temp.doubles"):
            parts.append(_double_rows(columns, source, within, present))
    if parts:
        listed.add(UNIQUE, severity_of(dataset, columns), " UNION ALL ".join(parts))
    connection.execute("DROP TABLE IF EXISTS temp.taken")
    connection.execute("DROP TABLE IF EXISTS temp.doubles")


def _taken_rows(known: str, columns: Sequence[str]) -> str:
    on = " AND ".join(f"known.{ident(column)} = taken.{ident(column)}" for column in columns)
    return (
        f"SELECT taken._row, {text(', '.join(columns))} AS column_name, any_value({key_text('taken', columns)}) AS value, "
        f"{text(', '.join(columns))} || ' ' || any_value({key_text('taken', columns)}) || ' is already in delivery ''' "
        "|| arg_min(known._delivery, known._row) || ''' (row ' || min(known._row) || ')' AS message "
        f"FROM temp.taken AS taken JOIN {known} AS known ON {on} GROUP BY taken._row"
    )


def _double_rows(columns: Sequence[str], source: str, within: str, present: str) -> str:
    name = text(", ".join(columns))
    key = key_text("staged", columns)
    return (
        f"SELECT staged._row, {name} AS column_name, {key} AS value, "
        f"{name} || ' ' || {key} || ' is already in row ' || doubles.first_row || {text(f' of {within}')} AS message "
        f"FROM (SELECT _row, {idents(columns)} FROM {source} WHERE {present}) AS staged "
        f"JOIN temp.doubles AS doubles USING ({idents(columns)}) WHERE staged._row > doubles.first_row"
    )


def key_text(relation: str, columns: Sequence[str]) -> str:
    """SQL of a key of `relation` for people."""
    return " || ', ' || ".join(f"{relation}.{ident(column)}::VARCHAR" for column in columns)
