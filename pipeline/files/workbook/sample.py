"""Rows of a sheet as text, straight from their XML.

What belongs here: the few rows by which a table is found. What does not: reading a sheet (`fast`, `frugal`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from xml.parsers import expat

from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

from pipeline.files.workbook.layout import Line
from pipeline.files.workbook.styles import Styles
from pipeline.files.workbook.text import text_of

HEAD, TAIL = 200, 60
_REFERENCE = re.compile(r"([A-Z]+)(\d+)")
_SERIAL = r"[-+0-9.eE]+"
_ROW_START = re.compile(rb"<(?:\w+:)?row[\s/>]")
_CELL = re.compile(rb"<(\w+:)?c\b[^>]*(?:/>|>.*?</(?:\w+:)?c>)", re.DOTALL)


@dataclass
class RawCell:
    """A cell as it is written: column, type (`s` is the number of a shared text), style, text."""

    column: int
    type: str
    style: int
    text: str = ""


@dataclass
class RawRow:
    """A row as it is written."""

    number: int
    cells: list[RawCell] = field(default_factory=list)


class _Rows:
    """Handler of XML events; prefixes of names are left out of account."""

    def __init__(self) -> None:
        self.rows: list[RawRow] = []
        self._text: list[str] | None = None
        self._phonetic = False
        self.numbered = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "row":
            before = self.rows[-1].number if self.rows else 0
            self.numbered = self.numbered or "r" in attributes
            self.rows.append(RawRow(int(attributes.get("r", before + 1))))
        elif name == "c":
            if not self.rows:
                self.rows.append(RawRow(0))
            cells = self.rows[-1].cells
            column = cells[-1].column + 1 if cells else 0
            if found := _REFERENCE.fullmatch(attributes.get("r", "")):
                column = column_of(found.group(1))
            cells.append(RawCell(column, attributes.get("t", "n"), int(attributes.get("s", 0))))
        elif name == "rPh":
            self._phonetic = True
        elif name in ("v", "t") and not self._phonetic:
            self._text = []

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name == "rPh":
            self._phonetic = False
        elif name in ("v", "t") and self._text is not None:
            if self.rows and self.rows[-1].cells:
                self.rows[-1].cells[-1].text += "".join(self._text)
            self._text = None

    def data(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)


def raw_rows(xml: bytes, last: int = 0) -> list[RawRow]:
    """The rows in a run of whole `<row>` elements (or a single `<c>`). `last`: the number of the last one, if it is known, for rows
    that do not say theirs. Raises expat.ExpatError."""
    handler, parser = _Rows(), expat.ParserCreate("utf-8")
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.data
    parser.Parse(b"<rows>" + xml + b"</rows>", True)
    if last and not handler.numbered:
        for number, row in enumerate(handler.rows, start=last + 1 - len(handler.rows)):
            row.number = number
    return handler.rows


def first_rows(xml: bytes, count: int) -> bytes:
    """The first rows of a run of whole rows."""
    following = next(islice(_ROW_START.finditer(xml), count, None), None)
    return xml if following is None else xml[: following.start()]


def last_rows(xml: bytes, count: int) -> bytes:
    """The last rows of a run of rows, of which the first may be cut."""
    starts = [match.start() for match in _ROW_START.finditer(xml)]
    return xml[starts[max(0, len(starts) - count)] :] if starts else b""


def raw_cells(xml: bytes) -> list[RawCell]:
    """The first cell in some XML; none if it is cut."""
    found = _CELL.match(xml)
    rows = raw_rows(found.group()) if found else []
    return rows[0].cells if rows else []


def texts_wanted(rows: list[RawRow]) -> set[int]:
    """Numbers of the shared texts that these rows refer to."""
    return {
        int(cell.text) for row in rows for cell in row.cells if cell.type == "s" and cell.text.isdecimal()
    }


def lines_of(
    rows: list[RawRow], texts: Mapping[int, str], styles: Styles, from_1904: bool
) -> tuple[Line, ...]:
    """The rows that hold a value, in canonical text."""
    lines = []
    for row in rows:
        cells = {cell.column: _text(cell, texts, styles, from_1904) for cell in row.cells}
        if filled := {column: text for column, text in cells.items() if text}:
            lines.append((row.number, filled))
    return tuple(lines)


def _text(cell: RawCell, texts: Mapping[int, str], styles: Styles, from_1904: bool) -> str | None:
    if cell.type == "s":
        return texts.get(int(cell.text)) if cell.text.isdecimal() else None
    if cell.type == "b":
        return "true" if cell.text.strip() in ("1", "true") else "false"
    if cell.type != "n" or not re.fullmatch(_SERIAL, cell.text.strip()):
        return cell.text or None
    try:
        number = float(cell.text)
        if cell.style in styles.dates:
            return text_of(from_excel(number, MAC_EPOCH if from_1904 else WINDOWS_EPOCH))
    except (ValueError, OverflowError):
        return cell.text
    text = text_of(number)
    digits = dict(styles.codes).get(cell.style, 0)
    return text.zfill(digits) if text is not None and text.isdecimal() else text


def column_of(name: str) -> int:
    """The place of a column, from 0: A is 0, AA is 26."""
    number = 0
    for letter in name:
        number = number * 26 + ord(letter) - 64
    return number - 1
