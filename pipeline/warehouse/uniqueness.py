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
from pipeline.warehouse import contest
from pipeline.warehouse.conflict_list import SUPERSEDED, ConflictList, spelled
from pipeline.warehouse.contest import Side
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
    if dataset.on_conflict == "reject":
        return "quarantine"
    return dataset.severities.get((columns[0], UNIQUE), "reject") if len(columns) == 1 else "reject"


def list_losing(
    listed: ConflictList, dataset: Dataset, paths: Sequence[str], staged: Side, known: Sequence[Side]
) -> None:
    """List the rows that lose a key, to others of them or to those known, where they do not stand behind all that are there.

    Args:
        dataset: whose uniqueness holds.
        paths: the clean Parquet files, in row order.
        staged: the rows; `_at` is the number by which they are listed.
        known: the rows that are there.
    """
    connection = listed.connection
    left = f"(SELECT * FROM {staged.rows} WHERE true{listed.spared_by('_at')})"
    parts = []
    for columns in dataset.uniqueness:
        unique, low, high = _look(paths, columns)
        keys, present = idents(columns), " AND ".join(f"{ident(column)} IS NOT NULL" for column in columns)
        wanted = [
            f"SELECT {keys} FROM {side.rows} WHERE {present}"
            for side in known
            if low is not None and _reaches(connection, side.rows, columns[0], low, high)
        ]
        if not unique:
            wanted.append(f"SELECT {keys} FROM {left} WHERE {present} GROUP BY {keys} HAVING count(*) > 1")
        if wanted:
            parts.append(
                f"SELECT _delivery, _row FROM {left} SEMI JOIN ({' UNION ALL '.join(wanted)}) USING ({keys})"
            )
    connection.execute(contest.MAKE_SEEDS)
    if parts:
        connection.execute(f"INSERT INTO {contest.SEEDS} {' UNION '.join(parts)}")
    sides = [Side(staged.state, left, staged.place, "row._at"), *known]
    if not contest.gather(connection, dataset, sides):
        return
    contest.decide(connection, dataset)
    values = " ".join(
        f"WHEN {text(', '.join(columns))} THEN {key_text(dataset, 'row', columns)}"
        for columns in dataset.uniqueness
    )
    listed.add(
        UNIQUE,
        SUPERSEDED if dataset.later_wins else severity_of(dataset, dataset.uniqueness[0]),
        f"SELECT lost._at AS _row, lost._set AS column_name, CASE lost._set {values} END AS value, lost._set || ' ' AS head, "
        f"{lost_to(dataset, 'lost._delivery', 'lost._holder', 'lost._holder_row')} AS tail, lost._holder AS holder, "
        f"lost._holder_row AS holder_row FROM {contest.VERDICTS} AS lost JOIN {left} AS row ON row._at = lost._at "
        "WHERE lost._state = 'staged' AND NOT lost._wins",
        loses=True,
    )


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
            parts.append(_taken_rows(dataset, known, columns))
            present += " AND _row NOT IN (SELECT _row FROM temp.taken)"
    if not unique:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE doubles AS SELECT {keys}, min(_row) AS first_row FROM {source} "
            f"WHERE {present} GROUP BY {keys} HAVING count(*) > 1"
        )
        if listed.count("temp.doubles"):
            parts.append(_double_rows(dataset, columns, source, within, present))
    if parts:
        listed.add(UNIQUE, severity_of(dataset, columns), " UNION ALL ".join(parts), loses=True)
    connection.execute("DROP TABLE IF EXISTS temp.taken")
    connection.execute("DROP TABLE IF EXISTS temp.doubles")


def _taken_rows(dataset: Dataset, known: str, columns: Sequence[str]) -> str:
    on = " AND ".join(f"known.{ident(column)} = taken.{ident(column)}" for column in columns)
    return (
        f"SELECT taken._row, {text(', '.join(columns))} AS column_name, any_value({key_text(dataset, 'taken', columns)}) AS value, "
        f"{text(', '.join(columns) + ' ')} AS head, {taken_in('arg_min(known._delivery, known._row)', 'min(known._row)')} AS tail, "
        "arg_min(known._delivery, known._row) AS holder, min(known._row) AS holder_row "
        f"FROM temp.taken AS taken JOIN {known} AS known ON {on} GROUP BY taken._row"
    )


def _double_rows(dataset: Dataset, columns: Sequence[str], source: str, within: str, present: str) -> str:
    return (
        f"SELECT staged._row, {text(', '.join(columns))} AS column_name, {key_text(dataset, 'staged', columns)} AS value, "
        f"{text(', '.join(columns) + ' ')} AS head, {taken_here('doubles.first_row', within)} AS tail, "
        "NULL AS holder, doubles.first_row AS holder_row "
        f"FROM (SELECT _row, {idents(columns)} FROM {source} WHERE {present}) AS staged "
        f"JOIN temp.doubles AS doubles USING ({idents(columns)}) WHERE staged._row > doubles.first_row"
    )


def taken_in(delivery: str, row: str) -> str:
    """SQL of the words for a key that a row of another delivery has."""
    return f"' is already in delivery ''' || {delivery} || ''' (row ' || {row} || ')'"


def taken_here(row: str, within: str) -> str:
    """SQL of the words for a key that another of these rows has."""
    return f"' is already in row ' || {row} || {text(f' of {within}')}"


def lost_to(dataset: Dataset, own: str, holder: str, row: str) -> str:
    """SQL of the words for a key that the row `row` of delivery `holder` has, said of a row of delivery `own`."""
    if not dataset.later_wins:
        return (
            f"CASE WHEN {holder} = {own} THEN {taken_here(row, 'this file')} ELSE {taken_in(holder, row)} END"
        )
    return (
        f"' is superseded by ' || CASE WHEN {holder} = {own} THEN 'row ' || {row} || ' of this file' "
        f"ELSE 'delivery ''' || {holder} || ''' (row ' || {row} || ')' END"
    )


def key_text(dataset: Dataset, relation: str, columns: Sequence[str]) -> str:
    """SQL of a key of `relation` for people."""
    return " || ', ' || ".join(spelled(dataset, column, f"{relation}.{ident(column)}") for column in columns)
