"""Cleaners: what they do to a text, what they leave alone, and that they never touch their input."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.contract import Cleaner, clean

BERLIN = clean.number(decimal=",", thousands=".")


def _cleaned(cleaner: Cleaner, *values: str | None) -> list[str | None]:
    return cleaner.apply(pl.Series("v", values, pl.String)).to_list()


CASES: dict[str, tuple[Cleaner, str, str | None]] = {
    "strip takes blanks off both ends": (clean.strip, " \ta b\u00a0\n", "a b"),
    "lower folds accents too": (clean.lower, "ÄRGER", "ärger"),
    "upper raises accents too": (clean.upper, "ärger", "ÄRGER"),
    "spaces makes one blank of many": (clean.spaces, " a \t b\u00a0c ", "a b c"),
    "number takes out thousands separators": (clean.number(), "1,234,567.50", "1234567.50"),
    "number takes off a currency sign": (clean.number(), "€ 1,234.50", "1234.50"),
    "number takes off a currency sign behind": (clean.number(), "12.50 €", "12.50"),
    "number keeps the sign before a currency": (clean.number(), "-$ 5", "-5"),
    "number reads blanks between thousands": (clean.number(), "1\u202f234\u00a0567", "1234567"),
    "number never takes a decimal comma for thousands": (clean.number(), "1,5", "1,5"),
    "number never takes four decimals for thousands": (clean.number(), "1,2345", "1,2345"),
    "number never takes a fraction below one for thousands": (clean.number(), "0,125", "0,125"),
    "number leaves groups of two alone": (clean.number(), "12,34,567", "12,34,567"),
    "number leaves an exponent alone": (clean.number(), "1e3", "1e3"),
    "number leaves words alone": (clean.number(), "twelve, or so", "twelve, or so"),
    "number leaves an empty text alone": (clean.number(), "", ""),
    "number reads a decimal comma when told": (BERLIN, "1,5", "1.5"),
    "number reads points between thousands when told": (BERLIN, "-1.234.567,50 €", "-1234567.50"),
    "number with a decimal comma never takes a fraction for thousands": (BERLIN, "0.125", "0.125"),
    "nulls takes a word of any case": (clean.nulls("N/A", "-"), "n/a", None),
    "nulls takes whole values only": (clean.nulls("NA"), "NATO", "NATO"),
    "epoch reads milliseconds": (clean.epoch("ms"), "1700000000123", "2023-11-14T22:13:20.123000Z"),
    "epoch reads seconds": (clean.epoch("s"), "1700000000", "2023-11-14T22:13:20.000000Z"),
    "epoch reads microseconds": (clean.epoch("us"), "1700000000000001", "2023-11-14T22:13:20.000001Z"),
    "epoch reads nanoseconds": (clean.epoch("ns"), "1700000000000001000", "2023-11-14T22:13:20.000001Z"),
    "epoch reads times before 1970": (clean.epoch("ms"), "-1", "1969-12-31T23:59:59.999000Z"),
    "epoch leaves a time alone": (clean.epoch("ms"), "2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
    "epoch leaves a fraction alone": (clean.epoch("s"), "1.5", "1.5"),
    "epoch leaves a number beyond the year 9999 alone": (
        clean.epoch("ms"),
        "99999999999999999",
        "99999999999999999",
    ),
    "epoch leaves a number that would wrap alone": (
        clean.epoch("s"),
        "9223372036854775807",
        "9223372036854775807",
    ),
    "epoch leaves a number beyond 64 bits alone": (clean.epoch("ns"), "9" * 25, "9" * 25),
    "custom runs any expression": (clean.custom("head", lambda v: v.str.head(2)), "abc", "ab"),
}


@pytest.mark.parametrize("what", CASES)
def test_a_cleaner_does_its_one_thing(what: str) -> None:
    cleaner, given, wanted = CASES[what]
    assert _cleaned(cleaner, given) == [wanted]


ALL = {
    "strip": clean.strip,
    "lower": clean.lower,
    "upper": clean.upper,
    "spaces": clean.spaces,
    "number": clean.number(),
    "number with a decimal comma": BERLIN,
    "nulls": clean.nulls("x"),
    "epoch": clean.epoch("ms"),
    "custom": clean.custom("same", lambda v: v.str.to_lowercase()),
}
HOSTILE = [" A  b ", None, "€ 1,234.50", "x", "17", "", "ÄÖ", None, "0"]


@pytest.mark.parametrize("name", ALL)
def test_a_cleaner_leaves_its_input_as_it_was(name: str) -> None:
    column = pl.Series("v", HOSTILE)
    ALL[name].apply(column)
    assert column.to_list() == HOSTILE


@pytest.mark.parametrize("name", ALL)
def test_a_cleaner_leaves_the_frame_its_input_came_from_as_it_was(name: str) -> None:
    frame = pl.DataFrame({"v": HOSTILE})
    ALL[name].apply(frame["v"].rename("other"))
    assert frame["v"].to_list() == HOSTILE


@pytest.mark.parametrize("name", ALL)
def test_a_null_stays_null_and_the_length_and_name_stay(name: str) -> None:
    result = ALL[name].apply(pl.Series("v", HOSTILE))
    assert (result.name, len(result), result[1], result[7]) == ("v", len(HOSTILE), None, None)


@pytest.mark.parametrize("name", ALL)
def test_a_cleaner_takes_a_chunk_without_rows_or_values(name: str) -> None:
    assert _cleaned(ALL[name]) == []
    assert _cleaned(ALL[name], None, None) == [None, None]


@pytest.mark.parametrize("name", ALL)
def test_a_cleaner_gives_the_same_when_it_is_run_twice(name: str) -> None:
    once = ALL[name].apply(pl.Series("v", HOSTILE))
    assert ALL[name].apply(once).to_list() == once.to_list()


@pytest.mark.parametrize(("decimal", "thousands"), [(",", ","), ("", ","), (".", "''")])
def test_number_refuses_signs_that_cannot_be_told_apart(decimal: str, thousands: str) -> None:
    with pytest.raises(ValueError, match="one character each, and differ"):
        clean.number(decimal, thousands)


def test_epoch_refuses_a_unit_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="'min' is none of s, ms, us, ns"):
        clean.epoch("min")
