"""Row positions and masks, made with NumPy: polars' own ways plan a query for each, which small files feel.

What belongs here: positions, masks and the rows they stand for. What does not: anything about values.
"""

from __future__ import annotations

import numpy as np
import polars as pl


def positions(mask: pl.Series) -> pl.Series:
    """Where a Boolean column without nulls is true: UInt32, ascending."""
    return pl.Series(np.flatnonzero(mask.to_numpy()).astype(np.uint32))


def lost(source: pl.Series, result: pl.Series) -> pl.Series:
    """Positions (UInt32) at which `source` has a value and `result` has none."""
    frame = pl.DataFrame([source.alias("source"), result.alias("result")])
    return frame.select((pl.col("source").is_not_null() & pl.col("result").is_null()).arg_true()).to_series()


def all_but(height: int, rows: pl.Series) -> pl.Series:
    """Boolean column of `height` rows, false at the positions `rows`."""
    mask = np.ones(height, np.bool_)
    mask[rows.to_numpy()] = False
    return pl.Series(mask)


def without(rows: pl.Series, others: pl.Series) -> pl.Series:
    """The positions of `rows` that are not in `others`; both ascending."""
    return pl.Series(np.setdiff1d(rows.to_numpy(), others.to_numpy(), assume_unique=True).astype(np.uint32))


def union(rows: list[pl.Series]) -> pl.Series:
    """The positions that occur in any of `rows`: UInt32, ascending, each once."""
    if not rows:
        return pl.Series([], dtype=pl.UInt32)
    return pl.Series(np.unique(np.concatenate([part.to_numpy() for part in rows])).astype(np.uint32))
