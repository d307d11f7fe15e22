"""The elements of a stretch of JSON text.

What belongs here: shapes, and from text to elements, by the fast scan where it vouches for them and by a walk where it does not.
What does not: reading (`cut`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.files.json.scan import LongElement, Positions, elements
from pipeline.files.json.walk import SEPARATORS, Likeness, may_end, next_record, walk
from pipeline.files.problems import UnreadableFile

_KB, _MB = 1024, 1024 * 1024
LARGEST_RECORD = 64 * _MB
_LONGEST_SEARCH = 4 * _MB
_WINDOW, _NARROW = _MB, 4 * _KB
_PATIENCE = 256 * _KB
_SEPARATED = re.compile(rb"[ \t\r\n,]*+")
_LF, _CR, _OPEN, _CLOSE = 10, 13, 0x5B, 0x5D


@dataclass(frozen=True)
class Shape:
    """How the records of a file lie in its text.

    Attributes:
        kind: `lines` (an object per line), `array`, `objects` (one after another), `wrapped` (an array in an object).
        skip: bytes of text before the first record.
        skip_lines: line ends in them.
        key: of the array, where it is wrapped.
        beside: other keys of that object.
    """

    kind: str
    skip: int = 0
    skip_lines: int = 0
    key: str = ""
    beside: tuple[str, ...] = ()

    @property
    def in_array(self) -> bool:
        """Whether a `]` ends the records."""
        return self.kind in ("array", "wrapped")


@dataclass
class Spans:
    """The elements found so far in a stretch of text.

    Attributes:
        starts, ends: runs of first bytes, and of bytes after the last.
        used: bytes that are dealt with.
    """

    starts: list[Positions] = field(default_factory=list)
    ends: list[Positions] = field(default_factory=list)
    used: int = 0

    def add(self, starts: Positions, ends: Positions) -> None:
        """More elements, after the others."""
        self.starts.append(starts)
        self.ends.append(ends)

    def one(self, start: int, end: int) -> None:
        """One more element."""
        self.add(np.array([start]), np.array([end]))


class Values:
    """Cuts text that is no line-wise JSON. It keeps what must be known from one stretch of the text to the next.

    Attributes:
        closed: whether the array has ended.
    """

    def __init__(self, path: Path, shape: Shape, like: Likeness, record: float) -> None:
        self._path, self._shape, self._like = path, shape, like
        self._window = _WINDOW
        self._patience = max(_PATIENCE, int(16 * record))
        self._near = max(_NARROW, int(8 * record))
        self._long = LongElement()
        self.closed = False

    def cut(self, data: bytes, final: bool) -> Spans:
        """The elements of `data`, which starts between two of them; the last one may need more text, unless `final`."""
        found, size = Spans(), len(data)
        while (position := _skip(data, found.used)) < size:
            found.used = position
            if self.closed and self._shape.kind == "wrapped":
                return found
            stretch = data[position : position + self._window]
            fast = elements(stretch)
            if len(fast.starts):
                found.add(fast.starts + position, fast.ends + position)
                found.used += int(fast.ends[-1])
                self._long = LongElement()
                self._window = min(2 * self._window, _WINDOW)
            elif fast.open and position + len(stretch) < size and self._window < self._near:
                self._window *= 2
            elif (
                fast.open and position + len(stretch) == size and not final and len(stretch) < self._patience
            ):
                return found
            elif not self._exact(data, found, final):
                self._refuse_endless(size - found.used)
                return found
        found.used = size
        return found

    def _exact(self, data: bytes, found: Spans, final: bool) -> bool:
        """The next element, or end of the array, by a walk; False if that needs more text."""
        start = found.used
        if self._shape.in_array and data[start] == (_OPEN if self.closed else _CLOSE):
            self.closed = not self.closed
            found.used = start + 1
            return True
        size = len(data)
        here = self._long.walk(data, start) if size - start > _MB else walk(data, start)
        end = here.end
        if end < 0 and here.broken < 0:
            self._refuse_endless(size - start)
        if end < 0 and here.broken < 0 and not final:
            self._patience = max(self._patience, 2 * (size - start))
            return False
        if end < 0 or not may_end(data, end):
            end = next_record(data, start, self._like, final)
            if end == size and not final and size - start < _LONGEST_SEARCH:
                return False
            self._window = _NARROW
            found.used = end
            end = self._without_close(data, _strip(data, start, end), end == size and final)
        elif end == size and not final and data[end - 1] not in b'}]"':
            return False
        else:
            found.used = end
        self._long = LongElement()
        found.one(start, end)
        return True

    def _without_close(self, data: bytes, end: int, last: bool) -> int:
        """The end of a broken element at the end of the text without the bracket that closes the array."""
        if last and self._shape.kind == "array" and not self.closed and data[end - 1] == _CLOSE:
            self.closed = True
            return max(end - 1, 1)
        return end

    def _refuse_endless(self, size: int) -> None:
        if size > LARGEST_RECORD:
            raise UnreadableFile(
                self._path,
                "record_too_large",
                f"an element of the JSON text is longer than {LARGEST_RECORD // _MB} MB",
                "A record must fit into memory: check that brackets and quotes are closed",
            )


def lines(data: bytes, final: bool) -> Spans:
    """Lines that hold more than blanks; the last one may need more text, unless `final`."""
    used = len(data) if final else data.rfind(_LF) + 1
    bytes_ = np.frombuffer(data, np.uint8)[:used]
    ends = np.flatnonzero(bytes_ == _LF)
    if final and used and (not len(ends) or ends[-1] != used - 1):
        ends = np.append(ends, used)
    starts = np.concatenate((np.zeros(1, dtype=np.int64), ends[:-1] + 1))[: len(ends)]
    ends = ends - ((ends > starts) & (bytes_[np.maximum(ends - 1, 0)] == _CR))
    kept = starts < ends
    for index in np.flatnonzero(kept & (bytes_[np.minimum(starts, max(used - 1, 0))] <= 32)).tolist():
        kept[index] = not data[starts[index] : ends[index]].isspace()
    found = Spans(used=used)
    found.add(starts[kept], ends[kept])
    return found


def _skip(data: bytes, position: int) -> int:
    """First byte from `position` on that separates nothing."""
    match = _SEPARATED.match(data, position)
    return position if match is None else match.end()


def _strip(data: bytes, start: int, end: int) -> int:
    """End of the element that starts at `start` and has the next one at `end`."""
    while end > start + 1 and data[end - 1] in SEPARATORS:
        end -= 1
    return end
