"""Counting the rows of a binary sheet (.xls, .xlsb) cell by cell, without their values.

What belongs here: what both binary formats share: the count, and books that are read as grids or not at all. What does not: their
records (`biff8`, `biff12`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.files.workbook.book import Book, grid_bytes
from pipeline.files.workbook.fast import Grid, load_grid, load_lines
from pipeline.files.workbook.guard import MB, too_large
from pipeline.files.workbook.layout import Line, Look, Numbers, Sheet
from pipeline.files.workbook.sample import HEAD, TAIL

_SHARE = 0.8


class Tally:
    """Fed with the cells of one sheet that hold a value, row by row.

    Attributes:
        booleans: columns with true or false in them.
    """

    def __init__(self) -> None:
        self.booleans: set[int] = set()
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
    """A workbook that can only be read whole."""

    save_as = ".xlsx or CSV"

    def __init__(self, path: Path, memory_mb: int) -> None:
        self.path, self._memory_mb = path, memory_mb

    def check(self, needs: int) -> None:
        """Raises UnreadableFile `too_large` where so many bytes are not to be had."""
        if needs > _SHARE * self._memory_mb * MB:
            raise too_large(self.path, needs, self._memory_mb, self.save_as)

    def fast(self, looks: Sequence[Look], memory_mb: int) -> list[bool]:
        """All of them: what does not fit was refused when it was looked at."""
        return [True] * len(looks)

    def read(self, sheet: Sheet, look: Look, numbers: Numbers, reach: int, fast: bool) -> Grid:
        """Through fastexcel."""
        return load_grid(self.path, sheet, look, int(numbers[0]), int(numbers[-1]), reach)

    def lines(self, sheet: Sheet, numbers: Numbers) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
        """(first, last) rows of a sheet as text."""
        if not len(numbers):
            return (), ()
        first = load_lines(self.path, sheet, numbers[:HEAD])
        if len(numbers) <= HEAD:
            return first, first[-TAIL:]
        return first, load_lines(self.path, sheet, numbers[-TAIL:])
