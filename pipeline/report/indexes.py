"""The pages over deliveries: of each dataset, newest first, and over all datasets.

What belongs here: gathering them, bounded however long the history is, once at the end of a run. What does not: a delivery's report.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.files.names import shown
from pipeline.intake import Intake, lying_in_quarantine
from pipeline.report import charts
from pipeline.report.paths import WINDOWS, index_page, link, report_page, window_page
from pipeline.report.render import dataset_page, home_page
from pipeline.report.windows import tidy_windows, write_windows
from pipeline.report.write import Workbooks, missing_reports, missing_workbooks, put, write_reports
from pipeline.warehouse import Entry, Failures, Retained, Session, quality, told
from pipeline.warehouse.overview import DatasetFigures, dataset_figures, known_datasets, latest_entries

LISTED = 500
"""Deliveries that a page lists; the ledger has them all."""

_CHARTED, _SPARK = 200, 40
_AT_ONCE = 100


def renew_reports(
    intake: Intake, dataset: str, deliveries: Sequence[str], failures: Failures | None = None
) -> None:
    """Write the reports of deliveries that have changed without a file of theirs having come, and the pages over them.

    Raises:
        PartsFailed, OSError, WarehouseBusy: see `write_indexes`.
    """
    workbooks = Workbooks()
    with told(failures) as aside:
        for start in range(0, len(deliveries), _AT_ONCE):
            write_reports(intake, dataset, deliveries[start : start + _AT_ONCE], aside, workbooks)
        if deliveries:
            write_indexes(intake, [dataset], aside, workbooks)


def renew_windows(
    intake: Intake, windows: Iterable[tuple[str, str]], failures: Failures | None = None
) -> None:
    """Write the pages of windows, (dataset, name), that were computed; where one of them is new, the pages over them too.

    Raises:
        PartsFailed, OSError, WarehouseBusy: see `write_indexes`.
    """
    named = list(windows)
    with told(failures) as aside:
        if write_windows(intake, named, aside):
            write_indexes(intake, {dataset for dataset, _ in named}, aside, Workbooks(files=0))


def renew_after_retention(intake: Intake, done: Retained, failures: Failures | None = None) -> None:
    """Write anew what shows rows and windows that retention has deleted, or windows that it has computed before.

    Raises:
        PartsFailed, OSError, WarehouseBusy: see `write_indexes`.
    """
    changed = {*done.windows, *(one.window for one in done.recomputed)}
    with told(failures) as aside:
        renew_windows(intake, ((done.dataset, name) for name in sorted(changed)), aside)
        if done.rows:
            write_indexes(intake, [done.dataset], aside)


def write_indexes(
    intake: Intake,
    datasets: Collection[str],
    failures: Failures | None = None,
    workbooks: Workbooks | None = None,
) -> None:
    """Write the pages of these datasets and the one over all; before that, of every dataset, the reports that are missing or left behind
    among the deliveries that its page lists, and workbooks that runs before had no time for. Does nothing without a warehouse.

    Args:
        failures: takes what fails with one report or page while the others are written; without it that is raised at the end.
        workbooks: what the run may still spend on them; when not given, what a run of its own may.

    Raises:
        PartsFailed: see `failures`. OSError: the disk is full. WarehouseBusy: see `Warehouse.session`.
    """
    if not intake.warehouse.path.exists():
        return
    without: list[tuple[str, str]] = []
    with told(failures) as aside:
        with intake.warehouse.session(read_only=True) as session:
            listed = {name: latest_entries(session, LISTED, name) for name in known_datasets(session)}
            touched, workbooks = set(datasets) & set(listed), workbooks or Workbooks()
            for name in sorted(touched & set(intake.datasets)):
                with aside.aside("report", name, WINDOWS):
                    without += tidy_windows(intake, session, name)
        for name, entries in listed.items():
            lacking: list[str] = []
            with aside.aside("report", name):
                lacking = _lacking(intake, entries, workbooks)
            for start in range(0, len(lacking), _AT_ONCE):
                with aside.aside("report", name, opens=True):
                    write_reports(intake, name, lacking[start : start + _AT_ONCE], aside, workbooks)
            if lacking or not index_page(intake.settings, name).exists():
                touched.add(name)
        write_windows(intake, without, aside)
        with intake.warehouse.session(read_only=True) as session:
            pages: dict[Path, str] = {}
            figures = dataset_figures(session, lambda refused: len(lying_in_quarantine(intake, refused)))
            for name in sorted(touched):
                with aside.aside("report", name, "index"):
                    pages[index_page(intake.settings, name)] = _of_dataset(
                        intake, session, figures[name], listed[name]
                    )
            with aside.aside("report", "", "index"):
                pages[index_page(intake.settings)] = home_page(
                    datasets=_of_all(intake, session, figures),
                    modules=[one.cause for one in intake.waits() if one.part == "module"],
                    inbox=_inbox(intake),
                )
        for page, text in pages.items():
            with aside.aside("report", "", page.relative_to(intake.settings.reports).as_posix()):
                put(page, text)


def _lacking(intake: Intake, entries: Sequence[Entry], workbooks: Workbooks) -> list[str]:
    """Deliveries whose report is to be written, or written again because it gets its workbook now."""
    without = missing_workbooks(intake, entries)[: max(0, workbooks.files)]
    return list(dict.fromkeys([*missing_reports(intake, entries), *without]))


def _of_dataset(intake: Intake, session: Session, figures: DatasetFigures, entries: list[Entry]) -> str:
    name = figures.dataset
    scores = quality.of_entries(session.connection, [entry.id for entry in entries])
    page = index_page(intake.settings, name)
    current = [entry for entry in entries if entry.status not in ("replaced", "removed")]
    scored = [scores[entry.id] for entry in reversed(entries) if entry.id in scores]
    points = [(one.delivery, one.quality) for one in scored if one.quality is not None][-_CHARTED:]
    dataset = intake.datasets.get(name)
    return dataset_page(
        name=name,
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
            for entry in current
        ],
        more=len(entries) == LISTED,
        windows=_windows(intake, name, page),
        inbox=_inbox(intake, name) if dataset else None,
    )


def _windows(intake: Intake, dataset: str, page: Path) -> list[dict[str, str]]:
    """Names of a dataset's windows, and where their pages are."""
    declared = intake.datasets.get(dataset)
    pages = (
        {one.name: window_page(intake.settings, dataset, one.name) for one in declared.windows}
        if declared
        else {}
    )
    return [{"name": name, "href": link(page, target)} for name, target in pages.items() if target.exists()]


def _inbox(intake: Intake, dataset: str = "") -> str:
    """The folder that a person drops files into, as it is typed."""
    return shown((intake.settings.inbox / dataset).absolute())


def _of_all(intake: Intake, session: Session, found: dict[str, DatasetFigures]) -> list[dict[str, Any]]:
    page, rows = index_page(intake.settings), []
    waits = {one.dataset: one.cause for one in intake.waits() if one.part == "dataset"}
    known = {name: DatasetFigures(name, 0, 0, 0, 0, None) for name in (*intake.datasets, *waits)}
    for name, figures in sorted((known | found).items()):
        past = [
            one.quality for one in quality.newest(session.connection, name, _SPARK) if one.quality is not None
        ]
        rows.append(
            {
                "figures": figures,
                "href": link(page, index_page(intake.settings, name)) if figures.last_commit else None,
                "inbox": _inbox(intake, name) if name in intake.datasets else None,
                "waits": waits.get(name),
                "windows": _windows(intake, name, page) if figures.last_commit else [],
                "past": past,
                "score": past[-1] if past else None,
            }
        )
    return rows
