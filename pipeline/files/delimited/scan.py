"""Where records and fields of delimited text begin and end, from the bytes.

What belongs here: quotes, record ends and counts over a block of bytes that starts at a record. What does not: values
(`parse`) and reading (`blocks`).

A block without quotes needs one comparison per byte. With quotes, the parity of the quotes before a byte tells whether it
is quoted; that is trusted only if every opening quote follows a delimiter or record end and every closing one precedes
one. Otherwise each line is looked at (`mend_quotes`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from pipeline.files.delimited.mend_quotes import find_leniently
from pipeline.files.delimited.scratch import how_often, scratch, where

Positions = npt.NDArray[np.int64]
NONE: Positions = np.empty(0, dtype=np.int64)
_CR = 13
_PART = 16 * 1024


@dataclass(frozen=True)
class Marks:
    """The bytes that give delimited text its structure.

    Attributes:
        delimiter: one ASCII byte between fields.
        quote: one ASCII byte around fields, or None.
        eol: the byte that ends a record: LF (a CR before it belongs to it) or, in old files, CR.
        width: fields that a record should have, 0 if unknown: it helps to tell a quote that is never closed from a field
            with line ends in it.
    """

    delimiter: int
    quote: int | None
    eol: int = 10
    width: int = 0


@dataclass(frozen=True)
class Quotes:
    """The quotes of a block.

    Attributes:
        toggles: positions at which quoting goes on or off.
        odd: positions of quotes that a strict parser reads differently.
        stray: those among them that should not be there.
        broken: positions of opening quotes that are never closed; their line is a record of its own.
        ends: positions of the record ends outside quotes, where they were looked for; else none.
    """

    toggles: Positions = field(default_factory=lambda: NONE)
    odd: Positions = field(default_factory=lambda: NONE)
    broken: Positions = field(default_factory=lambda: NONE)
    stray: Positions = field(default_factory=lambda: NONE)
    ends: Positions = field(default_factory=lambda: NONE)

    def before(self, end: int) -> Quotes:
        """Those before `end`."""
        return Quotes(*(part[: np.searchsorted(part, end)] for part in self._parts))

    def moved(self, by: Positions) -> Quotes:
        """Each moved `by` as many bytes as that says for its position."""
        return Quotes(*(part + by[part] for part in self._parts))

    @property
    def _parts(self) -> tuple[Positions, ...]:
        return self.toggles, self.odd, self.broken, self.stray, self.ends


@dataclass(frozen=True)
class Cut:
    """How much of a block is whole records.

    Attributes:
        end: bytes of whole records, their last record end included.
        records: how many of them are records; blank lines are none.
        lines: physical lines in them.
        quotes: the quotes in them, where they are not all in order: what follows may have helped to read them, so that the
            parser is told.
        crowded: bytes before the quote that was one too many; 0 if there were not too many.
    """

    end: int
    records: int
    lines: int
    quotes: Quotes | None = None
    crowded: int = 0


def measure(data: bytes, marks: Marks, final: bool, most: int | None = None) -> Cut:
    """Cut `data` at its last record end; with `final` nothing follows, and an open quote counts as never closed.

    `final` data ends with a record end. Beyond `most` quotes that are not in order nothing is cut: what is kept of each while it
    is looked at is more than a hundred bytes.
    """
    if marks.quote is None or marks.quote not in data:
        end = data.rfind(marks.eol) + 1
        bytes_ = np.frombuffer(data, np.uint8, end)
        is_end = np.equal(bytes_, marks.eol, out=scratch("first", end))
        lines = int(np.count_nonzero(is_end))
        return Cut(end, lines - _blank_lines(bytes_, is_end, marks, b"\r" in data), lines)
    bytes_ = np.frombuffer(data, np.uint8)
    positions = where(bytes_, marks.quote)
    if _trusted(bytes_, positions, marks, final):
        every_end, quotes = where(bytes_, marks.eol), Quotes(positions)
    elif most is not None and len(positions) > most:
        return Cut(0, 0, 0, crowded=max(int(positions[most]), 1))
    else:
        every_end = where(bytes_, marks.eol)
        quotes = _lenient(data, marks, final, positions, every_end)
    ends = outside(quotes.toggles, every_end)
    if not len(ends):
        return Cut(0, 0, 0)
    end = int(ends[-1]) + 1
    blank = int(np.count_nonzero(is_blank(bytes_, ends, marks)))
    in_order = not len(quotes.odd) and not len(quotes.broken)
    return Cut(
        end,
        len(ends) - blank,
        int(np.searchsorted(every_end, end)),
        None if in_order else replace(quotes, ends=ends).before(end),
    )


def crowd(data: bytes, marks: Marks, most: int) -> int:
    """Bytes of `data` that hold `most` quotes and record ends, to a few thousand bytes; its length if it holds fewer."""
    bytes_, found = np.frombuffer(data, np.uint8), 0
    for start in range(0, len(data), _PART):
        part = bytes_[start : start + _PART]
        found += int(np.count_nonzero(part == marks.eol))
        if marks.quote is not None:
            found += int(np.count_nonzero(part == marks.quote))
        if found > most:
            return start + len(part)
    return len(data)


def _blank_lines(bytes_: npt.NDArray[np.uint8], is_end: npt.NDArray[np.bool_], marks: Marks, cr: bool) -> int:
    if not len(bytes_):
        return 0
    is_double = scratch("second", len(bytes_) - 1)
    blank = int(is_end[0]) + int(np.count_nonzero(np.logical_and(is_end[1:], is_end[:-1], out=is_double)))
    if cr and marks.eol != _CR and len(bytes_) > 1:
        is_cr = bytes_ == _CR
        blank += int(is_cr[0] & is_end[1])
        blank += int(np.count_nonzero(is_end[2:] & is_cr[1:-1] & is_end[:-2]))
    return blank


def is_blank(bytes_: npt.NDArray[np.uint8], ends: Positions, marks: Marks) -> npt.NDArray[np.bool_]:
    """Whether there is nothing (or a CR) in each of the lines that end at `ends`, the first of which starts at 0."""
    starts = starts_of(ends)
    blank: npt.NDArray[np.bool_] = starts == ends
    if marks.eol != _CR:
        blank |= (starts + 1 == ends) & (bytes_[starts] == _CR)
    return blank


def starts_of(ends: Positions) -> Positions:
    """First byte of each line that ends at `ends`, given that the first line starts at 0."""
    starts = np.empty_like(ends)
    if len(ends):
        starts[0] = 0
        starts[1:] = ends[:-1] + 1
    return starts


def outside(toggles: Positions, positions: Positions) -> Positions:
    """Those of `positions` (ascending) that are not inside quotes."""
    if not len(toggles):
        return positions
    borders = np.concatenate(([0], np.searchsorted(positions, toggles), [len(positions)]))
    outside: Positions = positions[np.repeat(np.arange(len(borders) - 1) & 1 == 0, np.diff(borders))]
    return outside


def without_comments(data: bytes, marks: Marks, comment: bytes, quotes: Quotes | None) -> bytes:
    """Whole records, with blank lines where a line outside quotes begins with `comment` (all of the line, if that ends in a
    record end)."""
    bytes_ = np.frombuffer(data, np.uint8)
    quotes = quotes or find_quotes(data, marks, True)
    ends = outside(quotes.toggles, where(bytes_, marks.eol))
    starts = starts_of(ends)
    found = np.flatnonzero(bytes_[starts] == comment[0])
    parts: list[bytes] = []
    kept = 0
    for start, end in zip(starts[found].tolist(), ends[found].tolist(), strict=True):
        if data.startswith(comment, start):
            parts.append(data[kept:start])
            kept = end
    return b"".join([*parts, data[kept:]])


def record_spans(data: bytes, marks: Marks, quotes: Quotes) -> tuple[Positions, Positions]:
    """(start, end) of each record of whole records: the end without CR and record end; blank lines left out."""
    bytes_ = np.frombuffer(data, np.uint8)
    ends = outside(quotes.toggles, where(bytes_, marks.eol))
    kept = ~is_blank(bytes_, ends, marks)
    starts, ends = starts_of(ends)[kept], ends[kept]
    if marks.eol != _CR and len(ends):
        ends = ends - (bytes_[ends - 1] == _CR)
    return starts, ends


def delimiters(data: bytes, marks: Marks, quotes: Quotes) -> Positions:
    """Positions of the delimiters between fields."""
    return outside(quotes.toggles, where(np.frombuffer(data, np.uint8), marks.delimiter))


def count_delimiters(data: bytes, marks: Marks, quotes: Quotes) -> int:
    """How many delimiters there are between fields."""
    if len(quotes.toggles):
        return len(delimiters(data, marks, quotes))
    return how_often(data, marks.delimiter)


def find_quotes(data: bytes, marks: Marks, final: bool) -> Quotes:
    """The quotes of `data`; `final` as for `measure`."""
    if marks.quote is None or marks.quote not in data:
        return Quotes()
    bytes_ = np.frombuffer(data, np.uint8)
    positions = where(bytes_, marks.quote)
    if _trusted(bytes_, positions, marks, final):
        return Quotes(positions)
    return _lenient(data, marks, final, positions, where(bytes_, marks.eol))


def _lenient(data: bytes, marks: Marks, final: bool, quotes: Positions, ends: Positions) -> Quotes:
    """`ends`: all record ends, inside quotes too."""
    found = find_leniently(data, ends, marks.delimiter, quotes, marks.eol, marks.width, final)
    return Quotes(found.toggles, found.odd, found.broken, found.stray)


def _trusted(bytes_: npt.NDArray[np.uint8], positions: Positions, marks: Marks, final: bool) -> bool:
    if final and len(positions) % 2:
        return False
    opening, closing = positions[0::2], positions[1::2]
    before = bytes_[np.maximum(opening - 1, 0)]
    fits = (before == marks.delimiter) | (before == marks.eol)
    fits[1:] |= opening[1:] == closing[: len(opening) - 1] + 1
    fits[0] |= opening[0] == 0
    if not fits.all():
        return False
    last = len(bytes_) - 1
    after = bytes_[np.minimum(closing + 1, last)]
    fits = (after == marks.delimiter) | (after == marks.eol) | (after == marks.quote) | (closing == last)
    if marks.eol != _CR:
        fits |= (after == _CR) & (bytes_[np.minimum(closing + 2, last)] == marks.eol)
    return bool(fits.all())
