"""Counting the rows of a binary sheet (.xls, .xlsb) cell by cell, without their values.

What belongs here: what both binary formats share: the count, numbers and errors, and how such books are read. What does not: their
records (`biff8`, `biffcells`, `biff12`).
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.files.workbook.book import Book, grid_bytes
from pipeline.files.workbook.fast import Grid, load_grid, load_lines
from pipeline.files.workbook.frugal import Cells
from pipeline.files.workbook.guard import MB, too_large
from pipeline.files.workbook.layout import Line, Look, Numbers, Sheet
from pipeline.files.workbook.library import NotByLibrary
from pipeline.files.workbook.rows import LAST_COLUMN
from pipeline.files.workbook.sample import HEAD, TAIL
from pipeline.files.workbook.styles import Styles
from pipeline.files.workbook.text import Written, serial_text, text_of

_SHARE = 0.8
ERRORS = dict(
    zip(
        [0x00, 0x07, 0x0F, 0x17, 0x1D, 0x24, *range(0x2A, 0x32)],
        [
            "#NULL!",
            "#DIV/0!",
            "#VALUE!",
            "#REF!",
            "#NAME?",
            "#NUM!",
            "#N/A",
            "#GETTING_DATA",
            "#SPILL!",
            "#CONNECT!",
            "#BLOCKED!",
            "#UNKNOWN!",
            "#FIELD!",
            "#CALC!",
        ],
        strict=True,
    )
)


@dataclass(frozen=True)
class Value:
    """What a cell holds, with the number of its style."""

    value: str | float | bool
    style: int = 0


def rk_number(raw: int) -> float:
    """A number in the 30 bits that both formats keep small ones in."""
    if raw & 2:
        number = float((raw - (1 << 32) if raw & (1 << 31) else raw) >> 2)
    else:
        number = struct.unpack("<d", struct.pack("<Q", (raw & 0xFFFFFFFC) << 32))[0]
    return number / 100 if raw & 1 else number


class Tally:
    """Fed with the cells of one sheet that hold a value, row by row.

    Attributes:
        booleans: columns with true or false in them.
        ordered: whether its rows stand in their order.
        odd: whether there is something in the sheet that the library takes for another: cells of charts, a size that no sheet has.
    """

    def __init__(self) -> None:
        self.booleans: set[int] = set()
        self.ordered, self.odd = True, False
        self._rows: list[int] = []
        self._first, self._last = 1 << 20, -1
        self._edges: dict[int, int] = {}
        self._empty_row = self._empty_column = -1

    def empty(self, row: int, column: int) -> None:
        """A cell that the library holds though there is nothing in it."""
        self._empty_row, self._empty_column = max(self._empty_row, row), max(self._empty_column, column)

    def cell(self, row: int, first: int, last: int) -> None:
        """Cells of a row (from 0) in the columns from `first` to `last`."""
        if not self._rows or self._rows[-1] != row:
            self.ordered = self.ordered and (not self._rows or self._rows[-1] < row)
            self._rows.append(row)
        if first < self._first:
            self._first = first
        if last > self._last:
            self._last = last
            self._edges[last] = row

    def look(self, lines: tuple[tuple[Line, ...], tuple[Line, ...]]) -> Look:
        """What was seen. `lines`: the first and the last rows as text."""
        numbers = self.numbers
        texts = {number: cells for some in lines for number, cells in some}
        edges = {
            column: (row + 1, texts.get(row + 1, {}).get(column, "…")) for column, row in self._edges.items()
        }
        first = min(self._first, self._last + 1)
        return Look(numbers, first, self._last + 1 - first, *lines, edges, True, frozenset(self.booleans))

    @property
    def numbers(self) -> Numbers:
        """Rows with a value, from 1."""
        return np.unique(np.array(self._rows, dtype=np.int64)) + 1

    @property
    def grid_bytes(self) -> int:
        """Memory for the sheet as a grid, which the library makes of every cell between the first and the last."""
        height = max(self._rows[-1] if self._rows else -1, self._empty_row) + 1
        return grid_bytes(height, max(self._last, self._empty_column) + 1)


class GridBook(Book):
    """A binary workbook: read as a grid by the library, or else cell by cell; whole where its rows are not in their order."""

    save_as = ".xlsx or CSV"

    def __init__(self, path: Path, memory_mb: int) -> None:
        self.path, self._memory_mb = path, memory_mb
        self._ordered: dict[str, bool] = {}

    @abstractmethod
    def cells(self, sheet: Sheet) -> Iterator[tuple[int, int, Value]]:
        """(row, column, value) of each cell that holds something, rows and columns from 0. Raises UnreadableFile `damaged`."""

    @abstractmethod
    def shown(self) -> tuple[Styles, bool]:
        """What its styles show, and whether its dates count from 1904. Raises UnreadableFile `damaged`."""

    def check(self, needs: int) -> None:
        """Raises UnreadableFile `too_large` where so many bytes are not to be had."""
        if needs > _SHARE * self._memory_mb * MB:
            raise too_large(self.path, needs, self._memory_mb, self.save_as)

    def fast(self, looks: Sequence[Look], memory_mb: int) -> list[bool]:
        """All that the library understands: what does not fit was refused when it was looked at."""
        return [look.plain for look in looks]

    def read(
        self, sheet: Sheet, look: Look, numbers: Numbers, reach: int, fast: bool
    ) -> Grid | Iterator[Cells]:
        """Through fastexcel; what it cannot read, or not rightly, from the records."""
        if fast:
            try:
                return load_grid(self.path, sheet, look, int(numbers[0]), int(numbers[-1]), reach)
            except NotByLibrary:
                pass
        return self._rows(sheet, numbers, reach)

    def looked(self, sheet: Sheet, tally: Tally, plain: bool) -> Look:
        """What was seen of a sheet; a few rows are read."""
        numbers = tally.numbers
        self._ordered[sheet.name] = tally.ordered
        if plain:
            try:
                return tally.look(_lines(self.path, sheet, numbers))
            except NotByLibrary:
                pass
        head = self._lines(sheet, numbers[:HEAD])
        tail = head[-TAIL:] if len(numbers) <= HEAD else self._lines(sheet, numbers[-TAIL:])
        return replace(tally.look((head, tail)), plain=False)

    def _lines(self, sheet: Sheet, numbers: Numbers) -> tuple[Line, ...]:
        rows = self._rows(sheet, numbers, LAST_COLUMN)
        return tuple(
            (number, {column: text for column, text in enumerate(row) if text})
            for number, row in zip(numbers.tolist(), rows, strict=True)
        )

    def _rows(self, sheet: Sheet, numbers: Numbers, reach: int) -> Iterator[Cells]:
        """The rows with these numbers, in their order."""
        styles, from_1904 = self.shown()
        wanted = set(numbers.tolist())
        found: dict[int, dict[int, str]] = {}
        following, begun = 0, -1
        ordered = self._ordered[sheet.name]
        for row, column, value in self.cells(sheet):
            if row + 1 not in wanted:
                continue
            if ordered and row != begun:
                # Rows before this one are whole; some may hold nothing that is shown.
                while following < len(numbers) and numbers[following] <= row:
                    yield _cells(found.pop(int(numbers[following]), {}), reach)
                    following += 1
                begun = row
            found.setdefault(row + 1, {})[column] = _text(value, styles, from_1904)
        for number in numbers[following:].tolist():
            yield _cells(found.pop(number, {}), reach)


def _cells(row: dict[int, str], reach: int) -> Cells:
    return [row.get(column) for column in range(min(max(row, default=-1) + 1, reach))]


def _text(value: Value, styles: Styles, from_1904: bool) -> str:
    held = value.value
    if isinstance(held, str):
        return held
    shown = styles.shown.get(value.style)
    dated = shown is not None and not isinstance(held, bool)
    return Written(serial_text(held, shown, from_1904) if dated and shown else text_of(held) or "")


def _lines(path: Path, sheet: Sheet, numbers: Numbers) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """(first, last) rows of a sheet as text, through the library."""
    if not len(numbers):
        return (), ()
    first = load_lines(path, sheet, numbers[:HEAD])
    if len(numbers) <= HEAD:
        return first, first[-TAIL:]
    return first, load_lines(path, sheet, numbers[-TAIL:])
