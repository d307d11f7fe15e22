"""A sheet of .xlsx straight from its XML: row by row, in little memory, slower than the library.

What belongs here: runs of rows as canonical text. What does not: sheets that the library reads rightly and that fit into memory
(`fast`), and the zip (`archive`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from xml.parsers import expat

from pipeline.files.workbook.layout import Numbers
from pipeline.files.workbook.sample import RawCell, Texts, column_of, value_text
from pipeline.files.workbook.styles import Styles, whole_number
from pipeline.files.workbook.text import Written

Cells = list[str | None]
_LETTERS = re.compile(r"([A-Za-z]{1,3})\d*")


def iterate_rows(
    blocks: Iterable[bytes],
    texts: Sequence[str],
    styles: Styles,
    from_1904: bool,
    numbers: Numbers,
    reach: int,
) -> Iterator[Cells]:
    """The rows with these numbers, one after another, with their cells from column A up to `reach`, which is left out; `Written`
    where a cell is no text.

    Args:
        blocks: XML of the sheet. texts: the shared ones. styles: the workbook's. from_1904: whether its dates count from there.

    Raises:
        expat.ExpatError. ValueError: there is no such row, or no shared text that a cell refers to.
    """
    reader = _Rows(texts, styles, from_1904)
    wanted = iter(numbers.tolist())
    number = next(wanted, None)
    for row, cells in reader.rows(blocks):
        if number is None:
            return
        if row > number:
            break
        if row == number:
            width = min(max(cells, default=-1) + 1, reach)
            yield [cells.get(column) for column in range(width)]
            number = next(wanted, None)
    if number is not None:
        raise ValueError(f"row {number} of its sheet cannot be found")


def all_texts(blocks: Iterable[bytes]) -> list[str]:
    """The shared texts. Raises expat.ExpatError."""
    found: list[str] = []
    handler = Texts()

    def end(name: str) -> None:
        if handler.end(_local(name)) == "si":
            found.append(handler.take())

    def start(name: str, attributes: dict[str, str]) -> None:
        handler.start(_local(name), attributes)

    parser = _parser(start, end, handler.data)
    for block in blocks:
        parser.Parse(block, False)
    return found


class _Rows:
    """Events of a sheet's XML → rows."""

    def __init__(self, texts: Sequence[str], styles: Styles, from_1904: bool) -> None:
        self._texts, self._styles, self._from_1904 = texts, styles, from_1904
        self._text = Texts()
        self._found: list[tuple[int, dict[int, str]]] = []
        self._number, self._column = 0, -1
        self._cells: dict[int, str] = {}
        self._cell = RawCell(0, "n", 0)
        self._inside = False
        self._places: dict[str, int] = {}
        self._locals: dict[str, str] = {}

    def rows(self, blocks: Iterable[bytes]) -> Iterator[tuple[int, dict[int, str]]]:
        """(number, column → text) of every row."""
        parser = _parser(self._start, self._end, self._text.data)
        for block in blocks:
            parser.Parse(block, False)
            yield from self._found
            self._found.clear()
        parser.Parse(b"", True)
        yield from self._found

    def _local_name(self, name: str) -> str:
        local = self._locals.get(name)
        if local is None:
            local = self._locals[name] = _local(name)
        return local

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = self._local_name(name)
        if name == "c":
            letters = attributes.get("r", "").rstrip("0123456789")
            place = self._places.get(letters)
            if place is None:
                place = self._place(attributes.get("r", ""), letters)
            self._column = self._column + 1 if place < 0 else place
            self._cell = RawCell(self._column, attributes.get("t") or "n", whole_number(attributes.get("s")))
        elif name == "row" and self._inside:
            self._number = whole_number(attributes.get("r")) or self._number + 1
            self._cells, self._column = {}, -1
        elif name == "sheetData":
            self._inside = True
        else:
            self._text.start(name, attributes)

    def _place(self, reference: str, letters: str) -> int:
        """The column that a reference names; -1 if it names none."""
        found = _LETTERS.fullmatch(reference)
        self._places[letters] = place = column_of(found.group(1).upper()) if found else -1
        return place

    def _end(self, name: str) -> None:
        name = self._local_name(name)
        if name == "c":
            cell = self._cell
            cell.text = self._text.take()
            if self._inside and cell.text and (text := self._value(cell)):
                self._cells[cell.column] = text
        elif name == "row" and self._inside:
            self._found.append((self._number, self._cells))
        elif name == "sheetData":
            self._inside = False
        else:
            self._text.end(name)

    def _value(self, cell: RawCell) -> str | None:
        if cell.type == "s":
            number = cell.text.strip()
            if not number:
                return None
            if not number.isdecimal() or int(number) >= len(self._texts):
                raise ValueError(f"there is no shared text {cell.text!r}")
            return self._texts[int(number)]
        text = value_text(cell, self._styles, self._from_1904)
        return Written(text) if text is not None and cell.type in ("n", "b", "d") else text


def _parser(
    start: Callable[[str, dict[str, str]], None], end: Callable[[str], None], data: Callable[[str], None]
) -> expat.XMLParserType:
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    return parser


def _local(name: str) -> str:
    return name.rpartition(":")[2]
