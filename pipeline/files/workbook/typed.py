"""Which cells of a column of texts hold no text.

What belongs here: asking the sheet once more. What does not: values (`fast`).
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

import fastexcel
import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.files.workbook.layout import Sheet
from pipeline.files.workbook.library import Readable, open_reader

Flags = npt.NDArray[np.bool_]


class TypedCells:
    """`Grid.typed`, found when it is first asked for. The library makes truths of numbers and moments of dates, but neither of texts."""

    def __init__(self, path: Path, sheet: Sheet, top: int, rows: int) -> None:
        self._path, self._sheet, self._top, self._rows = path, sheet, top, rows
        self._known: dict[int, Flags] = {}
        self._lock = threading.Lock()

    def __call__(self, column: int) -> Flags:
        with self._lock:
            if column not in self._known:
                self._known[column] = self._found(column)
            return self._known[column]

    def _found(self, column: int) -> Flags:
        with Readable(self._path):
            reader = open_reader(self._path, self._sheet)
            truths, moments = self._read(reader, column, "boolean"), self._read(reader, column, "datetime")
        found: Flags = (truths.is_not_null() | moments.is_not_null()).to_numpy()
        return found

    def _read(
        self, reader: fastexcel.ExcelReader, column: int, dtype: Literal["boolean", "datetime"]
    ) -> pl.Series:
        loaded = reader.load_sheet(
            self._sheet.name,
            header_row=None,
            skip_rows=self._top - 1,
            n_rows=self._rows,
            dtypes=dtype,
            use_columns=lambda each: each.absolute_index == column,
        )
        return pl.DataFrame(loaded.to_arrow()).to_series()
