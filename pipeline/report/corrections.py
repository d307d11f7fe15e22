"""What a correction did, row by row of its originals.

What belongs here: the correction's file and the error table together. What does not: taking a correction (`warehouse.corrections`), how a
page looks (`render`).

Nothing is kept for this. The file says what was sent, and the error table what was found of each row, every time: the finding before the
correction holds the row as it was; one that holds the row as it was sent is the correction's own, and says why the row is still rejected.
A row without such a finding passed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.contract import Dataset
from pipeline.files import UnreadableFile
from pipeline.files.sealing import SEALED
from pipeline.ingest.correction import SentRow, sent_rows
from pipeline.ingest.hiding import MASK
from pipeline.ingest.keys import RAW
from pipeline.intake import Intake
from pipeline.report.paths import changes_of, link, report_page
from pipeline.report.tables import table_workbook
from pipeline.warehouse import Entry
from pipeline.warehouse.corrections import Finding, Touched, findings, touched

MOST_ROWS = 10_000
"""Rows of a correction that are told one by one, in its workbook; the counts are of all."""
_ON_PAGE, _CHANGES, _REASONS = 100, 20, 10
_TEXT = 200

_HEADER = ("delivery", "row", "sheet", "line", "became", "column", "was", "is", "why")


@dataclass(frozen=True)
class Corrected:
    """What became of one row.

    Attributes:
        sent: the row as it was sent.
        became: `clean`, `left out`, `still rejected`, `unchanged`, `superseded`, `skipped`, or `not known`.
        finding: where the row is, and as it was before.
        changes: column, what it was, what it is; of a record that could not be split the first is its text.
        reasons: why the row is still rejected, or cannot be told of.
    """

    sent: SentRow
    became: str
    finding: Finding | None
    changes: tuple[tuple[str, str | None, str | None], ...] = ()
    reasons: tuple[str, ...] = ()


def correction_document(
    intake: Intake, entry: Entry, page: Path, original: Path | None
) -> tuple[dict[str, Any], bytes | None]:
    """What a report says of a correction that was taken, ready for JSON, and the workbook with all of its rows.

    Raises:
        OSError. WarehouseBusy, WarehouseMissing: see `Warehouse.session`.
    """
    dataset = intake.datasets[entry.dataset]
    with intake.warehouse.session(read_only=True) as session:
        originals = touched(session.connection, entry.id)
    sent, why = _sent(intake, dataset, original)
    rows = _corrected(intake, dataset, entry, sent, {one.delivery: one for one in originals})
    count = sum(one.clean + one.filtered + one.rejected + one.skipped for one in originals)
    document = {
        "originals": [
            {
                "delivery": one.delivery,
                "report": link(page, report_page(intake.settings, entry.dataset, one.delivery)),
                "rows_corrected": one.clean,
                "rows_filtered": one.filtered,
                "rows_rejected": one.rejected,
                "rows_skipped": one.skipped,
            }
            for one in originals
        ],
        "rows": [_row_document(one) for one in rows[:_ON_PAGE]],
        "more_rows": max(0, max(count, len(rows)) - min(len(rows), _ON_PAGE)),
        "rows_in_workbook": len(rows),
        "workbook": link(page, changes_of(page)) if rows else None,
        "no_rows": why,
    }
    if not rows:
        return document, None
    return document, table_workbook(
        f"{entry.delivery}: rows", _HEADER, (line for one in rows for line in _lines(one))
    )


def _sent(intake: Intake, dataset: Dataset, original: Path | None) -> tuple[list[SentRow], str | None]:
    """The first rows of the correction's file, and why there are none."""
    if original is None:
        return [], "its file is not in the archive any more"
    if original.name.endswith(SEALED):
        return [], "its file is sealed in the archive"
    try:
        return list(islice(sent_rows(original, dataset, intake.settings), MOST_ROWS)), None
    except UnreadableFile as problem:
        return [], problem.cause


def _corrected(
    intake: Intake, dataset: Dataset, entry: Entry, sent: Sequence[SentRow], originals: Mapping[str, Touched]
) -> list[Corrected]:
    """What became of each row, in the order of the file."""
    wanted: dict[str, list[int]] = {}
    for one in sent:
        wanted.setdefault(one.delivery, []).append(one.row)
    found: dict[str, tuple[dict[int, list[Finding]], set[int]]] = {}
    contents: dict[str, str] = {}
    if wanted:
        with intake.warehouse.session(read_only=True) as session:
            for delivery, rows in wanted.items():
                current = session.current(entry.dataset, delivery)
                contents[delivery] = (current.sha256 or "") if current else ""
                found[delivery] = findings(session.connection, dataset, delivery, rows)
    told, done = [], set[tuple[str, int]]()
    for one in sent:
        known, clean = found[one.delivery]
        same = contents[one.delivery].startswith(one.content) and bool(contents[one.delivery])
        if not same:
            told.append(Corrected(one, "not known", None, reasons=("its delivery has other content now",)))
        elif (one.delivery, one.row) in done:
            told.append(
                Corrected(one, "skipped", None, reasons=("the file has this row twice: the first counts",))
            )
        else:
            counts = originals.get(one.delivery)
            told.append(_of_row(one, known.get(one.row, []), one.row in clean, counts, entry.committed_at))
        done.add((one.delivery, one.row))
    return told


def _of_row(
    sent: SentRow, known: Sequence[Finding], clean: bool, counts: Touched | None, taken_at: datetime
) -> Corrected:
    """What became of a row, from what was found of it over time."""
    if not known or counts is None:
        return Corrected(sent, "skipped", None, reasons=("the row was not rejected",))
    records = [_record(one) for one in known]
    for number in range(1, len(known)):
        own = known[number]
        if own.severity == "reject" and _is(records[number], sent):
            changes = _changes(records[number - 1], sent)
            became = "still rejected" if changes else "unchanged"
            return Corrected(sent, became, known[number - 1], changes, own.reasons)
    before = max((n for n, one in enumerate(known) if one.detected_at <= taken_at), default=0)
    finding, changes = known[before], _changes(records[before], sent)
    if not changes and (finding.open or before < len(known) - 1):
        return Corrected(sent, "unchanged", finding, (), finding.reasons)
    if clean:
        return Corrected(sent, "clean", finding, changes)
    if known[-1].severity == "superseded":
        return Corrected(sent, "superseded", finding, changes, known[-1].reasons)
    if finding.open:
        return Corrected(sent, "skipped", finding, changes, finding.reasons)
    return Corrected(sent, "left out" if counts.filtered else "clean", finding, changes)


def _record(finding: Finding) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(finding.record or "{}")
    return found


def _is(record: Mapping[str, Any], sent: SentRow) -> bool:
    """Whether a record is the row as it was sent; what is hidden is not the same text."""
    return RAW not in record and all(
        _same(record[name], value)
        for name, value in sent.values.items()
        if name in record and name not in sent.hidden
    )


def _changes(before: Mapping[str, Any], sent: SentRow) -> tuple[tuple[str, str | None, str | None], ...]:
    """Column, what it was, what it is, of each cell that was changed."""
    if RAW in before:
        given = [(name, None, _shown(sent, name)) for name, value in sent.values.items() if value]
        return ((RAW, str(before[RAW]), None), *given)
    return tuple(
        (name, _text(before.get(name)), _shown(sent, name))
        for name, value in sent.values.items()
        if name in before and not _same(before[name], value)
    )


def _same(one: object, other: str | None) -> bool:
    return (_text(one) or "") == (other or "")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _shown(sent: SentRow, name: str) -> str | None:
    value = sent.values[name]
    return MASK if value is not None and name in sent.hidden else value


def _row_document(one: Corrected) -> dict[str, Any]:
    return {
        "delivery": one.sent.delivery,
        "row": one.sent.row,
        "sheet": one.finding.sheet if one.finding else None,
        "line": one.finding.line if one.finding else None,
        "became": one.became,
        "changes": [
            {"column": column, "was": _cut(was), "is": _cut(now)}
            for column, was, now in one.changes[:_CHANGES]
        ],
        "more_changes": max(0, len(one.changes) - _CHANGES),
        "reasons": [_cut(reason) for reason in one.reasons[:_REASONS]],
    }


def _lines(one: Corrected) -> Iterable[Sequence[object]]:
    """A line of the workbook for each cell that was changed, one for a row of which none was."""
    finding = one.finding
    place = (one.sent.delivery, one.sent.row, finding and finding.sheet, finding and finding.line, one.became)
    why = "; ".join(one.reasons)
    for column, was, now in one.changes or ((None, None, None),):
        yield (*place, column, was, now, why)


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"
