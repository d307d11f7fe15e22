"""Rows that are staged and not committed yet, as the commit would load them.

What belongs here: which staged deliveries would be loaded now, which rows they would bring and which they would replace. What does not:
finding staged folders (`ingest.waiting`), windows (`live`).

It follows `commit` without writing: of deliveries that wait together the first by name is loaded first, the bytes of one that is loaded
are a duplicate, and a row with a conflict is left out. Keys that a replaced delivery leaves are given to others at the commit only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import duckdb

from pipeline.contract import Dataset
from pipeline.ingest.manifest import DaySpan, Staged
from pipeline.ingest.refusals import too_many
from pipeline.warehouse import conflicts, contest, ledger, loading
from pipeline.warehouse import waiting as waiting_rows
from pipeline.warehouse.added import Room
from pipeline.warehouse.conflict_list import REJECTED
from pipeline.warehouse.ledger import Entry
from pipeline.warehouse.precedence import LAST
from pipeline.warehouse.sql import idents, table, text
from pipeline.warehouse.tables import clean_columns
from pipeline.warehouse.windows import dirty, reach


@dataclass(frozen=True)
class Arriving:
    """What the commits would change; false where that is nothing.

    Attributes:
        gone: deliveries whose rows in the clean table would go.
        parts: SELECTs of the rows that would come, with the columns of `clean_columns` but `_rescued`.
        spans: days of the rows that would come or go.
        deliveries: whose rows these are.
        fresh: those of them that bring rows.
        lost: temporary tables (`_delivery`, `_row`) of rows, in the clean table or to come, whose keys go to rows that come later.
    """

    gone: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    spans: tuple[DaySpan, ...] = ()
    deliveries: frozenset[str] = field(default=frozenset())
    fresh: frozenset[str] = field(default=frozenset())
    lost: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.deliveries)

    def going(self) -> str:
        """SQL condition on the clean rows that go, in brackets."""
        given = [f"(_delivery, _row) IN (SELECT _delivery, _row FROM {rows})" for rows in self.lost]
        return f"({' OR '.join([reach.of_deliveries(self.gone), *given])})"

    def rows(self, dataset: Dataset, counted: str, condition: str | None = None) -> str:
        """SQL in brackets of the clean rows as they would be; `counted` is SQL of those that count now, `condition` what a row that comes
        must fulfil to count."""
        names = idents(_names(dataset))
        left = f" WHERE _delivery NOT IN ({', '.join(map(text, self.gone))})" if self.gone else ""
        only = "" if condition is None else f" WHERE {condition}"
        parts = [f"SELECT * FROM ({part}) AS coming{only}" for part in self.parts] if only else self.parts
        every = " UNION ALL ".join([f"SELECT {names} FROM {counted} AS counted{left}", *parts])
        for rows in self.lost:
            every = (
                f"SELECT coming.* FROM ({every}) AS coming ANTI JOIN {rows} AS lost USING (_delivery, _row)"
            )
        return f"({every})"


def arriving(connection: duckdb.DuckDBPyConnection, dataset: Dataset, waiting: Sequence[Staged]) -> Arriving:
    """What committing the staged deliveries in their order would change; writes to temporary tables alone.

    Raises:
        duckdb.IOException, FileNotFoundError: a staged folder went meanwhile.
    """
    found = Arriving()
    loaded: set[str] = set()
    for number, staged in enumerate(waiting):
        landed, mine, same = ledger.related(
            connection, dataset.name, staged.delivery, staged.manifest.sha256, staged.landing
        )
        unchanged = mine is not None and (mine.sha256, mine.contract_fingerprint) == (
            staged.manifest.sha256,
            staged.manifest.fingerprint,
        )
        if landed is not None or unchanged:
            continue
        before = _without(connection, dataset, found, mine)
        elsewhere = same is not None and same.delivery != staged.delivery and same.delivery not in found.gone
        if elsewhere or staged.manifest.sha256 in loaded:
            found = before  # a duplicate; what the key held before goes
            continue
        parts = _part(connection, dataset, staged, before, number)
        if parts is not None:
            loaded.add(staged.manifest.sha256)
            found = _losing(connection, dataset, before, number)
            found = replace(
                found,
                parts=found.parts + parts,
                spans=found.spans + staged.manifest.days,
                deliveries=found.deliveries | {staged.delivery},
                fresh=found.fresh | {staged.delivery},
            )
    return found


def _without(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, found: Arriving, mine: Entry | None
) -> Arriving:
    """Without the rows of a delivery's version that is loaded."""
    if mine is None:
        return found
    return replace(
        found,
        gone=(*found.gone, mine.delivery),
        spans=found.spans + tuple(dirty.spans_of(connection, dataset, mine)),
        deliveries=found.deliveries | {mine.delivery},
    )


def _losing(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, before: Arriving, number: int
) -> Arriving:
    """With the rows that lose their keys to those that were looked at just now."""
    if (
        not dataset.later_wins
        or not connection.execute(
            "SELECT 1 FROM duckdb_tables() WHERE temporary AND table_name = 'verdicts'"
        ).fetchall()
    ):
        return before
    rows = f"temp.arriving_lost_{number}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {rows.partition('.')[2]} AS SELECT _delivery, _row FROM {contest.VERDICTS} "
        "WHERE _state = 'clean' AND NOT _wins"
    )
    contest.forget(connection)
    there = before.rows(dataset, table("clean", dataset.name))
    spans = dirty.spans_in(
        connection, dataset, f"{there} AS row SEMI JOIN {rows} AS lost USING (_delivery, _row)"
    )
    whose = {row[0] for row in connection.execute(f"SELECT DISTINCT _delivery FROM {rows}").fetchall()}
    return replace(
        before,
        lost=(*before.lost, rows),
        spans=before.spans + tuple(spans),
        deliveries=before.deliveries | whose,
    )


def _part(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged, before: Arriving, number: int
) -> tuple[str, ...] | None:
    """The SELECT of the rows that would be loaded, none where there is none; None where the delivery would be refused."""
    manifest, paths = staged.manifest, staged.clean_paths
    found, source = conflicts.Conflicts(), ""
    if paths:
        source = loading.clean_source(dataset, staged, Room())
        there = before.rows(dataset, table("clean", dataset.name)) if before else None
        contest.forget(connection)
        side = waiting_rows.staged_side(staged, source, LAST + number + 1) if dataset.later_wins else None
        found = conflicts.find_conflicts(connection, dataset, paths, source, there, there=there, staged=side)
    rejected = manifest.rows_rejected + found.rows - found.superseded
    refused = found.refused or too_many(dataset, rejected, manifest.rows_read, ()) is not None
    left_out = ""
    if found.rows and not refused:
        kept = f"arriving_conflicts_{number}"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {kept} AS {REJECTED}")
        left_out = f" WHERE _row NOT IN (SELECT _row FROM temp.{kept})"
    conflicts.forget(connection, found)
    if refused:
        return None
    if not paths:
        return ()
    picked = f"SELECT {text(staged.delivery)} AS _delivery, * FROM {source}"
    return (f"SELECT {idents(_names(dataset))} FROM ({picked}){left_out}",)


def _names(dataset: Dataset) -> list[str]:
    return [name for name, _ in clean_columns(dataset) if name != "_rescued"]
