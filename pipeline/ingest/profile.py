"""The column profile of a delivery, gathered chunk by chunk in bounded memory.

What belongs here: counting. What does not: judging (checks do that).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.contract import Column
from pipeline.files.canonical import as_text
from pipeline.ingest.manifest import ColumnProfile
from pipeline.ingest.sketch import COUNTERS, ERROR, NOTHING, DistinctSketch, HashSummary, summary_of

_SHOWN = 5
_NEAR = 2_048
_TEXT = 200


@dataclass(frozen=True)
class ChunkFigures:
    """What one chunk adds to one column's profile; made in a worker, taken in by `ColumnCount.add`.

    Attributes:
        rows: values.
        nulls: nulls among them.
        lost: of those, how many held something that could not be had.
        least: smallest value, or None.
        most: largest value, or None.
        total: sum of a numeric column, or None.
        hashes: of the values that are not null.
        values: those that stand for `hashes.frequent.hashes`, in that order.
    """

    rows: int
    nulls: int
    lost: int
    least: Any
    most: Any
    total: float | None
    hashes: HashSummary
    values: pl.Series


def chunk_figures(typed: pl.DataFrame, lost: Mapping[str, pl.Series]) -> dict[str, ChunkFigures]:
    """Column → figures of one chunk, in few passes over all columns at once.

    Args:
        lost: column → places of values that could not be had, null now.
    """
    nested = [name for name, dtype in typed.schema.items() if dtype.is_nested()]
    if nested:
        typed = typed.with_columns([as_text(typed[name]) for name in nested])  # lists have no order
    hashes = typed.select(pl.all().hash())
    return {
        values.name: _figures(values, hashes[values.name], len(lost.get(values.name, ())))
        for values in typed.get_columns()
    }


def _figures(values: pl.Series, hashes: pl.Series, lost: int) -> ChunkFigures:
    nulls = values.null_count()
    present = (hashes.filter(values.is_not_null()) if nulls else hashes).to_numpy()
    summary = summary_of(present)
    at = places_of(present, summary.frequent.hashes)
    if nulls:
        at = np.flatnonzero(values.is_not_null().to_numpy())[at]
    listed = values[at]
    # Where all different values are listed, the smallest is among them: that saves the most with texts.
    among = values if summary.frequent.missed else listed
    return ChunkFigures(
        rows=len(values),
        nulls=nulls,
        lost=lost,
        least=among.min(),
        most=among.max(),
        # As floats: a few nanosecond stamps add up to more than an integer holds.
        total=float(values.cast(pl.Float64).sum()) if values.dtype.is_numeric() else None,
        hashes=summary,
        values=listed,
    )


def places_of(hashes: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where each of the wanted (ascending) stands among the hashes, which have them all. Frequent ones are near the beginning; the others
    are found in tables of 16 of their bits, where a search would take several times as long."""
    found = np.full(len(wanted), -1, np.int64)
    if not len(wanted):
        return found
    near = hashes[:_NEAR]
    at = np.minimum(np.searchsorted(wanted, near), len(wanted) - 1)
    right = wanted[at] == near
    found[at[right]] = np.flatnonzero(right)
    for shift in (48, 32, 16):
        left = np.flatnonzero(found < 0)
        if not len(left):
            return found
        bits = np.uint64(shift), np.uint64(0xFFFF)
        table = np.zeros(2**16, np.int64)
        table[(hashes >> bits[0]) & bits[1]] = np.arange(len(hashes))
        at = table[(wanted[left] >> bits[0]) & bits[1]]
        right = hashes[at] == wanted[left]
        found[left[right]] = at[right]
    for place in np.flatnonzero(found < 0):
        found[place] = np.flatnonzero(hashes == wanted[place])[0]
    return found


class ColumnCount:
    """One column's running profile."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._rows = self._nulls = self._lost = self._violations = 0
        self._least: Any = None
        self._most: Any = None
        self._total = 0.0
        self._distinct = DistinctSketch()
        self._frequent = NOTHING
        self._values: dict[int, Any] = {}

    def add(self, chunk: ChunkFigures) -> None:
        """Take in one chunk."""
        self._rows += chunk.rows
        self._nulls += chunk.nulls
        self._lost += chunk.lost
        if chunk.least is not None:
            self._least = chunk.least if self._least is None else min(self._least, chunk.least)
            self._most = chunk.most if self._most is None else max(self._most, chunk.most)
        self._total += chunk.total or 0.0
        self._distinct.add_hashes(chunk.hashes.smallest)
        self._frequent = self._frequent.merged(chunk.hashes.frequent)
        self._remember(chunk)

    def _remember(self, chunk: ChunkFigures) -> None:
        """Keep the values that stand for hashes; those of hashes that went are dropped now and then."""
        fresh = [
            (hashed, place)
            for place, hashed in enumerate(chunk.hashes.frequent.hashes.tolist())
            if hashed not in self._values
        ]
        if not fresh:
            return
        values = chunk.values[[place for _, place in fresh]].to_list()
        self._values.update(zip((hashed for hashed, _ in fresh), values, strict=True))
        if len(self._values) > 4 * COUNTERS:
            kept = self._frequent.hashes.tolist()
            self._values = {hashed: self._values[hashed] for hashed in kept}

    def add_violations(self, count: int) -> None:
        """Take in violations found at this column."""
        self._violations += count

    def profile(self) -> ColumnProfile:
        """The profile so far."""
        values, dtype = self._rows - self._nulls, self._column.dtype
        shown = [(self._values[hashed], count) for hashed, count in self._frequent.top(_SHOWN)]
        top = sorted(
            ((str(_text(value, dtype)), count) for value, count in shown),
            key=lambda pair: (-pair[1], pair[0]),
        )
        return ColumnProfile(
            name=self._column.name,
            row_count=self._rows,
            null_count=self._nulls - self._lost,
            distinct_count=min(self._distinct.count(), values),
            distinct_error=0.0 if self._distinct.exact else ERROR,
            min=_text(self._least, dtype),
            max=_text(self._most, dtype),
            mean=self._total / values if self._column.dtype.is_numeric() and values else None,
            top_values=tuple(top[:_SHOWN]),
            top_error=self._frequent.missed if top else 0,
            violations=self._violations,
        )


def _text(value: Any, dtype: pl.DataType) -> str | None:
    """One value of a column as `as_text` would write it."""
    if value is None or isinstance(value, str):
        return value[:_TEXT] if value else value
    if type(value) is int or isinstance(value, Decimal):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, datetime) and value.microsecond == 0 and value.tzinfo is None:
        return value.isoformat()
    text = as_text(pl.Series([value], dtype=dtype if dtype.is_float() else None)).item()
    return None if text is None else str(text)[:_TEXT]


def merge_violations(counts: Mapping[str, ColumnCount], errors: pl.DataFrame) -> None:
    """Count an error frame's rows at their columns."""
    for name, count in errors["column_name"].drop_nulls().value_counts().iter_rows():
        if name in counts:
            counts[name].add_violations(count)
