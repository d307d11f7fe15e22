"""The temporary table of conflicts, made when the first is found.

What belongs here: putting rows into it and counting them. What does not: finding them (`uniqueness`, `lookups`, `order`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from pipeline.ingest.manifest import CheckCount
from pipeline.ingest.refusals import Refusal, named_rule
from pipeline.warehouse.sql import text

CONFLICTS = "temp.conflicts"
REJECTED = f"SELECT _row FROM {CONFLICTS} WHERE severity <> 'warn'"
_COLUMNS = (
    "_row BIGINT, column_name VARCHAR, check_name VARCHAR, value VARCHAR, message VARCHAR, severity VARCHAR"
)


@dataclass(frozen=True)
class Conflicts:
    """What was found; false where there is nothing, and then there is no table either.

    Attributes:
        rows: rows that must not be loaded.
        violations: entries, those that only warn among them.
        counts: how many rows each check rejects, most frequent first.
        by_column: contract column (sets joined by ", ") → entries.
        refused: checks of severity quarantine; the file must not be loaded.
    """

    rows: int = 0
    violations: int = 0
    counts: tuple[CheckCount, ...] = ()
    by_column: dict[str, int] = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()

    def __bool__(self) -> bool:
        return self.violations > 0


class ConflictList:
    """The list while it is being made."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._made = False

    @property
    def spared(self) -> str:
        """A condition, beginning with AND, for rows that nothing has rejected so far; empty where nothing has."""
        return f" AND _row NOT IN ({REJECTED})" if self._made else ""

    def add(self, check: str, severity: str, found: str) -> int:
        """Put rows into the list; returns how many.

        Args:
            check: their check_name.
            severity: reject, warn or quarantine.
            found: SQL that gives _row, column_name, value, message.
        """
        if not self._made:
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {CONFLICTS.split('.')[1]} ({_COLUMNS})")
            self._made = True
        row = self.connection.execute(
            f"INSERT INTO {CONFLICTS} SELECT _row, column_name, {text(check)}, value, message, {text(severity)} FROM ({found})"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def count(self, relation: str) -> int:
        """Rows of a table."""
        row = self.connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
        assert row is not None
        return int(row[0])

    def summary(self) -> Conflicts:
        """What the list holds; an empty one is dropped."""
        if not self._made:
            return Conflicts()
        told = self.connection.execute(
            "SELECT column_name, check_name, severity, count(*), min(_row), arg_min(message, _row) "
            f"FROM {CONFLICTS} GROUP BY ALL ORDER BY count(*) DESC, column_name, check_name"
        ).fetchall()
        if not told:
            forget(self.connection, Conflicts(violations=1))
            return Conflicts()
        row = self.connection.execute(f"SELECT count(DISTINCT _row) FROM ({REJECTED})").fetchone()
        assert row is not None
        by_column: dict[str, int] = {}
        for column, _, _, entries, _, _ in told:
            by_column[column] = by_column.get(column, 0) + entries
        return Conflicts(
            rows=int(row[0]),
            violations=sum(by_column.values()),
            counts=tuple(
                CheckCount(column, check, entries)
                for column, check, severity, entries, *_ in told
                if severity != "warn"
            ),
            by_column=by_column,
            refused=tuple(
                Refusal(named_rule(column, check), message, f"row {first:,}", entries)
                for column, check, severity, entries, first, message in told
                if severity == "quarantine"
            ),
        )


def exclude(found: Conflicts) -> str:
    """The WHERE clause that leaves out the rows that must not be loaded."""
    return f" WHERE _row NOT IN ({REJECTED})" if found.rows else ""


def forget(connection: duckdb.DuckDBPyConnection, found: Conflicts) -> None:
    """Drop the list."""
    if found:
        connection.execute(f"DROP TABLE IF EXISTS {CONFLICTS}")
