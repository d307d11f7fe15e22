"""What `pipeline status` tells: what waits, what was loaded, what is out of date. What does not belong here: changing any of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from pipeline.files import scan_inbox
from pipeline.files.names import shown
from pipeline.intake import Intake, lying_in_quarantine
from pipeline.terminal import INBOX, STATUS_STYLES, say, show_rows
from pipeline.warehouse import Entry, WarehouseBusy, WarehouseError, quality
from pipeline.warehouse.overview import DatasetFigures, dataset_figures, late_figures, latest_entries

_PATIENCE = 5.0  # seconds: what waits in the inbox is worth more at once than with all figures in a minute


@dataclass
class _Known:
    """What the warehouse says; nothing, and why, where it cannot be read now."""

    figures: dict[str, DatasetFigures] = field(default_factory=dict)
    dirty_days: dict[str, int] = field(default_factory=dict)
    late: dict[str, dict[str, int]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    scores: Mapping[str, quality.Quality] = field(default_factory=dict)
    problem: Exception | None = None


def gather_status(intake: Intake, last: int) -> dict[str, Any]:
    """Per dataset what waits, was loaded and is dirty; the newest deliveries; files that are not taken, and why. Changes nothing.

    `not_read` says why the warehouse could not be read, and is None where it could; then figures from it are None, and no deliveries are
    listed. `busy`: whether that is so because another program is at work.
    """
    scan = scan_inbox(intake.settings.inbox, intake.settings.settle_seconds)
    known = _read(intake, last)
    scores, entries = known.scores, known.entries
    datasets = []
    waits = {one.dataset: f"{one.cause}. {one.remedy}" for one in intake.waits() if one.part == "dataset"}
    for name in sorted({*intake.datasets, *known.figures, *waits}):
        row = known.figures.get(name) or DatasetFigures(name, 0, 0, 0, 0, None)
        said = {
            "deliveries": row.deliveries,
            "quarantined": row.quarantined,
            "rows_clean": row.rows_clean,
            "rows_rejected": row.rows_rejected,
            "dirty_days": known.dirty_days.get(name, 0),
            "last_commit": row.last_commit,
            "late_rows": known.late.get(name, {}),
        }
        waiting = sum(w.dataset == name for w in [*scan.waiting, *scan.unsettled])
        datasets.append(
            {"dataset": name, "waiting": waiting, "waits": waits.get(name)}
            | (said if known.problem is None else dict.fromkeys(said, None))
        )
    return {
        "home": str(intake.settings.home),
        "not_read": None if known.problem is None else str(known.problem),
        "busy": isinstance(known.problem, WarehouseBusy),
        "datasets": datasets,
        "deliveries": [
            {
                "dataset": e.dataset,
                "delivery": e.delivery,
                "status": e.status,
                "rows_read": e.rows_read,
                "rows_clean": e.rows_clean,
                "rows_rejected": e.rows_rejected,
                "quality": scores[e.id].quality if e.id in scores else None,
                "reason": e.reason,
                "committed_at": e.committed_at,
            }
            for e in entries
        ],
        "refused": [{"path": str(r.path), "reason": r.reason} for r in scan.refused],
        "modules": [
            {"module": one.dataset, "waits": f"{one.cause}. {one.remedy}"}
            for one in intake.waits()
            if one.part == "module"
        ],
    }


def _read(intake: Intake, last: int) -> _Known:
    try:
        with intake.warehouse.reading(patience=_PATIENCE) as session:
            entries = latest_entries(session, last)
            dirty = {(mark.dataset, mark.window, mark.day) for mark in session.dirty()}
            return _Known(
                dataset_figures(session, lambda refused: len(lying_in_quarantine(intake, refused))),
                Counter(dataset for dataset, _, _ in dirty),
                late_figures(session),
                entries,
                quality.of_entries(session.connection, [entry.id for entry in entries]),
            )
    except (WarehouseError, duckdb.Error, OSError) as error:
        return _Known(problem=error)


def show_status(found: dict[str, Any]) -> None:
    """Print what `gather_status` found, for people."""
    say(f"Home: {found['home']}")
    if found["not_read"] is not None:
        say(f"  Only what waits is shown, for the warehouse cannot be read now. {found['not_read']}")
    columns = [
        "dataset",
        "waiting",
        "deliveries",
        "quarantined",
        "rows_clean",
        "rows_rejected",
        "dirty_days",
        "last_commit",
    ]
    show_rows(
        "Datasets",
        [c.replace("_", " ") for c in columns],
        [_cells(d, columns) for d in found["datasets"]],
        numbers=[c.replace("_", " ") for c in columns[1:-1]],
    )
    if found["deliveries"]:
        columns = [
            "committed_at",
            "dataset",
            "delivery",
            "status",
            "rows_read",
            "rows_clean",
            "rows_rejected",
            "quality",
        ]
        show_rows(
            "Newest deliveries",
            [c.replace("_", " ") for c in columns],
            [_cells(d, columns) for d in found["deliveries"]],
            numbers=["rows read", "rows clean", "rows rejected", "quality"],
        )
        for one in found["deliveries"]:
            if one["reason"]:
                style = STATUS_STYLES.get(one["status"], "")
                say("  ", (one["status"], style), f" {shown(one['delivery'])}: {one['reason']}")
    for dataset in found["datasets"]:
        if dataset["late_rows"]:
            told = ", ".join(f"{count:,} {status}" for status, count in dataset["late_rows"].items())
            say(f"  late rows of {dataset['dataset']}: {told}; `pipeline windows late {dataset['dataset']}`")
        if dataset["waits"]:
            say(f"  {dataset['dataset']} waits: {dataset['waits']}")
    for module in found["modules"]:
        say(f"  module {module['module']} does not load: {module['waits']}")
    for item in found["refused"]:
        say(f"  not taken: {shown(item['path'])}: {item['reason']}")


def _cells(row: Mapping[str, Any], columns: Sequence[str]) -> list[Any]:
    return [row[name] or INBOX if name == "dataset" else row[name] for name in columns]
