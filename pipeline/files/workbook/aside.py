"""What is picked up beside the count of a sheet's rows: its first and last rows, true and false, codes with leading zeros.

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
_NAME = re.compile(rb'r="([A-Z]+)"[^<>]*$')


class Aside:
    """Fed with blocks of whole rows.

    Attributes:
        head, tail: XML of the first and of the last rows.
        booleans: names of columns with true or false in them.
    """

    def __init__(self, codes: Mapping[int, int]) -> None:
        self.head = self.tail = b""
        self.booleans: set[bytes] = set()
        self._digits = {b"%d" % style: digits for style, digits in codes.items()}
        self._coded = _coded(self._digits)
        self._codes: dict[bytes, tuple[list[int], list[int]]] = {}
        self._rows = 0

    def look(self, rows: bytes, *, known: bool = False) -> None:
        """The next rows; `known`: their cells are in columns and of types that were in rows before."""
        if self._rows < _HEAD_ROWS and len(self.head) < _HEAD:
            self.head += rows
            self._rows = self.head.count(b"row ")
        self.tail = rows if len(rows) >= _TAIL else self.tail[-_TAIL:] + rows
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


def _coded(styles: Mapping[bytes, int]) -> re.Pattern[bytes] | None:
    """Cells of numbers in these styles, as spreadsheet programs write them: reference, style, type."""
    if not styles:
        return None
    longest_first = sorted(styles, key=lambda style: (-len(style), style))
    return re.compile(rb'r="([A-Z]+)(\d+)" s="(' + b"|".join(longest_first) + rb')"(?: t="n")?\s*>')
