"""Cleaners of numbers as people write them.

What belongs here: separators, signs, currencies, percent; plain numbers come out, of which no digit is changed but by `rounded`, for
those who ask for it. What does not: the cast.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from typing import Literal, get_args
from unicodedata import category

import polars as pl

from pipeline.contract.cleaning.cleaner import Cleaner, by_distinct, fingerprint, wrong

Grouping = Literal["thousands", "indian"]
Half = Literal["up", "even"]

# ISO 4217, in use; upper case only: `TOP` is money, `top` is a word.
_CODES = (
    "AED|AFN|ALL|AMD|AOA|ARS|AUD|AWG|AZN|BAM|BBD|BDT|BGN|BHD|BIF|BMD|BND|BOB|BRL|BSD|BTN|BWP|BYN|BZD|CAD"
    "|CDF|CHF|CLP|CNY|COP|CRC|CUP|CVE|CZK|DJF|DKK|DOP|DZD|EGP|ERN|ETB|EUR|FJD|FKP|GBP|GEL|GHS|GIP|GMD|GNF"
    "|GTQ|GYD|HKD|HNL|HTG|HUF|IDR|ILS|INR|IQD|IRR|ISK|JMD|JOD|JPY|KES|KGS|KHR|KMF|KPW|KRW|KWD|KYD|KZT|LAK"
    "|LBP|LKR|LRD|LSL|LYD|MAD|MDL|MGA|MKD|MMK|MNT|MOP|MRU|MUR|MVR|MWK|MXN|MYR|MZN|NAD|NGN|NIO|NOK|NPR|NZD"
    "|OMR|PAB|PEN|PGK|PHP|PKR|PLN|PYG|QAR|RON|RSD|RUB|RWF|SAR|SBD|SCR|SDG|SEK|SGD|SHP|SLE|SOS|SRD|SSP|STN"
    "|SVC|SYP|SZL|THB|TJS|TMT|TND|TOP|TRY|TTD|TWD|TZS|UAH|UGX|USD|UYU|UZS|VES|VND|VUV|WST|XAF|XCD|XOF|XPF"
    "|YER|ZAR|ZMW|ZWG"
)
# `US$`, `R$`, `A$`; and what is written with letters.
_LETTERED = rf"(?:[A-Z]{{1,3}}\p{{Sc}}|{_CODES}|kr\.?|zł|Kč|Fr\.|Ft|lei|Rs\.?)"
# What may be a minus, and further dashes, which are none.
_MINUS = "\\-\u2212\u2013\ufe63\uff0d"
_DASHES = _MINUS + "\u2010-\u2012\u2014\u2015"
# Blanks between thousands; what ends a line or a column parts two numbers.
_GAPS = " \u00a0\u2000-\u200a\u202f\u205f\u3000"
_APOSTROPHES = "'\u2019\u02bc"
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_AROUND = _BLANKS + "".join(chr(code) for code in range(0x20D0) if category(chr(code)) == "Sc")
_MOST_PLACES, _LARGEST_EXPONENT = 38, 999
_NO_SEPARATOR = re.compile(r"[\w+\-()%]")


def number(
    decimal: str = ".", thousands: str = ",", percent: bool = False, grouping: Grouping = "thousands"
) -> Cleaner:
    """Numbers as people write them → plain numbers: `"€ 1,234.50"` → `"1234.50"`.

    Blanks of every kind, currency signs and codes around it, apostrophes or blanks between thousands, the minus sign of
    typography, a minus behind and accounting parentheses are understood, and one or two dashes in the place of cents
    (`"5.-"`). A text that does not fit as a whole, or whose dashes may mean two things, stays as it is.

    Args:
        decimal: between whole and fraction. Thousands separators are taken out only where they stand between groups of three
            digits, so that a decimal comma is never mistaken for one: `"1,5"` stays and fails the cast.
        thousands: between groups of three digits; `decimal=",", thousands="."` reads `"1.234,50"`.
        percent: `"12.5 %"` → `"0.125"`; otherwise such a text stays as it is.
        grouping: `"indian"` reads groups of two above the first thousand, too: `"1,23,456.78"` (lakh and crore).

    Raises:
        ValueError: signs that cannot be told apart.
    """
    for sign in (decimal, thousands):
        if not isinstance(sign, str) or len(sign) != 1 or decimal == thousands or _NO_SEPARATOR.match(sign):
            raise wrong(
                "number",
                f"decimal is {decimal!r} and thousands {thousands!r}: they are one character each, and differ",
                'write for example clean.number(decimal=",", thousands=".")',
            )
    if decimal.isspace() or decimal in _APOSTROPHES:
        raise wrong("number", f"decimal is {decimal!r}", "no number is written so; take a point or a comma")
    if grouping not in get_args(Grouping):
        raise wrong("number", f"grouping is {grouping!r}", 'take "thousands" or "indian"')
    body = _body(decimal, thousands, grouping)
    parameters = (decimal, thousands, percent, *([grouping] if grouping != "thousands" else []))
    separators = dict.fromkeys([*_BLANKS, *_APOSTROPHES, thousands], "") | {decimal: "."}

    def work(column: pl.Series) -> pl.Series:
        bare, lettered = _without_letters(column)
        frame = pl.DataFrame({"value": column, "bare": bare, "lettered": lettered})
        return _plain(frame, body, re.escape(decimal), separators, percent)

    plain_point = r"\." if decimal == "." else ""
    # With a decimal comma `12.5` is wrong, and a cast would read it all the same.
    foreign = rf"^\s*[+{_MINUS}]?[0-9]*\.[0-9]*(?:[eE][+-]?[0-9]+)?\s*$"
    return Cleaner(
        "number",
        lambda value: value.map_batches(work, return_dtype=pl.String),
        lambda value: value.str.contains(rf"[^0-9+\-{plain_point}]|[0-9.]-+$"),
        fingerprint("number", *parameters),
        mends=decimal == ".",
        by_locale=decimal != ".",
        refuses=None
        if decimal == "."
        else lambda value: value.str.contains(foreign) & ~value.str.contains(rf"^\s*[+{_MINUS}]?{body}\s*$"),
        refusal=f"`{{value}}` is no number with {decimal!r} before the decimals and {thousands!r} between thousands",
    )


def rounded(places: int, half: Half = "up") -> Cleaner:
    """Plain numbers with at most so many digits behind the point: `clean.round(2)` makes `"1.01"` of `"1.005"`. The digits that stand
    there are rounded, not the double nearest to them; a text that is no plain number stays. It works on numbers that are typed in the
    file, too.

    Args:
        places: digits behind the point, 0 to 38.
        half: where exactly half is left over: `"up"` goes away from zero, as people round; `"even"` to the even digit.
    """
    if not isinstance(places, int) or isinstance(places, bool) or not 0 <= places <= _MOST_PLACES:
        raise wrong("round", f"places is {places!r}", f"give a whole number from 0 to {_MOST_PLACES}")
    if half not in get_args(Half):
        raise wrong("round", f"half is {half!r}", 'take "up" or "even"')
    step, rounding = Decimal(1).scaleb(-places), ROUND_HALF_UP if half == "up" else ROUND_HALF_EVEN

    def work(text: str) -> str:
        with localcontext(prec=len(text) + _LARGEST_EXPONENT + places):
            number = Decimal(text.strip()).quantize(step, rounding)
        return f"{number or abs(number):f}"

    return Cleaner(
        "round",
        by_distinct(work),
        lambda value: value.str.contains(
            rf"^\s*[+-]?(?:[0-9]*\.[0-9]{{{places + 1},}}|(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]{{1,3}})\s*$"
        ),
        fingerprint("round", places, half),
        rounds_to=places,
    )


def _body(decimal: str, thousands: str, grouping: Grouping) -> str:
    """Regular expression of the digits of a number, with their separators."""
    point = re.escape(decimal)
    separators = [f"[{_GAPS}]", f"[{_APOSTROPHES}]"]
    if not thousands.isspace() and thousands not in _APOSTROPHES:
        separators.insert(0, re.escape(thousands))
    # One kind of separator in one number. No group begins with a zero: 0,125 is a fraction written with a comma.
    groups = "|".join(rf"(?:{separator}[0-9]{{3}})+" for separator in separators)
    heads = rf"[1-9][0-9]{{0,2}}(?:{groups})"
    if grouping == "indian":
        pairs = "|".join(rf"(?:{separator}[0-9]{{2}})+{separator}[0-9]{{3}}" for separator in separators)
        heads = rf"(?:{heads}|[1-9][0-9]?(?:{pairs}))"
    grouped = rf"{heads}(?:{point}[0-9]*)?"
    plain = rf"(?:[0-9]+(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]{{1,4}})?"
    return rf"(?:{grouped}|{plain})"


def _without_letters(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The texts without a currency in letters before or behind the number; and whether one was there."""
    rows = column.str.contains(r"\p{L}").fill_null(False)
    if not rows.any():
        return column, rows
    part = column.filter(rows)
    bare = part.str.replace(rf"^([\s+({_MINUS}]*){_LETTERED}", "$1")
    # Only one: `USD 5 EUR` is no amount.
    unchanged = (bare == part).arg_true()
    behind = part[unchanged].str.replace(rf"{_LETTERED}([\s){_MINUS}]*)$", "$1")
    bare = bare.scatter(unchanged, behind)
    return column.clone().scatter(rows.arg_true(), bare), rows.clone().scatter(rows.arg_true(), bare != part)


def _plain(
    frame: pl.DataFrame, body: str, point: str, separators: dict[str, str], percent: bool
) -> pl.Series:
    """Of the columns value, bare and lettered: the plain number, or `value` where it is none."""
    # Step by step: one expression with groups takes ten times as long, and polars would run what is used twice twice.
    text, value = pl.col("text"), pl.col("value")
    before, behind, enclosed, is_percent = (
        pl.col(name) for name in ("before", "behind", "enclosed", "percent")
    )
    frame = frame.with_columns(text=pl.col("bare").str.strip_chars(_AROUND))
    frame = frame.with_columns(
        before=text.str.contains(rf"^[+{_MINUS}]"),
        enclosed=text.str.starts_with("(") & text.str.ends_with(")"),
        plus=text.str.starts_with("+"),
    )
    inner = pl.when(before | enclosed).then(text.str.slice(1)).otherwise(text)
    inner = pl.when(enclosed).then(inner.str.head(-1)).otherwise(inner)
    frame = frame.with_columns(text=inner.str.strip_chars(_AROUND))
    frame = _without_dashes(frame, point)
    frame = frame.with_columns(percent=text.str.ends_with("%"))
    frame = frame.with_columns(
        text=pl.when(is_percent).then(text.str.strip_suffix("%").str.strip_chars_end(_BLANKS)).otherwise(text)
    )
    fits = text.str.contains(f"^{body}$") & ~(before & behind) & ~(enclosed & behind)
    if frame["before"].any():  # `-,50` is fifty cents to a shop and less than nothing to a program
        fits &= ~before | pl.col("plus") | ~text.str.contains(rf"^{point}[0-9]{{2}}$")
    fits &= ~value.str.contains(r"\p{Sc}.*[0-9].*\p{Sc}")
    fits &= ~pl.col("lettered") | ~pl.col("bare").str.contains(r"\p{Sc}")
    frame = frame.with_columns(fits=fits, text=text.str.replace_many(separators))
    if percent and frame["percent"].any():
        frame = frame.with_columns(text=pl.when(is_percent).then(_hundredth(text)).otherwise(text))
    readable = pl.col("fits") & (text.is_not_null() if percent else ~is_percent)
    minus = behind | enclosed | (before & ~pl.col("plus"))
    sign = pl.when(minus).then(pl.lit("-")).otherwise(pl.lit(""))
    return frame.select(pl.when(readable).then(pl.concat_str(sign, text)).otherwise(value)).to_series()


def _without_dashes(frame: pl.DataFrame, point: str) -> pl.DataFrame:
    """Column text without a minus behind a digit, and without dashes that stand for cents; `behind` is true where there was that
    minus. Any other dash stays in the text, so that it is no number."""
    text = pl.col("text")
    frame = frame.with_columns(behind=text.str.contains(rf"[{_DASHES}]$"))
    if not frame["behind"].any():
        return frame
    frame = frame.with_columns(
        behind=text.str.contains(rf"[0-9][{_AROUND}%]*[{_MINUS}]$")
        # The point of `5 Fr.-` may be that of the price or that of the word.
        & ~pl.col("value").str.contains(rf"\p{{L}}\.\s*[{_DASHES}]+[)\s]*$"),
        # The one point of the number: 1,234,- is no 1.234 where the comma is the point.
        priced=text.str.contains(rf"^[^{point}]*[0-9]{point}[{_DASHES}]{{1,2}}$"),
    )
    bare = pl.when("behind").then(text.str.head(-1).str.strip_chars_end(_AROUND))
    whole = pl.when("priced").then(text.str.replace(rf"{point}[{_DASHES}]+$", ""))
    return frame.with_columns(text=pl.coalesce(bare, whole, text))


def _hundredth(number: pl.Expr) -> pl.Expr:
    """A plain number without an exponent, its point two places further left; exact, as text."""
    whole, part = number.str.extract(r"^([0-9]*)"), number.str.extract(r"\.([0-9]*)$").fill_null("")
    padded = whole.str.pad_start(3, "0")
    shifted = pl.concat_str(
        padded.str.head(padded.str.len_chars().cast(pl.Int64) - 2), pl.lit("."), padded.str.tail(2), part
    )
    return pl.when(number.str.contains("[eE]")).then(None).otherwise(shifted)
