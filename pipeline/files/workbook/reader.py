"""Workbooks (.xlsx, .xlsm) as tables.

What belongs here: which sheets are read, their headers, and cutting them into pieces. What does not: reading the values
(`fast`, `frugal`).

The first row with a value is a sheet's header; rows without any value are no records. Columns are those with a name, and
beyond them, in the pieces where they hold a value, those without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.contract.headers import normalise
from pipeline.files.names import column_names
from pipeline.files.problems import UnreadableFile, empty_file, header_only
from pipeline.files.table import ROW, Dialect, Parsed, Piece, ReadOptions, Table
from pipeline.files.workbook.archive import Sheet, WorkbookZip
from pipeline.files.workbook.fast import load_grid
from pipeline.files.workbook.frugal import Cells, iterate_rows, take
from pipeline.files.workbook.rows import SheetRows

_MB = 1024 * 1024
_BYTES_PER_CELL, _SHARED_FACTOR = 100, 2
_FRUGAL_ROWS = 20_000


@dataclass(frozen=True)
class _Opened:
    """A sheet to be read.

    Attributes:
        sheet: which.
        rows: its rows that hold a value; the first is the header.
        columns: its names.
        fast: whether its grid fits the budget.
        grid: that grid, if it is kept.
    """

    sheet: Sheet
    rows: SheetRows
    columns: tuple[str, ...]
    fast: bool
    grid: pl.DataFrame | None

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """Sheet rows of the records."""
        return self.rows.numbers[1:]


class ExcelTable(Table):
    """A workbook: the sheets that are read, one after another, numbered through."""

    def __init__(
        self, path: Path, sheets: list[_Opened], notes: tuple[str, ...], options: ReadOptions
    ) -> None:
        self.path, self._sheets, self._options = path, sheets, options
        self.columns = tuple(dict.fromkeys(name for opened in sheets for name in opened.columns))
        names = tuple(opened.sheet.name for opened in sheets)
        self.dialect = Dialect("excel", header_line=int(sheets[0].rows.numbers[0]), sheets=names, notes=notes)

    def pieces(self) -> Iterator[Piece]:
        """The counts come from the sheets' XML. Raises OSError, UnreadableFile `damaged`."""
        row, size = 1, self.path.stat().st_size
        total = sum(len(opened.numbers) for opened in self._sheets)
        for opened in self._sheets:
            cut = self._fast if opened.fast else self._frugal
            for numbers, parse in cut(opened):
                done = size * (row + len(numbers) - 1) // total
                yield Piece(row, len(numbers), done, partial(parse, row), opened.sheet.name)
                row += len(numbers)

    def _fast(self, opened: _Opened) -> Iterator[tuple[npt.NDArray[np.int64], Callable[[int], Parsed]]]:
        grid = opened.grid if opened.grid is not None else load_grid(self.path, opened.sheet, opened.rows)[1]
        for start in range(0, len(opened.numbers), self._options.chunk_rows):
            numbers = opened.numbers[start : start + self._options.chunk_rows]
            yield numbers, partial(_parse_grid, grid, opened, numbers)

    def _frugal(self, opened: _Opened) -> Iterator[tuple[npt.NDArray[np.int64], Callable[[int], Parsed]]]:
        rows = iterate_rows(self.path, opened.sheet, opened.rows)
        take(rows, 1)
        size = min(self._options.chunk_rows, _FRUGAL_ROWS)
        for start in range(0, len(opened.numbers), size):
            numbers = opened.numbers[start : start + size]
            yield numbers, partial(_parse_rows, take(rows, len(numbers)), opened, numbers)


def _parse_grid(
    grid: pl.DataFrame, opened: _Opened, numbers: npt.NDArray[np.int64], first_row: int
) -> Parsed:
    wanted = numbers - int(opened.rows.numbers[0]) - 1
    taken = grid[wanted[wanted < grid.height].tolist()]
    cells, named = taken.get_columns(), len(opened.columns)
    beyond = {
        index: cells[index] for index in range(named, len(cells)) if cells[index].null_count() < taken.height
    }
    return _parsed(cells[:named], beyond, opened, numbers, first_row)


def _parse_rows(rows: list[Cells], opened: _Opened, numbers: npt.NDArray[np.int64], first_row: int) -> Parsed:
    named = len(opened.columns)
    stray = {index for row in rows for index in range(named, len(row)) if row[index] is not None}

    def column(index: int) -> pl.Series:
        return pl.Series([row[index] if index < len(row) else None for row in rows], dtype=pl.String)

    beyond = {index: column(index) for index in sorted(stray)}
    return _parsed([column(index) for index in range(named)], beyond, opened, numbers, first_row)


def _parsed(
    cells: list[pl.Series],
    beyond: dict[int, pl.Series],
    opened: _Opened,
    numbers: npt.NDArray[np.int64],
    first_row: int,
) -> Parsed:
    """Named columns, and those beyond them that hold a value here."""
    height = len(cells[0])
    empty = pl.Series([None] * height, dtype=pl.String)
    columns = [*cells, *[empty] * (len(opened.columns) - len(cells)), *beyond.values()]
    names = column_names([*opened.columns, *[f"column_{index + 1}" for index in beyond]])
    frame = pl.DataFrame([column.alias(name) for column, name in zip(columns, names, strict=True)])
    numbered = pl.int_range(first_row, first_row + height, dtype=pl.Int64, eager=True)

    def lines(rows: pl.Series) -> pl.Series:
        return pl.Series(rows.name, numbers[rows.to_numpy() - first_row], dtype=pl.Int64)

    return Parsed(frame.with_columns(numbered.alias(ROW)), lines=lines)


def open_excel(path: Path, compression: str | None, options: ReadOptions) -> Table:
    """Open a workbook; its sheets' XML is scanned once to count the rows that hold a value.

    Raises:
        OSError. UnreadableFile: `damaged`, `empty`, `header_only`, `no_such_sheet`.
    """
    book = WorkbookZip(path)
    try:
        chosen, notes = _chosen(path, book, options)
        shared = book.shared_texts()
        counted = [(sheet, book.rows(sheet, shared)) for sheet in chosen]
    finally:
        book.close()
    notes += [
        f"sheet '{sheet.name}' is empty and left out" for sheet, rows in counted if not len(rows.numbers)
    ]
    counted = [(sheet, rows) for sheet, rows in counted if len(rows.numbers)]
    if not counted:
        raise empty_file(path)
    # The fast library reads dates that count from 1904 as if they counted from 1900.
    budget = 0 if book.from_1904 else options.memory_mb * _MB // 2 - shared.size * _SHARED_FACTOR
    keep = sum(rows.cells for _, rows in counted) * _BYTES_PER_CELL < budget
    opened = [
        _opened(path, sheet, rows, rows.cells * _BYTES_PER_CELL < budget, keep) for sheet, rows in counted
    ]
    related, more = _related(opened, options)
    if not any(len(sheet.numbers) for sheet in related):
        raise header_only(path)
    return ExcelTable(path, related, tuple(notes + more), options)


def _chosen(path: Path, book: WorkbookZip, options: ReadOptions) -> tuple[list[Sheet], list[str]]:
    """The sheets asked for, or every visible one, and what is to be said of the others."""
    if not options.sheets:
        hidden = [f"hidden sheet '{sheet.name}' left out" for sheet in book.sheets if not sheet.visible]
        return [sheet for sheet in book.sheets if sheet.visible], hidden
    by_name = {sheet.name: sheet for sheet in book.sheets}
    missing = [name for name in options.sheets if name not in by_name]
    if missing:
        raise UnreadableFile(
            path,
            "no_such_sheet",
            f"there is no sheet {missing[0]!r}; the workbook has {', '.join(map(repr, by_name))}",
            "Name the sheet as the dataset does, or change the dataset's sheets",
        )
    return [by_name[name] for name in options.sheets], []


def _opened(path: Path, sheet: Sheet, rows: SheetRows, fast: bool, keep: bool) -> _Opened:
    if fast:
        header, grid = load_grid(path, sheet, rows)
    else:
        header, grid = take(iterate_rows(path, sheet, rows), 1)[0], None
    while len(header) > 1 and header[-1] is None:
        header.pop()
    return _Opened(sheet, rows, column_names(header), fast, grid if keep else None)


def _related(opened: list[_Opened], options: ReadOptions) -> tuple[list[_Opened], list[str]]:
    """The sheets that share a column with what is expected, or with the first sheet."""
    known = {normalise(name) for name in options.expected}
    if not any(known & _normalised(sheet) for sheet in opened):
        known |= _normalised(opened[0])
    related = [sheet for sheet in opened if known & _normalised(sheet)]
    notes = [
        f"sheet '{sheet.sheet.name}' left out: none of its columns is known"
        for sheet in opened
        if not known & _normalised(sheet)
    ]
    return related, notes


def _normalised(opened: _Opened) -> set[str]:
    return {normalise(name) for name in opened.columns}
