"""Moving a file out of the inbox without ever losing one.

What belongs here: the move into archive or quarantine. What does not: deciding where to.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pipeline.files.landing import hash_file
from pipeline.files.leftovers import half_made, put_in_place
from pipeline.files.names import fitted

_COPY_BLOCK = 4 * 1024 * 1024
_LONGEST_SUFFIX = 80
_LONGEST_STEM = 243
"""With its suffix; behind it there is room for a number of 11 digits."""


def file_away(path: Path, target: Path) -> Path:
    """Move `path` to `target`, or beside it as `name~2.ext` where that is taken; returns where it is.

    Nothing is overwritten. A place that holds the same bytes already is as good as the move: `path` is then removed.
    Across devices the copy and its name are on disk before `path` is removed. On one device nothing is brought to the disk: after a power loss
    the file lies here, there or at both places, as the file system orders it, and what its sender had not brought to the disk may be missing.

    Raises:
        FileNotFoundError: there is no `path`. OSError: it cannot be moved; it is then still where it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for place in places(target):
        if moved(path, place):
            return place
        if place.is_file() and not place.is_symlink() and _same_bytes(path, place):
            path.unlink()
            return place
    raise AssertionError("there is always another name")


def places(target: Path) -> Iterator[Path]:
    """Where a file that was moved to `target` may be, the first choice first; there is always another."""
    stem, suffix = numbered(target)
    return (target if number == 1 else target.with_name(f"{stem}~{number}{suffix}") for number in count(1))


def numbered(target: Path) -> tuple[str, str]:
    """What the names of those places have before and behind their number; before it is cut where a number would make it too long."""
    suffix = "".join(target.suffixes[-2:]) if target.suffix in (".gz", ".zst") else target.suffix
    if len(os.fsencode(suffix)) > _LONGEST_SUFFIX:
        suffix = ""
    stem = target.name.removesuffix(suffix) if suffix else target.name
    return fitted(stem, room=_LONGEST_STEM - len(os.fsencode(suffix))), suffix


def moved(path: Path, place: Path) -> bool:
    """Whether `path` is now at `place`, in a folder that is there; False if that was taken. Linking fails where a rename would overwrite.

    Raises:
        FileNotFoundError: there is no `path`. OSError: it cannot be moved; it is then still where it was.
    """
    try:
        os.link(path, place, follow_symlinks=False)
    except FileExistsError:
        if _same_file(path, place):
            path.unlink()
            return True
        return False
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        return _copied(path, place)
    path.unlink()
    return True


def _same_file(path: Path, place: Path) -> bool:
    """A move that was interrupted between linking and unlinking."""
    return not place.is_symlink() and path.samefile(place)


def _copied(path: Path, place: Path) -> bool:
    """As `moved`, by copying: for another device, and for file systems without hard links."""
    if os.path.lexists(place):
        return False
    copy = half_made(place.parent)
    try:
        with path.open("rb") as source, copy.open("xb") as sink:
            shutil.copyfileobj(source, sink, _COPY_BLOCK)
            sink.flush()
            os.fsync(sink.fileno())
        shutil.copystat(path, copy)
        put_in_place(copy, place)
    finally:
        copy.unlink(missing_ok=True)
    path.unlink()
    return True


def _same_bytes(path: Path, place: Path) -> bool:
    return path.stat().st_size == place.stat().st_size and hash_file(path) == hash_file(place)
