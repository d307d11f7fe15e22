"""Columns that must rise from row to row over the whole file.

What belongs here: which staged rows are not above what came before them. What does not: the list (`conflict_list`).

The usual file is in order, which is proved by looking at its Parquet, a file at a time. Only what is not goes to DuckDB. A value that is
not above one before it is not above the highest before it either, so the highest is all there is to remember: it never is one
of those that are listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from pipeline.contract import Dataset
from pipeline.contract.severities import INCREASING
from pipeline.warehouse.conflict_list import ConflictList, spelled
from pipeline.warehouse.sql import ident, table, text


def list_not_above(
    listed: ConflictList, dataset: Dataset, column: str, paths: Sequence[str], source: str
) -> None:
    """List the rows whose value is not above all before it in the file; nulls, NaN, and rows rejected by now, are passed over."""
    if rises(paths, column):
        return
    name = ident(column)
    highest = f"max({name}) OVER (ORDER BY _row ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    rows = (
        f"SELECT _row, {text(column)} AS column_name, {spelled(dataset, column)} AS value, {text(f'{column} ')} AS head, "
        f"' is not above ' || {spelled(dataset, column, 'highest')} || ', which comes before it' AS tail FROM ("
        f"SELECT _row, {name}, {highest} AS highest FROM {source} WHERE {_given(dataset, column)}{listed.spared}) "
        f"WHERE {name} <= highest"
    )
    listed.add(INCREASING, dataset.severities.get((column, INCREASING), "reject"), rows)


def list_out_of_place(listed: ConflictList, dataset: Dataset, column: str, source: str, places: str) -> None:
    """List the rows whose value does not lie between those of the rows before and after them in their delivery.

    Args:
        source: SQL of the rows.
        places: SQL in brackets: their `_row`, `_delivery`, `original_row`.
    """
    name = ident(column)
    rows = (
        f"SELECT _row, {text(column)} AS column_name, {spelled(dataset, column, 'value')} AS value, {text(f'{column} ')} AS head, "
        f"CASE WHEN value <= before THEN ' is not above ' || {spelled(dataset, column, 'before')} || ', which comes before it' "
        f"ELSE ' is not below ' || {spelled(dataset, column, 'after')} || ', which comes after it' END AS tail FROM ("
        "SELECT place.*, (SELECT max(known.value) FROM known WHERE known._delivery = place._delivery "
        "AND known._row < place.original_row) AS before, (SELECT min(known.value) FROM known "
        "WHERE known._delivery = place._delivery AND known._row > place.original_row) AS after FROM place) "
        "WHERE value <= before OR value >= after"
    )
    known = (
        f"known AS (SELECT _delivery, _row, {name} AS value FROM {table('clean', dataset.name)} "
        f"WHERE {_given(dataset, column)})"
    )
    place = (
        f"place AS (SELECT sent._row, sent._delivery, sent.original_row, staged.{name} AS value FROM {places} AS sent "
        f"JOIN (SELECT * FROM {source} WHERE {_given(dataset, column)}{listed.spared}) AS staged ON staged._row = sent._row)"
    )
    listed.add(
        INCREASING, dataset.severities.get((column, INCREASING), "reject"), f"WITH {known}, {place} {rows}"
    )


def _given(dataset: Dataset, column: str) -> str:
    """A condition: there is a value that has a place in an order."""
    name = ident(column)
    if next(one for one in dataset.columns if one.name == column).dtype.is_float():
        return f"{name} IS NOT NULL AND NOT isnan({name})"
    return f"{name} IS NOT NULL"


def rises(paths: Sequence[str], column: str) -> bool:
    """Whether the files, one after another, prove that each value is above all before it; holds one file's column at a time."""
    last: Any = None
    for path in paths:
        with pq.ParquetFile(path) as file:
            if column not in file.schema_arrow.names:
                continue
            values = pl.Series(file.read(columns=[column], use_threads=False).column(0)).drop_nulls()
        if values.is_empty():
            continue
        if isinstance(values.dtype, pl.Categorical | pl.Enum):
            values = values.cast(pl.String)
        ascending = bool((values.slice(1) > values.slice(0, len(values) - 1)).all())
        if not ascending or (last is not None and not values[0] > last):
            return False
        last = values[-1]
    return True
