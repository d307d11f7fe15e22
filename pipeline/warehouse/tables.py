"""The tables of a dataset: made from its contract, and checked against it.

What belongs here: `clean.<dataset>`, `errors.<dataset>` and `waiting.<dataset>`. What does not: window tables (`windows.tables`), the
warehouse's own tables (`migrations`), rows.
"""

from __future__ import annotations

import duckdb

from pipeline.contract import Dataset
from pipeline.published import CLEAN
from pipeline.warehouse.evolution import OWN_COLUMNS, differences, plan, refusal
from pipeline.warehouse.publish import marks
from pipeline.warehouse.sql import ident, table
from pipeline.warehouse.types import duckdb_type

ERROR_COLUMNS = (
    ("_delivery", "VARCHAR"), ("_row", "BIGINT"), ("sheet", "VARCHAR"), ("line", "BIGINT"), ("column_name", "VARCHAR"),
    ("check_name", "VARCHAR"), ("value", "VARCHAR"), ("message", "VARCHAR"), ("record", "VARCHAR"),
    ("severity", "VARCHAR"), ("status", "VARCHAR"), ("detected_at", "TIMESTAMP"),
)  # fmt: skip

WAITING_COLUMNS = (
    ("_set", "VARCHAR"), ("_holder", "VARCHAR"), ("_holder_row", "BIGINT"), ("_status", "VARCHAR"), ("_since", "TIMESTAMP"),
)  # fmt: skip
"""Columns of `waiting.<dataset>` beside those of the clean table; see `waiting`."""

Layout = dict[tuple[str, str], dict[str, str]]
"""(schema, table) → column → type, of every table there is."""


def layout(connection: duckdb.DuckDBPyConnection) -> Layout:
    """What tables exist, and their columns in order."""
    rows = connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal "
        "AND database_name = current_database() ORDER BY schema_name, table_name, column_index"
    ).fetchall()
    found: Layout = {}
    for schema, name, column, kind in rows:
        found.setdefault((schema, name), {})[column] = kind
    return found


def clean_columns(dataset: Dataset) -> list[tuple[str, str]]:
    """Columns of the clean table and their DuckDB types, in order."""
    return [(column.name, duckdb_type(column.dtype)) for column in dataset.columns] + list(OWN_COLUMNS)


def is_empty(connection: duckdb.DuckDBPyConnection, dataset: Dataset, there: Layout) -> bool:
    """Whether a dataset has no rows, neither clean ones nor such as wait for their key."""
    made = [table(schema, dataset.name) for schema in ("clean", "waiting") if (schema, dataset.name) in there]
    return all(connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() is None for name in made)


def ensure(connection: duckdb.DuckDBPyConnection, dataset: Dataset, there: Layout) -> None:
    """Make what is missing; add nullable columns that are new in the contract. A table without rows becomes what is declared,
    whatever it was.

    Raises:
        ContractChanged: the clean table lacks a column that is not nullable, or has one of another type or name.
    """
    _create(connection, "errors", dataset.name, list(ERROR_COLUMNS), there)
    columns = clean_columns(dataset)
    existing = there.get(("clean", dataset.name))
    if existing is not None and plan(dataset, existing) and is_empty(connection, dataset, there):
        for schema in ("clean", "waiting"):
            connection.execute(f"DROP TABLE IF EXISTS {table(schema, dataset.name)}")
        there = {place: found for place, found in there.items() if place[1] != dataset.name}
        existing = None
    if existing is None:
        _create(connection, "clean", dataset.name, columns, there)
        marks.mark_whole(connection, dataset, [CLEAN])
        _fit_waiting(connection, dataset, there)
        return
    unasked, missing = differences(dataset, existing)
    if unasked:
        raise refusal(dataset, unasked)
    for step in missing:
        assert step.column is not None
        connection.execute(
            f"ALTER TABLE {table('clean', dataset.name)} ADD COLUMN {ident(step.column)} {step.after}"
        )
    if missing:
        marks.mark_whole(connection, dataset, [CLEAN])
    _fit_waiting(connection, dataset, there)


def _fit_waiting(connection: duckdb.DuckDBPyConnection, dataset: Dataset, there: Layout) -> None:
    """Make the table of rows that wait, with the columns that the clean table has by now, or add those that it lacks."""
    known = there.get(("waiting", dataset.name))
    target = table("waiting", dataset.name)
    if known is None:
        own = ", ".join(f"NULL::{kind} AS {ident(name)}" for name, kind in WAITING_COLUMNS)
        connection.execute(
            f"CREATE TABLE {target} AS SELECT *, {own} FROM {table('clean', dataset.name)} LIMIT 0"
        )
        return
    for name, kind in connection.execute(
        f"SELECT column_name, column_type FROM (DESCRIBE {table('clean', dataset.name)})"
    ).fetchall():
        if name not in known:
            connection.execute(f"ALTER TABLE {target} ADD COLUMN {ident(name)} {kind}")


def _create(
    connection: duckdb.DuckDBPyConnection,
    schema: str,
    name: str,
    columns: list[tuple[str, str]],
    there: Layout,
) -> None:
    if (schema, name) not in there:
        spelled = ", ".join(f"{ident(column)} {kind}" for column, kind in columns)
        connection.execute(f"CREATE TABLE {table(schema, name)} ({spelled})")
