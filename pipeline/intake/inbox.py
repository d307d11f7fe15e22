"""What waits, where a delivery's file is, and which files lie in no dataset's folder. What does not belong here: reading them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from pipeline.contract.references import reference_ranks
from pipeline.files import Refused, Scan, Waiting, landing_of, scan_inbox, settle, unescape_key
from pipeline.files.archive import MEMBER_FOLDER
from pipeline.ingest import sweep
from pipeline.intake.house import Intake
from pipeline.intake.originals import (
    NO_DATASET,
    REASON,
    OriginalUnavailable,
    find_original,
    open_original,
    quarantine_folder,
    quarantined_file,
    reason_given,
    take_back,
)
from pipeline.intake.unpack import is_zip, tidy_folders, unpack_zips
from pipeline.warehouse import Entry, Failures, PartFailed, Session


def wait_and_scan(
    intake: Intake, datasets: Collection[str] | None = None, failures: Failures | None = None
) -> Scan:
    """The inbox, after files that are still being written had the settle time to come to rest; zip files are unpacked, and their
    members wait in their place. What waits comes in the order in which it is to be taken: datasets that others refer to before
    those, else by name; within a dataset by delivery.

    Args:
        datasets: names of inbox folders to look at; all of them, known or not, when None.
        failures: takes the zip files that cannot be unpacked; when None they are among what is refused.

    Raises:
        OSError: the machine fails, for example the members of a zip do not fit on the disk.
    """
    intake.make_folders()
    sweep(intake.settings.staging)
    tidy_folders(intake, datasets)
    scan = settle(intake.settings.inbox, intake.settings.settle_seconds)
    if any(map(is_zip, scan.waiting)):
        found = Failures() if failures is None else failures
        done = unpack_zips(intake, scan.waiting, found, datasets)
        if done.unpacked or done.busy:
            scan = _without_new_zips(
                intake, settle(intake.settings.inbox, intake.settings.settle_seconds), done.kept
            )
        if failures is None:
            left = (
                Refused(intake.settings.inbox / one.dataset / one.name, f"{one.cause}. {one.remedy}")
                for one in found.found
            )
            scan = replace(scan, refused=(*scan.refused, *left))
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
    """The file of a delivery: the one that waits in the inbox, else the original of its current version or of a duplicate, else None
    (there is no such delivery). The quarantine is not looked at, see `taken_back`.

    Raises:
        OriginalUnavailable: it was taken, and its original cannot be read again.
    """
    relative = Path(unescape_key(delivery))
    waiting = intake.settings.inbox / dataset / relative
    if waiting.is_file():
        return landing_of(waiting, dataset, delivery)
    with intake.warehouse.session() as session:
        newest = next(iter(session.newest(dataset, delivery)), None)
        refused = newest if newest is not None and newest.status == "quarantined" else None
        entries = landed_as(session, dataset, delivery)
        if newest is not None and newest.status == "duplicate":
            entries.append(newest)
        found = [(entry, find_original(intake, session, entry)) for entry in entries]
    if refused is not None and not found:
        raise not_in_quarantine(intake, refused)
    if not found:
        return None
    entry, path = next((pair for pair in found if pair[1] is not None), found[0])
    return landing_of(open_original(intake, entry, path), dataset, delivery)


def taken_back(
    intake: Intake, dataset: str, deliveries: Collection[str] | None, unavailable: list[PartFailed]
) -> dict[str, str]:
    """Move files of a dataset from the quarantine back into the inbox: of the deliveries whose newest file was quarantined and lies
    there, as it came or mended since. One that a file of its name has followed is left.

    Args:
        deliveries: their keys; by default all.
        unavailable: those are added that cannot be had, such as one that is sealed, or was removed and is asked for.

    Returns:
        delivery → what it was quarantined for, as a word for programs.
    """
    with intake.warehouse.session() as session:
        refused = [
            entry
            for entry in session.newest(dataset)
            if entry.status == "quarantined" and (deliveries is None or entry.delivery in deliveries)
        ]
    done: dict[str, str] = {}
    for entry in refused:
        place = quarantined_file(intake, entry)
        if place is None:
            continue
        code = str(reason_given(place).get("code", "a reason that is not kept"))
        try:
            if take_back(intake, entry, place):
                done[entry.delivery] = code
            else:
                unavailable.append(_waits_already(entry))
        except OriginalUnavailable as error:
            unavailable.append(error.of(dataset, entry.delivery))
        except OSError as error:
            unavailable.append(_cannot_be_moved(entry, error))
    return done


def _waits_already(entry: Entry) -> PartFailed:
    cause = f"a newer file of that name waits in inbox/{entry.dataset}/"
    return OriginalUnavailable(cause, "It is taken first: `pipeline ingest`.").of(
        entry.dataset, entry.delivery
    )


def _cannot_be_moved(entry: Entry, error: OSError) -> PartFailed:
    cause = f"it cannot be moved from the quarantine into inbox/{entry.dataset}/ ({error})"
    return OriginalUnavailable(
        cause, "It is where it was. See to the permissions of both folders, and to the disk."
    ).of(entry.dataset, entry.delivery)


def of_deliveries(waiting: Iterable[Waiting], before: Mapping[str, str]) -> list[Waiting]:
    """Those of the files that were taken back, see `taken_back`; of a zip, its members."""
    found = []
    for file in waiting:
        key = file.delivery
        zipped = next((name for name in before if key.startswith(f"{name}{MEMBER_FOLDER}/")), None)
        if key in before or zipped is not None:
            found.append(replace(file, before=before[zipped or key]))
    return found


def not_in_quarantine(intake: Intake, entry: Entry) -> OriginalUnavailable:
    """What to say of a quarantined file that is asked for and gone."""
    return OriginalUnavailable(
        f"the file of {entry.dataset}/{entry.delivery} was quarantined ({entry.reason}), and is not in "
        f"{quarantine_folder(intake, entry)} any more",
        "Send it again.",
    )


def landed_as(session: Session, dataset: str, delivery: str) -> list[Entry]:
    """What was taken under a key and counts now: the current version of the delivery, then corrections of that name, newest
    first."""
    entry = session.current(dataset, delivery)
    corrections = [one for one in session.corrections(dataset) if one.delivery == delivery]
    return [*([entry] if entry is not None else []), *reversed(corrections)]


@dataclass(frozen=True)
class Stray:
    """A file that came in no dataset's folder.

    Attributes:
        path: where it is now.
        quarantined: whether that is the quarantine; else the inbox.
        meant: the dataset whose name is most like that of its folder, or of the file that lies in `inbox/` itself; None where none is.
    """

    path: Path
    quarantined: bool
    meant: str | None


def strays(intake: Intake, scan: Scan | None = None) -> list[Stray]:
    """The files that lie in no dataset's folder, in the inbox or quarantined from there, by path. The warehouse is not opened.

    Args:
        scan: of the inbox, where there is one already.
    """
    settings = intake.settings
    seen = scan_inbox(settings.inbox, 0) if scan is None else scan
    known = {*intake.datasets, *(one.name for one in intake.left_out if one.known)}
    found = [
        Stray(file.path, quarantined=False, meant=meant_by(intake, file.dataset, file.delivery))
        for file in (*seen.waiting, *seen.unsettled)
        if file.dataset not in known
    ]
    try:
        folders = [one for one in settings.quarantine.iterdir() if one.is_dir() and one.name not in known]
    except FileNotFoundError:
        folders = []
    for folder in folders:
        lain_in = "" if folder.name == NO_DATASET else folder.name
        found += [
            Stray(path, quarantined=True, meant=meant_by(intake, lain_in, path.name))
            for path in folder.rglob("*")
            if not path.name.startswith(".") and not path.name.endswith(REASON) and path.is_file()
        ]
    return sorted(found, key=lambda stray: str(stray.path))


def meant_by(intake: Intake, folder: str, name: str) -> str | None:
    """The dataset that was probably meant by a folder of this name, or by a file of this name that lies in `inbox/` itself."""
    words = "_".join(re.findall(r"[^\W\d_]+", folder.casefold() if folder else Path(name).stem.casefold()))
    within = [dataset for dataset in intake.datasets if dataset in words]
    if within:
        return max(within, key=len)
    return next(iter(get_close_matches(words, list(intake.datasets), n=1, cutoff=0.6)), None)
