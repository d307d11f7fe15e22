"""Summaries of an open warehouse for people: figures by dataset, newest deliveries, migrations.

What belongs here: reading. What does not: anything that a run depends on (`session`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.warehouse.ledger import HAS_ROWS, Entry
from pipeline.warehouse.session import Session
from pipeline.warehouse.sql import text


@dataclass(frozen=True)
class DatasetFigures:
    """Counts over the current ledger rows of one dataset; `last_commit` in UTC without zone."""

    dataset: str
    deliveries: int
    quarantined: int
    rows_clean: int
    rows_rejected: int
    last_commit: datetime | None


def dataset_figures(session: Session) -> dict[str, DatasetFigures]:
    """Dataset → its figures, for every dataset that the ledger knows."""
    rows = session.query(
        f"SELECT dataset, count(*) FILTER ({HAS_ROWS}) AS deliveries,"
        " count(*) FILTER (status = 'quarantined') AS quarantined,"
        f" coalesce(sum(rows_clean) FILTER ({HAS_ROWS}), 0)::BIGINT AS rows_clean,"
        f" coalesce(sum(rows_rejected) FILTER ({HAS_ROWS}), 0)::BIGINT AS rows_rejected,"
        " max(committed_at) AS last_commit FROM ops.deliveries GROUP BY dataset"
    )
    return {row["dataset"]: DatasetFigures(**row) for row in rows.iter_rows(named=True)}


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


def applied_migrations(session: Session) -> list[str]:
    """Names of the applied migrations, in order."""
    return session.query("SELECT name FROM ops.migrations ORDER BY version")["name"].to_list()
