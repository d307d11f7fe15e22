"""A sheet through openpyxl's read-only mode: row by row, in little memory, slowly.

What belongs here: runs of rows as canonical text. What does not: sheets that fit into memory (`fast`).
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from pipeline.files.workbook.archive import Sheet, damaged_workbook
from pipeline.files.workbook.rows import SheetRows
from pipeline.files.workbook.text import text_of

Cells = list[str | None]


def iterate_rows(path: Path, sheet: Sheet, rows: SheetRows) -> Iterator[Cells]:
    """The rows that hold a value, one after another, each as wide as its cells.

    Raises:
        UnreadableFile: `damaged`.
    """
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            yield from _rows(book[sheet.name], rows)
        finally:
            book.close()
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, ParseError, InvalidFileException) as error:
        raise damaged_workbook(path, error) from error


def _rows(worksheet: Any, rows: SheetRows) -> Iterator[Cells]:
    worksheet.reset_dimensions()
    wanted = iter(rows.numbers.tolist())
    number = next(wanted, None)
    for row, values in enumerate(worksheet.iter_rows(values_only=True), start=1):
        if row == number:
            yield [text_of(value) for value in values[rows.first :]]
            number = next(wanted, None)


def take(rows: Iterator[Cells], count: int) -> list[Cells]:
    """The next `count` rows, fewer only at the end."""
    return list(islice(rows, count))
