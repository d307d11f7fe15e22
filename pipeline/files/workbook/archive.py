"""The parts of a workbook (.xlsx, .xlsm), straight from its zip: sheets, and which of their rows hold anything.

What belongs here: the count of records apart from the libraries that read the values, and the few rows by which a table is
found. What does not: values.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from itertools import compress
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

import numpy as np

from pipeline.files.problems import UnreadableFile
from pipeline.files.workbook.guard import MB, damaged_workbook, refuse_bombs
from pipeline.files.workbook.layout import Line, Look, Sheet
from pipeline.files.workbook.rows import RowCounter, SheetRows
from pipeline.files.workbook.sample import (
    HEAD,
    TAIL,
    RawRow,
    first_rows,
    last_rows,
    lines_of,
    raw_cells,
    raw_rows,
    texts_wanted,
)
from pipeline.files.workbook.shared import SharedTexts, count_texts, pick_texts
from pipeline.files.workbook.styles import Styles, styles_of

_BLOCK, _PART_MAX = MB, 64 * MB
_MAIN = "{*}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_SHARED = "xl/sharedStrings.xml"
_GARBLED = (
    zipfile.BadZipFile,
    zlib.error,
    LookupError,
    ValueError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ElementTree.ParseError,
    expat.ExpatError,
)


class WorkbookZip:
    """A workbook's zip, open for reading. Everything raises UnreadableFile `damaged` where the zip is garbled.

    Attributes:
        path: the file.
        sheets: its worksheets.
        from_1904: whether its dates count from 1904, as on early Macs.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
            refuse_bombs(path, self._zip)
            self.sheets = self._sheets()
            self._styles = self._read_styles()
        except _GARBLED as error:
            raise damaged_workbook(path, error) from error

    def close(self) -> None:
        """Release the file."""
        self._zip.close()

    def _small(self, name: str) -> bytes:
        """A part that is read whole."""
        if (size := self._zip.getinfo(name).file_size) > _PART_MAX:
            raise UnreadableFile(
                self.path,
                "too_large",
                f"its part {name!r} has {size // MB:,} MB, more than any workbook needs",
                "Open it in a spreadsheet program, save it again and send that",
            )
        return self._zip.read(name)

    def _sheets(self) -> tuple[Sheet, ...]:
        relations = ElementTree.fromstring(self._small("xl/_rels/workbook.xml.rels"))
        parts = {
            relation.get("Id"): posixpath.normpath(posixpath.join("/xl", relation.get("Target", "")))[1:]
            for relation in relations
            if relation.get("Type", "").endswith("/worksheet")
        }
        found = []
        book = ElementTree.fromstring(self._small("xl/workbook.xml"))
        properties = book.find(f"{_MAIN}workbookPr")
        self.from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        for sheet in book.iterfind(f".//{_MAIN}sheet"):
            part = parts.get(sheet.get(_RELATION) or sheet.get(_STRICT_RELATION))
            if part is not None:
                self._zip.getinfo(part)
                visible = sheet.get("state", "visible") == "visible"
                found.append(Sheet(sheet.get("name", ""), visible, part))
        return tuple(found)

    def _read_styles(self) -> Styles:
        name = "xl/styles.xml"
        return styles_of(self._small(name)) if name in self._zip.namelist() else Styles()

    @property
    def declared_bytes(self) -> int:
        """Bytes of all sheets' XML, as the archive's directory says."""
        return sum(self._zip.getinfo(sheet.part).file_size for sheet in self.sheets)

    @property
    def shared_bytes(self) -> int:
        """Bytes of the shared texts' XML, as the archive's directory says."""
        return self._zip.getinfo(_SHARED).file_size if _SHARED in self._zip.namelist() else 0

    def shared_texts(self) -> SharedTexts:
        """One pass over the shared texts."""
        if not self.shared_bytes:
            return SharedTexts(0)
        return count_texts(self._stream(_SHARED), self.shared_bytes)

    def look(self, sheet: Sheet, shared: SharedTexts) -> Look:
        """One pass over the sheet's XML, in blocks; another over the shared texts only if its first and last rows refer to some in
        their middle."""
        counter = RowCounter(shared, dict(self._styles.codes))
        try:
            for data in self._stream(sheet.part):
                counter.feed(data)
            return self._look(counter.result(), shared)
        except _GARBLED as error:
            raise damaged_workbook(self.path, error) from error

    def _look(self, rows: SheetRows, shared: SharedTexts) -> Look:
        head = raw_rows(first_rows(rows.head, HEAD))
        tail = raw_rows(last_rows(rows.tail, TAIL), rows.last)
        edges = {column: RawRow(row, raw_cells(xml)) for column, (row, xml) in rows.edges.items()}
        wanted = texts_wanted([*head, *tail, *edges.values()])
        texts = shared.picked(wanted)
        if texts is None:
            texts = pick_texts(self._stream(_SHARED), wanted)

        def lines(some: list[RawRow]) -> tuple[Line, ...]:
            """As many as were counted, though there may be nothing in them that can be read."""
            cells = dict(lines_of(some, texts, self._styles, self.from_1904))
            counted = np.isin([row.number for row in some], rows.numbers)
            return tuple((row.number, cells.get(row.number, {})) for row in compress(some, counted))

        def text(column: int, row: RawRow) -> str:
            found = lines_of([row], texts, self._styles, self.from_1904)
            return found[0][1].get(column, "") if found else ""

        return Look(
            rows.numbers,
            rows.first,
            rows.columns,
            lines(head),
            lines(tail),
            {column: (row.number, text(column, row)) for column, row in edges.items()},
            rows.dates_as_text,
            rows.booleans,
            rows.codes,
        )

    def _stream(self, part: str) -> Iterator[bytes]:
        try:
            with self._zip.open(part) as file:
                while data := file.read(_BLOCK):
                    yield data
        except _GARBLED as error:
            raise damaged_workbook(self.path, error) from error
