"""What `pipeline status` tells: what waits, what was loaded, what is out of date. What does not belong here: changing any of it."""

from __future__ import annotations

from typing import Any

from pipeline.files import scan_inbox
from pipeline.intake import Intake
from pipeline.terminal import say, show_rows
from pipeline.warehouse import quality
from pipeline.warehouse.overview import DatasetFigures, dataset_figures, late_figures, latest_entries


def gather_status(intake: Intake, last: int) -> dict[str, Any]:
    """Per dataset what waits, was loaded and is dirty; the newest deliveries; files that are not taken, and why."""
    scan = scan_inbox(intake.settings.inbox, intake.settings.settle_seconds)
    with intake.warehouse.session() as session:
        figures = dataset_figures(session)
        dirty = session.dirty()
        entries = latest_entries(session, last)
        late = late_figures(session)
        scores = quality.of_entries(session.connection, [entry.id for entry in entries])
    datasets = []
    for name in sorted({*intake.datasets, *figures}):
        row = figures.get(name) or DatasetFigures(name, 0, 0, 0, 0, None)
        datasets.append(
            {
                "dataset": name,
                "waiting": sum(w.dataset == name for w in [*scan.waiting, *scan.unsettled]),
                "deliveries": row.deliveries,
                "quarantined": row.quarantined,
                "rows_clean": row.rows_clean,
                "rows_rejected": row.rows_rejected,
                "dirty_days": len({(d.window, d.day) for d in dirty if d.dataset == name}),
                "last_commit": row.last_commit,
                "late_rows": late.get(name, {}),
            }
        )
    return {
        "home": str(intake.settings.home),
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
    }


def show_status(found: dict[str, Any]) -> None:
    """Print what `gather_status` found, for people."""
    say(f"Home: {found['home']}")
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
        [[d[c] for c in columns] for d in found["datasets"]],
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
            "reason",
        ]
        show_rows(
            "Newest deliveries",
            [c.replace("_", " ") for c in columns],
            [[d[c] for c in columns] for d in found["deliveries"]],
            numbers=["rows read", "rows clean", "rows rejected", "quality"],
        )
    for dataset in found["datasets"]:
        if dataset["late_rows"]:
            told = ", ".join(f"{count:,} {status}" for status, count in dataset["late_rows"].items())
            say(f"  late rows of {dataset['dataset']}: {told}; `pipeline windows late {dataset['dataset']}`")
    for item in found["refused"]:
        say(f"  not taken: {item['path']}: {item['reason']}")
