"""Checks of one's own on one column: a polars expression, a Python function per value, a pandas function per chunk.

What belongs here: making a Pandera check of a function, so that `pa.Field(check=…)` takes it. What does not: rules over several
columns (`rules`).
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import pandas as pd
import polars as pl
from pandera.api.checks import Check
from pandera.api.polars.types import PolarsData
from pandera.errors import SchemaInitError

from pipeline.contract.checks.values import on_distinct
from pipeline.contract.exact import Computed
from pipeline.contract.stable import FunctionDigest, stable_text
from pipeline.counts import counted


def expression(name: str, function: Callable[[pl.Expr], pl.Expr], message: str) -> Check:
    """A check from a polars expression; as fast as those that come with the package.

    Args:
        name: what it is called in error rows, lower case.
        function: the column as an expression → an expression that is true for good values, one per row. Null counts as good.
        message: what to tell a person; `{value}` stands for the source text.

    Raises:
        ValueError: the name, the function or the message is none.
    """
    return _check("expression", name, function, message, partial(_by_expression, function))


def python(name: str, function: Callable[[Any], bool], message: str) -> Check:
    """A check from a Python function of one value; slow: some hundred thousand distinct values a second at best.

    The function is asked once for each distinct value of a chunk, so its answer must depend on the value alone. It never sees
    null. `name`, `message` and errors as for `expression`.
    """
    return _check("python", name, function, message, partial(_by_value, function))


def pandas(name: str, function: Callable[[pd.Series], Any], message: str) -> Check:
    """A check from a pandas function of a chunk's column: Series → one true or false for each element, in order.

    The Series holds the chunk's values without nulls, numbered from 0. How many rows a chunk has is no part of the contract:
    the answer for a value must not depend on the others. `name`, `message` and errors as for `expression`.
    """
    return _check("pandas", name, function, message, partial(_by_pandas, function))


def _check(
    made_by: str, name: str, function: Any, message: str, run: Callable[[PolarsData], pl.LazyFrame]
) -> Check:
    where = f"checks.{made_by}({name!r})"
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"{where}: the name is no plain word: write lower-case letters, digits and _")
    if name in Check.CHECK_FUNCTION_REGISTRY or name in Check.REGISTERED_CUSTOM_CHECKS:
        raise ValueError(f"{where}: a check of this name exists already: choose another")
    if not callable(function):
        raise ValueError(f"{where}: {function!r} is no function: give it one")
    if not isinstance(message, str) or not message.strip():
        raise ValueError(f"{where}: the message is empty: say what is wrong with '{{value}}'")
    does = FunctionDigest(hashlib.sha256(stable_text(function).encode()).hexdigest()[:16], function)
    return Check(run, name=name, error=message, statistics={made_by: does})


def from_field(*given: Any, **options: Any) -> Check:
    """What `pa.Field(check=…)` calls: the check, with the options of the field.

    Raises:
        SchemaInitError: it is no check, or there are several.
    """
    if len(given) != 1 or not isinstance(given[0], Check):
        raise SchemaInitError(
            f"pa.Field(check={given!r}): it takes one check, made by checks.expression, checks.python or checks.pandas; "
            "write further ones as @pa.check methods of the model"
        )
    check = copy.copy(given[0])
    for name, value in options.items():
        setattr(check, name, value)
    return check


def _by_expression(function: Callable[[pl.Expr], pl.Expr], data: PolarsData) -> pl.LazyFrame:
    dtype = data.lazyframe.collect_schema()[data.key]
    good = function(pl.col(data.key)) if not dtype.is_decimal() else _exactly(function, data.key, dtype)
    return data.lazyframe.select(good.alias(data.key))


@lru_cache(maxsize=256)
def _exactly(function: Callable[[pl.Expr], pl.Expr], column: str, dtype: pl.DataType) -> pl.Expr:
    """The expression with all digits of decimals; a value by which it divides and that is zero is none that it knows as good."""
    given = function(pl.col(column))
    good = Computed(given, {column: dtype}).expression
    return good if good is given else good.fill_null(pl.col(column).is_null())


def _by_value(function: Callable[[Any], bool], data: PolarsData) -> pl.LazyFrame:
    return _by_series(lambda values: on_distinct(values, function), data)


def _by_pandas(function: Callable[[pd.Series], Any], data: PolarsData) -> pl.LazyFrame:
    def answers(values: pl.Series) -> pl.Series:
        present = values.is_not_null()
        kept = values.filter(present)
        if kept.is_empty():
            return pl.Series(values.name, [None], pl.Boolean).new_from_index(0, len(values))
        found = as_answers(function(kept.to_pandas()), len(kept))
        return (
            pl.Series(values.name, [None], pl.Boolean)
            .new_from_index(0, len(values))
            .scatter(present.arg_true(), found)
        )

    return _by_series(answers, data)


def _by_series(answers: Callable[[pl.Series], pl.Series], data: PolarsData) -> pl.LazyFrame:
    return data.lazyframe.select(pl.col(data.key).map_batches(answers, return_dtype=pl.Boolean))


def as_answers(given: Any, height: int) -> pl.Series:
    """What a pandas function returned as a Boolean column of `height` values.

    Raises:
        TypeError: it is something else.
    """
    found = pl.from_pandas(pd.Series(given))
    if found.dtype != pl.Boolean or len(found) != height:
        raise TypeError(
            f"the function returned {counted(len(found), 'value')} of type {found.dtype} for {counted(height, 'row')}"
        )
    return found
