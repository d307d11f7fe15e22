"""What waits, and where a delivery's file is. What does not belong here: doing anything with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pipeline.contract.references import reference_ranks
from pipeline.files import Scan, Waiting, hash_file, landing_of, settle, unescape_key
from pipeline.ingest import sweep
from pipeline.intake.house import Intake
from pipeline.intake.unpack import is_zip, tidy_folders, unpack_zips
from pipeline.warehouse import Entry, Session


def wait_and_scan(intake: Intake, datasets: Collection[str] | None = None) -> Scan:
    """The inbox, after files that are still being written had the settle time to come to rest; zip files are unpacked, and their
    members wait in their place. What waits comes in the order in which it is to be taken: datasets that others refer to before
    those, else by name; within a dataset by delivery.

    Args:
        datasets: names of inbox folders to look at; all of them, known or not, when None.

    Raises:
        OSError: the machine fails, for example the members of a zip do not fit on the disk.
    """
    intake.make_folders()
    sweep(intake.settings.staging)
    tidy_folders(intake, datasets)
    scan = settle(intake.settings.inbox, intake.settings.settle_seconds)
    if any(map(is_zip, scan.waiting)):
        done = unpack_zips(intake, scan.waiting, datasets)
        if done.unpacked or done.busy:
            scan = _without_new_zips(
                intake, settle(intake.settings.inbox, intake.settings.settle_seconds), done.kept
            )
    ranks = reference_ranks(intake.datasets)
    waiting = sorted(
        scan.waiting, key=lambda item: (ranks.get(item.dataset, len(ranks)), item.dataset, item.delivery)
    )
    if datasets is None:
        return replace(scan, waiting=tuple(waiting))
    return replace(
        scan,
        waiting=tuple(w for w in waiting if w.dataset in datasets),
        unsettled=tuple(w for w in scan.unsettled if w.dataset in datasets),
    )


def _without_new_zips(intake: Intake, scan: Scan, looked_at: Collection[Waiting]) -> Scan:
    """A zip that came meanwhile, or that another process unpacks, is left for the next run."""
    known = {item.landing for item in looked_at}
    later = tuple(
        item
        for item in scan.waiting
        if is_zip(item) and item.dataset in intake.datasets and item.landing not in known
    )
    waiting = tuple(item for item in scan.waiting if item not in later)
    return replace(scan, waiting=waiting, unsettled=(*scan.unsettled, *later))


def find_delivery(intake: Intake, dataset: str, delivery: str) -> Waiting | None:
    """The file of a delivery: the one that waits in the inbox, else its current version in the archive, else None."""
    relative = Path(unescape_key(delivery))
    waiting = intake.settings.inbox / dataset / relative
    if waiting.is_file():
        return landing_of(waiting, dataset, delivery)
    with intake.warehouse.session() as session:
        entries = landed_as(session, dataset, delivery)
        found = [archived_file(intake, entry, session.commit_times(entry)) for entry in entries]
    archived = next((path for path in found if path is not None), None)
    return None if archived is None else landing_of(archived, dataset, delivery)


def landed_as(session: Session, dataset: str, delivery: str) -> list[Entry]:
    """What was taken under a key and counts now: the current version of the delivery, then corrections of that name, newest
    first."""
    entry = session.current(dataset, delivery)
    corrections = [one for one in session.corrections(dataset) if one.delivery == delivery]
    return [*([entry] if entry is not None else []), *reversed(corrections)]


def archive_folder(intake: Intake, entry: Entry, committed_at: datetime | None = None) -> Path:
    """`archive/<dataset>/YYYY/MM/DD/`, by the day of the commit (UTC)."""
    return intake.settings.archive / entry.dataset / f"{committed_at or entry.committed_at:%Y/%m/%d}"


def archived_file(intake: Intake, entry: Entry, times: Iterable[datetime] = ()) -> Path | None:
    """The archived original of a ledger entry, told from others of its name by its content; None when it is gone.

    Args:
        times: when this version was committed (`Session.commit_times`): one that was loaded again lies where it lay the first time.
    """
    folders = dict.fromkeys(archive_folder(intake, entry, moment) for moment in (None, *times))
    found = (_archived_in(folder, entry) for folder in folders)
    return next((path for path in found if path is not None), None)


def _archived_in(folder: Path, entry: Entry) -> Path | None:
    path = folder / unescape_key(entry.delivery)
    twins = (
        sorted(path.parent.glob(f"{_literal(path.stem)}~*{_literal(path.suffix)}"))
        if path.parent.is_dir()
        else []
    )
    for candidate in (path, *twins):
        if (
            candidate.is_file()
            and candidate.stat().st_size == entry.bytes
            and hash_file(candidate) == entry.sha256
        ):
            return candidate
    return None


def _literal(text: str) -> str:
    """`text` for a glob pattern, its special characters taken literally."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)
