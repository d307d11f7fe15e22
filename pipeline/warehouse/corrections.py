"""A correction, one transaction: rows that pass now move from rejected to clean, the others say why they do not.

What belongs here: what happens to a correction and to a replay, in order, and the words for it; its rows of the ledger. What does not:
finding the rows that are open (`open_rows`), the statements that move them (`correcting`), validating (ingest).

A correction has a row of its own in the ledger with counts of 0: it has no rows, it moves those of other deliveries.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from pipeline.contract import Dataset
from pipeline.counts import counted
from pipeline.ingest.manifest import CORRECTION, Staged
from pipeline.warehouse import correcting, ledger, open_rows, precedence, waiting
from pipeline.warehouse.added import make_room
from pipeline.warehouse.connection import transaction
from pipeline.warehouse.correcting import Moved
from pipeline.warehouse.errors import CorrectionRefused
from pipeline.warehouse.ledger import HAS_ROWS, Entry
from pipeline.warehouse.publish import marks
from pipeline.warehouse.sql import table
from pipeline.warehouse.windows import dirty, late

_NAMED = 10


@dataclass(frozen=True)
class Applied:
    """What a correction or a replay did.

    Attributes:
        moved: by original delivery.
        refused: rows that it names no loaded row with, or not the one that is loaded now.
        refusals: the first of them, in words.
        untouched: rows without any value.
    """

    moved: tuple[Moved, ...]
    refused: int = 0
    refusals: tuple[str, ...] = ()
    untouched: int = 0

    def total(self, figure: str) -> int:
        """Sum of a figure of `Moved` over all originals."""
        return sum(getattr(one, figure) for one in self.moved)

    @property
    def usable(self) -> bool:
        """Whether any row of it is one that is or was open."""
        return bool(self.moved or self.untouched)

    @property
    def status(self) -> str:
        """`loaded`, or `partial` where something of it is still to be done."""
        return "partial" if self.total("rejected") or self.refused else "loaded"

    def in_words(self) -> str:
        """One sentence for people."""
        corrected = [one for one in self.moved if one.clean or one.filtered]
        where = f" of {counted(len(corrected), 'delivery')}" if corrected else ""
        parts = [f"{counted(self.total('clean'), 'row')}{where} corrected"]
        for count, words in (
            (self.total("filtered"), "left out by the dataset's filter"),
            (self.total("rejected"), "still rejected"),
            (self.total("superseded"), "superseded by later rows"),
            (self.total("skipped"), "skipped (already corrected)"),
            (self.untouched, "without any value"),
            (self.refused, "refused"),
        ):
            if count:
                parts.append(f"{count:,} {words}")
        named = "; ".join(self.refusals[:_NAMED])
        return ", ".join(parts) + (f": {named}" if named else "")


def commit(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    staged: Staged,
    *,
    run_id: str | None = None,
    replay: bool = False,
) -> Entry:
    """Take a staged correction; see `Session.commit`. With `replay` one that was taken before is taken again, for what is open
    now, and keeps its row of the ledger.

    Raises:
        CorrectionRefused: none of its rows is one of those that are loaded.
        ReconciliationError: the rows do not add up; nothing was stored.
    """
    with transaction(connection):
        landed, _, same = ledger.related(
            connection, dataset.name, staged.delivery, staged.manifest.sha256, staged.landing
        )
        if not replay and landed is not None:
            return landed
        facts = ledger.facts(staged) | {"run_id": run_id, "archive": dataset.archive}
        if not replay and same is not None:
            return ledger.insert(
                connection, facts | {"status": "duplicate", "reason": ledger.duplicate_reason(same)}
            )
        known = same if replay and same is not None and same.is_correction else None
        applied = _apply(connection, dataset, staged, known)
        if not applied.usable and replay and same is not None:
            return same  # its originals have other content by now
        if not applied.usable:
            raise CorrectionRefused(staged.delivery, applied.refusals)
        entry = _record(connection, facts, applied, same if same is not None and same.is_correction else None)
        if applied.moved:
            correcting.note(connection, entry)
        correcting.forget(connection)
    return entry


def replay(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    staged: Staged,
) -> Applied:
    """Move the rows of a staged replay that pass now; it is no delivery and gets no row of the ledger."""
    with transaction(connection):
        applied = _apply(connection, dataset, staged)
        correcting.forget(connection)
    return applied


def _apply(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, staged: Staged, known: Entry | None = None
) -> Applied:
    """Do it. Rows have the place of their correction, which one that was taken before (`known`) has kept."""
    account = staged.manifest.correction
    assert account is not None
    moved: Sequence[Moved] = ()
    strangers, named = 0, list[str]()
    if staged.key_paths:
        room = make_room(connection, dataset, staged.manifest.added)
        strangers, named = open_rows.match(connection, dataset, staged)
        before = late.reached(connection, dataset)
        place = precedence.next_place(connection) if known is None else known.seq
        behind = known is None and not dataset.later_wins
        moved = correcting.move(connection, dataset, staged, room, place, behind=behind)
        spans = correcting.spans(connection, dataset, staged, room)
        dirty.mark_rows(connection, dataset, spans, dataset.time_windows, correcting.JOINED, staged.delivery)
        for one in moved:
            if one.clean:
                dirty.mark_totals(connection, dataset, one.delivery, staged.delivery)
                marks.mark_clean(connection, dataset, spans, one.delivery)
        if before is not None and spans:
            late.note(connection, dataset, correcting.JOINED, before, min(span.first for span in spans))
        if not behind or waiting.may_orphan(dataset):
            waiting.seed(connection, waiting.orphans(dataset, "(SELECT _delivery FROM temp.judged)"))
            waiting.settle(connection, dataset, before)
        correcting.reconcile(connection, dataset)
    refusals = (*account.refusals, *named)[:_NAMED]
    return Applied(tuple(moved), account.refused + strangers, refusals, account.untouched)


def _record(
    connection: duckdb.DuckDBPyConnection, facts: dict[str, Any], applied: Applied, known: Entry | None
) -> Entry:
    told = {"status": applied.status, "reason": applied.in_words()}
    if known is None:
        return ledger.insert(connection, facts | told)
    told["contract_fingerprint"] = facts["contract_fingerprint"]
    return ledger.change(connection, known, told)


@dataclass(frozen=True)
class Touched:
    """What a correction did to the rows of one original, when it was taken."""

    delivery: str
    clean: int
    filtered: int
    rejected: int
    skipped: int


def touched(connection: duckdb.DuckDBPyConnection, entry_id: str) -> list[Touched]:
    """The originals of a correction, by key."""
    rows = connection.execute(
        "SELECT delivery, rows_corrected, rows_filtered, rows_rejected, rows_skipped FROM ops.corrections WHERE entry_id = ? ORDER BY delivery",
        [entry_id],
    ).fetchall()
    return [Touched(*row) for row in rows]


@dataclass(frozen=True)
class Finding:
    """What was wrong with a row at one time, oldest first among those of a row.

    Attributes:
        detected_at: when, UTC without zone; what one commit has found is of one moment.
        sheet: where the row is in its file.
        line: the same, by physical line.
        record: the row as it was then: JSON of texts.
        reasons: messages, with the column that each is about.
        severity: `reject`, or `superseded` of a row with which nothing is wrong but that a later row has its key.
        open: it still is.
    """

    detected_at: datetime
    sheet: str | None
    line: int | None
    record: str | None
    reasons: tuple[str, ...]
    severity: str
    open: bool


def findings(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, delivery: str, rows: Collection[int]
) -> tuple[dict[int, list[Finding]], set[int]]:
    """Of these rows of a delivery what was ever found wrong, and which of them are in the clean table now."""
    found: dict[int, list[Finding]] = {}
    told = connection.execute(
        "SELECT _row, detected_at, any_value(sheet), any_value(line), any_value(record), "
        "list(CASE WHEN column_name IS NULL THEN message ELSE column_name || ': ' || message END ORDER BY column_name NULLS LAST, check_name), "
        f"min(severity), bool_or(status = 'open') FROM {table('errors', dataset.name)} WHERE _delivery = $1 AND list_contains($2, _row) "
        "AND severity IN ('reject', 'superseded') GROUP BY _row, detected_at ORDER BY _row, detected_at",
        [delivery, list(rows)],
    ).fetchall()
    for row, at, sheet, line, record, reasons, severity, still in told:
        finding = Finding(at, sheet, line, record, tuple(reasons), severity, still)
        found.setdefault(row, []).append(finding)
    clean = connection.execute(
        f"SELECT _row FROM {table('clean', dataset.name)} WHERE _delivery = $1 AND list_contains($2, _row)",
        [delivery, list(rows)],
    ).fetchall()
    return found, {row for (row,) in clean}


def taken(connection: duckdb.DuckDBPyConnection, dataset: str) -> list[Entry]:
    """The rows of the dataset's corrections that were taken, in order of `seq`."""
    condition = "dataset = ? AND format = ? AND status IN ('loaded', 'partial')"
    return ledger.where(connection, condition, [dataset, CORRECTION])


def corrected_by(connection: duckdb.DuckDBPyConnection, entry_id: str) -> list[Entry]:
    """The rows of the deliveries that a correction has touched, those that are loaded now, by key."""
    touched = "SELECT dataset, delivery FROM ops.corrections WHERE entry_id = ?"
    return ledger.where(
        connection, f"{HAS_ROWS} AND (dataset, delivery) IN ({touched})", [entry_id], "delivery"
    )


def originals(
    connection: duckdb.DuckDBPyConnection, dataset: str, origins: Collection[tuple[str, str]]
) -> list[Entry]:
    """The rows of deliveries that were loaded with these contents (key, beginning of the hash), newest first."""
    wanted = "SELECT unnest($2::VARCHAR[]) AS key, unnest($3::VARCHAR[]) AS content"
    condition = (
        "dataset = $1 AND status IN ('loaded', 'partial', 'replaced') AND format IS DISTINCT FROM $4 "
        f"AND EXISTS (SELECT 1 FROM ({wanted}) AS wanted WHERE key = delivery AND starts_with(sha256, content))"
    )
    keys, contents = [key for key, _ in origins], [content for _, content in origins]
    return ledger.where(connection, condition, [dataset, keys, contents, CORRECTION], "seq DESC")
