"""Rows from the XML of an OpenDocument spreadsheet.

What belongs here: events of the XML → rows of canonical text. What does not: the archive around it (`opendocument`).
"""

from __future__ import annotations

import re
from datetime import timedelta
from xml.parsers import expat

from pipeline.files.workbook.layout import letters
from pipeline.files.workbook.styles import whole_number
from pipeline.files.workbook.text import Written, iso_text, text_of

_DURATION = re.compile(r"(-?)P(?:(\d+)D)?T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_COLUMNS, _ROWS = 16_384, 1_048_576
Row = tuple[str, int, int, dict[int, str]]


class OdsRows:
    """Fed with `content.xml`; gives (sheet, first row, how often it is repeated, column → text) of rows that hold a value.

    Attributes:
        sheets: names of the sheets met.
        hidden: of those, the hidden ones.
        ended: the wanted sheet is over.
        formulas: sheet → how many formulas have neither a value nor a text, and the cell of the first of them.
    """

    def __init__(self, wanted: str | None) -> None:
        self.sheets: list[str] = []
        self.hidden: set[str] = set()
        self.ended = False
        self.formulas: dict[str, tuple[int, str]] = {}
        self._wanted = wanted
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._found: list[Row] = []
        self._style, self._hiding = "", set[str]()
        self._tables = 0
        self._row = self._column = 0
        self._row_repeat = self._cell_repeat = 1
        self._cells: dict[int, str] = {}
        self._value: str | None = None
        self._type = ""
        self._broken = self._formula = False
        self._texts: list[str] | None = None
        self._paragraphs, self._aside = 0, 0

    def feed(self, data: bytes) -> None:
        """The next bytes. Raises expat.ExpatError, ValueError."""
        self._parser.Parse(data, False)

    def close(self) -> None:
        """No more bytes. Raises expat.ExpatError."""
        self._parser.Parse(b"", True)

    def take(self) -> list[Row]:
        """The rows found since the last time."""
        found, self._found = self._found, []
        return found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "table:table-cell" or name == "table:covered-table-cell":
            self._cell(attributes)
        elif name == "text:p" and self._texts is not None and not self._aside:
            if self._paragraphs:
                self._texts.append("\n")
            self._paragraphs += 1
        elif name == "text:s" and self._texts is not None and not self._aside:
            self._texts.append(" " * min(whole_number(attributes.get("text:c")) or 1, 1000))
        elif name == "text:tab" and self._texts is not None and not self._aside:
            self._texts.append("\t")
        elif name == "text:line-break" and self._texts is not None and not self._aside:
            self._texts.append("\n")
        elif name in ("office:annotation", "draw:frame", "draw:custom-shape"):
            self._aside += 1
        elif name == "table:table-row":
            self._row_repeat = min(whole_number(attributes.get("table:number-rows-repeated")) or 1, _ROWS)
            self._column, self._cells = 0, {}
        elif name == "table:table":
            self._table(attributes)
        elif name == "style:style":
            self._style = attributes.get("style:name", "")
        elif name == "style:table-properties" and attributes.get("table:display") == "false":
            self._hiding.add(self._style)

    def _table(self, attributes: dict[str, str]) -> None:
        self._tables += 1
        if self._tables > 1:
            return
        self._row = 1
        self.sheets.append(attributes.get("table:name", f"Sheet{len(self.sheets) + 1}"))
        if attributes.get("table:style-name") in self._hiding:
            self.hidden.add(self.sheets[-1])

    def _cell(self, attributes: dict[str, str]) -> None:
        if self._tables != 1:
            return
        self._cell_repeat = min(whole_number(attributes.get("table:number-columns-repeated")) or 1, _COLUMNS)
        kind = self._type = attributes.get("office:value-type", "")
        self._value = None
        self._broken = attributes.get("calcext:value-type") == "error"
        self._formula = not kind and "table:formula" in attributes
        if kind in ("float", "currency", "percentage"):
            self._value = _number(attributes.get("office:value", ""))
        elif kind == "date":
            self._value = iso_text(attributes.get("office:date-value", ""))
        elif kind == "time":
            self._value = _duration(attributes.get("office:time-value", ""))
        elif kind == "boolean":
            self._value = attributes.get("office:boolean-value")
        elif kind == "string":
            self._value = attributes.get("office:string-value")
        self._texts, self._paragraphs = [], 0

    def _end(self, name: str) -> None:
        if name == "table:table-cell" or name == "table:covered-table-cell":
            if self._texts is not None and self._tables == 1 and not self._aside:
                self._put("".join(self._texts))
                self._texts = None
        elif name == "table:table-row" and self._tables == 1 and not self._aside:
            if self._cells and self._wanted in (None, self.sheets[-1]):
                self._found.append((self.sheets[-1], self._row, self._row_repeat, self._cells))
            self._row += self._row_repeat
        elif name == "table:table":
            self._tables -= 1
            self.ended = self.ended or (self._tables == 0 and self._wanted == self.sheets[-1])
        elif name in ("office:annotation", "draw:frame", "draw:custom-shape"):
            self._aside -= 1

    def _put(self, shown: str) -> None:
        """An error is shown, while its value is none (`float` with 0, or a text)."""
        broken = shown.startswith("#") and (shown == "#N/A" or shown.endswith(("!", "?")))
        broken = broken or (self._broken and bool(shown))
        value = shown if broken or self._value is None else self._value
        if value and value is self._value and self._type != "string":
            value = Written(value)
        if value:
            for column in range(self._column, min(self._column + self._cell_repeat, _COLUMNS)):
                self._cells[column] = value
        elif self._formula:
            count, first = self.formulas.get(self.sheets[-1], (0, f"{letters(self._column)}{self._row}"))
            self.formulas[self.sheets[-1]] = (count + self._row_repeat * self._cell_repeat, first)
        self._column += self._cell_repeat

    def _data(self, text: str) -> None:
        if self._texts is not None and self._paragraphs and not self._aside:
            self._texts.append(text)


def _number(value: str) -> str | None:
    """A number; None where there is none, so that the cell is what it shows."""
    try:
        return text_of(float(value))
    except ValueError:
        return None


def _duration(value: str) -> str:
    found = _DURATION.fullmatch(value)
    if found is None:
        return value
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups()[1:])
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return text_of(-length if found.group(1) else length) or value
