"""A column through several cleaners; and numbers and dates written in every way read back as themselves."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract import clean
from pipeline.contract.cleaning.dates import AUTO_CLOCKS, AUTO_DATES
from pipeline.contract.cleaning.run import run_cleaners

COMMA = clean.number(decimal=",", thousands=".")


def test_cleaners_run_in_order_and_each_counts_its_own() -> None:
    cleaners = [clean.strip, clean.nulls("-"), clean.default("0"), COMMA]
    column = pl.Series("v", [" 1,5 ", "-", None, "2", " ", "x"])
    cleaned = run_cleaners(cleaners, column)
    assert cleaned.values.to_list() == ["1.5", "0", "0", "2", "0", "x"]
    assert cleaned.changes == (2, 1, 3, 1)
    assert cleaned.refused == ()
    assert column.to_list() == [" 1,5 ", "-", None, "2", " ", "x"]


def test_text_of_which_nothing_is_left_is_null() -> None:
    cleaned = run_cleaners([clean.strip], pl.Series("v", [" ", "a", None]))
    assert (cleaned.values.to_list(), cleaned.changes) == ([None, "a", None], (1,))


def test_without_cleaners_a_column_stays_as_it_is() -> None:
    cleaned = run_cleaners([], pl.Series("v", ["", "a"]))
    assert (cleaned.values.to_list(), cleaned.changes) == (["", "a"], ())


def test_a_value_is_refused_once_and_by_the_first() -> None:
    table = clean.map({"1.5": "1.5", "2": "2"}, other="reject")
    cleaned = run_cleaners([COMMA, table], pl.Series("v", ["12.5", "1,5", "3", "2", None]))
    assert [(cleaner.name, rows.to_list()) for cleaner, rows in cleaned.refused] == [
        ("number", [0]),
        ("map", [2]),
    ]


def test_typed_values_are_spared_by_those_that_go_by_the_customs_of_a_place() -> None:
    column = pl.Series("v", ["1.234", "1.234", " 12.5"])
    cleaned = run_cleaners([clean.strip, COMMA], column, pl.Series([True, False, True]))
    assert (cleaned.values.to_list(), cleaned.changes) == (["1.234", "1234", "12.5"], (1, 1))
    assert cleaned.refused == ()


NUMBERS = st.lists(st.decimals(Decimal(-(10**12)), Decimal(10**12), places=2), min_size=1, max_size=30)
SIGNED = ["-{}", "{}-", "({})", "\u2212{}", "- {}", "-$ {}", "-{} €", "EUR -{}", "(USD {})", " {} - "]
PLAIN = ["{}", "$ {}", "{} €", "EUR {}", "\u00a0{}\u202f", "+{} ", "{} CHF"]


@pytest.mark.parametrize(
    ("decimal", "thousands"), [(".", ","), (",", "."), (",", "\u202f"), (".", "’"), (".", " "), (",", " ")]
)
@settings(max_examples=10)
@given(numbers=NUMBERS, way=st.integers(0, 69))
def test_a_number_written_in_any_way_reads_back(
    decimal: str, thousands: str, numbers: list[Decimal], way: int
) -> None:
    cleaner = clean.number(decimal=decimal, thousands="." if decimal == "," else ",")
    grouped = [f"{abs(number):,.2f}" for number in numbers]
    swapped = [text.translate(str.maketrans({",": thousands, ".": decimal})) for text in grouped]
    shapes = [SIGNED[way % 10] if number < 0 else PLAIN[way % 7] for number in numbers]
    column = pl.Series("v", [shape.format(text) for shape, text in zip(shapes, swapped, strict=True)])
    read = cleaner.apply(column)
    assert [Decimal(text) for text in read] == numbers
    assert cleaner.refused(column).is_empty()


@settings(max_examples=20)
@given(percents=NUMBERS)
def test_per_cent_are_exact_hundredths(percents: list[Decimal]) -> None:
    column = pl.Series("v", [f"{percent:,.2f} %" for percent in percents])
    read = clean.number(percent=True).apply(column)
    assert [Decimal(text) for text in read] == [percent / 100 for percent in percents]


def _written(moment: datetime, form: str) -> str:
    return moment.strftime(form.replace("%Y", f"{moment.year:04}"))


@settings(max_examples=15)
@given(days=st.lists(st.dates(date(1, 1, 1)), min_size=1, max_size=20), form=st.sampled_from(AUTO_DATES))
def test_a_date_in_any_unmistakable_format_reads_back(days: list[date], form: str) -> None:
    column = pl.Series("v", [_written(datetime(d.year, d.month, d.day), form) for d in days])  # noqa: DTZ001
    assert clean.date("auto").apply(column).to_list() == [day.isoformat() for day in days]
    assert clean.date("auto").refused(column).is_empty()


@settings(max_examples=15)
@given(
    moments=st.lists(st.datetimes(), min_size=1, max_size=20),
    form=st.sampled_from([f"{day} {clock}" for day in AUTO_DATES for clock in AUTO_CLOCKS]),
)
def test_a_moment_in_any_unmistakable_format_reads_back(moments: list[datetime], form: str) -> None:
    seconds, fraction = "%S" in form, "%f" in form
    kept = [
        m.replace(second=m.second if seconds else 0, microsecond=m.microsecond if fraction else 0)
        for m in moments
    ]
    read = clean.datetime("auto").apply(pl.Series("v", [_written(moment, form) for moment in kept]))
    assert [datetime.fromisoformat(text) for text in read] == kept


@settings(max_examples=20)
@given(days=st.lists(st.integers(61, 2_958_465), min_size=1, max_size=30), ms=st.integers(1, 86_399_999))
def test_a_day_of_a_spreadsheet_reads_back_to_the_millisecond(days: list[int], ms: int) -> None:
    column = pl.Series("v", [f"{day + Decimal(ms) / 86_400_000:.10f}" for day in days])
    read = clean.excel_date().apply(column).str.to_datetime(strict=False, time_unit="ms")
    wanted = pl.Series([(day - 25_569) * 86_400_000 + ms for day in days]).cast(pl.Datetime("ms"))
    assert read.to_list() == wanted.to_list()
