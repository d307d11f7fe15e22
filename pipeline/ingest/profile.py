"""The column profile of a delivery, gathered chunk by chunk in bounded memory.

What belongs here: counting. What does not: judging (checks do that).
"""

from __future__ import annotations

import heapq
from collections import Counter
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
from pipeline.ingest.sketch import DistinctSketch, smallest

_SAMPLE = 2_500
_KEPT = 1_000
_SAMPLES_AT_ONCE = 16
_FEW = 3_000
_SHOWN = 5
_TEXT = 200


@dataclass(frozen=True)
class ChunkFigures:
    """What one chunk adds to one column's profile; made in a worker, taken in by `ColumnCount.add`.

    Attributes:
        rows: values.
        nulls: nulls among them.
        least: smallest value, or None.
        most: largest value, or None.
        total: sum of a numeric column, or None.
        hashes: the smallest UInt64 hashes of the values that are not null, each once.
        sample: about 2,500 of the values, evenly spread.
        stride: each value of the sample stands for so many.
    """

    rows: int
    nulls: int
    least: Any
    most: Any
    total: float | None
    hashes: NDArray[np.uint64]
    sample: pl.Series
    stride: int


def chunk_figures(typed: pl.DataFrame) -> dict[str, ChunkFigures]:
    """Column → figures of one chunk, in few passes over all columns at once."""
    nested = [name for name, dtype in typed.schema.items() if dtype.is_nested()]
    if nested:
        typed = typed.with_columns([as_text(typed[name]) for name in nested])  # lists have no order
    stride = max(1, typed.height // _SAMPLE)
    sample = typed.gather_every(stride)
    names, height = typed.columns, typed.height
    numeric = [name for name, dtype in typed.schema.items() if dtype.is_numeric()]
    # One query for all: each costs as much as a few thousand rows. Sums as floats: a few nanosecond stamps add up to
    # more than an integer holds.
    found = iter(
        typed.select(
            *(pl.col(name).min().alias(f"least {name}") for name in names),
            *(pl.col(name).max().alias(f"most {name}") for name in names),
            *(pl.col(name).cast(pl.Float64).sum().alias(f"total {name}") for name in numeric),
        ).row(0)
    )
    least = {name: next(found) for name in names}
    most = {name: next(found) for name in names}
    totals = {name: next(found) for name in numeric}
    hashes = typed.select(pl.all().hash())
    figures = {}
    for values in typed.get_columns():
        name, nulls = values.name, values.null_count()
        present = hashes[name].filter(values.is_not_null()) if nulls else hashes[name]
        figures[name] = ChunkFigures(
            rows=height,
            nulls=nulls,
            least=least[name],
            most=most[name],
            total=totals.get(name),
            hashes=smallest(present.to_numpy()),
            sample=sample[name],
            stride=stride,
        )
    return figures


class ColumnCount:
    """One column's running profile."""

    def __init__(self, column: Column) -> None:
        self._column = column
        self._rows = self._nulls = self._violations = 0
        self._least: Any = None
        self._most: Any = None
        self._total = 0.0
        self._distinct = DistinctSketch()
        self._frequent: Counter[Any] = Counter()
        self._samples: list[pl.Series] = []
        self._stride = 1

    def add(self, chunk: ChunkFigures) -> None:
        """Take in one chunk."""
        self._rows += chunk.rows
        self._nulls += chunk.nulls
        if chunk.least is not None:
            self._least = chunk.least if self._least is None else min(self._least, chunk.least)
            self._most = chunk.most if self._most is None else max(self._most, chunk.most)
        self._total += chunk.total or 0.0
        self._distinct.add_hashes(chunk.hashes)
        if chunk.stride != self._stride or len(self._samples) >= _SAMPLES_AT_ONCE:
            self._count_samples()
        self._stride = chunk.stride
        self._samples.append(chunk.sample)

    def _count_samples(self) -> None:
        """Count the values of the samples so far, several chunks at once, and keep the most frequent."""
        if not self._samples:
            return
        values = self._samples[0] if len(self._samples) == 1 else pl.concat(self._samples)
        if len(values) <= _FEW:
            counted = Counter(values.drop_nulls().to_list()).items()
        else:
            counts = values.drop_nulls().value_counts(sort=True).head(_KEPT)
            counted = dict(zip(counts.to_series(0).to_list(), counts.to_series(1), strict=True)).items()
        for value, count in counted:
            # Seen once in a sample says nothing about how often a value occurs.
            if self._stride == 1 or count > 1:
                self._frequent[value] += count * self._stride
        if len(self._frequent) > _KEPT:
            self._frequent = Counter(dict(self._frequent.most_common(_KEPT)))
        self._samples.clear()

    def add_violations(self, count: int) -> None:
        """Take in violations found at this column."""
        self._violations += count

    def profile(self) -> ColumnProfile:
        """The profile so far."""
        self._count_samples()
        values = self._rows - self._nulls
        shown = heapq.nlargest(_SHOWN, self._frequent.items(), key=lambda item: item[1])
        top = sorted(
            ((str(_text(value)), count) for value, count in shown), key=lambda pair: (-pair[1], pair[0])
        )
        return ColumnProfile(
            name=self._column.name,
            row_count=self._rows,
            null_count=self._nulls,
            distinct_count=min(self._distinct.count(), values),
            min=_text(self._least),
            max=_text(self._most),
            mean=self._total / values if self._column.dtype.is_numeric() and values else None,
            top_values=tuple(top),
            violations=self._violations,
        )


def _text(value: Any) -> str | None:
    """One value as `as_text` would write it."""
    if value is None or isinstance(value, str):
        return value[:_TEXT] if value else value
    if type(value) is int or isinstance(value, Decimal):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    if isinstance(value, datetime) and value.microsecond == 0 and value.tzinfo is None:
        return value.isoformat()
    text = as_text(pl.Series([value])).item()
    return None if text is None else str(text)[:_TEXT]


def merge_violations(counts: Mapping[str, ColumnCount], errors: pl.DataFrame) -> None:
    """Count an error frame's rows at their columns."""
    for name, count in errors["column_name"].drop_nulls().value_counts().iter_rows():
        if name in counts:
            counts[name].add_violations(count)
