"""A column through its cleaners, with what they did to it.

What belongs here: order, counting and refusals of a list of cleaners on one column of one chunk. What does not: when and on which
rows they are run, and what becomes of a refused row (ingest).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.contract.cleaning.cleaner import Cleaner


@dataclass(frozen=True)
class Cleaned:
    """A cleaned column.

    Attributes:
        values: String; text of which nothing is left is null.
        changes: for each cleaner, in order, how many values it changed.
        refused: cleaners that called values wrong, each with their positions (UInt32, ascending); a position is listed once,
            with the first that did.
    """

    values: pl.Series
    changes: tuple[int, ...]
    refused: tuple[tuple[Cleaner, pl.Series], ...]


def run_cleaners(
    cleaners: Sequence[Cleaner], column: pl.Series, canonical: pl.Series | None = None
) -> Cleaned:
    """`column` through `cleaners`, in order.

    Args:
        column: String.
        canonical: as for `Cleaner.apply_counted`: Boolean, true where the reader made the text from a typed value.

    Raises:
        MissingKey: a cleaner needs a key and was not bound to one.
    """
    changes: list[int] = []
    refused: list[tuple[Cleaner, pl.Series]] = []
    for cleaner in cleaners:
        if cleaner.refuses is not None:
            rows = cleaner.refused(column, canonical)
            for _, earlier in refused:
                rows = rows.filter(~rows.is_in(earlier.implode()))
            if len(rows):
                refused.append((cleaner, rows))
        column, changed = cleaner.apply_counted(column, canonical)
        changes.append(changed)
    if cleaners and column.str.len_bytes().min() == 0:
        column = column.set(column.str.len_bytes() == 0, None)
    return Cleaned(column, tuple(changes), tuple(refused))
