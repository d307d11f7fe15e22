"""Where quoted fields begin and end in a block whose quotes are not all in order.

What belongs here: which quotes switch quoting on and off, so that records can be cut; whatever is amiss in one record stays in
it. What does not: which reading of a single record fits the table (`repair`).

Every line is read on its own first, all lines at once (`runs`). A line that ends inside a quoted field goes on in the next
ones only if the next lone quote closes a field. If it opens one instead, or there is none, the quote of the first line was
never closed, and that line is a record of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.files.delimited.runs import Bytes, Flags, Positions, Runs

_SPACE = 32


@dataclass(frozen=True)
class Found:
    """Positions of quotes, ascending: those that switch quoting on and off; those that make a record's reading special
    (blanks after a closing quote, quotes in unquoted fields, or wrong ones); the wrong ones among them; opening ones that
    are never closed."""

    toggles: Positions
    odd: Positions
    stray: Positions
    broken: Positions


def separators(delimiter: int, eol: int) -> Flags:
    """Which bytes stand between fields or records."""
    found = np.zeros(256, dtype=bool)
    found[[delimiter, eol]] = True
    return found


def find_leniently(
    data: bytes, ends: Positions, delimiter: int, quotes: Positions, eol: int, width: int, final: bool
) -> Found:
    """The quotes of `data`, which starts at a record; `ends`: all its record ends; `quotes`: all its quotes. With `final` nothing follows it; else a field
    that it leaves open stays open. `width`: fields that a record should have, 0 if unknown."""
    bytes_ = np.frombuffer(data, np.uint8)
    runs = Runs.of(bytes_, quotes, separators(delimiter, eol))
    return _Block(data, bytes_, runs, ends, delimiter, width, final).found()


class _Block:
    """The lines of a block, read one by one, and then joined where a quoted field holds line ends."""

    def __init__(
        self,
        data: bytes,
        bytes_: Bytes,
        runs: Runs,
        ends: Positions,
        delimiter: int,
        width: int,
        final: bool,
    ) -> None:
        self.data, self.runs, self.ends = data, runs, ends
        self.delimiter, self.width, self.final = delimiter, width, final
        self.line = np.searchsorted(ends, runs.first)
        before = runs.states(self.line)
        after = runs.after(before)
        self.is_odd = runs.size % 2 == 1
        self.is_on, self.is_off = (before == 0) & (after == 1), (before == 1) & (after == 0)
        self.stray = runs.stray(before)
        at_after = bytes_[np.minimum(runs.last + 1, len(bytes_) - 1)]
        self.odd = self.stray | ((before == 0) & ~runs.opens) | (runs.closes & (at_after == _SPACE))
        is_last = np.append(self.line[1:] != self.line[:-1], True)
        self.open = np.flatnonzero(is_last & (after == 1))
        self.more: list[int] = []
        self.more_odd: list[int] = []
        self.more_broken: list[int] = []

    def found(self) -> Found:
        runs, index = self.runs, np.arange(len(self.line))
        opening = self.is_on | (runs.opens & ~runs.closes & self.is_odd)
        pending = np.maximum.accumulate(np.where(opening, index, 0))[self.open]
        unpaired = np.maximum.accumulate(np.where(self.is_on, index, 0))[self.open]
        self.is_on[unpaired] = False
        text = unpaired[unpaired != pending]
        self.odd[text] = self.stray[text] = True
        dead = self._join(pending)
        alive = ~dead
        self.is_on &= alive
        self.is_off &= alive
        events = np.flatnonzero(self.is_on | self.is_off)
        toggles = np.where(self.is_on[events], runs.first[events], runs.last[events])
        broken = runs.first[pending[alive[pending]]]
        return Found(
            _merged(toggles, self.more),
            _merged(runs.first[self.odd & alive], self.more_odd),
            _merged(runs.first[self.stray & alive], self.more_odd),
            _merged(broken, self.more_broken),
        )

    def _join(self, pending: Positions) -> Flags:
        """Joins lines; gives the runs whose part is settled by that."""
        dead = np.zeros(len(self.line), dtype=bool)
        lone = np.flatnonzero(self.is_odd)
        following = np.searchsorted(lone, pending, side="right")
        exists = following < len(lone)
        close = lone[np.minimum(following, len(lone) - 1)] if len(lone) else pending
        may_join = exists & self.runs.closes[close] & (self.line[close] > self.line[pending])
        if not self.final:
            may_join |= ~exists
        free = 0
        for which in np.flatnonzero(may_join).tolist():
            first = int(pending[which])
            if first < free:
                continue
            joined = self._record(first, int(close[which])) if exists[which] else None
            if joined is None or self._is_cut(joined[3]):
                self.more.append(int(self.runs.first[first]))
                dead[first:] = True
                break
            toggles, odd, broken, free = joined
            if self._is_swallowed(first, free, toggles, bool(odd or broken)):
                free = first + 1
                continue
            self.more += toggles
            self.more_odd += odd
            self.more_broken += broken
            dead[first:free] = True
        return dead

    def _record(self, start: int, close: int) -> tuple[list[int], list[int], list[int], int] | None:
        """From run `start`, which opens a field that run `close` closes in a later line, to the end of the record: (toggles,
        odd quotes, broken ones, first run after the record). None if the data ends before it does."""
        runs, line = self.runs, self.line
        toggles = [int(runs.first[start]), int(runs.last[close])]
        odd = [] if self.is_odd[start] else [int(runs.first[start])]
        while True:
            at, opened = close + 1, -1
            here = int(line[close])
            if here >= len(self.ends):
                return None
            while at < len(line) and line[at] == here:
                opens, closes, lone = runs.opens[at], runs.closes[at], self.is_odd[at]
                if opened < 0:
                    if opens and (lone or not closes):
                        opened = at
                    if not opens or not (lone or closes):  # amid a field; or text follows an empty one
                        odd.append(int(runs.first[at]))
                elif lone and closes:
                    toggles += (int(runs.first[opened]), int(runs.last[at]))
                    opened = -1
                elif lone:
                    odd.append(int(runs.first[at]))
                at += 1
            if opened < 0:
                return toggles, odd, [], at
            later = opened + 1
            while later < len(line) and not self.is_odd[later]:
                later += 1
            if later == len(line) and not self.final:
                return None
            if later == len(line) or not runs.closes[later] or line[later] == here:
                return toggles, odd, [int(runs.first[opened])], at
            toggles += (int(runs.first[opened]), int(runs.last[later]))
            close = later

    def _is_cut(self, run: int) -> bool:
        """Whether the data ends amid the line of a quote that cannot open a field: that line will tell."""
        return run < len(self.line) and int(self.line[run]) == len(self.ends) and bool(self.odd[run])

    def _is_swallowed(self, start: int, end: int, toggles: list[int], odd: bool) -> bool:
        """Whether the lines that the field from run `start` on joins were whole records, and that quote is none. Only a joined
        record with wrong quotes in it is doubted, or one before a quote that cannot open a field where it or that quote's line
        is of the wrong width."""
        if not self.width:
            return False
        first = int(self.line[start])
        alone = self._fields(first, start) == self.width
        if odd:
            return alone or self._fields(int(self.line[end - 1]), end) == self.width
        if not alone or end == len(self.line) or not self.odd[end]:
            return False
        count = self._fields(first, start)
        stop = int(self.ends[self.line[end - 1]])
        for closed, opened in zip(toggles[1::2], [*toggles[2::2], stop], strict=True):
            count += self.data.count(self.delimiter, closed, opened)
        count -= self.data.count(self.delimiter, toggles[0], int(self.ends[first]))
        following = int(self.line[end])
        after = int(np.searchsorted(self.line, following, side="right"))
        return count != self.width or self._fields(following, after) != self.width

    def _fields(self, line: int, end: int) -> int:
        """Fields of a line on its own, by its quotes before run `end`."""
        begin = int(self.ends[line - 1]) + 1 if line else 0
        count = self.data.count(self.delimiter, begin, int(self.ends[line])) + 1
        at, closed = end - 1, -1
        while at >= 0 and self.line[at] == line:
            if self.is_off[at]:
                closed = int(self.runs.last[at])
            if self.is_on[at] and closed >= 0:
                count -= self.data.count(self.delimiter, int(self.runs.first[at]), closed)
                closed = -1
            at -= 1
        return count


def _merged(positions: Positions, more: list[int]) -> Positions:
    return np.sort(np.concatenate((positions, np.array(more, dtype=np.int64)))) if more else positions
