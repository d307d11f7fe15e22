"""Which rows of a sheet hold anything, from its XML.

What belongs here: the scan of `<row>` and `<c>` elements, made to be fast. What does not: values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from pipeline.files.workbook.aside import Aside
from pipeline.files.workbook.layout import Numbers

DATE_TEXT = re.compile(rb"-\d\d-\d\d \d\d:\d\d:\d\d")
_ONE_LETTER = re.compile(rb'<c r="[A-Z]\d')
_LESS = ord("<")
_NUMBER = re.compile(rb"\sr=[\"'](\d+)[\"']")
_REFERENCE = re.compile(rb"\sr=[\"']([A-Z]+)\d+[\"']")
_EDGES, _CELL = 500, 2000
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384
_PREFIX = re.compile(rb"<(\w+:)?sheetData[\s/>]")


@dataclass(frozen=True)
class SheetRows:
    """What a sheet's rows hold.

    Attributes:
        numbers: sheet rows, from 1, that hold a value, ascending (Int64).
        first: columns before the first that holds a cell in any of these rows.
        columns: columns from there up to the last cell.
        dates_as_text: whether some text looks like a date with time.
        head, tail: XML of the first and of the last rows, whole ones, as it is.
        edges: the first few rows whose last cell lies in a column: column → (row, XML of the cell).
        booleans: columns with true or false in them.
        codes: column → (rows, digits) of numbers that are shown with leading zeros.
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


@dataclass(frozen=True)
class SharedTexts:
    """The texts that cells refer to: bytes of their XML, the numbers of the empty ones, and whether any looks like a date."""

    size: int
    empty: frozenset[bytes]
    dates_as_text: bool


class RowCounter:
    """Fed with the XML of one sheet, block by block. `codes`: numbers of the styles that show leading zeros, with their digits."""

    def __init__(self, shared: SharedTexts, codes: Mapping[int, int] | None = None) -> None:
        self._shared, self._aside = shared, Aside(codes or {})
        self._numbers: list[int] = []
        self._first, self._last, self._number = 1 << 20, 0, 0
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
        end = data.find(self._end)
        self._ended = end >= 0
        end = end if self._ended else len(data)
        self._dates = self._dates or DATE_TEXT.search(data) is not None
        start = data.find(self._open, 0, end)
        last = end if self._ended else data.rfind(self._open, 0, end)
        if start >= 0 and last > start:
            rows = data[start:last]
            self._aside.look(rows)
            if not self._even(rows):
                self._each(data, start, last)
        self._carry = data[last:] if last >= 0 else data[-len(self._end) :]

    def _even(self, data: bytes) -> bool:
        """Rows that all hold a value and whose numbers have no gap, taken at one go; False if they are not like that."""
        rows = data.split(self._open + b" ")[1:]
        if not rows or self._shared.empty or self._value + b"<" in data or self._open + b">" in data:
            return False
        first, last = _NUMBER.search(b" " + rows[0]), _NUMBER.search(b" " + rows[-1])
        value = self._value
        if not first or not last or not all(value in row for row in rows):
            return False
        begin, end = int(first.group(1)), int(last.group(1))
        if end - begin + 1 != len(rows) or begin <= self._number:
            return False
        self._numbers.extend(range(begin, end + 1))
        self._number = end
        cell = self._cell
        edges = {row[at + 1 : at + 9] for row in rows if (at := row.find(b">"))}
        edges |= {row[at : at + 8] for row in rows if (at := row.rfind(cell))}
        if not edges <= self._seen:
            for number, row in enumerate(rows, start=begin):
                self._extent(number, row, row.find(b">"), max(row.rfind(cell), 0), len(row))
        return True

    def _each(self, data: bytes, start: int, end: int) -> None:
        while start >= 0:
            following = data.find(self._open, start + 4, end)
            self._row(data, start, following if following >= 0 else end)
            start = following

    def result(self) -> SheetRows:
        """What was found. XML that breaks off keeps the rows that it has: reading the values then tells what is wrong.

        Raises:
            ValueError: rows out of order, or beyond what a sheet can have.
        """
        if self._started and not self._ended and (start := self._carry.find(self._open)) >= 0:
            self._each(self._carry, start, len(self._carry))
        if max([self._number, *self._numbers[-1:]]) > LAST_ROW or self._last > LAST_COLUMN:
            raise ValueError("it has cells beyond the last row or column that a sheet can have")
        first = min(self._first, self._last)
        numbers = np.array(self._numbers, dtype=np.int64)
        if (np.diff(numbers) <= 0).any():
            raise ValueError("its rows are not in their order")
        edges = {edge - 1: cell for edge, cell in self._edges.items()}
        aside = self._aside
        booleans = frozenset(_column(name) - 1 for name in aside.booleans)
        codes = {_column(name) - 1: found for name, found in aside.codes().items()}
        return SheetRows(
            numbers, first, self._last - first, self._dates, aside.head, aside.tail, edges, booleans, codes
        )

    def _start(self, data: bytes) -> bool:
        """Find out which prefix, if any, the elements have."""
        found = _PREFIX.search(data)
        if found is None:
            return False
        prefix = found.group(1) or b""
        self._started = True
        self._open, self._end = b"<" + prefix + b"row", b"</" + prefix + b"sheetData>"
        self._cell, self._value = b"<" + prefix + b"c ", b"<" + prefix + b"v>"
        self._filled = re.compile(rb"<" + prefix + rb"[vt](?:\s[^>]*)?>[^<]")
        self._cells = re.compile(
            rb"<%bc\b([^>]*[^/])>((?:(?!</%bc>).)*)</%bc>" % (prefix, prefix, prefix), re.DOTALL
        )
        return True

    def _row(self, data: bytes, start: int, end: int) -> None:
        inside = data.find(b">", start, end)
        value = data.find(self._value, inside, end)
        self._number = self._row_number(data, start, inside)
        doubtful = value < 0 or data[value + len(self._value)] == _LESS or self._shared.empty
        if doubtful and not self._holds_value(data, inside, end):
            return
        self._numbers.append(self._number)
        last = data.rfind(self._cell, inside, end)
        if data[inside + 1 : inside + 9] not in self._seen or data[last : last + 8] not in self._seen:
            self._extent(self._number, data, inside, max(last, inside), end)

    def _row_number(self, data: bytes, start: int, end: int) -> int:
        begin = start + len(self._open)
        if data[begin : begin + 4] == b' r="':
            return int(data[begin + 4 : data.index(b'"', begin + 4)])
        given = _NUMBER.search(data, start, end)
        return int(given.group(1)) if given else self._number + 1

    def _extent(self, number: int, data: bytes, first: int, last: int, end: int) -> None:
        """Widen to the first and the last cell of a row. Cells in columns of one letter are looked at
        once."""
        left = _REFERENCE.search(data, first, end)
        right = _REFERENCE.search(data, last, end)
        self._first = min(self._first, _column(left.group(1)) - 1 if left else 0)
        edge = _column(right.group(1)) if right else data.count(self._cell[:-1], first, end)
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


@cache
def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
