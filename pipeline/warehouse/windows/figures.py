"""The figures of some days' windows as SQL, whoever asks: the recomputation, the verification, the live query.

What belongs here: which rows count, and over which span the compiler is run. What does not: the SQL of windows (`compiler`).
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from pipeline.contract import Dataset, Session, TimeWindow
from pipeline.warehouse.sql import table
from pipeline.warehouse.windows import sessions
from pipeline.warehouse.windows.compiler import compile_window


def figures_sql(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    lower: datetime,
    upper: datetime,
    relation: str | None = None,
) -> str:
    """SELECT of `compiler.figure_columns` of the windows that start in [lower, upper).

    Args:
        connection: looked at where the span to read depends on the rows.
        dataset: the window's.
        window: any over time.
        lower: UTC without zone; where a day begins.
        upper: UTC without zone; where a day ends.
        relation: SQL of a relation with the columns of the clean table, in its place.
    """
    source = relation or counted(dataset, window)
    until = (
        sessions.horizon(connection, dataset, window, source, upper) if isinstance(window, Session) else None
    )
    return compile_window(dataset, window, source, lower, upper, until)


def counted(dataset: Dataset, window: TimeWindow) -> str:
    """SQL of the relation of the clean rows that count in a window."""
    return table("clean", dataset.name)
