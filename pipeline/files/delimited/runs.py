"""Runs of quotes, and what a lenient reader makes of them, for all of a block at once.

What belongs here: whether a run of quotes can open or close a field, and the state before each. What does not: records.

A run of quotes opens a field if a delimiter or line end stands before it, and closes one if such stands after it (blanks
between are passed over). What a run does to the state "inside a quoted field" depends on nothing else:

    opens, does not close            inside
    closes, does not open, odd       outside
    opens and closes, odd            the other state
    all others                       no change (doubled quotes, or ordinary characters)

So the state before any run is that of the last run of the first two kinds, turned as often as runs of the third kind lie
between: no walk from quote to quote is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.files.delimited.scratch import where

Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
_SPACE, _CR, _LF = 32, 13, 10
_STEPS = 8


@dataclass(frozen=True)
class Runs:
    """The runs of quotes of a block, front to back.

    Attributes:
        first, last: positions of the first and last quote of each.
        opens, closes: whether it can open, can close a field.
    """

    first: Positions
    last: Positions
    opens: Flags
    closes: Flags

    @classmethod
    def of(
        cls,
        bytes_: Bytes,
        quote: int | Positions,
        is_separator: Flags,
        *,
        blanks_before: bool = False,
    ) -> Runs:
        """`quote`: the byte, or where it stands, if that is known. `is_separator`: by byte value, what stands between fields and records. The start and the end of `bytes_` count as
        separators, and CR before LF as part of it. `blanks_before`: blanks may stand before an opening quote."""
        at = where(bytes_, quote) if isinstance(quote, int) else quote
        apart = np.flatnonzero(np.diff(at) != 1)
        first = at[np.concatenate(([0], apart + 1))] if len(at) else at
        last = at[np.concatenate((apart, [len(at) - 1]))] if len(at) else at
        before = skip_back(bytes_, first - 1) if blanks_before else first - 1
        after = skip_forward(bytes_, last + 1)
        end = len(bytes_) - 1
        opens = (before < 0) | is_separator[bytes_[np.maximum(before, 0)]]
        at_after = bytes_[np.minimum(after, end)]
        closes = (after > end) | is_separator[at_after]
        if is_separator[_LF]:
            closes |= (at_after == _CR) & (bytes_[np.minimum(after + 1, end)] == _LF)
        return cls(first, last, opens, closes)

    @property
    def size(self) -> Positions:
        """Quotes in each."""
        size: Positions = self.last - self.first + 1
        return size

    def stray(self, before: Positions) -> Flags:
        """Which runs are wrong: text follows what should close a field, or quotes inside a field are not doubled."""
        odd = self.size % 2 == 1
        wrong: Flags = ~self.closes & np.where(before == 0, self.opens & ~odd, odd)
        return wrong

    def states(self, group: Positions, start: int = 0, *, doubled: bool = True) -> Positions:
        """State before each run (1: inside a quoted field). It is `start` before the first run of each group, where `group`
        numbers the runs in ascending order. Without `doubled` quotes are not doubled: an even run closes a field, too."""
        total = len(group)
        if not total:
            return group
        odd = self.size % 2 == 1
        is_in = self.opens & ~self.closes
        is_set = is_in | (~self.opens & self.closes & (odd if doubled else True))
        turns = self.opens & self.closes & odd
        index = np.arange(total)
        turned = np.cumsum(turns)
        begins = np.ones(total, dtype=bool)
        begins[1:] = group[1:] != group[:-1]
        first = np.maximum.accumulate(np.where(begins, index, 0))
        last_set = np.full(total, -1)
        last_set[1:] = np.maximum.accumulate(np.where(is_set, index, -1))[:-1]
        is_later = last_set >= first
        since = np.where(is_later, turned[last_set], turned[first] - turns[first])
        state: Positions = np.where(is_later, is_in[last_set], start) ^ ((turned - turns - since) & 1)
        return state

    def after(self, before: Positions, *, doubled: bool = True) -> Positions:
        """State after each run, given the state before it."""
        odd = self.size % 2 == 1
        after: Positions = np.where(self.opens & ~self.closes, 1, before)
        after = np.where(~self.opens & self.closes & (odd if doubled else True), 0, after)
        return np.where(self.opens & self.closes & odd, 1 - before, after)


def skip_back(bytes_: Bytes, at: Positions) -> Positions:
    """For each of `at`, the position at or before it that holds no blank (-1: none)."""
    at = at.copy()
    moving = np.flatnonzero(at >= 0)
    for _ in range(_STEPS):
        moving = moving[bytes_[at[moving]] == _SPACE]
        at[moving] -= 1
        moving = moving[at[moving] >= 0]
    if len(moving):
        others = np.concatenate(([-1], np.flatnonzero(bytes_ != _SPACE)))
        at[moving] = others[np.searchsorted(others, at[moving], side="right") - 1]
    return at


def skip_forward(bytes_: Bytes, at: Positions) -> Positions:
    """For each of `at`, the position at or after it that holds no blank (the length: none)."""
    at = at.copy()
    moving = np.flatnonzero(at < len(bytes_))
    for _ in range(_STEPS):
        moving = moving[bytes_[at[moving]] == _SPACE]
        at[moving] += 1
        moving = moving[at[moving] < len(bytes_)]
    if len(moving):
        others = np.append(np.flatnonzero(bytes_ != _SPACE), len(bytes_))
        at[moving] = others[np.searchsorted(others, at[moving])]
    return at
