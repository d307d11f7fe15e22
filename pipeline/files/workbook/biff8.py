"""Workbooks of Excel 97-2003 (.xls): sheets, and which of their rows hold anything.

What belongs here: the records of the Workbook stream, as far as counting needs them. What does not: values, which fastexcel reads.
Number formats of codes (`00000`) are not kept: such a number comes without its leading zeros.
"""

from __future__ import annotations

import struct
from pathlib import Path

from pipeline.files.problems import UnreadableFile
from pipeline.files.workbook.compound import BadCompound, read_stream
from pipeline.files.workbook.guard import damaged_workbook
from pipeline.files.workbook.layout import Look, Sheet
from pipeline.files.workbook.tally import GridBook, Tally

_BOF, _EOF, _SHEET, _PASSWORD = 0x0809, 0x000A, 0x0085, 0x002F
_FORMULA, _STRING, _TRUTH, _MANY = 0x0006, 0x0207, 0x0205, 0x00BD
_SINGLE = {0x0203, 0x027E, 0x00FD, 0x0204, 0x00D6, _TRUTH}
# The library holds the stream, its texts, and every cell between the first and the last, of all sheets at once.
_FILE_FACTOR = 4


class XlsBook(GridBook):
    """.xls: counted from its records, read as grids."""

    def __init__(self, path: Path, memory_mb: int) -> None:
        super().__init__(path, memory_mb)
        needs = path.stat().st_size * _FILE_FACTOR
        self.check(needs)
        try:
            stream = read_stream(path.read_bytes(), ("Workbook", "Book"))
            if stream is None:
                raise BadCompound("it has no Workbook stream")
            found = self._sheets(stream)
            self._tallies = {name: _tally(stream, start) for name, _, start in found}
        except (BadCompound, struct.error, IndexError) as error:
            raise damaged_workbook(path, error) from error
        self.sheets = tuple(Sheet(name, visible) for name, visible, _ in found)
        self.check(needs + sum(tally.grid_bytes for tally in self._tallies.values()))

    def _sheets(self, stream: bytes) -> list[tuple[str, bool, int]]:
        """(name, visible, where it begins) of each worksheet."""
        found, at, wide = [], 0, True
        while at + 4 <= len(stream):
            kind, length = struct.unpack_from("<HH", stream, at)
            if kind == _BOF:
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
            elif kind == _EOF:
                break
            at += 4 + length
        return found

    def look(self, sheet: Sheet) -> Look:
        """The counts are known; a few rows are read."""
        tally = self._tallies[sheet.name]
        return tally.look(self.lines(sheet, tally.numbers))

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
    """The cells of the sheet that begins here, up to its end; charts inside it have an end of their own."""
    tally, depth, pending = Tally(), 0, (0, 0)
    header, place = struct.Struct("<HH"), struct.Struct("<HH")
    while at + 4 <= len(stream):
        kind, length = header.unpack_from(stream, at)
        if kind in _SINGLE:
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
        elif kind == _BOF:
            depth += 1
        elif kind == _EOF:
            depth -= 1
            if depth <= 0:
                break
        at += 4 + length
    return tally
