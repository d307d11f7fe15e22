"""OpenDocument spreadsheets (.ods), read row by row: sheets, rows, values.

What belongs here: the format. What does not: where the table lies (`region`).

Values are told by their own attributes (dates, times, truths, numbers), so that the format's file is read straight, in little
memory. Number formats of codes (`00000`) are not kept: such a number comes without its leading zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.files.problems import UnreadableFile
from pipeline.files.workbook.book import Book
from pipeline.files.workbook.frugal import Cells
from pipeline.files.workbook.guard import damaged_workbook
from pipeline.files.workbook.layout import Line, Look, Numbers, Sheet
from pipeline.files.workbook.odsrows import OdsRows
from pipeline.files.workbook.package import GARBLED, Package
from pipeline.files.workbook.sample import HEAD, TAIL

_BLOCK, _CELLS = 64 * 1024, 500_000_000


class OdsBook(Book):
    """.ods: counted and read row by row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            package, listed = Package(path), "META-INF/manifest.xml"
            with package.zip:
                manifest = package.open(listed).read() if listed in package else b""
            if b"encryption-data" in manifest:
                raise UnreadableFile(
                    path,
                    "encrypted",
                    "the workbook is protected by a password",
                    "Save it without a password and send it again",
                )
            self._looks = self._scan()
        except GARBLED as error:
            raise damaged_workbook(path, error) from error
        self.sheets = tuple(self._looks)

    def _scan(self) -> dict[Sheet, Look]:
        """One pass over all sheets."""
        tallies: dict[str, _Tally] = {}
        reader = OdsRows(None)
        for sheet, first, repeat, cells in self._rows(reader):
            tallies.setdefault(sheet, _Tally(self.path)).row(first, repeat, cells)
        looks = {}
        for name in reader.sheets:
            formulas, cell = reader.formulas.get(name, (0, ""))
            look = tallies.get(name, _Tally(self.path)).look()
            looks[Sheet(name, name not in reader.hidden)] = replace(look, formulas=formulas, formula=cell)
        return looks

    def _rows(self, reader: OdsRows) -> Iterator[tuple[str, int, int, dict[int, str]]]:
        package = Package(self.path)
        with package.zip, package.open("content.xml") as file:
            while data := file.read(_BLOCK):
                reader.feed(data)
                yield from reader.take()
                if reader.ended:
                    return
            reader.close()
            yield from reader.take()

    def look(self, sheet: Sheet) -> Look:
        """The pass is over already: all sheets lie in one part."""
        return self._looks[sheet]

    def fast(self, looks: Sequence[Look], memory_mb: int) -> list[bool]:
        """None: they need no memory to speak of."""
        return [False] * len(looks)

    def read(self, sheet: Sheet, look: Look, numbers: Numbers, reach: int, fast: bool) -> Iterator[Cells]:
        """Straight from the XML."""
        wanted = iter(numbers.tolist())
        number = next(wanted, None)
        try:
            for _, first, repeat, cells in self._rows(OdsRows(sheet.name)):
                width = max(cells) + 1
                while number is not None and number < first + repeat:
                    if number >= first:
                        yield [cells.get(column) for column in range(min(width, reach))]
                    number = next(wanted, None)
                if number is None:
                    return
        except GARBLED as error:
            raise damaged_workbook(self.path, error) from error

    def close(self) -> None:
        """Nothing is open."""


class _Tally:
    """Rows of a sheet that hold a value."""

    def __init__(self, path: Path) -> None:
        self._path, self._cells = path, 0
        self._runs: list[tuple[int, int]] = []
        self._first, self._last = 1 << 20, -1
        self._head: list[Line] = []
        self._tail: list[Line] = []
        self._edges: dict[int, tuple[int, str]] = {}

    def row(self, first: int, repeat: int, cells: dict[int, str]) -> None:
        """Some equal rows."""
        self._cells += repeat * len(cells)
        if self._cells > _CELLS:
            raise UnreadableFile(
                self._path,
                "too_large",
                f"its rows repeat to more than {_CELLS:,} cells",
                "Delete the repeated rows or columns that hold no data, and save it again",
            )
        self._runs.append((first, repeat))
        left, right = min(cells), max(cells)
        self._first = min(self._first, left)
        if right > self._last:
            self._last = right
            self._edges[right] = (first, cells[right])
        for number in range(first, first + min(repeat, HEAD - len(self._head))):
            self._head.append((number, cells))
        self._tail += [(number, cells) for number in range(max(first, first + repeat - TAIL), first + repeat)]
        if len(self._tail) > 10 * TAIL:
            del self._tail[:-TAIL]

    def look(self) -> Look:
        """What was seen."""
        parts = [np.arange(first, first + repeat, dtype=np.int64) for first, repeat in self._runs]
        numbers = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
        first = min(self._first, self._last + 1)
        return Look(
            numbers,
            first,
            self._last + 1 - first,
            tuple(self._head),
            tuple(self._tail[-TAIL:]),
            self._edges,
        )
