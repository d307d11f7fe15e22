"""Derived columns: what they give, which columns of a file they read, and wrong declarations."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from pipeline.contract import ContractError
from pipeline.contract.derive import (
    Derived,
    as_derived,
    check_derived,
    derived_text,
    derived_value,
    sources_of,
    split,
)

COLUMNS: dict[str, pl.DataType] = {
    "first": pl.String(),
    "last": pl.String(),
    "full": pl.String(),
    "price": pl.Float64(),
    "quantity": pl.Int64(),
    "total": pl.Float64(),
    "seen": pl.Datetime("us"),
    "day": pl.Date(),
}
TOTAL = pl.col("price") * pl.col("quantity")


def _parts(text: str | None, into: list[str], on: str = " ") -> list[str | None]:
    raw = pl.DataFrame({"x": [text]}, schema={"x": pl.String})
    return [derived_text(part, raw, {"x": "x"}).item() for part in split("x", into, on)]


@pytest.mark.parametrize(
    ("text", "on", "wanted"),
    [
        ("Ann Smith", " ", ["Ann", "Smith"]),
        (" Ann \t Marie\u00a0Smith ", " ", ["Ann", "Marie Smith"]),
        ("Ann", " ", ["Ann", None]),
        ("", " ", [None, None]),
        (None, " ", [None, None]),
        ("a, b, c", ",", ["a", "b, c"]),
        (",b", ",", [None, "b"]),
        ("a | b", " | ", ["a", "b"]),
        ("a.b", ".", ["a", "b"]),
    ],
)
def test_a_text_is_split(text: str | None, on: str, wanted: list[str | None]) -> None:
    assert _parts(text, ["first", "last"], on) == wanted


def test_a_text_is_split_into_more() -> None:
    assert _parts("a-b-c-d", ["first", "last", "full"], "-") == ["a", "b", "c-d"]


def test_a_column_of_the_file_is_found_by_a_forgiven_name() -> None:
    name = Derived("full", pl.concat_str("First Name", "last", separator=" "), source=True)
    assert name.reads == ("First Name", "last")
    assert sources_of(name, ["first-name", "LAST", "x"]) == {"First Name": "first-name", "last": "LAST"}
    assert sources_of(name, ["Last", "first_name", "last"]) == {"First Name": "first_name", "last": "last"}
    assert sources_of(name, ["LAST"]) is None


def test_the_text_of_several_columns_and_the_value_of_typed_ones() -> None:
    raw = pl.DataFrame({"first-name": ["Ann", None], "LAST": ["Lee", "Roe"]})
    name = Derived("full", pl.concat_str("First Name", "last", separator=" ", ignore_nulls=True), source=True)
    found = sources_of(name, raw.columns)
    assert found is not None
    made = derived_text(name, raw, found)
    assert (made.name, made.to_list()) == ("full", ["Ann Lee", "Roe"])
    typed = pl.DataFrame({"price": [1.5, None], "quantity": [2, 3]})
    value = derived_value(Derived("total", TOTAL), typed)
    assert (value.name, value.to_list()) == ("total", [3.0, None])


def test_a_column_with_a_name_like_a_pattern_is_read_as_a_name() -> None:
    part = split("x", ["first", "last"])[0]
    assert derived_text(part, pl.DataFrame({"^.*$": ["a b"]}), {"x": "^.*$"}).to_list() == ["a"]


def test_a_mapping_and_a_list_read_alike() -> None:
    (one,) = as_derived({"total": TOTAL})
    (other,) = as_derived([Derived("total", TOTAL)])
    assert one.fingerprint == other.fingerprint == ("total", TOTAL.meta.serialize(format="json"), False)
    assert one.fingerprint != Derived("total", pl.col("price")).fingerprint
    assert split("x", ["first", "last"])[0].fingerprint != split("y", ["first", "last"])[0].fingerprint
    assert split("x", ["first", "last"])[0].fingerprint != split("x", ["first", "last"], ",")[0].fingerprint


def test_what_is_right_passes() -> None:
    check_derived("rows", {"total": TOTAL, "full": pl.concat_str("first", "last")}, COLUMNS)
    check_derived("rows", [*split("Name", ["first", "last"]), Derived("total", pl.col("quantity"))], COLUMNS)
    check_derived("rows", {"day": pl.col("seen").dt.date(), "full": pl.col("day").dt.strftime("%Y")}, COLUMNS)
    check_derived(
        "rows", {"full": pl.lit("x"), "total": pl.col("price").map_elements(abs, pl.Float64)}, COLUMNS
    )
    check_derived("rows", [], COLUMNS)


WRONG: dict[str, tuple[Any, str, str, str]] = {
    # what is wrong: (derive=, field, cause holds, remedy holds)
    "an expression by itself": (TOTAL, "derive", "is ", "total"),
    "a list of expressions": ([TOTAL], "derive", "is ", "Derived"),
    "a mapping to texts": ({"total": "price"}, "derive", "'price'", "pl.col"),
    "a split that is not unpacked": ([split("x", ["first", "last"])], "derive", "is ", "*split"),
    "an unknown column": ({"sum": TOTAL}, "derive['sum']", "does not have", "`sum: str`"),
    "a column twice": ([Derived("total", TOTAL)] * 2, "derive['total']", "twice", "one of them"),
    "a sum over rows": ({"total": pl.col("price").sum()}, "derive['total']", "each row", "windows="),
    "a running sum": ({"total": pl.col("price").cum_sum()}, "derive['total']", "each row", "windows="),
    "a rank among rows": (
        {"quantity": pl.col("price").rank().cast(pl.Int64)},
        "derive['quantity']",
        "each row",
        "windows=",
    ),
    "a sum over a group": (
        {"total": pl.col("price").sum().over("seen")},
        "derive['total']",
        "each row",
        "windows=",
    ),
    "a conversion that may fail": (
        {"quantity": pl.col("first").cast(pl.Int64)},
        "derive['quantity']",
        "every value",
        "strict=False",
    ),
    "the row before": ({"total": pl.col("price").shift()}, "derive['total']", "each row", "windows="),
    "a column that is not there": ({"total": pl.col("cost")}, "derive['total']", "cost", "first, last"),
    "itself": ({"total": pl.col("total") + 1}, "derive['total']", "not there yet", "first"),
    "one that comes later": (
        {"total": pl.col("price") + pl.col("quantity"), "price": pl.col("quantity") * 1.0},
        "derive['total']",
        "'price', which is not there yet",
        "first",
    ),
    "another type": (
        {"total": pl.col("first")},
        "derive['total']",
        "String, and the column is Float64",
        "cast",
    ),
    "several columns": ({"total": pl.col("price", "quantity")}, "derive['total']", "2 columns", "by itself"),
    "a number from the source": (
        [Derived("first", pl.col("Name").str.len_chars(), source=True)],
        "derive['first']",
        "UInt32",
        "cast(pl.String)",
    ),
    "a constant from the source": (
        [Derived("first", pl.lit("x"), source=True)],
        "derive['first']",
        "no column",
        "pl.col",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_declaration_is_refused(what: str) -> None:
    derive, where, cause, remedy = WRONG[what]
    with pytest.raises(ContractError) as caught:
        check_derived("rows", derive, COLUMNS)
    assert caught.value.field == where
    assert cause in caught.value.cause
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("into", ["first", ["first"], ["first", "first"]])
def test_a_split_into_nothing_to_tell_apart_is_refused(into: Any) -> None:
    with pytest.raises(ValueError, match="name two columns or more"):
        split("x", into)


def test_a_split_on_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="what stands between"):
        split("x", ["first", "last"], on="")


@pytest.mark.parametrize(
    "dtype",
    [
        *(
            pl.Int8(),
            pl.UInt64(),
            pl.Float32(),
            pl.Decimal(18, 2),
            pl.Boolean(),
            pl.Date(),
            pl.Time(),
            pl.Binary(),
        ),
        *(
            pl.Datetime("ms"),
            pl.Datetime("ns", "Europe/Berlin"),
            pl.Enum(["a"]),
            pl.Enum([]),
            pl.Categorical(),
        ),
    ],
)
def test_a_column_of_any_type_may_be_read(dtype: pl.DataType) -> None:
    check_derived("rows", {"copy": pl.col("x")}, {"x": dtype, "copy": dtype})
