"""Putting freshly computed windows in the place of the old, with revisions.

What belongs here: comparing fresh rows with stored ones and storing what changed. What does not: computing them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipeline.contract import Cumulative, Dataset, Sliding, Total, Window
from pipeline.warehouse import ledger
from pipeline.warehouse.sql import ident, idents, timestamp
from pipeline.warehouse.windows.columns import matched
from pipeline.warehouse.windows.compiler import figure_columns, measures_of
from pipeline.warehouse.windows.grid import goes_by_local_clock
from pipeline.warehouse.windows.tables import local_columns, local_values, window_columns, window_table
from pipeline.warehouse.windows.watermark import final_sql

_NEXT = "temp.next_windows"


@dataclass(frozen=True)
class Revised:
    """What became of the windows of one day.

    Attributes:
        windows: that the day has now.
        changed: that are new, have other figures, or went.
        differs: whether any row of the day is another than before: these, and windows that became final or open.
    """

    windows: int = 0
    changed: int = 0
    differs: bool = False


def revise(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Window,
    computed: Sequence[str],
    scope: str,
    final: datetime | None,
    day: str = "0",
) -> dict[int, Revised]:
    """Replace the stored windows within `scope` by those that `computed` gives; inside a transaction.

    A window whose figures are the same keeps its revision and `computed_at`; one that the rows no longer give is deleted.

    Args:
        connection: inside a transaction.
        dataset: the window's.
        window: whose table it is.
        computed: SELECTs of the figures, one or several that together give them.
        scope: condition on the stored rows that `computed` covers.
        final: the watermark, or None.
        day: SQL over `window_start` of the number of a day.

    Returns:
        number of a day → what became of its windows; days without any before and after are left out.
    """
    target = window_table(dataset, window)
    compute(connection, computed)
    compared = _compared(dataset, window, f"(SELECT * FROM {target} WHERE {scope})", final)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE next_windows AS {compared}")
    rows = connection.execute(
        f"SELECT {day}, count(*) FILTER (NOT _gone), count(*) FILTER (_changed), bool_or(_changed OR _turned) "
        f"FROM {_NEXT} GROUP BY 1"
    ).fetchall()
    if any(changed for _, _, changed, _ in rows):
        connection.execute(f"DELETE FROM {target} WHERE {scope}")
        _store(connection, dataset, window)
    return {number: Revised(*counts) for number, *counts in rows}


def _store(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window) -> None:
    """Put what is in `_NEXT` into the window's table, with local time."""
    [ends] = connection.execute(
        f"SELECT min(window_start), max(window_end) FROM {_NEXT} WHERE NOT _gone"
    ).fetchall()
    if None in ends:
        ends = (ledger.now(), ledger.now())  # a total has no times, and where all are gone none is stored
    local = local_values(dataset, window, "window_start", "window_end", *ends)
    beside = {name for name, _ in local_columns(window)}
    names = [name for name, _ in window_columns(dataset, window)]
    picked = ", ".join([*(ident(name) for name in names if name not in beside), *local])
    connection.execute(
        f"INSERT INTO {window_table(dataset, window)} ({idents(names)}) "
        f"SELECT {picked} FROM {_NEXT} WHERE NOT _gone ORDER BY window_start"
    )


def compute(connection: duckdb.DuckDBPyConnection, computed: Sequence[str]) -> None:
    """Leave what the SELECTs of `computed` give in `temp.fresh_windows`."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE fresh_windows AS {computed[0]}")
    for further in computed[1:]:
        connection.execute(f"INSERT INTO temp.fresh_windows {further}")


def _compared(dataset: Dataset, window: Window, stored: str, final: datetime | None) -> str:
    """SELECT of the table's columns but local time, `_gone` (not there any more), `_changed`, `_turned` (final now, or no longer)."""
    same = " AND ".join(same_figures(dataset, window).values())
    ends = "false" if isinstance(window, Total) else final_sql(window, final, "fresh.window_end")
    figures = ", ".join(f"fresh.{ident(name)}" for name, _ in figure_columns(dataset, window)[1:])
    return (
        f"SELECT coalesce(fresh.window_start, old.window_start) AS window_start, {figures}, fresh.row_count IS NULL AS _gone, "
        f"_gone OR old.revision IS NULL OR NOT ({same}) AS _changed, "
        "CAST(coalesce(old.revision, 0) + CASE WHEN _changed THEN 1 ELSE 0 END AS INTEGER) AS revision, "
        f"CASE WHEN _changed THEN {timestamp(ledger.now())} ELSE old.computed_at END AS computed_at, "
        f"{ends} AS is_final, old.is_final IS DISTINCT FROM ({ends}) AS _turned "
        f"FROM temp.fresh_windows AS fresh FULL JOIN {stored} AS old ON {same_window(window)}"
    )


def identity_of(window: Window) -> list[str]:
    """The columns that say which window a row is, in order. Sliding windows on the local clock that would start within a gap start together
    where it ends; their ends tell them apart."""
    if isinstance(window, Total):
        return ["_delivery", *window.by]
    by_ends = isinstance(window, Cumulative) or (isinstance(window, Sliding) and goes_by_local_clock(window))
    return ["window_start", *(["window_end"] if by_ends else []), *window.by]


def same_window(window: Window) -> str:
    """Condition on `fresh` and `old` rows to be the same window."""
    return matched([ident(key) for key in identity_of(window)], "fresh", "old")


def same_figures(dataset: Dataset, window: Window) -> dict[str, str]:
    """Figure → condition on `fresh` and `old` rows of one window to have the same."""
    tolerances = {name: measure.tolerance for name, measure in measures_of(dataset, window).items()}
    ends = {} if "window_end" in identity_of(window) else {"window_end": 0.0}
    return {
        name: _same(name, tolerance) for name, tolerance in (ends | tolerances | {"row_count": 0.0}).items()
    }


def _same(name: str, tolerance: float) -> str:
    one, other = f"fresh.{ident(name)}", f"old.{ident(name)}"
    exact = f"{one} IS NOT DISTINCT FROM {other}"
    if not tolerance:
        return exact
    near = f"abs({one} - {other}) <= {tolerance!r} * greatest(abs({one}), abs({other}))"
    # From infinity every figure is as far as infinity is large.
    return f"({exact} OR coalesce({near} AND isfinite({one}) AND isfinite({other}), false))"
