"""`ops.cleaning`: how many values each cleaner changed, by delivery and column.

What belongs here: writing and reading these rows. What does not: counting (ingest), the profile of the columns (`ledger`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import duckdb

from pipeline.ingest.manifest import CleanerCount
from pipeline.warehouse.ledger import Entry


def insert(connection: duckdb.DuckDBPyConnection, entry: Entry, counts: Sequence[CleanerCount]) -> None:
    """Write what the cleaners of a delivery changed; `position` is their order over all columns. A cleaner that changed nothing
    has no row."""
    values: list[Any] = []
    for position, one in enumerate(counts):
        if one.changed:
            values += [
                entry.id, entry.dataset, entry.delivery, one.column, position, one.cleaner, one.changed,
            ]  # fmt: skip
    if values:
        rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * (len(values) // 7))
        connection.execute(f"INSERT INTO ops.cleaning VALUES {rows}", values)


def of_entries(connection: duckdb.DuckDBPyConnection, ids: Collection[str]) -> dict[str, list[CleanerCount]]:
    """Ledger id → what its cleaners changed, by column in the contract's order and in the cleaners' order."""
    if not ids:
        return {}
    rows = connection.execute(
        "SELECT entry_id, column_name, cleaner, values_changed FROM ops.cleaning "
        "WHERE entry_id BETWEEN ? AND ? AND list_contains(?, entry_id) ORDER BY entry_id, position",
        [min(ids), max(ids), list(ids)],
    ).fetchall()
    found: dict[str, list[CleanerCount]] = {}
    for entry_id, *facts in rows:
        found.setdefault(entry_id, []).append(CleanerCount(*facts))
    return found
