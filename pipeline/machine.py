"""What the machine does beside this program: its faults, whatever class of error they come in (no space, no memory, no permission),
and which other programs there are.

What belongs here: telling a fault of it from one of a file. What does not: what is done about it (`intake.prepare`, `warehouse.failures`).
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ALL_ALIKE = (*_FULL, errno.EROFS, errno.EMFILE, errno.ENFILE)
_OTHERS = (errno.EACCES, errno.EPERM, errno.EIO, errno.ENOMEM, errno.EAGAIN)
_OF_RUST = re.compile(r"(.+) \(os error (\d+)\)")
# What is staged is Parquet without compression, of clean and of rejected rows, and the warehouse takes as much once more.
_FACTOR = 3


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, newest first; also what it hides (`from None`)."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def machine_fault(error: BaseException) -> OSError | MemoryError | None:
    """What of an error, or of what it came from, is the machine's fault: an OSError with its number, or a MemoryError; else None.

    polars tells what the system says as words at the end of a ComputeError, of a panic, or of an OSError without a number; a reader
    tells it as damage of its file.
    """
    for one in chain(error):
        if isinstance(one, MemoryError):
            return one
        number = one.errno if isinstance(one, OSError) and one.errno is not None else _number_of(str(one))
        if number in (*_ALL_ALIKE, *_OTHERS):
            if isinstance(one, OSError) and one.errno == number:
                return one
            return OSError(number, os.strerror(number))
    return None


def go_on_up_if_stopped(error: BaseException) -> None:
    """Raise KeyboardInterrupt where an error came of one: DuckDB tells Ctrl-C as a RuntimeError, which is nobody's fault."""
    if any(isinstance(one, KeyboardInterrupt) for one in chain(error)):
        raise KeyboardInterrupt from error


def stops_all(error: BaseException) -> bool:
    """Whether nothing else could be written or opened either."""
    return isinstance(error, OSError) and error.errno in _ALL_ALIKE


def is_full(error: OSError) -> bool:
    """Whether it is for want of space."""
    return error.errno in _FULL


@contextmanager
def written_to(folder: Path) -> Iterator[None]:
    """Meanwhile files in `folder` are written: a full disk, of which a write says no place, is told with it and with what is free."""
    try:
        yield
    except OSError as error:
        if not is_full(error) or error.filename is not None:
            raise
        free = _mb(shutil.disk_usage(folder).free)
        raise OSError(
            error.errno, f"{os.strerror(error.errno or 0)}, {free} are free", str(folder)
        ) from error


def full_in_words(text: str) -> int | None:
    """The number of the error that a text tells in the system's words, where nothing more can be written or opened; else None."""
    return next((number for number in _ALL_ALIKE if os.strerror(number) in text), None)


def with_place(error: OSError | MemoryError, folder: Path, file: Path) -> OSError | MemoryError:
    """A full disk, with the folder that is full and what is needed; any other error as it is.

    Args:
        folder: where things were written to, if the error does not name it.
        file: what they were made from.
    """
    if not isinstance(error, OSError) or not is_full(error):
        return error
    place = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else folder
    while not place.is_dir() and place != place.parent:
        place = place.parent
    size, free = file.stat().st_size, shutil.disk_usage(place).free
    needed = _FACTOR * size
    return OSError(
        error.errno,
        f"{os.strerror(error.errno or 0)}: {file.name} of {_mb(size)} takes about {_mb(needed)} while it is loaded, and {_mb(free)} are "
        "free. It stays in the inbox",
        str(place),
    )


def _mb(size: int) -> str:
    return f"{size / 2**20:,.1f} MB"


def _number_of(text: str) -> int | None:
    """The number in the words of the system, which end with it; what quotes a file's text ends otherwise, or says other words."""
    found = next((one for one in _OF_RUST.finditer(text) if one[1].endswith(os.strerror(int(one[2])))), None)
    return None if found is None else int(found[2])


def program_of(pid: int) -> str | None:
    """What a running process is, in the words that a person starts it with: `pipeline ingest`, `python -m dagster`; None where the system
    does not say it. Only the first word after the program's name: others may be anything."""
    try:
        words = [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if word]
    except OSError:
        return None
    if not words:
        return None
    name, rest = Path(words[0]).name, words[1:]
    if not name.startswith("python") or not rest:
        return name
    if rest[0] == "-m":
        return " ".join([name, *rest[:2]])
    if rest[0].startswith("-"):
        return name
    return " ".join([Path(rest[0]).name, *(word for word in rest[1:2] if word.isidentifier())])
