"""Zip files in the inbox: each member becomes a file of its own, and the zip goes into the archive.

What belongs here: the way from a zip to its members, so that being killed at any point loses nothing. What does not: which
members are safe (`files.archive`), and taking the members in, which is done as for any other file.

`inbox/orders/week.zip` becomes `inbox/orders/week.zip.d/<member>`: a folder cannot have the zip's own name while that lies there,
and no member can be taken for a file of another delivery. The members are written beside the zip in a hidden folder, then moved into
their places, and only then is the zip put away. Killed before that, the next run does it all again: it writes the same bytes to the
same places, and a member that was taken meanwhile comes again and is recorded as a duplicate.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.contract import ContractError
from pipeline.files import UnreadableFile, Waiting, unchanged
from pipeline.files.archive import MEMBER_FOLDER, Member, extract, holds_workbook, members
from pipeline.files.names import fitted, is_clutter, place_below
from pipeline.intake.house import Intake
from pipeline.intake.originals import put_zip_in_archive, require_recipients
from pipeline.warehouse import Failures

_HIDDEN = ".unpacking"
_EMPTY_SECONDS = 86_400.0
"""A folder that somebody uses every day is not emptied for as long."""
_TRIES = 5


@dataclass(frozen=True)
class Unpacked:
    """What was done about the zip files that wait.

    Attributes:
        unpacked: those that have gone into the archive, their members being in the inbox.
        kept: those to be taken as they are: workbooks, and those that cannot be unpacked, which then are quarantined.
        busy: those that another process unpacks, or that have changed.
    """

    unpacked: tuple[Waiting, ...] = ()
    kept: tuple[Waiting, ...] = ()
    busy: tuple[Waiting, ...] = ()


def is_zip(waiting: Waiting) -> bool:
    """Whether a file's name says that it is a container."""
    return waiting.path.suffix.lower() == ".zip"


def unpack_zips(
    intake: Intake, waiting: Iterable[Waiting], failures: Failures, datasets: Collection[str] | None = None
) -> Unpacked:
    """Unpack the zip files among what waits in the folders of datasets. One that cannot be, for something lies in its way or it cannot be
    read, is in `failures`, and busy; the others are unpacked.

    Raises:
        OSError: the machine fails, for example the members do not fit on the disk.
    """
    done: dict[str, list[Waiting]] = {"unpacked": [], "kept": [], "busy": []}
    zips = [
        item
        for item in waiting
        if is_zip(item) and item.dataset in intake.datasets and (datasets is None or item.dataset in datasets)
    ]
    for item in zips:
        became = "busy"
        with failures.aside("file", item.dataset, item.delivery):
            became = _unpack(intake, item)
        done[became].append(item)
    return Unpacked(*(tuple(done[name]) for name in ("unpacked", "kept", "busy")))


def tidy_folders(intake: Intake, datasets: Collection[str] | None = None, now: float | None = None) -> None:
    """Remove folders of members that are empty, what a killed run left of zip files that are gone, and other folders below those of the
    datasets that have been empty for a day.

    Args:
        now: seconds since 1970; the clock's if None.
    """
    emptied_by = (time.time() if now is None else now) - _EMPTY_SECONDS
    for dataset in intake.datasets if datasets is None else datasets:
        with suppress(OSError):  # it is not there, or cannot be read: who scans it says so
            with os.scandir(intake.settings.inbox / dataset) as entries:
                folders = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
            for entry in folders:
                if not _ours(entry):
                    _remove_emptied(Path(entry.path), emptied_by)
            for folder in [Path(entry.path) for entry in folders if _ours(entry)]:
                if folder.name.endswith(_HIDDEN):
                    if not any(
                        _named(path, ".", _HIDDEN) == folder for path in folder.parent.glob("*.[zZ][iI][pP]")
                    ):
                        shutil.rmtree(folder, ignore_errors=True)
                else:
                    _remove_empty(folder)


def _ours(entry: os.DirEntry[str]) -> bool:
    name = entry.name.lower()
    hidden = name.startswith(".") and name.endswith(".zip" + _HIDDEN)
    return (hidden or name.endswith(".zip" + MEMBER_FOLDER)) and entry.is_dir(follow_symlinks=False)


def _remove_emptied(folder: Path, by: float) -> None:
    """Remove a folder and those below it that have been empty since `by`; one that held but such folders has been, too. Whoever has
    just made one is about to put something there."""
    with suppress(OSError):  # it is not empty any more, or not ours to remove: that harms nothing
        changed = folder.lstat().st_mtime  # before a folder below it goes
        with os.scandir(folder) as entries:
            below = list(entries)
        for entry in below:
            if entry.is_dir(follow_symlinks=False) and not is_clutter(entry.name):
                _remove_emptied(Path(entry.path), by)
        if changed <= by and all(entry.is_dir(follow_symlinks=False) for entry in below):
            folder.rmdir()


def _remove_empty(folder: Path) -> None:
    for below, _, _ in os.walk(folder, topdown=False):
        with suppress(OSError):  # it is not empty, or somebody else removed it
            Path(below).rmdir()


def _unpack(intake: Intake, item: Waiting) -> str:
    """`unpacked`, `kept` or `busy`."""
    try:
        with _alone(item.path) as free:
            if not free or not unchanged(item):
                return "busy"
            if holds_workbook(item.path):
                return "kept"
            require_recipients(intake, [item.dataset])
            found = members(item.path)
            with _hidden_folder(item.path) as hidden:
                _extract_all(item.path, found, hidden)
                if not unchanged(item):
                    return "busy"
                _place(found, hidden, _named(item.path, "", MEMBER_FOLDER))
            put_zip_in_archive(intake, item, _archive_place(intake, item))
    except (UnreadableFile, ContractError):
        return "kept"  # taken as it is, it meets the same reason again, which is told there
    except FileNotFoundError:
        if item.path.exists():
            raise
        return "busy"
    return "unpacked"


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether this process is the one to unpack a zip; the lock ends with the process."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _hidden_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside the zip that the inbox passes over."""
    folder = _named(path, ".", _HIDDEN)
    if not folder.is_dir() or folder.is_symlink():
        folder.unlink(missing_ok=True)
    else:
        # It loses its name first: what of it cannot be removed keeps no zip from being unpacked.
        left = folder.with_name(f".{uuid.uuid4().hex}.zip{_HIDDEN}")
        folder.rename(left)
        shutil.rmtree(left, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _named(zipped: Path, before: str, behind: str) -> Path:
    """A folder beside a zip that is called after it."""
    return zipped.with_name(fitted(before + zipped.stem, zipped.suffix + behind))


def _extract_all(path: Path, found: list[Member], folder: Path) -> None:
    wanted, free = sum(member.size for member in found), shutil.disk_usage(folder).free
    if wanted > free:
        raise OSError(
            errno.ENOSPC,
            f"{path.name} needs {wanted / 2**20:,.0f} MB to be unpacked, and {free / 2**20:,.0f} MB are free",
            str(folder),
        )
    for number, member in enumerate(found):
        extract(path, member, folder / str(number))


def _place(found: list[Member], hidden: Path, folder: Path) -> None:
    for number, member in enumerate(found):
        target = folder / member.name
        for attempt in range(_TRIES):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                (hidden / str(number)).replace(target)
                break
            except FileNotFoundError:  # another process tidied the folder away as it was empty
                if attempt == _TRIES - 1:
                    raise


def _archive_place(intake: Intake, item: Waiting) -> Path:
    below = item.path.relative_to(intake.settings.inbox / item.dataset)
    return place_below(intake.settings.archive / item.dataset / f"{datetime.now(UTC):%Y/%m/%d}", below)
