"""What is picked up beside the count of a sheet's rows: its first and last rows, true and false, codes with leading zeros,
formulas without values.

What belongs here: what can be picked from blocks of XML without looking at each cell. What does not: the count (`rows`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from pipeline.files.workbook.layout import Numbers

_HEAD, _TAIL, _HEAD_ROWS = 2 * 1024 * 1024, 256 * 1024, 400
_BOOLEAN = b' t="b"'
_BEFORE = 30
_TELLING = 4
_NAME = re.compile(rb'r="([A-Z]+)"[^<>]*$')
_REFERENCE = re.compile(rb"\sr=[\"']([A-Z]+\d+)[\"']")
# The library takes a shared text's number that is not all digits (a blank before it) for 0.
_NO_INDEX = re.compile(rb't="s"[^<>]*><(?:\w+:)?v>(?!\d+</)')
# A text that was calculated may be empty.
_TEXT = re.compile(rb"\st=[\"']str[\"']")


class Aside:
    """Fed with blocks of whole rows.

    Attributes:
        head, tail: XML of the first and of the last rows.
        booleans: names of columns with true or false in them.
        formulas: how many formulas have no value.
        formula: the cell of the first of them.
        odd: some cell is written so that the library takes it for another, or for none.
    """

    def __init__(self, codes: Mapping[int, int]) -> None:
        self.head = self.tail = b""
        self.booleans: set[bytes] = set()
        self.formulas, self.formula, self.odd = 0, "", False
        self._no_value = _NoValue(b"")
        self._digits = {b"%d" % style: digits for style, digits in codes.items()}
        self._coded = _coded(self._digits)
        self._codes: dict[bytes, tuple[list[int], list[int]]] = {}
        self._rows = self._looked = 0

    def begin(self, prefix: bytes) -> None:
        """The rows' elements have this prefix."""
        self._no_value = _NoValue(prefix)

    def keep(self, rows: bytes) -> None:
        """The next rows, from the first to the last that hold a value."""
        if self._rows < _HEAD_ROWS and len(self.head) < _HEAD:
            self.head += rows
            self._rows = self.head.count(b"row ")
        self.tail = rows if len(rows) >= _TAIL else self.tail[-_TAIL:] + rows

    def look(self, rows: bytes, *, known: bool = False) -> None:
        """The next rows; `known`: their cells are in columns, of types and with values or none as were in rows before."""
        if not known:
            self.odd = self.odd or b't="inlineStr"><v>' in rows
            # A program writes all cells alike: where each block has rows to be looked at, the first ones tell.
            if self._looked < _TELLING:
                self._looked += 1
                self.odd = self.odd or _NO_INDEX.search(rows) is not None
        if self.formulas or not known:
            # In rows without formulas and texts there is no such letter.
            for formula in self._no_value.cells(rows) if b"f" in rows else ():
                reference = _REFERENCE.search(formula)
                self.formula = self.formula or (reference.group(1).decode() if reference else "")
                self.formulas += 1
        if not known and _BOOLEAN in rows:
            # Without their digits, references of one column are all the same: few are left to look at.
            before = {part[-_BEFORE:].translate(None, b"0123456789") for part in rows.split(_BOOLEAN)[:-1]}
            self.booleans |= {found.group(1) for part in before if (found := _NAME.search(part))}
        if self._coded is not None:
            for cell in self._coded.finditer(rows):
                name, row, style = cell.groups()
                numbers, digits = self._codes.setdefault(name, ([], []))
                numbers.append(int(row))
                digits.append(self._digits[style])

    def codes(self) -> dict[bytes, tuple[Numbers, Numbers]]:
        """Name of a column → (rows, digits) of its codes."""
        return {
            name: (np.array(rows, dtype=np.int64), np.array(digits, dtype=np.int64))
            for name, (rows, digits) in self._codes.items()
        }


class _NoValue:
    """Cells with a formula and no value beside it."""

    def __init__(self, prefix: bytes) -> None:
        self._some = False
        end = rb"\s*(?:<%bv\s*/>|<%bv></%bv>)?\s*</%bc>" % ((prefix,) * 4)
        self._begin, self._close = b"<" + prefix + b"c", b"</" + prefix + b"f>"
        # Each begins with bytes that are found fast.
        self._ends = (re.compile(rb"</%bf>" % prefix + end), re.compile(rb"<%bf [^<>]*/>" % prefix + end))

    def cells(self, rows: bytes) -> list[bytes]:
        """The first tags of these cells, in their order. A formula that others share is written out in one of them."""
        self._some = self._some or self._close in rows
        if not self._some:
            return []
        found = []
        for match in (match for end in self._ends for match in end.finditer(rows)):
            start = rows.rfind(self._begin, 0, match.start())
            tag = rows[start : rows.find(b">", start) + 1]
            if not (_TEXT.search(tag) and b"v" in match.group()):
                found.append((start, tag))
        return [tag for _, tag in sorted(found)]


def _coded(styles: Mapping[bytes, int]) -> re.Pattern[bytes] | None:
    """Cells of numbers in these styles, as spreadsheet programs write them: reference, style, type."""
    if not styles:
        return None
    longest_first = sorted(styles, key=lambda style: (-len(style), style))
    return re.compile(rb'r="([A-Z]+)(\d+)" s="(' + b"|".join(longest_first) + rb')"(?: t="n")?\s*>')
