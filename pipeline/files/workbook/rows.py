"""Which rows of a sheet hold anything, from its XML.

What belongs here: the scan of `<row>` and `<c>` elements, made to be fast. What does not: values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.files.workbook.aside import Aside
from pipeline.files.workbook.far import CELL_COLUMN, ROW_NUMBER, column_number, refuse_far_cells
from pipeline.files.workbook.layout import Numbers
from pipeline.files.workbook.shapes import Shapes
from pipeline.files.workbook.shared import DATE_TEXT, SharedTexts

_ONE_LETTER = re.compile(rb'<c r="[A-Z]\d')
_LESS = ord("<")
_EDGES, _CELL = 500, 2000
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
_START = re.compile(rb"<(\w+:)?sheetData(?:\s[^<>]*?)?(/?)>")


@dataclass(frozen=True)
class SheetRows:
    """What a sheet's rows hold.

    Attributes:
        numbers: sheet rows, from 1, that hold a value, ascending (Int64).
        first: columns before the first that holds a cell in any of these rows.
        columns: columns from there up to the last cell.
        dates_as_text: whether some text looks like a date with time.
        head, tail: XML of the first and of the last rows that hold a value, and of those between them; whole rows, as it is.
        edges: the first few rows whose last cell lies in a column: column → (row, XML of the cell).
        booleans: columns with true or false in them.
        codes: column → (rows, digits) of numbers that are shown with leading zeros.
        last: the last row in `tail`.
        plain: no cell was seen that the library takes for another.
        formulas, formula: how many formulas have no value, and the cell of the first of them.
    """

    numbers: Numbers
    first: int
    columns: int
    dates_as_text: bool
    head: bytes
    tail: bytes
    edges: dict[int, tuple[int, bytes]]
    booleans: frozenset[int]
    codes: dict[int, tuple[Numbers, Numbers]]
    last: int
    formulas: int
    formula: str
    plain: bool


class RowCounter:
    """Fed with the XML of one sheet, block by block. `codes`: numbers of the styles that show leading zeros, with their digits."""

    def __init__(self, shared: SharedTexts, codes: Mapping[int, int] | None = None) -> None:
        self._shared, self._aside = shared, Aside(codes or {})
        self._runs: list[Numbers] = []
        self._numbers: list[int] = []
        self._first, self._last, self._number, self._tail_last = 1 << 20, 0, 0, 0
        self._dates = shared.dates_as_text
        self._carry = b""
        self._seen: set[bytes] = set()
        self._edges: dict[int, tuple[int, bytes]] = {}
        self._started = self._ended = False

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        if self._ended:
            return
        data = self._carry + data
        if not self._started and not self._start(data):
            self._carry = data
            return
        if self._ended:
            return
        end = data.find(self._end)
        self._ended = end >= 0
        end = end if self._ended else len(data)
        self._dates = self._dates or DATE_TEXT.search(data) is not None
        start = data.find(self._open, 0, end)
        last = end if self._ended else data.rfind(self._open, 0, end)
        if start >= 0 and last > start:
            self._some(data, start, last)
        self._carry = data[last:] if last >= 0 else data[-len(self._end) :]

    def _some(self, data: bytes, start: int, last: int) -> None:
        """Whole rows: those that all hold a value and whose numbers have no gap at one go, others one by one."""
        rows = data[start:last]
        refuse_far_cells(rows, self._open)
        judged = self._shapes.judge(rows)
        if judged is None:
            even = self._even(rows)
        elif even := self._follow(rows, judged[0]):
            if judged[1]:
                self._extents(rows.split(self._open + b" ")[1:])
            self._shapes.learn(judged[1])
        begin, end = (start, last) if even else self._each(data, start, last)
        if even or begin < end:
            self._aside.keep(data[begin:end])
            self._tail_last = self._number if even else self._numbers[-1]
        self._aside.look(rows, known=judged is not None and not judged[1])

    def _even(self, rows: bytes) -> bool:
        """Take rows that differ too much for their shapes to be told; False if they have to be taken one by one."""
        parts, value, cell = rows.split(self._open + b" ")[1:], self._value, self._cell
        if not parts or self._shared.empty or value + b"<" in rows or self._open + b">" in rows:
            return False
        if not all(value in part for part in parts) or not self._follow(rows, len(parts)):
            return False
        edges = {part[at : at + 8] for part in parts if (at := part.rfind(cell))}
        if self._first:
            edges |= {part[at + 1 : at + 9] for part in parts if (at := part.find(b">"))}
        if not edges <= self._seen:
            self._extents(parts)
        return True

    def _follow(self, rows: bytes, count: int) -> bool:
        """Take the numbers of so many rows, all with a value, if they have no gap."""
        last = rows.rfind(self._open + b" ")
        begin, end = (ROW_NUMBER.search(rows, at, rows.find(b">", at)) for at in (0, last))
        if not begin or not end:
            return False
        first, number = int(begin.group(1)), int(end.group(1))
        if number - first + 1 != count or first <= self._number or number > LAST_ROW:
            return False
        self._runs += [np.array(self._numbers, dtype=np.int64), np.arange(first, number + 1, dtype=np.int64)]
        self._numbers, self._number = [], number
        return True

    def _extents(self, parts: list[bytes]) -> None:
        """Widen to these rows, of which the last is the last that was counted."""
        for number, part in enumerate(parts, start=self._number - len(parts) + 1):
            self._extent(number, part, part.find(b">"), max(part.rfind(self._cell), 0), len(part))

    def _each(self, data: bytes, start: int, end: int) -> tuple[int, int]:
        """Take rows one by one; gives the run from the first to the last that hold a value. Rows that do not say their number are
        told by those before them, which then belong to it."""
        begin = -1 if ROW_NUMBER.search(data, start, data.find(b">", start)) else start
        last = start
        while start >= 0:
            following = data.find(self._open, start + 4, end)
            stop = following if following >= 0 else end
            if self._row(data, start, stop):
                begin, last = (start if begin < 0 else begin), stop
            start = following
        return (begin, last) if begin >= 0 else (last, last)

    def result(self) -> SheetRows:
        """What was found.

        Raises:
            ValueError: rows that break off, out of order, or beyond what a sheet can have.
        """
        if self._started and not self._ended:
            raise ValueError(f"its sheet breaks off after row {self._number}")
        if self._last > LAST_COLUMN:
            raise ValueError("it has cells beyond the last column that a sheet can have")
        first = min(self._first, self._last)
        numbers = np.concatenate([*self._runs, np.array(self._numbers, dtype=np.int64)])
        if (np.diff(numbers) <= 0).any():
            raise ValueError("its rows are not in their order")
        edges = {edge - 1: cell for edge, cell in self._edges.items()}
        aside = self._aside
        booleans = frozenset(column_number(name) - 1 for name in aside.booleans)
        codes = {column_number(name) - 1: found for name, found in aside.codes().items()}
        return SheetRows(
            numbers,
            first,
            self._last - first,
            self._dates,
            aside.head,
            aside.tail,
            edges,
            booleans,
            codes,
            self._tail_last,
            aside.formulas,
            aside.formula,
            not aside.odd,
        )

    def _start(self, data: bytes) -> bool:
        """Find out which prefix, if any, the elements have; False if the rows have not begun yet."""
        found = _START.search(data)
        if found is None:
            return False
        prefix = found.group(1) or b""
        self._started, self._ended = True, bool(found.group(2))
        self._open, self._end = b"<" + prefix + b"row", b"</" + prefix + b"sheetData"
        self._cell, self._value = b"<" + prefix + b"c ", b"<" + prefix + b"v>"
        self._shapes = Shapes(prefix, bool(self._shared.empty))
        self._aside.begin(prefix)
        self._filled = re.compile(rb"<" + prefix + rb"[vt](?:\s[^>]*)?>[^<]")
        self._cells = re.compile(
            rb"<%bc\b([^>]*[^/])>((?:(?!</%bc>).)*)</%bc>" % (prefix, prefix, prefix), re.DOTALL
        )
        return True

    def _row(self, data: bytes, start: int, end: int) -> bool:
        """Take a row; says whether it holds a value."""
        inside = data.find(b">", start, end)
        value = data.find(self._value, inside, end)
        self._number = self._row_number(data, start, inside)
        if self._number > LAST_ROW:
            raise ValueError("it has rows beyond the last that a sheet can have")
        doubtful = value < 0 or data[value + len(self._value)] == _LESS or self._shared.empty
        if doubtful and not self._holds_value(data, inside, end):
            return False
        self._numbers.append(self._number)
        last = data.rfind(self._cell, inside, end)
        if data[inside + 1 : inside + 9] not in self._seen or data[last : last + 8] not in self._seen:
            self._extent(self._number, data, inside, max(last, inside), end)
        return True

    def _row_number(self, data: bytes, start: int, end: int) -> int:
        begin = start + len(self._open)
        if data[begin : begin + 4] == b' r="' and (digits := data[begin + 4 : data.index(b'"', begin + 4)]):
            return int(digits)
        given = ROW_NUMBER.search(data, start, end)
        return int(given.group(1)) if given else self._number + 1

    def _extent(self, number: int, data: bytes, first: int, last: int, end: int) -> None:
        """Widen to the first and the last cell of a row. Cells in columns of one letter are looked at
        once."""
        left = CELL_COLUMN.search(data, first, end)
        right = CELL_COLUMN.search(data, last, end)
        self._first = min(self._first, column_number(left.group(1)) - 1 if left else 0)
        edge = column_number(right.group(1)) if right else data.count(self._cell[:-1], first, end)
        self._last = max(self._last, edge)
        if edge not in self._edges and len(self._edges) < _EDGES:
            self._edges[edge] = (number, data[last : min(end, last + _CELL)])
        for seen in (data[first + 1 : first + 9], data[last : last + 8]):
            if _ONE_LETTER.fullmatch(seen):
                self._seen.add(seen)

    def _holds_value(self, data: bytes, start: int, end: int) -> bool:
        """The careful look: values may be empty, or refer to an empty shared text."""
        for cell in self._cells.finditer(data, start, end):
            filled = self._filled.search(cell.group(2))
            if filled is None:
                continue
            shared = re.search(rb"\st=[\"']s[\"']", cell.group(1)) is not None
            if not shared or cell.group(2).split(b">", 1)[1].split(b"<", 1)[0] not in self._shared.empty:
                return True
        return False
