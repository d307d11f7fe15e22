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

_VALUE, _TEXT, _ENTRY, _DIGEST, _PAIR = 24, 80, 250, 16_000, 128
"""Bytes, as measured: of a value in a quantile, of a text, of an entry of a histogram, of a T-Digest, of a pair of values."""
_REGISTER_BITS = 14
"""Of sketches that count different values: 16,384 registers, a standard error of 0.8 %."""
_FULL = 2.0
"""So many values per register are counted by the registers that are empty."""
_BETA = (-0.370393911, 0.070471823, 0.17393686, 0.16339839, -0.09237745, 0.03738027, -0.005384159, 0.00042419)
"""LogLog-Beta's correction for 16,384 registers (Qin, Kim, Tung 2016): of the empty ones, and of powers of their logarithm."""


@dataclass(frozen=True)
class State:
    """A part of a measure that can be merged: aggregate `sql` over rows, then `merge` over such results ({} stands for one)."""

    sql: str
    merge: str


@dataclass(frozen=True)
class Keyed:
    """A measure that is had from a state per key: rows are aggregated per window and key, these states then per window.

    Attributes:
        key: SQL over rows.
        state: over the rows of one key.
        result: aggregate over `_key` and `_held`, the state.
    """

    key: str
    state: State
    result: str


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
        keyed: where it can be had from a state per key.
        distinct: the expression of which different values are counted, for a count of them.
        condition: what a row must fulfil to count, or None.
        tolerance: relative difference up to which two results are the same figure.
        zero: what stands for it in a window filled with zero.
        held: bytes of memory that computing it over rows takes for each value, beyond what can be put on disk.
        state: the same for each window and group.
        entry: the same for each different value of a window and group.
    """

    sql_type: str
    states: tuple[State, ...] = ()
    final: str = "{0}"
    direct: str | None = None
    values: str | None = None
    of_values: str | None = None
    keyed: Keyed | None = None
    distinct: str | None = None
    condition: str | None = None
    tolerance: float = 0.0
    zero: str = "NULL"
    held: int = 0
    state: int = 0
    entry: int = 0


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
        pair = State(f"{least}(struct_pack(t := {{moment}}, v := {name})){rows}", f"{least}({{}})")
        return Measure(typed, (pair,), "struct_extract({0}, 'v')", state=_PAIR)
    if kind in ("min_by", "max_by"):
        assert aggregate.by is not None
        least, by = kind.removesuffix("_by"), ident(aggregate.by)
        both = _only(f"{name} IS NOT NULL AND {by} IS NOT NULL" + (f" AND ({where})" if where else ""))
        pair = State(f"{least}(struct_pack(b := {by}, v := {name})){both}", f"{least}({{}})")
        return Measure(typed, (pair,), "struct_extract({0}, 'v')", state=_PAIR)
    if kind == "count_distinct" and aggregate.approximate:
        return Measure("BIGINT", keyed=_sketch(name), condition=present, zero="0")
    if kind == "count_distinct":
        direct = f"count(DISTINCT {name}){_only(where)}"
        return Measure("BIGINT", direct=direct, distinct=name, condition=present, zero="0")
    return _of_values(aggregate, name, dtype, present)


def _of_values(aggregate: Aggregate, name: str, dtype: pl.DataType, present: str | None) -> Measure:
    """Measures that need every value."""
    kind, rows, typed = aggregate.kind, _only(present), duckdb_type(dtype)
    share = repr(float(aggregate.parameter or 0))
    if kind == "quantile" and aggregate.approximate:
        direct = f"approx_quantile({name}::DOUBLE, {share}){rows}"
        return Measure("DOUBLE", direct=direct, tolerance=_SPREAD, state=_DIGEST)
    if kind == "quantile":
        return Measure(
            "DOUBLE", direct=f"quantile_cont({name}::DOUBLE, {share}){rows}", values=f"list({name}::DOUBLE){rows}",
            of_values=f"list_aggregate({{0}}, 'quantile_cont', {share})::DOUBLE", held=_VALUE,
        )  # fmt: skip
    if kind == "quantile_discrete":
        return Measure(
            typed, direct=f"quantile_disc({name}, {share}){rows}", values=f"list({name}){rows}",
            of_values=f"list_aggregate({{0}}, 'quantile_disc', {share})::{typed}",
            held=_VALUE if dtype.is_numeric() or dtype.is_temporal() else _TEXT,
        )  # fmt: skip
    if kind in ("stddev", "variance"):
        direct, of_values = _deviation(f"{name}::DOUBLE", present, kind, exact=not dtype.is_float())
        values = f"list({name}::DOUBLE){rows}"
        return Measure("DOUBLE", direct=direct, values=values, of_values=of_values, tolerance=_SPREAD)
    count = State("count(*)", "sum({})::BIGINT")
    if kind == "distribution":
        pairs = "map_from_entries(list(struct_pack(k := _key, v := _held) ORDER BY _key))"
        return Measure(
            DISTRIBUTION, direct=_distribution(f"histogram({name}::VARCHAR){rows}"), condition=present,
            keyed=Keyed(f"{name}::VARCHAR", count, _distribution(pairs)), zero=f"MAP {{}}::{DISTRIBUTION}", state=_PAIR, entry=_ENTRY,
        )  # fmt: skip
    if kind == "top":
        spelled, k = f'STRUCT("value" {typed}, "count" BIGINT)[]', int(aggregate.parameter or 0)
        return Measure(
            spelled, direct=_top(f"histogram({name}){rows}", k, spelled), condition=present,
            keyed=Keyed(name, count, _named_top(f"min(struct_pack(n := -_held, v := _key), {k})", spelled)),
            zero=f"[]::{spelled}", state=_PAIR, entry=_ENTRY,
        )  # fmt: skip
    raise ValueError(f"there is no aggregate {kind!r}")


def _sketch(name: str) -> Keyed:
    """HyperLogLog over the hash of a value: its last bits choose a register, which holds the place of the first one bit of the others.

    Where few values came, the count follows from the registers that are empty; where many, from all of them (LogLog-Beta).
    """
    registers, bits = 1 << _REGISTER_BITS, 64 - _REGISTER_BITS
    rest = f"((hash({name}) >> {_REGISTER_BITS}) | {1 << bits})"
    first = State(f"max(bit_count(xor({rest}, {rest} - 1)))", "max({})")
    empty, places = f"({registers} - count(*))::DOUBLE", f"sum(1::BIGINT << ({bits + 1} - _held))::DOUBLE"
    lined = f"{registers} * ln({registers} / {empty})"
    powers = [f"{empty} * {_number(_BETA[0])}"]
    powers += [f"ln({empty} + 1) ** {n} * {_number(factor)}" for n, factor in enumerate(_BETA[1:], 1)]
    sizes = f"{' + '.join(powers)} + {empty} + {places} / {_number(2.0 ** (bits + 1))}"
    counted = f"count(*) * {_number(registers * 0.7213 / (1 + 1.079 / registers))} / ({sizes})"
    few = f"count(*) < {round(registers * (1 - 2.718281828**-_FULL))}"
    return Keyed(
        f"hash({name}) & {registers - 1}",
        first,
        f"round(CASE WHEN {few} THEN {lined} ELSE {counted} END)::BIGINT",
    )


def _number(value: float) -> str:
    """A float as SQL: without the cast it is a decimal, whose products have too many digits."""
    return f"{value!r}::DOUBLE"


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


def _deviation(value: str, present: str | None, kind: str, *, exact: bool) -> tuple[str, str]:
    """The deviation or variance of a sample as SQL over rows, and over a list of values, {0}. DuckDB fails where a square is beyond a float, so large
    values are made small first; values that are not finite have none. `exact`: of a type that has neither."""
    function = "stddev_samp" if kind == "stddev" else "var_samp"
    if exact:
        return f"{function}({value}){_only(present)}", f"list_aggregate({{0}}, '{function}')"
    down, up = repr(_SQUARABLE), repr(1 / _SQUARABLE)
    up = up if kind == "stddev" else f"{up} * {up}"
    also = f" AND ({present})" if present else ""
    rows, low, finite = _only(present), f"abs({value}) < {_SQUARED!r}", f"isfinite({value})"
    direct = (
        f"CASE WHEN bool_and({low}){rows} THEN {function}({value}) FILTER (WHERE {low}{also}) "
        f"WHEN bool_and({finite}){rows} THEN {function}({value} * {down}) FILTER (WHERE {finite}{also}) * {up} "
        f"WHEN count(*){rows} > 1 THEN 'nan'::DOUBLE END"
    )
    of_values = (
        f"list_transform([{{0}}], lambda of: CASE WHEN list_max(of) < {_SQUARED!r} AND list_min(of) > {-_SQUARED!r} "
        f"THEN list_aggregate(of, '{function}') WHEN isfinite(list_max(of)) AND isfinite(list_min(of)) "
        f"THEN list_aggregate(list_transform(of, lambda one: one * {down}), '{function}') * {up} "
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
    return _named_top(f"list_slice({ranked}, 1, {k})", spelled)


def _named_top(ranked: str, spelled: str) -> str:
    """Pairs of the negative count and the value, in order, as values with counts."""
    named = f'list_transform({ranked}, lambda e: struct_pack("value" := e.v, "count" := -e.n))'
    return f"coalesce({named}, [])::{spelled}"


def _sum_type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL(38,{dtype.scale})"
    return "DOUBLE" if dtype.is_float() else "HUGEINT"
