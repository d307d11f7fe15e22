"""Checks of one's own: a polars expression, a Python function per value, a pandas function per chunk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pandera.polars as pa
import polars as pl
import pytest
from pandera.api.checks import Check
from pandera.errors import SchemaInitError

from pipeline.contract import Dataset, checks


def _answers(check: Check, values: list[Any], dtype: Any = None) -> list[bool]:
    frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype)})
    found: list[bool] = check(frame.lazy(), "x").check_output.collect().to_series().to_list()
    return found


def _even(value: int) -> bool:
    return value % 2 == 0


MAKERS: dict[str, Check] = {
    "expression": checks.expression("even", lambda value: value % 2 == 0, "{value} is odd"),
    "python": checks.python("even", _even, "{value} is odd"),
    "pandas": checks.pandas("even", lambda values: values % 2 == 0, "{value} is odd"),
}


@pytest.mark.parametrize("how", MAKERS)
def test_values_are_judged_in_their_place_and_nulls_pass(how: str) -> None:
    assert _answers(MAKERS[how], [2, None, 3, 4, 3], pl.Int64) == [True, True, False, True, False]
    assert _answers(MAKERS[how], [None, None], pl.Int64) == [True, True]
    assert _answers(MAKERS[how], [], pl.Int64) == []


@pytest.mark.parametrize("how", MAKERS)
def test_a_field_takes_it_with_its_own_options(how: str) -> None:
    (check,) = pa.Field(check=MAKERS[how], raise_warning=True).checks
    assert (check.name, check.error, check.raise_warning) == ("even", "{value} is odd", True)
    assert MAKERS[how].raise_warning is False


def test_a_python_function_is_asked_once_for_each_value() -> None:
    asked: list[str] = []

    def known(text: str) -> bool:
        asked.append(text)
        return text == "a"

    assert _answers(checks.python("known", known, "no"), ["a", "b", "a", None, "b"]) == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert sorted(asked) == ["a", "b"]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["a"], pl.String),
        ([1], pl.Int16),
        ([1.5], pl.Float64),
        ([True], pl.Boolean),
        ([date(2024, 1, 31)], pl.Date),
        ([datetime(2024, 1, 31, 10)], pl.Datetime("us")),  # noqa: DTZ001
        ([Decimal("1.50")], pl.Decimal(18, 2)),
        (["a"], pl.Enum(["a", "b"])),
        (["a"], pl.Categorical()),
    ],
)
def test_a_python_function_sees_plain_python_values(values: list[Any], dtype: Any) -> None:
    seen: list[Any] = []
    check = checks.python("seen", lambda value: seen.append(value) is None, "no")
    assert _answers(check, [*values, None], dtype) == [True, True]
    assert [(type(value), value) for value in seen] == [(type(value), value) for value in values]


def test_what_a_python_function_returns_is_taken_as_true_or_false() -> None:
    assert _answers(checks.python("some", lambda text: text.strip(), "no"), ["a", " "]) == [True, False]


def test_a_pandas_function_sees_the_values_without_nulls() -> None:
    seen: list[pd.Series] = []

    def judge(values: pd.Series) -> list[bool]:
        seen.append(values)
        return [True] * len(values)

    assert _answers(checks.pandas("seen", judge, "no"), [1, None, 3], pl.Int64) == [True, True, True]
    assert (seen[0].tolist(), seen[0].index.tolist(), str(seen[0].dtype)) == ([1, 3], [0, 1], "int64")


@pytest.mark.parametrize(
    "answer", [lambda v: True, lambda v: v.sum() > 0, lambda v: v, lambda v: [True], lambda v: None]
)  # fmt: skip
def test_a_pandas_function_that_does_not_answer_for_each_row_says_so(answer: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"the function returned \d values? of type \w+ for 2 rows"):
        _answers(checks.pandas("odd", answer, "no"), [1, 2])


WRONG: dict[str, tuple[Callable[[], Check], str]] = {
    "a name of two words": (lambda: checks.python("two words", _even, "m"), "plain word"),
    "a name that is taken by Pandera": (lambda: checks.python("isin", _even, "m"), "exists already"),
    "a name that is taken here": (lambda: checks.expression("email", lambda v: v, "m"), "exists already"),
    "no function": (lambda: checks.pandas("odd", 5, "m"), "is no function"),  # type: ignore[arg-type]
    "no message": (lambda: checks.python("odd", _even, " "), "message is empty"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_declaration_says_what_is_wrong(what: str) -> None:
    make, cause = WRONG[what]
    with pytest.raises(ValueError, match=cause):
        make()


@pytest.mark.parametrize("given", [_even, (MAKERS["python"], MAKERS["pandas"]), [MAKERS["python"]]])
def test_a_field_takes_one_check(given: Any) -> None:
    with pytest.raises(SchemaInitError, match="takes one check"):
        pa.Field(check=given)


def _print(check: Check) -> str:
    body = {"__annotations__": {"x": int}, "x": pa.Field(check=check)}
    return Dataset("rows", schema=type("Row", (pa.DataFrameModel,), body)).fingerprint


def _more_than(limit: int) -> Callable[[int], bool]:
    return lambda value: value > limit


@pytest.mark.parametrize("maker", [checks.python, checks.pandas, checks.expression])
def test_the_fingerprint_knows_what_the_function_does(maker: Any) -> None:
    assert _print(maker("big", _more_than(1), "m")) == _print(maker("big", _more_than(1), "m"))
    assert _print(maker("big", _more_than(1), "m")) != _print(maker("big", _more_than(2), "m"))
    assert _print(maker("big", _more_than(1), "m")) != _print(maker("big", _more_than(1), "n"))
    assert _print(maker("big", _more_than(1), "m")) != _print(maker("large", _more_than(1), "m"))
