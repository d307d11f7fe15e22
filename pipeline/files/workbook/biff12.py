"""Binary workbooks (.xlsb): sheets, and which of their rows hold anything.

What belongs here: the records of the parts, as far as counting needs them. What does not: values, which fastexcel reads.
Number formats of codes (`00000`) are not kept: such a number comes without its leading zeros.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from pipeline.files.workbook.guard import MB, damaged_workbook, refuse_bombs, verify
from pipeline.files.workbook.layout import Look, Sheet
from pipeline.files.workbook.rows import LAST_COLUMN, LAST_ROW
from pipeline.files.workbook.tally import GridBook, Tally

_ROW, _FMLA_TEXT, _BOOL, _FMLA_BOOL, _END, _BUNDLE = 0, 8, 4, 10, 146, 156
_TEXT_FACTOR = 2
_TEXTS = {6, _FMLA_TEXT}
_VALUES = range(2, 12)
_GARBLED = (
    zipfile.BadZipFile,
    zlib.error,
    LookupError,
    EOFError,
    ElementTree.ParseError,
    struct.error,
    RuntimeError,
)


class XlsbBook(GridBook):
    """.xlsb: counted from its records, read as grids."""

    def __init__(self, path: Path, memory_mb: int) -> None:
        super().__init__(path, memory_mb)
        try:
            self._zip = zipfile.ZipFile(path)
            refuse_bombs(path, self._zip)
            verify(path, self._zip)
            self.sheets = self._sheets()
        except _GARBLED as error:
            raise damaged_workbook(path, error) from error

    def _sheets(self) -> tuple[Sheet, ...]:
        relations = ElementTree.fromstring(self._zip.read("xl/_rels/workbook.bin.rels"))
        parts = {
            relation.get("Id"): posixpath.normpath(posixpath.join("/xl", relation.get("Target", "")))[1:]
            for relation in relations
            if relation.get("Type", "").endswith("/worksheet")
        }
        found = []
        for kind, body in self._records("xl/workbook.bin"):
            if kind == _BUNDLE:
                state = struct.unpack_from("<I", body)[0]
                relation, at = _text(body, 8)
                if relation in parts:
                    found.append(Sheet(_text(body, at)[0], state == 0, parts[relation]))
        return tuple(found)

    def _records(self, part: str) -> Iterator[tuple[int, bytes]]:
        """(kind, content) of each record of a part, in blocks."""
        with self._zip.open(part) as file:
            data, at = b"", 0
            while True:
                if len(data) - at < 8 and (more := file.read(MB)):
                    data, at = data[at:] + more, 0
                if at >= len(data):
                    return
                kind, at = data[at], at + 1
                if kind & 0x80:
                    kind, at = (kind & 0x7F) | (data[at] & 0x7F) << 7, at + 1
                size = shift = 0
                for _ in range(4):
                    byte, at = data[at], at + 1
                    size |= (byte & 0x7F) << shift
                    shift += 7
                    if not byte & 0x80:
                        break
                while len(data) - at < size and (more := file.read(max(MB, size))):
                    data, at = data[at:] + more, 0
                yield kind, data[at : at + size]
                at += size

    def look(self, sheet: Sheet) -> Look:
        """One pass over the sheet's records, then a few rows are read."""
        tally, row = Tally(), 0
        unpack = struct.Struct("<I").unpack_from
        try:
            for kind, body in self._records(sheet.part):
                if kind == _ROW:
                    if (row := unpack(body)[0]) >= LAST_ROW:
                        raise struct.error("it has cells beyond the last row that a sheet can have")
                elif kind in _VALUES:
                    if (column := unpack(body)[0]) >= LAST_COLUMN:
                        raise struct.error("it has cells beyond the last column that a sheet can have")
                    if kind in _TEXTS and not unpack(body, 8)[0]:
                        tally.empty(row, column)
                        continue
                    tally.cell(row, column, column)
                    if kind in (_BOOL, _FMLA_BOOL):
                        tally.booleans.add(column)
                elif kind == _END:
                    break
        except _GARBLED as error:
            raise damaged_workbook(self.path, error) from error
        # Looking at a few rows makes the library hold them all.
        self.check(self._text_bytes() + tally.grid_bytes)
        return tally.look(self.lines(sheet, tally.numbers))

    def _text_bytes(self) -> int:
        """Memory for the shared texts."""
        name = "xl/sharedStrings.bin"
        return self._zip.getinfo(name).file_size * _TEXT_FACTOR if name in self._zip.namelist() else 0

    def close(self) -> None:
        """Release the zip."""
        self._zip.close()


def _text(body: bytes, at: int) -> tuple[str, int]:
    """(a counted text, where it ends)."""
    length = struct.unpack_from("<I", body, at)[0]
    end = at + 4 + 2 * length
    return body[at + 4 : end].decode("utf-16-le", "replace"), end
