"""Columns that files add to a clean table (`drift="evolve"`).

What belongs here: which column of the table takes an added column of a staged file, and making new ones. What does not: which columns
a file adds (`ingest.drift`), the contract's own columns (`tables`, `evolution`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from pipeline.contract import Dataset
from pipeline.contract.headers import normalise
from pipeline.warehouse.evolution import OWN_COLUMNS
from pipeline.warehouse.sql import ident, table, text

MOST = 1000
"""Columns beyond its contract's that a table may have; what further files bring is kept in `_rescued`."""


@dataclass(frozen=True)
class Room:
    """Where the added columns of one staged file go.

    Attributes:
        columns: added column of the staged Parquet → column of the table.
        fresh: columns of the table that were made for it.
        full: added columns that have no place; their values go to `_rescued`.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()
    full: tuple[str, ...] = ()

    @property
    def reasons(self) -> list[str]:
        """What the ledger says of it."""
        said = []
        if self.fresh:
            said.append(f"new columns added to the table: {', '.join(map(repr, self.fresh))}")
        if self.full:
            said.append(
                f"columns kept in _rescued, for the table has no column of text for them and takes {MOST} more than its"
                f" contract's at most: {', '.join(map(repr, self.full))}"
            )
        return said


def make_room(connection: duckdb.DuckDBPyConnection, dataset: Dataset, added: Sequence[str]) -> Room:
    """Find or make the columns of the table that take the columns `added` by a file.

    The first statement of its transaction that writes to the table: DuckDB commits no change of a table's columns after one of its rows.
    """
    if not added:
        return Room()
    extra = _extra_columns(connection, dataset)
    by_name = {normalise(name): name for name in extra}
    columns: dict[str, str] = {}
    fresh: list[str] = []
    full: list[str] = []
    for name in added:
        known = by_name.get(normalise(name))
        if known is not None and extra[known] == "VARCHAR":
            columns[name] = known
        elif known is not None or len(extra) + len(fresh) >= MOST:
            full.append(name)
        else:
            for schema in ("clean", "waiting"):
                connection.execute(
                    f"ALTER TABLE {table(schema, dataset.name)} ADD COLUMN {ident(name)} VARCHAR"
                )
            columns[name] = name
            fresh.append(name)
    return Room(columns, tuple(fresh), tuple(full))


def rescued_sql(full: Sequence[str]) -> str:
    """SQL of `_rescued` that also holds the columns `full` of the staged Parquet; null where all is empty."""
    empty = " AND ".join(f"{ident(name)} IS NULL" for name in full)
    pairs = ", ".join(f"{text(name)}, {ident(name)}" for name in full)
    more = f"json_merge_patch(coalesce(_rescued, '{{}}'), json_object({pairs}))"
    return f"CASE WHEN {empty} THEN _rescued ELSE CAST({more} AS VARCHAR) END"


def _extra_columns(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> dict[str, str]:
    """Columns of the table that are neither the contract's nor Windrow's own → their types, in order."""
    rows = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() "
        "AND schema_name = 'clean' AND table_name = ? ORDER BY column_index",
        [dataset.name],
    ).fetchall()
    declared = {name.casefold() for name in dataset.column_names} | {name for name, _ in OWN_COLUMNS}
    return {name: kind for name, kind in rows if name.casefold() not in declared}
