"""Measures by definition: what each aggregate gives over the rows of one window and group.

What belongs here: one plain rule per kind of `contract.aggregates`. What does not: which rows those are (`reference`).

Nulls of the column are left out everywhere, and rows for which `where=` is not true. Of no values, counts and rates of rows are 0,
maps and lists empty, and everything else null.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import polars as pl

from pipeline.contract import Aggregate

Row = Mapping[str, Any]
Spoken = Mapping[str, Callable[..., Any]]


def figure(
    measure: Aggregate,
    rows: Sequence[Row],
    everyone: Sequence[Row],
    event_time: str | None,
    seconds: float | None,
    spoken: Spoken,
) -> Any:
    """One measure of one window and group.

    Args:
        measure: what to compute.
        rows: of the window and group.
        everyone: rows of the window, of all groups.
        event_time: the column that first and last go by.
        seconds: length of the window; None for a total.
        spoken: SQL text → the same in Python.
    """
    rows, everyone = _chosen(measure, rows, spoken), _chosen(measure, everyone, spoken)
    kind, parameter = measure.kind, measure.parameter
    if kind == "sql":
        assert measure.expression is not None
        return spoken[measure.expression](rows)
    if kind in ("first", "last"):
        assert event_time is not None
        return _at_the_edge("min" if kind == "first" else "max", rows, event_time, measure.column)
    if kind in ("min_by", "max_by"):
        assert measure.by is not None
        return _at_the_edge(kind.removesuffix("_by"), rows, measure.by, measure.column)
    if kind in ("count", "rate", "share") and measure.column is None:
        amount: Any = len(rows)
        whole: Any = len(everyone)
    else:
        values = _values(rows, measure.column)
        if kind not in ("rate", "share"):
            return _over_values(kind, values, parameter)
        amount, whole = total(values), total(_values(everyone, measure.column))
    if kind == "count":
        return amount
    if kind == "rate":
        assert seconds is not None and parameter is not None
        return None if amount is None else float(amount) / seconds * parameter
    return None if amount is None or not whole else float(amount) / float(whole)


def filled_figure(measure: Aggregate, fill: str | None, dtype: pl.DataType | None) -> Any:
    """One measure, over a column of this type, of a window that no row lies in."""
    if fill != "zero":
        return None
    if measure.kind == "sum":
        return _zero(dtype)
    return {"count": 0, "count_distinct": 0, "rate": 0.0, "share": 0.0, "distribution": {}, "top": []}.get(
        measure.kind
    )


def _zero(dtype: pl.DataType | None) -> Any:
    if isinstance(dtype, pl.Decimal):
        return Decimal(0).scaleb(-dtype.scale)
    return 0.0 if dtype is not None and dtype.is_float() else 0


def total(values: Sequence[Any]) -> Any:
    """The sum, exactly for decimals and whole numbers, to the last digit for floats; of none, null. Infinity and what is no number are
    added as IEEE 754 has it; a sum beyond the largest float is infinite."""
    if not values:
        return None
    if isinstance(values[0], float):
        if not all(map(math.isfinite, values)):
            return sum(values)
        return as_float(sum(map(Fraction, values)))
    with localcontext(prec=60):
        return sum(values)


def _chosen(measure: Aggregate, rows: Sequence[Row], spoken: Spoken) -> Sequence[Row]:
    if measure.where is None:
        return rows
    return [row for row in rows if spoken[measure.where](row) is True]


def _values(rows: Sequence[Row], column: str | None) -> list[Any]:
    assert column is not None
    return [row[column] for row in rows if row[column] is not None]


def _at_the_edge(kind: str, rows: Sequence[Row], by: str, column: str | None) -> Any:
    assert column is not None
    found: list[tuple[Any, Any]] = [
        (row[by], row[column]) for row in rows if row[by] is not None and row[column] is not None
    ]
    if not found:
        return None
    return min(found)[1] if kind == "min" else max(found)[1]


def _over_values(kind: str, values: list[Any], parameter: float | None) -> Any:
    counts = Counter(values)
    if kind == "count":
        return len(values)
    if kind == "count_distinct":
        return len(counts)
    if kind == "top":
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [{"value": value, "count": count} for value, count in ordered[: int(parameter or 0)]]
    if kind == "distribution":
        return dict(sorted((text_of(value), count) for value, count in counts.items()))
    if not values:
        return None
    if kind == "sum":
        return total(values)
    if kind == "avg":
        return float(total(values)) / len(values)
    if kind in ("min", "max"):
        return min(values) if kind == "min" else max(values)
    if kind == "stddev":
        return _deviation([float(value) for value in values]) if len(values) > 1 else None
    if kind == "variance":
        return _variance([float(value) for value in values]) if len(values) > 1 else None
    if kind == "quantile_discrete":
        assert parameter is not None
        enough = math.ceil(Fraction(str(parameter)) * len(values))
        return sorted(values)[max(enough, 1) - 1]
    if kind == "quantile":
        assert parameter is not None
        return _quantile([float(value) for value in values], parameter)
    raise ValueError(f"there is no aggregate {kind!r}")


def as_float(exact: Fraction | int) -> float:
    """The nearest float; infinity beyond the largest."""
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def _deviation(values: list[float]) -> float:
    if not all(map(math.isfinite, values)):
        return math.nan
    try:
        return statistics.stdev(values)
    except OverflowError:
        return math.inf


def _variance(values: list[float]) -> float:
    if not all(map(math.isfinite, values)):
        return math.nan
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    return as_float(sum((value - mean) ** 2 for value in exact) / (len(exact) - 1))


def _quantile(values: list[float], share: float) -> float:
    """Between two neighbours as much of each as the place is near to it; infinity is the neighbour of all."""
    values.sort()
    place = share * (len(values) - 1)
    low = math.floor(place)
    part = place - low
    if not part or values[low] == values[low + 1]:
        return values[low]
    apart = values[low + 1] - values[low]
    if math.isinf(apart):
        return values[low] * (1 - part) + values[low + 1] * part
    return values[low] + apart * part


def text_of(value: Any) -> str:
    """A value as text, as DuckDB writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)
