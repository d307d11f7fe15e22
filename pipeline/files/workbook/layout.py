"""What was seen of a sheet, and where its table lies.

What belongs here: the shapes that pass between looking at a sheet, finding its table and reading it. What does not: doing any
of that.

Columns are counted from 0 (column A), rows from 1, as in the sheet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipeline.files.workbook.kinds import Cells

Numbers = npt.NDArray[np.int64]
Line = tuple[int, Cells]


@dataclass(frozen=True)
class Sheet:
    """A worksheet: its name, whether people see it, and its part of the archive, if it has one."""

    name: str
    visible: bool
    part: str = ""


@dataclass(frozen=True)
class Look:
    """What one pass over a sheet has seen.

    Attributes:
        numbers: sheet rows that hold a value, ascending (Int64).
        first: the first column that holds a cell.
        columns: columns from there up to the last cell.
        head, tail: the first and the last of these rows, as text; they overlap in a short sheet.
        edges: the first few rows whose last cell lies in a column: column → (row, text).
        dates_as_text: whether some text looks like a date with time.
        booleans: columns with true or false in them, as far as known.
        codes: column → (rows, digits) of numbers that are shown with leading zeros.
        plain: whether the library is known to understand the sheet as it is meant.
        formulas: how many formulas have no value, as they were never calculated.
        formula: the cell of the first of them (`D2`).
    """

    numbers: Numbers
    first: int
    columns: int
    head: tuple[Line, ...] = ()
    tail: tuple[Line, ...] = ()
    edges: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    dates_as_text: bool = False
    booleans: frozenset[int] = frozenset()
    codes: Mapping[int, tuple[Numbers, Numbers]] = field(default_factory=dict)
    plain: bool = True
    formulas: int = 0
    formula: str = ""

    @property
    def rows(self) -> int:
        """Rows from the first of the sheet to the last that holds a value."""
        return int(self.numbers[-1]) if len(self.numbers) else 0


@dataclass(frozen=True)
class Region:
    """Where the table of a sheet lies.

    Attributes:
        first: its first column.
        names: cells of its header, one for each column; None: the sheet has none.
        width: its columns.
        header_line: sheet row of the header's first row.
        header_rows: rows of the header.
        begin, end: its records, as a slice of `Look.numbers`.
        reach: cells in this column and beyond are too far away to belong to it.
        reasons: why here.
        confidence: how sure, from 0 to 1.
        notes: what was left out.
    """

    first: int
    names: tuple[str | None, ...] | None
    width: int
    header_line: int | None
    header_rows: int
    begin: int
    end: int
    reach: int
    reasons: tuple[str, ...] = ()
    confidence: float = 1.0
    notes: tuple[str, ...] = ()


def letters(column: int) -> str:
    """The name of a column: 0 is A, 26 is AA."""
    name, column = "", column + 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name
