"""A sheet through openpyxl's read-only mode: row by row, in little memory, slowly.

What belongs here: runs of rows as canonical text. What does not: sheets that fit into memory (`fast`).
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from pipeline.files.workbook.guard import damaged_workbook
from pipeline.files.workbook.layout import Numbers, Sheet
from pipeline.files.workbook.text import cell_text

Cells = list[str | None]
# What the library raises where the XML is not as it expects.
_GARBLED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ParseError,
    InvalidFileException,
)


def iterate_rows(path: Path, sheet: Sheet, numbers: Numbers, reach: int) -> Iterator[Cells]:
    """The rows with these numbers, one after another, with their cells from column A up to `reach`, which is left out; `Written`
    where a cell is no text.

    Raises:
        UnreadableFile: `damaged`.
    """
    try:
        # The library refuses names without an extension of its own: it is given the file itself.
        with path.open("rb") as file:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            try:
                yield from _rows(book[sheet.name], numbers, reach)
            finally:
                book.close()
    except _GARBLED as error:
        raise damaged_workbook(path, error) from error
    except OSError as error:
        # Without a number it is not the system's: the library found no workbook among the parts.
        if error.errno is not None:
            raise
        raise damaged_workbook(path, error) from error


def _rows(worksheet: Any, numbers: Numbers, reach: int) -> Iterator[Cells]:
    if not len(numbers):
        return
    worksheet.reset_dimensions()
    wanted = iter(numbers.tolist())
    number, first = next(wanted, None), int(numbers[0])
    rows = worksheet.iter_rows(min_row=first, max_row=int(numbers[-1]), max_col=reach, values_only=True)
    for row, values in enumerate(rows, start=first):
        if row == number:
            yield [cell_text(value) for value in values[:reach]]
            number = next(wanted, None)
