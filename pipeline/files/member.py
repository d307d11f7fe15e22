"""A zip of one file, read as that file.

What belongs here: the temporary file, and the table that keeps it. What does not: which members there are (`archive`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipeline.files.archive import Member, extract, members
from pipeline.files.leftovers import scratch_prefix
from pipeline.files.problems import UnreadableFile
from pipeline.files.table import Dialect, Piece, Table
from pipeline.machine import written_to


class MemberTable(Table):
    """The table of a zip's one member; the member lies in a temporary folder for as long as this table lives."""

    def __init__(self, path: Path, name: str, inner: Table, folder: tempfile.TemporaryDirectory[str]) -> None:
        self.path, self._inner, self._folder = path, inner, folder
        self.columns, self.header = inner.columns, inner.header
        self._note = f"the file is a zip; its member {name!r} was read"
        self._size = max(inner.path.stat().st_size, 1)

    @property
    def dialect(self) -> Dialect:
        """The member's, and a note that it is one."""
        dialect = self._inner.dialect
        return replace(dialect, notes=(self._note, *dialect.notes))

    @dialect.setter
    def dialect(self, dialect: Dialect) -> None:
        self._inner.dialect = replace(dialect, notes=tuple(n for n in dialect.notes if n != self._note))

    def pieces(self) -> Iterator[Piece]:
        """The member's. Raises as its table does, naming the zip."""
        size = self.path.stat().st_size
        try:
            for piece in self._inner.pieces():
                yield replace(piece, bytes_done=size * piece.bytes_done // self._size)
        except UnreadableFile as error:
            raise UnreadableFile(self.path, error.code, error.cause, error.remedy) from error


def open_member(path: Path, opener: Callable[[Path], Table]) -> Table:
    """The table of a zip's one member, opened by `opener`.

    Raises:
        OSError. UnreadableFile: as `archive.members` and `opener` do; `several_files`: there is more than one.
    """
    name, file, folder = _extract_only(path)
    try:
        return MemberTable(path, name, opener(file), folder)
    except UnreadableFile as error:
        cause = f"in the zip file, {name!r}: {error.cause}"
        raise UnreadableFile(path, error.code, cause, error.remedy) from error


def _extract_only(path: Path) -> tuple[str, Path, tempfile.TemporaryDirectory[str]]:
    """(name, file, its temporary folder) of a zip's one member.

    Raises:
        As `members` and `extract`; UnreadableFile `several_files`: there is more than one.
    """
    found = members(path)
    folder = tempfile.TemporaryDirectory(
        prefix=scratch_prefix(Path(tempfile.gettempdir())), ignore_cleanup_errors=True
    )
    try:
        if len(found) > 1:
            _verify(path, found, Path(folder.name))
            raise _several(path, found)
        target = Path(folder.name) / PurePosixPath(found[0].name).name
        with written_to(Path(folder.name)):
            extract(path, found[0], target)
    except BaseException:
        folder.cleanup()
        raise
    return found[0].name, target, folder


def _verify(path: Path, found: list[Member], folder: Path) -> None:
    """A zip with a garbled member is said to be damaged, not to hold several files."""
    for member in found:
        target = folder / "member"
        extract(path, member, target)
        target.unlink()


def _several(path: Path, found: list[Member]) -> UnreadableFile:
    names = ", ".join(repr(member.name) for member in found[:5]) + (", …" if len(found) > 5 else "")
    return UnreadableFile(
        path,
        "several_files",
        f"the zip file holds {len(found)} files: {names}",
        "Drop it into the inbox with the extension .zip, where each becomes a delivery of its own, or unpack it",
    )
