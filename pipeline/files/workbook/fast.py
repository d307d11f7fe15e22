"""A sheet through fastexcel: the whole grid at once, an order of magnitude faster than cell by cell.

What belongs here: the grid as canonical text. What does not: sheets too large for the memory budget (`frugal`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import fastexcel
import polars as pl

from pipeline.files.workbook.layout import Line, Look, Numbers, Sheet
from pipeline.files.workbook.library import Readable, not_by_library, open_reader
from pipeline.files.workbook.text import doubtful_moments, moments_written, written
from pipeline.files.workbook.typed import Flags, TypedCells

_ERRORS = {
    "NA": "#N/A",
    "Div0": "#DIV/0!",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}
_ERROR = re.compile(r"Error\((\w+)\)")
# Texts such as NA and NULL do not keep the library from taking a column for numbers: they come back as what it could not read.
_WORD = re.compile(r"String\(\"(.*)\"\)", re.DOTALL)
_COLUMN = re.compile(r"dtype for column (\S+)")
_STAMP = r"^[-+]?\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d"
# As the library writes numbers among texts: at most nine decimals, so that a number may have lost some.
_ROUNDED = r"^-?(?:\d+\.\d{0,8}[1-9]|0)$"
_ALL = 1 << 20
Dtypes = dict[str | int, fastexcel.DType]


@dataclass(frozen=True)
class Grid:
    """Some rows of a sheet.

    Attributes:
        top: sheet row of the first.
        columns: the column in the sheet (from 0) of each column of the frame, ascending.
        frame: its cells, each column in its own type; `text` is how they are read.
        typed: given a column in the sheet whose type is text, which of its cells hold something else, by row from `top` on (maybe
            fewer rows than the frame has). The sheet is read once more for that.
    """

    top: int
    columns: tuple[int, ...]
    frame: pl.DataFrame
    typed: Callable[[int], Flags]


def text(column: pl.Series) -> pl.Series:
    """Some cells of a grid's column as canonical text (String); it is made piece by piece, by whoever reads the piece."""
    texts = written(column)
    empty = texts == ""
    return texts.set(empty, None) if empty.any() else texts


@dataclass(frozen=True)
class _Place:
    """What is loaded: rows of a sheet, columns before `reach`."""

    path: Path
    reader: fastexcel.ExcelReader
    sheet: Sheet
    top: int
    rows: int
    reach: int


def load_grid(path: Path, sheet: Sheet, look: Look, top: int, bottom: int, reach: int) -> Grid:
    """The sheet's rows from `top` to `bottom` (both included), the columns before `reach`, as far as they hold a cell.

    Raises:
        NotByLibrary: it cannot read the sheet, or there is a moment in it that it takes for another.
    """
    with Readable(path):
        place = _Place(path, open_reader(path, sheet), sheet, top, bottom + 1 - top, reach)
        loaded = _load(place, {})
        selected = loaded.selected_columns
        columns = tuple(column.absolute_index for column in selected)
        batch, errors = loaded.to_arrow_with_errors()
        del loaded
        typed = pl.DataFrame(batch)
        del batch
        frame = pl.DataFrame(_without_doubt(place, look, columns, typed.schema, typed.get_columns()))
    if errors is not None:
        frame = _with_errors(path, frame, {column.index: at for at, column in enumerate(selected)}, errors)
    return Grid(top, columns, frame, TypedCells(path, sheet, top, bottom + 1 - top))


def load_lines(path: Path, sheet: Sheet, numbers: Numbers) -> tuple[Line, ...]:
    """The rows with these numbers as text, in which numbers may be rounded.

    Raises:
        NotByLibrary: it cannot read the sheet.
    """
    top, rows = int(numbers[0]), int(numbers[-1] - numbers[0]) + 1
    with Readable(path):
        loaded = _load(_Place(path, open_reader(path, sheet), sheet, top, rows, _ALL), None)
        selected = loaded.selected_columns
        batch, errors = loaded.to_arrow_with_errors()
    frame = pl.DataFrame(batch)
    if errors is not None:
        frame = _with_errors(path, frame, {column.index: at for at, column in enumerate(selected)}, errors)
    places = numbers - top
    taken = frame[places[places < frame.height].tolist()]
    texts = pl.DataFrame([moments_written(column, None) for column in taken.get_columns()])
    found = {
        number: {column.absolute_index: text for column, text in zip(selected, row, strict=True) if text}
        for number, row in zip(numbers.tolist(), texts.iter_rows(), strict=False)
    }
    return tuple((number, found.get(number, {})) for number in numbers.tolist())


def _load(place: _Place, dtypes: Dtypes | None) -> fastexcel.ExcelSheet:
    """The sheet with its columns' own types; a column of types that do not go together as text. None: all as text."""
    forced, reach = dict(dtypes or {}), place.reach
    while True:
        try:
            return place.reader.load_sheet(
                place.sheet.name,
                header_row=None,
                skip_rows=place.top - 1,
                n_rows=place.rows,
                schema_sample_rows=None,
                dtypes="string" if dtypes is None else forced or None,
                use_columns=lambda column: column.absolute_index < reach,
            )
        except fastexcel.UnsupportedColumnTypeCombinationError as error:
            found = _COLUMN.search(str(error))
            # Among other values, a duration would come as a moment.
            if found is None or found.group(1) in forced or (dtypes is not None and "Duration" in str(error)):
                raise
            forced[found.group(1)] = "string"


def _without_doubt(
    place: _Place, look: Look, columns: tuple[int, ...], typed: pl.Schema, cells: list[pl.Series]
) -> list[pl.Series]:
    """Columns of several types come as text, in which numbers are rounded and moments look like text; truths among numbers come
    as numbers. Where that shows, the column is read once more as numbers, as moments, or as text."""
    truths = [
        index
        for index, (column, dtype) in enumerate(zip(columns, typed.dtypes(), strict=True))
        if column in look.booleans and dtype.is_numeric()
    ]
    if truths:
        words = _again(place, typed, truths, "string")
        for index in truths:
            truth = words.to_series(index)
            chosen = pl.when(truth.is_in(["true", "false"])).then(truth).otherwise(written(cells[index]))
            cells[index] = pl.select(chosen.alias(truth.name)).to_series()
    mixed = [index for index, dtype in enumerate(typed.dtypes()) if dtype == pl.String]
    rounded = [index for index in mixed if cells[index].str.contains(_ROUNDED).any()]
    stamped = [index for index in mixed if cells[index].str.contains(_STAMP).any()]
    timed = [index for index, dtype in enumerate(typed.dtypes()) if dtype == pl.Datetime]
    if any(doubtful_moments(cells[index]) for index in [*stamped, *timed]):
        raise not_by_library(place.path, ValueError("it has dates before March 1900, or beyond 9999"))
    if rounded:
        numbers = _again(place, typed, rounded, "float")
        for index in rounded:
            cells[index] = _exact(cells[index], numbers.to_series(index))
    moments = _again(place, typed, stamped, "datetime") if stamped and look.dates_as_text else None
    for index in stamped:
        sure = None if moments is None else moments.to_series(index).is_not_null()
        cells[index] = moments_written(cells[index], sure)
    return cells


def _again(
    place: _Place, typed: pl.Schema, columns: list[int], dtype: Literal["float", "datetime", "string"]
) -> pl.DataFrame:
    names = typed.names()
    dtypes: Dtypes = dict.fromkeys(names, "string")
    dtypes |= {names[index]: dtype for index in columns}
    return pl.DataFrame(_load(place, dtypes).to_arrow_with_errors()[0])


def _exact(texts: pl.Series, numbers: pl.Series) -> pl.Series:
    """Texts that are these numbers, rounded, as the numbers; a text of digits that a number would not be written with stays."""
    close = texts.str.contains(_ROUNDED) & ((texts.cast(pl.Float64, strict=False) - numbers).abs() < 1e-8)
    return pl.select(pl.when(close).then(written(numbers)).otherwise(texts).alias(texts.name)).to_series()


def _with_errors(
    path: Path, frame: pl.DataFrame, places: dict[int, int], errors: fastexcel.CellErrors
) -> pl.DataFrame:
    """Error cells as people see them (`#N/A`), and words among numbers. `places`: index of a column → its place in the frame. Raises
    NotByLibrary."""
    by_column: dict[int, dict[int, str]] = {}
    for error in errors.errors:
        row, column = error.offset_position[0], places[error.offset_position[1]]
        if found := _ERROR.search(error.detail):
            by_column.setdefault(column, {})[row] = _ERRORS.get(found.group(1), f"#{found.group(1)}")
        elif found := _WORD.search(error.detail):
            by_column.setdefault(column, {})[row] = found.group(1)
        else:
            raise not_by_library(path, ValueError(f"a cell cannot be read: {error.detail}"))
    for column, texts in by_column.items():
        cells = written(frame.to_series(column))
        frame = frame.with_columns(cells.scatter(list(texts), list(texts.values())))
    return frame
