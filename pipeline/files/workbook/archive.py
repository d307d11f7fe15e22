"""The parts of a workbook, straight from its zip: sheets, and which of their rows hold anything.

What belongs here: the count of records apart from the libraries that read the values. What does not: values.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from pipeline.files.problems import UnreadableFile
from pipeline.files.workbook.rows import DATE_TEXT, RowCounter, SharedTexts, SheetRows

_BLOCK = 1024 * 1024
_MAIN = "{*}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_ITEM_END = re.compile(rb"<(?:\w+:)?si\s*/>|</(?:\w+:)?si>")
_TEXT = re.compile(rb"<(?:\w+:)?t(?:\s[^>]*)?>[^<]")


@dataclass(frozen=True)
class Sheet:
    """A worksheet: its name, whether people see it, and its part of the zip."""

    name: str
    visible: bool
    part: str


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
            self.sheets = self._sheets()
        except (zipfile.BadZipFile, zlib.error, KeyError, ElementTree.ParseError) as error:
            raise damaged_workbook(path, error) from error

    def close(self) -> None:
        """Release the file."""
        self._zip.close()

    def _sheets(self) -> tuple[Sheet, ...]:
        relations = ElementTree.fromstring(self._zip.read("xl/_rels/workbook.xml.rels"))
        parts = {
            relation.get("Id"): posixpath.normpath(posixpath.join("/xl", relation.get("Target", "")))[1:]
            for relation in relations
            if relation.get("Type", "").endswith("/worksheet")
        }
        found = []
        book = ElementTree.fromstring(self._zip.read("xl/workbook.xml"))
        properties = book.find(f"{_MAIN}workbookPr")
        self.from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        for sheet in book.iterfind(f".//{_MAIN}sheet"):
            part = parts.get(sheet.get(_RELATION) or sheet.get(_STRICT_RELATION))
            if part is not None:
                visible = sheet.get("state", "visible") == "visible"
                found.append(Sheet(sheet.get("name", ""), visible, part))
        return tuple(found)

    def shared_texts(self) -> SharedTexts:
        """One pass over the shared texts; empty ones are rare but make an empty row look filled."""
        name = "xl/sharedStrings.xml"
        if name not in self._zip.namelist():
            return SharedTexts(0, frozenset(), False)
        empty: list[bytes] = []
        index, dates, carry = 0, False, b""
        for data in self._stream(name):
            data, start = carry + data, 0
            dates = dates or DATE_TEXT.search(data) is not None
            for match in _ITEM_END.finditer(data):
                if not _TEXT.search(data, start, match.start()):
                    empty.append(b"%d" % index)
                start, index = match.end(), index + 1
            carry = data[start:]
        return SharedTexts(self._zip.getinfo(name).file_size, frozenset(empty), dates)

    def rows(self, sheet: Sheet, shared: SharedTexts) -> SheetRows:
        """One pass over the sheet's XML, in blocks."""
        counter = RowCounter(shared)
        for data in self._stream(sheet.part):
            counter.feed(data)
        return counter.result()

    def _stream(self, part: str) -> Iterator[bytes]:
        try:
            with self._zip.open(part) as file:
                while data := file.read(_BLOCK):
                    yield data
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
            raise damaged_workbook(self.path, error) from error


def damaged_workbook(path: Path, error: Exception) -> UnreadableFile:
    """The problem of a workbook that cannot be read."""
    return UnreadableFile(
        path,
        "damaged",
        f"the workbook is cut off or garbled ({str(error).splitlines()[0] if str(error) else type(error).__name__})",
        "Open it in a spreadsheet program, save it again and send that",
    )
