"""What Dagster shows of a delivery or a window: figures, samples, what is wrong.

What belongs here: values for `metadata=`, bounded in size. What does not: fetching them, and events (`events`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from dagster import MetadataValue

from pipeline.counts import counted
from pipeline.files.names import printable, shown
from pipeline.orchestration.pictures import checks_chart
from pipeline.report import Document, read_document, report_page, workbook_of
from pipeline.settings import Settings
from pipeline.warehouse import Computed, Entry, Recomputed
from pipeline.warehouse.accounts import DeliveryAccount
from pipeline.warehouse.quality import Quality
from pipeline.warehouse.violations import CheckCount

TABLE_ROWS = "dagster/row_count"
"""What Dagster shows as an asset's "Row count": that of its table, when the event was told."""
PARTITION_ROWS = "dagster/partition_row_count"
"""Rows of one delivery, or of one day of a window."""

SAMPLE_ROWS = 10
_SAMPLE_COLUMNS = 20
_CELL = 80
_LISTED = 50
_SHORT, _REASON = 8, 600
_ACTIVE = re.compile(r"[\\|`*\[\]]")
_LINE_ENDS = dict.fromkeys((9, 10, 13), " ")


def error_rate(entry: Entry) -> float:
    """Share of a delivery's rows with which something is wrong; 1 for a delivery that was quarantined as a whole."""
    if entry.status == "quarantined":
        return 1.0
    return entry.rows_refused / entry.rows_read if entry.rows_read else 0.0


def delivery_metadata(entry: Entry, kept_at: Path | None) -> dict[str, Any]:
    """Everything the ledger knows of a delivery."""
    values: dict[str, Any] = {
        PARTITION_ROWS: entry.rows_clean,
        "rows_read": entry.rows_read,
        "rows_clean": entry.rows_clean,
        "rows_rejected": entry.rows_rejected,
        "rows_filtered": entry.rows_filtered,
        "rows_superseded": entry.rows_superseded or None,
        "violations": entry.violations,
        "error_rate": round(error_rate(entry), 6),
        "seconds": round(entry.seconds, 3),
        "rows_per_second": round(entry.rows_read / entry.seconds) if entry.seconds else None,
        "peak_memory_mb": None if entry.peak_memory_mb is None else round(entry.peak_memory_mb, 1),
        "event_time_min": _moment(entry.event_time_min),
        "event_time_max": _moment(entry.event_time_max),
        "dialect": MetadataValue.json(json.loads(entry.dialect)) if entry.dialect else None,
        "archive_path": _path(kept_at),
    }
    return _given(values | _identity(entry))


def unloaded_metadata(entry: Entry, kept_at: Path | None) -> dict[str, Any]:
    """What there is to say of a delivery that put no rows into the table: quarantined or duplicate."""
    return _given(_identity(entry) | {"kept_at": _path(kept_at)})


def account_metadata(account: DeliveryAccount, detailed: bool) -> dict[str, Any]:
    """What the warehouse's account of a delivery adds to its ledger row: its score and, `detailed`, what is wrong by column and
    check, as a table and as a picture, and what cleaners changed."""
    values = quality_metadata(account.quality)
    if detailed and account.checks:
        values["errors_by_check"] = _checks_table(account.checks)
        values["errors_by_check_chart"] = checks_chart(account.checks)
    if detailed and account.cleaned:
        values["changed_by_cleaners"] = markdown_table(
            ["column", "cleaner", "values changed"],
            [(one.column, one.cleaner, f"{one.changed:,}") for one in account.cleaned[:_LISTED]],
        )
    return _given(values)


def quality_metadata(quality: Quality | None) -> dict[str, Any]:
    """A delivery's score, as a number: Dagster plots its history."""
    return {} if quality is None or quality.quality is None else {"quality": quality.quality}


def place_metadata(entry: Entry, settings: Settings) -> dict[str, Any]:
    """A delivery's report: what it says in short, where it is, and where the workbook of its open errors is, or how to have it.

    A page that was opened over http opens no file, and Dagster serves none: so what the report says stands in the event, as Markdown.
    """
    page = report_page(settings, entry.dataset, entry.delivery)
    document = read_document(page)
    if document is None:
        return {}
    workbook, told = workbook_of(page), document["identity"]["ledger_id"] == entry.id
    command = (document.get("open_errors") or {}).get("command") if told else None
    return _given(
        {
            "report": _path(page),
            "report_in_short": MetadataValue.md(_in_short(document, page)) if told else None,
            "errors_workbook": _path(workbook) if command and workbook.exists() else None,
            "how_to_get_the_errors": MetadataValue.md(_code(command)) if command else None,
        }
    )


def _in_short(document: Document, page: Path) -> str:
    """A report in some lines of Markdown."""
    score, errors = (document["quality"] or {}).get("score"), document.get("open_errors")
    judged = "" if score is None else f", quality {score:g} of 100"
    parts = [f"**{_cell(document['delivery'])}**: {document['status']}{judged}"]
    if document["reason"]:
        parts.append(_cell(document["reason"], _REASON))
    if errors is not None:
        names = ("read", "clean", "rejected", "filtered", "warned", "mended")
        counts = [f"{document['rows'][name]:,}" for name in names]
        parts.append(_lines([f"rows {names[0]}", *names[1:]], [counts]))
    if document["checks"]:
        parts.append(
            _lines(["column", "check", "severity", "violations", "first of them"], _of_checks(document))
        )
    more = max(0, len(document["checks"]) - _SHORT) + document["more_checks"]
    if more:
        parts.append(f"{counted(more, 'more check is', 'more checks are')} in the report.")
    if errors is not None and errors["rows"]:
        workbook = f"; workbook: {_code(shown(workbook_of(page)))}" if errors["workbook"] else ""
        parts.append(
            f"{counted(errors['rows'], 'rejected row waits', 'rejected rows wait')} to be corrected{workbook}. Corrected, it goes into {_code(errors['send_back_to'])}."
        )
    return "\n\n".join([*parts, f"The whole report: {_code(shown(page))}"])


def _of_checks(document: Document) -> Iterable[Sequence[object]]:
    for check in document["checks"][:_SHORT]:
        first = next(iter(check["examples"]), None)
        line = (
            ""
            if first is None
            else f"line {first['line']}: "
            if first["line"] is not None
            else f"row {first['row']}: "
        )
        yield (
            check["column"] or "(row)",
            check["check"],
            check["severity"],
            f"{check['violations']:,}",
            f"{line}{first['message']}" if first else "",
        )


def _code(text: str) -> str:
    """As code, whatever it holds."""
    fence = "``" if "`" in text else "`"
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def _checks_table(checks: Sequence[CheckCount]) -> MetadataValue[Any]:
    return markdown_table(
        ["column", "check", "severity", "violations", "first of them"],
        [
            (
                check.column or "(row)",
                check.check,
                check.severity,
                f"{check.violations:,}",
                check.examples[0].message if check.examples else "",
            )
            for check in checks[:_LISTED]
        ],
    )


def _identity(entry: Entry) -> dict[str, Any]:
    """Which file it was and what became of it."""
    return {
        "file": entry.file_name,
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "status": entry.status,
        "reason": entry.reason,
        "ledger_id": entry.id,
    }


def _path(path: Path | None) -> MetadataValue[Any] | None:
    return None if path is None else MetadataValue.path(shown(path))


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def window_metadata(done: Recomputed, picture: MetadataValue[Any] | None = None) -> dict[str, Any]:
    """What a recomputation did, and which deliveries made it necessary."""
    values: dict[str, Any] = {
        "rows": done.rows,
        "changed_figures": done.changed,
        "seconds": round(done.seconds, 3),
    }
    if done.day is not None:
        values |= {PARTITION_ROWS: done.rows, "day": done.day.isoformat()}
    if done.kept:
        values |= {"kept": "Retention has deleted rows of this day: its windows stay as they were."}
    if done.causes:
        values |= {"causes": len(done.causes), "caused_by": list(done.causes[:_LISTED])}
    return values if picture is None else values | {"chart": picture}


def stored_metadata(found: Computed) -> dict[str, Any]:
    """What there is to say of windows that are stored, where nothing is known of how they were computed."""
    values: dict[str, Any] = {"rows": found.rows, "computed_at": _moment(found.at)}
    return (
        values if found.day is None else values | {PARTITION_ROWS: found.rows, "day": found.day.isoformat()}
    )


def as_table(frame: pl.DataFrame) -> MetadataValue[Any]:
    """The first rows and columns of a frame as a markdown table."""
    shown = frame.head(SAMPLE_ROWS).select(frame.columns[:_SAMPLE_COLUMNS])
    left_out = len(frame.columns) - shown.width
    more = f"\n\n{counted(left_out, 'more column is', 'more columns are')} left out." if left_out > 0 else ""
    return markdown_table(shown.columns, shown.iter_rows(), more)


def markdown_table(
    names: Sequence[str], rows: Iterable[Sequence[object]], below: str = ""
) -> MetadataValue[Any]:
    """Rows as a markdown table; a cell that is long is cut."""
    return MetadataValue.md(_lines(names, rows) + below)


def _lines(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(_cell(name) for name in names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object, most: int = _CELL) -> str:
    """A text on one line, of which Markdown makes nothing: no picture that a browser would fetch, no link, no other cell."""
    text = "" if value is None else str(value)
    text = text if len(text) <= most else text[: most - 1] + "…"
    return (
        _ACTIVE.sub(r"\\\g<0>", printable(text.translate(_LINE_ENDS)))
        .replace("&", "&amp;")
        .replace("<", "&lt;")
    )


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(sep=" ") + " UTC"
