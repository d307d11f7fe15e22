"""Cleaners on the way of a file: what they refuse, and how much they changed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import ContractError, Dataset, clean
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


DECIMAL = Annotated[pl.Decimal, 6, 2]
SENTINELS = {
    "a whole number": (int, [-200], ("-200", "-200.0", " -200 ", "-2E2"), ("-201", "200")),
    "of a column of floats": (float, [-200], ("-200", "-200.0", "-2e2"), ("-200.5", "-20")),
    "a float": (float, [-9999.0], ("-9999", "-9999.00"), ("9999", "-9998.9")),
    "a float with a fraction": (float, [99.9], ("99.9", "99.90", "999e-1"), ("99.91",)),
    "of single precision": (pl.Float32, [99.9], ("99.9",), ("99.8",)),
    "in a column of decimals": (DECIMAL, [-99.9], ("-99.9", "-99.90"), ("-99.91",)),
    "a decimal": (DECIMAL, [Decimal("99.90")], ("99.9",), ("99.99",)),
    "too large for its column": (DECIMAL, [-99999.0], ("-99999", "-99999.00"), ("-9999.00",)),
    "too large for a small integer": (pl.Int8, [-200], ("-200",), ("-20",)),
    "several, beside words": (int, ["n/a", -1, 999], ("N/A", "-1", "999"), ("1", "99")),
    "written by people": (float, [-9999], (), ()),
}


@pytest.mark.parametrize("what", SENTINELS)
def test_a_number_that_stands_for_nothing_is_compared_by_value(settings: Settings, what: str) -> None:
    annotation, words, empty, kept = SENTINELS[what]
    cleaners: Any = clean.nulls(*words)
    if what == "written by people":
        cleaners, empty, kept = (
            [clean.number(decimal=",", thousands="."), cleaners],
            ("-9.999,0", "-9999"),
            ("9.999,0",),
        )
    staged = stage_text(settings, _file(*empty, *kept), _one(annotation, cleaners, nullable=True))
    rows = clean_rows(staged).sort("n")
    assert rows["x"].is_null().to_list() == [True] * len(empty) + [False] * len(kept)
    assert (counts(staged)[2], _changed(staged)[("x", "nulls")]) == (0, len(empty))


@pytest.mark.parametrize("dtype", [pl.Int32, pl.Float32, pl.Float64, pl.Decimal(10, 1)])
@pytest.mark.parametrize("annotation", [int, float, DECIMAL])
def test_it_is_null_in_typed_files_too(settings: Settings, annotation: Any, dtype: Any) -> None:
    frame = pl.DataFrame({"x": pl.Series([-200, 7], dtype=pl.Int64).cast(dtype), "n": [0, 1]})
    path = write_parquet(settings, frame)
    staged = stage(path, _one(annotation, clean.nulls(-200), nullable=True), settings)
    assert clean_rows(staged).sort("n")["x"].is_null().to_list() == [True, False]


def test_where_a_value_is_needed_it_is_missing_and_a_default_stands_in(settings: Settings) -> None:
    staged = stage_text(settings, _file("-1", "5"), _one(int, clean.nulls(-1)))
    assert [row["check_name"] for row in error_rows(staged)] == ["not_nullable"]
    staged = stage_text(settings, _file("-1", "5"), _one(int, clean.nulls(-1), default=0), "other.csv")
    assert clean_rows(staged).sort("n")["x"].to_list() == [0, 5]


def test_a_number_is_in_the_fingerprint_as_a_number_and_words_are_as_before() -> None:
    assert (
        clean.nulls(-200).fingerprint
        == clean.nulls(-200.0).fingerprint
        == clean.nulls(Decimal("-2E2")).fingerprint
    )
    assert clean.nulls(-200).fingerprint not in (
        clean.nulls("-200").fingerprint,
        clean.nulls(200).fingerprint,
    )
    assert clean.nulls("x").fingerprint == "nulls('x',)"


@pytest.mark.parametrize("word", [True, None, float("nan"), b"x", 1j])
def test_what_is_no_number_is_refused(word: Any) -> None:
    with pytest.raises(ValueError, match=r"clean\.nulls: words are "):
        clean.nulls(word)


@pytest.mark.parametrize("annotation", [str, date, bool])
def test_a_number_in_a_column_of_no_numbers_is_refused(annotation: Any) -> None:
    with pytest.raises(ContractError, match=r"-200 is a number.*Write it as a text"):
        _one(annotation, clean.nulls(-200))
