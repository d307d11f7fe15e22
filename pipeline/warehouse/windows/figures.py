"""The figures of some days' windows as SQL, whoever asks: the recomputation, the verification, the live query.

What belongs here: which rows count, and over which span the compiler is run. What does not: the SQL of windows (`compiler`).
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from pipeline.contract import Dataset, Session, TimeWindow
from pipeline.warehouse.sql import table, text
from pipeline.warehouse.windows import sessions
from pipeline.warehouse.windows.compiler import compile_window
from pipeline.warehouse.windows.limits import limits_of


def figures_sql(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    lower: datetime,
    upper: datetime,
    relation: str | None = None,
) -> str:
    """SELECT of `compiler.figure_columns` of the windows that start in [lower, upper), without those that retention has frozen or
    deleted: the rows that are left would give less than they were made of.

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
    sql = compile_window(dataset, window, source, lower, upper, until)
    limits = limits_of(connection, dataset.name)
    return f"SELECT * FROM (\n{sql}\n)\nWHERE {limits.open_sql(window)}" if limits else sql


def counted(dataset: Dataset, window: TimeWindow) -> str:
    """SQL of the relation of the clean rows that count in a window: held ones do not. Nor do those that came for a session whose other
    rows are gone: they would join it to sessions that are open still."""
    source = table("clean", dataset.name)
    left_out = [
        *(["held"] if dataset.late == "hold" else []),
        *(["frozen"] if dataset.keep_rows is not None and isinstance(window, Session) else []),
    ]
    if not left_out:
        return source
    late = (
        f"SELECT delivery AS _delivery, _row FROM ops.late_rows WHERE dataset = {text(dataset.name)} "
        f"AND window_name = {text(window.name)} AND status IN ({', '.join(map(text, left_out))})"
    )
    return f"(SELECT * FROM {source} ANTI JOIN ({late}) AS late USING (_delivery, _row))"
