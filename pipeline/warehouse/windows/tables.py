"""The window tables: made from their specifications, made anew when those change.

What belongs here: `windows.<dataset>_<window>` as a table. What does not: its rows (`recompute`, `totals`).
"""

from __future__ import annotations

import hashlib
from datetime import datetime

import duckdb

from pipeline.contract import Dataset, Total, Window
from pipeline.warehouse.publish import marks
from pipeline.warehouse.sql import ident, table, text
from pipeline.warehouse.windows import dirty
from pipeline.warehouse.windows.compiler import BOOKKEEPING, compile_total, compile_window, figure_columns

_ANY = datetime(2000, 1, 3)  # noqa: DTZ001  (only stands in the SQL that is hashed)


def window_table(dataset: Dataset, window: Window) -> str:
    """The quoted name of a window's table."""
    return table("windows", f"{dataset.name}_{window.name}")


def window_columns(dataset: Dataset, window: Window) -> list[tuple[str, str]]:
    """Columns of a window's table and their DuckDB types, in order."""
    return [*figure_columns(dataset, window), *BOOKKEEPING]


def specification(dataset: Dataset, window: Window) -> str:
    """What the table's comment says: changes whenever the same rows could give other figures."""
    if isinstance(window, Total):
        sql = compile_total(dataset, window, "source", per_delivery=True)
    else:
        sql = compile_window(dataset, window, "source", _ANY, _ANY)
    content = "\n".join([sql, dataset.timezone, repr(window_columns(dataset, window))])
    return "specification " + hashlib.sha256(content.encode()).hexdigest()[:16]


def comments(connection: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    """Table name in schema `windows` → its comment."""
    rows = connection.execute(
        "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'windows' AND database_name = current_database()"
    ).fetchall()
    return dict(rows)


def ensure(connection: duckdb.DuckDBPyConnection, dataset: Dataset, there: dict[str, str | None]) -> None:
    """Make missing window tables, and those anew whose specification changed; what they must hold becomes dirty."""
    for window in dataset.windows:
        name, wanted = f"{dataset.name}_{window.name}", specification(dataset, window)
        if there.get(name) == wanted:
            continue
        spelled = ", ".join(f"{ident(column)} {kind}" for column, kind in window_columns(dataset, window))
        connection.execute(f"CREATE OR REPLACE TABLE {table('windows', name)} ({spelled})")
        connection.execute(f"COMMENT ON TABLE {table('windows', name)} IS {text(wanted)}")
        dirty.mark_all(connection, dataset, window)
        marks.mark_whole(connection, dataset, [window.name])
