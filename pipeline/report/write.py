"""Writing reports: after each delivery, and again whenever somebody asks.

What belongs here: which reports are written, and putting files in place whole. What does not: what they say.

A report is written once its delivery is committed and filed. A disk that is full fails the run as any fault of the machine does; what is
committed stays, and the end of the next run writes the reports that are missing.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC
from pathlib import Path

from pipeline.intake import Intake, Outcome, corrected_by
from pipeline.report.document import Document, document_of
from pipeline.report.paths import original_of, report_page
from pipeline.report.render import delivery_page
from pipeline.warehouse import Entry, Failures, told
from pipeline.warehouse.accounts import DeliveryAccount, accounts_of

_JSON = json.JSONEncoder(ensure_ascii=False).encode
_AT_ONCE = 100
_EVERY = 5.0


def write_reports(
    intake: Intake, dataset: str, deliveries: Collection[str], failures: Failures | None = None
) -> list[DeliveryAccount]:
    """Write the reports of these deliveries from the warehouse; keys that the ledger does not know are passed over.

    Args:
        dataset: its name, or the inbox folder's where there is no such dataset.
        deliveries: keys, a few hundred at a time.
        failures: takes what fails with one report while the others are written; without it that is raised at the end.

    Raises:
        PartsFailed: see `failures`. OSError: the disk is full. WarehouseBusy, WarehouseMissing: see `Warehouse.session`.
    """
    with intake.warehouse.session(read_only=True) as session:
        accounts = accounts_of(
            session, dataset, intake.datasets.get(dataset), list(dict.fromkeys(deliveries))
        )
    with told(failures) as aside:
        for account in accounts:
            with aside.aside("report", dataset, account.entry.delivery):
                _write(intake, account)
    return accounts


def write_outcomes(
    intake: Intake, outcomes: Iterable[Outcome], failures: Failures | None = None
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
                accounts = write_reports(intake, dataset, deliveries, aside)
                found |= {account.entry.id: account for account in accounts}
    return found


def reported(
    intake: Intake, outcomes: Iterator[Outcome], failures: Failures | None = None
) -> Iterator[Outcome]:
    """Outcomes as they come, some dozens at a time, each after its report was written.

    Raises:
        PartsFailed: reports could not be written, and `failures` is not there to take that; all outcomes were given.
    """
    waiting: list[Outcome] = []
    since = time.monotonic()
    with told(failures) as aside:
        for outcome in outcomes:
            waiting.append(outcome)
            if len(waiting) >= _AT_ONCE or time.monotonic() - since > _EVERY:
                write_outcomes(intake, waiting, aside)
                yield from waiting
                waiting, since = [], time.monotonic()
        write_outcomes(intake, waiting, aside)
        yield from waiting


def write_all_reports(intake: Intake, dataset: str, *, only_missing: bool = False) -> int:
    """Write the reports of a dataset's deliveries, or of those without one, some hundred at a time; returns how many."""
    written, after = 0, 0
    with told(None) as failures:
        while True:
            with intake.warehouse.session(read_only=True) as session:
                page = session.entries(dataset, after_seq=after, limit=_AT_ONCE)
            if not page:
                break
            after = page[-1].seq
            keys = missing_reports(intake, page) if only_missing else [entry.delivery for entry in page]
            written += len(write_reports(intake, dataset, keys, failures)) if keys else 0
    return written


def missing_reports(intake: Intake, entries: Sequence[Entry]) -> list[str]:
    """Keys of those deliveries whose report is not there, or is older than the ledger row: a process was killed, or a disk was full,
    between the commit and the report."""
    return [
        entry.delivery
        for entry in entries
        if entry.status not in ("replaced", "removed")
        and _written_at(report_page(intake.settings, entry.dataset, entry.delivery))
        < entry.committed_at.replace(tzinfo=UTC).timestamp()
    ]


def put(path: Path, text: str) -> None:
    """Write a file whole: readers see what was there before or all of it."""
    content = text.encode()
    part = os.path.join(path.parent, f".{os.getpid()}-{threading.get_ident()}.part")  # noqa: PTH118  (a third of the time)
    try:
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


def _write(intake: Intake, account: DeliveryAccount) -> None:
    entry = account.entry
    page = report_page(intake.settings, entry.dataset, entry.delivery)
    # What was loaded again from the archive lies where it was put the first time.
    same = [entry, *(one for one in account.versions if one.sha256 == entry.sha256 and one.id != entry.id)]
    original = next((path for one in same if (path := original_of(intake, one)) is not None), None)
    document = document_of(account, page, original)
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
