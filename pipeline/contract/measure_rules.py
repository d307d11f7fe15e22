"""Validation of a window's measures when a dataset is loaded. What does not belong here: the window itself (`window_rules`)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from pipeline.contract.aggregates import COLUMNLESS_KINDS, KINDS, NUMERIC_KINDS, Aggregate
from pipeline.contract.errors import ContractError
from pipeline.contract.windows import Session, Total, Window

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
TAKEN = frozenset(
    {"window_start", "window_end", "row_count", "revision", "computed_at", "is_final", "_delivery"}
)
_MOST_LISTED = 1_000


def check_measure(
    dataset: str,
    where: str,
    name: str,
    measure: Aggregate,
    columns: Mapping[str, pl.DataType],
    window: Window,
) -> None:
    """Raise ContractError for the first thing that is wrong with a measure."""
    if not NAME.fullmatch(name) or name in TAKEN or name in window.by:
        raise ContractError(
            dataset,
            where,
            "is not a free lower-case name",
            f"Use letters, digits and _; not {', '.join(sorted(TAKEN))}.",
        )
    if not isinstance(measure, Aggregate):
        raise ContractError(
            dataset, where, f"{measure!r} is not an aggregate", "Use agg.count(), agg.sum(…), …"
        )
    if measure.kind not in KINDS:
        known = ", ".join(f"agg.{kind}" for kind in sorted(KINDS))
        raise ContractError(dataset, where, f"there is no aggregate {measure.kind!r}", f"Use one of {known}.")
    _check_column(dataset, where, measure, columns)
    _check_parameter(dataset, where, measure)
    _check_texts(dataset, where, measure)
    if measure.kind in ("rate", "first", "last") and isinstance(window, Total):
        raise ContractError(
            dataset, where, f"{measure.kind} of a Total, which has no time", "Use a window over time."
        )
    if measure.kind == "share" and isinstance(window, Session):
        raise ContractError(
            dataset,
            where,
            "share of a Session, whose groups have no window in common",
            "Use another kind of window.",
        )


def _check_column(dataset: str, where: str, measure: Aggregate, columns: Mapping[str, pl.DataType]) -> None:
    if measure.column is None and measure.kind in COLUMNLESS_KINDS:
        return
    if measure.column is None or measure.column not in columns:
        raise ContractError(
            dataset,
            where,
            f"measures {measure.column!r}, which the schema does not have",
            f"It has: {', '.join(columns)}.",
        )
    if measure.kind in ("min_by", "max_by") and measure.by not in columns:
        raise ContractError(
            dataset,
            where,
            f"chooses by {measure.by!r}, which the schema does not have",
            f"It has: {', '.join(columns)}.",
        )
    if measure.kind in NUMERIC_KINDS and not columns[measure.column].is_numeric():
        raise ContractError(
            dataset,
            where,
            f"{measure.kind} of {measure.column!r}, which is {columns[measure.column]}",
            "Measure a number.",
        )


def _check_parameter(dataset: str, where: str, measure: Aggregate) -> None:
    value: object = measure.parameter
    if measure.kind in ("quantile", "quantile_discrete") and not (
        isinstance(value, int | float) and 0 <= value <= 1
    ):
        raise ContractError(
            dataset, where, f"quantile {value} is outside 0 to 1", "Write 0.95 for the 95th percentile."
        )
    if measure.kind == "top" and not (isinstance(value, int) and 1 <= value <= _MOST_LISTED):
        raise ContractError(
            dataset, where, f"lists {value!r} values", f"Write a whole number from 1 to {_MOST_LISTED:,}."
        )


def _check_texts(dataset: str, where: str, measure: Aggregate) -> None:
    given = {"where": measure.where}
    if measure.kind == "sql":
        given |= {"expression": measure.expression, "sql_type": measure.sql_type}
    for field, value in given.items():
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise ContractError(dataset, where, f"`{field}` is {value!r}", 'Write SQL as text: "amount > 0".')
