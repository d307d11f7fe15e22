"""Deleting clean rows and windows that are older than the dataset keeps them.

What belongs here: what is deleted, in order. What does not: which windows stay as they are because of it (`limits`), when it is done
(orchestration, commands).

Windows are brought up to date before rows go, and are never computed from the rows that are left. Rows of a session that is not over by
the cutoff stay until all of it may go. Rows that are held stay: somebody has still to decide about them. `rows_clean` of a delivery stays
what was loaded; `rows_expired` says how many of these are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import duckdb

from pipeline.contract import Dataset, Session, TimeWindow
from pipeline.contract.durations import Months, parse_period
from pipeline.published import CLEAN
from pipeline.warehouse import ledger, waiting
from pipeline.warehouse.connection import transaction
from pipeline.warehouse.errors import ReconciliationError
from pipeline.warehouse.failures import told
from pipeline.warehouse.ledger import HAS_ROWS
from pipeline.warehouse.loading import changed_rows
from pipeline.warehouse.publish import marks
from pipeline.warehouse.sql import ident, table, text, timestamp
from pipeline.warehouse.windows import clock, dirty, late
from pipeline.warehouse.windows.limits import Limits, limits_of
from pipeline.warehouse.windows.recompute import Recomputed, recompute_days
from pipeline.warehouse.windows.tables import window_table

_EXPIRED = "temp.expired"


@dataclass(frozen=True)
class Retained:
    """What retention did to a dataset, or would do.

    Attributes:
        dataset: its name.
        rows_before: clean rows before this moment are gone (UTC without zone; where a local day begins); None: all are kept.
        windows_before: windows that ended by this moment are gone; None: all are kept.
        rows: clean rows deleted.
        held: clean rows that are old enough but held, and stay.
        windows: windows deleted, by name; those of which some were.
        days: local days in which these start, by name.
        recomputed: what was brought up to date first.
    """

    dataset: str
    rows_before: datetime | None
    windows_before: datetime | None
    rows: int = 0
    held: int = 0
    windows: dict[str, int] = field(default_factory=dict)
    days: dict[str, tuple[date, ...]] = field(default_factory=dict)
    recomputed: tuple[Recomputed, ...] = ()


def cutoff(dataset: Dataset, keep: str, now: datetime) -> datetime:
    """The beginning of the local day that is `keep` before now; of a day that the month lacks, of its last."""
    period, local = parse_period(keep), clock.to_local(dataset.zone, now)
    if isinstance(period, Months):
        month = clock.plus_months(local.replace(day=1), -period.count)
        last = (clock.plus_months(month, 1) - timedelta(days=1)).day
        local = month.replace(day=min(local.day, last))
    else:
        local = clock.plus(local, -period)
    return clock.day_bounds(dataset.zone, local.date())[0]


def retain(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    now: datetime | None = None,
    *,
    dry_run: bool = False,
) -> Retained:
    """Delete what is older than the dataset keeps; nothing where it keeps everything.

    Args:
        now: UTC without zone; by default the clock's.
        dry_run: only count. Windows that are out of date are not brought up to date for it.

    Raises:
        ReconciliationError: not as many rows went as were counted; nothing was deleted. PartsFailed: a window could not be brought up to
            date; nothing was deleted.
    """
    if dataset.keep_rows is None and dataset.keep_windows is None:
        return Retained(dataset.name, None, None)
    now = ledger.now() if now is None else now
    before = limits_of(connection, dataset.name)
    limits = Limits(
        _later(before.rows, dataset, dataset.keep_rows, now),
        _later(before.windows, dataset, dataset.keep_windows, now),
    )
    recomputed: list[Recomputed] = []
    if dataset.keep_rows is not None and not dry_run:
        with told(None) as failures:
            for window in dataset.time_windows:
                recomputed += recompute_days(connection, dataset, window, None, failures)
    with transaction(connection):
        rows = held = 0
        if dataset.keep_rows is not None and limits.rows is not None:
            rows, held = _count_rows(connection, dataset, limits.rows)
            if rows and not dry_run:
                _delete_rows(connection, dataset, limits.rows, rows)
                waiting.seed(connection, waiting.orphans(dataset, f"(SELECT _delivery FROM {_EXPIRED})"))
            connection.execute(f"DROP TABLE {_EXPIRED}")
        windows, days = {}, {}
        if dataset.keep_windows is not None and limits.windows is not None:
            for window in dataset.time_windows:
                count, found = _old_windows(connection, dataset, window, limits.windows, dry_run=dry_run)
                if count:
                    windows[window.name], days[window.name] = count, found
        if limits != before and not dry_run:
            connection.execute("DELETE FROM ops.retention WHERE dataset = ?", [dataset.name])
            connection.execute(
                "INSERT INTO ops.retention (dataset, rows_before, windows_before) VALUES (?, ?, ?)",
                [dataset.name, limits.rows, limits.windows],
            )
        if rows and not dry_run:  # keys of the rows that went
            waiting.settle(connection, dataset, late.reached(connection, dataset))
    return Retained(dataset.name, limits.rows, limits.windows, rows, held, windows, days, tuple(recomputed))


def _later(before: datetime | None, dataset: Dataset, keep: str | None, now: datetime) -> datetime | None:
    """How far retention goes; never back."""
    if keep is None:
        return before
    reached = cutoff(dataset, keep, now)
    return reached if before is None else max(before, reached)


def _old(dataset: Dataset, edge: datetime) -> str:
    """SQL condition on `row`, a clean row: before the edge, and in no session that reaches it."""
    moment = f"row.{ident(dataset.event_time or '')}"
    conditions = [f"{moment} < {timestamp(edge)}"]
    for window in dataset.time_windows:
        if isinstance(window, Session):
            alike = "".join(
                f" AND reaching.{ident(key)} IS NOT DISTINCT FROM row.{ident(key)}" for key in window.by
            )
            conditions.append(
                f"NOT EXISTS (SELECT 1 FROM {window_table(dataset, window)} AS reaching WHERE reaching.window_end >= {timestamp(edge)} "
                f"AND reaching.window_start < {timestamp(edge)} AND reaching.window_start <= {moment}{alike})"
            )
    return " AND ".join(conditions)


def _held(dataset: Dataset) -> str:
    """SQL condition on `row`: held for some window."""
    return (
        "EXISTS (SELECT 1 FROM ops.late_rows AS late WHERE late.dataset = "
        f"{text(dataset.name)} AND late.status = 'held' AND late.delivery = row._delivery AND late._row = row._row)"
    )


def _count_rows(connection: duckdb.DuckDBPyConnection, dataset: Dataset, edge: datetime) -> tuple[int, int]:
    """Rows that go, by delivery in `temp.expired`, and those that only stay because they are held."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE expired AS SELECT _delivery, count(*) FILTER (NOT _held) AS gone, count(*) FILTER (_held) AS held "
        f"FROM (SELECT _delivery, {_held(dataset)} AS _held FROM {table('clean', dataset.name)} AS row WHERE {_old(dataset, edge)}) GROUP BY 1"
    )
    row = connection.execute(
        f"SELECT coalesce(sum(gone), 0), coalesce(sum(held), 0) FROM {_EXPIRED}"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _delete_rows(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, edge: datetime, counted: int
) -> None:
    clean = table("clean", dataset.name)
    if dataset.publish == "all":
        spans = dirty.spans_in(connection, dataset, f"{clean} AS row WHERE {_old(dataset, edge)}")
        marks.mark(connection, dataset, CLEAN, [span.day for span in spans])
    gone = changed_rows(
        connection, f"DELETE FROM {clean} AS row WHERE {_old(dataset, edge)} AND NOT {_held(dataset)}"
    )
    if gone != counted:
        figures = {"rows counted": counted, "rows deleted": gone}
        raise ReconciliationError(
            dataset.name, "", "retention did not delete the rows that it counted", figures
        )
    connection.execute(
        f"UPDATE ops.deliveries AS entry SET rows_expired = entry.rows_expired + expired.gone FROM {_EXPIRED} AS expired "
        f"WHERE entry.dataset = ? AND entry.delivery = expired._delivery AND {HAS_ROWS}",
        [dataset.name],
    )
    # Frozen ones were in no window: that they came is all that is left of them.
    connection.execute(
        f"DELETE FROM ops.late_rows AS late WHERE dataset = ? AND event_time < {timestamp(edge)} "
        "AND status IN ('applied', 'released') AND NOT EXISTS (SELECT 1 FROM "
        f"{clean} AS row WHERE row._delivery = late.delivery AND row._row = late._row AND row.{ident(dataset.event_time or '')} < {timestamp(edge)})",
        [dataset.name],
    )


def _old_windows(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    edge: datetime,
    *,
    dry_run: bool,
) -> tuple[int, tuple[date, ...]]:
    """Delete the windows that ended by the edge; how many, and the days in which they start."""
    target, old = window_table(dataset, window), f"window_end <= {timestamp(edge)}"
    row = connection.execute(f"SELECT count(*) FROM {target} WHERE {old}").fetchone()
    assert row is not None
    if not row[0]:
        return 0, ()
    spans = dirty.spans_in(connection, dataset, f"{target} WHERE {old}", "window_start")
    days = tuple(span.day for span in spans)
    if not dry_run:
        connection.execute(f"DELETE FROM {target} WHERE {old}")
        marks.mark(connection, dataset, window.name, days)
    return int(row[0]), days
