"""Pieces of a sheet as frames.

What belongs here: cells of consecutive records → the table's columns. What does not: getting the cells (`fast`, `frugal`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.files.names import column_names
from pipeline.files.table import ROW, Parsed
from pipeline.files.workbook.fast import Grid, text
from pipeline.files.workbook.frugal import Cells
from pipeline.files.workbook.layout import Look, Numbers, Region, letters
from pipeline.files.workbook.text import Written

SHEET = "_sheet"


@dataclass(frozen=True)
class Form:
    """How records of a sheet become a frame.

    Attributes:
        look, region: of the sheet.
        columns: names of the region's columns, and of the column with the sheet's name, if there is one.
        sheet: the sheet's name, where the frame gets it.
    """

    look: Look
    region: Region
    columns: tuple[str, ...]
    sheet: str | None


def parse_grid(grid: Grid, form: Form, numbers: Numbers, first_row: int) -> Parsed:
    """The rows with these numbers of a grid."""
    wanted = numbers - grid.top
    if int(wanted[-1] - wanted[0]) + 1 == len(wanted):
        taken = grid.frame.slice(int(wanted[0]), len(wanted))
    else:
        taken = grid.frame[wanted[wanted < grid.frame.height].tolist()]
    short = len(numbers) - taken.height
    if short:
        taken = pl.concat([taken, pl.DataFrame(schema=taken.schema).clear(short)])
    cells = dict(zip(grid.columns, taken.get_columns(), strict=True))

    def column(at: int) -> pl.Series | None:
        return text(cells[at]) if at in cells else None

    def typed(at: int) -> pl.Series:
        if at not in cells:
            return pl.Series([False]).new_from_index(0, len(numbers))
        if cells[at].dtype != pl.String:
            return cells[at].is_not_null()
        is_typed = grid.typed(at)
        return pl.Series(is_typed[np.minimum(wanted, len(is_typed) - 1)] & (wanted < len(is_typed)))

    return _parsed(column, typed, grid.columns, form, numbers, first_row)


def parse_rows(rows: list[Cells], form: Form, numbers: Numbers, first_row: int) -> Parsed:
    """These rows, of which each begins in column A."""
    filled = {at for row in rows for at, text in enumerate(row) if text is not None}

    def column(at: int) -> pl.Series:
        return pl.Series([row[at] if at < len(row) else None for row in rows], dtype=pl.String)

    def typed(at: int) -> pl.Series:
        return pl.Series([at < len(row) and type(row[at]) is Written for row in rows], dtype=pl.Boolean)

    return _parsed(column, typed, tuple(sorted(filled)), form, numbers, first_row)


def _parsed(
    cells: Callable[[int], pl.Series | None],
    typed: Callable[[int], pl.Series],
    present: tuple[int, ...],
    form: Form,
    numbers: Numbers,
    first_row: int,
) -> Parsed:
    """The table's columns, and those beside them that hold a value here."""
    height, region = len(numbers), form.region
    empty = pl.Series([None] * height, dtype=pl.String)
    edge = region.first + region.width

    def column(at: int) -> pl.Series:
        found = cells(at)
        return empty if found is None else _with_zeros(found, form.look.codes.get(at), numbers)

    columns = [column(at) for at in range(region.first, edge)]
    places: list[int | None] = list(range(region.first, edge))
    names = list(form.columns[: region.width])
    if form.sheet is not None:
        columns.append(pl.Series([form.sheet], dtype=pl.String).new_from_index(0, height))
        names.append(form.columns[-1])
        places.append(None)
    for at in (at for at in present if not region.first <= at < edge):
        if (beside := column(at)).null_count() < height:
            columns.append(beside)
            places.append(at)
            names.append(f"column_{at - region.first + 1}" if at >= edge else f"column_{letters(at)}")
    named = column_names(names)
    frame = pl.DataFrame([series.alias(name) for series, name in zip(columns, named, strict=True)])
    numbered = pl.int_range(first_row, first_row + height, dtype=pl.Int64, eager=True)

    def lines(rows: pl.Series) -> pl.Series:
        return pl.Series(rows.name, numbers[rows.to_numpy() - first_row], dtype=pl.Int64)

    def typed_of(name: str) -> pl.Series:
        at = places[named.index(name)]
        return (pl.Series([False]).new_from_index(0, height) if at is None else typed(at)).alias(name)

    return Parsed(frame.with_columns(numbered.alias(ROW)), lines=lines, typed=typed_of)


def _with_zeros(column: pl.Series, codes: tuple[Numbers, Numbers] | None, numbers: Numbers) -> pl.Series:
    """A column with the leading zeros that its number formats show."""
    if codes is None:
        return column
    rows, digits = codes
    places = np.searchsorted(rows, numbers)
    found = (places < len(rows)) & (rows[np.minimum(places, len(rows) - 1)] == numbers)
    wide = pl.Series(np.where(found, digits[np.minimum(places, len(rows) - 1)], 0))
    whole = column.str.contains(r"^\d+$")
    padded = pl.when(whole & (wide > 0)).then(_padded(column, wide)).otherwise(column)
    return pl.select(padded.alias(column.name)).to_series()


def _padded(column: pl.Series, wide: pl.Series) -> pl.Series:
    result = column
    for digits in wide.unique().to_list():
        result = result.zip_with(wide != digits, column.str.zfill(digits))
    return result
