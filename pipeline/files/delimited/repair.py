"""Records with wrong quotes, read in the one way that gives as many fields as the table has.

What belongs here: the ways in which such a record may be read, choosing one for each of many records at once, and writing the
records again with their quotes in order. What does not: where records end (`mend_quotes`), records without quotes
(`mend_rows`).

The readings, from the least to the most unusual; a record is read by the first that fits:

0. A quote closes a field only before a delimiter or the record end; others inside a field are text: `"a "b" c"`.
1. The same, and quotes are not doubled: `"24""` is a field that ends in a quote.
2. An opening quote that no quote closes before the next one opens is text: `"abc,"def",x`.
3. As 0, but the quote that opens last and never closes is text.
4. All quotes are text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.files.delimited.mend_quotes import separators
from pipeline.files.delimited.runs import Flags, Positions, Runs, skip_forward
from pipeline.files.delimited.scan import Marks
from pipeline.files.delimited.scratch import where

_READINGS = (0, 1, 2, 3, 4)
_UNDOUBLED = (1, 0, 2, 3, 4)


@dataclass(frozen=True)
class Pairs:
    """Quoted fields: where each opens (`on`) and closes (`off`), ascending."""

    on: Positions
    off: Positions

    def around(self, positions: Positions) -> Flags:
        """Which of `positions` (ascending) are inside one, or at its ends."""
        borders = np.zeros(2 * len(self.on) + 2, dtype=np.int64)
        borders[1:-1:2] = np.searchsorted(positions, self.on)
        borders[2:-1:2] = np.searchsorted(positions, self.off, side="right")
        borders[-1] = len(positions)
        return np.repeat(np.arange(len(borders) - 1) & 1 == 1, np.diff(borders))


@dataclass(frozen=True)
class Mended:
    """What became of some records.

    Attributes:
        text: those that a reading fits, one after the other, well formed.
        reading: by which reading each fits; -1: none.
        wrong: whether that takes a repair.
        never_closed: whether the wrong quote opened a field that is never closed.
        column: number of the field that the wrong quote is in, for each.
    """

    text: bytes
    reading: Positions
    wrong: Flags
    never_closed: Flags
    column: Positions


def mend(text: bytes, ends: Positions, marks: Marks, width: int, *, doubled: bool = True) -> Mended:
    """Read records (some with quotes) as `width` fields. `text`: one after the other; `ends`: where their record ends are.
    Without `doubled` the file is known not to double quotes inside fields."""
    reader = _Reader(text, ends, marks)
    return reader.read(width, _READINGS if doubled else _UNDOUBLED)


class _Reader:
    def __init__(self, text: bytes, ends: Positions, marks: Marks) -> None:
        self.marks, self.ends = marks, ends
        self.starts = np.concatenate(([0], ends[:-1] + 1))
        self.bytes = np.frombuffer(text, np.uint8)
        self.runs = Runs.of(self.bytes, marks.quote or 0, separators(marks.delimiter, marks.eol))
        self.record = np.searchsorted(ends, self.runs.first)
        self.delimiters = where(self.bytes, marks.delimiter)
        self.home = np.repeat(
            np.arange(len(ends)), np.diff(np.searchsorted(self.delimiters, ends), prepend=0)
        )
        before = self.runs.states(self.record)
        after = self.runs.after(before)
        self.on, self.off = (before == 0) & (after == 1), (before == 1) & (after == 0)
        self.stray = self.runs.stray(before)
        self.open = self._open(after)
        self.is_open = np.zeros(len(ends), dtype=bool)
        self.is_open[self.record[self.open]] = True

    def read(self, width: int, order: tuple[int, ...]) -> Mended:
        count = len(self.ends)
        reading = np.full(count, -1)
        on, off, outside = [], [], []
        for number in order:
            pairs, allowed = self._pairs(number)
            is_outside = ~pairs.around(self.delimiters)
            fields = np.bincount(self.home[is_outside], minlength=count) + 1
            fits = (reading < 0) & allowed & (fields == width)
            if not fits.any():
                continue
            reading[fits] = number
            chosen = fits[np.searchsorted(self.ends, pairs.on)]
            on.append(pairs.on[chosen])
            off.append(pairs.off[chosen])
            outside.append(self.delimiters[is_outside & fits[self.home]])
            if (reading >= 0).all():
                break
        if not on:
            nothing = np.zeros(count, dtype=np.int64)
            return Mended(b"", reading, nothing == 1, nothing == 1, nothing)
        pairs = Pairs(np.sort(np.concatenate(on)), np.sort(np.concatenate(off)))
        delimiters = np.sort(np.concatenate(outside))
        wrong, at = self._wrong(reading, pairs)
        column = np.searchsorted(delimiters, at) - np.searchsorted(delimiters, self.starts)
        literal = np.where(pairs.around(self.runs.first), 0, self.runs.size)
        lone = np.bincount(self.record, literal, count) % 2 == 1
        return Mended(
            self._written(pairs, delimiters, reading >= 0),
            reading,
            wrong,
            never_closed=lone & ((reading == 2) | (reading == 3)),
            column=column,
        )

    def _pairs(self, number: int) -> tuple[Pairs, Flags]:
        """(quoted fields of one reading, records that may be read so)."""
        runs, any_ = self.runs, np.ones(len(self.ends), dtype=bool)
        if number == 4:
            return self._with_empty(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)), any_
        if number == 1:
            before = runs.states(self.record, doubled=False)
            after = runs.after(before, doubled=False)
            on, off = (before == 0) & (after == 1), (before == 1) & (after == 0)
            unclosed = self._open(after)
            allowed = any_.copy()
            allowed[self.record[unclosed]] = False
        else:
            on, off, unclosed = self.on.copy(), self.off, self.open
            allowed = ~self.is_open if number == 0 else any_
        index = np.arange(len(on))
        on[np.maximum.accumulate(np.where(on, index, 0))[unclosed]] = False
        if number == 2:
            opening = self.on | (runs.opens & ~runs.closes & (runs.size % 2 == 1))
            return self._with_empty(np.maximum.accumulate(np.where(opening, index, 0))[off], off), allowed
        return self._with_empty(np.flatnonzero(on), off), allowed

    def _with_empty(self, on: Positions, off: Positions | Flags) -> Pairs:
        """Pairs by runs, and beside them the quoted fields that are one run: `""` and the like."""
        runs = self.runs
        found = Pairs(runs.first[on], runs.last[off])
        whole = runs.opens & runs.closes & (runs.size % 2 == 0)
        whole[whole] = ~found.around(runs.first[whole])
        if not whole.any():
            return found
        return Pairs(
            np.sort(np.concatenate((found.on, runs.first[whole]))),
            np.sort(np.concatenate((found.off, runs.last[whole]))),
        )

    def _open(self, after: Positions) -> Positions:
        """The last run of each record that is left inside a quoted field."""
        is_last = np.append(self.record[1:] != self.record[:-1], True) if len(after) else after == 1
        return np.flatnonzero(is_last & (after == 1))

    def _wrong(self, reading: Positions, pairs: Pairs) -> tuple[Flags, Positions]:
        """(records that need a repair, their first wrong quote)."""
        runs = self.runs
        of_run = reading[self.record]
        is_text = (runs.opens | self.stray) & ~pairs.around(runs.first)
        wrong = np.where((of_run < 2), self.stray | is_text, is_text)
        wrong |= (of_run == 1) & runs.closes & ~runs.opens & (runs.size % 2 == 0)
        wrong &= of_run >= 0
        at = self.starts.copy()
        needs = np.zeros(len(reading), dtype=bool)
        positions = np.flatnonzero(wrong)[::-1]
        needs[self.record[positions]] = True
        at[self.record[positions]] = runs.first[positions]
        return needs, at

    def _written(self, pairs: Pairs, delimiters: Positions, kept: Flags) -> bytes:
        """The records with their quotes in order: doubled inside quoted fields, round every other field that holds one."""
        runs, quote = self.runs, self.marks.quote or 0
        is_kept = kept[self.record]
        first, last, size = runs.first[is_kept], runs.last[is_kept], runs.size[is_kept]
        inside = pairs.around(last)
        is_border = np.zeros(len(self.bytes), dtype=bool)
        is_border[pairs.on] = is_border[pairs.off] = True
        opens, closes = is_border[first], is_border[last]
        closes = np.where(first == last, ~opens & closes, closes)
        lone = inside & ((size - opens - closes) % 2 == 1)
        borders = np.sort(np.concatenate((delimiters, self.ends)))
        text = first[~inside]
        field_end = np.searchsorted(borders, text)
        begin = np.where(field_end > 0, borders[field_end - 1] + 1, 0)
        new = np.append(True, begin[1:] != begin[:-1]) if len(begin) else begin == 1
        wrap = [begin[new], borders[field_end[new]]]
        added = np.sort(np.concatenate([(first + opens)[lone], np.repeat(text, size[~inside]), *wrap]))
        out = np.insert(self.bytes, added, quote)
        blank = skip_forward(self.bytes, pairs.off + 1)
        return self._without(out, added, pairs.off + 1, blank, kept)

    def _without(
        self, out: npt.NDArray[np.uint8], added: Positions, first: Positions, end: Positions, kept: Flags
    ) -> bytes:
        """`out` without the spans from `first` to `end` of the old text, and without the records that are not kept."""
        starts, ends = self.starts[~kept], self.ends[~kept] + 1
        longer = end > first
        begin, stop = np.concatenate((first[longer], starts)), np.concatenate((end[longer], ends))
        if not len(begin):
            return out.tobytes()
        depth = np.zeros(len(out) + 1, dtype=np.int8)
        np.add.at(depth, begin + np.searchsorted(added, begin), 1)
        np.add.at(depth, stop + np.searchsorted(added, stop), -1)
        kept_bytes: bytes = out[np.cumsum(depth[:-1], dtype=np.int8) == 0].tobytes()
        return kept_bytes
