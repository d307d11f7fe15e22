"""Workbooks (.xlsx, .xlsm, .xls, .xlsb, .ods) as tables.

What belongs here: which sheets are read, their columns, and cutting them into pieces. What does not: the formats (`book`,
`binary`, `opendocument`), finding the table in a sheet (`region`), reading the values (`fast`, `frugal`).

Rows without any value are no records. Columns are the table's own, and beside them, in the pieces where they hold a value,
those without a name. Where several sheets are read, `_sheet` says which one a record is from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from pipeline.contract.headers import normalise
from pipeline.counts import counted
from pipeline.files.names import column_names
from pipeline.files.problems import UnreadableFile, empty_file, header_only
from pipeline.files.table import Dialect, Parsed, Piece, ReadOptions, Table
from pipeline.files.workbook.book import Book, grid_bytes
from pipeline.files.workbook.fast import Grid
from pipeline.files.workbook.formats import open_book
from pipeline.files.workbook.frugal import Cells
from pipeline.files.workbook.guard import MB, damaged_workbook
from pipeline.files.workbook.layout import Look, Numbers, Region, Sheet
from pipeline.files.workbook.parse import SHEET, Form, parse_grid, parse_rows
from pipeline.files.workbook.region import find_region

_FRUGAL_ROWS = 20_000


@dataclass(frozen=True)
class _Opened:
    """A sheet to be read.

    Attributes:
        sheet: which.
        look, region: what is in it, and where its table lies.
        columns: its names.
        fast: whether its grid fits the budget.
    """

    sheet: Sheet
    look: Look
    region: Region
    columns: tuple[str, ...]
    fast: bool = False

    @property
    def numbers(self) -> Numbers:
        """Sheet rows of the records."""
        return self.look.numbers[self.region.begin : self.region.end]


class ExcelTable(Table):
    """A workbook: the sheets that are read, one after another, numbered through."""

    def __init__(
        self, book: Book, sheets: list[_Opened], notes: list[str], options: ReadOptions, keep: bool
    ) -> None:
        self.path, self._book, self._sheets, self._options = book.path, book, sheets, options
        named = [SHEET] if len(sheets) > 1 else []
        forms = {opened.sheet.name: column_names([*opened.columns, *named]) for opened in sheets}
        self._forms = {
            opened.sheet.name: Form(
                opened.look, opened.region, forms[opened.sheet.name], opened.sheet.name if named else None
            )
            for opened in sheets
        }
        self.columns = tuple(dict.fromkeys(name for opened in sheets for name in opened.columns))
        if named:
            self.columns = tuple(dict.fromkeys([*self.columns, forms[sheets[0].sheet.name][-1]]))
        first = sheets[0].region
        self.header = None if first.names is None else tuple(name or "" for name in first.names)
        self.dialect = Dialect(
            "excel",
            header_line=first.header_line,
            header_rows=first.header_rows,
            sheets=tuple(opened.sheet.name for opened in sheets),
            reasons=tuple(dict.fromkeys(reason for opened in sheets for reason in opened.region.reasons)),
            confidence=min(opened.region.confidence for opened in sheets),
            notes=tuple(notes),
        )
        self._kept: dict[str, Grid] = {}
        self._keep = keep or len(sheets) == 1

    def pieces(self) -> Iterator[Piece]:
        """The counts come from the sheets' own records. Raises OSError, UnreadableFile `damaged`."""
        row, size = 1, self.path.stat().st_size
        total = sum(len(opened.numbers) for opened in self._sheets)
        for opened in self._sheets:
            for numbers, parse in self._cut(opened):
                done = size * (row + len(numbers) - 1) // total
                yield Piece(row, len(numbers), done, partial(parse, row), opened.sheet.name)
                row += len(numbers)

    def _cut(self, opened: _Opened) -> Iterator[tuple[Numbers, Callable[[int], Parsed]]]:
        numbers, name = opened.numbers, opened.sheet.name
        if not len(numbers):
            return
        form, size = self._forms[name], self._options.chunk_rows
        found: Grid | Iterator[Cells] | None = self._kept.get(name)
        if found is None:
            found = self._book.read(opened.sheet, opened.look, numbers, opened.region.reach, opened.fast)
        if isinstance(found, Grid):
            if self._keep:
                self._kept[name] = found
            for start in range(0, len(numbers), size):
                some = numbers[start : start + size]
                yield some, partial(parse_grid, found, form, some)
            return
        size = min(size, _FRUGAL_ROWS)
        for start in range(0, len(numbers), size):
            some = numbers[start : start + size]
            taken = list(islice(found, len(some)))
            if len(taken) < len(some):
                lost = EOFError(f"sheet {name!r} breaks off before row {some[len(taken)]}")
                raise damaged_workbook(self.path, lost)
            yield some, partial(parse_rows, taken, form, some)


def open_excel(path: Path, compression: str | None, options: ReadOptions) -> Table:
    """Open a workbook; its sheets are scanned once to count the rows that hold a value.

    Raises:
        OSError. UnreadableFile: `damaged`, `empty`, `header_only`, `no_header`, `no_such_sheet`, `encrypted`, `too_large`.
    """
    book = open_book(path, options.memory_mb)
    try:
        chosen, notes = _chosen(path, book, options)
        looks = [(sheet, book.look(sheet)) for sheet in chosen]
    finally:
        book.close()
    notes += [f"sheet '{sheet.name}' is empty and left out" for sheet, look in looks if not len(look.numbers)]
    notes += [_formulas(look, sheet.name) for sheet, look in looks if look.formulas]
    unknown = sum(look.formulas for _, look in looks)
    looks = [(sheet, look) for sheet, look in looks if len(look.numbers)]
    if not looks:
        raise _without_records(path, unknown, empty_file(path))
    fast = book.fast([look for _, look in looks], options.memory_mb)
    opened, problems = [], []
    for (sheet, look), fits in zip(looks, fast, strict=True):
        try:
            opened.append(replace(_opened(path, sheet, look, options), fast=fits))
        except UnreadableFile as problem:
            problems.append(problem)
            notes.append(f"sheet '{sheet.name}' left out: {problem.cause}")
    if not opened:
        raise problems[0]
    related, more = _related(opened, options)
    if unknown and not any(len(sheet.numbers) for sheet in related):
        raise _without_records(path, unknown, header_only(path))
    several = len(related) > 1
    notes += more + [
        f"sheet '{sheet.sheet.name}': {note}" if several else note
        for sheet in related
        for note in sheet.region.notes
    ]
    needs = sum(grid_bytes(sheet.look.rows, sheet.look.first + sheet.look.columns) for sheet in related)
    return ExcelTable(book, related, notes, options, keep=needs < options.memory_mb * MB // 2)


def _formulas(look: Look, sheet: str) -> str:
    """What is said of formulas without values: a program wrote them, and nobody has opened the workbook since."""
    first = f", the first in {look.formula}" if look.formula else ""
    cells = f"{look.formulas:,} formulas have" if look.formulas > 1 else "1 formula has"
    return f"sheet '{sheet}': {cells} no stored value{first}: never calculated, read as empty"


def _without_records(path: Path, formulas: int, otherwise: UnreadableFile) -> UnreadableFile:
    """The problem of a workbook without records, which may have formulas that would give some."""
    if not formulas:
        return otherwise
    cells = f"{formulas:,} formulas" if formulas > 1 else "1 formula"
    cause = f"{otherwise.cause}, only {cells} without a stored value: a program wrote them and they were never calculated"
    remedy = "Open it in a spreadsheet program, save it and send that"
    return UnreadableFile(path, otherwise.code, cause, remedy)


def _chosen(path: Path, book: Book, options: ReadOptions) -> tuple[list[Sheet], list[str]]:
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


def _opened(path: Path, sheet: Sheet, look: Look, options: ReadOptions) -> _Opened:
    """The sheet with its columns' names: from its header, or the contract's, by their place, if their number is that of the
    columns; without a contract they are numbered."""
    region = find_region(look, options)
    if region.names is not None:
        return _Opened(sheet, look, region, column_names(region.names))
    if options.positions and len(options.positions) != region.width:
        raise UnreadableFile(
            path,
            "no_header",
            f"sheet {sheet.name!r} has no row of column names, and its {counted(region.width, 'column is', 'columns are')} not the "
            f"{len(options.positions)} of the dataset",
            "Add a row of column names above the records",
        )
    names = options.positions or tuple(f"column_{place}" for place in range(1, region.width + 1))
    return _Opened(sheet, look, region, column_names(names))


def _related(opened: list[_Opened], options: ReadOptions) -> tuple[list[_Opened], list[str]]:
    """The sheets with the columns of the best one. That is the one with most of the contract's columns, or else the first that is
    no extract: whose columns are not some of those that more records have. Sheets that were asked for are read as they are."""
    if options.sheets:
        return opened, []
    known = {normalise(name) for name in options.expected}
    names = [_normalised(sheet) for sheet in opened]
    records: Counter[frozenset[str]] = Counter()
    for sheet, some in zip(opened, names, strict=True):
        records[some] += len(sheet.numbers)

    def rank(place: int) -> tuple[int, bool, bool]:
        some = names[place]
        extract = any(some < other and records[some] < records[other] for other in records)
        return len(known & some), len(opened[place].numbers) > 0, not extract

    best = names[max(range(len(opened)), key=rank)]
    alike = [_alike(some, best, known) for some in names]
    notes = [
        f"sheet '{sheet.sheet.name}' left out: its columns are others ({', '.join(sheet.columns[:5])})"
        for sheet, fits in zip(opened, alike, strict=True)
        if not fits
    ]
    return [sheet for sheet, fits in zip(opened, alike, strict=True) if fits], notes


def _alike(some: frozenset[str], best: frozenset[str], known: set[str]) -> bool:
    """Whether two sheets have the same columns. Where most columns of both are the contract's (in which a column may have several
    names), it does not matter which others they have."""
    ours, theirs = known & some, known & best
    mostly = 2 * len(ours) > len(some) and 2 * len(theirs) > len(best)
    return some == best or (mostly and len(ours) == len(theirs) and 2 * len(ours & theirs) >= len(theirs))


def _normalised(opened: _Opened) -> frozenset[str]:
    """Names of a sheet's columns, those without a name left out; numbers where it has no names at all."""
    names = opened.region.names or opened.columns
    return frozenset(normalise(name) for name in names if name)
