"""Workbooks of Excel 97-2003 (.xls): sheets, and which of their rows hold anything.

What belongs here: the records of the Workbook stream, as far as counting needs them. What does not: values (`fast`, `biffcells`).
Number formats of codes (`00000`) are not kept: such a number comes without its leading zeros.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from pipeline.files.problems import UnreadableFile
from pipeline.files.workbook.biffcells import BOF, CODEPAGE, DATE_MODE, EOF, Globals, cells, read_globals
from pipeline.files.workbook.compound import BadCompound, find_stream, is_sound, refuse_cut
from pipeline.files.workbook.guard import damaged_workbook
from pipeline.files.workbook.layout import Look, Sheet
from pipeline.files.workbook.styles import Styles
from pipeline.files.workbook.tally import GridBook, Tally, Value

_NAMES = ("Workbook", "Book")
_SHEET, _PASSWORD, _DIMENSIONS, _UTF16 = 0x0085, 0x002F, 0x0200, 1200
_ROWS, _COLUMNS = 65_536, 256
_FORMULA, _STRING, _TRUTH, _MANY = 0x0006, 0x0207, 0x0205, 0x00BD
_SINGLE = {0x0203, 0x027E, 0x00FD, 0x0204, 0x00D6, _TRUTH}
_CELLS = {_FORMULA, _STRING, _MANY, *_SINGLE}
# The library holds the stream, its texts, and every cell between the first and the last, of all sheets at once.
_FILE_FACTOR = 4


class XlsBook(GridBook):
    """.xls: counted from its records, read as grids."""

    def __init__(self, path: Path, memory_mb: int) -> None:
        super().__init__(path, memory_mb)
        needs = path.stat().st_size * _FILE_FACTOR
        self.check(needs)
        self._globals: Globals | None = None
        self._plain = True
        try:
            name, stream = self._stream()
            found = self._sheets(stream)
            self._tallies = {sheet: _tally(stream, start) for sheet, _, start in found}
        except (BadCompound, struct.error, IndexError) as error:
            raise damaged_workbook(path, error) from error
        self._plain = self._plain and name in _NAMES and is_sound(path.read_bytes())
        self._starts = {sheet: start for sheet, _, start in found}
        self.sheets = tuple(Sheet(sheet, visible) for sheet, visible, _ in found)
        self.check(needs + sum(tally.grid_bytes for tally in self._tallies.values()))

    def _stream(self) -> tuple[str, bytes]:
        """The workbook's stream with its name."""
        found = find_stream(self.path.read_bytes(), _NAMES)
        if found is None:
            raise BadCompound("it has no Workbook stream")
        return found

    def _sheets(self, stream: bytes) -> list[tuple[str, bool, int]]:
        """(name, visible, where it begins) of each worksheet."""
        found, at, wide, page, from_1904 = [], 0, True, 0, False
        while at + 4 <= len(stream):
            kind, length = struct.unpack_from("<HH", stream, at)
            if kind == BOF:
                wide = struct.unpack_from("<H", stream, at + 4)[0] >= 0x0600
            elif kind == _PASSWORD:
                raise UnreadableFile(
                    self.path,
                    "encrypted",
                    "the workbook is protected by a password",
                    "Save it without a password and send it again",
                )
            elif kind == _SHEET and stream[at + 9] == 0:
                start, hidden = struct.unpack_from("<IB", stream, at + 4)
                found.append((_name(stream, at + 10, wide), not hidden & 3, start))
            elif kind == CODEPAGE:
                page = struct.unpack_from("<H", stream, at + 4)[0]
            elif kind == DATE_MODE:
                from_1904 = stream[at + 4] == 1
            elif kind == EOF:
                break
            at += 4 + length
        # The library reads texts since Excel 97 by the code page, too, and takes times of day for moments in 1904.
        self._plain = (not wide or page == _UTF16) and not from_1904
        return found

    def look(self, sheet: Sheet) -> Look:
        """The counts are known; a few rows are read."""
        tally = self._tallies[sheet.name]
        return self.looked(sheet, tally, self._plain and not tally.odd)

    def cells(self, sheet: Sheet) -> Iterator[tuple[int, int, Value]]:
        """From the records of the sheet alone, if the file is whole: what the library refuses for being cut off stays so."""
        try:
            refuse_cut(self.path.read_bytes())
            _, stream = self._stream()
            if self._globals is None:
                self._globals = read_globals(stream)
            yield from cells(stream, self._starts[sheet.name], self._globals)
        except (BadCompound, struct.error, IndexError, ValueError) as error:
            raise damaged_workbook(self.path, error) from error

    def shown(self) -> tuple[Styles, bool]:
        """From the records before the sheets."""
        try:
            if self._globals is None:
                self._globals = read_globals(self._stream()[1])
        except (BadCompound, struct.error, IndexError, ValueError) as error:
            raise damaged_workbook(self.path, error) from error
        return self._globals.styles, self._globals.from_1904

    def close(self) -> None:
        """Nothing is open."""


def _name(stream: bytes, at: int, wide: bool) -> str:
    """A sheet's name: since Excel 97 with a mark for two bytes a character."""
    length = stream[at]
    if not wide:
        return stream[at + 1 : at + 1 + length].decode("cp1252", "replace")
    if stream[at + 1] & 1:
        return stream[at + 2 : at + 2 + 2 * length].decode("utf-16-le", "replace")
    return stream[at + 2 : at + 2 + length].decode("latin-1")


def _tally(stream: bytes, at: int) -> Tally:
    """The cells of the sheet that begins here, up to its end. Charts inside it have an end of their own, and cells that are none
    of the sheet's, which the library takes for such."""
    tally, depth, pending, wide = Tally(), 0, (0, 0), True
    header, place = struct.Struct("<HH"), struct.Struct("<HH")
    while at + 4 <= len(stream):
        kind, length = header.unpack_from(stream, at)
        if depth > 1 and kind in _CELLS:
            tally.odd = True
        elif kind in _SINGLE:
            row, column = place.unpack_from(stream, at + 4)
            tally.cell(row, column, column)
            if kind == _TRUTH and stream[at + 11] == 0:
                tally.booleans.add(column)
        elif kind == _MANY:
            row, column = place.unpack_from(stream, at + 4)
            tally.cell(row, column, struct.unpack_from("<H", stream, at + 2 + length)[0])
        elif kind == _FORMULA:
            row, column = pending = place.unpack_from(stream, at + 4)
            special = stream[at + 16 : at + 18] == b"\xff\xff"
            if not special or stream[at + 10] in (1, 2):
                tally.cell(row, column, column)
            else:
                tally.empty(row, column)
            if special and stream[at + 10] == 1:
                tally.booleans.add(column)
        elif kind == _STRING and struct.unpack_from("<H", stream, at + 4)[0]:
            tally.cell(pending[0], pending[1], pending[1])
        elif kind == _DIMENSIONS and depth == 1:
            # The library makes room for what it says, and ends the process when there is none.
            _, rows, _, columns = struct.unpack_from("<IIHH" if wide else "<HHHH", stream, at + 4)
            tally.odd = tally.odd or rows > _ROWS or columns > _COLUMNS
        elif kind == BOF:
            wide = struct.unpack_from("<H", stream, at + 4)[0] >= 0x0600
            depth += 1
        elif kind == EOF:
            depth -= 1
            if depth <= 0:
                break
        at += 4 + length
    return tally
