"""Asking a Python function about each value of a column, once per distinct value.

What belongs here: getting from a column to its distinct values and back. What does not: what is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa


def on_distinct(values: pl.Series, good: Callable[[Any], bool]) -> pl.Series:
    """`good` of every value, asked once for each distinct one: Boolean, null where the value is null.

    Time grows with the number of rows plus the number of distinct values times what `good` costs. Values come as Python
    objects: str, int, float, Decimal, date, datetime, bool.
    """
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    encoded = values.to_arrow().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    distinct = pl.Series("distinct", encoded.dictionary, dtype=values.dtype).to_list()
    answers = np.fromiter((bool(good(value)) for value in distinct), np.bool_, len(distinct))
    places = pl.Series(values.name, encoded.indices)
    if not len(answers):
        return pl.Series(values.name, [None], pl.Boolean).new_from_index(0, len(values))
    found = pl.Series(values.name, answers[places.fill_null(0).to_numpy()])
    return found.set(values.is_null(), None) if values.null_count() else found
