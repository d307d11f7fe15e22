"""Readers from other installed packages, found through the entry point group `windrow.readers`.

What belongs here: finding, asking and calling them, so that a broken one harms no file but its own. What does not: the readers
of this package (`open`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Protocol, runtime_checkable

from pipeline.files.problems import UnreadableFile
from pipeline.files.table import ReadOptions, Table

GROUP = "windrow.readers"
_log = logging.getLogger(__name__)


@runtime_checkable
class Reader(Protocol):
    """What an entry point of the group names: an object, a class or a module with these.

    Attributes:
        name: of the format, one word.
        suffixes: extensions that it claims where the content says nothing (`.fwf`), in lower case.
    """

    name: str
    suffixes: Sequence[str]

    def matches(self, head: bytes, path: Path) -> bool:
        """Whether it claims a file by its first bytes (at most 64 KiB, decompressed); it then goes before any other reader."""

    def open(self, path: Path, compression: str | None, options: ReadOptions) -> Table:
        """The file as a table; raises UnreadableFile where it holds none."""


@dataclass(frozen=True)
class Plugins:
    """The readers that are installed.

    Attributes:
        readers: by the name of their entry point, in the order of these names.
        broken: what is wrong with those that could not be loaded, in words.
    """

    readers: dict[str, Reader] = field(default_factory=dict)
    broken: tuple[str, ...] = ()

    def by_content(self, head: bytes, path: Path) -> tuple[Reader | None, tuple[str, ...]]:
        """(the first that claims the file by its content, what is wrong with those that could not be asked)."""
        broken = list(self.broken)
        for name, reader in self.readers.items():
            try:
                if reader.matches(head, path):
                    return reader, tuple(broken)
            except Exception as error:  # noqa: BLE001  (another package's code: it is named, and the file is read without it)
                broken.append(f"the reader {name!r} could not be asked: {_said(error)}")
        return None, tuple(broken)

    def by_suffix(self, suffix: str) -> Reader | None:
        """The first that claims an extension."""
        return next((reader for reader in self.readers.values() if suffix in reader.suffixes), None)


@cache
def installed() -> Plugins:
    """The readers that other packages bring, looked for once in a process; one that cannot be loaded is logged and passed over."""
    readers: dict[str, Reader] = {}
    broken = []
    for point in sorted(_points(), key=lambda point: point.name):
        try:
            readers[point.name] = _load(point)
        except Exception as error:  # noqa: BLE001  (another package's code: it is named, and files are read without it)
            broken.append(f"the reader {point.name!r} ({point.value}) could not be loaded: {_said(error)}")
            _log.warning("%s", broken[-1])
    return Plugins(readers, tuple(broken))


def _points() -> Iterator[EntryPoint]:
    """The entry points of the group. `entry_points` would parse those of every installed package, which takes as long as opening a file."""
    for package in distributions():
        text = package.read_text("entry_points.txt")
        if text and GROUP in text:
            yield from package.entry_points.select(group=GROUP)


def open_with(reader: Reader, path: Path, compression: str | None, options: ReadOptions) -> Table:
    """The table that a reader of another package makes of a file.

    Raises:
        OSError. UnreadableFile: as the reader says; `reader_failed` where it fails otherwise.
    """
    try:
        table = reader.open(path, compression, options)
    except (UnreadableFile, OSError, MemoryError):
        raise
    except Exception as error:
        raise _failed(path, reader, _said(error)) from error
    if not isinstance(table, Table):
        raise _failed(path, reader, f"it gave a {type(table).__name__}, not a Table")
    return table


def _load(point: EntryPoint) -> Reader:
    loaded = point.load()
    reader = loaded() if isinstance(loaded, type) else loaded
    if not isinstance(reader, Reader):
        raise TypeError("it lacks one of name, suffixes, matches and open")
    return reader


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _failed(path: Path, reader: Reader, cause: str) -> UnreadableFile:
    return UnreadableFile(
        path,
        "reader_failed",
        f"the reader {reader.name!r}, which another package brings, failed ({cause})",
        "Report it to the makers of that package, or uninstall it",
    )
