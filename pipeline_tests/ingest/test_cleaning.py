"""Cleaners on the way of a file: what they refuse, and how much they changed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import Dataset, clean
from pipeline.ingest import CleanerCount, Staged, stage
from pipeline.settings import Settings
from pipeline_tests.ingest.support import (
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


def _one(annotation: Any, cleaners: Any, **field: Any) -> Dataset:
    return Dataset("one", schema=model(x=(annotation, field), n=int), clean={"x": cleaners})


def _file(*values: str) -> str:
    return as_csv([{"x": value, "n": str(number)} for number, value in enumerate(values)])


def _changed(staged: Staged) -> dict[tuple[str, str], int]:
    return {(one.column, one.cleaner): one.changed for one in staged.manifest.cleaned}


REFUSED = {
    "a table": (str, clean.map({"M": "male"}, other="reject"), ("M", "x"), "map"),
    "a number that cannot be meant": (
        float,
        clean.number(decimal=",", thousands="."),
        ("1,5", "12.5"),
        "number",
    ),
    "a date of unknown order": (date, clean.date("auto"), ("31.1.2024", "03/04/2024"), "date"),
    "and a later cleaner empties it": (
        str,
        [clean.map({"M": "male"}, other="reject"), clean.nulls("x")],
        ("M", "x"),
        "map",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_value_that_a_cleaner_calls_wrong_is_rejected_once_in_its_words(
    settings: Settings, what: str
) -> None:
    annotation, cleaners, (good, bad), name = REFUSED[what]
    staged = stage_text(settings, _file(good, bad, good), _one(annotation, cleaners))
    (row,) = error_rows(staged)
    assert (row["_row"], row["column_name"], row["check_name"], row["severity"]) == (2, "x", name, "reject")
    assert row["value"] == bad and bad in row["message"]
    assert counts(staged) == (3, 2, 1, 0)
    assert clean_rows(staged)["x"].null_count() == 0


def test_a_refused_value_gets_no_default(settings: Settings) -> None:
    dataset = _one(str, clean.map({"M": "male"}, other="reject"), default="male")
    staged = stage_text(settings, _file("x", "", "M"), dataset)
    assert violations(staged) == [(1, "x", "map")]
    assert clean_rows(staged)["x"].to_list() == ["male", "male"]


def test_refused_and_unreadable_values_of_one_column_are_told_apart(settings: Settings) -> None:
    dataset = _one(date, clean.date("auto"))
    staged = stage_text(settings, _file("03/04/2024", "soon", "2024-01-31", "31.1.2024"), dataset)
    assert violations(staged) == [(1, "x", "date"), (2, "x", "cast")]
    assert clean_rows(staged)["x"].to_list() == [date(2024, 1, 31)] * 2


def test_refused_rows_are_rejected_and_not_filtered(settings: Settings) -> None:
    dataset = Dataset(
        "one",
        schema=model(x=str, n=int),
        clean={"x": clean.map({"M": "male"}, other="reject")},
        keep=(pl.col("n") > 0) & pl.col("x").is_not_null(),
    )
    staged = stage_text(settings, _file("M", "M", "x", "M"), dataset)
    assert (violations(staged), counts(staged)) == ([(3, "x", "map")], (4, 2, 1, 1))


@pytest.mark.parametrize("chunk_rows", [1, 2, 100])
def test_how_many_values_each_cleaner_changed_is_added_up(settings: Settings, chunk_rows: int) -> None:
    small = settings.model_copy(update={"chunk_rows": chunk_rows})
    rows = [{"email": " A@b.de"}, {"email": "C@d.de", "amount": "1,000.50"}, {"note": " "}, {}]
    staged = stage_text(small, orders(*rows))
    assert staged.manifest.cleaned == (
        CleanerCount("email", "strip", 1),
        CleanerCount("email", "lower", 2),
        CleanerCount("amount", "number", 1),
        CleanerCount("note", "strip", 1),
    )


def test_a_column_that_the_file_lacks_counts_nothing(settings: Settings) -> None:
    dataset = _one(str, clean.strip, nullable=True)
    assert _changed(stage_text(settings, "n\n1\n", dataset)) == {("x", "strip"): 0}


def test_native_values_pass_by_cleaners_but_not_by_those_that_hide(settings: Settings) -> None:
    frame = pl.DataFrame({"x": [date(1984, 5, 6), None], "n": [1, 2]})
    plain = _one(date, clean.date("%d.%m.%Y"), nullable=True)
    hiding = _one(date, clean.redact("1900-01-01"), nullable=True)
    path = write_parquet(settings, frame)
    assert clean_rows(stage(path, plain, settings))["x"].to_list() == [date(1984, 5, 6), None]
    assert clean_rows(stage(path, hiding, settings))["x"].to_list() == [date(1900, 1, 1), None]


def test_numbers_that_were_numbers_are_not_read_as_people_write_them(settings: Settings) -> None:
    class Row(pa.DataFrameModel):
        x: str

    dataset = Dataset("one", schema=Row, clean={"x": clean.number(decimal=",", thousands=".")})
    numbers = write_parquet(settings, pl.DataFrame({"x": [1.234, 12.5]}), "numbers.parquet")
    texts = write_parquet(settings, pl.DataFrame({"x": ["1.234", "12,5"]}), "texts.parquet")
    categories = write_parquet(
        settings, pl.DataFrame({"x": pl.Series(["1.234"], dtype=pl.Categorical)}), "categories.parquet"
    )
    assert clean_rows(stage(numbers, dataset, settings))["x"].to_list() == ["1.234", "12.5"]
    assert clean_rows(stage(texts, dataset, settings))["x"].to_list() == ["1234", "12.5"]
    assert clean_rows(stage(categories, dataset, settings))["x"].to_list() == ["1234"]
