"""Where the table of a sheet ends: notes and totals below it.

What belongs here: deciding on the last rows. What does not: the header (`header`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.files.workbook.kinds import Cells, Kind, column_kinds, fits, kind_of, same
from pipeline.files.workbook.layout import Line

_TOTAL = re.compile(
    r"(?:grand |sub)?totals?|(?:total|suma?) (?:general|global)|sum(?:me|ma|a|s)?|(?:gesamt|zwischen|end)summe|"
    r"gesamt|insgesamt|totale|totaal|somme|razem|σ|∑",
    re.IGNORECASE,
)
_MANY, _WIDE = 5, 4


def notes_from(body: Sequence[Line], tail: Sequence[Line], width: int) -> int:
    """How many of the last rows are notes below the table.

    Args:
        body: first records of the sheet. tail: its last rows, at most all that follow the header; cells of the table only.
        width: columns of the table.

    A note is a row that is less filled than any record and fits no column of numbers, dates or truths. Directly below the
    table that is not enough, as a record may have nothing but its name: there it must be prose too, or stand below records
    enough of a wide table.
    """
    if width < 2 or not tail:
        return 0
    kinds = column_kinds(cells for _, cells in [*body, *tail])
    count, best, prose = 0, 0, False
    while count < len(tail) - 1:
        number, cells = tail[-1 - count]
        if (cells and fits(cells, kinds)) or len(cells) * 2 > width:
            break
        count, prose = count + 1, prose or not cells or _is_prose(cells)
        apart = number > tail[-1 - count][0] + 1
        records = _records(body, tail, count)
        many = len(records) >= _MANY
        told = apart or (prose and (width > 2 or many)) or (many and width >= _WIDE)
        if told and records and max(len(cells) for _, cells in tail[-count:]) < min(records):
            best = count
    return best


def _is_prose(cells: Cells) -> bool:
    text = " ".join(cells.values()).strip()
    return ":" in text or len(text.split()) > 2 or text[:1] in "*†‡¹²³"


def _records(body: Sequence[Line], tail: Sequence[Line], count: int) -> list[int]:
    """How many cells each record has, if the last `count` rows are none."""
    first = tail[-count][0]
    return list({number: len(cells) for number, cells in [*body, *tail] if number < first}.values())


def is_total(body: Sequence[Line], last: Line, whole: bool) -> bool:
    """Whether the row after these records is their total: its first cell says so, and it is no record.

    It is none if the word stands in a column of other values, if it lacks what every record has, or if it adds up the records
    (where all of them, `whole`, are in `body`).
    """
    cells = last[1]
    if len(cells) < 2 or len(body) < 2:
        return False
    column = min(cells)
    if not _TOTAL.fullmatch(cells[column].strip().rstrip(":").strip()):
        return False
    records = [cells for _, cells in body]
    kinds = column_kinds(records)
    always = set(records[0]).intersection(*records)
    if kinds.get(column, "text") != "text" or not always <= cells.keys():
        return True
    return whole and _adds_up(records, cells, kinds)


def _adds_up(records: Sequence[Cells], total: Cells, kinds: dict[int, Kind]) -> bool:
    numbers = [
        column
        for column in total
        if same(kinds.get(column, "text"), "number") and same(kind_of(total[column]), "number")
    ]
    return bool(numbers) and all(_sums(records, total[column], column) for column in numbers)


def _sums(records: Sequence[Cells], total: str, column: int) -> bool:
    try:
        values = [float(cells[column]) for cells in records if column in cells]
        return abs(sum(values) - float(total)) <= 1e-6 * max(1.0, abs(float(total)))
    except ValueError:
        return False
