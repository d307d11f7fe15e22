"""What an error row says of a value or a row that fails."""

# ruff: noqa: DTZ001  (moments are kept in UTC without zone)

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.config import ValidationDepth, config_context
from pandera.polars import PolarsData

from pipeline.contract import ContractError, Dataset, clean
from pipeline.ingest import stage
from pipeline.ingest.validate import ChunkValidator
from pipeline.settings import Settings
from pipeline_tests.ingest.support import (
    GOOD,
    as_csv,
    clean_rows,
    counts,
    error_rows,
    model,
    orders,
    stage_text,
    violations,
    write_parquet,
)


def _dataset(annotation: Any = str, **field: Any) -> Dataset:
    return Dataset("one", schema=model(x=(annotation, field), other=(str, {"nullable": True})))


def _messages(settings: Settings, dataset: Dataset, *values: str) -> list[str]:
    rows = [{"x": value, "other": "o"} for value in values]
    return [row["message"] for row in error_rows(stage_text(settings, as_csv(rows), dataset))]


def test_all_violations_of_a_row_are_reported(settings: Settings) -> None:
    staged = stage_text(settings, orders({"order_id": "0", "email": "x", "amount": "-1", "status": "lost"}))
    assert violations(staged) == [
        (1, "order_id", "greater_than_or_equal_to"),
        (1, "email", "email"),
        (1, "amount", "greater_than_or_equal_to"),
        (1, "status", "isin"),
    ]


def test_a_failed_cast_does_not_hide_the_other_columns(settings: Settings) -> None:
    staged = stage_text(settings, orders({"amount": "many", "status": "lost"}))
    assert violations(staged) == [(1, "amount", "cast"), (1, "status", "isin")]


def test_a_failed_cast_is_not_also_a_missing_value(settings: Settings) -> None:
    assert violations(stage_text(settings, orders({"ordered_at": "soon"}))) == [(1, "ordered_at", "cast")]


def test_a_missing_value_is_one_violation_and_fails_no_check(settings: Settings) -> None:
    assert violations(stage_text(settings, orders({"amount": ""}))) == [(1, "amount", "not_nullable")]


def test_a_row_with_two_violations_is_one_rejected_row(settings: Settings) -> None:
    staged = stage_text(settings, orders({"amount": "-1", "status": "lost"}, {}))
    assert (counts(staged), staged.manifest.violations) == ((2, 1, 1, 0), 2)


def test_the_value_is_the_source_text_before_cleaning(settings: Settings) -> None:
    (row,) = error_rows(stage_text(settings, orders({"email": "  NOBODY "})))
    assert (row["value"], row["message"]) == ("  NOBODY ", "'  NOBODY ' is not an e-mail address")


def test_the_record_is_the_source_row_under_the_names_of_the_file(settings: Settings) -> None:
    text = "Order ID,E-Mail,email,Amount,Order Date,status\n7,x,NOBODY,5,2024-01-31,open\n"
    (row,) = error_rows(stage_text(settings, text))
    assert row["record"] == {
        "Order ID": "7",
        "E-Mail": "x",
        "email": "NOBODY",
        "Amount": "5",
        "Order Date": "2024-01-31",
        "status": "open",
    }


def test_an_empty_value_is_said_to_be_required(settings: Settings) -> None:
    (row,) = error_rows(stage_text(settings, orders({"status": ""})))
    assert (row["value"], row["message"], row["record"]["status"]) == (None, "a value is required", None)


def test_row_numbers_count_records_and_lines_are_physical(settings: Settings) -> None:
    text = orders({"note": "two\nlines"}, {"amount": "x"}, {"note": "a\nb\nc"}, {"amount": "y"})
    assert [(row["_row"], row["line"]) for row in error_rows(stage_text(settings, text))] == [(2, 4), (4, 8)]


def test_error_rows_are_in_the_order_of_the_rows(settings: Settings) -> None:
    staged = stage_text(settings, orders({"status": "x"}, {"amount": "x"}, {"order_id": "x"}))
    assert [row["_row"] for row in error_rows(staged)] == [1, 2, 3]


def test_a_record_that_cannot_be_read_is_an_error_row_and_counted(settings: Settings) -> None:
    text = (
        orders({}, {}, {}) + "9,a@b.de,1,2024-01-31,open,,one,too,many\n" + "10,a@b.de,1,2024-01-31,open,\n"
    )
    staged = stage_text(settings, text)
    (row,) = error_rows(staged)
    assert (row["_row"], row["column_name"], row["line"]) == (4, None, 5)
    assert "9,a@b.de" in row["record"]["_raw"]
    assert row["record"]["_fields"][-2:] == ["too", "many"]
    assert counts(staged) == (5, 4, 1, 0)


def test_every_row_may_be_bad(settings: Settings) -> None:
    staged = stage_text(settings, orders({"amount": "x"}, {"amount": "y"}))
    assert (counts(staged), staged.manifest.clean_files) == ((2, 0, 2, 0), ())


def test_no_row_may_be_bad(settings: Settings) -> None:
    staged = stage_text(settings, orders({}, {}))
    assert (counts(staged), staged.manifest.error_files) == ((2, 2, 0, 0), ())


MESSAGES: dict[str, tuple[Dataset, str, str]] = {
    "ge": (_dataset(int, ge=3), "2", "2 is less than 3"),
    "gt": (_dataset(int, gt=3), "3", "3 is not greater than 3"),
    "le": (_dataset(int, le=3), "4", "4 is more than 3"),
    "in_range": (_dataset(int, in_range={"min_value": 1, "max_value": 3}), "4", "4 is not between 1 and 3"),
    "isin": (_dataset(isin=["a", "b"]), "c", "'c' is not one of a, b"),
    "isin of a set, in order": (_dataset(isin={"b", "c", "a"}), "d", "'d' is not one of a, b, c"),
    "isin with braces": (_dataset(isin=["{value}", "{x}"]), "c", "'c' is not one of {value}, {x}"),
    "a value with braces": (_dataset(isin=["a"]), "{value}{0}", "'{value}{0}' is not one of a"),
    "str_matches": (_dataset(str_matches=r"^\d{3}$"), "12", r"'12' does not match ^\d{3}$"),
    "str_startswith": (_dataset(str_startswith="A"), "b", "'b' does not start with A"),
    "str_length at most": (
        _dataset(str_length={"max_value": 3}),
        "long",
        "'long' is not at most 3 characters long",
    ),
    "str_length at least": (
        _dataset(str_length={"min_value": 3}),
        "ab",
        "'ab' is not at least 3 characters long",
    ),
    "str_length between": (
        _dataset(str_length={"min_value": 2, "max_value": 3}),
        "a",
        "'a' is not 2 to 3 characters long",
    ),
    "str_length exactly": (_dataset(str_length=3), "ab", "'ab' is not 3 characters long"),
    "a check without words of its own": (_dataset(int, eq=5), "4", "'4' fails the check equal_to(5)"),
    "a cast to a whole number": (_dataset(int), "5.5", "'5.5' is not a whole number"),
    "a cast to a time that does not exist": (
        Dataset("one", schema=model(x=datetime), timezone="Europe/Berlin"),
        "2024-03-31 02:30:00",
        "'2024-03-31 02:30:00' is not a time (YYYY-MM-DD HH:MM:SS) that exists in Europe/Berlin",
    ),
    "a cast to a category": (_dataset(pl.Enum(["a", "{value}"])), "c", "'c' is not one of a, {value}"),
    "a cast to a time of day": (_dataset(time), "25:00", "'25:00' is not a time of day (HH:MM:SS)"),
    "a cast to true or false": (_dataset(bool), "ja", "'ja' is not true or false"),
}


@pytest.mark.parametrize("what", MESSAGES)
def test_the_message_says_in_words_what_is_wrong(settings: Settings, what: str) -> None:
    dataset, value, message = MESSAGES[what]
    assert _messages(settings, dataset, value) == [message]


def test_a_long_list_of_allowed_values_is_cut(settings: Settings) -> None:
    (message,) = _messages(settings, _dataset(isin=[str(n) for n in range(20)]), "x")
    assert message.endswith("10, 11 and 8 more")


def test_a_null_passes_the_checks_of_a_nullable_column(settings: Settings) -> None:
    staged = stage_text(settings, as_csv([{"x": "", "other": "o"}]), _dataset(isin=["a"], nullable=True))
    assert counts(staged) == (1, 1, 0, 0)


def test_times_and_categories_are_staged_in_their_types(settings: Settings) -> None:
    dataset = Dataset("kinds", schema=model(t=time, e=pl.Enum(["a", "b"]), c=pl.Categorical))
    staged = stage_text(settings, "t,e,c\n10:00,a,x\n11:00,b,y\n", dataset)
    assert clean_rows(staged).select("t", "e", "c").rows() == [(time(10), "a", "x"), (time(11), "b", "y")]


class Ruled(pa.DataFrameModel):
    low: int
    high: int
    word: str = pa.Field(nullable=True)

    @pa.check("word", error="'{value}' shouts")
    def quiet(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key).str.to_uppercase() != pl.col(data.key))

    @pa.dataframe_check(error="low is above high")
    def in_order(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("low") <= pl.col("high"))

    @pa.dataframe_check
    def not_both_zero(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select((pl.col("low") != 0) | (pl.col("high") != 0))


RULED = Dataset("ruled", schema=Ruled)


def test_a_check_of_ones_own_speaks_in_its_own_words(settings: Settings) -> None:
    staged = stage_text(settings, "low,high,word\n1,2,loud\n1,2,LOUD\n", RULED)
    (row,) = error_rows(staged)
    assert (row["_row"], row["column_name"], row["check_name"]) == (2, "word", "quiet")
    assert row["message"] == "'LOUD' shouts"


def test_a_rule_over_the_row_names_the_rule_and_no_column(settings: Settings) -> None:
    staged = stage_text(settings, "low,high,word\n1,2,\n3,2,\n0,0,\n", RULED)
    assert violations(staged) == [(2, None, "in_order"), (3, None, "not_both_zero")]
    assert [row["message"] for row in error_rows(staged)] == [
        "low is above high",
        "the row fails the rule not_both_zero",
    ]


def test_a_rule_over_the_row_says_nothing_of_a_value_that_is_not_there(settings: Settings) -> None:
    assert violations(stage_text(settings, "low,high,word\nx,2,\n", RULED)) == [(1, "low", "cast")]


def test_a_check_that_breaks_is_a_mistake_in_the_contract(settings: Settings) -> None:
    class Broken(pa.DataFrameModel):
        a: int

        @pa.check("a")
        def breaks(cls, data: PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(pl.col("no such column"))

    with pytest.raises(ContractError, match=r"'broken'.*check.*'a'"):
        stage_text(settings, "a\n1\n", Dataset("broken", schema=Broken))


def test_a_check_that_answers_for_the_whole_column_is_a_mistake_in_the_contract(settings: Settings) -> None:
    class Whole(pa.DataFrameModel):
        a: int

        @pa.check("a")
        def all_small(cls, data: PolarsData) -> bool:
            return False

    with pytest.raises(ContractError, match="gives no answer for each row"):
        stage_text(settings, "a\n1\n", Dataset("whole", schema=Whole))


def test_a_check_that_only_warns_leaves_the_row_and_notes_it(settings: Settings) -> None:
    staged = stage_text(settings, as_csv([{"x": "9", "other": "o"}]), _dataset(int, le=5, raise_warning=True))
    (row,) = error_rows(staged)
    assert (row["severity"], row["message"]) == ("warn", "9 is more than 5")
    assert (counts(staged), staged.manifest.violations) == ((1, 1, 0, 0), 1)


def test_a_check_that_names_only_its_first_failures_still_finds_every_row(settings: Settings) -> None:
    class Brief(pa.DataFrameModel):
        a: int

        @pa.check("a", n_failure_cases=1)
        def positive(cls, data: PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(pl.col(data.key) > 0)

    assert counts(stage_text(settings, "a\n-1\n-2\n3\n", Dataset("brief", schema=Brief))) == (3, 1, 2, 0)


def test_two_checks_with_the_same_words_are_two_violations(settings: Settings) -> None:
    class Twice(pa.DataFrameModel):
        a: int

        @pa.check("a", error="too small")
        def positive(cls, data: PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(pl.col(data.key) > 0)

        @pa.check("a", error="too small")
        def above_one(cls, data: PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(pl.col(data.key) > 1)

    staged = stage_text(settings, "a\n1\n0\n", Dataset("twice", schema=Twice))
    assert sorted(violations(staged)) == [(1, "a", "above_one"), (2, "a", "above_one"), (2, "a", "positive")]


def test_a_check_that_is_asked_value_by_value_names_the_rows(settings: Settings) -> None:
    class Single(pa.DataFrameModel):
        a: int

        @pa.check("a", element_wise=True)
        def positive(cls, value: int) -> bool:
            return value > 0

    assert violations(stage_text(settings, "a\n1\n-1\n", Dataset("single", schema=Single))) == [
        (2, "a", "positive")
    ]


@pytest.mark.parametrize(
    "off", [{"validation_enabled": False}, {"validation_depth": ValidationDepth.SCHEMA_ONLY}]
)
def test_rows_are_checked_even_where_pandera_is_switched_off(off: dict[str, Any]) -> None:
    typed = pl.DataFrame({"x": [9], "other": ["o"]})
    with config_context(**off):
        (finding,) = ChunkValidator(_dataset(int, le=5)).findings(typed)
    assert (finding.column, finding.rows.to_list()) == ("x", [0])


def test_a_contract_that_asks_to_drop_bad_rows_still_accounts_for_them(settings: Settings) -> None:
    class Dropping(pa.DataFrameModel):
        a: int = pa.Field(ge=0)

        class Config:
            drop_invalid_rows = True

    assert counts(stage_text(settings, "a\n1\n-1\n", Dataset("dropping", schema=Dropping))) == (2, 1, 1, 0)


def test_a_default_stands_in_for_a_missing_value_and_is_checked(settings: Settings) -> None:
    dataset = _dataset(int, default=7, le=8)
    staged = stage_text(settings, as_csv([{"x": "", "other": "o"}, {"x": "9", "other": "o"}]), dataset)
    assert (clean_rows(staged)["x"].to_list(), violations(staged)) == (
        [7],
        [(2, "x", "less_than_or_equal_to")],
    )


def test_a_default_does_not_hide_a_failed_cast(settings: Settings) -> None:
    staged = stage_text(settings, as_csv([{"x": "many", "other": "o"}]), _dataset(int, default=7))
    assert violations(staged) == [(1, "x", "cast")]


@pytest.mark.parametrize(
    ("annotation", "default"), [(str, "-"), (float, 0.5), (bool, False), (datetime, datetime(2024, 1, 1))]
)
def test_a_default_of_any_type_fills_a_missing_column(
    settings: Settings, annotation: Any, default: Any
) -> None:
    staged = stage_text(settings, "other\no\n", _dataset(annotation, default=default))
    assert clean_rows(staged)["x"].to_list() == [default]


def test_a_text_that_is_cleaned_to_nothing_is_null(settings: Settings) -> None:
    dataset = Dataset(
        "one", schema=model(x=(int, {"nullable": True}), y=str), clean={"x": clean.strip, "y": clean.strip}
    )
    staged = stage_text(settings, 'x,y\n"  ","  "\n', dataset)
    assert violations(staged) == [(1, "y", "not_nullable")]


def test_native_values_that_do_not_fit_are_shown_as_text(settings: Settings) -> None:
    frame = pl.DataFrame({"x": [5.5, 5.0, None], "other": [[1], [2], None]})
    staged = stage(write_parquet(settings, frame), _dataset(int), settings)
    assert [(row["value"], row["record"]) for row in error_rows(staged)] == [
        ("5.5", {"x": "5.5", "other": "[1]"}),
        (None, {"x": None, "other": None}),
    ]
    assert clean_rows(staged).select("x", "other").rows() == [(5, "[2]")]


def test_a_very_long_value_is_kept_whole_and_shown_short(settings: Settings) -> None:
    (row,) = error_rows(stage_text(settings, orders({"status": "x" * 5000})))
    assert len(row["value"]) == 5000
    assert len(row["message"]) < 1100


def test_a_good_order_is_good(settings: Settings) -> None:
    assert counts(stage_text(settings, as_csv([GOOD]))) == (1, 1, 0, 0)
