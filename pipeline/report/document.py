"""The account of a delivery as a document of plain values: what the JSON file holds, and all that the page shows.

What belongs here: names and shapes of the document; programs read it, so they stay. What does not: how it looks (`render`).
"""

from __future__ import annotations

import json
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.files.names import shown
from pipeline.ingest.manifest import ColumnProfile
from pipeline.intake.originals import reason_file
from pipeline.report.paths import link, workbook_of
from pipeline.warehouse import Entry
from pipeline.warehouse.accounts import DeliveryAccount, Touched
from pipeline.warehouse.ledger import CURRENT
from pipeline.warehouse.quality import WEIGHTS, Quality
from pipeline.warehouse.violations import CheckCount

VERSION = 1
MOST_ROWS = 20_000
"""Rejected rows of a delivery beyond which no workbook is made by itself: one of so many takes four seconds."""
Document = dict[str, Any]

_TEXT = 300
_CHECKS, _DAYS, _VERSIONS = 100, 60, 20


def document_of(
    account: DeliveryAccount,
    page: Path,
    original: Path | None,
    errors: Document | None,
    correction: Document | None,
) -> Document:
    """The document of a delivery, ready for JSON.

    Args:
        account: what the warehouse knows of it.
        page: where its page is, for links.
        original: the delivered file, where it is still there.
        errors: see `open_errors`.
        correction: what it did, where it is one that was taken; see `corrections`.
    """
    entry = account.entry
    dialect: dict[str, Any] = json.loads(entry.dialect) if entry.dialect else {}
    notes = list(dialect.pop("notes", ()))
    return {
        "report": VERSION,
        "state": state_of(entry),
        "dataset": entry.dataset,
        "delivery": entry.delivery,
        "status": entry.status,
        "reason": entry.reason,
        "committed_at": _moment(entry.committed_at),
        "file": {
            "name": entry.file_name,
            "bytes": entry.bytes,
            "sha256": entry.sha256,
            "format": entry.format,
            "original": None if original is None else link(page, original),
            "quarantine_reason": _reason_file(entry, page, original),
        },
        "rows": {
            name: getattr(entry, f"rows_{name}")
            for name in ("read", "clean", "rejected", "filtered", "warned", "mended")
        },
        "violations": entry.violations,
        "quality": _quality(account.quality),
        "quality_history": list(account.history),
        "cost": {
            "seconds": round(entry.seconds, 3),
            "rows_per_second": round(entry.rows_read / entry.seconds)
            if entry.rows_read and entry.seconds
            else None,
            "peak_memory_mb": None if entry.peak_memory_mb is None else round(entry.peak_memory_mb, 1),
        },
        "event_time": {"min": _moment(entry.event_time_min), "max": _moment(entry.event_time_max)},
        "checks": [_check(one, entry.rows_read) for one in account.checks[:_CHECKS]],
        "more_checks": max(0, len(account.checks) - _CHECKS),
        "columns": [_column(one) for one in account.columns],
        "cleaning": [
            {"column": one.column, "cleaner": one.cleaner, "changed": one.changed} for one in account.cleaned
        ],
        "windows": [_window(one) for one in account.touched],
        "notes": notes,
        "dialect": dialect,
        "errors_workbook": errors_workbook(entry),
        "open_errors": errors,
        "correction": correction,
        "versions": [_version(one) for one in account.versions[:_VERSIONS]],
        "still_loaded": _version(account.still_loaded) if account.still_loaded else None,
        "identity": {
            "ledger_id": entry.id,
            "contract_fingerprint": entry.contract_fingerprint,
            "run_id": entry.run_id,
        },
    }


def _quality(quality: Quality | None) -> Document | None:
    if quality is None:
        return None
    shares = {name: getattr(quality, name) for name in WEIGHTS}
    return {
        "score": quality.quality,
        "rows_judged": quality.rows_judged,
        "shares": {name: None if value is None else round(value, 6) for name, value in shares.items()},
        "weights": WEIGHTS,
    }


def _check(count: CheckCount, rows: int) -> Document:
    return {
        "column": count.column,
        "check": count.check,
        "severity": count.severity,
        "violations": count.violations,
        "open": count.open,
        "share": round(count.violations / rows, 6) if rows else None,
        "examples": [
            {
                "row": one.row,
                "line": one.line,
                "sheet": one.sheet,
                "value": _cut(one.value),
                "message": _cut(one.message),
            }
            for one in count.examples
        ],
    }


def _column(column: ColumnProfile) -> Document:
    return {
        "column": column.name,
        "rows": column.row_count,
        "nulls": column.null_count,
        "distinct": column.distinct_count,
        "distinct_error": column.distinct_error,
        "min": column.min,
        "max": column.max,
        "mean": column.mean,
        "top_values": [{"value": value, "count": count} for value, count in column.top_values],
        "top_error": column.top_error,
        "violations": column.violations,
    }


def _window(touched: Touched) -> Document:
    days = touched.days
    return {
        "window": touched.window,
        "days": len(days) or None,
        "first": days[0].isoformat() if days else None,
        "last": days[-1].isoformat() if days else None,
        "listed": [day.isoformat() for day in days[:_DAYS]],
    }


def _version(entry: Entry) -> Document:
    return {
        "ledger_id": entry.id,
        "status": entry.status,
        "committed_at": _moment(entry.committed_at),
        "rows_read": entry.rows_read,
        "rows_clean": entry.rows_clean,
        "rows_rejected": entry.rows_rejected,
        "reason": entry.reason,
    }


def read_document(page: Path) -> Document | None:
    """The document beside a page, as it was written last; None where there is none that can be read."""
    try:
        found: Document = json.loads(page.with_suffix(".json").read_bytes())
    except (OSError, ValueError):
        return None
    return found


def state_of(entry: Entry) -> str:
    """What a report's figures go by, as one word: another state, another report."""
    return (
        f"{entry.id} {entry.status} {entry.rows_clean} {entry.rows_rejected} {entry.rows_filtered} {entry.rows_superseded} "
        f"{entry.rows_expired} {entry.violations}"
    )


def open_rows(entry: Entry) -> int:
    """Rows of a delivery that are rejected and wait to be corrected."""
    return entry.rows_refused if entry.status == "partial" else 0


def open_errors(entry: Entry, page: Path, inbox: Path, why: str | None) -> Document | None:
    """What waits to be corrected, and how it is; None where the delivery has no rows of its own in the tables.

    Args:
        inbox: the folder that corrections are dropped into.
        why: why there can be no workbook, if so.
    """
    if entry.status not in CURRENT or entry.is_correction:
        return None
    workbook = workbook_of(page)
    return {
        "rows": open_rows(entry),
        "workbook": link(page, workbook) if workbook.exists() else None,
        "no_workbook": why,
        "command": errors_workbook(entry),
        "send_back_to": shown(inbox.absolute()),
    }


def errors_workbook(entry: Entry) -> str | None:
    """The command that gives a delivery's rejected rows as a workbook to correct; None where there are none."""
    if not open_rows(entry):
        return None
    return f"pipeline errors {entry.dataset} --delivery {shlex.quote(entry.delivery)} --out errors.xlsx"


def _reason_file(entry: Entry, page: Path, original: Path | None) -> str | None:
    if entry.status != "quarantined" or original is None:
        return None
    return link(page, reason_file(original))


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(sep=" ", timespec="seconds") + " UTC"
