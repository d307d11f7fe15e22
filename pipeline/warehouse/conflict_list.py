"""The temporary table of conflicts, made when the first is found.

What belongs here: putting rows into it and counting them. What does not: finding them (`uniqueness`, `lookups`, `order`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb
import polars as pl

from pipeline.contract import Dataset
from pipeline.ingest.manifest import CheckCount
from pipeline.ingest.refusals import Refusal, named_rule
from pipeline.warehouse.sql import ident, text

CONFLICTS = "temp.conflicts"
REJECTED = f"SELECT _row FROM {CONFLICTS} WHERE severity <> 'warn'"
SUPERSEDED = "superseded"
"""Severity of a row that is right and lost its key to one that came later."""
_COLUMNS = (
    "_row BIGINT, column_name VARCHAR, check_name VARCHAR, value VARCHAR, head VARCHAR, tail VARCHAR, severity VARCHAR, "
    "holder VARCHAR, holder_row BIGINT"
)


@dataclass(frozen=True)
class Conflicts:
    """What was found; false where there is nothing, and then there is no table either.

    Attributes:
        rows: rows that must not be loaded.
        superseded: of them, those with which nothing is wrong but that a later row has their key.
        violations: entries, those that only warn among them, without those of superseded rows.
        counts: how many rows each check rejects, most frequent first.
        by_column: contract column (sets joined by ", ") → entries.
        refused: checks of severity quarantine; the file must not be loaded.
    """

    rows: int = 0
    superseded: int = 0
    violations: int = 0
    counts: tuple[CheckCount, ...] = ()
    by_column: dict[str, int] = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()

    def __bool__(self) -> bool:
        return self.violations > 0 or self.superseded > 0


class ConflictList:
    """The list while it is being made."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._made = False

    @property
    def spared(self) -> str:
        """A condition, beginning with AND, for rows that nothing has rejected so far; empty where nothing has."""
        return self.spared_by("_row")

    def spared_by(self, column: str) -> str:
        """`spared`, where the rows go by another column."""
        return f" AND {column} NOT IN ({REJECTED})" if self._made else ""

    def add(self, check: str, severity: str, found: str, *, loses: bool = False) -> int:
        """Put rows into the list; returns how many.

        Args:
            check: their check_name.
            severity: reject, warn, quarantine or superseded.
            found: SQL that gives _row, column_name, value, head and tail (of the message: the value stands between them) and, where the row only
                lost a key, holder and holder_row: the row that has it; no holder, where that is a row of those that are looked at.
            loses: whether it does.
        """
        if not self._made:
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {CONFLICTS.split('.')[1]} ({_COLUMNS})")
            self._made = True
        row = self.connection.execute(
            f"INSERT INTO {CONFLICTS} SELECT _row, column_name, {text(check)}, value, head, tail, {text(severity)}, "
            f"{'holder, holder_row' if loses else 'NULL, NULL'} FROM ({found})"
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
            "SELECT column_name, check_name, severity, count(*), min(_row), arg_min(head || value || tail, _row) "
            f"FROM {CONFLICTS} GROUP BY ALL ORDER BY count(*) DESC, column_name, check_name"
        ).fetchall()
        if not told:
            forget(self.connection, Conflicts(violations=1))
            return Conflicts()
        row = self.connection.execute(f"SELECT count(DISTINCT _row) FROM ({REJECTED})").fetchone()
        assert row is not None
        by_column: dict[str, int] = {}
        for column, _, severity, entries, _, _ in told:
            if severity != SUPERSEDED:
                by_column[column] = by_column.get(column, 0) + entries
        return Conflicts(
            rows=int(row[0]),
            superseded=sum(entries for _, _, severity, entries, _, _ in told if severity == SUPERSEDED),
            violations=sum(by_column.values()),
            counts=tuple(
                CheckCount(column, check, entries)
                for column, check, severity, entries, *_ in told
                if severity not in ("warn", SUPERSEDED)
            ),
            by_column=by_column,
            refused=tuple(
                Refusal(named_rule(column, check), message, f"row {first:,}", entries)
                for column, check, severity, entries, first, message in told
                if severity == "quarantine"
            ),
        )


def spelled(dataset: Dataset, name: str, column: str | None = None) -> str:
    """SQL of a column's value (`column`: SQL of it) for people: moments on the dataset's clock, as they stand in its files."""
    column = column or ident(name)
    dtype = next(one.dtype for one in dataset.columns if one.name == name)
    if isinstance(dtype, pl.Datetime) and dataset.timezone != "UTC":
        column = f"timezone({text(dataset.timezone)}, timezone('UTC', {column}))"
    return f"{column}::VARCHAR"


def in_file(dataset: Dataset, shown: str, value: str) -> str:
    """SQL of the value of a conflict as it stands in the file.

    Args:
        shown: SQL of JSON text: contract column → its text in the file; null, or without the column, where that is not known.
        value: SQL of what is told then.
    """
    sets = [
        *dataset.uniqueness,
        *(one.names for one in dataset.references),
        *((name,) for name in dataset.increasing),
    ]
    cases = []
    for names in dict.fromkeys(map(tuple, sets)):
        pointers = [text("/" + name.replace("~", "~0").replace("/", "~1")) for name in names]
        spelt = " || ', ' || ".join(f"json_extract_string({shown}, {pointer})" for pointer in pointers)
        cases.append(f"WHEN {text(', '.join(names))} THEN coalesce({spelt}, {value})")
    return f"CASE column_name {' '.join(cases)} ELSE {value} END" if cases else value


def exclude(found: Conflicts) -> str:
    """The WHERE clause that leaves out the rows that must not be loaded."""
    return f" WHERE _row NOT IN ({REJECTED})" if found.rows else ""


def forget(connection: duckdb.DuckDBPyConnection, found: Conflicts) -> None:
    """Drop the list."""
    if found:
        connection.execute(f"DROP TABLE IF EXISTS {CONFLICTS}")
