"""Rows of a sheet as text, straight from their XML.

What belongs here: the few rows by which a table is found. What does not: reading a sheet (`fast`, `frugal`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from xml.parsers import expat

from pipeline.files.workbook.layout import Line
from pipeline.files.workbook.styles import Styles, whole_number
from pipeline.files.workbook.text import iso_text, serial_text, text_of

HEAD, TAIL = 200, 60
_REFERENCE = re.compile(r"([A-Za-z]{1,3})\d*")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_BLANK = " \t\r\n"
_SERIAL = re.compile(r"\s*[-+0-9.eE]+\s*")
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


class Texts:
    """The text within `t` and `v` elements, phonetic ones left out. Blanks around it count in `v`, and in `t` that say so."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open: list[str] | None = None
        self._phonetic = self._kept = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "t" or name == "v":
            self._open = None if self._phonetic else []
            self._kept = name == "v" or attributes.get("xml:space") == "preserve"
        elif name == "rPh":
            self._phonetic = True

    def end(self, name: str) -> str:
        """An element ends; gives its name back."""
        if name == "rPh":
            self._phonetic = False
        elif (name == "t" or name == "v") and self._open is not None:
            text = "".join(self._open)
            if name == "t":
                text = unescaped(text if self._kept else text.strip(_BLANK))
            self._parts.append(text)
            self._open = None
        return name

    def data(self, text: str) -> None:
        if self._open is not None:
            self._open.append(text)

    def take(self) -> str:
        """The text since the last time."""
        text = self._parts[0] if len(self._parts) == 1 else "".join(self._parts)
        self._parts.clear()
        return text


class _Rows:
    """Handler of XML events; prefixes of names are left out of account."""

    def __init__(self) -> None:
        self.rows: list[RawRow] = []
        self.text = Texts()
        self.numbered = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "row":
            before = self.rows[-1].number if self.rows else 0
            self.numbered = self.numbered or bool(attributes.get("r"))
            self.rows.append(RawRow(whole_number(attributes.get("r")) or before + 1))
        elif name == "c":
            if not self.rows:
                self.rows.append(RawRow(0))
            cells = self.rows[-1].cells
            column = cells[-1].column + 1 if cells else 0
            if found := _REFERENCE.fullmatch(attributes.get("r", "")):
                column = column_of(found.group(1).upper())
            cells.append(RawCell(column, attributes.get("t") or "n", whole_number(attributes.get("s"))))
        else:
            self.text.start(name, attributes)

    def end(self, name: str) -> None:
        if self.text.end(name.rpartition(":")[2]) == "c":
            self.rows[-1].cells[-1].text = self.text.take()


def raw_rows(xml: bytes, last: int = 0) -> list[RawRow]:
    """The rows in a run of whole `<row>` elements (or a single `<c>`). `last`: the number of the last one, if it is known, for rows
    that do not say theirs. Raises expat.ExpatError."""
    handler, parser = _Rows(), expat.ParserCreate("utf-8")
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text.data
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
    text = value_text(cell, styles, from_1904)
    digits = styles.codes.get(cell.style, 0) if cell.type == "n" else 0
    return text.zfill(digits) if digits and text is not None and text.isdecimal() else text


def value_text(cell: RawCell, styles: Styles, from_1904: bool) -> str | None:
    """Canonical text of a cell whose value stands in it, without leading zeros. What is no number is text, whatever it claims."""
    kind = cell.type
    if kind == "b":
        return "true" if cell.text.strip() in ("1", "true") else "false"
    if kind == "d":
        return iso_text(cell.text.strip())
    if kind != "n" or not _SERIAL.fullmatch(cell.text):
        return cell.text or None
    try:
        number = float(cell.text)
    except ValueError:
        return cell.text
    shown = styles.shown.get(cell.style)
    return text_of(number) if shown is None else serial_text(number, shown, from_1904)


def unescaped(text: str) -> str:
    """A text in which characters are written by their numbers (`_x000D_`), as it stands in the cell."""
    if "_x" not in text:
        return text
    text = _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def column_of(name: str) -> int:
    """The place of a column, from 0: A is 0, AA is 26."""
    number = 0
    for letter in name:
        number = number * 26 + ord(letter) - 64
    return number - 1
