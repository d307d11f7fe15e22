"""Late rows once they are listed: counting and showing them, releasing those that are held.

What belongs here: reading `ops.late_rows`, the release. What does not: finding late rows (`late`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from pipeline.contract import Dataset, Session, TimeWindow
from pipeline.warehouse.connection import transaction
from pipeline.warehouse.frames import frame
from pipeline.warehouse.sql import ident, text, timestamp
from pipeline.warehouse.windows import clock, dirty
from pipeline.warehouse.windows.limits import Limits, limits_of

_RELEASED = "temp.released"
_WHERE = (
    "WHERE ($1::VARCHAR IS NULL OR dataset = $1) AND ($2::VARCHAR IS NULL OR window_name = $2) "
    "AND ($3::VARCHAR IS NULL OR delivery = $3) AND ($4::VARCHAR IS NULL OR status = $4)"
)


@dataclass(frozen=True)
class Released:
    """What a release did to the held rows of one delivery and window.

    Attributes:
        dataset: name of the dataset.
        window: name of the window.
        delivery: its key.
        rows: rows that count in the window from now on.
        frozen: rows that cannot: retention has deleted other rows of their windows meanwhile.
        days: local days that became dirty, ascending.
    """

    dataset: str
    window: str
    delivery: str
    rows: int
    frozen: int
    days: tuple[date, ...]


def late_rows(
    connection: duckdb.DuckDBPyConnection,
    dataset: str | None = None,
    window: str | None = None,
    delivery: str | None = None,
    status: str | None = None,
    limit: int | None = None,
) -> pl.DataFrame:
    """Rows of `ops.late_rows`, those listed last first."""
    cut = "" if limit is None else f" LIMIT {int(limit)}"
    return frame(
        connection,
        f"SELECT * FROM ops.late_rows {_WHERE} ORDER BY detected_at DESC, dataset, window_name, delivery, _row{cut}",
        [dataset, window, delivery, status],
    )


def late_counts(connection: duckdb.DuckDBPyConnection, dataset: str | None = None) -> pl.DataFrame:
    """dataset, window_name, delivery, status, rows (Int64), first and last (event times, UTC without zone), in that order."""
    return frame(
        connection,
        "SELECT dataset, window_name, delivery, status, count(*) AS rows, min(event_time) AS first, max(event_time) AS last "
        f"FROM ops.late_rows {_WHERE} GROUP BY ALL ORDER BY ALL",
        [dataset, None, None, None],
    )


def release(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: str | None = None,
    delivery: str | None = None,
) -> list[Released]:
    """Let held rows count, of all windows and deliveries or of some, and mark what their arrival would mark; one transaction. One
    delivery after the other, as if each came now."""
    done: list[Released] = []
    chosen = [one for one in dataset.time_windows if window in (None, one.name)]
    limits = limits_of(connection, dataset.name)
    with transaction(connection):
        for one in chosen:
            held = f"dataset = {text(dataset.name)} AND window_name = {text(one.name)} AND status = 'held'"
            if delivery is not None:
                held += f" AND delivery = {text(delivery)}"
            stays = _stays(dataset, one, limits)
            counts = connection.execute(
                f"SELECT delivery, count(*) FILTER (NOT ({stays})), count(*) FILTER ({stays}) FROM ops.late_rows "
                f"WHERE {held} GROUP BY 1 ORDER BY 1"
            ).fetchall()
            for key, rows, frozen in counts:
                days = _release(connection, dataset, one, f"{held} AND delivery = {text(key)}", stays, key)
                done.append(Released(dataset.name, one.name, key, rows, frozen, days))
    return done


def _stays(dataset: Dataset, window: TimeWindow, limits: Limits) -> str:
    """SQL over `ops.late_rows`: retention has deleted other rows of the windows of such a row."""
    if isinstance(window, Session):
        if limits.session_end is None:
            return "false"
        return f"event_time < {timestamp(clock.plus(limits.session_end, -window.pause))}"
    edge = limits.reach(dataset, window, whole=True) if limits else None
    return "false" if edge is None else f"event_time < {timestamp(edge)}"


def _release(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    held: str,
    stays: str,
    delivery: str,
) -> tuple[date, ...]:
    """Let a delivery's held rows count in one window; the days that became dirty."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE released AS SELECT delivery AS _delivery, _row, event_time AS {ident(dataset.event_time or '')} "
        f"FROM ops.late_rows WHERE {held} AND NOT ({stays})"
    )
    connection.execute(
        f"UPDATE ops.late_rows SET status = CASE WHEN {stays} THEN 'frozen' ELSE 'released' END WHERE {held}"
    )
    theirs = f"(_delivery, _row) IN (SELECT _delivery, _row FROM {_RELEASED})"
    spans = dirty.spans_in(connection, dataset, _RELEASED)
    days = dirty.mark_rows(connection, dataset, spans, [window], theirs, delivery)
    connection.execute(f"DROP TABLE {_RELEASED}")
    return tuple(sorted(days))
