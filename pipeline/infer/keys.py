"""Whether the values of a column, or of several together, all differ: exactly, in 8 bytes a row.

What belongs here: hashes and finding one that comes twice. What does not: which columns are tried (`scan`).

No two hashes alike means no two values alike, so what is called unique is. A hash that comes twice by chance (once in a million
files of five million rows) only costs the suggestion of a key.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def hashes_of(columns: Sequence[pl.Series]) -> Hashes | None:
    """A hash of each row, in no order; None where a value is null or two rows of the chunk are alike."""
    if any(column.null_count() for column in columns):
        return None
    hashes = columns[0].hash() if len(columns) == 1 else pl.DataFrame(list(columns)).hash_rows()
    ordered = np.sort(hashes.to_numpy())
    return ordered if _differ(ordered) else None


def _differ(ordered: Hashes) -> bool:
    return not bool((ordered[1:] == ordered[:-1]).any())


class Uniqueness:
    """Takes in chunks until two rows are alike."""

    def __init__(self) -> None:
        self.holds = True
        # Each part is at least twice the next one: a row is sorted again only as often as parts double.
        self._parts: list[Hashes] = []

    def add(self, hashes: Hashes | None) -> None:
        """Take in what `hashes_of` gave for a chunk."""
        if not self.holds or hashes is None:
            self.give_up()
            return
        self._parts.append(hashes)
        while len(self._parts) > 1 and len(self._parts[-2]) < 2 * len(self._parts[-1]):
            self._join()

    def settle(self) -> bool:
        """Whether all rows differ."""
        while self.holds and len(self._parts) > 1:
            self._join()
        return self.holds

    def give_up(self) -> None:
        """Stop, and let go of the memory."""
        self.holds = False
        self._parts.clear()

    @property
    def bytes(self) -> int:
        """Memory in use."""
        return sum(part.nbytes for part in self._parts)

    def _join(self) -> None:
        last = self._parts.pop()
        joined = np.concatenate((self._parts.pop(), last))
        joined.sort(kind="stable")  # two ascending runs: merged, not sorted anew
        if _differ(joined):
            self._parts.append(joined)
        else:
            self.give_up()
