"""Wrong parameters are refused when declared; values that are wrong by a cleaner are refused; typed values are left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipeline.contract import Cleaner, ContractError, clean
from pipeline.contract.registry import load_datasets

COMMA = clean.number(decimal=",", thousands=".")
Declare = Callable[[], Cleaner]

WRONG: dict[str, tuple[Declare, str, str]] = {
    # what is wrong: (declaration, cause holds, remedy holds)
    "an unknown form": (lambda: clean.unicode("NFX"), "'NFX'", "NFC, NFD"),  # type: ignore[arg-type]
    "unknown breaks": (lambda: clean.control(breaks="tab"), "'tab'", '"keep"'),  # type: ignore[arg-type]
    "a null word that is a truth value": (lambda: clean.nulls(True), "are True", "give texts and numbers"),
    "no default": (lambda: clean.default(""), "value is ''", "not empty"),
    "nothing to replace": (lambda: clean.replace("", "x"), "old is ''", "not empty"),
    "a broken pattern": (lambda: clean.regex("(", "x"), "unclosed group", "correct it"),
    "look-around": (lambda: clean.regex("a(?=b)", "x"), "look-around", "correct it"),
    "a group that is not there": (lambda: clean.regex("(a)", "$2"), "'2'", "${1}"),
    "a group with letters behind": (lambda: clean.regex("(a)", "$1b"), "'1b'", "${1}"),
    "no width": (lambda: clean.pad(0), "width is 0", "from 1"),
    "two characters to pad with": (lambda: clean.pad(3, "00"), "'00'", "one character"),
    "tags as one text": (lambda: clean.sanitise(tags="b"), "'b'", "a list"),
    "scripts allowed": (lambda: clean.sanitise(tags=["b", "script"]), "script", "take them out"),
    "attributes as a list": (lambda: clean.sanitise(attributes=["href"]), "['href']", "a mapping"),  # type: ignore[arg-type]
    "one sign for both": (lambda: clean.number(",", ","), "','", "decimal="),
    "a digit between thousands": (lambda: clean.number(".", "0"), "'0'", "decimal="),
    "a letter before decimals": (lambda: clean.number("e", ","), "'e'", "decimal="),
    "a blank before decimals": (lambda: clean.number(" ", ","), "' '", "a point or a comma"),
    "a word for both": (lambda: clean.boolean(true=["X"], false=["x"]), "'x'", "one of them"),
    "words as one text": (lambda: clean.boolean(true="yes"), "'yes'", "a list"),
    "an unknown language": (lambda: clean.boolean(languages=["xx"]), "'xx'", "en, de"),
    "no word at all": (lambda: clean.boolean(languages=[]), "no word", "true=[…]"),
    "no format": (lambda: clean.date(), "no format", "%d.%m.%Y"),
    "an unknown directive": (lambda: clean.date("%d.%m.%Q"), "%Q", "%Y"),
    "a percent sign at the end": (lambda: clean.date("%d.%m.%Y%"), "% in", "%Y"),
    "a directive twice": (lambda: clean.date("%d.%d.%Y"), "twice", "once"),
    "no year": (lambda: clean.date("%d.%m."), "one date", "%Y"),
    "no day": (lambda: clean.date("%m.%Y"), "one date", "%d"),
    "two digits without a pivot": (lambda: clean.date("%d.%m.%y"), "two digits", "pivot=1950"),
    "a pivot of two digits": (lambda: clean.date("%d.%m.%y", pivot="50"), "'50'", "pivot=1950"),  # type: ignore[arg-type]
    "a time in a date": (lambda: clean.date("%d.%m.%Y %H:%M"), "time of day", "clean.datetime"),
    "half a day": (lambda: clean.datetime("%d.%m.%Y %I:%M"), "one hour", "%p"),
    "an hour without minutes": (lambda: clean.datetime("%d.%m.%Y %H"), "without minutes", "%M"),
    "seconds without minutes": (lambda: clean.datetime("%d.%m.%Y %S"), "%S without %M", "add"),
    "an unknown language of months": (lambda: clean.date("%d %B %Y", languages="xx"), "'xx'", "en, de"),
    "auto and more": (lambda: clean.date("auto", "%d/%m/%Y"), '"auto"', "alone"),
    "day or month first": (lambda: clean.date("%d/%m/%Y", "%m/%d/%Y"), "'03/02/2001'", "declare one"),
    "day or year first": (
        lambda: clean.date("%d/%m/%y", "%y/%m/%d", pivot=1950),
        "2001-02-03",
        "declare one",
    ),
    "day or year first, months by name": (
        lambda: clean.date("%d %b %y", "%y %b %d", languages="fr", pivot=1950),
        "'03 avr 01'",
        "declare one",
    ),
    "day or month first, with a time": (
        lambda: clean.datetime("%d.%m.%Y %H:%M", "%m.%d.%Y %H:%M"),
        "'%m.%d.%Y %H:%M'",
        "declare one",
    ),
    "an unknown calendar": (lambda: clean.excel_date(1901), "1901", "1904"),
    "an unknown unit": (lambda: clean.epoch("min"), "'min'", "one of them"),  # type: ignore[arg-type]
    "an empty table": (lambda: clean.map({}), "empty", '"male"'),
    "a table of numbers": (lambda: clean.map({1: "one"}), "1 → 'one'", "as text"),  # type: ignore[dict-item]
    "a value twice": (lambda: clean.map({"a": "x", "A": "y"}, ignore_case=True), "'x' and 'y'", "leave one"),
    "no table": (lambda: clean.map(["a"]), "no table", "CSV"),  # type: ignore[arg-type]
    "an unknown rest": (lambda: clean.map({"a": "b"}, other="drop"), "'drop'", '"reject"'),  # type: ignore[arg-type]
    "a file that is not there": (lambda: clean.map("missing.csv"), "missing.csv", "CSV file"),
    "a negative rest of a mask": (lambda: clean.mask(keep_last=-1), "-1", "from 0"),
    "two characters of a mask": (lambda: clean.mask(char="**"), "'**'", "one character"),
    "nothing instead": (lambda: clean.redact(""), "''", "not empty"),
    "no name of a key": (lambda: clean.hash(""), "''", "not empty"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_parameter_is_refused_with_cause_and_remedy(what: str) -> None:
    declare, cause, remedy = WRONG[what]
    with pytest.raises(ValueError, match=r"^clean\.\w+: ") as caught:
        declare()
    told, _, advice = str(caught.value).partition("; ")
    assert cause in told
    assert remedy in advice or remedy in told


@pytest.mark.parametrize("text", ["a,b,c\n1,2,3\n", "code\nHR\n", 'code,name\n"HR,x\n'])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"table\.csv"):
        clean.map(path)


def test_a_module_with_such_a_cleaner_is_refused_by_name(tmp_path: Path) -> None:
    module = tmp_path / "visits.py"
    module.write_text("from pipeline.contract import clean\nborn = clean.date('%d/%m/%Y', '%m/%d/%Y')\n")
    with pytest.raises(
        ContractError, match=r"visits\.py does not import: clean\.date: .* declare one of them"
    ):
        load_datasets([str(tmp_path)])


@pytest.mark.parametrize(
    "formats",
    [
        ("%d/%m/%Y", "%d/%m/%y"),
        ("%d.%m.%Y", "%m/%d/%Y"),
        ("%d %B %Y", "%B %d, %Y", "%Y-%m-%d"),
        ("%d/%m/%Y", "%Y/%m/%d"),
    ],
)
def test_formats_that_no_text_fits_twice_stand_together(formats: tuple[str, ...]) -> None:
    assert clean.date(*formats, pivot=1950).name == "date"


def test_a_point_is_refused_where_a_comma_is_declared() -> None:
    column = pl.Series("v", ["1.234", "12.5", "1,5", "0.125", None, "x", "5", " -.5 ", "1.234,5", "1.5e3"])
    assert COMMA.refused(column).to_list() == [1, 3, 7, 9]
    assert clean.number().refused(column).to_list() == []


def test_the_text_of_typed_values_is_left_alone_and_not_refused() -> None:
    column = pl.Series("v", ["1.234", "1.234", "12.5", "12.5", "1,5", None])
    canonical = pl.Series([True, False, True, False, False, True])
    after, changed = COMMA.apply_counted(column, canonical)
    assert (after.to_list(), changed) == (["1.234", "1234", "12.5", "12.5", "1.5", None], 2)
    assert COMMA.refused(column, canonical).to_list() == [3]
    assert clean.strip.apply(pl.Series([" 5 "]), pl.Series([True])).to_list() == ["5"]


def test_only_what_goes_by_the_customs_of_a_place_spares_typed_values() -> None:
    assert COMMA.by_locale
    assert clean.date("%Y-%d-%m").by_locale
    rest = [clean.number(), clean.date("%d.%m.%Y"), clean.excel_date(), clean.epoch(), clean.pad(5)]
    assert not any(cleaner.by_locale for cleaner in rest)
    assert clean.date("%Y-%d-%m").apply(pl.Series(["2024-02-01"]), pl.Series([True])).to_list() == [
        "2024-02-01"
    ]


def test_a_table_refuses_what_is_not_in_it() -> None:
    cleaner = clean.map({"M": "male", "F": None}, other="reject")
    assert cleaner.refused(pl.Series(["M", "x", None, "male", "F"])).to_list() == [1, 3]
    assert cleaner.refusal.format(value="x") == "`x` is not in the table, which has 'M', 'F'"


def test_auto_refuses_what_has_two_orders_and_says_what_to_declare() -> None:
    cleaner = clean.date("auto")
    column = pl.Series(["03/04/2024", "31.1.2024", "1-2-24", "2024-01-05", None, "13/13/2024 10:00"])
    assert cleaner.refused(column).to_list() == [0, 2, 5]
    assert 'clean.date("%d/%m/%Y")' in cleaner.refusal
