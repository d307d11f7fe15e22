"""Putting freshly computed windows in the place of the old, with revisions.

What belongs here: comparing fresh rows with stored ones and storing what changed. What does not: computing them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from pipeline.contract import Cumulative, Dataset, Session, Total, Window
from pipeline.warehouse import ledger
from pipeline.warehouse.sql import ident, idents, timestamp
from pipeline.warehouse.windows.compiler import measures_of
from pipeline.warehouse.windows.tables import window_columns, window_table
from pipeline.warehouse.windows.watermark import final_sql

NEXT = "temp.next_windows"


def revise(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Window,
    computed: Sequence[str],
    scope: str,
    final: datetime | None,
) -> int:
    """Replace the stored windows within `scope` by those that `computed` gives; inside a transaction.

    Leaves the new rows in `temp.next_windows`, with `_changed`. A window whose figures are the same keeps its revision
    and `computed_at`; one that the rows no longer give is deleted.

    Args:
        connection: inside a transaction.
        dataset: the window's.
        window: whose table it is.
        computed: SELECTs of the figures, one or several that together give them.
        scope: condition on the stored rows that `computed` covers.
        final: the watermark, or None.

    Returns:
        windows that are new, have other figures, or went.
    """
    target = window_table(dataset, window)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE fresh_windows AS {computed[0]}")
    for further in computed[1:]:
        connection.execute(f"INSERT INTO temp.fresh_windows {further}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE old_windows AS SELECT * FROM {target} WHERE {scope}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE next_windows AS {_compared(dataset, window, final)}")
    row = connection.execute(
        f"SELECT count(*) FILTER (_changed), count(*) FILTER (_known), (SELECT count(*) FROM old_windows) FROM {NEXT}"
    ).fetchone()
    assert row is not None
    vanished = row[2] - row[1]
    changed = int(row[0] + vanished)
    if changed:
        names = idents(name for name, _ in window_columns(dataset, window))
        connection.execute(f"DELETE FROM {target} WHERE {scope}")
        connection.execute(f"INSERT INTO {target} ({names}) SELECT {names} FROM {NEXT} ORDER BY window_start")
    return changed


def _compared(dataset: Dataset, window: Window, final: datetime | None) -> str:
    """SELECT of the table's columns, `_known` (was there before) and `_changed`."""
    keys = ["window_start", *(["_delivery"] if isinstance(window, Total) else []), *window.by]
    figures = {name: measure.tolerance for name, measure in measures_of(dataset, window).items()}
    figures |= {"row_count": 0.0}
    if isinstance(window, Cumulative):
        keys.insert(1, "window_end")
    elif isinstance(window, Session):
        figures["window_end"] = 0.0
    on = " AND ".join(f"fresh.{ident(key)} IS NOT DISTINCT FROM old.{ident(key)}" for key in keys)
    same = " AND ".join(_same(name, tolerance) for name, tolerance in figures.items())
    ends = "false" if isinstance(window, Total) else final_sql(window, final, "fresh.window_end")
    return (
        "SELECT fresh.*, old.revision IS NOT NULL AS _known, "
        f"old.revision IS NULL OR NOT ({same}) AS _changed, "
        "CAST(coalesce(old.revision, 0) + CASE WHEN _changed THEN 1 ELSE 0 END AS INTEGER) AS revision, "
        f"CASE WHEN _changed THEN {timestamp(ledger.now())} ELSE old.computed_at END AS computed_at, "
        f"{ends} AS is_final FROM fresh_windows AS fresh LEFT JOIN old_windows AS old ON {on}"
    )


def _same(name: str, tolerance: float) -> str:
    one, other = f"fresh.{ident(name)}", f"old.{ident(name)}"
    exact = f"{one} IS NOT DISTINCT FROM {other}"
    if not tolerance:
        return exact
    near = f"abs({one} - {other}) <= {tolerance!r} * greatest(abs({one}), abs({other}))"
    return f"({exact} OR coalesce({near}, false))"
