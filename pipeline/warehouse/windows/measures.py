"""Aggregates as SQL: over rows, over states that were aggregated before, over lists of values.

What belongs here: one entry per kind of aggregate. What does not: which of these a window takes (`ways`), windows (`compiler`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipeline.contract import Aggregate, Column
from pipeline.warehouse.sql import ident
from pipeline.warehouse.types import duckdb_type

DISTRIBUTION = "MAP(VARCHAR, BIGINT)"
_FLOAT = 1e-12
"""Relative difference up to which two float figures of the same rows in another order count as the same."""
_FLOAT_TYPES = frozenset({"DOUBLE", "FLOAT8", "FLOAT", "FLOAT4", "REAL"})
_SPREAD = 1e-9
"""The same for spreads, which lose digits where values lie close together."""
_SHRUNK = 2.0**-64
"""So many floats as there can be, each times this, add up to no more than a float holds; a power of two costs no digit."""
_SQUARED = 1e140
"""Floats below it have squares of which very many can be added."""
_SQUARABLE = 2.0**-600
"""Every finite float times this is below `_SQUARED`."""


@dataclass(frozen=True)
class State:
    """A part of a measure that can be merged: aggregate `sql` over rows, then `merge` over such results ({} stands for one)."""

    sql: str
    merge: str


@dataclass(frozen=True)
class Measure:
    """How one aggregate is computed.

    Attributes:
        sql_type: DuckDB type of the result.
        states: what it is merged from; empty where it cannot be.
        final: the result; {0}, {1} are the states or what stands in their place, {seconds} the length of the window, {window} its
            columns.
        direct: over rows, where there are no states.
        values: list of what counts, over rows; where the measure can be had from lists.
        of_values: the result from such a list, {0}.
        distinct: the expression of which different values are counted, for a count of them.
        condition: what a row must fulfil to count, or None.
        tolerance: relative difference up to which two results are the same figure.
        zero: what stands for it in a window filled with zero.
    """

    sql_type: str
    states: tuple[State, ...] = ()
    final: str = "{0}"
    direct: str | None = None
    values: str | None = None
    of_values: str | None = None
    distinct: str | None = None
    condition: str | None = None
    tolerance: float = 0.0
    zero: str = "NULL"


def measure_of(aggregate: Aggregate, column: Column | None) -> Measure:
    """The SQL of `aggregate`; `column` is what it measures, None for rows.

    Raises:
        ValueError: there is no such kind.
    """
    kind, where = aggregate.kind, aggregate.where
    if kind == "sql":
        spelled = aggregate.sql_type or "DOUBLE"
        tolerance = _FLOAT if spelled.strip().upper() in _FLOAT_TYPES else 0.0
        return Measure(spelled, direct=f"({aggregate.expression})::{spelled}", tolerance=tolerance)
    if column is None:
        return _of_rows(aggregate, _only(where))
    name, dtype = ident(column.name), column.dtype
    present = where if not column.nullable else f"{name} IS NOT NULL" + (f" AND ({where})" if where else "")
    rows, typed = _only(present), duckdb_type(dtype)
    count = State(f"count(*){rows}", "sum({})::BIGINT")
    if kind == "count":
        return Measure("BIGINT", (count,), zero="0")
    if kind in ("sum", "avg", "rate", "share"):
        return _of_sum(aggregate, name, dtype, where, count)
    if kind in ("min", "max"):
        return Measure(typed, (State(f"{kind}({name}){_only(where)}", f"{kind}({{}})"),))
    if kind in ("first", "last"):
        least = "min" if kind == "first" else "max"
        pair = f"{least}(struct_pack(t := {{moment}}, v := {name})){rows}"
        return Measure(typed, (State(pair, f"{least}({{}})"),), "struct_extract({0}, 'v')")
    if kind == "count_distinct" and aggregate.approximate:
        return Measure("BIGINT", direct=f"approx_count_distinct({name}){_only(where)}", zero="0")
    if kind == "count_distinct":
        direct = f"count(DISTINCT {name}){_only(where)}"
        return Measure("BIGINT", direct=direct, distinct=name, condition=present, zero="0")
    return _of_values(aggregate, name, dtype, present)


def _of_values(aggregate: Aggregate, name: str, dtype: pl.DataType, present: str | None) -> Measure:
    """Measures that need every value."""
    kind, rows, typed = aggregate.kind, _only(present), duckdb_type(dtype)
    if kind == "quantile":
        share = repr(float(aggregate.parameter or 0))
        if aggregate.approximate:
            return Measure(
                "DOUBLE", direct=f"approx_quantile({name}::DOUBLE, {share}){rows}", tolerance=_SPREAD
            )
        return Measure(
            "DOUBLE", direct=f"quantile_cont({name}::DOUBLE, {share}){rows}", values=f"list({name}::DOUBLE){rows}",
            of_values=f"list_aggregate({{0}}, 'quantile_cont', {share})::DOUBLE",
        )  # fmt: skip
    if kind == "stddev":
        direct, of_values = _deviation(f"{name}::DOUBLE", present, exact=not dtype.is_float())
        values = f"list({name}::DOUBLE){rows}"
        return Measure("DOUBLE", direct=direct, values=values, of_values=of_values, tolerance=_SPREAD)
    histogram = "list_aggregate({0}, 'histogram')"
    if kind == "distribution":
        return Measure(
            DISTRIBUTION, direct=_distribution(f"histogram({name}::VARCHAR){rows}"), values=f"list({name}::VARCHAR){rows}",
            of_values=_distribution(histogram), zero=f"MAP {{}}::{DISTRIBUTION}",
        )  # fmt: skip
    if kind == "top":
        spelled, k = f'STRUCT("value" {typed}, "count" BIGINT)[]', int(aggregate.parameter or 0)
        return Measure(
            spelled, direct=_top(f"histogram({name}){rows}", k, spelled), values=f"list({name}){rows}",
            of_values=_top(histogram, k, spelled), zero=f"[]::{spelled}",
        )  # fmt: skip
    raise ValueError(f"there is no aggregate {kind!r}")


def _of_rows(aggregate: Aggregate, only: str) -> Measure:
    """Measures of rows, whatever is in their columns."""
    state = State(f"count(*){only}", "sum({})::BIGINT")
    if aggregate.kind == "count":
        return Measure("BIGINT", (state,), zero="0")
    if aggregate.kind == "rate":
        return Measure("DOUBLE", (state,), _rate(aggregate), zero="0")
    if aggregate.kind == "share":
        return Measure("DOUBLE", (state,), _share(), zero="0")
    raise ValueError(f"there is no aggregate {aggregate.kind!r} of rows")


def _of_sum(aggregate: Aggregate, name: str, dtype: pl.DataType, where: str | None, count: State) -> Measure:
    """Measures that come from the sum of a column."""
    floats, spelled, rows = dtype.is_float(), _sum_type(dtype), _only(where)
    states: tuple[State, ...] = (State(f"sum({name}){rows}::{spelled}", f"sum({{}})::{spelled}"),)
    added = "{0}"
    if floats:
        # Compensation (Kahan) takes infinity from infinity, which is no number; so does a sum that passes the largest float on its
        # way. A plain sum of the values made small says what such a sum is.
        small = State(f"sum({name} * {_SHRUNK!r}){rows}::{spelled}", f"sum({{}})::{spelled}")
        states = (State(f"fsum({name}){rows}::{spelled}", f"fsum({{}})::{spelled}"), small)
        added = f"CASE WHEN isfinite({{0}}) THEN {{0}} ELSE {{1}} * {1 / _SHRUNK!r} END"
    tolerance = _FLOAT if floats else 0.0
    if aggregate.kind == "sum":
        return Measure(spelled, states, added, tolerance=tolerance, zero=f"0::{spelled}")
    if aggregate.kind == "avg":
        mean = f"({added})::DOUBLE / {{{len(states)}}}"
        return Measure("DOUBLE", (*states, count), mean, tolerance=tolerance)
    if aggregate.kind == "rate":
        return Measure("DOUBLE", states, _rate(aggregate, added), tolerance=tolerance, zero="0")
    return Measure("DOUBLE", states, _share(added), tolerance=tolerance, zero="0")


def _deviation(value: str, present: str | None, *, exact: bool) -> tuple[str, str]:
    """The deviation of a sample as SQL over rows, and over a list of values, {0}. DuckDB fails where a square is beyond a float, so large
    values are made small first; values that are not finite have none. `exact`: of a type that has neither."""
    if exact:
        return f"stddev_samp({value}){_only(present)}", "list_aggregate({0}, 'stddev_samp')"
    down, up = repr(_SQUARABLE), repr(1 / _SQUARABLE)
    also = f" AND ({present})" if present else ""
    rows, low, finite = _only(present), f"abs({value}) < {_SQUARED!r}", f"isfinite({value})"
    direct = (
        f"CASE WHEN bool_and({low}){rows} THEN stddev_samp({value}) FILTER (WHERE {low}{also}) "
        f"WHEN bool_and({finite}){rows} THEN stddev_samp({value} * {down}) FILTER (WHERE {finite}{also}) * {up} "
        f"WHEN count(*){rows} > 1 THEN 'nan'::DOUBLE END"
    )
    of_values = (
        f"list_transform([{{0}}], lambda of: CASE WHEN list_max(of) < {_SQUARED!r} AND list_min(of) > {-_SQUARED!r} "
        "THEN list_aggregate(of, 'stddev_samp') WHEN isfinite(list_max(of)) AND isfinite(list_min(of)) "
        f"THEN list_aggregate(list_transform(of, lambda one: one * {down}), 'stddev_samp') * {up} "
        "WHEN len(of) > 1 THEN 'nan'::DOUBLE END)[1]"
    )
    return direct, of_values


def _share(amount: str = "{0}") -> str:
    return f"({amount})::DOUBLE / nullif((sum({amount}) OVER (PARTITION BY {{window}}))::DOUBLE, 0)"


def _rate(aggregate: Aggregate, amount: str = "{0}") -> str:
    unit = float(aggregate.parameter or 1)
    return (
        f"({amount})::DOUBLE / {{seconds}}" if unit == 1 else f"({amount})::DOUBLE * {unit!r} / {{seconds}}"
    )


def _only(condition: str | None) -> str:
    return f" FILTER (WHERE {condition})" if condition else ""


def _distribution(histogram: str) -> str:
    return f"coalesce({histogram}::{DISTRIBUTION}, MAP {{}}::{DISTRIBUTION})"


def _top(histogram: str, k: int, spelled: str) -> str:
    """The most frequent entries of a histogram, whose keys are in order."""
    ranked = f"list_sort(list_transform(map_entries({histogram}), lambda e: struct_pack(n := -(e.value::BIGINT), v := e.key)))"
    named = f'list_transform(list_slice({ranked}, 1, {k}), lambda e: struct_pack("value" := e.v, "count" := -e.n))'
    return f"coalesce({named}, [])::{spelled}"


def _sum_type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL(38,{dtype.scale})"
    return "DOUBLE" if dtype.is_float() else "HUGEINT"
