"""What holds for every cleaner: nulls, length, its input, counting, running twice, and leaving alone what a cast reads."""

from __future__ import annotations

import unicodedata
from datetime import date, time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract import Cleaner, clean
from pipeline.ingest.casts import CastMemory, cast

KEY = b"0123456789abcdef" * 2
ALL: dict[str, Cleaner] = {
    "strip": clean.strip,
    "spaces": clean.spaces,
    "lower": clean.lower,
    "upper": clean.upper,
    "title": clean.title,
    "capitalise": clean.capitalise,
    "digits": clean.digits,
    "unicode": clean.unicode(),
    "unicode, plain letters": clean.unicode("NFKC"),
    "control": clean.control(),
    "control, breaks stay": clean.control(breaks="keep"),
    "nulls": clean.nulls(),
    "nulls, of numbers": clean.nulls("0", "9999"),
    "replace": clean.replace("a", "b"),
    "regex": clean.regex(r"[a-c]+", "x"),
    "pad": clean.pad(5),
    "pad, dots": clean.pad(4, "."),
    "html": clean.html,
    "sanitise": clean.sanitise(),
    "number": clean.number(),
    "number, decimal comma": clean.number(",", "."),
    "number, percent": clean.number(percent=True),
    "number, lakhs": clean.number(grouping="indian"),
    "round": clean.round(1),
    "boolean": clean.boolean(),
    "boolean, the other way round": clean.boolean(true=["no"], false=["yes"]),
    "date": clean.date("%d.%m.%Y", "%d %B %Y", "%m/%d/%y", pivot=1950),
    "date, odd": clean.date("%Y-%d-%m"),
    "date, digits": clean.date("%d%m%Y"),
    "date, auto": clean.date("auto"),
    "datetime": clean.datetime("%d.%m.%Y %H:%M", "%d-%m-%y %H:%M:%S", pivot=1950),
    "datetime, auto": clean.datetime("auto"),
    "excel_date": clean.excel_date(),
    "excel_date, 1904": clean.excel_date(1904),
    "epoch": clean.epoch("s"),
    "map": clean.map({"a": "b", "0": None}),
    "map, others null": clean.map({"a": "b"}, other="null"),
    "mask": clean.mask(),
    "redact": clean.redact(),
    "hash": clean.hash().bound(lambda name: KEY),
    "custom": clean.custom("same", lambda value: value.str.to_lowercase()),
}
HOSTILE = [
    *(
        " A  b ",
        None,
        "€ 1,234.50",
        "x",
        "17",
        "",
        "ÄÖ",
        None,
        "0",
        "a\x00\tb",
        "<b>x</b> &amp;",
        "Mu\u0308ller",
    ),
    *(
        "31.1.2024",
        "1/31/24",
        "5 Mar 2024",
        "31.1.2024 8:05",
        "45123.5",
        "99999999999999999999",
        "-",
        "NO",
        "(5)",
    ),
    *(
        "😀👩‍👩‍👧",
        "\u202eabc",
        "ﬁ",
        "İ",
        "\ufeff",
        "$1",
        "%",
        "\\1",
        "1e309",
        "nan",
        "٣٤",
        "2024-13-01",
        "a" * 500,
    ),
]
# Running one of these again finds something new to do, and should: an entity in what came out of entities, a hash, a point
# that stood for a comma.
NOT_TWICE = {"html", "hash", "regex", "pad, dots", "map", "number, decimal comma", "date, odd"}

texts = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.from_regex(
        r"[-+( ]{0,2}[€$]? ?[0-9]{1,4}([., '][0-9]{3}){0,2}([.,][0-9]{0,3})?[)% -]{0,2}", fullmatch=True
    ),
    st.from_regex(
        r"[0-9]{1,4}[./ -]([0-9]{1,2}|mar|Mai)[./ -][0-9]{1,4}( [0-9]{1,2}:[0-9]{2})?", fullmatch=True
    ),
    st.sampled_from([text for text in HOSTILE if text]),
)
columns = st.lists(texts, max_size=60).map(lambda values: pl.Series("v", values, pl.String))


@pytest.mark.parametrize("name", ALL)
def test_nulls_length_and_name_stay(name: str) -> None:
    result = ALL[name].apply(pl.Series("v", HOSTILE))
    assert (result.name, result.dtype, len(result)) == ("v", pl.String, len(HOSTILE))
    assert (result[1], result[7]) == (None, None)


@pytest.mark.parametrize("name", ALL)
def test_the_input_and_the_frame_it_came_from_stay(name: str) -> None:
    frame = pl.DataFrame({"v": HOSTILE})
    ALL[name].apply_counted(frame["v"].rename("other"))
    ALL[name].refused(frame["v"])
    assert frame["v"].to_list() == HOSTILE


@pytest.mark.parametrize("name", ALL)
def test_a_column_without_rows_or_values_is_taken(name: str) -> None:
    empty = pl.Series("v", [], pl.String)
    assert ALL[name].apply_counted(empty)[0].to_list() == []
    assert ALL[name].apply_counted(pl.Series("v", [None, None], pl.String))[1] == 0


@pytest.mark.parametrize("name", sorted(ALL))
@settings(max_examples=6)
@given(column=columns)
def test_what_is_counted_is_what_differs_and_no_value_depends_on_others(name: str, column: pl.Series) -> None:
    before = column.to_list()
    after, changed = ALL[name].apply_counted(column)
    assert changed == sum(old != new for old, new in zip(before, after.to_list(), strict=True))
    for part in (slice(None, None, 2), slice(1, None, 2), slice(0, 1)):
        assert ALL[name].apply(column[part]).to_list() == after[part].to_list()


@pytest.mark.parametrize("name", sorted(set(ALL) - NOT_TWICE))
@settings(max_examples=6)
@given(column=columns)
def test_running_twice_changes_nothing_more(name: str, column: pl.Series) -> None:
    once = ALL[name].apply(column)
    assert ALL[name].apply(once).to_list() == once.to_list()


WRITTEN = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.decimals(-(10**6), 10**6, places=2).map(str),
    st.dates(date(1, 1, 1)).map(str),
    st.dates(date(1, 1, 1)).map(lambda day: f"{day.year:04}/{day.month:02}/{day.day:02}"),
    st.dates(date(1, 1, 1)).map(lambda day: f"{day.year:04}{day.month:02}{day.day:02}"),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes().map(lambda moment: f"{moment:%Y-%m-%d %H:%M}+01:00"),
    st.times(time(0)).map(str),
    st.from_regex(r"[0-9]{1,4}[-/.]?[0-9]{1,2}[-/.]?[0-9]{1,4}( [0-9]{1,2}:[0-9]{2})?", fullmatch=True),
    st.sampled_from(
        ["true", "F", "Yes", "n", "1", "0", "nan", "inf", "-Infinity", " 5 ", "5\t", "+5", "1e3", "5."]
    ),
)
TYPES = [pl.Int64(), pl.Float64(), pl.Decimal(18, 2), pl.Boolean(), pl.Date(), pl.Time(), pl.Datetime("us")]


def _cast(column: pl.Series, dtype: pl.DataType) -> pl.Series:
    return cast(column, dtype, "UTC", CastMemory())


@pytest.mark.parametrize("name", [name for name, cleaner in ALL.items() if cleaner.mends])
@settings(max_examples=6)
@given(values=st.lists(WRITTEN, min_size=1, max_size=80))
def test_a_cleaner_that_mends_leaves_alone_what_a_cast_reads(name: str, values: list[str]) -> None:
    column = pl.Series("v", values)
    cleaned = ALL[name].apply(column)
    for dtype in [pl.Boolean()] if name == "boolean" else TYPES:
        direct, after = _cast(column, dtype), _cast(cleaned, dtype)
        read = direct.is_not_null()
        assert after.filter(read).to_list() == direct.filter(read).to_list()


def test_which_cleaners_mend() -> None:
    assert {name for name, cleaner in ALL.items() if cleaner.mends} == {
        *(
            "strip",
            "spaces",
            "unicode",
            "unicode, plain letters",
            "control",
            "control, breaks stay",
            "nulls",
            "html",
        ),
        *(
            "number",
            "number, percent",
            "number, lakhs",
            "boolean",
            "date",
            "date, auto",
            "datetime",
            "datetime, auto",
        ),
    }


def test_what_composing_may_change_begins_where_it_is_looked_for() -> None:
    plain = [chr(code) for code in range(0x300)]
    assert [unicodedata.normalize("NFC", one) for one in plain] == plain
    assert unicodedata.is_normalized("NFC", "".join(plain))


def test_what_capitalising_may_change_is_what_is_looked_for() -> None:
    letters = [chr(code) for code in range(0x20000) if not 0xD800 <= code < 0xE000]
    column = pl.Series("v", [*letters, *("A" + letter for letter in letters)])
    changed = column.to_frame().select(clean.capitalise.change(pl.col("v"))).to_series()
    assert clean.capitalise.apply(column).to_list() == changed.to_list()
