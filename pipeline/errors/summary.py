"""The last sheet of the workbook: what is wrong, how often, and how to send the corrected rows back.

What belongs here: that sheet. What does not: the sheets of rows (`workbook`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.counts import counted
from pipeline.errors.rows import Batch

TITLE = "Summary"
NO_COLUMN = "(the row)"
_NAMED, _CHARTED, _EXAMPLE = 10, 20, 300
_BAR_HEIGHT, _CHART_WIDTH = 26, 620
Row = tuple[str, str, int]


class Kinds:
    """Error rows by column and check, added up batch by batch.

    Attributes:
        counts: (column as the person knows it, check) → error rows.
        examples: the same → the message of the first.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.examples: dict[tuple[str, str], str] = {}

    def add(self, batch: Batch) -> None:
        """Those of a batch."""
        for kind, (count, message) in batch.kinds.items():
            self.counts[kind] += count
            self.examples.setdefault(kind, message)


@dataclass(frozen=True)
class Summary:
    """What the sheet tells.

    Attributes:
        dataset: name of the dataset.
        deliveries: whose rows these are.
        rows: rejected rows.
        left_out: of them, those that are not in the workbook: a text of theirs is too long for a cell.
        uncommented: wrong cells without a comment.
        kinds: error rows by column and check.
        written_at: when, UTC.
    """

    dataset: str
    deliveries: Sequence[str]
    rows: int
    left_out: int
    uncommented: int
    kinds: Kinds
    written_at: datetime


def add_summary(book: Any, summary: Summary) -> None:
    """Add the sheet to an `xlsxwriter.Workbook`."""
    sheet = book.add_worksheet(TITLE)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 0, 40)
    sheet.set_column(1, 1, 60)
    sheet.set_column(2, 2, 12)
    large, bold = book.add_format({"bold": True, "font_size": 14}), book.add_format({"bold": True})
    sheet.write_string(0, 0, f"Rejected rows of {summary.dataset}", large)
    line = 2
    for label, text in _facts(summary):
        sheet.write_string(line, 0, label, bold)
        sheet.write_string(line, 1, text)
        line += 1
    top = line + 1
    kinds = sorted(summary.kinds.counts.items(), key=lambda item: (-item[1], item[0]))
    detail = [
        (f"{column or NO_COLUMN}: {check}", summary.kinds.examples[column, check][:_EXAMPLE], count)
        for (column, check), count in kinds
    ]
    head = book.add_format({"bold": True, "bg_color": "#DDE4EE", "bottom": 1})
    number = book.add_format({"num_format": "#,##0"})
    line = _table(sheet, top, ("Column and check", "The first of them"), detail, head, number)
    line = _table(sheet, line + 1, ("Column", "Checks"), _by(kinds, 0, 1), head, number)
    _table(sheet, line + 1, ("Check", "Columns"), _by(kinds, 1, 0), head, number)
    _chart(book, sheet, top, detail[:_CHARTED])


def _by(kinds: list[tuple[tuple[str, str], int]], of: int, other: int) -> list[Row]:
    """The errors summed up by column, or by check, with the checks or the columns."""
    counts: Counter[str] = Counter()
    others: dict[str, list[str]] = {}
    for kind, count in kinds:
        counts[kind[of] or NO_COLUMN] += count
        others.setdefault(kind[of] or NO_COLUMN, []).append(kind[other] or NO_COLUMN)
    return [(name, ", ".join(others[name]), count) for name, count in counts.most_common()]


def _facts(summary: Summary) -> list[tuple[str, str]]:
    named = ", ".join(summary.deliveries[:_NAMED])
    more = len(summary.deliveries) - _NAMED
    facts = [
        ("Rows", f"{summary.rows:,}"),
        ("Deliveries", f"{named} and {more:,} more" if more > 0 else named),
        ("Written", f"{summary.written_at:%Y-%m-%d %H:%M} UTC"),
        (
            "1. Correct",
            "Correct the coloured cells; what is wrong stands beside the row, and in the comments of the cells.",
        ),
        (
            "2. Keep",
            "Keep the header and the last, hidden column: it tells which row is which. Rows may be left out.",
        ),
        ("3. Send back", f"Save the workbook and drop it into inbox/{summary.dataset}/."),
        (
            "Apostrophes",
            "A text that a spreadsheet would run as a formula has an ' before it; it is taken off again.",
        ),
    ]
    if summary.uncommented:
        facts.append(
            (
                "Comments",
                counted(
                    summary.uncommented, "more cell is coloured but has", "more cells are coloured but have"
                )
                + " no comment, to keep the file usable.",
            )
        )
    if summary.left_out:
        facts.append(
            (
                "Not here",
                counted(summary.left_out, "row holds", "rows hold")
                + " a text that is too long for a cell: export to .csv or .parquet instead.",
            )
        )
    return facts


def _table(sheet: Any, line: int, names: tuple[str, str], rows: list[Row], head: Any, number: Any) -> int:
    """Write a table; returns the line after it."""
    for place, name in enumerate((*names, "Errors")):
        sheet.write_string(line, place, name, head)
    for first, second, count in rows:
        line += 1
        sheet.write_string(line, 0, first)
        sheet.write_string(line, 1, second)
        sheet.write_number(line, 2, count, number)
    return line + 1


def _chart(book: Any, sheet: Any, top: int, rows: list[Row]) -> None:
    """Bars of the most frequent errors, beside their table."""
    bars = len(rows)
    chart = book.add_chart({"type": "bar"})
    chart.add_series(
        {
            "name": "Errors",
            "categories": [TITLE, top + 1, 0, top + bars, 0],
            "values": [TITLE, top + 1, 2, top + bars, 2],
            "categories_data": [name for name, _, _ in rows],
            # Rows are on disk already: the chart cannot look up what it shows before it is opened.
            "values_data": [count for _, _, count in rows],
            "fill": {"color": "#C0504D"},
            "data_labels": {"value": True},
            "gap": 40,
        }
    )
    chart.set_title({"name": "Errors by column and check", "name_font": {"size": 12}})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True})
    chart.set_x_axis({"min": 0, "major_gridlines": {"visible": False}, "visible": False})
    chart.set_size({"width": _CHART_WIDTH, "height": 90 + _BAR_HEIGHT * bars})
    sheet.insert_chart(top, 4, chart)
