"""Window specifications: which windows a dataset keeps, by what, of which measures.

What belongs here: the declaration, and the arithmetic of its lengths. What does not: SQL and storage
(`warehouse.windows`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import gcd
from typing import Literal

from pipeline.contract.aggregates import Aggregate
from pipeline.contract.durations import Period, longest, parse_duration, parse_period

MICROSECOND = timedelta(microseconds=1)
_FILLED_WINDOWS, _FILLED_TIME = 10_000, timedelta(days=31)
_LONGEST = timedelta(days=3_650_000)
Fill = Literal["zero", "null", "forward"]


@dataclass(frozen=True)
class Tumbling:
    """Windows side by side: each row is in exactly one.

    Args:
        name: the table is `windows.<dataset>_<name>`.
        every: length of a window, such as "5m", "1d", "1w" (ISO week), "1mo", "1q", "1y"; windows start on multiples of it,
            counted from midnight of Monday 2000-01-03 (months: from January 2000) on the clock of the dataset's zone.
        by: group columns.
        measures: name of the result column → aggregate.
        offset: windows start so much later: every="1d", offset="6h" is the day from six to six.
        fill: what stands for windows without a row between a group's first window and the last window of the data: "zero"
            (counts and sums 0, the rest null), "null" (all measures null), "forward" (the figures of the group's last window with rows before
            it, nulls too), or None: no window. Filled ones have row_count 0.
        fill_limit: a pause of the whole data that is longer than so many windows is not filled, but for the windows that its ends lie
            in; by default 10,000 windows or 31 days, whichever is longer. A mistyped year then makes no millions of windows.
    """

    name: str
    every: str
    by: Sequence[str] = ()
    measures: Mapping[str, Aggregate] = field(default_factory=dict)
    offset: str | None = None
    fill: Fill | None = None
    fill_limit: int | None = field(default=None, repr=False)

    @property
    def unit(self) -> Period:
        """Length of a window and time between two starts."""
        return parse_period(self.every)

    @property
    def length(self) -> timedelta:
        """Length of one window; of calendar units the longest there is."""
        return longest(self.unit)


@dataclass(frozen=True)
class Sliding:
    """Windows of length `size`, one starting at each multiple of `every`: a row is in about size/every of them.

    Args:
        name: the table is `windows.<dataset>_<name>`.
        size: length of a window, such as "1h".
        every: time between two starts; counted as in `Tumbling`.
        by: group columns.
        measures: name of the result column → aggregate.
        offset: windows start so much later.
        fill: as in `Tumbling`.
        fill_limit: as in `Tumbling`.
    """

    name: str
    size: str
    every: str
    by: Sequence[str] = ()
    measures: Mapping[str, Aggregate] = field(default_factory=dict)
    offset: str | None = None
    fill: Fill | None = None
    fill_limit: int | None = field(default=None, repr=False)

    @property
    def length(self) -> timedelta:
        """Length of one window."""
        return parse_duration(self.size)

    @property
    def step(self) -> timedelta:
        """Time between the starts of two neighbouring windows."""
        return parse_duration(self.every)

    @property
    def pane(self) -> timedelta:
        """The longest length that divides both size and step: rows are aggregated per pane, panes per window."""
        return gcd(self.length // MICROSECOND, self.step // MICROSECOND) * MICROSECOND


def longest_pause(window: Tumbling | Sliding) -> timedelta:
    """The longest pause of the data that is filled."""
    step = window.step if isinstance(window, Sliding) else longest(window.unit)
    if window.fill_limit is not None:
        return min(step * window.fill_limit, _LONGEST)
    return min(max(step * _FILLED_WINDOWS, _FILLED_TIME), _LONGEST)


@dataclass(frozen=True)
class Cumulative:
    """Windows that grow within a period: all start with it, one ends after each `every`, the last with the period.

    A row counts in the window of its step and in those after it, until the period ends. Windows without a row so far are left
    out; those after the first row are all there.

    Args:
        name: the table is `windows.<dataset>_<name>`.
        period: length of a period, such as "1d" or "1mo"; counted as in `Tumbling`.
        every: how much a window is longer than the one before it, such as "1h".
        by: group columns.
        measures: name of the result column → aggregate.
        offset: periods start so much later.
    """

    name: str
    period: str
    every: str
    by: Sequence[str] = ()
    measures: Mapping[str, Aggregate] = field(default_factory=dict)
    offset: str | None = None

    @property
    def unit(self) -> Period:
        """Length of a period."""
        return parse_period(self.period)

    @property
    def length(self) -> timedelta:
        """Length of the last window of a period; of calendar units the longest there is."""
        return longest(self.unit)

    @property
    def step(self) -> timedelta:
        """How much a window is longer than the one before it."""
        return parse_duration(self.every)


@dataclass(frozen=True)
class Session:
    """Windows of activity per group: rows that follow one another without a pause longer than `gap`.

    `window_start` is the first row's time, `window_end` the last one's plus the gap.

    Args:
        name: the table is `windows.<dataset>_<name>`.
        gap: the longest pause within a session, such as "30m".
        by: the key: each group has its own sessions.
        measures: name of the result column → aggregate.
    """

    name: str
    gap: str
    by: Sequence[str] = ()
    measures: Mapping[str, Aggregate] = field(default_factory=dict)

    @property
    def pause(self) -> timedelta:
        """The longest pause within a session."""
        return parse_duration(self.gap)


@dataclass(frozen=True)
class Total:
    """One figure per group over the whole table, and one per group and delivery; needs no event time.

    Args:
        name: the table is `windows.<dataset>_<name>`.
        by: group columns.
        measures: name of the result column → aggregate.
        per_delivery: whether there are figures per delivery, with its key in `_delivery`, beside those over the whole table, which have
            null there. Without them all rows of the table are of the whole, and may be added up.
    """

    name: str
    by: Sequence[str] = ()
    measures: Mapping[str, Aggregate] = field(default_factory=dict)
    per_delivery: bool = True

    def __repr__(self) -> str:
        """What is declared: window tables keep a hash of it, so what came later is left out where it says nothing."""
        said = f"name={self.name!r}, by={self.by!r}, measures={self.measures!r}"
        return f"Total({said}{'' if self.per_delivery else ', per_delivery=False'})"


GridWindow = Tumbling | Sliding | Cumulative
"""Windows whose starts and ends follow from the clock alone."""
TimeWindow = Tumbling | Sliding | Cumulative | Session
Window = TimeWindow | Total
