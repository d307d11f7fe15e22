"""Casts are exact or refused."""

# ruff: noqa: DTZ001  (moments are kept in UTC without zone)

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ingest.casts import CastMemory, as_text, cast, failed

REFUSED = object()
MONEY = pl.Decimal(18, 2)
MOMENT = pl.Datetime("us")
BERLIN = "Europe/Berlin"


def _cast(values: pl.Series, dtype: pl.DataType, zone: str = "UTC") -> list[Any]:
    before = values.to_list()
    result = cast(values, dtype, zone, CastMemory())
    wrong = set(failed(values, result))
    assert result.dtype == dtype
    assert (result.name, len(result)) == (values.name, len(values))
    assert str(values.to_list()) == str(before), "the cast changed its input"
    return [REFUSED if row in wrong else value for row, value in enumerate(result)]


def _text(text: str | None, dtype: pl.DataType, zone: str = "UTC") -> Any:
    return _cast(pl.Series("v", [text], pl.String), dtype, zone)[0]


TEXTS: list[tuple[pl.DataType, str, Any]] = [
    (pl.Int64(), "17850.0", 17850),
    (pl.Int64(), "5.000", 5),
    (pl.Int64(), " 5 ", 5),
    (pl.Int64(), " 5.0 ", 5),
    (pl.Int64(), "+7", 7),
    (pl.Int64(), "-0", 0),
    (pl.Int64(), "007", 7),
    (pl.Int64(), "5.5", REFUSED),
    (pl.Int64(), "0x10", REFUSED),
    (pl.Int64(), "1_000", REFUSED),
    (pl.Int64(), "٥", REFUSED),
    (pl.Int64(), "", REFUSED),
    (pl.Int64(), "9223372036854775807", 9223372036854775807),
    (pl.Int64(), "9223372036854775808", REFUSED),
    (pl.UInt8(), "255.0", 255),
    (pl.UInt8(), "256", REFUSED),
    (pl.UInt8(), "-1", REFUSED),
    (MONEY, "12.34", Decimal("12.34")),
    (MONEY, "12.340", Decimal("12.34")),
    (MONEY, "12.345", REFUSED),
    (MONEY, "0.005", REFUSED),
    (MONEY, "0.001", REFUSED),
    (MONEY, "1e3", Decimal(1000)),
    (MONEY, "1.5E2", Decimal(150)),
    (MONEY, "1e-3", REFUSED),
    (MONEY, "1e400", REFUSED),
    (MONEY, " 5.5 ", Decimal("5.50")),
    (MONEY, "-.5", Decimal("-0.50")),
    (MONEY, "5.", Decimal(5)),
    (MONEY, "9999999999999999.99", Decimal("9999999999999999.99")),
    (MONEY, "10000000000000000", REFUSED),
    (MONEY, "9999999999999999.999", REFUSED),
    (MONEY, "1_0.120", REFUSED),
    (MONEY, "٥.٥٠", REFUSED),
    (MONEY, "nan", REFUSED),
    (MONEY, "inf", REFUSED),
    (MONEY, "1,5", REFUSED),
    (MONEY, "", REFUSED),
    (pl.Decimal(38, 2), "123456789012345678901234567890.120", Decimal("123456789012345678901234567890.12")),
    (pl.Decimal(5, 0), "-12.0", Decimal(-12)),
    (pl.Decimal(5, 0), "-12.3", REFUSED),
    (pl.Float64(), "1e5", 100000.0),
    (pl.Float64(), " 2.5 ", 2.5),
    (pl.Float64(), "NaN", None),
    (pl.Float64(), " nan ", None),
    (pl.Float64(), "-inf", float("-inf")),
    (pl.Float64(), "1.2.3", REFUSED),
    (pl.Boolean(), "TRUE", True),
    (pl.Boolean(), "yes", True),
    (pl.Boolean(), " t ", True),
    (pl.Boolean(), "1", True),
    (pl.Boolean(), "N", False),
    (pl.Boolean(), "0", False),
    (pl.Boolean(), "2", REFUSED),
    (pl.Boolean(), "ja", REFUSED),
    (pl.Date(), "2024-02-29", date(2024, 2, 29)),
    (pl.Date(), "2024/2/9", date(2024, 2, 9)),
    (pl.Date(), "20240131", date(2024, 1, 31)),
    (pl.Date(), "2024-01-31T00:00:00", date(2024, 1, 31)),
    (pl.Date(), "0824-01-31", date(824, 1, 31)),
    (pl.Date(), "2024-01-31 05:00:00", REFUSED),
    (pl.Date(), "2024-02-30", REFUSED),
    (pl.Date(), "0000-01-01", REFUSED),
    (pl.Date(), "12/01/24", REFUSED),
    (pl.Date(), "01-02-24", REFUSED),
    (pl.Date(), "2024111", REFUSED),
    (pl.Date(), "31.01.2024", REFUSED),
    (MOMENT, "2024-01-31 10:00:00", datetime(2024, 1, 31, 10)),
    (MOMENT, "2024-01-31T10:00:00", datetime(2024, 1, 31, 10)),
    (MOMENT, "2024-01-31 10:00", datetime(2024, 1, 31, 10)),
    (MOMENT, "2024/01/31 10:00", datetime(2024, 1, 31, 10)),
    (MOMENT, "2024-01-31", datetime(2024, 1, 31)),
    (MOMENT, "20240131", datetime(2024, 1, 31)),
    (MOMENT, "2024-01-31T10:00:00.5", datetime(2024, 1, 31, 10, 0, 0, 500000)),
    (MOMENT, "2024-01-31T10:00:00.123456", datetime(2024, 1, 31, 10, 0, 0, 123456)),
    (MOMENT, "2024-01-31T10:00:00Z", datetime(2024, 1, 31, 10)),
    (MOMENT, "2024-01-31T10:00Z", datetime(2024, 1, 31, 10)),
    (MOMENT, "2024-01-31T10:00:00.250Z", datetime(2024, 1, 31, 10, 0, 0, 250000)),
    (MOMENT, "2024-01-31T10:00:00+02:00", datetime(2024, 1, 31, 8)),
    (MOMENT, "2024-01-31 10:00:00-0530", datetime(2024, 1, 31, 15, 30)),
    (MOMENT, "2024-01-31 10:00:00 +02:00", datetime(2024, 1, 31, 8)),
    (MOMENT, " 2024-01-31 10:00:00 ", datetime(2024, 1, 31, 10)),
    (MOMENT, "9999-12-31 23:59:59", datetime(9999, 12, 31, 23, 59, 59)),
    (MOMENT, "+10000-01-01 00:00:00", REFUSED),
    (MOMENT, "0000-01-01", REFUSED),
    (MOMENT, "2024-01-31 10", REFUSED),
    (MOMENT, "2024-02-30 10:00:00", REFUSED),
    (MOMENT, "2024-01-31 25:00:00", REFUSED),
    (MOMENT, "2024-01-31 10:00 PM", REFUSED),
    (MOMENT, "24-01-31 10:00:00", REFUSED),
    (MOMENT, "12/01/24 10:00", REFUSED),
    (MOMENT, "1706695200", REFUSED),
    (MOMENT, "yesterday", REFUSED),
    (MOMENT, "", REFUSED),
    (pl.Time(), "10:05", time(10, 5)),
    (pl.Time(), "10:05:06.5", time(10, 5, 6, 500000)),
    (pl.Time(), "25:00", REFUSED),
    (pl.Enum(["a", "b"]), "a", "a"),
    (pl.Enum(["a", "b"]), " b ", "b"),
    (pl.Enum(["a", "b"]), "c", REFUSED),
    (pl.Categorical(), "anything", "anything"),
    (pl.String(), " as it is ", " as it is "),
    (pl.List(pl.Int64), "[1]", REFUSED),
]


@pytest.mark.parametrize(("dtype", "text", "wanted"), TEXTS, ids=[f"{d}:{t!r}" for d, t, _ in TEXTS])
def test_a_text_is_cast_exactly_or_refused(dtype: pl.DataType, text: str, wanted: Any) -> None:
    assert _text(text, dtype) == wanted


@pytest.mark.parametrize("dtype", sorted({d for d, _, _ in TEXTS}, key=str), ids=str)
def test_a_null_is_no_failed_cast(dtype: pl.DataType) -> None:
    assert _text(None, dtype) is None


@pytest.mark.parametrize("dtype", sorted({d for d, _, _ in TEXTS}, key=str), ids=str)
def test_a_text_is_cast_alike_alone_and_among_others(dtype: pl.DataType) -> None:
    texts = [t for d, t, _ in TEXTS if d == dtype] + [None, "???"]
    column = pl.Series("v", texts, pl.String)
    assert _cast(column, dtype) == [_text(text, dtype) for text in texts]


@pytest.mark.parametrize("dtype", sorted({d for d, _, _ in TEXTS}, key=str), ids=str)
def test_a_chunk_without_rows_is_cast(dtype: pl.DataType) -> None:
    assert _cast(pl.Series("v", [], pl.String), dtype) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024-01-31 10:00:00", datetime(2024, 1, 31, 9)),
        ("2024-07-31 10:00:00", datetime(2024, 7, 31, 8)),
        ("2024-01-31", datetime(2024, 1, 30, 23)),
        ("2024-03-31 02:30:00", REFUSED),
        ("2024-03-31T02:30:00+01:00", datetime(2024, 3, 31, 1, 30)),
        ("2024-10-27 02:30:00", datetime(2024, 10, 27, 0, 30)),
        ("2024-10-27T02:30:00+01:00", datetime(2024, 10, 27, 1, 30)),
    ],
)
def test_a_time_without_zone_is_the_datasets_and_a_skipped_hour_is_refused(text: str, wanted: Any) -> None:
    assert _text(text, MOMENT, BERLIN) == wanted


def test_what_an_earlier_chunk_taught_does_not_change_a_result() -> None:
    texts = [t for d, t, _ in TEXTS if d == MOMENT]
    column = pl.Series("v", texts)
    alone = cast(column, MOMENT, BERLIN, CastMemory())
    for taught in ("%Y%m%d", "%Y-%m-%dT%H:%M:%S%#z", "%Y/%m/%d %H:%M"):
        assert cast(column, MOMENT, BERLIN, CastMemory({"v": taught})).equals(alone, null_equal=True)


def test_a_column_with_a_zone_holds_the_same_moment_in_that_zone() -> None:
    moment = _text("2024-01-31 10:00:00", pl.Datetime("us", "America/New_York"), BERLIN)
    assert moment.astimezone(UTC) == datetime(2024, 1, 31, 9, tzinfo=UTC)


NATIVE: dict[str, tuple[pl.Series, pl.DataType, list[Any]]] = {
    "whole floats are whole numbers": (pl.Series([5.0, 5.5, 1e300]), pl.Int64(), [5, REFUSED, REFUSED]),
    "NaN is no value in a float column": (pl.Series([float("nan"), 1.0]), pl.Float64(), [None, 1.0]),
    "NaN is no value in a text column": (pl.Series([float("nan"), 1.5]), pl.String(), [None, "1.5"]),
    "NaN is no value in an integer column": (pl.Series([float("nan"), 1.0]), pl.Int64(), [None, 1]),
    "a number too large for its type": (pl.Series([255, 256, -1]), pl.UInt8(), [255, REFUSED, REFUSED]),
    "a number too long for a float": (pl.Series([2**53, 2**53 + 1]), pl.Float64(), [2.0**53, REFUSED]),
    "a double that is no float": (pl.Series([0.5, 0.1]), pl.Float32(), [0.5, REFUSED]),
    "floats as decimals by their shortest text": (pl.Series([0.1, 1 / 3]), MONEY, [Decimal("0.1"), REFUSED]),
    "infinity is no decimal": (pl.Series([float("inf")]), MONEY, [REFUSED]),
    "decimals of more digits": (
        pl.Series([Decimal("1.230"), Decimal("1.234")]),
        MONEY,
        [Decimal("1.23"), REFUSED],
    ),
    "decimals as whole numbers": (pl.Series([Decimal("2.0"), Decimal("2.5")]), pl.Int64(), [2, REFUSED]),
    "true and false as numbers": (pl.Series([True, False]), pl.Int64(), [1, 0]),
    "true and false as decimals": (pl.Series([True, False]), MONEY, [Decimal(1), Decimal(0)]),
    "true and false as text": (pl.Series([True, False]), pl.String(), ["true", "false"]),
    "numbers as true and false": (pl.Series([1, 0, 2]), pl.Boolean(), [True, False, REFUSED]),
    "midnight is a date": (
        pl.Series([datetime(2024, 1, 1), datetime(2024, 1, 1, 5)]),
        pl.Date(),
        [date(2024, 1, 1), REFUSED],
    ),
    "a date is midnight": (pl.Series([date(2024, 1, 1)]), MOMENT, [datetime(2024, 1, 1)]),
    "a moment with a zone": (
        pl.Series([datetime(2024, 1, 1, 5, tzinfo=timezone(timedelta(hours=2)))]),
        MOMENT,
        [datetime(2024, 1, 1, 3)],
    ),
    "a number written like a date": (pl.Series([20240131, 5]), pl.Date(), [date(2024, 1, 31), REFUSED]),
    "a number is no moment": (pl.Series([1706695200]), MOMENT, [REFUSED]),
    "a number is no time of day": (pl.Series([5]), pl.Time(), [REFUSED]),
    "a date is no number": (pl.Series([date(2024, 1, 1)]), pl.Int64(), [REFUSED]),
    "a moment is no number": (pl.Series([datetime(2024, 1, 1)]), pl.Int64(), [REFUSED]),
    "a duration is no number": (pl.Series([timedelta(days=1)]), pl.Int64(), [REFUSED]),
    "a list is text": (pl.Series([[1, 2], None]), pl.String(), ["[1,2]", None]),
    "a struct is text": (pl.Series([{"a": 1, "b": "x"}, None]), pl.String(), ['{"a":1,"b":"x"}', None]),
    "a list is no number": (pl.Series([[1], None]), pl.Int64(), [REFUSED, None]),
    "a struct is no number": (pl.Series([{"a": 1}, None]), pl.Int64(), [REFUSED, None]),
    "a struct is no decimal": (pl.Series([{"a": 1}, None]), MONEY, [REFUSED, None]),
    "a struct is no moment": (pl.Series([{"a": 1}, None]), MOMENT, [REFUSED, None]),
    "bytes are no number": (pl.Series([b"\x12"]), pl.Int64(), [REFUSED]),
    "categories are read as their text": (
        pl.Series(["7", "x"], dtype=pl.Categorical),
        pl.Int64(),
        [7, REFUSED],
    ),
    "categories as moments": (
        pl.Series(["2024-01-01"], dtype=pl.Categorical),
        MOMENT,
        [datetime(2024, 1, 1)],
    ),
    "a category that is none of the enum's": (
        pl.Series(["a", "b"], dtype=pl.Categorical),
        pl.Enum(["a"]),
        ["a", REFUSED],
    ),
    "a column of nothing but nulls": (pl.Series([None, None]), MONEY, [None, None]),
    "a column of nothing but nulls as moments": (pl.Series([None]), MOMENT, [None]),
}


@pytest.mark.parametrize("what", NATIVE)
def test_a_native_value_is_cast_without_loss_or_refused(what: str) -> None:
    values, dtype, wanted = NATIVE[what]
    assert _cast(values.rename("v"), dtype) == wanted


def test_local_midnight_of_a_zoned_moment_without_zone_is_taken_in_the_datasets_zone() -> None:
    assert _cast(pl.Series("v", [datetime(2024, 7, 1)]), MOMENT, BERLIN) == [datetime(2024, 6, 30, 22)]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pl.Series([5, None]), ["5", None]),
        (pl.Series([date(2024, 1, 2)]), ["2024-01-02"]),
        (pl.Series([datetime(2024, 1, 2, 3, 4, 5, 600000)]), ["2024-01-02T03:04:05.600"]),
        (pl.Series([datetime(2024, 1, 2, tzinfo=UTC)]), ["2024-01-02T00:00:00+00:00"]),
        (pl.Series([time(3, 4)]), ["03:04:00"]),
        (pl.Series([timedelta(days=1)]), ["P1D"]),
        (pl.Series([b"\x00\xff"]), ["00ff"]),
        (pl.Series([Decimal("1.50")]), ["1.50"]),
        (pl.Series([[None, "a"], []]), ['[null,"a"]', "[]"]),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pl.Series) else "",
)
def test_any_native_value_has_a_canonical_text(values: pl.Series, texts: list[str | None]) -> None:
    assert as_text(values).to_list() == texts


@pytest.mark.parametrize("dtype", [pl.Date(), pl.Datetime("ms"), pl.Datetime("us")], ids=str)
def test_a_native_day_outside_the_calendar_is_refused(dtype: pl.DataType) -> None:
    far = pl.Series("v", [20_240_131, -800_000, 0, None]).cast(pl.Int32).cast(pl.Date).cast(dtype)
    result = cast(far, dtype, "UTC", CastMemory())
    assert failed(far, result).to_list() == [0, 1]


@pytest.mark.parametrize(
    ("zone", "text"), [("America/New_York", "9999-12-31 23:59:59"), ("Asia/Tokyo", "0001-01-01")]
)
def test_a_time_that_utc_puts_outside_the_calendar_is_refused(zone: str, text: str) -> None:
    assert _text(text, MOMENT, zone) is REFUSED


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    st.lists(
        st.from_regex(r"[+-]?[0-9]{0,18}\.?[0-9]{0,4}([eE][+-]?[0-9]{1,2})?", fullmatch=True), max_size=8
    )
)
def test_a_decimal_is_the_number_that_was_written_or_refused(texts: list[str]) -> None:
    for text, value in zip(texts, _cast(pl.Series("v", texts, pl.String), MONEY), strict=True):
        try:
            number = Decimal(text)
        except ArithmeticError:
            assert value is REFUSED
            continue
        fits = abs(number) < 10**16 and number * 100 == (number * 100).to_integral_value()
        assert value == (number if fits else REFUSED)
