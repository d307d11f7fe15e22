"""Window specifications: which windows a dataset keeps, by what, of which measures.

What belongs here: the declaration, and the arithmetic of its lengths. What does not: SQL and storage
(`warehouse.windows`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import gcd

from pipeline.contract.aggregates import Aggregate
from pipeline.contract.durations import parse_duration

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Tumbling:
    """Windows side by side: each row is in exactly one.

    Args:
        name: the table is `windows.<dataset>_<name>`.
        every: length of a window, such as "1d" or "5m"; windows start on multiples of it, counted from
            midnight of Monday 2000-01-03 on the clock of the dataset's zone.
        by: group columns.
        measures: name of the result column → aggregate.
    """

    name: str
    every: str
    by: Sequence[str] = ()
    measures: Mapping[str, Aggregate] = field(default_factory=dict)

    @property
    def length(self) -> timedelta:
        """Length of one window."""
        return parse_duration(self.every)

    @property
    def step(self) -> timedelta:
        """Time between the starts of two neighbouring windows."""
        return self.length


@dataclass(frozen=True)
class Sliding:
    """Windows of length `size`, one starting at each multiple of `every`: a row is in about size/every of them.

    Args:
        name: the table is `windows.<dataset>_<name>`.
        size: length of a window, such as "1h".
        every: time between two starts; counted as in `Tumbling`.
        by: group columns.
        measures: name of the result column → aggregate.
    """

    name: str
    size: str
    every: str
    by: Sequence[str] = ()
    measures: Mapping[str, Aggregate] = field(default_factory=dict)

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


@dataclass(frozen=True)
class Total:
    """One figure per group over the whole table, and one per group and delivery; needs no event time.

    Args:
        name: the table is `windows.<dataset>_<name>`.
        by: group columns.
        measures: name of the result column → aggregate.
    """

    name: str
    by: Sequence[str] = ()
    measures: Mapping[str, Aggregate] = field(default_factory=dict)


Window = Tumbling | Sliding | Total
TimeWindow = Tumbling | Sliding
