"""What is half made, and what of it a killed process left behind.

What belongs here: names that say who works on a file or folder, moving what is made into its place, and taking away those on which nobody
works any more. What does not: what is made.

Nothing looks for such a name, so what has one can be removed at any time once its process is gone. Folders of other names lose
theirs to one of these before anything in them is removed.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_OWN = re.compile(r"(?:\.?windrow-|\.)(?P<host>[^~]+)~(?P<pid>\d+)~[0-9a-z_]+(?:\.tmp)?")
_OF_A_PROCESS = re.compile(r"\.(?P<pid>\d+)-\d+\.part")
_OF_BEFORE = re.compile(r"\.[0-9a-f]{32}\.tmp|\.windrow-export-[a-z0-9_]{8}")
"""As earlier versions called them, as far as nobody else calls a file or folder so: archive and quarantine hold what people have named, and an
export lies among their own folders. What else those versions left in the system's temporary folder goes as that is cleaned."""
_OLD_SECONDS = 86_400
_swept: set[tuple[int, Path]] = set()


def half_made(folder: Path) -> Path:
    """A new name in `folder` for a file that is made there and then moved into its place."""
    _sweep_once(folder)
    return folder / f".{_mine()}{uuid.uuid4().hex}.tmp"


def put_in_place(made: Path, place: Path) -> None:
    """Give what was half made its name, on the disk when this returns: what it was made from may then go, on another disk too."""
    made.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def scratch_prefix(parent: Path) -> str:
    """What the name of a temporary folder in `parent` begins with."""
    _sweep_once(parent)
    return f"windrow-{_mine()}"


def _sweep_once(folder: Path) -> None:
    """What is left half made is made again, in the same place: so whoever begins there looks for it, once a process and folder."""
    key = (os.getpid(), folder)
    if key not in _swept:
        _swept.add(key)
        sweep(folder)


def sweep(folder: Path) -> None:
    """Take away what killed processes left half made in a folder; not in those below it."""
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(folder) as entries:
        _erase(Path(entry.path) for entry in entries if _abandoned(entry))


def sweep_below(root: Path) -> None:
    """The same of a folder and all below it."""
    for folder, _, _ in os.walk(root):
        sweep(Path(folder))


def _mine() -> str:
    return f"{socket.gethostname()}~{os.getpid()}~"


def _abandoned(entry: os.DirEntry[str]) -> bool:
    """Whether a name says that it is half made, and nobody works on it: its process of this machine is gone, or nobody has written to it
    for a day, where the name says no process or another machine."""
    if not entry.name.startswith((".", "windrow-")):
        return False
    found = _OWN.fullmatch(entry.name)
    if found is not None and found["host"] == socket.gethostname():
        return not process_is_there(int(found["pid"]))
    near = _OF_A_PROCESS.fullmatch(entry.name)
    if near is not None and process_is_there(int(near["pid"])):
        return False
    if found is None and near is None and _OF_BEFORE.fullmatch(entry.name) is None:
        return False
    with suppress(OSError):
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _OLD_SECONDS
    return False


def _erase(paths: Iterable[Path]) -> None:
    for path in list(paths):
        erase(path)


def erase(path: Path) -> None:
    """Remove a file, or a folder with all in it, as far as that can be done: nobody has to wait for it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def process_is_there(pid: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
