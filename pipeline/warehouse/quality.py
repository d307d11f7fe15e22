"""`ops.quality`: the score of each delivery, from 0 to 100, and the shares that it is made of.

What belongs here: reading the view. What does not: the formula, which is the view's (`migrations`, explained in
docs/quality.md), and showing it (`report`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import duckdb

WEIGHTS = {"validity": 60, "completeness": 20, "cleanliness": 10, "structure": 10}
"""Points that each share is worth, as the view has them."""


@dataclass(frozen=True)
class Quality:
    """The score of one version of a delivery.

    Attributes:
        entry_id: its ledger row.
        delivery: its key.
        seq: `seq` of its ledger row.
        committed_at: UTC without zone.
        status: as in the ledger; never duplicate.
        rows_judged: rows read and not filtered.
        validity: share of them that were not rejected; None, like the other shares, where there are none.
        completeness: share of the contract's cells in them that hold a value.
        cleanliness: share of them without a warning.
        structure: share of them that did not have to be mended.
        quality: 0 to 100, rounded down to tenths; 0 where the file was refused, None where there was no row to judge.
    """

    entry_id: str
    delivery: str
    seq: int
    committed_at: datetime
    status: str
    rows_judged: int
    validity: float | None
    completeness: float | None
    cleanliness: float | None
    structure: float | None
    quality: float | None


_SELECT = (
    "SELECT entry_id, delivery, seq, committed_at, status, rows_judged, validity, completeness, cleanliness, structure, "
    "quality FROM ops.quality"
)


def of_entries(connection: duckdb.DuckDBPyConnection, ids: Collection[str]) -> dict[str, Quality]:
    """Ledger id → its score; duplicates have none."""
    if not ids:
        return {}
    # The bounds let DuckDB pass over the profiles of older deliveries: ids rise with time.
    rows = connection.execute(
        f"{_SELECT} WHERE entry_id BETWEEN ? AND ? AND list_contains(?, entry_id)",
        [min(ids), max(ids), list(ids)],
    ).fetchall()
    return {row[0]: Quality(*row) for row in rows}


def history(
    connection: duckdb.DuckDBPyConnection, dataset: str, first: int, last: int, before: int
) -> list[Quality]:
    """The scored versions with `seq` from `first` to `last`, and as many as `before` in front of them, oldest first."""
    bounds = connection.execute(
        "SELECT min(id), max(id) FROM (SELECT id FROM ops.deliveries WHERE dataset = $1 AND status <> 'duplicate' AND "
        "seq BETWEEN $2 AND $3 UNION ALL (SELECT id FROM ops.deliveries WHERE dataset = $1 AND status <> 'duplicate' "
        "AND seq < $2 ORDER BY seq DESC LIMIT $4))",
        [dataset, first, last, before],
    ).fetchone()
    if bounds is None or bounds[0] is None:
        return []
    rows = connection.execute(
        f"{_SELECT} WHERE dataset = ? AND entry_id BETWEEN ? AND ? AND seq <= ? AND quality IS NOT NULL ORDER BY seq",
        [dataset, *bounds, last],
    ).fetchall()
    return [Quality(*row) for row in rows]


def newest(connection: duckdb.DuckDBPyConnection, dataset: str, count: int) -> list[Quality]:
    """The scores of a dataset's newest `count` versions, oldest first."""
    return history(connection, dataset, 2**62, 2**62, count)
