"""Tables as workbooks: figures as numbers, moments as dates, texts that no spreadsheet runs.

What belongs here: one sheet with a header, of rows that are few enough to be held. What does not: what the rows are (`windows`,
`corrections`), the workbook of rejected rows (`pipeline.errors`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import polars as pl

from pipeline.ingest.guard import guard

_LONGEST = 32_767
_EXACT = 10**15
"""Numbers beyond it lose digits in a spreadsheet: they are written as texts."""
_FIRST_DATE = date(1900, 3, 1)
_WIDEST = 40


def table_workbook(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A workbook with one sheet: `header`, then `rows`."""
    import xlsxwriter

    target = BytesIO()
    book = xlsxwriter.Workbook(
        target, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": title})
    sheet = book.add_worksheet("Table")
    head = book.add_format({"bold": True, "bg_color": "#DDE4EE", "bottom": 1, "num_format": "@"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    lines = _guarded([header, *rows])
    widths = [len(name) for name in header]
    for place, name in enumerate(lines[0]):
        sheet.write_string(0, place, name, head)
    for line, row in enumerate(lines[1:], start=1):
        for place, value in enumerate(row):
            widths[place] = max(widths[place], _write(sheet, line, place, value, moment, day))
    for place, width in enumerate(widths):
        sheet.set_column(place, place, min(width, _WIDEST) + 2)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(lines) - 1, len(header) - 1)
    book.close()
    return target.getvalue()


def _write(sheet: Any, line: int, place: int, value: object, moment: Any, day: Any) -> int:
    """Write a cell; returns how many characters it shows."""
    if value is None:
        return 0
    if isinstance(value, bool):
        sheet.write_boolean(line, place, value)
        return 5
    if isinstance(value, int | float | Decimal) and -_EXACT < value < _EXACT:
        sheet.write_number(line, place, value)
        return len(str(value))
    if isinstance(value, datetime) and value.date() >= _FIRST_DATE:
        sheet.write_datetime(line, place, value, moment)
        return 19
    if isinstance(value, date) and not isinstance(value, datetime) and value >= _FIRST_DATE:
        sheet.write_datetime(line, place, value, day)
        return 10
    sheet.write_string(line, place, str(value)[:_LONGEST])
    return min(len(str(value)), _WIDEST)


def _guarded(rows: Iterable[Sequence[object]]) -> list[list[object]]:
    """The rows, their texts made harmless; all at once, for one by one it takes its time."""
    made = [[str(one) if _is_text(one) else one for one in row] for row in rows]
    places = [
        (line, place) for line, row in enumerate(made) for place, one in enumerate(row) if type(one) is str
    ]
    texts = pl.DataFrame({"text": [made[line][place] for line, place in places]}, schema={"text": pl.String})
    for (line, place), text in zip(places, texts.select(guard(pl.col("text"))).to_series(), strict=True):
        made[line][place] = text
    return made


def _is_text(value: object) -> bool:
    return not (value is None or isinstance(value, int | float | Decimal | date))
