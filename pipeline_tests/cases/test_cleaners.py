"""Texts that cleaners and checks took for something else: signs and dashes round numbers, words for nothing, characters that nobody
sees, addresses that no mail server takes, counts of time with fractions.

What belongs here: the cases of these kinds with their right values, and further inputs of the same kinds. What every cleaner has
in common stands in `pipeline_tests/contract`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZipFile

import openpyxl
import polars as pl
import pytest

from pipeline.contract import Cleaner, Dataset, clean
from pipeline.contract.checks import KINDS
from pipeline.ingest import stage
from pipeline.ingest.casts import CastMemory, cast
from pipeline.settings import Settings
from pipeline_tests.ingest.support import clean_rows, error_rows, model, stage_text, write_parquet

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


@pytest.mark.parametrize(
    "text", ["1.234.-", "1.234.--", "1,234.50.-", "5.50.–", ".50.-", "CHF 1.5.--", "(1.234.-)"]
)
def test_cents_and_dashes_for_cents_are_no_number(text: str) -> None:
    mirrored = text.translate({ord("."): ",", ord(","): "."})
    assert (one(POINT, text), one(COMMA, mirrored)) == (text, mirrored)


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


NOTHING = [
    "NaT",
    "<NA>",
    "(null)",
    "#NULL!",
    r"\N",
    "[NULL]",
    "#N/A",
    " n/a ",
    "\u00a0NULL\t",
    "nan",
    "<null>",
    "#NV",
]


@pytest.mark.parametrize("text", NOTHING)
def test_words_that_spreadsheets_and_databases_write_for_nothing_are_null(text: str) -> None:
    assert one(clean.nulls(), text) is None


def test_given_words_are_found_with_blanks_round_them_and_in_any_case() -> None:
    cleaner = clean.nulls("Unbekannt ", "0000-00-00", "a.b")
    assert [one(cleaner, text) for text in (" unbekannt", "0000-00-00 ", "A.B", "axb", "NA", "")] == [
        None,
        None,
        None,
        "axb",
        "NA",
        "",
    ]


UNSEEN = "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\u061c\u00ad\ufeff\u200c\u200d"


@pytest.mark.parametrize("sign", UNSEEN)
def test_marks_without_width_are_taken_off_and_told_where_a_number_or_an_address_fails_for_one(
    settings: Settings, sign: str
) -> None:
    texts = [f"{sign}12", f"1{sign}2", f"12{sign}", f"1{sign}{sign}2"]
    assert [one(clean.control(), text) for text in texts] == ["12"] * 4
    columns = {"n": int, "mail": (str, {"email": True}), "size": (int, {"ge": 20})}
    text = f"n,mail,size\n1{sign}2,ann@example.com,30\n12,ann@exam{sign}ple.com,30\n12,ann@example.com,1\n"
    plain = stage_text(settings, text, Dataset("plain", schema=model(**columns)))
    numbers, mails, sizes = (row["message"] for row in error_rows(plain))
    assert f"U+{ord(sign):04X}" in numbers and f"U+{ord(sign):04X}" in mails
    assert "clean.control()" in numbers and "U+" not in sizes
    cleaners = {"n": clean.control(), "mail": clean.control()}
    cleaned = stage_text(settings, text, Dataset("cleaned", schema=model(**columns), clean=cleaners))
    assert clean_rows(cleaned)["mail"].to_list() == ["ann@example.com"] * 2
    assert clean_rows(cleaned)["n"].to_list() == [12, 12]


@pytest.mark.parametrize("text", ["می\u200cخواهم", "👩\u200d👩\u200d👧", "ക\u200dഷ"])
def test_joiners_that_are_spelling_stay(text: str) -> None:
    assert one(clean.control(), text) == text


@pytest.mark.parametrize(
    "text",
    ["a@b..com", ".a@b.com", "a.@b.com", "a..b@c.com", "mailto:a@b.com", '"a b"@c.com', '"a"@c.com', "a@[10.0.0.1]",
     "a@10.0.0.1", "a@-b.com", "a@b-.com", "a@b.com.", "a@b_c.com", "a@b.123", "a\u200b@b.com", "a@b.com\u200e",
     "a\u00a0b@c.com", "x" * 65 + "@b.com", "a@" + "b" * 64 + ".com", "a@" + ".".join(["b" * 60] * 5) + ".com",
     "é" * 33 + "@b.com", "a@b。com", "a(b)@c.com", "a\\b@c.com"],
)  # fmt: skip
def test_what_no_mail_server_takes_is_no_address(text: str) -> None:
    assert not KINDS["email"].answer(pl.Series([text]), True).any()
    assert KINDS["email"].answer(pl.Series([text, "a@b.de", None]), True).to_list() == [False, True, None]


@pytest.mark.parametrize(
    "text",
    ["a!#$%&'*+/=?^_`{|}~-b@c.com", "x" * 64 + "@b.com", "a@" + "b" * 63 + ".com", "用户@例子.公司", "a@xn--p1ai.xn--p1ai",
     "a.b+c@d-e.f9.co", "1@2.info", "é@ü.example"],
)  # fmt: skip
def test_what_a_mail_server_takes_is_an_address(text: str) -> None:
    assert KINDS["email"].answer(pl.Series([text]), True).all()


def _iban(bank: str, check: str) -> str:
    return f"DE{check}{bank}"


def _remainder(iban: str) -> int:
    return int("".join(str(int(letter, 36)) for letter in iban[4:] + iban[:4])) % 97


def test_check_digits_of_an_iban_are_those_that_are_given_out() -> None:
    seen = set()
    for number in range(400):
        bank = f"{370400440532013000 + number:018d}"
        for check in (f"{digits:02d}" for digits in range(100)):
            if _remainder(_iban(bank, check)) == 1:
                given_out = check not in ("00", "01", "99")
                seen |= {check} - {f"{digits:02d}" for digits in range(2, 97)}
                assert KINDS["iban"].answer(pl.Series([_iban(bank, check)]), True).to_list() == [given_out]
    assert seen == {"00", "01", "97", "98", "99"}


@pytest.mark.parametrize(
    ("unit", "text", "wanted"),
    [
        ("s", "1700000000.123", "2023-11-14T22:13:20.123000Z"),
        ("s", "1700000000.", "2023-11-14T22:13:20.000000Z"),
        ("s", "1700000000.1234560", "2023-11-14T22:13:20.123456Z"),
        ("s", "-1", "1969-12-31T23:59:59.000000Z"),
        ("s", "253402300799.999999", "9999-12-31T23:59:59.999999Z"),
        ("ms", "1700000000123.5", "2023-11-14T22:13:20.123500Z"),
        ("us", "1700000000123456", "2023-11-14T22:13:20.123456Z"),
        ("ns", "1700000000123456000", "2023-11-14T22:13:20.123456Z"),
        # Every digit, for the cast to judge.
        ("s", "1700000000.1234567", "2023-11-14T22:13:20.1234567Z"),
        ("us", "1700000000123456.789", "2023-11-14T22:13:20.123456789Z"),
        ("ns", "1700000000123456789", "2023-11-14T22:13:20.123456789Z"),
        # No times.
        ("s", "-1.5", "-1.5"),
        ("s", "12345678.5", "12345678.5"),
        ("ms", "12345678901.5", "12345678901.5"),
        ("s", "253402300800.0", "253402300800.0"),
        ("s", "1.7e9", "1.7e9"),
        ("s", "1700000000,5", "1700000000,5"),
        ("ns", "99999999999999999999", "99999999999999999999"),
    ],
)
def test_counts_of_time_may_have_fractions(unit: Any, text: str, wanted: str) -> None:
    assert one(clean.epoch(unit), text) == wanted
    column = pl.Series("v", [text, "5", None, "x"])
    assert clean.epoch(unit).apply(column)[0] == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("20240102T030405,123Z", "2024-01-02T03:04:05.123000"),
        ("20240102T030405", "2024-01-02T03:04:05"),
        ("20240102T0304", "2024-01-02T03:04:00"),
        ("20240102T030405.5+0100", "2024-01-02T02:04:05.500000"),
        (" 2024-01-02T03:04:05,25 ", "2024-01-02T03:04:05.250000"),
        ("2024-01-02 03:04:05,25+01:00", "2024-01-02T02:04:05.250000"),
        ("20240132T030405", None),
        ("20240102T03", None),
        ("20240102030405", None),
        ("2024-01-02T03:04,5", None),
    ],
)  # fmt: skip
def test_times_in_the_basic_form_of_iso_and_with_comma_fractions_are_read(
    text: str, wanted: str | None
) -> None:
    others = ["2024-05-06T07:08:09", None, "2024-05-06 07:08:09.5Z"]
    read = cast(pl.Series("at", [text, *others]), pl.Datetime("us"), "UTC", CastMemory())
    assert read.to_list() == [
        None if wanted is None else datetime.fromisoformat(wanted),
        datetime(2024, 5, 6, 7, 8, 9),  # noqa: DTZ001
        None,
        datetime(2024, 5, 6, 7, 8, 9, 500_000),  # noqa: DTZ001
    ]


def test_what_is_told_of_times_is_told_of_the_basic_form_too(settings: Settings) -> None:
    stamps = Dataset("stamps", schema=model(at=datetime), timezone="Europe/Berlin")
    texts = ["20240102T030405,1234567Z", "20161231T235960Z", "20241027T023000", "20241027T023000+0100"]
    staged = stage_text(settings, "at;x\n" + "".join(f"{text};x\n" for text in texts), stamps)
    assert clean_rows(staged)["at"].to_list() == [
        datetime(2024, 1, 2, 3, 4, 5, 123_456),  # noqa: DTZ001
        datetime(2017, 1, 1),  # noqa: DTZ001
        datetime(2024, 10, 27, 0, 30),  # noqa: DTZ001
        datetime(2024, 10, 27, 1, 30),  # noqa: DTZ001
    ]
    told = [(row["_row"], row["check_name"]) for row in error_rows(staged)]
    assert told == [(1, "time_cut"), (2, "leap_second"), (3, "repeated_hour")]


@pytest.mark.parametrize(
    ("cleaner", "text", "wanted"),
    [
        (clean.round(2), "1.005", "1.01"),
        (clean.round(2), "-1.005", "-1.01"),
        (clean.round(2), "2.675", "2.68"),
        (clean.round(2), "0.285", "0.29"),
        (clean.round(2), "9.995", "10.00"),
        (clean.round(2), "0.30000000000000004", "0.30"),
        (clean.round(2), "-0.001", "0.00"),
        (clean.round(2), " 1.2349 ", "1.23"),
        (clean.round(2), "1.5e-3", "0.00"),
        (clean.round(2), "1.23456E2", "123.46"),
        (clean.round(0), "2.5", "3"),
        (clean.round(0), "-2.5", "-3"),
        (clean.round(0), ".5", "1"),
        (clean.round(2), "12345678901234567890.125", "12345678901234567890.13"),
        (clean.round(0, half="even"), "2.5", "2"),
        (clean.round(0, half="even"), "3.5", "4"),
        (clean.round(2, half="even"), "1.005", "1.00"),
        (clean.round(2, half="even"), "1.0050001", "1.01"),
        # What has no digits too many, and what is no plain number.
        *((clean.round(2), text, text) for text in ("1.5", "5", "1.25", "", "x", "1,005", "1.005 EUR", "nan", "inf", "1.2.345")),
    ],
)  # fmt: skip
def test_numbers_are_rounded_by_the_digits_that_stand_there(cleaner: Cleaner, text: str, wanted: str) -> None:
    assert one(cleaner, text) == wanted
    assert one(cleaner, wanted) == wanted


@pytest.mark.parametrize(
    "wrong", [{"places": -1}, {"places": 39}, {"places": 2.0}, {"places": 2, "half": "down"}]
)
def test_rounding_to_nothing_that_can_be_done_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"clean\.round"):
        clean.round(**wrong)


ROUNDED = Dataset(
    "rounded",
    schema=model(d=Annotated[pl.Decimal, 18, 2], f=float, n=int),
    clean={
        "d": [clean.number(), clean.round(2)],
        "f": clean.round(1),
        "n": [clean.nulls("0"), clean.round(0)],
    },
)
WANTED = {"d": [Decimal("1.01"), Decimal("-2.68")], "f": [0.3, 2.3], "n": [3, 7]}


def test_texts_are_rounded_before_the_cast(settings: Settings) -> None:
    text = "d;f;n\n€ 1.005;0.30000000000000004;2.5\n(2.675);2.25;7\n"
    staged = stage_text(settings, text, ROUNDED)
    assert clean_rows(staged).select("d", "f", "n").to_dict(as_series=False) == WANTED
    assert {(one.column, one.cleaner, one.changed) for one in staged.manifest.cleaned if one.changed} == {
        ("d", "number", 2),
        ("d", "round", 2),
        ("f", "round", 2),
        ("n", "round", 1),
    }


def test_typed_numbers_are_rounded_too_and_nothing_else_is_done_to_them(settings: Settings) -> None:
    frame = pl.DataFrame({"d": [1.005, -2.675], "f": [0.1 + 0.2, 2.25], "n": [2.5, 7.0]})
    staged = stage(write_parquet(settings, frame), ROUNDED, settings)
    assert clean_rows(staged).select("d", "f", "n").to_dict(as_series=False) == WANTED
    exact = pl.DataFrame({"d": [Decimal("1.005"), Decimal("0.125")], "f": [1.0, 2.0], "n": [0, 7]})
    staged = stage(write_parquet(settings, exact, "exact.parquet"), ROUNDED, settings)
    assert clean_rows(staged)["d"].to_list() == [Decimal("1.01"), Decimal("0.13")]
    assert clean_rows(staged)["n"].to_list() == [0, 7]


HALVES = [1.3 * 1.15, 4.85 * 5.5, 60.5 * 1.73, -1.3 * 1.15, 83.66 * 8.25, 1.1 * 1.15, 1.494999]


@pytest.mark.parametrize("kind", [Annotated[pl.Decimal, 18, 2], float])
@pytest.mark.parametrize("name", ["rows.parquet", "rows.ndjson", "rows.xlsx", "mixed.xlsx"])
def test_a_double_is_rounded_by_the_digits_that_programs_show(
    settings: Settings, name: str, kind: Any
) -> None:
    path = settings.home / name
    if name.endswith(".xlsx"):
        path = number_cells(settings, HALVES, "1.4949999999999999" if name == "mixed.xlsx" else None)
    elif name.endswith(".ndjson"):
        path.write_text("".join(f'{{"v": {number!r}}}\n' for number in HALVES), encoding="utf-8")
    else:
        pl.DataFrame({"v": HALVES}).write_parquet(path)
    staged = stage(path, Dataset("halves", schema=model(v=kind), clean={"v": clean.round(2)}), settings)
    found = [f"{value:.2f}" for value in clean_rows(staged)["v"]]
    wanted = [f"{Decimal(f'{number:.15g}').quantize(Decimal('0.01'), ROUND_HALF_UP):f}" for number in HALVES]
    assert (wanted[0], wanted[-1]) == ("1.50", "1.49")
    assert found == [*wanted, *(["1.49"] if name == "mixed.xlsx" else [])]


def number_cells(settings: Settings, numbers: list[float], text: str | None) -> Path:
    """A workbook with all 17 digits of its doubles, and a text cell below them."""
    book = openpyxl.Workbook()
    for value in ("v", *range(7001, 7001 + len(numbers)), *([] if text is None else [text])):
        book.worksheets[0].append([value])
    plain, path = settings.home / "plain.xlsx", settings.home / "halves.xlsx"
    book.save(plain)
    with ZipFile(plain) as source, ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name).decode()
            for place, number in enumerate(numbers, 7001):
                data = data.replace(f"<v>{place}</v>", f"<v>{number!r}</v>")
            target.writestr(name, data)
    return path


def test_large_whole_numbers_are_not_rounded_to_doubles(settings: Settings) -> None:
    frame = pl.DataFrame({"v": [2**60 + 1, 5]})
    dataset = Dataset("large", schema=model(v=float), clean={"v": clean.round(2)})
    staged = stage(write_parquet(settings, frame), dataset, settings)
    assert clean_rows(staged)["v"].to_list() == [5.0]
    assert [(row["check_name"], row["value"]) for row in error_rows(staged)] == [("cast", str(2**60 + 1))]


def test_number_cells_of_a_workbook_and_numbers_in_json_are_rounded(settings: Settings) -> None:
    book = openpyxl.Workbook()
    for row in (["d", "f", "n"], [1.005, 0.1 + 0.2, 2.5], [-2.675, 2.25, 7]):
        book.worksheets[0].append(row)
    book.save(settings.home / "cells.xlsx")
    lines = '{"d": 1.005, "f": 0.30000000000000004, "n": 2.5}\n{"d": -2.675, "f": 2.25, "n": 7}\n'
    (settings.home / "lines.ndjson").write_text(lines, encoding="utf-8")
    for name in ("cells.xlsx", "lines.ndjson"):
        staged = stage(settings.home / name, ROUNDED, settings)
        assert clean_rows(staged).select("d", "f", "n").to_dict(as_series=False) == WANTED


INDIAN = clean.number(grouping="indian")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1,23,456.78", "123456.78"),
        ("₹ 12,34,56,789", "123456789"),
        ("(1,23,456)", "-123456"),
        ("Rs. 1,00,000.-", "100000"),
        ("1,234.50", "1234.50"),
        ("1,234,567", "1234567"),
        ("12 34 567", "1234567"),
        ("1,23,45", "1,23,45"),
        ("123,45,678", "123,45,678"),
        ("1,23,456,789", "1,23,456,789"),
        ("0,12,345", "0,12,345"),
        ("1,2,345", "1,2,345"),
    ],
)
def test_lakhs_and_crores_are_read_where_they_are_declared(text: str, wanted: str) -> None:
    assert one(INDIAN, text) == wanted
    assert one(POINT, "1,23,456.78") == "1,23,456.78"
