"""Committing staged files one after another, and putting each original away.

What belongs here: the order of commit and filing, and what is done again after a crash. What does not: the transaction
itself (`warehouse.commit`).

A file's way: commit (or a ledger row with the reason), then the original into archive or quarantine, then the staged
folder away. Killed in between, the next run meets the file in the inbox once more, finds its landing in the ledger, and
goes on with the filing: nothing is loaded twice.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path, PurePosixPath

from pipeline.contract import ContractError
from pipeline.counts import counted
from pipeline.files import Waiting, hash_file, unchanged
from pipeline.files.names import place_below, printable, shown
from pipeline.ingest import discard, source_records
from pipeline.intake.house import Intake
from pipeline.intake.inbox import landed_as
from pipeline.intake.originals import (
    NO_DATASET,
    drop_copy,
    find_original,
    forget_quarantined,
    is_copy,
    put_in_archive,
    put_in_quarantine,
    reason_file,
    without_recipients,
)
from pipeline.intake.prepare import Prepared, Problem
from pipeline.warehouse import (
    ContractChanged,
    CorrectionRefused,
    DeliveryRefused,
    Entry,
    Failures,
    ReconciliationError,
    Session,
    told,
)

_HOLD_SECONDS = 3.0


@dataclass(frozen=True)
class Outcome:
    """What became of a waiting file.

    Attributes:
        dataset: its dataset (or folder, where there is no such dataset).
        delivery: its key.
        entry: its row of the ledger; status loaded, partial, quarantined or duplicate.
        kept_at: where the original is now; None when its dataset keeps none, when it was sealed in the archive already, or
            changed while it was committed and stays in the inbox to be taken again.
        left: why it lies in the inbox still, though it is in the ledger; None where it does not.
        again: what it came to, for people, where it was taken once more from the archive or the quarantine; else None.
    """

    dataset: str
    delivery: str
    entry: Entry
    kept_at: Path | None
    left: str | None = None
    again: str | None = None


def commit(
    intake: Intake,
    prepared: Iterable[Prepared],
    run_id: str | None = None,
    failures: Failures | None = None,
) -> Iterator[Outcome]:
    """Commit files in the order given. Postponed ones are passed over, and those that somebody took away or wrote to since
    they were staged: what is in the inbox then is taken the next time.

    The warehouse is opened for a few seconds at most at a time, and the iterator is advanced while it is open only for
    what a list holds ready: give a list where files are ready, an iterator to commit each as it comes.

    Args:
        failures: takes what fails with one file or one dataset, while the others go on; without it that is raised at the end.

    Raises:
        PartsFailed: see `failures`. WarehouseBusy: another process held the warehouse too long. OSError, duckdb.Error: the machine fails.
    """
    with told(failures) as aside:
        if isinstance(prepared, list):
            yield from _commit(intake, prepared, run_id, aside)
            return
        for item in prepared:
            yield from _commit(intake, [item], run_id, aside)


def _commit(
    intake: Intake, prepared: Sequence[Prepared], run_id: str | None, failures: Failures
) -> Iterator[Outcome]:
    failures.add(item.failure for item in prepared if item.failure is not None)
    remaining = [item for item in prepared if item.postponed is None]
    left = without_recipients(intake, [item.waiting.dataset for item in remaining], failures)
    remaining = [item for item in remaining if item.waiting.dataset not in left]
    while remaining:
        done: list[tuple[Prepared, Entry]] = []
        began = datetime.now(UTC).replace(tzinfo=None)
        with intake.warehouse.session() as session:
            until = time.monotonic() + _HOLD_SECONDS
            while remaining and (not done or time.monotonic() < until):
                item = remaining.pop(0)
                with failures.aside("file", item.waiting.dataset, item.waiting.delivery):
                    if _in_archive(intake, item) or unchanged(item.waiting):
                        done += _recorded(intake, session, item, run_id, failures)
            session.publish(_without_windows(intake, done), failures)
        for item, entry in done:
            yield _filed(intake, item, entry, failures, fresh=entry.committed_at >= began)


def _recorded(
    intake: Intake, session: Session, item: Prepared, run_id: str | None, failures: Failures
) -> list[tuple[Prepared, Entry]]:
    """`_record`; nothing where the dataset's declaration or table does not fit, which is told once, not for each of its files."""
    try:
        return [_record(intake, session, item, run_id)]
    except (ContractChanged, ContractError) as error:
        failures.take(error, "dataset", item.waiting.dataset, remedy=intake.stays(item.waiting.dataset))
        return []


def _filed(intake: Intake, item: Prepared, entry: Entry, failures: Failures, *, fresh: bool) -> Outcome:
    """Put a file away. One that cannot be is told as a failure by the run that committed it; every later run that meets it says that it
    lies there still."""
    found = Failures()
    kept_at: Path | None = None
    with found.aside("file", entry.dataset, entry.delivery):
        kept_at = _put_away(intake, item, entry)
    if fresh:
        failures.add(found.found)
    left = "; ".join(one.cause for one in found.found) or None
    again = _again(intake, item, entry, fresh=fresh)
    return Outcome(entry.dataset, entry.delivery, entry, kept_at, left, again)


def _again(intake: Intake, item: Prepared, entry: Entry, *, fresh: bool) -> str | None:
    """What a file came to that was taken once more, from the archive or the quarantine."""
    before = item.waiting.before
    if before is None and not _in_archive(intake, item):
        return None
    if entry.status == "quarantined":
        text = f"quarantined for {item.problem.code if item.problem else 'what was found at the commit'}"
    elif entry.status == "duplicate":
        text = f"nothing changed: {entry.reason}"
    elif entry.is_correction:
        text = f"correction taken: {entry.reason}"
    elif fresh or before is not None:
        text = f"loaded {entry.rows_clean:,} of {counted(entry.rows_read, 'row')}"
    else:
        text = "nothing changed: these bytes are loaded under the contract of now"
    return text if before is None else f"{text}; quarantined before for {before}"


def _without_windows(intake: Intake, done: list[tuple[Prepared, Entry]]) -> set[str]:
    """The datasets of committed files after which no recomputation follows that would publish them."""
    names = {entry.dataset for _, entry in done}
    return {name for name in names if name in intake.datasets and not intake.datasets[name].windows}


def _record(intake: Intake, session: Session, item: Prepared, run_id: str | None) -> tuple[Prepared, Entry]:
    """The file, with the problem that the commit found where it did, and its entry."""
    if item.staged is None:
        item = _told_from_quarantine(intake, item)
        return item, _quarantine(session, item, run_id)
    half_moved = _half_moved(intake, session, item)
    if half_moved is not None:
        return item, half_moved
    dataset = intake.datasets[item.waiting.dataset]
    try:
        entry = session.commit(
            item.staged,
            run_id=run_id,
            records=partial(source_records, dataset=dataset, settings=intake.settings),
            replay=_in_archive(intake, item),
        )
    except DeliveryRefused as error:
        problem = Problem(error.code, error.cause, error.remedy, error.counts)
    except CorrectionRefused as error:
        remedy = "Export the errors as they are now, and correct those."
        problem = Problem("correction_refused", str(error), remedy)
    except ReconciliationError as error:
        # The rows do not add up: nothing of the file is shown, and the other files go on.
        remedy = "Please report it with the file; nothing of it was loaded."
        problem = Problem("not_reconciled", str(error), remedy)
    else:
        return item, entry
    refused = _told_from_quarantine(intake, replace(item, problem=problem))
    return refused, _quarantine(session, refused, run_id)


def _told_from_quarantine(intake: Intake, item: Prepared) -> Prepared:
    """The file, with the remedy for the place where it will lie, so that a command that it names can be typed."""
    if item.problem is None or _in_archive(intake, item):
        return item
    here, there = (
        shlex.quote(str(path)) for path in (item.waiting.path, _quarantine_place(intake, item.waiting))
    )
    return replace(item, problem=replace(item.problem, remedy=item.problem.remedy.replace(here, there)))


def _half_moved(intake: Intake, session: Session, item: Prepared) -> Entry | None:
    """The entry of a file that an interrupted move left both here and in the archive: one file with two names."""
    if item.waiting.path.stat().st_nlink < 2:
        return None
    for entry in landed_as(session, item.waiting.dataset, item.waiting.delivery):
        archived = find_original(intake, session, entry)
        if archived is not None and archived.samefile(item.waiting.path):
            return entry
    return None


def _quarantine(session: Session, item: Prepared, run_id: str | None) -> Entry:
    waiting = item.waiting
    assert item.problem is not None
    return session.record_quarantine(
        waiting.dataset,
        waiting.delivery,
        PurePosixPath(waiting.delivery).name,
        printable(item.problem.reason),
        bytes=waiting.size,
        sha256=hash_file(waiting.path),
        landing=waiting.landing,
        run_id=run_id,
    )


def _in_archive(intake: Intake, item: Prepared) -> bool:
    path = item.waiting.path
    return path.is_relative_to(intake.settings.archive) or is_copy(intake, path)


def _put_away(intake: Intake, item: Prepared, entry: Entry) -> Path | None:
    waiting, settings = item.waiting, intake.settings
    kept_at: Path | None = waiting.path
    if not _in_archive(intake, item) and not unchanged(waiting):
        kept_at = None
    elif not _in_archive(intake, item):
        if entry.status == "quarantined":
            kept_at = _to_quarantine(intake, _quarantine_place(intake, waiting), item, entry)
        else:
            relative = waiting.path.relative_to(settings.inbox / waiting.dataset)
            kept_at = put_in_archive(intake, waiting.path, relative, entry)
            forget_quarantined(intake, entry)
    elif is_copy(intake, waiting.path):
        drop_copy(intake, waiting.path)
        kept_at = None
    if item.staged is not None:
        discard(item.staged.folder)
    return kept_at


def _quarantine_place(intake: Intake, waiting: Waiting) -> Path:
    relative = waiting.path.relative_to(intake.settings.inbox / waiting.dataset)
    return place_below(intake.settings.quarantine / (waiting.dataset or NO_DATASET), relative)


def _to_quarantine(intake: Intake, target: Path, item: Prepared, entry: Entry) -> Path:
    kept_at = put_in_quarantine(intake, item.waiting.path, target, entry)
    reason = {
        "file": shown(kept_at.name),
        "dataset": entry.dataset,
        "delivery": entry.delivery,
        "code": item.problem.code
        if item.problem
        else "refused_at_commit",  # recorded by a run that was killed then
        "cause": printable(item.problem.cause) if item.problem else entry.reason,
        "remedy": item.problem.remedy if item.problem else "",
        "rejects": [asdict(one) for one in item.problem.counts] if item.problem else [],
        "sha256": entry.sha256,
        "ledger_id": entry.id,
        "quarantined_at": entry.committed_at.isoformat() + "Z",
    }
    beside = reason_file(kept_at)
    beside.write_text(json.dumps(reason, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return kept_at
