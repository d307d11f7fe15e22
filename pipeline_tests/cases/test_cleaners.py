"""Texts that cleaners and checks took for something else: signs and dashes round numbers.

What belongs here: the cases of these kinds with their right values, and further inputs of the same kinds. What every cleaner has
in common stands in `pipeline_tests/contract`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import polars as pl
import pytest

from pipeline.contract import Cleaner, Dataset, clean
from pipeline.settings import Settings
from pipeline_tests.ingest.support import clean_rows, error_rows, model, stage_text

POINT, COMMA = clean.number(), clean.number(decimal=",", thousands=".")
# Hyphen-minus, hyphen, non-breaking hyphen, figure dash, en and em dash, horizontal bar, minus, small and full-width hyphen-minus.
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"
MINUS = "-\u2013\u2212\ufe63\uff0d"


def one(cleaner: Cleaner, text: str) -> str | None:
    """What becomes of one text."""
    value = cleaner.apply(pl.Series("v", [text], pl.String)).item()
    assert value is None or isinstance(value, str)
    return value


PRICES = [
    (POINT, "5.-", "5"),
    (POINT, "CHF 1'234.-", "1234"),
    (POINT, "120.–", "120"),
    (COMMA, "5,-", "5"),
    (COMMA, "1.234,-", "1234"),
    (COMMA, "1.234,--", "1234"),
    (COMMA, "€ 99,–", "99"),
    (COMMA, "99,- €", "99"),
    (COMMA, "99,--€", "99"),
    (COMMA, "kr. 5,-", "5"),
    (COMMA, "5,- kr.", "5"),
    (POINT, "Fr. 120.—", "120"),
    (POINT, "120.- CHF", "120"),
    (POINT, "$1,234.--", "1234"),
    (POINT, "0.-", "0"),
    (POINT, " 1 234.– ", "1234"),
    # Below nothing, by one sign.
    (POINT, "-5.-", "-5"),
    (POINT, "CHF -5.-", "-5"),
    (POINT, "(5.-)", "-5"),
    (COMMA, "(€ 1.234,--)", "-1234"),
    (POINT, "+5.-", "5"),
]


@pytest.mark.parametrize(("cleaner", "text", "wanted"), PRICES)
def test_a_price_without_cents_is_not_below_nothing(cleaner: Cleaner, text: str, wanted: str) -> None:
    assert one(cleaner, text) == wanted


@pytest.mark.parametrize("dash", DASHES)
def test_any_dash_may_stand_for_cents(dash: str) -> None:
    assert [one(POINT, f"5.{dash}"), one(COMMA, f"1.234,{dash}{dash}"), one(POINT, f"5.{dash} CHF")] == [
        "5",
        "1234",
        "5",
    ]


@pytest.mark.parametrize("dash", DASHES)
def test_behind_a_digit_a_minus_is_one_and_another_dash_is_not_understood(dash: str) -> None:
    texts = [f"5{dash}", f"5 {dash}", f"5 EUR{dash}", f"1,234.50{dash}", f"{dash}5"]
    wanted = ["-5", "-5", "-5", "-1234.50", "-5"] if dash in MINUS else texts
    assert [one(POINT, text) for text in texts] == wanted
    assert one(COMMA, f"1.234,50{dash}") == ("-1234.50" if dash in MINUS else f"1.234,50{dash}")


UNSURE = [
    # Two signs, or a sign at no place for one.
    *("--5", "-5-", "(-5)", "-(5)", "(5-)", "+5-", "-+5", "5.- -", "5. -", "5.---", "5-.", "5--", "(5)-"),
    # A price, or a minus; a range; whoever owes.
    *("5 Fr.-", "5 Fr. -", "5 kr.-", "$-.50", "CHF –.50", "5.-10", "5-10", "5.-%", "5.00 CR", "5.00 DR", "5,-"),
    # Half a bracket.
    *("(5.-", "5.-)", "(5.-)-"),
]  # fmt: skip


@pytest.mark.parametrize("text", UNSURE)
def test_what_may_mean_two_things_stays(text: str) -> None:
    assert one(POINT, text) == text


@pytest.mark.parametrize("text", ["-,50", "–,50 €", "-,-", "5.-", "1.234.-", "12,-5", "5 kr.,-", ",-"])
def test_what_may_mean_two_things_with_a_decimal_comma_stays(text: str) -> None:
    assert one(COMMA, text) == text


def test_prices_without_cents_are_loaded_and_unsure_ones_rejected_with_their_text(settings: Settings) -> None:
    prices = Dataset(
        "prices",
        schema=model(price=Annotated[pl.Decimal, 18, 2], pieces=int),
        clean={"price": clean.number(decimal=",", thousands="."), "pieces": clean.number()},
    )
    text = 'price;pieces\n"5,-";5.--\n"1.234,--";1\'234.-\n"1.234,50-";5-\n"-,50 €";1\n"1,00";-5-\n'
    staged = stage_text(settings, text, prices)
    assert clean_rows(staged)["price"].to_list() == [Decimal(5), Decimal(1234), Decimal("-1234.50")]
    assert clean_rows(staged)["pieces"].to_list() == [5, 1234, -5]
    assert [(row["column_name"], row["check_name"], row["value"]) for row in error_rows(staged)] == [
        ("price", "cast", "-,50 €"),
        ("pieces", "cast", "-5-"),
    ]
