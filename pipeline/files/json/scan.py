"""Where the elements of JSON text begin and end, from its bytes: many at a time.

What belongs here: brackets and quotes of a stretch of text, counted without a parser. What does not: elements that this scan
does not vouch for (`walk`), reading (`cut`).

A bracket counts if the number of quotes before it is even. That is trusted only where every quote has a neighbour that a
quote has in JSON, and no string goes over a line end; up to the first that does not, elements are those that open with `{` and
close with `}` at the level of the file's records, with nothing but commas and white space between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.files.json.walk import SEPARATORS, Walk, walk

Positions = npt.NDArray[np.int64]
_BACKSLASH, _QUOTE, _LF, _OPEN, _CLOSE = 0x5C, 0x22, 0x0A, 0x7B, 0x7D
_NEAR = 4096
_PART = 1024 * 1024
_STRING = re.compile(rb'"(?:[^"\\\x00-\x1f]++|\\.)*+\\?', re.DOTALL)


def _table(chosen: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=bool)
    table[list(chosen)] = True
    return table


_STRUCTURE = _table(b'"{}[]\n')
_BEFORE_QUOTE = _table(b"{[,: \t\r\n")
_AFTER_QUOTE = _table(b":,}] \t\r\n")
_STEP = np.zeros(256, dtype=np.int64)
_STEP[list(b"{[")] = 1
_STEP[list(b"}]")] = -1


@dataclass(frozen=True)
class Elements:
    """Whole elements at the beginning of a stretch of text.

    Attributes:
        starts, ends: first byte, and byte after the last, of each.
        open: whether an element that is well so far goes on beyond the stretch; False where something else follows.
    """

    starts: Positions
    ends: Positions
    open: bool


def elements(data: bytes) -> Elements:
    """The whole objects at the beginning of `data`, which starts between two elements."""
    found = _brackets(data)
    places, marks, depth = found.places, found.marks, found.depth
    opens = np.flatnonzero((depth == 1) & (_STEP[marks] == 1))
    closes = np.flatnonzero(depth == 0)
    going_on = len(opens) > len(closes) and found.all_good
    opens = opens[: len(closes)]
    whole = _run_of(marks[opens] == _OPEN, marks[closes] == _CLOSE)
    starts, ends = places[opens[:whole]], places[closes[:whole]] + 1
    clean = _clean_gaps(data, starts, ends)
    going_on = going_on and clean == whole == len(closes)
    return Elements(starts[:clean], ends[:clean], going_on)


def end_of(data: bytes, start: int) -> Walk:
    """As `walk`, for a value that may be long: by a scan where the walk does not come to an end soon."""
    near = walk(data, start, start + _NEAR)
    if near.end >= 0 or start + _NEAR >= len(data):
        return near
    if data[start : start + 1] in (b"{", b"["):
        found = _brackets(data[start:])
        closed = np.flatnonzero(found.depth == 0)
        if len(closed):
            return Walk(start + int(found.places[closed[0]]) + 1)
        if found.all_good:
            return Walk(-1)
    return walk(data, start)


@dataclass(frozen=True)
class _Brackets:
    """The brackets outside of strings, as far as quotes can be trusted and none closes what did not open.

    Attributes:
        places, marks, depth: where each is, which, and how many are open after it.
        all_good: whether that is the whole text.
    """

    places: Positions
    marks: npt.NDArray[np.uint8]
    depth: Positions
    all_good: bool


@dataclass(frozen=True)
class _Marks:
    """What gives a stretch of text its structure.

    Attributes:
        places, marks: where each bracket outside of strings is, and which.
        trusted: the position up to which quotes can be trusted; the length of the text if all can.
        open_quote: the quote of a string that goes on beyond the text; -1 if none does.
    """

    places: Positions
    marks: npt.NDArray[np.uint8]
    trusted: int
    open_quote: int


def _marks(data: bytes) -> _Marks:
    bytes_ = np.frombuffer(data, np.uint8)
    found = np.flatnonzero(_STRUCTURE[bytes_])
    kinds = bytes_[found]
    quote = kinds == _QUOTE
    if _BACKSLASH in data:
        kept = ~quote
        kept[quote] = ~_escaped(bytes_, found[quote])
        found, kinds, quote = found[kept], kinds[kept], quote[kept]
    inside = (np.cumsum(quote) & 1).astype(bool)  # of an opening quote itself: True; of a closing one: False
    trusted = _first_odd_quote(bytes_, found, kinds, quote, inside)
    open_quote = int(found[quote][-1]) if len(inside) and inside[-1] else -1
    outside = ~inside & ~quote & (kinds != _LF)
    return _Marks(found[outside], kinds[outside], trusted, open_quote)


def _brackets(data: bytes) -> _Brackets:
    found = _marks(data)
    depth = np.cumsum(_STEP[found.marks])
    left = np.flatnonzero(depth < 0)
    known = int(left[0]) if len(left) else len(found.places)
    known = min(known, int(np.searchsorted(found.places, found.trusted)))
    all_good = found.trusted >= len(data) and not len(left)
    return _Brackets(found.places[:known], found.marks[:known], depth[:known], all_good)


class LongElement:
    """Looks for the end of one long element in ever more of its text, bit by bit: what was looked at is not looked at again, and
    no more is kept of it than how many brackets are open."""

    def __init__(self) -> None:
        self._done = self._depth = 0

    def walk(self, data: bytes, start: int) -> Walk:
        """As the function of that name, for the element at `start` of `data`: of as much of its text as there is by now."""
        while (position := start + self._done) < len(data):
            part = data[position : position + _PART]
            found = _marks(part)
            depth = self._depth + np.cumsum(_STEP[found.marks])
            closed = np.flatnonzero(depth <= 0)
            if len(closed) and (at := int(found.places[closed[0]])) < found.trusted:
                return Walk(position + at + 1)
            if found.trusted < len(part):
                return walk(data, start)
            used = len(part)
            if found.open_quote >= 0:
                used = found.open_quote
                string = _STRING.match(data, position + used)
                end = -1 if string is None else string.end()
                if end >= len(data):
                    self._go_on(used, depth)
                    return Walk(-1)
                if end < 0 or data[end] != _QUOTE:
                    return walk(data, start)
                used = end + 1 - position
            self._go_on(used, depth)
        return Walk(-1)

    def _go_on(self, used: int, depth: Positions) -> None:
        self._done += used
        self._depth = int(depth[-1]) if len(depth) else self._depth


def _escaped(bytes_: npt.NDArray[np.uint8], quotes: Positions) -> npt.NDArray[np.bool_]:
    """Which quotes come after an odd number of backslashes."""
    escaped = np.zeros(len(quotes), dtype=bool)
    after = np.flatnonzero((quotes > 0) & (bytes_[quotes - 1] == _BACKSLASH))
    if not len(after):
        return escaped
    slashes = np.flatnonzero(bytes_ == _BACKSLASH)
    first_of_run = np.concatenate(([True], np.diff(slashes) != 1))
    run_start = slashes[np.maximum.accumulate(np.where(first_of_run, np.arange(len(slashes)), 0))]
    last = np.searchsorted(slashes, quotes[after] - 1)
    escaped[after] = (quotes[after] - run_start[last]) & 1 == 1
    return escaped


def _first_odd_quote(
    bytes_: npt.NDArray[np.uint8],
    found: Positions,
    kinds: npt.NDArray[np.uint8],
    quote: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
) -> int:
    """Position up to which quotes can be trusted. A quote at either end of the text has a neighbour that is not known."""
    opening, closing = found[quote & inside], found[quote & ~inside]
    size = len(bytes_)
    odd = [size]
    bad = opening[~_BEFORE_QUOTE[bytes_[np.maximum(opening - 1, 0)]] & (opening > 0)]
    odd += bad[:1].tolist()
    bad = closing[~_AFTER_QUOTE[bytes_[np.minimum(closing + 1, size - 1)]] & (closing + 1 < size)]
    odd += bad[:1].tolist()
    odd += found[(kinds == _LF) & inside][:1].tolist()
    return min(odd)


def _run_of(*conditions: npt.NDArray[np.bool_]) -> int:
    """How many are true from the beginning on, in all `conditions`."""
    false = np.flatnonzero(~np.logical_and.reduce(conditions))
    return int(false[0]) if len(false) else len(conditions[0])


def _clean_gaps(data: bytes, starts: Positions, ends: Positions) -> int:
    """How many elements have nothing but separators before them."""
    after, known = 0, {b"", b",", b"\n"}
    for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        gap = data[after:start]
        if gap not in known:
            if gap.strip(SEPARATORS):
                return index
            known.add(gap)
        after = end
    return len(starts)
