"""Rules over the columns of one row."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract import ContractError
from pipeline.contract.rules import SEVERITIES, Rule, check_rules, either, required_when

COLUMNS: dict[str, pl.DataType] = {
    "order_date": pl.Date(),
    "ship_date": pl.Date(),
    "status": pl.String(),
    "reason": pl.String(),
    "email": pl.String(),
    "phone": pl.String(),
    "amount": pl.Float64(),
}
SHIPPED = Rule("ship_after_order", pl.col("ship_date") >= pl.col("order_date"), message="shipped too early")


def broken(rule: Rule, *rows: dict[str, Any]) -> list[bool]:
    """Which rows break the rule."""
    check_rules("orders", [rule], COLUMNS)
    breaks = (~rule.good).fill_null(False)
    found: list[bool] = pl.DataFrame(list(rows), schema=COLUMNS).select(breaks).to_series().to_list()
    return found


def test_a_rule_is_broken_where_it_is_false_and_not_where_it_is_null() -> None:
    early, late = date(2024, 1, 1), date(2024, 2, 1)
    rows = [
        {"order_date": early, "ship_date": late},
        {"order_date": late, "ship_date": early},
        {"order_date": late, "ship_date": None},
        {"order_date": None, "ship_date": early},
    ]
    assert broken(SHIPPED, *rows) == [False, True, False, False]


def test_required_when() -> None:
    rule = required_when("reason", pl.col("status") == "cancelled")
    rows = [
        {"status": "cancelled", "reason": "late"},
        {"status": "cancelled", "reason": None},
        {"status": "open", "reason": None},
        {"status": None, "reason": None},
    ]
    assert broken(rule, *rows) == [False, True, False, False]
    assert (rule.name, rule.text, rule.concerns) == (
        "reason_required",
        "reason is required in this row",
        ("reason", "status"),
    )


def test_either() -> None:
    rule = either("email", "phone")
    rows = [{"email": "a", "phone": None}, {"email": None, "phone": "1"}, {"email": None, "phone": None}]
    assert broken(rule, *rows) == [False, False, True]
    assert (rule.name, rule.text, rule.concerns) == (
        "email_or_phone",
        "one of email, phone is required",
        ("email", "phone"),
    )


@given(
    st.lists(
        st.tuples(st.none() | st.text(max_size=1), st.none() | st.text(max_size=1)), min_size=1, max_size=20
    )
)
def test_either_and_required_when_are_never_unsure(pairs: list[tuple[str | None, str | None]]) -> None:
    rows = [{"email": email, "phone": phone} for email, phone in pairs]
    assert broken(either("email", "phone"), *rows) == [
        email is None and phone is None for email, phone in pairs
    ]
    rule = required_when("email", pl.col("phone").is_null())
    assert broken(rule, *rows) == [email is None and phone is None for email, phone in pairs]


def test_a_rule_in_pandas() -> None:
    seen: list[pd.DataFrame] = []

    def judge(rows: pd.DataFrame) -> pd.Series:
        seen.append(rows)
        return rows["amount"].isna() | (rows["amount"] > 0)

    rule = Rule.in_pandas("paid", ["amount", "status"], judge, "nothing was paid")
    assert broken(rule, {"amount": 1.0}, {"amount": -1.0}, {"amount": None}) == [False, True, False]
    assert list(seen[-1].columns) == ["amount", "status"]
    assert rule.concerns == ("amount", "status")


def test_a_rule_in_pandas_that_does_not_answer_for_each_row_says_so() -> None:
    rule = Rule.in_pandas("paid", ["amount"], lambda rows: rows["amount"].sum() > 0)
    with pytest.raises(TypeError, match="returned 1 value "):
        broken(rule, {"amount": 1.0}, {"amount": 2.0})


def test_a_rule_over_columns_by_pattern() -> None:
    rule = Rule("some", pl.any_horizontal(pl.col("email", "phone").is_not_null()), columns=["email", "phone"])
    assert broken(rule, {"email": "a"}, {"status": "open"}) == [False, True]


def test_a_rule_without_words_tells_its_name() -> None:
    assert Rule("a_before_b", pl.col("a") <= pl.col("b")).text == "the row breaks the rule a before b"


WRONG: dict[str, tuple[Any, str, str]] = {
    # what is wrong: (rule, cause holds, remedy holds)
    "it is no rule": (pl.col("amount") > 0, "rules: hold", "Rule("),
    "the name has capitals": (Rule("Paid", pl.col("amount") > 0), "'Paid'", "lower-case"),
    "the name is none": (Rule(None, pl.col("amount") > 0), "None", "lower-case"),  # type: ignore[arg-type]
    "it is true for ever": (Rule("paid", True), "True, no polars expression", "pl.col"),  # type: ignore[arg-type]
    "the severity is unknown": (Rule("paid", pl.col("amount") > 0, severity="bad"), "'bad'", "reject, warn"),  # type: ignore[arg-type]
    "the message asks for a value": (
        Rule("paid", pl.col("amount") > 0, "{value}"),
        "{value}",
        "several columns",
    ),
    "the message is none": (Rule("paid", pl.col("amount") > 0, None), "None", "Write a text"),  # type: ignore[arg-type]
    "a column is unknown": (Rule("paid", pl.col("sum") > 0), "'sum'", "It has: order_date"),
    "a column it concerns is unknown": (
        Rule("paid", pl.col("amount") > 0, columns=["sum"]),
        "'sum'",
        "It has",
    ),
    "either names an unknown column": (either("email", "fax"), "'fax'", "It has"),
    "it looks at nothing": (Rule("paid", pl.lit(True)), "one answer for all rows", "per row"),
    "types do not compare": (Rule("paid", pl.col("amount") > pl.col("status")), "does not work", "same type"),
    "it is a number": (
        Rule("paid", pl.col("amount") + 1),
        "gives Float64 for a row",
        "true or false per row",
    ),
    "it is about the whole chunk": (
        Rule("paid", pl.col("amount").sum() > 0),
        "one answer for all rows",
        "per row",
    ),
    "it is two": (
        Rule("paid", pl.col("email", "phone").is_not_null()),
        "Boolean, Boolean",
        "one true or false",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_rule_is_a_wrong_declaration(what: str) -> None:
    rule, cause, remedy = WRONG[what]
    with pytest.raises(ContractError) as caught:
        check_rules("orders", [rule], COLUMNS)
    assert "'orders'" in str(caught.value)
    assert cause in str(caught.value)
    assert remedy in str(caught.value)


def test_two_rules_of_one_name_are_a_wrong_declaration() -> None:
    with pytest.raises(ContractError, match="twice"):
        check_rules("orders", [SHIPPED, SHIPPED], COLUMNS)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_every_severity_may_be_declared(severity: Any) -> None:
    check_rules("orders", [either("email", "phone", severity=severity)], COLUMNS)


def _print(**change: Any) -> str:
    given: dict[str, Any] = {"name": "paid", "good": pl.col("amount") > 0, "message": "m"}
    return Rule(**given | change).fingerprint


def test_the_fingerprint_changes_with_what_the_rule_does_and_says() -> None:
    changes: list[dict[str, Any]] = [
        {"name": "payed"},
        {"good": pl.col("amount") > 1},
        {"message": "n"},
        {"severity": "warn"},
        {"good": pl.col("amount").is_in([*range(50), 999])},
        {"good": pl.col("amount").is_in([*range(50), 998])},
    ]
    assert _print() == _print()
    assert len({_print(), *(_print(**change) for change in changes)}) == len(changes) + 1


def test_the_fingerprint_knows_a_pandas_function() -> None:
    def at_least(limit: int) -> Rule:
        return Rule.in_pandas("paid", ["amount"], lambda rows: rows["amount"] >= limit)

    assert at_least(1).fingerprint == at_least(1).fingerprint
    assert at_least(1).fingerprint != at_least(2).fingerprint
