"""Aggregates as SQL: over rows, and over panes that were aggregated before.

What belongs here: one entry per kind of aggregate. What does not: windows (`compiler`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipeline.contract import Aggregate
from pipeline.warehouse.sql import ident
from pipeline.warehouse.types import duckdb_type

DISTRIBUTION = "MAP(VARCHAR, BIGINT)"


@dataclass(frozen=True)
class Measure:
    """How one aggregate is computed.

    Attributes:
        sql_type: type of the result.
        whole: over rows.
        partials: what a pane carries: suffix → SQL over rows.
        combined: over the panes of a window; `{suffix}` stands for a carried column.
        inexact: whether the same rows may give another last digit, as float sums do in another order.
    """

    sql_type: str
    whole: str
    partials: dict[str, str]
    combined: str
    inexact: bool = False

    @property
    def carries_lists(self) -> bool:
        """Whether panes carry every value, so that memory grows with rows."""
        return "list" in self.partials


def measure_of(aggregate: Aggregate, dtype: pl.DataType | None) -> Measure:
    """The SQL of `aggregate`; `dtype` is its column's, None for a count of rows.

    Raises:
        ValueError: there is no such kind.
    """
    column = "*" if aggregate.column is None else ident(aggregate.column)
    present = f"FILTER ({column} IS NOT NULL)"
    kind = aggregate.kind
    if kind == "count":
        return Measure("BIGINT", f"count({column})", {"n": f"count({column})"}, "sum({n})::BIGINT")
    assert dtype is not None
    if kind == "sum":
        spelled = _sum_type(dtype)
        return Measure(
            spelled,
            f"sum({column})::{spelled}",
            {"sum": f"sum({column})::{spelled}"},
            f"sum({{sum}})::{spelled}",
            dtype.is_float(),
        )
    if kind == "avg":
        partials = {"sum": f"sum({column})::{_sum_type(dtype)}", "n": f"count({column})"}
        return Measure(
            "DOUBLE",
            f"sum({column})::DOUBLE / count({column})",
            partials,
            "sum({sum})::DOUBLE / sum({n})",
            dtype.is_float(),
        )
    if kind in ("min", "max"):
        return Measure(
            duckdb_type(dtype), f"{kind}({column})", {kind: f"{kind}({column})"}, f"{kind}({{{kind}}})"
        )
    if kind == "count_distinct":
        partials = {"list": f"list(DISTINCT {column}) {present}"}
        return Measure(
            "BIGINT",
            f"count(DISTINCT {column})",
            partials,
            "coalesce(list_unique(flatten(list({list}))), 0)::BIGINT",
        )
    if kind == "quantile":
        share = repr(float(aggregate.parameter or 0))
        partials = {"list": f"list({column}::DOUBLE) {present}"}
        return Measure(
            "DOUBLE", f"quantile_cont({column}::DOUBLE, {share})", partials,
            f"list_aggregate(flatten(list({{list}})), 'quantile_cont', {share})::DOUBLE",
        )  # fmt: skip
    if kind == "distribution":
        partials = {"list": f"list({column}::VARCHAR) {present}"}
        return Measure(
            DISTRIBUTION, _distribution(f"histogram({column}::VARCHAR) {present}"), partials,
            _distribution("list_aggregate(flatten(list({list})), 'histogram')"),
        )  # fmt: skip
    raise ValueError(f"there is no aggregate {kind!r}")


def _distribution(histogram: str) -> str:
    return f"coalesce({histogram}::{DISTRIBUTION}, MAP {{}}::{DISTRIBUTION})"


def _sum_type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL(38,{dtype.scale})"
    return "DOUBLE" if dtype.is_float() else "HUGEINT"
