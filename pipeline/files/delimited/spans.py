"""The records of a block as spans of bytes, with the number of their fields.

What belongs here: where records, delimiters and lines lie, once for all of a block. What does not: which quotes count (`scan`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.files.delimited.runs import Bytes, Flags
from pipeline.files.delimited.scan import Marks, Positions, Quotes, is_blank, outside, starts_of
from pipeline.files.delimited.scratch import scratch, where

_CR = 13
_MUCH = 16


@dataclass(frozen=True)
class Spans:
    """The records of whole records, blank lines left out.

    Attributes:
        starts: first byte of each.
        ends: the byte after the last of each; CR and record end are no part of it.
        counts: fields of each.
        line: how many record ends (those of blank lines, too) stand before each.
    """

    starts: Positions
    ends: Positions
    counts: Positions
    line: Positions


def spans_of(data: bytes, marks: Marks, quotes: Quotes) -> Spans:
    """The records of `data`, which holds nothing but whole records."""
    bytes_ = np.frombuffer(data, np.uint8)
    ends, counts = _counted(bytes_, marks, quotes) or _listed(bytes_, marks, quotes.toggles)
    kept = np.flatnonzero(~is_blank(bytes_, ends, marks))
    starts, ends, counts = starts_of(ends)[kept], ends[kept], counts[kept]
    if marks.eol != _CR and len(ends):
        ends = ends - (bytes_[ends - 1] == _CR)
    return Spans(starts, ends, counts, kept)


def _counted(bytes_: Bytes, marks: Marks, quotes: Quotes) -> tuple[Positions, Positions] | None:
    """(record ends, fields before each), counted line by line without listing the delimiters; None where that is not exact, or
    where much is inside quotes."""
    opening, closing = quotes.toggles[0::2], quotes.toggles[1::2]
    if len(opening) != len(closing) or int((closing - opening).sum()) > len(bytes_) // _MUCH:
        return None
    ends = quotes.ends if len(quotes.ends) else outside(quotes.toggles, where(bytes_, marks.eol))
    if not len(ends):
        return None
    is_delimiter = np.equal(bytes_, marks.delimiter, out=scratch("first", len(bytes_)))
    is_delimiter[_all_between(opening, closing)] = False
    counts = np.add.reduceat(is_delimiter.view(np.uint8), starts_of(ends), dtype=np.uint8).astype(np.int64)
    # A line of 256 delimiters and more goes round the clock.
    return (ends, counts + 1) if int(counts.sum()) == int(np.count_nonzero(is_delimiter)) else None


def _all_between(first: Positions, last: Positions) -> Positions:
    """Every position from each of `first` up to its `last`."""
    size = last - first
    return np.repeat(first - (np.cumsum(size) - size), size) + np.arange(int(size.sum()))


def _listed(bytes_: Bytes, marks: Marks, toggles: Positions) -> tuple[Positions, Positions]:
    is_mark = np.equal(bytes_, marks.delimiter, out=scratch("first", len(bytes_)))
    is_end = np.equal(bytes_, marks.eol, out=scratch("second", len(bytes_)))
    marks_at = outside(toggles, np.flatnonzero(np.logical_or(is_mark, is_end, out=is_mark)))
    last = np.flatnonzero(bytes_[marks_at] == marks.eol)
    return marks_at[last], np.diff(last, prepend=-1)


def holding(positions: Positions, starts: Positions) -> Positions:
    """The records (numbers, ascending) that hold `positions`."""
    held = np.zeros(len(starts), dtype=bool)
    held[np.searchsorted(starts, positions, side="right") - 1] = True
    return np.flatnonzero(held)


def how_many(bytes_: Bytes, byte: int, starts: Positions, ends: Positions) -> Positions:
    """How often `byte` stands in each of some records."""
    at = where(bytes_, byte)
    return np.searchsorted(at, ends) - np.searchsorted(at, starts)


def joined(data: bytes, starts: Positions, ends: Positions, follows: Flags, eol: int) -> bytes:
    """Records of `data`, one after the other, each with a record end. `follows`: for all but the first, whether nothing but a
    record end stands between it and the one before; such records are copied at once."""
    if not len(starts):
        return b""
    breaks = np.flatnonzero(~follows)
    first = starts[np.concatenate(([0], breaks + 1))].tolist()
    last = ends[np.concatenate((breaks, [len(ends) - 1]))].tolist()
    end = bytes([eol])
    view = memoryview(data)
    parts: list[bytes | memoryview] = [view[start:stop] for start, stop in zip(first, last, strict=True)]
    parts.append(b"")
    return end.join(parts)


def follows(data: bytes, starts: Positions, ends: Positions, eol: int) -> Flags:
    """Whether each record but the first begins right after the record end (maybe CRLF) of the one before it."""
    found: Flags = starts[1:] == ends[:-1] + 1
    if eol != 13:
        has_cr = np.frombuffer(data, np.uint8)[ends[:-1]] == 13
        found = np.where(has_cr, starts[1:] == ends[:-1] + 2, found)
    return found
