"""How far a dataset's data reaches, and which windows are final by it.

What belongs here: the watermark, the rule of finality, keeping `is_final` true. What does not: what becomes of rows that come
behind the watermark (`late`).

The watermark follows from the ledger and the clock alone. It can go back, as when the delivery with the latest rows is removed; windows
that it no longer reaches are open again.
"""

from __future__ import annotations

from datetime import date, datetime

import duckdb

from pipeline.contract import Dataset, Session, TimeWindow
from pipeline.contract.durations import parse_duration
from pipeline.warehouse import ledger
from pipeline.warehouse.ledger import HAS_ROWS, OF_A_FILE
from pipeline.warehouse.sql import timestamp
from pipeline.warehouse.windows import clock, dirty
from pipeline.warehouse.windows.tables import window_table

# A file that is loaded again from the same bytes is no sign of life of its source.
_SQL = f"""
SELECT max(event_time_max) FILTER ({HAS_ROWS}), EXISTS (
    SELECT 1 FROM ops.deliveries AS fresh WHERE dataset = $1 AND {OF_A_FILE} AND committed_at > $2 AND NOT EXISTS (
        SELECT 1 FROM ops.deliveries AS past WHERE past.dataset = $1 AND past.committed_at <= $2
        AND past.delivery = fresh.delivery AND past.sha256 = fresh.sha256)
) FROM ops.deliveries WHERE dataset = $1
"""


def watermark(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, now: datetime | None = None
) -> datetime | None:
    """The moment up to which the dataset's rows are taken to be there, UTC without zone; None when nothing is loaded.

    The largest event time of the loaded deliveries less the lateness. A time in the future counts as now: one wrong clock must not
    make everything final. For a source that sent nothing for `idle_after`, now takes the place of the largest event time.

    Args:
        connection: reads the ledger.
        dataset: whose lateness holds.
        now: UTC without zone; by default the clock's.
    """
    now = ledger.now() if now is None else now
    since = clock.plus(now, -parse_duration(dataset.idle_after))
    row = connection.execute(_SQL, [dataset.name, since]).fetchone()
    assert row is not None
    latest, alive = row
    if latest is None:
        return None
    return clock.plus(min(latest, now) if alive else now, -dataset.allowed_lateness)


def final_sql(window: TimeWindow, mark: datetime | None, end: str = "window_end") -> str:
    """SQL: whether a window that ends at `end` is final. A session is open for a row at its very end, which would still join."""
    if mark is None:
        return "false"
    return f"{end} {'<' if isinstance(window, Session) else '<='} {timestamp(mark)}"


def mark_final(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, mark: datetime | None
) -> list[date]:
    """Let `is_final` say of every window whether the watermark has passed its end.

    Rows that say so already are not written; those that are final are only looked at where they end behind the watermark.

    Returns:
        the local days whose windows changed, ascending.
    """
    target, reached = window_table(dataset, window), final_sql(window, mark)
    turns = [(f"NOT is_final AND {reached}", "true"), (f"is_final AND NOT ({reached})", "false")]
    changed: set[date] = set()
    for condition, becomes in turns:
        spans = dirty.spans_in(connection, dataset, f"{target} WHERE {condition}", "window_start")
        if not spans:
            continue
        changed |= {span.day for span in spans}
        connection.execute(f"UPDATE {target} SET is_final = {becomes} WHERE {condition}")
    return sorted(changed)
