"""Writing reports: after each delivery, and again whenever somebody asks.

What belongs here: which reports are written, and putting files in place whole. What does not: what they say.

A report is written once its delivery is committed and filed. A disk that is full fails the run as any fault of the machine does; what is
committed stays, and the end of the next run writes the reports that are missing. Its JSON begins with the `state` that it tells of, so that
one that the ledger has left behind is known, whatever has changed the delivery.

The workbook of the rows that are still rejected lies beside each report: made, made anew and taken away with it. A workbook takes as long
as the ingest of a small file, so a run makes only so many (`Workbooks`); the end of the next runs make those that are missing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from pipeline.errors import CannotExport, write_saved
from pipeline.ingest.staging import new_part
from pipeline.intake import Intake, Outcome, corrected_by
from pipeline.machine import written_to
from pipeline.report.corrections import correction_document
from pipeline.report.document import MOST_ROWS, Document, document_of, open_errors, open_rows, state_of
from pipeline.report.paths import changes_of, original_of, report_page, workbook_of
from pipeline.report.render import delivery_page
from pipeline.warehouse import Entry, Failures, Session, told
from pipeline.warehouse.accounts import DeliveryAccount, accounts_of, shown_version
from pipeline.warehouse.ledger import CURRENT
from pipeline.warehouse.rejected import Rejected, save_rejected

_JSON = json.JSONEncoder(ensure_ascii=False).encode
_AT_ONCE = 100
_EVERY = 5.0
_HEAD = 1_000
_STATE = re.compile(rb'"state": "([^"]*)"')


@dataclass
class Workbooks:
    """What a run may spend on workbooks: how many, and rows in all of them. The newest deliveries come first at its end."""

    files: int = 20
    rows: int = 50_000

    def take(self, entry: Entry) -> bool:
        """Whether one may be made of this delivery; then it counts."""
        if self.files <= 0 or self.rows < entry.rows_refused:
            return False
        self.files -= 1
        self.rows -= entry.rows_refused
        return True


def write_reports(
    intake: Intake,
    dataset: str,
    deliveries: Collection[str],
    failures: Failures | None = None,
    workbooks: Workbooks | None = None,
) -> list[DeliveryAccount]:
    """Write the reports of these deliveries from the warehouse, with their workbooks; keys that the ledger does not know are passed over.

    Args:
        dataset: its name, or the inbox folder's where there is no such dataset.
        deliveries: keys, a few hundred at a time.
        failures: takes what fails with one report while the others are written; without it that is raised at the end.
        workbooks: what the run may still spend on them; without it all are made.

    Raises:
        PartsFailed: see `failures`. OSError: the disk is full. WarehouseBusy, WarehouseMissing: see `Warehouse.session`.
    """
    with told(failures) as aside, ExitStack() as scratch:
        with intake.warehouse.session(read_only=True) as session:
            accounts = accounts_of(
                session, dataset, intake.datasets.get(dataset), list(dict.fromkeys(deliveries))
            )
            entries = [account.entry for account in accounts]
            saved = _save_open(intake, session, entries, workbooks, aside, scratch)
        for account in accounts:
            with aside.aside("report", dataset, account.entry.delivery):
                _write(intake, account, saved.get(account.entry.id), aside)
    return accounts


def write_outcomes(
    intake: Intake,
    outcomes: Iterable[Outcome],
    failures: Failures | None = None,
    workbooks: Workbooks | None = None,
) -> dict[str, DeliveryAccount]:
    """Write the reports of deliveries that were just committed, and anew those of deliveries whose rows were corrected. Ledger id → the
    account that its report tells."""
    by_dataset: dict[str, list[str]] = {}
    entries = [outcome.entry for outcome in outcomes]
    for entry in (*entries, *corrected_by(intake, entries)):
        by_dataset.setdefault(entry.dataset, []).append(entry.delivery)
    found: dict[str, DeliveryAccount] = {}
    with told(failures) as aside:
        for dataset, deliveries in by_dataset.items():
            with aside.aside("report", dataset, opens=True):
                accounts = write_reports(intake, dataset, deliveries, aside, workbooks)
                found |= {account.entry.id: account for account in accounts}
    return found


def reported(
    intake: Intake,
    outcomes: Iterator[Outcome],
    failures: Failures | None = None,
    workbooks: Workbooks | None = None,
) -> Iterator[Outcome]:
    """Outcomes as they come, some dozens at a time, each after its report was written, or could not be: what was taken is told all the
    same.

    Raises:
        PartsFailed: reports could not be written, and `failures` is not there to take that; all outcomes were given.
    """
    waiting: list[Outcome] = []
    since, workbooks = time.monotonic(), workbooks or Workbooks()
    with told(failures) as aside:
        for outcome in outcomes:
            waiting.append(outcome)
            if len(waiting) >= _AT_ONCE or time.monotonic() - since > _EVERY:
                yield from _once_written(intake, waiting, aside, workbooks)
                waiting, since = [], time.monotonic()
        yield from _once_written(intake, waiting, aside, workbooks)


def _once_written(
    intake: Intake, waiting: Sequence[Outcome], aside: Failures, workbooks: Workbooks
) -> Iterator[Outcome]:
    try:
        write_outcomes(intake, waiting, aside, workbooks)
    except Exception:
        yield from waiting  # they are committed
        raise
    yield from waiting


def write_all_reports(intake: Intake, dataset: str, *, only_missing: bool = False) -> int:
    """Write the reports of a dataset's deliveries, or of those without one or without its workbook, some hundred at a time; returns
    how many."""
    written, after = 0, 0
    with told(None) as failures:
        while True:
            with intake.warehouse.session(read_only=True) as session:
                page = session.entries(dataset, after_seq=after, limit=_AT_ONCE)
            if not page:
                break
            after = page[-1].seq
            keys = [entry.delivery for entry in page]
            if only_missing:
                keys = [*missing_reports(intake, page), *missing_workbooks(intake, page)]
            written += len(write_reports(intake, dataset, keys, failures)) if keys else 0
    return written


def missing_reports(intake: Intake, entries: Sequence[Entry]) -> list[str]:
    """Keys of those deliveries whose report is not there or tells of another state than the ledger's: a process was killed, or a disk was
    full, between the commit and the report; or something else has changed the delivery: a newer file that took its keys, retention.

    Args:
        entries: rows of the ledger, of one dataset.
    """
    versions: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda one: one.seq, reverse=True):
        versions.setdefault(entry.delivery, []).append(entry)
    return [key for key, known in versions.items() if _is_missing(intake, shown_version(known))]


def missing_workbooks(intake: Intake, entries: Iterable[Entry]) -> list[str]:
    """Keys of those deliveries that are to have a workbook and have none: the runs so far had others to make."""
    return [
        entry.delivery
        for entry in entries
        if _has_workbook(intake, entry)
        and not workbook_of(report_page(intake.settings, entry.dataset, entry.delivery)).exists()
    ]


def _is_missing(intake: Intake, entry: Entry) -> bool:
    if entry.status == "replaced":
        return False  # its newer version is told of
    page = report_page(intake.settings, entry.dataset, entry.delivery)
    if entry.status == "duplicate":
        # What it is the same as may be a version of its own key that is not among the entries: then that is what its report tells of.
        return _written_at(page) < entry.committed_at.replace(tzinfo=UTC).timestamp()
    return _recorded_state(page.with_suffix(".json")) != state_of(entry) or not page.exists()


def _recorded_state(document: Path) -> str | None:
    """The state of its delivery that a report tells of, without reading all of it."""
    try:
        with document.open("rb", buffering=0) as file:
            found = _STATE.search(file.read(_HEAD))
    except OSError:
        return None
    return found[1].decode(errors="replace") if found else None


def _has_workbook(intake: Intake, entry: Entry) -> bool:
    return entry.dataset in intake.datasets and 0 < open_rows(entry) <= MOST_ROWS


def put(path: Path, content: str | bytes) -> None:
    """Write a file whole: readers see what was there before or all of it."""
    content = content.encode() if isinstance(content, str) else content
    part = os.path.join(path.parent, f".{os.getpid()}-{threading.get_ident()}.part")  # noqa: PTH118  (a third of the time)
    try:
        with written_to(path.parent):
            try:
                _fill(part, content)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                _fill(part, content)
        os.replace(part, path)  # noqa: PTH105
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _fill(path: str, content: bytes) -> None:
    with open(path, "wb", buffering=0) as file:  # noqa: PTH123
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest) :]


def _save_open(
    intake: Intake,
    session: Session,
    entries: Sequence[Entry],
    workbooks: Workbooks | None,
    failures: Failures,
    scratch: ExitStack,
) -> dict[str, tuple[Path, Rejected]]:
    """Copy the open error rows of those deliveries that get a workbook now out of the warehouse: ledger id → the copy. It goes with
    `scratch`, or is swept from `staging/` where a killed process leaves it."""
    saved: dict[str, tuple[Path, Rejected]] = {}
    for entry in entries:
        if not _has_workbook(intake, entry) or not (workbooks is None or workbooks.take(entry)):
            continue
        with failures.aside("workbook", entry.dataset, entry.delivery):
            folder = new_part(intake.settings.staging)
            scratch.callback(shutil.rmtree, folder, ignore_errors=True)
            rejected = save_rejected(session, entry.dataset, folder / "rows.parquet", [entry.delivery])
            if rejected is not None:
                saved[entry.id] = (folder / "rows.parquet", rejected)
    return saved


def _renew_workbook(
    intake: Intake, entry: Entry, page: Path, saved: tuple[Path, Rejected] | None
) -> str | None:
    """Make the workbook of a delivery's open errors, or take it away where there is none to make: what lies there is never of another
    state than the report. Returns why there can be none, if so."""
    target, why = workbook_of(page), None
    if saved is not None:
        rows, rejected = saved
        made = rows.with_name("made.xlsx")
        try:
            write_saved(rows, made, intake.datasets[entry.dataset], rejected)
            put(target, made.read_bytes())
            return None
        except CannotExport as error:
            why = str(error)
    _take_away(target)
    return why


def _take_away(path: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()


def _write(
    intake: Intake, account: DeliveryAccount, saved: tuple[Path, Rejected] | None, failures: Failures
) -> None:
    entry = account.entry
    page = report_page(intake.settings, entry.dataset, entry.delivery)
    why = None
    with failures.aside("workbook", entry.dataset, entry.delivery):
        why = _renew_workbook(intake, entry, page, saved)
    # What was loaded again from the archive lies where it was put the first time.
    same = [entry, *(one for one in account.versions if one.sha256 == entry.sha256 and one.id != entry.id)]
    original = next((path for one in same if (path := original_of(intake, one)) is not None), None)
    inbox = intake.settings.inbox / entry.dataset
    correction, changes = None, None
    if entry.is_correction and entry.status in CURRENT and entry.dataset in intake.datasets:
        correction, changes = correction_document(intake, entry, page, original)
    if changes is None:
        _take_away(changes_of(page))
    else:
        put(changes_of(page), changes)
    document = document_of(account, page, original, open_errors(entry, page, inbox, why), correction)
    put(page.with_suffix(".json"), _as_json(document))
    put(page, delivery_page(document))  # last: what is missing is told by the page


def _as_json(document: Document) -> str:
    """A line for each part: it can be looked at, and is written ten times as fast as when all is indented."""
    parts = (f"{_JSON(name)}: {_JSON(value)}" for name, value in document.items())
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _written_at(page: Path) -> float:
    try:
        return page.stat().st_mtime
    except FileNotFoundError:
        return 0.0
