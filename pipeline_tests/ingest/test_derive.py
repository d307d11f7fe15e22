"""Derived columns on the way of a file."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import Dataset, Derived, clean, either, split
from pipeline.files import UnreadableFile
from pipeline.ingest import stage
from pipeline.settings import Settings
from pipeline_tests.ingest.support import (
    clean_rows,
    counts,
    error_rows,
    model,
    stage_text,
    violations,
    write_parquet,
)


class Person(pa.DataFrameModel):
    id: int
    first: str
    last: str = pa.Field(nullable=True)


PEOPLE = Dataset(
    "people", schema=Person, derive=split("Full Name", into=["first", "last"]), clean={"first": clean.upper}
)


class Line(pa.DataFrameModel):
    price: Annotated[pl.Decimal, 18, 2]
    quantity: int
    total: Annotated[pl.Decimal, 18, 2] = pa.Field(ge=0)
    double: Annotated[pl.Decimal, 18, 2]


LINES = Dataset(
    "lines",
    schema=Line,
    derive={
        "total": pl.col("price") * pl.col("quantity"),
        "double": pl.col("total") * 2,
    },
)


def test_a_column_of_the_file_in_parts_is_cleaned_and_is_not_unknown(settings: Settings) -> None:
    staged = stage_text(settings, "id,full_name,Place\n1,Ann Marie Smith,Rome\n2,Bob,\n", PEOPLE)
    rows = clean_rows(staged)
    assert rows.select("first", "last").rows() == [("ANN", "Marie Smith"), ("BOB", None)]
    assert rows["_rescued"].to_list() == ['{"Place":"Rome"}', None]


def test_a_derived_value_that_is_missing_is_rejected_with_the_source_record(settings: Settings) -> None:
    (row,) = error_rows(stage_text(settings, "id,Full Name\n1,\n", PEOPLE))
    assert (row["column_name"], row["check_name"], row["value"]) == ("first", "not_nullable", None)
    assert row["record"] == {"id": "1", "Full Name": None}


def test_a_column_of_the_name_of_a_derived_one_is_rescued(settings: Settings) -> None:
    staged = stage_text(settings, "id,first,Full Name\n1,Zed,Ann Smith\n", PEOPLE)
    assert clean_rows(staged).select("first", "_rescued").rows() == [("ANN", '{"first":"Zed"}')]


def test_a_derivation_may_read_the_column_of_its_own_name(settings: Settings) -> None:
    dataset = Dataset(
        "one", schema=model(x=int, n=int), derive=[Derived("x", pl.col("x").str.head(1), source=True)]
    )
    assert clean_rows(stage_text(settings, "x,n\n51,1\n", dataset)).select("x", "_rescued").rows() == [
        (5, None)
    ]


def test_a_file_without_what_a_required_column_is_made_of_is_refused(settings: Settings) -> None:
    with pytest.raises(UnreadableFile, match="'first' of dataset 'people' is made of 'Full Name'") as caught:
        stage_text(settings, "id,name\n1,Ann\n", PEOPLE)
    assert caught.value.code == "missing_column"


def test_a_nullable_column_may_lack_what_it_is_made_of(settings: Settings) -> None:
    dataset = Dataset(
        "one",
        schema=model(x=(str, {"nullable": True}), n=int),
        derive=[Derived("x", pl.concat_str("a", "b"), source=True)],
    )
    rows = clean_rows(stage_text(settings, "a,n\nx,1\n", dataset))
    assert rows.select("x", "_rescued").rows() == [(None, '{"a":"x"}')]


def test_native_columns_are_read_as_text(settings: Settings) -> None:
    dataset = Dataset(
        "one", schema=model(x=str), derive=[Derived("x", pl.col("A").str.pad_start(3, "0"), source=True)]
    )
    path = write_parquet(settings, pl.DataFrame({"a": [5, 17]}))
    assert clean_rows(stage(path, dataset, settings))["x"].to_list() == ["005", "017"]


@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_a_derivation_sees_a_column_that_a_part_of_the_file_lacks_as_empty(
    settings: Settings, chunk_rows: int
) -> None:
    small = settings.model_copy(update={"chunk_rows": chunk_rows})
    dataset = Dataset(
        "one",
        schema=model(x=str, n=int),
        derive=[Derived("x", pl.col("a").fill_null("-") + pl.col("b").fill_null("-"), source=True)],
    )
    staged = stage_text(small, '{"a":"A","b":"B","n":1}\n{"a":"A","n":2}\n', dataset, "rows.ndjson")
    assert clean_rows(staged)["x"].to_list() == ["AB", "A-"]


def test_columns_are_computed_from_typed_ones_and_from_each_other(settings: Settings) -> None:
    rows = clean_rows(stage_text(settings, "price,quantity\n1.50,3\n", LINES))
    assert rows.select("total", "double").rows() == [(Decimal("4.50"), Decimal("9.00"))]


def test_a_computed_value_is_checked_and_shown(settings: Settings) -> None:
    (row,) = error_rows(stage_text(settings, "price,quantity\n-1.50,3\n", LINES))
    assert (row["column_name"], row["check_name"], row["value"]) == (
        "total",
        "greater_than_or_equal_to",
        "-4.50",
    )


def test_what_is_computed_from_an_unreadable_value_says_nothing_new(settings: Settings) -> None:
    staged = stage_text(settings, "price,quantity\nmany,3\n2.00,1\n", LINES)
    assert (violations(staged), counts(staged)) == ([(1, "price", "cast")], (2, 1, 1, 0))


def test_a_computed_value_that_does_not_fit_its_column_is_rejected(settings: Settings) -> None:
    dataset = Dataset("one", schema=model(n=float, half=int), derive={"half": pl.col("n") / 2})
    staged = stage_text(settings, "n\n4\n5\n", dataset)
    assert violations(staged) == [(2, "half", "cast")]
    assert [row["value"] for row in error_rows(staged)] == ["2.5"]


def test_the_filter_and_the_rules_see_computed_columns(settings: Settings) -> None:
    dataset = Dataset(
        "one",
        schema=model(n=int, m=(int, {"nullable": True}), twice=int),
        derive={"twice": pl.col("n") * 2},
        keep=pl.col("twice") > 2,
        rules=[either("m", name="m_given")],
    )
    staged = stage_text(settings, "n,m\n1,\n2,\n3,1\n", dataset)
    assert (violations(staged), counts(staged)) == ([(2, None, "m_given")], (3, 1, 1, 1))


def test_a_file_without_header_has_the_columns_that_are_not_derived(settings: Settings) -> None:
    staged = stage_text(settings, "1.50,3\n2.50,1\n4.00,2\n", LINES)
    assert clean_rows(staged)["total"].to_list() == [Decimal("4.50"), Decimal("2.50"), Decimal("8.00")]


WRONG: dict[str, Any] = {"price": pl.col("nowhere")}


def test_a_wrong_derivation_is_refused_when_the_dataset_is_loaded() -> None:
    with pytest.raises(ValueError, match=r"dataset 'lines', derive\['price'\]"):
        Dataset("lines", schema=Line, derive=WRONG)
