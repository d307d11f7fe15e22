"""A sheet through fastexcel: the whole grid at once, an order of magnitude faster than cell by cell.

What belongs here: the grid as canonical text. What does not: sheets too large for the memory budget (`frugal`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import fastexcel
import polars as pl

from pipeline.files.workbook.archive import Sheet, damaged_workbook
from pipeline.files.workbook.rows import SheetRows
from pipeline.files.workbook.text import moments_written, written

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
_COLUMN = re.compile(r"dtype for column (\S+)")
_STAMP = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_ROUNDED = r"^-?\d+\.\d{9}$"
Header = list[str | None]
Dtypes = dict[str | int, fastexcel.DType]


def load_grid(path: Path, sheet: Sheet, rows: SheetRows) -> tuple[Header, pl.DataFrame]:
    """(header cells, every row after the header's row up to the last, as String columns in sheet order).

    Raises:
        UnreadableFile: `damaged`.
    """
    try:
        reader = fastexcel.read_excel(str(path))
        loaded = _load(reader, sheet, rows, {})
        header = _header(loaded)
        batch, errors = loaded.to_arrow_with_errors()
        typed = pl.DataFrame(batch)
        texts = [written(column) for column in typed.get_columns()]
        texts = _without_doubt(reader, sheet, rows, typed, texts)
    except fastexcel.FastExcelError as error:
        raise damaged_workbook(path, error) from error
    grid = pl.DataFrame(texts)
    if errors is not None:
        grid = _with_errors(grid, errors)
    return header, grid.select(pl.when(pl.all() != "").then(pl.all()))


def _load(
    reader: fastexcel.ExcelReader, sheet: Sheet, rows: SheetRows, dtypes: Dtypes
) -> fastexcel.ExcelSheet:
    """The sheet with its columns' own types; a column of types that do not go together as text."""
    forced = dict(dtypes)
    while True:
        try:
            return reader.load_sheet(
                sheet.name,
                header_row=int(rows.numbers[0]) - 1,
                schema_sample_rows=None,
                dtypes=forced or None,
            )
        except fastexcel.UnsupportedColumnTypeCombinationError as error:
            found = _COLUMN.search(str(error))
            if found is None or found.group(1) in forced:
                raise
            forced[found.group(1)] = "string"


def _header(loaded: fastexcel.ExcelSheet) -> Header:
    """The header's cells; the library numbers repeated names (`a`, `a_1`) and invents missing ones."""
    names: Header = []
    for column in loaded.available_columns():
        base, _, number = column.name.rpartition("_")
        repeated = number.isdigit() and base in names
        given = column.column_name_from != "generated"
        names.append((base if repeated else column.name) if given else None)
    return names


def _without_doubt(
    reader: fastexcel.ExcelReader, sheet: Sheet, rows: SheetRows, typed: pl.DataFrame, texts: list[pl.Series]
) -> list[pl.Series]:
    """Columns of several types come as text, in which numbers are rounded and moments look like text: where that shows, the
    column is read once more as numbers, or as moments."""
    mixed = [index for index, dtype in enumerate(typed.dtypes) if dtype == pl.String]
    rounded = [index for index in mixed if texts[index].str.contains(_ROUNDED).any()]
    stamped = [index for index in mixed if texts[index].str.contains(_STAMP).any()]
    if rounded:
        numbers = _again(reader, sheet, rows, typed, rounded, "float")
        for index in rounded:
            texts[index] = _exact(texts[index], numbers.to_series(index))
    moments = (
        _again(reader, sheet, rows, typed, stamped, "datetime") if stamped and rows.dates_as_text else None
    )
    for index in stamped:
        sure = None if moments is None else moments.to_series(index).is_not_null()
        texts[index] = moments_written(texts[index], sure)
    return texts


def _again(
    reader: fastexcel.ExcelReader,
    sheet: Sheet,
    rows: SheetRows,
    typed: pl.DataFrame,
    columns: list[int],
    dtype: Literal["float", "datetime"],
) -> pl.DataFrame:
    dtypes: Dtypes = dict.fromkeys(typed.columns, "string")
    dtypes |= {typed.columns[index]: dtype for index in columns}
    return pl.DataFrame(_load(reader, sheet, rows, dtypes).to_arrow_with_errors()[0])


def _exact(texts: pl.Series, numbers: pl.Series) -> pl.Series:
    """Texts that are these numbers, rounded, as the numbers."""
    close = (texts.cast(pl.Float64, strict=False) - numbers).abs() < 1e-8
    return pl.select(pl.when(close).then(written(numbers)).otherwise(texts).alias(texts.name)).to_series()


def _with_errors(grid: pl.DataFrame, errors: fastexcel.CellErrors) -> pl.DataFrame:
    """Error cells as people see them (`#N/A`)."""
    by_column: dict[int, dict[int, str]] = {}
    for error in errors.errors:
        if found := _ERROR.search(error.detail):
            row, column = error.offset_position
            by_column.setdefault(column, {})[row] = _ERRORS.get(found.group(1), f"#{found.group(1)}")
    for column, texts in by_column.items():
        filled = grid.to_series(column).scatter(list(texts), list(texts.values()))
        grid = grid.with_columns(filled)
    return grid
