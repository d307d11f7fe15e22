"""Summaries of an open warehouse for people: figures by dataset, newest deliveries, latest windows, migrations.

What belongs here: reading. What does not: anything that a run depends on (`session`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from pipeline.contract import Dataset, Total, Window
from pipeline.warehouse import ledger, tables
from pipeline.warehouse.ledger import HAS_ROWS, OF_A_FILE, Entry
from pipeline.warehouse.session import Session
from pipeline.warehouse.sql import ident, table, text, timestamp
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.tables import comments, window_table


@dataclass(frozen=True)
class DatasetFigures:
    """Counts over the current ledger rows of one dataset, and of its refused files that lie in the quarantine now; `last_commit` in UTC
    without zone."""

    dataset: str
    deliveries: int
    quarantined: int
    rows_clean: int
    rows_rejected: int
    last_commit: datetime | None


def known_datasets(session: Session) -> list[str]:
    """The datasets of which the ledger has a file, by name; "" stands for files that lay in the inbox itself."""
    return session.query("SELECT DISTINCT dataset FROM ops.deliveries ORDER BY dataset")["dataset"].to_list()


def dataset_figures(session: Session, lying: Callable[[Sequence[Entry]], int]) -> dict[str, DatasetFigures]:
    """Dataset → its figures, for every dataset that the ledger knows.

    Args:
        lying: how many files lie in the quarantine, of ledger rows of files that were refused and of whose name nothing was taken since.
    """
    rows = session.query(
        f"SELECT dataset, count(*) FILTER ({HAS_ROWS}) AS deliveries,"
        " count(*) FILTER (status = 'quarantined') AS refused,"
        f" coalesce(sum(rows_clean) FILTER ({HAS_ROWS}), 0)::BIGINT AS rows_clean,"
        f" coalesce(sum(rows_rejected) FILTER ({HAS_ROWS}), 0)::BIGINT AS rows_rejected,"
        " max(committed_at) AS last_commit FROM ops.deliveries GROUP BY dataset"
    )
    figures = {}
    for row in rows.iter_rows(named=True):
        ever = row.pop("refused")
        quarantined = lying(session.refused(row["dataset"])) if ever else 0
        figures[row["dataset"]] = DatasetFigures(**row, quarantined=quarantined)
    return figures


@dataclass(frozen=True)
class TableRows:
    """How many rows the tables of a dataset have.

    Attributes:
        clean: of `clean.<dataset>`.
        errors: of `errors.<dataset>`, with what is settled.
        windows: by window; of a total its groups.
    """

    clean: int = 0
    errors: int = 0
    windows: Mapping[str, int] = field(default_factory=dict)


def table_rows(session: Session, dataset: Dataset, windows: Collection[str] | None = None) -> TableRows:
    """How many rows the tables of a dataset have, with some of its windows or all; 0 where there is no table yet."""
    made = tables.layout(session.connection)
    wanted = [one for one in dataset.windows if windows is None or one.name in windows]
    counted = [
        ("windows", one.name, window_table(dataset, one), " WHERE _delivery IS NULL" * isinstance(one, Total))
        for one in wanted
        if ("windows", f"{dataset.name}_{one.name}") in made
    ]
    counted += [
        (name, "", table(name, dataset.name), "")
        for name in ("clean", "errors")
        if (name, dataset.name) in made
    ]
    if not counted:
        return TableRows()
    found = session.query(
        " UNION ALL ".join(
            f"SELECT {text(kind)} AS kind, {text(name)} AS name, count(*) AS n FROM {stored}{scope}"
            for kind, name, stored, scope in counted
        )
    )
    rows = {(kind, name): count for kind, name, count in found.iter_rows()}
    return TableRows(
        rows.get(("clean", ""), 0),
        rows.get(("errors", ""), 0),
        {name: count for (kind, name), count in rows.items() if kind == "windows"},
    )


@dataclass(frozen=True)
class WindowFigures:
    """The figures of a window.

    Attributes:
        rows: the latest windows, newest first and within one by group, columns as the window's table; of a total its groups.
        count: windows that are stored.
        open: of them, those that are not final.
        first: local day of the first; None for a total, and where there are none.
        last: of the last.
        day: the last that has begun by now; `last` where none has.
        computed_at: when one was computed last, UTC without zone.
    """

    rows: pl.DataFrame
    count: int = 0
    open: int = 0
    first: date | None = None
    last: date | None = None
    day: date | None = None
    computed_at: datetime | None = None


def latest_windows(session: Session, dataset: Dataset, window: Window, count: int) -> WindowFigures:
    """The latest `count` windows of a window's table; none where it has no table yet."""
    if f"{dataset.name}_{window.name}" not in comments(session.connection):
        return WindowFigures(pl.DataFrame())
    target, over_time = window_table(dataset, window), not isinstance(window, Total)
    scope = "" if over_time else " WHERE _delivery IS NULL"
    order = ", ".join([*(["window_start DESC"] if over_time else []), *map(ident, window.by)])
    rows = session.query(
        f"SELECT * FROM {target}{scope}{f' ORDER BY {order}' if order else ''} LIMIT {int(count)}"
    )
    bounds = (
        f"min(window_start), max(window_start), max(window_start) FILTER (window_start <= {timestamp(ledger.now())})"
        if over_time
        else "NULL AS first, NULL AS last, NULL AS begun"
    )
    [(stored, still_open, computed_at, *moments)] = session.query(
        f"SELECT count(*), count(*) FILTER (NOT is_final), max(computed_at), {bounds} FROM {target}{scope}"
    ).iter_rows()
    first, last, begun = (None if one is None else clock.day_of(dataset.zone, one) for one in moments)
    return WindowFigures(rows, stored, still_open, first, last, begun or last, computed_at)


def late_figures(session: Session) -> dict[str, dict[str, int]]:
    """Dataset → status of late rows → how many rows there are of it; a row that is late for several windows counts once for each
    status. Only datasets with late rows."""
    rows = session.query(
        "SELECT dataset, status, count(DISTINCT (delivery, _row)) FROM ops.late_rows GROUP BY ALL ORDER BY ALL"
    )
    found: dict[str, dict[str, int]] = {}
    for dataset, status, count in rows.iter_rows():
        found.setdefault(dataset, {})[status] = count
    return found


def latest_entries(session: Session, count: int, dataset: str | None = None) -> list[Entry]:
    """The newest `count` ledger rows, of all datasets or of one, newest first."""
    where = "" if dataset is None else f"WHERE dataset = {text(dataset)} "
    rows = session.query(f"SELECT * FROM ops.deliveries {where}ORDER BY seq DESC LIMIT {int(count)}")
    return [Entry(**row) for row in rows.iter_rows(named=True)]


def quarantined_since(session: Session, seq: int, since: datetime | None = None) -> list[Entry]:
    """The files that were quarantined after the ledger's row `seq`, and since a moment (UTC without zone), oldest first; without those of
    which a later version was taken."""
    recent = "" if since is None else f" AND committed_at >= {timestamp(since)}"
    rows = session.query(
        f"SELECT * FROM ops.deliveries AS entry WHERE status = 'quarantined' AND {OF_A_FILE} AND seq > {int(seq)}{recent}"
        " AND NOT EXISTS (SELECT 1 FROM ops.deliveries AS later"
        " WHERE later.dataset = entry.dataset AND later.delivery = entry.delivery AND later.seq > entry.seq"
        " AND later.status <> 'quarantined') ORDER BY seq"
    )
    return [Entry(**row) for row in rows.iter_rows(named=True)]


def latest_row(session: Session) -> int:
    """The ledger's newest `seq`; 0 while there is none."""
    return int(session.query("SELECT coalesce(max(seq), 0) AS seq FROM ops.deliveries")["seq"][0])


def latest_arrivals(session: Session) -> dict[str, datetime]:
    """Dataset → when its newest file came, UTC without zone. Neither bytes that were there before (a duplicate, a file that is loaded again)
    nor corrections are new; a file that was quarantined has come."""
    rows = session.query(
        "SELECT dataset, max(came) FROM (SELECT dataset, min(committed_at) AS came FROM ops.deliveries"
        f" WHERE status <> 'duplicate' AND {OF_A_FILE} GROUP BY dataset, delivery, sha256) GROUP BY dataset"
    )
    return dict(rows.iter_rows())
