"""What waits in the inbox.

What belongs here: finding files that have stood still, and telling one landing of a file from the next. What does not:
reading a file, and moving one away (`filing`).
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.files.names import delivery_key, is_clutter

_HASH_BLOCK = 4 * 1024 * 1024
_TICK = 0.05


@dataclass(frozen=True)
class Waiting:
    """A file in the inbox.

    Attributes:
        dataset: name of the folder it is in; empty for a file that lies in no dataset's folder.
        delivery: its key.
        path: where it is.
        size: in bytes.
        mtime_ns: when its content changed, in ns since 1970.
        landing: identity of this landing: device, inode, size and change time.
        before: what it was quarantined for, as a word for programs, where it was taken back from there just now.
    """

    dataset: str
    delivery: str
    path: Path
    size: int
    mtime_ns: int
    landing: str
    before: str | None = None

    @property
    def landed_at(self) -> float:
        """When its entry last changed, in seconds since 1970."""
        return int(self.landing.rpartition(":")[2]) / 1e9


@dataclass(frozen=True)
class Refused:
    """Something in the inbox that is not taken, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Scan:
    """What lies in the inbox, each part sorted by dataset and delivery (`intake.wait_and_scan` puts `waiting` into its own order).

    Attributes:
        waiting: files that have stood still.
        unsettled: files that changed too recently.
        refused: what is never taken.
    """

    waiting: tuple[Waiting, ...]
    unsettled: tuple[Waiting, ...]
    refused: tuple[Refused, ...]


def scan_inbox(inbox: Path, settle_seconds: float, now: float | None = None) -> Scan:
    """Every file below `inbox/<dataset>/`, and those in `inbox` itself; hidden and unfinished ones, and what systems
    leave beside them, are passed over (`names.is_clutter`).

    Args:
        inbox: the watched folder; one that is missing is empty.
        settle_seconds: how long a file's content and entry must have stood still.
        now: seconds since 1970; the clock's if None.
    """
    moment = time.time() if now is None else now
    real = os.path.realpath(inbox)
    waiting: list[Waiting] = []
    unsettled: list[Waiting] = []
    refused: list[Refused] = []
    for below, found in _walk(str(inbox), real):
        if isinstance(found, str):
            refused.append(Refused(inbox / below, found))
            continue
        file = _waiting(inbox, below, found)
        settled = _settled(found, settle_seconds, moment)
        (waiting if settled else unsettled).append(file)
    return Scan(_sorted(waiting), _sorted(unsettled), tuple(sorted(refused, key=lambda item: str(item.path))))


def _sorted(files: list[Waiting]) -> tuple[Waiting, ...]:
    return tuple(sorted(files, key=lambda file: (file.dataset, file.delivery)))


def _settled(status: os.stat_result, settle_seconds: float, moment: float) -> bool:
    """Times in the future (a wrong clock somewhere) say nothing about how long the file has stood still; but the entry's
    time is this machine's own, so it is enough alone where the content's is impossible."""
    if settle_seconds <= 0:
        return True
    changes = [changed for changed in (status.st_mtime, status.st_ctime) if changed <= moment]
    return not changes or moment - max(changes) >= settle_seconds


def _waiting(inbox: Path, below: str, status: os.stat_result) -> Waiting:
    dataset, _, name = below.rpartition("/") if "/" not in below else below.partition("/")
    return Waiting(
        dataset,
        delivery_key(name),
        inbox / below,
        status.st_size,
        status.st_mtime_ns,
        _landing(status),
    )


def landing_of(path: Path, dataset: str, delivery: str) -> Waiting:
    """One file as it stands now, wherever it lies. Raises FileNotFoundError."""
    status = path.stat()
    return Waiting(dataset, delivery, path, status.st_size, status.st_mtime_ns, _landing(status))


def _landing(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_ctime_ns}"


def _walk(inbox: str, real: str) -> Iterator[tuple[str, os.stat_result | str]]:
    """(path below the inbox, status of a file or why it is refused)."""
    folders = [""]
    while folders:
        below = folders.pop()
        try:
            with os.scandir(f"{inbox}/{below}") as entries:
                found = list(entries)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield below, f"the folder cannot be read ({error.strerror}): check its permissions"
            continue
        for entry in found:
            path = f"{below}/{entry.name}" if below else entry.name
            if is_clutter(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif (status := _status(entry, real)) is not None:
                yield path, status


def _status(entry: os.DirEntry[str], real: str) -> os.stat_result | str | None:
    """Status of a file, why it is refused, or None if it has gone meanwhile."""
    try:
        if entry.is_symlink():
            return _linked(entry, real)
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return status if stat.S_ISREG(status.st_mode) else "it is not a regular file"


def _linked(entry: os.DirEntry[str], real: str) -> os.stat_result | str:
    target = os.path.realpath(entry.path)
    if not target.startswith(real + os.sep):
        return "it is a link that leads out of the inbox: put the file itself here"
    if not Path(target).exists():
        return "it is a link to nothing"
    return "it is a link to another place in the inbox: the file is taken there"


def unchanged(waiting: Waiting) -> bool:
    """Whether the file is still the same landing."""
    try:
        return _landing(waiting.path.lstat()) == waiting.landing
    except FileNotFoundError:
        return False


def settle(inbox: Path, settle_seconds: float, datasets: Collection[str] | None = None) -> Scan:
    """Scan, and wait for files that changed a moment ago: about `settle_seconds` at most. What changes on and on stays
    unsettled.

    Args:
        datasets: names of the folders whose files are waited for; all of them if None.
    """

    def any_unsettled(scan: Scan) -> bool:
        return any(datasets is None or file.dataset in datasets for file in scan.unsettled)

    deadline = time.monotonic() + settle_seconds + _TICK
    scan = scan_inbox(inbox, settle_seconds)
    while any_unsettled(scan) and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, max(_TICK, settle_seconds / 10)))
        scan = scan_inbox(inbox, settle_seconds)
    return scan


def hash_file(path: Path) -> str:
    """sha256 of the file's bytes, hex. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()
