"""Where cells of a sheet's XML say that they are, and those that say they are far from where they stand.

What belongs here: references of rows and cells. What does not: counting rows (`rows`).
"""

from __future__ import annotations

import re
from functools import cache

ROW_NUMBER = re.compile(rb"\sr=[\"'](\d+)[\"']")
CELL_COLUMN = re.compile(rb"\sr=[\"']([A-Z]+)\d+[\"']")
_FAR_COLUMN = re.compile(rb' r="[A-Z]{3}')
_DIGITS = 3


def refuse_far_cells(rows: bytes, begin: bytes) -> None:
    """Raise ValueError for a cell that says it is in a row far below its own, or in a column far right of the row's last: the
    fast reader would make room for all cells up to there, and end the process when there is none. `rows`: whole rows, each of
    which begins with `begin`."""
    at = rows.rfind(begin + b" ")
    number = ROW_NUMBER.search(rows, at, rows.find(b">", at))
    digits = max(len(number.group(1)) if number else 0, _DIGITS) + 1
    if _far_cell(digits).search(rows) or (_FAR_COLUMN.search(rows) and _disordered(rows, begin)):
        raise ValueError("a cell says that it is far from where it stands")


def _disordered(rows: bytes, begin: bytes) -> bool:
    """Whether some row has a cell in a column of three letters before its last one."""
    for row in rows.split(begin):
        columns = [column_number(name) for name in CELL_COLUMN.findall(row)]
        if columns and max(columns) > columns[-1]:
            return True
    return False


@cache
def _far_cell(digits: int) -> re.Pattern[bytes]:
    """A cell in a row of so many digits."""
    return re.compile(rb' r="[A-Z]{1,3}\d{%d}' % digits)


@cache
def column_number(letters: bytes) -> int:
    """The number of a column, from 1: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
