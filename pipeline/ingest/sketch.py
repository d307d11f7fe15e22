"""How many values are distinct, and which occur most often, in bounded memory: from hashes, chunk by chunk.

What belongs here: summaries of hashes that can be made in any thread and merged in any order. What does not: values, but for those
that stand for a hash (`profile`).

Distinct values: the K-minimum-values sketch. It keeps the k smallest hashes seen; exact while fewer than k were seen, else the density
of the smallest k tells how many there are. Source: Z. Bar-Yossef et al., "Counting distinct elements in a data stream", RANDOM
2002; K. Beyer et al., "On synopses for distinct-value estimation under multiset operations", SIGMOD 2007 (the unbiased estimator (k - 1) / U_k).

Frequent values: counters for the most frequent, and a bound of what any value has lost: what a merge drops is no more than the
largest count that it drops. Source: P. Agarwal et al., "Mergeable summaries", PODS 2012 (without their subtraction, which would
blur counts that are exact).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Counts = NDArray[np.int64]

K = 8_192
ERROR = 1 / K**0.5
"""Relative standard error of a count of more than `K` distinct values."""
COUNTERS = 2_048
_HASHES = 2.0**64
_RARE = 1_000


@dataclass(frozen=True)
class Frequent:
    """The most frequent hashes of some values.

    Attributes:
        hashes: ascending, at most `COUNTERS` of them.
        counts: how often each was counted.
        missed: any hash, listed or not, may occur so many times more.
    """

    hashes: Hashes
    counts: Counts
    missed: int = 0

    def merged(self, other: Frequent) -> Frequent:
        """Both counted together."""
        if np.array_equal(self.hashes, other.hashes):
            return Frequent(self.hashes, self.counts + other.counts, self.missed + other.missed)
        both = np.concatenate((self.hashes, other.hashes))
        order = np.argsort(both, kind="stable")
        starts = np.flatnonzero(_first_of_each(both[order]))
        counts = np.add.reduceat(np.concatenate((self.counts, other.counts))[order], starts)
        return _most(both[order][starts], counts, self.missed + other.missed)

    def top(self, count: int) -> list[tuple[int, int]]:
        """The `count` most frequent and those that are as frequent as the last of them, as (hash, counted), most frequent first; none that a
        hash without a counter might surpass."""
        order = np.argsort(-self.counts, kind="stable")
        if len(order) > count:
            order = order[self.counts[order] >= self.counts[order[count - 1]]]
        return [(int(self.hashes[at]), int(self.counts[at])) for at in order if self.counts[at] > self.missed]


NOTHING = Frequent(np.empty(0, np.uint64), np.empty(0, np.int64))


@dataclass(frozen=True)
class HashSummary:
    """What a chunk adds to both.

    Attributes:
        smallest: the K smallest hashes, each once.
        frequent: the most frequent.
    """

    smallest: Hashes
    frequent: Frequent


class DistinctSketch:
    """Approximate number of distinct values: exact up to `K - 1`, then with the relative standard error `ERROR` (1.1 %)."""

    def __init__(self) -> None:
        self._smallest: Hashes = np.empty(0, np.uint64)

    def add_hashes(self, hashes: Hashes) -> None:
        """Take in hashes of non-null values, or the smallest of them; order and split into chunks do not matter."""
        if len(self._smallest) == K:
            hashes = hashes[hashes < self._smallest[-1]]
        if len(hashes):
            self._smallest = _each_once(np.concatenate((self._smallest, hashes)))[:K]

    @property
    def exact(self) -> bool:
        """Whether the count is exact."""
        return len(self._smallest) < K

    def count(self) -> int:
        """How many distinct values were taken in."""
        if self.exact:
            return len(self._smallest)
        return round((K - 1) * _HASHES / float(self._smallest[-1]))


def summary_of(hashes: Hashes) -> HashSummary:
    """The summary of the hashes of a chunk. Of more than `COUNTERS` different ones only those are counted that make a thousandth of it:
    the others are many, and none of them is frequent."""
    ordered = np.sort(hashes)
    starts = np.flatnonzero(_first_of_each(ordered))
    smallest = ordered[starts[:K]]
    if len(starts) == len(ordered) > COUNTERS:
        return HashSummary(smallest, Frequent(NOTHING.hashes, NOTHING.counts, 1))
    counts = np.diff(starts, append=len(ordered))
    if len(starts) <= COUNTERS:
        return HashSummary(smallest, Frequent(smallest, counts))
    often = np.flatnonzero(counts > len(hashes) // _RARE)
    found = Frequent(ordered[starts[often]], counts[often])
    counts[often] = 0
    return HashSummary(smallest, _most(found.hashes, found.counts, int(counts.max())))


def _most(hashes: Hashes, counts: Counts, missed: int) -> Frequent:
    """The most frequent, ascending by hash. What is dropped was counted no more often than the first that is."""
    if len(hashes) <= COUNTERS:
        return Frequent(hashes, counts, missed)
    order = np.argpartition(-counts, COUNTERS)
    kept = np.sort(order[:COUNTERS])
    return Frequent(hashes[kept], counts[kept], missed + int(counts[order[COUNTERS]]))


def _each_once(hashes: Hashes) -> Hashes:
    """Sorted, without repeats. NumPy sorts many times faster than its `unique` goes through a hash table."""
    ordered = np.sort(hashes)
    return ordered[_first_of_each(ordered)]


def _first_of_each(ordered: Hashes) -> NDArray[np.bool_]:
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first
