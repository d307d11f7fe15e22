"""The severity of each check is the dataset's to say."""

from __future__ import annotations

from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.polars import PolarsData

from pipeline.contract import Dataset, clean
from pipeline.files import UnreadableFile
from pipeline.settings import Settings
from pipeline_tests.ingest.support import counts, error_rows, model, stage_text

SCHEMA = model(
    amount=(float, {"ge": 0, "lt": 100}),
    mail=(str, {"email": True}),
    note=(str, {"isin": ["a"], "raise_warning": True}),
)
HEADER = "amount,mail,note\n"


def _dataset(severity: Any, **declared: Any) -> Dataset:
    return Dataset("rows", schema=SCHEMA, severity=severity, **declared)


def _found(settings: Settings, dataset: Dataset, text: str) -> list[tuple[str, str, str]]:
    staged = stage_text(settings, HEADER + text, dataset)
    return [(row["column_name"], row["check_name"], row["severity"]) for row in error_rows(staged)]


def test_one_check_of_a_column_warns_and_the_other_rejects(settings: Settings) -> None:
    dataset = _dataset({"amount": {"ge": "warn"}})
    assert _found(settings, dataset, "-1,a@b.de,a\n100,a@b.de,a\n") == [
        ("amount", "greater_than_or_equal_to", "warn"),
        ("amount", "less_than", "reject"),
    ]


def test_a_check_goes_by_the_name_that_error_rows_give_it_too(settings: Settings) -> None:
    dataset = _dataset({"amount": {"greater_than_or_equal_to": "warn"}})
    assert counts(stage_text(settings, HEADER + "-1,a@b.de,a\n", dataset)) == (1, 1, 0, 0)


def test_a_column_warns_for_its_values_and_still_rejects_what_cannot_be_had(settings: Settings) -> None:
    dataset = _dataset({"amount": "warn"})
    assert _found(settings, dataset, "-1,a@b.de,a\nx,a@b.de,a\n,a@b.de,a\n") == [
        ("amount", "greater_than_or_equal_to", "warn"),
        ("amount", "cast", "reject"),
        ("amount", "not_nullable", "reject"),
    ]


def test_what_the_dataset_says_goes_before_what_the_field_says(settings: Settings) -> None:
    assert _found(settings, _dataset({}), "1,a@b.de,x\n") == [("note", "isin", "warn")]
    assert _found(settings, _dataset({"note": "reject"}), "1,a@b.de,x\n") == [("note", "isin", "reject")]


@pytest.mark.parametrize(
    ("severity", "line", "said"),
    [
        ({"mail": "quarantine"}, "1,ann,a", "'ann' is not an e-mail address (check 'email' of 'mail')"),
        (
            {"mail": {"not_nullable": "quarantine"}},
            "1,,a",
            "a value is required (check 'not_nullable' of 'mail')",
        ),
        ({"amount": {"cast": "quarantine"}}, "x,a@b.de,a", "'x' is not a number (check 'cast' of 'amount')"),
        (
            {"amount": "quarantine"},
            "-1,a@b.de,a",
            "-1 is less than 0 (check 'greater_than_or_equal_to' of 'amount')",
        ),
    ],
    ids=["a check", "a missing value", "a cast", "a column"],
)
def test_one_bad_value_refuses_the_file(settings: Settings, severity: Any, line: str, said: str) -> None:
    text = f"{HEADER}1,a@b.de,a\n{line}\n{line}\n"
    with pytest.raises(UnreadableFile) as caught:
        stage_text(settings, text, _dataset(severity))
    assert caught.value.code == "refused_by_rule"
    assert caught.value.cause == f"{said}, first in row 2 (line 3), in 2 rows"


def test_the_reason_does_not_quote_a_value_that_is_hidden(settings: Settings) -> None:
    dataset = _dataset({"mail": "quarantine"}, clean={"mail": clean.mask(0)})
    with pytest.raises(UnreadableFile) as caught:
        stage_text(settings, HEADER + "1,bobbington,a\n", dataset)
    assert "'**********' is not an e-mail address" in caught.value.cause


def test_what_a_cleaner_refuses_may_quarantine_and_never_warns(settings: Settings) -> None:
    schema = model(day=pl.Date)
    for severity, found in (("warn", "reject"), ("reject", "reject")):
        dataset = Dataset(
            "rows", schema=schema, clean={"day": clean.date("auto")}, severity={"day": severity}
        )
        staged = stage_text(settings, "day\n01/02/2024\n", dataset)
        assert {(row["check_name"], row["severity"]) for row in error_rows(staged)} == {("date", found)}
    dataset = Dataset(
        "rows", schema=schema, clean={"day": clean.date("auto")}, severity={"day": {"date": "quarantine"}}
    )
    with pytest.raises(UnreadableFile, match="check 'date' of 'day'"):
        stage_text(settings, "day\n01/02/2024\n", dataset)


class Order(pa.DataFrameModel):
    net: float
    gross: float

    @pa.dataframe_check
    def adds_up(cls, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("gross") >= pl.col("net"))


def test_a_check_of_the_row_goes_by_its_name(settings: Settings) -> None:
    dataset = Dataset("rows", schema=Order, severity={"adds_up": "warn"})
    staged = stage_text(settings, "net,gross\n2,1\n", dataset)
    assert [row["severity"] for row in error_rows(staged)] == ["warn"]
