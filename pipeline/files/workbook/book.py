"""A workbook of any format: what the reader needs of it.

What belongs here: the contract that formats fill, and the one of .xlsx and .xlsm. What does not: other formats (`binary`,
`opendocument`), and what is a table (`region`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.files.workbook.archive import WorkbookZip
from pipeline.files.workbook.fast import Grid, load_grid
from pipeline.files.workbook.frugal import Cells
from pipeline.files.workbook.guard import MB, too_large
from pipeline.files.workbook.layout import Look, Numbers, Sheet
from pipeline.files.workbook.library import NotByLibrary
from pipeline.files.workbook.shared import SharedTexts

# Measured: the library's cells and polars' texts of a sheet; Python's texts for a byte of shared texts' XML.
_GRID_CELL, _TEXT_CELL, _SHARED_FACTOR = 32, 45, 2
_GRID_SHARE, _TABLE_COLUMNS = 0.6, 1000
_FRUGAL_SHARED, _LEAST = 3, 64 * MB


class Book(ABC):
    """A workbook, opened.

    Attributes:
        path: the file.
        sheets: its worksheets, hidden ones too.
    """

    path: Path
    sheets: tuple[Sheet, ...]

    @abstractmethod
    def look(self, sheet: Sheet) -> Look:
        """One pass over a sheet. Raises UnreadableFile `damaged`, `too_large`."""

    @abstractmethod
    def fast(self, looks: Sequence[Look], memory_mb: int) -> list[bool]:
        """Which of these sheets are read as a grid. Raises UnreadableFile `too_large`: they cannot be read in so little memory."""

    @abstractmethod
    def read(
        self, sheet: Sheet, look: Look, numbers: Numbers, reach: int, fast: bool
    ) -> Grid | Iterator[Cells]:
        """The rows with these numbers (one at least), columns before `reach`: as a grid that holds them if `fast`, else one after
        another, from column A. Raises UnreadableFile `damaged`."""

    @abstractmethod
    def close(self) -> None:
        """Release the file; `read` opens it anew."""


class XmlBook(Book):
    """.xlsx and .xlsm: read as a grid where that fits, else row by row."""

    def __init__(self, path: Path) -> None:
        self.path, self._zip = path, WorkbookZip(path)
        self.sheets = self._zip.sheets
        self._from_1904, self._shared_bytes = self._zip.from_1904, self._zip.shared_bytes
        self._shared: SharedTexts | None = None

    def look(self, sheet: Sheet) -> Look:
        """The shared texts are passed over once."""
        if self._shared is None:
            self._shared = self._zip.shared_texts()
        return self._zip.look(sheet, self._shared)

    def fast(self, looks: Sequence[Look], memory_mb: int) -> list[bool]:
        """Row by row needs memory for the shared texts alone."""
        if (needs := self._shared_bytes * _FRUGAL_SHARED) > max(memory_mb * MB, _LEAST):
            raise too_large(self.path, needs, memory_mb, "CSV")
        # The fast library forgets that dates count from 1904 where Excel repeats the workbook's properties for later versions, and
        # takes times of day for moments in 1904.
        share = 0 if self._from_1904 else memory_mb * MB * _GRID_SHARE - self._shared_bytes * _SHARED_FACTOR
        return [look.plain and grid_bytes(look.rows, look.first + look.columns) < share for look in looks]

    def read(
        self, sheet: Sheet, look: Look, numbers: Numbers, reach: int, fast: bool
    ) -> Grid | Iterator[Cells]:
        """Through fastexcel; what it cannot read, or not rightly, straight from the XML."""
        if fast:
            try:
                return load_grid(self.path, sheet, look, int(numbers[0]), int(numbers[-1]), reach)
            except NotByLibrary:
                pass
        return self._rows(sheet, numbers, reach)

    def _rows(self, sheet: Sheet, numbers: Numbers, reach: int) -> Iterator[Cells]:
        book = WorkbookZip(self.path)
        try:
            yield from book.rows(sheet, numbers, reach)
        finally:
            book.close()

    def close(self) -> None:
        """Release the zip, and what is held of the shared texts."""
        self._zip.close()
        self._shared = None


def grid_bytes(rows: int, columns: int) -> int:
    """Memory for a sheet as a grid: the library's holds every cell between the first and the last, however far away; the text
    of those of a table is held beside it."""
    return rows * (columns * _GRID_CELL + min(columns, _TABLE_COLUMNS) * _TEXT_CELL)
