"""Known good and bad values of numbers, dates, markup and tables, beyond the examples of docs/cleaners.md."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from pipeline.contract import Cleaner, clean
from pipeline.contract.cleaning.dates import AUTO_CLOCKS, AUTO_DATES
from pipeline.contract.cleaning.months import LANGUAGES, month_numbers
from pipeline.contract.cleaning.text import NULL_WORDS
from pipeline.contract.cleaning.truth import WORDS

POINT, COMMA = clean.number(), clean.number(decimal=",", thousands=".")
PERCENT = clean.number(percent=True)
DMY = clean.date("%d.%m.%Y")
MOMENT = clean.datetime("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %I:%M %p", "%d.%m.%Y", "%d.%m.%YT%H:%M:%S.%f%z")


def _one(cleaner: Cleaner, text: str | None) -> str | None:
    value = cleaner.apply(pl.Series("v", [text], pl.String)).item()
    assert value is None or isinstance(value, str)
    return value


READ: list[tuple[Cleaner, str, str | None]] = [
    # Currencies: signs, codes, letters; before, behind, between sign and number.
    *(
        (POINT, text, "5")
        for text in ("$5", "5$", "£ 5", "US$ 5", "R$5", "EUR 5", "5 CHF", "5CHF", "kr 5", "5 zł")
    ),
    *((POINT, text, "5") for text in ("5 Kč", "Fr. 5", "Rs. 5", "¥5", "₹ 5", "+$5", "\u00a05\u202f", "\t5 ")),
    *(
        (POINT, text, "-5")
        for text in ("-$5", "$-5", "- 5", "-EUR 5", "EUR -5", "(5)", "($5)", "$(5)", "( 5 ) EUR")
    ),
    *(
        (POINT, text, "-5")
        for text in ("5-", "5 -", "5 EUR-", "\u22125", "\u20135", "\uff0d5", "5\u2212", "(5 EUR)")
    ),
    # Separators.
    (POINT, "1,234,567", "1234567"),
    (POINT, "1,234.", "1234."),
    (POINT, "1'234'567.5", "1234567.5"),
    (POINT, "1’234.50", "1234.50"),
    (POINT, "1\u2009234", "1234"),
    (POINT, "€ .5", ".5"),
    (POINT, "$1.5e3", "1.5e3"),
    (POINT, "€ 0.000000000000000000000000001", "0.000000000000000000000000001"),
    (COMMA, "1,5", "1.5"),
    (COMMA, "1,5E+03", "1.5E+03"),
    (COMMA, "1 234,5", "1234.5"),
    (COMMA, "1'234,5", "1234.5"),
    (COMMA, "-1.234.567,50 €", "-1234567.50"),
    (COMMA, "(1.234,50) EUR", "-1234.50"),
    (COMMA, "5,", "5."),
    (clean.number(",", " "), "1 234,5", "1234.5"),
    (clean.number(".", "'"), "1’234.5", "1234.5"),
    # Per cent, exact.
    (PERCENT, "50%", "0.50"),
    (PERCENT, "1,250.25 %", "12.5025"),
    (PERCENT, "-0.5%", "-0.005"),
    (PERCENT, "(5%)", "-0.05"),
    (PERCENT, ".5%", "0.005"),
    (clean.number(",", ".", percent=True), "12,5 %", "0.125"),
    # Dates.
    (DMY, " 1.2.2024 ", "2024-02-01"),
    (DMY, "29.02.2024", "2024-02-29"),
    (DMY, "01.01.0001", "0001-01-01"),
    (clean.date("%d. %b %Y", languages="de"), "5. Mär. 2024", "2024-03-05"),
    (clean.date("%d. %b %Y", languages="de"), "5. MRZ 2024", "2024-03-05"),
    (clean.date("%d de %B de %Y", languages="es"), "5 de  enero de 2024", "2024-01-05"),
    (clean.date("%d %B %Y", languages="pl"), "5 października 2024", "2024-10-05"),
    (clean.date("%d %B %Y", languages="fr"), "5 aout 2024", "2024-08-05"),
    (clean.date("%d%m%Y"), "01022024", "2024-02-01"),
    (clean.date("%Y%m%d"), "20240201", "2024-02-01"),
    (clean.date("%y%m%d", pivot=1950), "240201", "2024-02-01"),
    (clean.date("%d%b%Y"), "1FEB2024", "2024-02-01"),
    (clean.datetime("%d.%m.%Y %H%M"), "1.2.2024 0805", "2024-02-01T08:05:00"),
    (clean.date("%d%%%m%%%Y"), "1%2%2024", "2024-02-01"),
    (clean.date("%m/%d/%y", pivot=1970), "1/2/70", "1970-01-02"),
    (clean.date("%m/%d/%y", pivot=1970), "1/2/69", "2069-01-02"),
    (clean.date("%m/%d/%y", pivot=2000), "12/31/99", "2099-12-31"),
    (clean.date("%Y-%d-%m"), "2024-31-01", "2024-01-31"),
    *(
        (clean.date("auto"), text, "2024-01-05")
        for text in ("5.1.2024", "2024.01.05", "5 Jan 2024", "5. January 2024")
    ),
    *(
        (clean.date("auto"), text, "2024-01-05")
        for text in ("5-JAN-2024", "5/Jan/2024", "January 5 2024", "2024-jan-5")
    ),
    (MOMENT, "31.1.2024 08:05:06", "2024-01-31T08:05:06"),
    (MOMENT, "31.1.2024 12:05 AM", "2024-01-31T00:05:00"),
    (MOMENT, "31.1.2024 12:05 p.m.", "2024-01-31T12:05:00"),
    (MOMENT, "31.1.2024", "2024-01-31"),
    (MOMENT, "31.01.2024T08:05:06.123456Z", "2024-01-31T08:05:06.123456Z"),
    (clean.datetime("auto"), "Jan 5, 2024 8:05 PM", "2024-01-05T20:05:00"),
    # Days of a spreadsheet.
    *zip(
        [clean.excel_date()] * 3, ["1", "59", "61"], ["1900-01-01", "1900-02-28", "1900-03-01"], strict=True
    ),
    (clean.excel_date(), "2958465", "9999-12-31"),
    (clean.excel_date(), "45123.0", "2023-07-16"),
    (clean.excel_date(), "45123.541666667", "2023-07-16T13:00:00"),
    (clean.excel_date(), "45123.54167", "2023-07-16T13:00:00"),
    (clean.excel_date(), "45123.541672454", "2023-07-16T13:00:00.500"),
    (clean.excel_date(), "45123.999999999", "2023-07-17T00:00:00"),
    (clean.excel_date(1904), "0", "1904-01-01"),
    # Markup.
    (clean.html, "a<br>b<BR/>c", "a b c"),
    (clean.html, "<table><tr><td>1</td><td>2</td></tr></table>", "1 2"),
    (clean.html, "<!-- no --><style>p{}</style>yes", "yes"),
    (clean.html, "caf&eacute; &#8364; &#x20AC;", "café € €"),
    (clean.sanitise(tags=[]), "<p>hi</p>", "hi"),
    (clean.sanitise(), "<a href='javascript:x()'>k</a>", '<a rel="noopener noreferrer">k</a>'),
    (
        clean.sanitise(attributes={"a": ["href", "rel"]}),
        '<a href="/" rel="me">k</a>',
        '<a href="/" rel="me">k</a>',
    ),
    # Texts.
    (clean.control(), "a\u2028b\x85c\x07", "a b c"),
    (clean.regex(r"(?P<a>\d)(\d)", "${2}${a}$$"), "12", "21$"),
    (clean.digits, "٣٤-x", "٣٤"),
    (clean.title, "ÉCOLE d'été", "École D'Été"),
    (clean.mask(keep_last=0), "abc", "***"),
    (clean.mask(char="$"), "a\nbcdefgh", "$$$$$efgh"),
]


@pytest.mark.parametrize(("cleaner", "text", "wanted"), READ)
def test_a_text_is_read(cleaner: Cleaner, text: str, wanted: str | None) -> None:
    assert _one(cleaner, text) == wanted


STAY: list[tuple[Cleaner, str]] = [
    *(
        (POINT, text)
        for text in (
            "1,5",
            "12,34",
            "1,2345",
            "0,125",
            "01,234",
            "1,234 567",
            "1\n234",
            "1\t234",
            "1 234'567",
            "1.234.567",
        )
    ),
    *(
        (POINT, text)
        for text in ("--5", "-5-", "(-5)", "-(5)", "(5", "5)", "()", "", "$", "-", ".", "1e", "$$", "+5")
    ),
    *(
        (POINT, text)
        for text in ("USD 5 EUR", "$5€", "$5 EUR", "5 eur", "5 pcs", "12.5 %", "1/2", "10:30", "2024-01-05")
    ),
    *((COMMA, text) for text in ("12.5", "0.125", "1234.50", "1,234,567", "1,234.50", "1.23,5")),
    *((PERCENT, text) for text in ("12.5", "1e3%", "%", "% 5", "5 %%")),
    *(
        (DMY, text)
        for text in (
            "30.2.2024",
            "1.13.2024",
            "1.2.24",
            "1.2.20245",
            "1/2/2024",
            "2024-02-01",
            "",
            "x 1.2.2024",
        )
    ),
    *((clean.date("%d%m%Y"), text) for text in ("1022024", "0122024")),
    (clean.date("%Y%m%d"), "2024201"),
    (clean.datetime("%d.%m.%Y %H%M"), "1.2.2024 805"),
    (clean.date("%d %B %Y"), "5 März 2024"),
    (clean.date("auto"), "03/04/2024"),
    *(
        (MOMENT, text)
        for text in ("31.1.2024 24:05:06", "31.1.2024 13:05 PM", "31.1.2024 0:05 AM", "31.1.2024 8:5:06")
    ),
    *(
        (clean.excel_date(), text)
        for text in ("0", "0.5", "60", "60.5", "2958466", "20240131", "-1", "1e5", "x", ".5")
    ),
    (clean.excel_date(), "2958465.9999999999"),
    *(
        (clean.html, text)
        for text in ("a < b & c", "AT&T", "1<2", "if a<b then", "x < y > z", "<3", "a & b; c")
    ),
    *((clean.pad(5), text) for text in ("123456", "12a", "-12", "", " 12")),
    (clean.digits, "none"),
    (clean.nulls(), "NATO"),
]


@pytest.mark.parametrize(("cleaner", "text"), STAY)
def test_a_text_stays_as_it_was(cleaner: Cleaner, text: str) -> None:
    after, changed = cleaner.apply_counted(pl.Series("v", [text]))
    assert (after.to_list(), changed) == ([text], 0)


@pytest.mark.parametrize("word", NULL_WORDS)
def test_a_built_in_null_word_is_null_in_any_case(word: str) -> None:
    assert _one(clean.nulls(), word.upper()) is None
    assert _one(clean.nulls(), word.lower()) is None


@pytest.mark.parametrize("language", WORDS)
def test_every_built_in_word_has_one_meaning(language: str) -> None:
    yes, no = WORDS[language]
    for cleaner in (clean.boolean(), clean.boolean(languages=[language])):
        assert [_one(cleaner, word.upper()) for word in yes] == ["true"] * len(yes)
        assert [_one(cleaner, f" {word} ") for word in no] == ["false"] * len(no)


def test_no_name_is_two_months() -> None:
    assert set(month_numbers(LANGUAGES).values()) == set(range(1, 13))


def test_no_text_is_two_dates_by_auto() -> None:
    assert clean.date(*AUTO_DATES).name == "date"
    every = [f"{day} {clock}" for day in AUTO_DATES for clock in AUTO_CLOCKS]
    assert clean.datetime(*every[:10], *every[-10:]).name == "datetime"


def test_formats_are_tried_in_their_order_and_only_on_what_is_left() -> None:
    cleaner = clean.date("%d.%m.%Y", "%d/%m/%Y")
    column = pl.Series("v", ["1.2.2024", "1/2/2024", "x", None, "1.2.2024"])
    after, changed = cleaner.apply_counted(column)
    assert after.to_list() == ["2024-02-01", "2024-02-01", "x", None, "2024-02-01"]
    assert changed == 3


def test_markup_is_cleaned_in_threads() -> None:
    column = pl.Series("v", [f"<p>{number} <b>&amp;</b></p>" for number in range(500)])
    with ThreadPoolExecutor(4) as threads:
        for cleaner in (clean.html, clean.sanitise(tags=["p"])):
            results = list(threads.map(lambda _, one=cleaner: one.apply(column).to_list(), range(8)))
            assert all(result == results[0] for result in results)
