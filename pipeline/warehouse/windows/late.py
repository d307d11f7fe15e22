"""Rows that come behind the watermark: found in the transaction that brings them, and listed in `ops.late_rows`.

What belongs here: what was final before a delivery, and listing the rows of it that change what was. What does not: which rows
these are, as SQL (`late_sql`), and what becomes of held ones later (`held`).

A late row is in the clean table like any other. It is `applied` where its window is computed again, `held` where the dataset keeps it
out of the window, and `frozen` where retention has deleted other rows of its window.

A new version of a file takes the place of the old one, in final windows too: of its rows only those are late that the old version did
not have, and only those are held that are in windows in which it had none. Else a window would lose the old row and not get the new.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipeline.contract import Dataset, Session, Sliding, TimeWindow
from pipeline.warehouse import ledger
from pipeline.warehouse.ledger import Entry
from pipeline.warehouse.sql import ident, table, text, timestamp
from pipeline.warehouse.windows import late_sql
from pipeline.warehouse.windows.grid import grid_of
from pipeline.warehouse.windows.limits import Limits, limits_of
from pipeline.warehouse.windows.watermark import watermark

REPLACED = "temp.replaced"
REPLACED_LATE = "temp.replaced_late"


@dataclass(frozen=True)
class Reached:
    """How far things had gone before a delivery.

    Attributes:
        mark: the watermark; None where no row counts as late.
        limits: how far retention has gone.
    """

    mark: datetime | None
    limits: Limits

    def edges(
        self, dataset: Dataset, window: TimeWindow, first: datetime
    ) -> tuple[datetime | None, datetime | None]:
        """Rows before the one moment come for windows that stay as they are, before the other for final ones; None where rows from
        `first` on are before neither."""
        if isinstance(window, Session):
            frozen, late = self.limits.session_end, self.mark
        else:
            held = isinstance(window, Sliding) and dataset.late == "hold"
            frozen = self.limits.reach(dataset, window, whole=held) if self.limits else None
            late = None if self.mark is None else grid_of(dataset, window).ended(self.mark)
        return (
            frozen if frozen is not None and first < frozen else None,
            late if late is not None and first < late else None,
        )

    def last_edge(self, dataset: Dataset, first: datetime) -> datetime | None:
        """Rows from this moment on are before no edge of any window; None where none from `first` on are."""
        found = [edge for window in dataset.time_windows for edge in self.edges(dataset, window, first)]
        found.append(self.limits.rows if self.limits.rows is not None and first < self.limits.rows else None)
        return max((edge for edge in found if edge is not None), default=None)


def watched(dataset: Dataset) -> bool:
    """Whether any row of the dataset can be late."""
    return any(length is not None for length in (dataset.lateness, dataset.keep_rows, dataset.keep_windows))


def reached(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> Reached | None:
    """How far things have gone; None, and nothing is asked, for a dataset that waits for no rows and keeps all of them."""
    if not watched(dataset):
        return None
    retained = dataset.keep_rows is not None or dataset.keep_windows is not None
    return Reached(
        None if dataset.lateness is None else watermark(connection, dataset),
        limits_of(connection, dataset.name) if retained else Limits(),
    )


def remember(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    old: Entry,
    before: Reached,
    first: datetime | None,
    *,
    again: bool,
) -> bool:
    """Remember the rows of a delivery that is about to be replaced, as far as its new version can be late.

    Args:
        old: its version that is loaded.
        before: how far things have gone.
        first: earliest event time of the new version.
        again: it has the same bytes: its rows go by their numbers, else by what they hold.

    Returns:
        whether there is anything to remember.
    """
    edge = None if first is None else before.last_edge(dataset, first)
    if edge is None:
        return False
    moment = ident(dataset.event_time or "")
    same = late_sql.same(dataset, again=again)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE replaced AS SELECT _row, {same} AS _same, row_number() OVER (PARTITION BY _same ORDER BY _row) "
        f"AS _n, {moment} AS _moment FROM {table('clean', dataset.name)} WHERE _delivery = ? AND {moment} < {timestamp(edge)}",
        [old.delivery],
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE replaced_late AS SELECT * FROM ops.late_rows WHERE dataset = ? AND delivery = ?",
        [dataset.name, old.delivery],
    )
    return True


def expired(dataset: Dataset, before: Reached | None, first: datetime | None) -> str | None:
    """SQL condition on the staged rows of a delivery that is loaded again from the same bytes: retention has deleted it, so it stays
    away. None where there is no such row. What is left of the delivery is remembered."""
    if before is None or dataset.keep_rows is None or first is None:
        return None
    if before.limits.rows is None or first >= before.limits.rows:
        return None
    old = f"{ident(dataset.event_time or '')} < {timestamp(before.limits.rows)}"
    return f"{old} AND _row NOT IN (SELECT _row FROM {REPLACED})"


def note(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    fresh: str,
    before: Reached,
    first: datetime | None,
    *,
    remembered: bool = False,
    again: bool = False,
) -> None:
    """List the late rows among those that came; in the transaction that brought them, with one statement per window that has any.

    Args:
        fresh: SQL condition on clean rows: it came now.
        before: how far things had gone before.
        first: earliest event time of what came, or an earlier moment.
        remembered: whether the rows that these take the place of are remembered.
        again: see `remember`.
    """
    for window in dataset.time_windows:
        frozen, late = (None, None) if first is None else before.edges(dataset, window, first)
        if first is None or (frozen is None and late is None):
            continue
        found = late_sql.late_rows(dataset, window, fresh, first, frozen, late)
        status = text("held" if dataset.late == "hold" else "applied")
        span = first, max(edge for edge in (frozen, late) if edge is not None)
        listed = (
            late_sql.beside_replaced(dataset, window, found, span, again=again)
            if remembered
            else f"SELECT _delivery, _row, _moment, CASE WHEN _frozen THEN 'frozen' ELSE {status} END, "
            f"NULL::TIMESTAMP, NULL::TIMESTAMP FROM ({found})"
        )
        mark = before.mark or before.limits.session_end or first
        connection.execute(
            "INSERT INTO ops.late_rows (dataset, window_name, delivery, _row, event_time, watermark, status, detected_at) "
            f"SELECT {text(dataset.name)}, {text(window.name)}, _delivery, _row, moment, coalesce(mark, {timestamp(mark)}), "
            f"status, coalesce(seen, {timestamp(ledger.now())}) FROM ({listed}) AS found(_delivery, _row, moment, status, mark, seen)"
        )
    if remembered:
        connection.execute(f"DROP TABLE {REPLACED}")
        connection.execute(f"DROP TABLE {REPLACED_LATE}")


def forget(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, delivery: str, rows: str | None = None
) -> None:
    """Take a delivery's late rows off the list, as its rows are taken out of the clean table.

    Args:
        rows: SQL of some of its row numbers; all when not given.
    """
    if watched(dataset):
        some = "" if rows is None else f" AND _row IN ({rows})"
        connection.execute(
            f"DELETE FROM ops.late_rows WHERE dataset = ? AND delivery = ?{some}", [dataset.name, delivery]
        )
