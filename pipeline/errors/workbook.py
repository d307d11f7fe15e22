"""The workbook of rejected rows.

What belongs here: its sheets of rows, cell by cell: wrong cells coloured, with the reason as a comment. What does not: the sheet
that sums up (`summary`), making the rows (`rows`).

XlsxWriter writes each row of a large one to disk before the next begins; only comments stay in memory until the end, and a spreadsheet program
takes minutes to open hundreds of thousands of them: beyond `comments` of them cells are coloured only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import polars as pl

from pipeline.errors.layout import Layout
from pipeline.errors.plain import guarded
from pipeline.errors.refused import CannotExport
from pipeline.errors.rows import Batch
from pipeline.ingest.keys import KEY, REASONS, SHEET

SHEET_ROWS = 1_048_576
COMMENTS = 10_000
_SHEET_COLUMNS = 16_384
_LONGEST = 32_767
"""What a cell holds, in UTF-16 code units."""
_SHOWN, _TOLD = 16_000, 1_000
_NARROWEST, _WIDEST, _REASONS_WIDTH = 8, 40, 70
_HOW = "What is wrong with the row. Correct the coloured cells, save, and send the workbook back as its last sheet says."


class Workbook:
    """A workbook that is written batch by batch.

    Attributes:
        left_out: rows with a text that is too long for a cell; they are not in it.
        uncommented: wrong cells without a comment.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        title: str,
        *,
        sheet_rows: int = SHEET_ROWS,
        comments: int = COMMENTS,
        small: bool = False,
    ) -> None:
        """
        Args:
            path: the file to make.
            layout: its columns.
            title: of the document.
            sheet_rows: rows that a sheet holds, its header included; the others go to further sheets.
            comments: how many wrong cells get a comment.
            small: its rows are few: they stay in memory, which is faster than a file for each part of the workbook.

        Raises:
            CannotExport: more columns than a sheet has.
        """
        import xlsxwriter

        if len(layout.names) > _SHEET_COLUMNS:
            raise CannotExport(
                f"{len(layout.columns):,} columns are more than a sheet of a workbook holds. Export to .csv or .parquet."
            )
        where = {"in_memory": True} if small else {"constant_memory": True, "tmpdir": str(path.parent)}
        options = where | {"use_zip64": True}
        self.book: Any = xlsxwriter.Workbook(str(path), options)
        self.book.set_properties({"title": title})
        self.left_out = self.uncommented = 0
        self._layout, self._sheet_rows, self._comments = layout, sheet_rows, comments
        text = {"num_format": "@", "valign": "top"}
        self._plain = self.book.add_format(text)
        self._bad = self.book.add_format(text | {"bg_color": "#FFC7CE", "font_color": "#9C0006"})
        self._reason = self.book.add_format(text | {"italic": True, "font_color": "#7F3F00"})
        self._header = self.book.add_format(
            {"num_format": "@", "bold": True, "bg_color": "#DDE4EE", "bottom": 1, "valign": "top"}
        )
        self._sheet: Any = None
        self._sheets = self._line = 0
        self._widths: list[int] = []
        self._names: list[str] = []

    def write(self, batch: Batch) -> None:
        """Add rows."""
        frame = guarded(batch.frame)
        if not self._names:
            self._names, self._widths = frame.columns, _widths(frame)
        too_long = _too_long(frame, len(self._layout.columns))
        bad: dict[int, dict[int, str]] = {}
        for number, place, reason in batch.bad.iter_rows():
            bad.setdefault(number, {})[place] = reason
        for number, row in enumerate(frame.iter_rows()):
            if number in too_long:
                self.left_out += 1
                continue
            if self._sheet is None or self._line == self._sheet_rows:
                self._next_sheet()
            self._write_row(row, bad[number])
            self._line += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *failed: object) -> None:
        """Write the file; not where something failed, for then its rows are not all there."""
        if kind is None:
            self._finish_sheet()
            self.book.close()

    def _write_row(self, row: tuple[str | None, ...], bad: dict[int, str]) -> None:
        sheet, line, reasons = self._sheet, self._line, self._layout.reasons
        for place, value in enumerate(row):
            wrong = place in bad
            if value:
                style = self._bad if wrong else self._plain if place != reasons else self._reason
                sheet.write_string(line, place, value if place < reasons else value[:_SHOWN], style)
            elif wrong:
                sheet.write_blank(line, place, None, self._bad)
        for place, reason in bad.items():
            if place < reasons:
                self._comment(place, reason)

    def _comment(self, place: int, reason: str) -> None:
        if self._comments == 0:
            self.uncommented += 1
            return
        self._comments -= 1
        lines = 2 + len(reason[:_TOLD]) // 35 + reason.count("\n")
        size = {"width": 260, "height": min(18 * lines, 300), "font_size": 9}
        self._sheet.write_comment(self._line, place, reason[:_TOLD], size)

    def _next_sheet(self) -> None:
        self._finish_sheet()
        self._sheets += 1
        self._sheet = self.book.add_worksheet(SHEET if self._sheets == 1 else f"{SHEET} {self._sheets}")
        for place, name in enumerate(self._names):
            self._sheet.write_string(0, place, name, self._header)
        self._sheet.write_comment(0, self._layout.reasons, _HOW, {"width": 260, "height": 72, "font_size": 9})
        self._line = 1

    def _finish_sheet(self) -> None:
        if self._sheet is None:
            return
        last = len(self._names) - 1
        self._sheet.freeze_panes(1, 0)
        self._sheet.repeat_rows(0)
        self._sheet.set_landscape()
        self._sheet.fit_to_pages(1, 0)
        self._sheet.autofilter(0, 0, self._line - 1, last)
        # Digits are texts here, on purpose: leading zeros stay, and what is typed stays what was typed.
        self._sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{SHEET_ROWS}"})
        for place, width in enumerate(self._widths):
            name = self._layout.names[place]
            width = _REASONS_WIDTH if name == REASONS else width
            self._sheet.set_column(place, place, width, self._plain, {"hidden": name == KEY})


def _widths(frame: pl.DataFrame) -> list[int]:
    """Widths of columns, in characters, that show nearly all of the first rows."""
    widths = []
    for series in frame.get_columns():
        usual = series.str.len_chars().quantile(0.95) or 0
        widths.append(min(max(int(usual), len(series.name), _NARROWEST), _WIDEST) + 3)
    return widths


def _too_long(frame: pl.DataFrame, columns: int) -> set[int]:
    """Positions of rows with a text in one of the first `columns` columns that a cell cannot hold."""
    found = set()
    for series in frame.get_columns()[:columns]:
        for number in (series.str.len_bytes() > _LONGEST).arg_true():
            if len(series[number].encode("utf-16-le")) // 2 > _LONGEST:
                found.add(number)
    return found
