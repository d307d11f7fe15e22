"""The window tables: made from their specifications, made anew when those change.

What belongs here: `windows.<dataset>_<window>` as a table. What does not: its rows (`recompute`, `totals`).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import duckdb

from pipeline.contract import Dataset, Window
from pipeline.warehouse import ledger
from pipeline.warehouse.publish import marks
from pipeline.warehouse.sql import ident, table, text
from pipeline.warehouse.windows import dirty, own_sql
from pipeline.warehouse.windows.compiler import BOOKKEEPING, figure_columns
from pipeline.warehouse.windows.limits import limits_of

_MEANING = 1
"""Raised when the same declaration comes to mean other figures: then all windows are computed anew."""


def window_table(dataset: Dataset, window: Window) -> str:
    """The quoted name of a window's table."""
    return table("windows", f"{dataset.name}_{window.name}")


def window_columns(dataset: Dataset, window: Window) -> list[tuple[str, str]]:
    """Columns of a window's table and their DuckDB types, in order."""
    return [*figure_columns(dataset, window), *BOOKKEEPING]


def specification(dataset: Dataset, window: Window) -> str:
    """What the table's comment says: changes whenever the same rows could give other figures."""
    measures = {name: window.measures[name] for name in window.measures}
    declared = replace(window, by=tuple(window.by), measures=measures)
    said = [_MEANING, repr(declared), dataset.event_time, dataset.timezone, window_columns(dataset, window)]
    content = "\n".join(map(str, said))
    return "specification " + hashlib.sha256(content.encode()).hexdigest()[:16]


def comments(connection: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    """Table name in schema `windows` → its comment."""
    rows = connection.execute(
        "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'windows' AND database_name = current_database()"
    ).fetchall()
    return dict(rows)


def ensure(connection: duckdb.DuckDBPyConnection, dataset: Dataset, there: dict[str, str | None]) -> None:
    """Make missing window tables, and those anew whose specification changed; what they must hold becomes dirty. One that holds
    windows whose rows are gone is put aside under another name.

    Raises:
        ContractError: SQL of a declaration does not work on the dataset's columns.
    """
    for window in dataset.windows:
        name, wanted = f"{dataset.name}_{window.name}", specification(dataset, window)
        if there.get(name) == wanted:
            continue
        own_sql.check(connection, dataset, window)
        if name in there and limits_of(connection, dataset.name).rows is not None:
            aside = f"{name}_until_{ledger.now():%Y%m%d_%H%M%S}"
            connection.execute(f"ALTER TABLE {table('windows', name)} RENAME TO {ident(aside)}")
        spelled = ", ".join(f"{ident(column)} {kind}" for column, kind in window_columns(dataset, window))
        connection.execute(f"CREATE OR REPLACE TABLE {table('windows', name)} ({spelled})")
        connection.execute(f"COMMENT ON TABLE {table('windows', name)} IS {text(wanted)}")
        dirty.mark_all(connection, dataset, window)
        marks.mark_whole(connection, dataset, [window.name])
