"""Counting distinct values in bounded memory.

What belongs here: the K-minimum-values sketch: keep the k smallest hashes seen; exact while fewer than k
were seen, else the density of the smallest k tells how many there are.
Source: Z. Bar-Yossef et al., "Counting distinct elements in a data stream", RANDOM 2002; K. Beyer et al., "On synopses for
distinct-value estimation under multiset operations", SIGMOD 2007 (the unbiased estimator (k - 1) / U_k).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

K = 2_048
_HASHES = 2.0**64


class DistinctSketch:
    """Approximate number of distinct values: exact up to 2,047, then with a relative standard error of about 2.2 %."""

    def __init__(self) -> None:
        self._smallest: NDArray[np.uint64] = np.empty(0, np.uint64)

    def add(self, values: pl.Series) -> None:
        """Take in the non-null values of a chunk; order and split into chunks do not matter."""
        self.add_hashes(values.drop_nulls().hash())

    def add_hashes(self, hashes: pl.Series) -> None:
        """Take in UInt64 hashes of non-null values."""
        new = hashes.to_numpy()
        if len(self._smallest) == K:
            new = new[new < self._smallest[-1]]
            if not len(new):
                return
        elif len(new) > 16 * K:
            # Thin out a large first chunk before the costly sort: keep what must contain the K smallest.
            few = np.unique(new[new < np.uint64(_HASHES * 8 * K / len(new))])
            new = few if len(few) >= K else new
        self._smallest = np.unique(np.concatenate((self._smallest, new)))[:K]

    def count(self) -> int:
        """How many distinct values were taken in."""
        if len(self._smallest) < K:
            return len(self._smallest)
        return round((K - 1) * _HASHES / float(self._smallest[-1]))
