"""How much of what was read becomes a block.

What belongs here: where to cut, so that neither a block nor what is kept while it is looked at outgrows the memory budget,
whatever is in the file. What does not: reading (`blocks`), finding quotes and record ends (`scan`).
"""

from __future__ import annotations

from pathlib import Path

from pipeline.files.delimited import scan
from pipeline.files.delimited.scan import Cut, Marks
from pipeline.files.problems import UnreadableFile
from pipeline.files.table import ReadOptions

_MB = 1024 * 1024
LARGEST_BLOCK = 16 * _MB
LARGEST_RECORD = 64 * _MB
_MANY = 4
_FAR = 4 * _MB
_BUDGET_OF_MARK = 1024


def largest_block(options: ReadOptions) -> int:
    """Bytes of a block, at most, as long as no record is larger."""
    return min(LARGEST_BLOCK, max(options.memory_mb, 64) * _MB // 64)


class Cutting:
    """Where to cut a file."""

    def __init__(self, path: Path, marks: Marks, options: ReadOptions) -> None:
        self._path, self._marks = path, marks
        self._rows, self._largest = max(options.chunk_rows, 1), largest_block(options)
        self._most = max(options.memory_mb, 64) * _MB // _BUDGET_OF_MARK

    def cut(self, data: bytes, ended: bool, size: int | None, line: int) -> tuple[Cut, bool]:
        """(cut, whether more can be cut before more is read). Where records are far smaller than they were before, the cut is
        made earlier: what becomes of a piece grows with its records. `size`: bytes of a piece, if there was such a cut."""
        if size is not None and size < len(data):
            part = scan.measure(data[:size], self._marks, False)
            if part.end:
                return part, True
        crowded = scan.crowd(data, self._marks, self._most) if len(data) > self._largest + _MB else len(data)
        cut, forced = scan.Cut(0, 0, 0), False
        if crowded == len(data):
            cut = scan.measure(data, self._marks, ended, self._most)
            crowded = cut.crowded or crowded
        if crowded < len(data):
            return self._first_of_many(data, crowded, ended, line)
        if not cut.end and len(data) > LARGEST_RECORD:
            cut, forced = scan.measure(data, self._marks, True), True
            if not cut.end:
                raise _endless_record(self._path, line)
        share = min(1.0, self._most / max(cut.lines, 1))
        if cut.records > _MANY * self._rows:
            share = min(share, self._rows / cut.records)
        if share < 1:
            end = data.find(self._marks.eol, int(cut.end * share)) + 1
            part = scan.measure(data[:end], self._marks, forced)
            if not part.end and cut.quotes is not None and len(cut.quotes.broken):
                end = data.find(self._marks.eol) + 1
                if cut.quotes.broken[0] < end:
                    part = scan.measure(data[:end], self._marks, True)
            if part.end:
                return part, True
        return cut, False

    def _first_of_many(self, data: bytes, size: int, ended: bool, line: int) -> tuple[Cut, bool]:
        """As `cut`, where there are more quotes and record ends than may be looked at at once; the first `size` bytes hold as
        many as may. A quoted field that holds more counts as never closed."""
        end = data.find(self._marks.eol, size) + 1
        if not end and len(data) <= LARGEST_RECORD and not ended:
            return scan.Cut(0, 0, 0), False
        if end <= 0 or end - size > _FAR:
            end = data.rfind(self._marks.eol, 0, size) + 1
        for final in (False, True):
            part = scan.measure(data[:end], self._marks, final)
            if part.end:
                return part, part.end < len(data)
        raise _endless_record(self._path, line)


def _endless_record(path: Path, line: int) -> UnreadableFile:
    return UnreadableFile(
        path,
        "record_too_large",
        f"the record in line {line:,} is longer than {LARGEST_RECORD // _MB} MB, or holds too many quotes and line ends to be read",
        "A record must fit into memory: check that the lines of the file end with a line break",
    )
