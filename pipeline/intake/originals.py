"""Originals that have left the inbox: kept, sealed or deleted as their dataset says; and having one back.

What belongs here: what becomes of an original after its rows are loaded or it was refused, where it lies then, reading it again. What
does not: deciding when (`commit`), sealing itself (`files.sealing`).

A sealed original is called by its ledger row, `<name>.<id>.age`: its content does not tell which it is. Whatever happens in
between, an original leaves the inbox only after the commit is durable and, where it is kept, the other copy is whole: a run that was
killed before that meets the file again, finds its landing in the ledger and goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

from pipeline.contract import ContractError
from pipeline.files import Waiting, file_away, hash_file, unescape_key
from pipeline.files.filing import moved, numbered, places
from pipeline.files.names import fitted, place_below
from pipeline.files.sealing import SEALED, KeyProblem, identities_of, recipients_of, seal, unseal
from pipeline.ingest.staging import new_part
from pipeline.intake.house import Intake
from pipeline.settings import IDENTITY_VARIABLE, RECIPIENT_VARIABLE
from pipeline.warehouse import Entry, Failures, PartFailed, Session

NO_DATASET = "_inbox"
"""Folder of the quarantine for files that lay in no dataset's folder."""
REASON = ".reason.json"
"""What the name of a reason ends with that lies beside a file in quarantine."""

_SEALED_NAME = re.compile(rf"\.[0-9a-f]{{32}}{re.escape(SEALED)}$")


class OriginalUnavailable(Exception):
    """The original of a delivery cannot be read again; says why, and what would help."""

    def __init__(self, cause: str, remedy: str) -> None:
        self.cause, self.remedy = cause, remedy
        super().__init__(f"{cause}. {remedy}")

    def of(self, dataset: str, delivery: str) -> PartFailed:
        """What to tell of it while others are read."""
        return PartFailed("original", dataset, delivery, cause=self.cause, remedy=self.remedy, lasting=True)


def require_recipients(intake: Intake, names: Iterable[str]) -> None:
    """Raise ContractError where one of these datasets wants its originals sealed and there is no key to seal them to."""
    for name in sorted(set(names)):
        if _policy(intake, name) == "encrypt":
            _recipients(intake, name)


def without_recipients(intake: Intake, names: Iterable[str], failures: Failures) -> set[str]:
    """Those of the datasets for which `require_recipients` fails; each is in `failures` then."""
    found = set()
    for name in sorted(set(names)):
        try:
            require_recipients(intake, [name])
        except ContractError as error:
            failures.take(error, "dataset", name, remedy=intake.stays(name))
            found.add(name)
    return found


def archive_folder(intake: Intake, entry: Entry) -> Path:
    """`archive/<dataset>/YYYY/MM/DD/`, by the day of the commit (UTC)."""
    return intake.settings.archive / entry.dataset / f"{entry.committed_at:%Y/%m/%d}"


def put_in_archive(intake: Intake, path: Path, relative: Path, entry: Entry) -> Path | None:
    """Put the original of a ledger row away; returns where it is, None where it is deleted."""
    target = place_below(archive_folder(intake, entry), relative)
    return _put(
        intake, path, target, entry.dataset, entry.archive or _policy(intake, entry.dataset), entry.id
    )


def put_zip_in_archive(intake: Intake, zipped: Waiting, target: Path) -> None:
    """Put a zip away whose members wait in the inbox; it has no ledger row."""
    mark = hashlib.sha256(zipped.landing.encode()).hexdigest()[:16]
    _put(intake, zipped.path, target, zipped.dataset, _policy(intake, zipped.dataset), mark)


def put_in_quarantine(intake: Intake, path: Path, target: Path, entry: Entry) -> Path:
    """Put an original away that was refused; returns where it is. It is never deleted: its rows are nowhere else."""
    policy = "encrypt" if _policy(intake, entry.dataset) == "encrypt" else "keep"
    kept_at = _put(intake, path, target, entry.dataset, policy, entry.id)
    assert kept_at is not None
    return kept_at


def take_back(intake: Intake, entry: Entry, place: Path) -> bool:
    """Move the file of a ledger row from its place in the quarantine into the inbox, whose way it then goes as if it came for the first
    time; killed in between it lies in one of the two, or in both until it is loaded (`forget_quarantined`). A sealed one is opened.

    Returns:
        Whether it is there; False where a newer file of its name waits.

    Raises:
        OriginalUnavailable: it is sealed, and there is no key that opens it. OSError: it cannot be moved; it is then where it was.
    """
    target = intake.settings.inbox / entry.dataset / unescape_key(entry.delivery)
    target.parent.mkdir(parents=True, exist_ok=True)
    path = open_original(intake, entry, place)
    try:
        if not moved(path, target):
            return False
        if path != place:
            place.unlink(missing_ok=True)
        reason_file(place).unlink(missing_ok=True)
    finally:
        drop_copy(intake, path)
    return True


def forget_quarantined(intake: Intake, entry: Entry) -> None:
    """Remove what lies in the quarantine of a file that is in the ledger now: it was taken back by a run that was killed meanwhile, or the
    same bytes were sent again."""
    place = place_below(quarantine_folder(intake, entry), unescape_key(entry.delivery))
    sealed = place.parent.glob(f"{_literal(place.name)}.*{SEALED}") if entry.archive == "encrypt" else ()
    for path in (*takewhile(Path.exists, places(place)), *sealed):
        same = (
            reason_given(path).get("sha256") == entry.sha256 if _sealed(path) else _has_content(path, entry)
        )
        if same:
            path.unlink(missing_ok=True)
    beside = reason_file(place)
    if beside.exists() and not place.exists():
        beside.unlink(missing_ok=True)


def archived_file(intake: Intake, entry: Entry) -> Path | None:
    """The archived original of a ledger row: as it came, told from others of its name by its content, or sealed. None when it is not
    there."""
    found = _named(place_below(archive_folder(intake, entry), unescape_key(entry.delivery)), entry)
    return next((path for path in found if _sealed(path) or _has_content(path, entry)), None)


def quarantined_file(intake: Intake, entry: Entry) -> Path | None:
    """Where the file of a ledger row lies in the quarantine, sealed or as it came, or mended there since: then the reason beside it names
    the row. None when it is not there."""
    place = place_below(quarantine_folder(intake, entry), unescape_key(entry.delivery))
    if _is_named(place, entry):  # nearly always: nothing is read then but the reason
        return place
    found = _named(place, entry)
    told = (path for path in found if _sealed(path) or _is_named(path, entry))
    return next(told, None) or next((path for path in found if _has_content(path, entry)), None)


def lying_in_quarantine(intake: Intake, entries: Iterable[Entry]) -> dict[Path, Entry]:
    """Where files of ledger rows lie in the quarantine, of those that do; of rows with one file the last that is given."""
    found = ((quarantined_file(intake, entry), entry) for entry in entries)
    return {place: entry for place, entry in found if place is not None}


def files_in_quarantine(intake: Intake, dataset: str) -> list[Path]:
    """All files below `quarantine/<dataset>/`, by path, without the reasons that lie beside them."""
    folder = intake.settings.quarantine / dataset
    found = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return sorted(path for path in found if not path.name.endswith(REASON))


def quarantine_folder(intake: Intake, entry: Entry) -> Path:
    """`quarantine/<dataset>/`."""
    return intake.settings.quarantine / (entry.dataset or NO_DATASET)


def _named(path: Path, entry: Entry) -> list[Path]:
    """The files that may be the one of a ledger row which was put at `path`: the sealed one alone, or those of its name."""
    sealed = sealed_place(path, entry.id)
    if sealed.is_file():
        return [sealed]
    stem, suffix = numbered(path)
    twins = sorted(path.parent.glob(f"{_literal(stem)}~*{_literal(suffix)}")) if path.parent.is_dir() else []
    return [one for one in (path, *twins) if one.is_file()]


def _is_named(path: Path, entry: Entry) -> bool:
    """Whether a file is there and the reason beside it names the ledger row."""
    return reason_given(path).get("ledger_id") == entry.id and path.is_file()


def _sealed(path: Path) -> bool:
    return _SEALED_NAME.search(path.name) is not None


def _has_content(path: Path, entry: Entry) -> bool:
    return path.stat().st_size == entry.bytes and hash_file(path) == entry.sha256


def find_original(intake: Intake, session: Session, entry: Entry) -> Path | None:
    """The archived original of a ledger row, or of another row of its dataset with the same bytes: what was loaded again from the
    archive lies where it was put the first time. None when it is not there."""
    found = archived_file(intake, entry)
    if found is None and entry.sha256 is not None:
        others = session.same_bytes(entry.dataset, entry.sha256)
        found = next((path for one in others if (path := archived_file(intake, one)) is not None), None)
    return found


def open_original(intake: Intake, entry: Entry, found: Path | None) -> Path:
    """A path at which the original of a ledger row can be read. Of a sealed one that is a copy in a folder of its own in `staging/`,
    for the caller to remove (`drop_copy`); the sweep removes it when this process has ended.

    Args:
        found: what `find_original` found. Call this when the warehouse is closed again: to open a large file takes its time.

    Raises:
        OriginalUnavailable: it was deleted, is gone, or is sealed and there is no key that opens it.
    """
    if found is None:
        raise _gone(entry)
    if not _sealed(found):
        return found
    try:
        identities = identities_of(_identity_file(intake, entry))
        copy = new_part(intake.settings.staging) / Path(unescape_key(entry.delivery)).name
        copy.parent.chmod(0o700)
        unseal(found, copy, identities)
    except KeyProblem as error:
        raise OriginalUnavailable(
            f"the original of {entry.dataset}/{entry.delivery} is sealed at {found}, and the key of {IDENTITY_VARIABLE} does not "
            f"open it: {error}",
            "Name the file of the private key that belongs to its public key.",
        ) from error
    return copy


@contextmanager
def original(intake: Intake, entry: Entry) -> Iterator[Path]:
    """The original of a ledger row, readable for as long as it is needed.

    Raises:
        OriginalUnavailable: see `open_original`.
    """
    with intake.warehouse.session() as session:
        found = find_original(intake, session, entry)
    path = open_original(intake, entry, found)
    try:
        yield path
    finally:
        drop_copy(intake, path)


def is_copy(intake: Intake, path: Path) -> bool:
    """Whether a path is a copy that `open_original` made."""
    return path.is_relative_to(intake.settings.staging)


def drop_copy(intake: Intake, path: Path) -> None:
    """Remove the copy that `open_original` made; anything else stays."""
    if is_copy(intake, path):
        shutil.rmtree(path.parent, ignore_errors=True)


def _put(intake: Intake, path: Path, target: Path, dataset: str, policy: str, mark: str) -> Path | None:
    if policy == "off":
        path.unlink()
        return None
    if policy == "keep":
        return file_away(path, target)
    sealed = sealed_place(target, mark)
    if not sealed.exists():  # a killed run has sealed it already
        seal(path, sealed, _recipients(intake, dataset))
    path.unlink()
    return sealed


def _policy(intake: Intake, dataset: str) -> str:
    known = intake.datasets.get(dataset)
    return "keep" if known is None else known.archive


def _recipients(intake: Intake, dataset: str) -> list[Any]:
    given = intake.settings.archive_recipient
    try:
        return recipients_of(given)
    except KeyProblem as error:
        cause = "is not set" if not given.strip() else f"cannot be used: {error}"
        raise ContractError(
            dataset,
            "archive",
            f'is "encrypt", and {RECIPIENT_VARIABLE} {cause}',
            "Set it to a public key of age: `pipeline keygen archive-key.txt` makes a pair.",
        ) from error


def _identity_file(intake: Intake, entry: Entry) -> Path:
    if not intake.settings.archive_identity:
        raise OriginalUnavailable(
            f"the original of {entry.dataset}/{entry.delivery} is sealed, and {IDENTITY_VARIABLE} is not set",
            "Set it to the path of the private key's file for as long as originals are read.",
        )
    return Path(intake.settings.archive_identity).expanduser()


def _gone(entry: Entry) -> OriginalUnavailable:
    name = f"{entry.dataset}/{entry.delivery}"
    if entry.archive == "off":
        return OriginalUnavailable(
            f'the original of {name} was deleted once it was loaded (archive="off")',
            "Send the file again: it is then checked as a whole.",
        )
    return OriginalUnavailable(
        f"the original of {name} is not in the archive any more", "Put it back there, or send the file again."
    )


def reason_file(kept_at: Path) -> Path:
    """Where the reason lies for which a file is in quarantine."""
    return kept_at.with_name(fitted(kept_at.name, REASON))


def reason_given(kept_at: Path) -> dict[str, Any]:
    """What stands in the reason of a file in quarantine; nothing where there is none that can be read."""
    try:
        given = json.loads(reason_file(kept_at).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return given if isinstance(given, dict) else {}


def sealed_place(path: Path, mark: str) -> Path:
    """Where a file that would lie at `path` lies sealed; `mark` is the id of its ledger row."""
    return path.with_name(fitted(path.name, f".{mark}{SEALED}"))


def _literal(text: str) -> str:
    """`text` for a glob pattern, its special characters taken literally."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)
