"""Binary workbooks (.xlsb): sheets, which of their rows hold anything, and values where the library does not read them rightly.

What belongs here: the records of the parts. What does not: the fast road (`fast`).
Number formats of codes (`00000`) are not kept: such a number comes without its leading zeros.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from pipeline.files.workbook.guard import MB, damaged_workbook, verify
from pipeline.files.workbook.layout import Look, Sheet
from pipeline.files.workbook.package import GARBLED, Package
from pipeline.files.workbook.rows import LAST_COLUMN, LAST_ROW
from pipeline.files.workbook.styles import Styles, styles_from
from pipeline.files.workbook.tally import ERRORS, GridBook, Tally, Value, rk_number

_ROW, _FMLA_TEXT, _BOOL, _FMLA_BOOL, _END, _BUNDLE = 0, 8, 4, 10, 146, 156
_TEXT_FACTOR = 2
_RK, _ERROR, _TEXT, _SHARED, _FMLA_ERROR, _RICH = 2, 3, 6, 7, 11, 62
_ITEM, _FORMAT, _STYLE, _STYLES_BEGIN, _STYLES_END, _PROPERTIES = 19, 44, 47, 617, 618, 153
_TEXTS_BEGIN = 159
_TEXTS = {_TEXT, _FMLA_TEXT}
_VALUES = {*range(2, 12), _RICH}
_MAIN_PART, _SHARED_PART, _STYLES_PART = "xl/workbook.bin", "xl/sharedStrings.bin", "xl/styles.bin"


class XlsbBook(GridBook):
    """.xlsb: counted from its records, read as grids."""

    def __init__(self, path: Path, memory_mb: int) -> None:
        super().__init__(path, memory_mb)
        try:
            self._package = Package(path)
            verify(path, self._package.zip)
            main = self._package.main
            self._parts = {
                kind: self._package.related(main, kind) or (place if place in self._package else "")
                for kind, place in (("sharedStrings", _SHARED_PART), ("styles", _STYLES_PART))
            }
            places = zip((main, *self._parts.values()), (_MAIN_PART, _SHARED_PART, _STYLES_PART), strict=True)
            self._plain = all(self._package.entry(part).filename == place for part, place in places if part)
            self._from_1904 = False
            self.sheets = self._sheets(main)
            self._plain = self._plain and self._claims_room()
        except GARBLED as error:
            raise damaged_workbook(path, error) from error
        self._styles: Styles | None = None

    def _sheets(self, main: str) -> tuple[Sheet, ...]:
        relations = self._package.relations(main)
        found = []
        for kind, body in _records(self._package, main):
            if kind == _PROPERTIES:
                self._from_1904 = bool(body[0] & 1)
            elif kind == _BUNDLE:
                state = struct.unpack_from("<I", body)[0]
                name, at = _text(body, 8)
                relation = relations.get(name)
                if relation is not None and relation.kind == "worksheet":
                    self._plain = self._package.is_usual(relation) and self._plain
                    found.append(Sheet(_text(body, at)[0], state == 0, relation.part))
        return tuple(found)

    def look(self, sheet: Sheet) -> Look:
        """One pass over the sheet's records, then a few rows are read."""
        # The library takes times of day for moments in 1904.
        tally, row, plain = Tally(), 0, self._plain and not self._from_1904
        unpack = struct.Struct("<I").unpack_from
        try:
            for kind, body in _records(self._package, sheet.part):
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
                    plain = plain and kind != _RICH
                    if kind in (_BOOL, _FMLA_BOOL):
                        tally.booleans.add(column)
                elif kind == _END:
                    break
        except GARBLED as error:
            raise damaged_workbook(self.path, error) from error
        # Looking at a few rows makes the library hold them all.
        self.check(self._text_bytes() + tally.grid_bytes)
        return self.looked(sheet, tally, plain)

    def _claims_room(self) -> bool:
        """Whether the shared texts are as many as they say: the library makes room for so many, and ends the process when there is none."""
        part = self._parts["sharedStrings"]
        for kind, body in _records(self._package, part) if part else ():
            most = self._package.entry(part).file_size
            return kind != _TEXTS_BEGIN or struct.unpack_from("<I", body, 4)[0] <= most
        return True

    def _text_bytes(self) -> int:
        """Memory for the shared texts."""
        part = self._parts["sharedStrings"]
        return self._package.entry(part).file_size * _TEXT_FACTOR if part else 0

    def cells(self, sheet: Sheet) -> Iterator[tuple[int, int, Value]]:
        """From the records of the sheet."""
        try:
            package = Package(self.path)
            with package.zip:
                yield from self._cells(package, sheet)
        except GARBLED as error:
            raise damaged_workbook(self.path, error) from error

    def _cells(self, package: Package, sheet: Sheet) -> Iterator[tuple[int, int, Value]]:
        part, row = self._parts["sharedStrings"], 0
        texts = [_text(body, 1)[0] for kind, body in _records(package, part) if kind == _ITEM] if part else []
        for kind, body in _records(package, sheet.part):
            if kind == _ROW:
                row = struct.unpack_from("<I", body)[0]
            elif kind in _VALUES:
                column, style = struct.unpack_from("<II", body)
                value = _value(kind, body, texts, style & 0xFFFFFF)
                if value.value != "":
                    yield row, column, value
            elif kind == _END:
                return

    def shown(self) -> tuple[Styles, bool]:
        """From the parts of the styles and of the workbook."""
        if self._styles is None:
            try:
                package = Package(self.path)
                with package.zip:
                    self._styles = self._read_styles(package)
            except GARBLED as error:
                raise damaged_workbook(self.path, error) from error
        return self._styles, self._from_1904

    def _read_styles(self, package: Package) -> Styles:
        formats, used, inside = dict[int, str](), list[int](), False
        for kind, body in _records(package, self._parts["styles"]) if self._parts["styles"] else ():
            if kind == _FORMAT:
                formats[struct.unpack_from("<H", body)[0]] = _text(body, 2)[0]
            elif kind in (_STYLES_BEGIN, _STYLES_END):
                inside = kind == _STYLES_BEGIN
            elif kind == _STYLE and inside:
                used.append(struct.unpack_from("<H", body, 2)[0])
        return styles_from(formats, used)

    def close(self) -> None:
        """Release the zip."""
        self._package.zip.close()


def _records(package: Package, part: str) -> Iterator[tuple[int, bytes]]:
    """(kind, content) of each record of a part, in blocks."""
    with package.open(part) as file:
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


def _value(kind: int, body: bytes, texts: list[str], style: int) -> Value:
    """What a cell holds, an empty text where that is nothing."""
    if kind == _RK:
        return Value(rk_number(struct.unpack_from("<I", body, 8)[0]), style)
    if kind in (_ERROR, _FMLA_ERROR):
        return Value(ERRORS.get(body[8], "#UNKNOWN!"))
    if kind in (_BOOL, _FMLA_BOOL):
        return Value(bool(body[8]))
    if kind == _SHARED:
        return Value(texts[struct.unpack_from("<I", body, 8)[0]])
    if kind in (_TEXT, _FMLA_TEXT, _RICH):
        return Value(_text(body, 9 if kind == _RICH else 8)[0])
    return Value(struct.unpack_from("<d", body, 8)[0], style)


def _text(body: bytes, at: int) -> tuple[str, int]:
    """(a counted text, where it ends)."""
    length = struct.unpack_from("<I", body, at)[0]
    end = at + 4 + 2 * length
    return body[at + 4 : end].decode("utf-16-le", "replace"), end
