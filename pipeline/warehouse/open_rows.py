"""Rows of the error table that are open: written down for a replay, and matched with the rows of a correction.

What belongs here: finding them. What does not: changing anything about them (`correcting`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipeline.contract import Dataset
from pipeline.ingest.manifest import Staged
from pipeline.warehouse.ledger import HAS_ROWS
from pipeline.warehouse.loading import changed_rows
from pipeline.warehouse.sql import parquet, table, text

_NAMED = 10


def copy_open_rows(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, target: Path, deliveries: Sequence[str] | None
) -> int:
    """See `Session.copy_open_rows`."""
    some = (
        ""
        if deliveries is None
        else f" AND error._delivery IN ({', '.join(map(text, deliveries)) or 'NULL'})"
    )
    return changed_rows(
        connection,
        "COPY (SELECT row_number() OVER (ORDER BY seq, row.original_row) AS _row, row._delivery, entry.sha256 AS content, "
        "row.original_row, NULL::VARCHAR AS sheet, NULL::BIGINT AS line, row.seen_at, row.record, entry.format FROM "
        "(SELECT error._delivery, error._row AS original_row, max(error.detected_at) AS seen_at, any_value(error.record) AS record "
        f"FROM {table('errors', dataset.name)} AS error WHERE error.status = 'open' AND error.severity = 'reject'{some} "
        f"GROUP BY ALL) AS row JOIN (SELECT * FROM ops.deliveries WHERE dataset = {text(dataset.name)} AND {HAS_ROWS}) AS entry "
        f"ON entry.delivery = row._delivery) TO {text(str(target))} (FORMAT parquet, ROW_GROUP_SIZE 50000)",
    )


def match(connection: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged) -> tuple[int, list[str]]:
    """Find the open rows that a correction is about, into the temporary table `sent`: every row of the correction with its state:
    open, done (no longer open, or named twice), unknown, replaced. Returns how many of its rows are of no delivery that is loaded now with the
    same content, and the first of them in words."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE sent AS "
        f"WITH origins AS (SELECT id, delivery, sha256 FROM ops.deliveries WHERE dataset = {text(dataset.name)} AND {HAS_ROWS}), "
        "open AS (SELECT _delivery, _row, any_value(sheet) AS sheet, any_value(line) AS line, max(detected_at) AS detected_at "
        f"FROM {table('errors', dataset.name)} WHERE status = 'open' AND severity = 'reject' GROUP BY ALL) "
        "SELECT key._row AS place, key._delivery, key.original_row, key.record, key.shown, key.sheet AS found_sheet, key.line AS found_line, "
        "origins.id AS entry_id, open.sheet, open.line, CASE WHEN origins.id IS NULL THEN 'unknown' "
        "WHEN NOT starts_with(origins.sha256, key.content) THEN 'replaced' "
        "WHEN open._row IS NULL OR key.seen_at <> open.detected_at "
        "OR row_number() OVER (PARTITION BY key._delivery, key.original_row ORDER BY key._row) > 1 THEN 'done' "
        f"ELSE 'open' END AS state FROM {parquet(staged.key_paths)} AS key "
        "LEFT JOIN origins ON origins.delivery = key._delivery "
        "LEFT JOIN open ON open._delivery = key._delivery AND open._row = key.original_row"
    )
    count = connection.execute(
        "SELECT count(*) FROM temp.sent WHERE state IN ('unknown', 'replaced')"
    ).fetchone()
    assert count is not None
    rows = connection.execute(
        "SELECT found_sheet, found_line, place, _delivery, state FROM temp.sent "
        f"WHERE state IN ('unknown', 'replaced') ORDER BY place LIMIT {_NAMED}"
    ).fetchall()
    return int(count[0]), [_stranger(*row) for row in rows]


def _stranger(sheet: str | None, line: int | None, place: int, delivery: str, state: str) -> str:
    if sheet is not None:
        where = f"row {line:,} of sheet {sheet!r}"
    else:
        where = f"row {place:,}" if line is None else f"line {line:,}"
    if state == "unknown":
        return f"{where}: there is no delivery {delivery!r} any more"
    return f"{where}: delivery {delivery!r} has other content now than when its errors were exported"
