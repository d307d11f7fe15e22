"""The parts of a workbook (.xlsx, .xlsm), straight from its zip: sheets, and which of their rows hold anything.

What belongs here: the count of records apart from the libraries that read the values, and the few rows by which a table is
found. What does not: values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import compress
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from pipeline.files.problems import UnreadableFile
from pipeline.files.workbook.frugal import Cells, all_texts, iterate_rows
from pipeline.files.workbook.guard import MB, damaged_workbook
from pipeline.files.workbook.layout import Line, Look, Numbers, Sheet
from pipeline.files.workbook.package import GARBLED, Package
from pipeline.files.workbook.plain import PlainXml
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
# Where the library looks for them, whatever the relations say.
_MAIN_PART, _SHARED_PART, _STYLES_PART = "xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml"


class WorkbookZip:
    """A workbook's zip, open for reading. Everything raises UnreadableFile `damaged` where the zip is garbled.

    Attributes:
        path: the file.
        sheets: its worksheets.
        from_1904: whether its dates count from 1904, as on early Macs.
        usual: its parts lie where the library looks for them, which knows but one way to name them.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.usual = path, True
        try:
            self._package = Package(path)
            main = self._package.main
            self._shared = self._found(self._package.related(main, "sharedStrings"), _SHARED_PART)
            self.usual = self._package.entry(main).filename == _MAIN_PART and self.usual
            self.sheets = self._sheets(main)
            styles = self._found(self._package.related(main, "styles"), _STYLES_PART)
            self._styles = styles_of(self._small(styles)) if styles else Styles()
        except GARBLED as error:
            raise damaged_workbook(path, error) from error

    def close(self) -> None:
        """Release the file."""
        self._package.zip.close()

    def _found(self, part: str, place: str) -> str:
        """A part that the workbook refers to, or that lies at its usual place though nothing refers to it."""
        part = part or (place if place in self._package else "")
        if part and self._package.entry(part).filename != place:
            self.usual = False
        return part

    def _small(self, name: str) -> bytes:
        """A part that is read whole."""
        entry = self._package.entry(name)
        if entry.file_size > _PART_MAX:
            raise UnreadableFile(
                self.path,
                "too_large",
                f"its part {name!r} has {entry.file_size // MB:,} MB, more than any workbook needs",
                "Open it in a spreadsheet program, save it again and send that",
            )
        return self._package.zip.read(entry)

    def _sheets(self, main: str) -> tuple[Sheet, ...]:
        relations = self._package.relations(main)
        found = []
        book = ElementTree.fromstring(self._small(main))
        properties = book.find(f"{_MAIN}workbookPr")
        self.from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        for sheet in book.iterfind(f".//{_MAIN}sheet"):
            relation = relations.get(sheet.get(_RELATION) or sheet.get(_STRICT_RELATION) or "")
            if relation is not None and relation.kind == "worksheet":
                self.usual = self._package.is_usual(relation) and self.usual
                visible = sheet.get("state", "visible") == "visible"
                found.append(Sheet(sheet.get("name", ""), visible, relation.part))
        return tuple(found)

    @property
    def declared_bytes(self) -> int:
        """Bytes of all sheets' XML, as the archive's directory says."""
        return sum(self._package.entry(sheet.part).file_size for sheet in self.sheets)

    @property
    def shared_bytes(self) -> int:
        """Bytes of the shared texts' XML, as the archive's directory says."""
        return self._package.entry(self._shared).file_size if self._shared else 0

    def shared_texts(self) -> SharedTexts:
        """One pass over the shared texts."""
        if not self.shared_bytes:
            return SharedTexts(0)
        xml = PlainXml(self._blocks(self._shared))
        try:
            found = count_texts(xml, self.shared_bytes)
        except GARBLED as error:
            raise damaged_workbook(self.path, error) from error
        return replace(found, plain=xml.plain and found.plain)

    def look(self, sheet: Sheet, shared: SharedTexts) -> Look:
        """One pass over the sheet's XML, in blocks; another over the shared texts only if its first and last rows refer to some in
        their middle."""
        counter = RowCounter(shared, self._styles.codes)
        xml = PlainXml(self._blocks(sheet.part))
        try:
            for data in xml:
                counter.feed(data)
            rows = counter.result()
            plain = rows.plain and xml.plain and shared.plain and self.usual
            return replace(self._look(rows, shared), plain=plain)
        except GARBLED as error:
            raise damaged_workbook(self.path, error) from error

    def _look(self, rows: SheetRows, shared: SharedTexts) -> Look:
        head = raw_rows(first_rows(rows.head, HEAD))
        tail = raw_rows(last_rows(rows.tail, TAIL), rows.last)
        edges = {column: RawRow(row, raw_cells(xml)) for column, (row, xml) in rows.edges.items()}
        wanted = texts_wanted([*head, *tail, *edges.values()])
        texts = shared.picked(wanted)
        if texts is None:
            texts = pick_texts(PlainXml(self._blocks(self._shared)), wanted) if wanted else {}

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
            formulas=rows.formulas,
            formula=rows.formula,
        )

    def rows(self, sheet: Sheet, numbers: Numbers, reach: int) -> Iterator[Cells]:
        """The rows with these numbers, straight from the XML. Only the shared texts are held."""
        try:
            texts = all_texts(PlainXml(self._blocks(self._shared))) if self._shared else []
            xml = PlainXml(self._blocks(sheet.part))
            yield from iterate_rows(xml, texts, self._styles, self.from_1904, numbers, reach)
        except GARBLED as error:
            raise damaged_workbook(self.path, error) from error

    def _blocks(self, part: str) -> Iterator[bytes]:
        try:
            with self._package.open(part) as file:
                while data := file.read(_BLOCK):
                    yield data
        except GARBLED as error:
            raise damaged_workbook(self.path, error) from error
