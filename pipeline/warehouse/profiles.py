"""`ops.columns`, read: the profile of a delivery's columns.

What belongs here: reading it for many ledger rows at once. What does not: writing it (`ledger`), counting (ingest).
"""

from __future__ import annotations

import json
from collections.abc import Collection

import duckdb

from pipeline.ingest.manifest import ColumnProfile


def of_entries(connection: duckdb.DuckDBPyConnection, ids: Collection[str]) -> dict[str, list[ColumnProfile]]:
    """Ledger id → the profile of its columns, in the contract's order."""
    if not ids:
        return {}
    rows = connection.execute(
        "SELECT entry_id, column_name, row_count, null_count, distinct_count, min, max, mean, top_values, violations, "
        "distinct_error, top_values_error "
        "FROM ops.columns WHERE entry_id BETWEEN ? AND ? AND list_contains(?, entry_id) ORDER BY entry_id, position",
        [min(ids), max(ids), list(ids)],
    ).fetchall()
    found: dict[str, list[ColumnProfile]] = {}
    for entry_id, name, count, nulls, distinct, low, high, mean, listed, violations, *errors in rows:
        top = tuple((str(value), int(times)) for value, times in json.loads(listed))
        one = ColumnProfile(name, count, nulls, distinct, low, high, mean, top, violations, *errors)
        found.setdefault(entry_id, []).append(one)
    return found
