"""What waits, and where a delivery's file is. What does not belong here: doing anything with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from pipeline.contract.references import reference_ranks
from pipeline.files import Scan, Waiting, landing_of, settle, unescape_key
from pipeline.ingest import sweep
from pipeline.intake.house import Intake
from pipeline.intake.originals import find_original, open_original
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
    """The file of a delivery: the one that waits in the inbox, else the original of its current version, else None (there is no such
    delivery).

    Raises:
        OriginalUnavailable: it is loaded, and its original cannot be read again.
    """
    relative = Path(unescape_key(delivery))
    waiting = intake.settings.inbox / dataset / relative
    if waiting.is_file():
        return landing_of(waiting, dataset, delivery)
    with intake.warehouse.session() as session:
        entries = landed_as(session, dataset, delivery)
        found = [(entry, find_original(intake, session, entry)) for entry in entries]
    if not found:
        return None
    entry, path = next((pair for pair in found if pair[1] is not None), found[0])
    return landing_of(open_original(intake, entry, path), dataset, delivery)


def landed_as(session: Session, dataset: str, delivery: str) -> list[Entry]:
    """What was taken under a key and counts now: the current version of the delivery, then corrections of that name, newest
    first."""
    entry = session.current(dataset, delivery)
    corrections = [one for one in session.corrections(dataset) if one.delivery == delivery]
    return [*([entry] if entry is not None else []), *reversed(corrections)]
