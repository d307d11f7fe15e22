"""The pages over deliveries: of each dataset, newest first, and over all datasets.

What belongs here: gathering them, bounded however long the history is, once at the end of a run. What does not: a delivery's report.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pipeline.intake import Intake
from pipeline.report import charts
from pipeline.report.paths import index_page, link, report_page
from pipeline.report.render import dataset_page, home_page
from pipeline.report.write import missing_reports, put, write_reports
from pipeline.warehouse import Entry, Session, quality
from pipeline.warehouse.overview import DatasetFigures, dataset_figures, latest_entries
from pipeline.warehouse.quality import Quality

LISTED = 500
"""Deliveries that a page lists; the ledger has them all."""

_CHARTED, _SPARK = 200, 40
_FILE_BY_FILE = 100


def write_indexes(intake: Intake, datasets: Collection[str]) -> None:
    """Write the pages of these datasets and the one over all, after the reports among the listed deliveries that are missing.

    Raises:
        OSError: a page cannot be written. WarehouseBusy, WarehouseMissing: see `Warehouse.session`.
    """
    for name in sorted(set(datasets)):
        with intake.warehouse.session(read_only=True) as session:
            entries = latest_entries(session, LISTED, name)
            scores = quality.of_entries(session.connection, [entry.id for entry in entries])
            figures = dataset_figures(session).get(name)
        lacking = missing_reports(intake, entries)
        for start in range(0, len(lacking), _FILE_BY_FILE):
            write_reports(intake, name, lacking[start : start + _FILE_BY_FILE])
        if figures is not None:
            put(index_page(intake.settings, name), _of_dataset(intake, figures, entries, scores))
    with intake.warehouse.session(read_only=True) as session:
        rows = _of_all(intake, session)
    put(index_page(intake.settings), home_page(datasets=rows))


def _of_dataset(
    intake: Intake, figures: DatasetFigures, entries: list[Entry], scores: dict[str, Quality]
) -> str:
    page = index_page(intake.settings, figures.dataset)
    shown = [entry for entry in entries if entry.status not in ("replaced", "removed")]
    scored = [scores[entry.id] for entry in reversed(entries) if entry.id in scores]
    points = [(one.delivery, one.quality) for one in scored if one.quality is not None][-_CHARTED:]
    dataset = intake.datasets.get(figures.dataset)
    return dataset_page(
        name=figures.dataset,
        description=dataset.description if dataset else "",
        figures=figures,
        chart=charts.history(points),
        charted=len(points),
        latest=points[-1][1] if points else None,
        deliveries=[
            {
                "entry": entry,
                "href": link(page, report_page(intake.settings, entry.dataset, entry.delivery)),
                "score": scores[entry.id].quality if entry.id in scores else None,
            }
            for entry in shown
        ],
        more=len(entries) == LISTED,
    )


def _of_all(intake: Intake, session: Session) -> list[dict[str, Any]]:
    page, rows = index_page(intake.settings), []
    for name, figures in sorted(dataset_figures(session).items()):
        past = [
            one.quality for one in quality.newest(session.connection, name, _SPARK) if one.quality is not None
        ]
        index = index_page(intake.settings, name)
        rows.append(
            {
                "figures": figures,
                "href": link(page, index) if index.exists() else None,
                "past": past,
                "score": past[-1] if past else None,
            }
        )
    return rows
