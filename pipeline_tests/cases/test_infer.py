"""Modules that `pipeline infer` wrote and that made other values of a file's than it holds: signs, digits, codes; and modules
for several files.

What belongs here: the cases of these kinds with their right values, and further inputs of the same kinds. That every row passes is
tested in `pipeline_tests/infer`.
"""

from __future__ import annotations

import csv
import json
import tempfile
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.contract.registry import load_datasets
from pipeline.infer import NotOneKind, infer
from pipeline.ingest import stage
from pipeline.settings import Settings
from pipeline_tests.infer.support import Trip, csv_trip, round_trip
from pipeline_tests.ingest.support import clean_rows

CASES = Path(__file__).parent
THOUSANDS = 'clean.number(decimal=",", thousands=".")'


def loaded(trip: Trip, name: str) -> list[object]:
    """The values of a column as they are loaded."""
    assert trip.rejected == []
    return clean_rows(trip.staged)[name].to_list()


def said(trip: Trip) -> str:
    """All comments of the module as one text."""
    lines = [line.strip() for line in trip.inferred.text.splitlines()]
    return " ".join(line.strip("# ") for line in lines if line.startswith("#"))


def table(rows: list[list[str]], delimiter: str = ";") -> str:
    """Rows as delimited text."""
    return "".join(delimiter.join(row) + "\n" for row in rows)


def test_a_column_of_decimal_commas_tells_that_points_part_thousands(tmp_path: Path) -> None:
    trip = round_trip(CASES / "i1-infer-thousands" / "eur.csv", tmp_path)
    assert loaded(trip, "turnover") == [1234, 2345, 9123, 1000]
    assert loaded(trip, "avg") == [12.5, 13.75, 1.2, 2.1]
    assert "the point parts thousands" in said(trip)


def test_where_nothing_tells_points_stay_text_with_a_comment(tmp_path: Path) -> None:
    trip = round_trip(CASES / "i1-infer-thousands" / "eur2.csv", tmp_path)
    assert loaded(trip, "turnover") == ["1.234", "2.345", "9.123", "1.000"]
    assert 'Is the sign in "1.234" one of decimals or of thousands?' in said(trip) and THOUSANDS in said(trip)


SALES = [["shop", "turnover", "other"], *([f"S{row}", f"{row}.{row:03}", "x"] for row in range(1, 40))]


@pytest.mark.parametrize(
    ("other", "delimiter", "wanted"),
    [
        ("12,50", ";", 1001),
        ("12,50", "\t", 1001),
        ("1,5%", ";", 1001),
        ("€ 1.234.567", ";", 1001),
        ("12.50", ";", 1.001),
        ("12.5", ",", 1.001),
        ("1.5 %", ",", 1.001),
        ("5", ";", "1.001"),
        ("x", ",", "1.001"),
    ],
)
def test_one_notation_of_numbers_holds_for_a_file(
    tmp_path: Path, other: str, delimiter: str, wanted: object
) -> None:
    rows = [SALES[0], *([*row[:2], other] for row in SALES[1:])]
    trip = csv_trip(tmp_path, table(rows, delimiter), chunk_rows=10)
    value = loaded(trip, "turnover")[0]
    assert value == wanted or (isinstance(value, Decimal) and float(value) == wanted)


@pytest.mark.parametrize("late", ["0.125", "12.5", "1234.567", "1.2345", "5.", "1.5e3"])
def test_one_value_that_thousands_cannot_explain_is_enough_wherever_it_stands(
    tmp_path: Path, late: str
) -> None:
    values = ["1.234", "22", "-3.456"] * 10 + [late]
    trip = csv_trip(tmp_path, table([["item", "weight"], *(["x", value] for value in values)]), chunk_rows=8)
    assert loaded(trip, "weight")[:3] == [1.234, 22, -3.456]


def test_one_value_that_decimals_cannot_explain_is_enough_too(tmp_path: Path) -> None:
    values = ["1.234", "22"] * 10 + ["1.234.567"]
    trip = csv_trip(tmp_path, table([["item", "weight"], *(["x", value] for value in values)]), chunk_rows=8)
    assert loaded(trip, "weight")[:2] == [1234, 22]


def test_where_columns_tell_both_a_third_is_not_guessed(tmp_path: Path) -> None:
    rows = [["a", "b", "c"], *(["12,5", "12.5", f"{row}.234"] for row in range(1, 9))]
    trip = csv_trip(tmp_path, table(rows))
    assert (loaded(trip, "a")[0], loaded(trip, "b")[0], loaded(trip, "c")[0]) == (12.5, 12.5, "1.234")


def test_places_on_the_globe_have_points_and_tell_nothing_of_others(tmp_path: Path) -> None:
    rows = [["lat", "turnover"], *([f"{row + 50}.123", f"{row}.234"] for row in range(1, 9))]
    trip = csv_trip(tmp_path, table(rows))
    assert (loaded(trip, "lat")[0], loaded(trip, "turnover")[0]) == (51.123, "1.234")


def test_numbers_that_are_typed_in_the_file_are_in_no_doubt(tmp_path: Path) -> None:
    lines = [json.dumps({"item": "x", "weight": 1.234 + row}) for row in range(5)]
    path = tmp_path / "typed.ndjson"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert loaded(round_trip(path, tmp_path), "weight")[0] == 1.234
    book = openpyxl.Workbook()
    for row in (["item", "weight", "typed"], ["x", 1.234, "1.234"], ["y", 5.678, "5.678"]):
        book.worksheets[0].append(row)
    book.save(tmp_path / "cells.xlsx")
    trip = round_trip(tmp_path / "cells.xlsx", tmp_path)
    assert (loaded(trip, "weight"), loaded(trip, "typed")) == ([1.234, 5.678], ["1.234", "5.678"])


def test_no_digit_of_a_number_or_a_time_is_lost(tmp_path: Path) -> None:
    path = CASES / "i2-infer-loses-digits" / "prec.csv"
    trip = round_trip(path, tmp_path)
    with path.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    for name in ("amount", "rate"):
        assert loaded(trip, name) == [Decimal(row[name]) for row in rows]
    for name in ("ts", "code", "version"):
        assert loaded(trip, name) == [row[name] for row in rows]
    assert "more digits of a second than a table holds" in said(trip)
    assert '"12E5" may be a code' in said(trip) and "versions by their name" in said(trip)


def one_column(tmp_path: Path, header: str, values: list[str], chunk_rows: int = 100_000) -> Trip:
    """A file of one column and one of words."""
    rows = [["word", header], *(["x", value] for value in values)]
    return csv_trip(tmp_path, table(rows), chunk_rows=chunk_rows)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["0.1", "0.30000000000000004"], "Float64"),
        (["0.1", "0.10000000000000001"], "Decimal(precision=22, scale=17)"),
        (["1e-7", "1.0000000000000000123"], "String"),
        (["1.5e-400", "1"], "String"),
        (["1e-7", "1.0000000000000001e-01", "2.9999999999999999e-01"], "Float64"),
        (["12345678901234567.0", "1.5"], "Decimal(precision=22, scale=1)"),
        (["1." + "1" * 40, "2.5"], "String"),
        (["99999999999999999999999999999999999.25", "1"], "Decimal(precision=38, scale=2)"),
    ],
)
def test_a_type_holds_all_digits_or_it_is_text(tmp_path: Path, values: list[str], dtype: str) -> None:
    trip = one_column(tmp_path, "rate", values)
    assert trip.columns["rate"] == dtype
    after = loaded(trip, "rate")
    if dtype == "Float64":
        assert after == [float(text) for text in values]
    else:
        assert [Decimal(str(value)) for value in after] == [Decimal(text) for text in values]


NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,20})?", fullmatch=True)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(values=st.lists(NUMBERS, min_size=1, max_size=12))
def test_what_is_loaded_is_what_stands_in_the_file(values: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        values = loaded_texts = [*values, "0.5"]
        trip = one_column(Path(folder), "rate", values, chunk_rows=5)
        after = loaded(trip, "rate")
    assert [Decimal(str(value)) for value in after] == [Decimal(text) for text in loaded_texts]


@pytest.mark.parametrize(
    "late", ["2024-01-01T00:00:00.1234567Z", "2024-01-01 00:00:00.000000001", "2024-01-01T00:00:00.123456789"]
)
def test_times_finer_than_microseconds_are_text(tmp_path: Path, late: str) -> None:
    values = ["2024-01-01T00:00:00.123456", "2024-01-01T00:00:01"] * 9 + [late]
    trip = one_column(tmp_path, "at", values, chunk_rows=6)
    assert loaded(trip, "at")[-1] == late
    assert "more digits of a second" in said(trip)


def test_zeros_beyond_microseconds_lose_nothing(tmp_path: Path) -> None:
    trip = one_column(tmp_path, "at", ["2024-01-01T00:00:00.123456000", "2024-01-01T00:00:01.5"])
    assert loaded(trip, "at")[0] == datetime(2024, 1, 1, 0, 0, 0, 123456)  # noqa: DTZ001


def test_typed_times_of_nanoseconds_are_text_with_all_their_digits(tmp_path: Path) -> None:
    path = tmp_path / "ns.parquet"
    at = pl.Series("at", [1_700_000_000_123_456_789, 1_700_000_000_123_456_788]).cast(pl.Datetime("ns"))
    pl.DataFrame([pl.Series("word", ["x", "y"]), at]).write_parquet(path)
    trip = round_trip(path, tmp_path)
    assert loaded(trip, "at") == ["2023-11-14T22:13:20.123456789", "2023-11-14T22:13:20.123456788"]
    assert "more digits of a second" in said(trip)


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("part", ["12E5", "34E7", "5E10", "7E2"]),
        ("part", ["1234", "5678", "12E5"]),
        ("part", ["12e5", "3", "2.5"]),
        ("version", ["1.1", "1.10", "1.2", "1.20"]),
        ("release", ["1.1", "1.2"]),
        ("part", ["1.1", "1.10", "1.2", "1.20"]),
        ("part", ["0930", "1015"]),
        ("part", ["010", "12"]),
        ("part", ["0x1A", "1"]),
        ("part", ["1_000", "5"]),
        ("part", ["2E310", "12E5"]),
    ],
)
def test_codes_that_look_like_numbers_stay_as_they_are(
    tmp_path: Path, header: str, values: list[str]
) -> None:
    trip = one_column(tmp_path, header, values * 3, chunk_rows=4)
    assert loaded(trip, header) == values * 3


@pytest.mark.parametrize(
    ("header", "values", "wanted"),
    [
        ("mass", ["12E5", "3.2E-7"], [12e5, 3.2e-7]),
        ("mass", ["1.5E10", "2E3"], [1.5e10, 2e3]),
        ("mass", ["1e+05", "2e3"], [1e5, 2e3]),
        ("price", ["1.5", "1.50", "2.25"], [Decimal("1.5"), Decimal("1.5"), Decimal("2.25")]),
        ("size", ["150.5", "150.50", "2.25"], [150.5, 150.5, 2.25]),
        ("size", ["1.50", "2.25", "3.00"], [1.5, 2.25, 3.0]),
    ],
)
def test_numbers_that_are_no_codes_stay_numbers(
    tmp_path: Path, header: str, values: list[str], wanted: list[object]
) -> None:
    assert loaded(one_column(tmp_path, header, values), header) == wanted


@pytest.mark.parametrize(
    ("header", "values", "key"),
    [
        ("token", [f"{row * 7919 % 100_003:05x}" for row in range(1, 150)], ()),
        ("seats", [str(row * 7919 % 100_003) for row in range(1, 150)], ()),
        ("valid", [f"v{row * 7919 % 100_003}" for row in range(1, 150)], ()),
        ("place", [str(row) for row in range(1, 150)], ("place",)),
        ("token_id", [f"{row * 7919 % 100_003:05x}" for row in range(1, 150)], ("token_id",)),
        ("code", [f"{row * 7919 % 100_003:05x}" for row in range(1, 150)], ("code",)),
        ("token", [f"f47ac10b-58cc-4372-a567-{row:012x}" for row in range(1, 150)], ("token",)),
    ],
)
def test_values_that_happen_to_differ_are_a_key_by_name_or_form_only(
    tmp_path: Path, header: str, values: list[str], key: tuple[str, ...]
) -> None:
    rows = [[header, "word"], *([value, "x"] for value in values)]
    trip = csv_trip(tmp_path, table(rows))
    assert tuple(trip.dataset.key) == key
    assert trip.rejected == []


@dataclass(frozen=True)
class Together:
    """One module for several files, and the rows of each loaded under it."""

    text: str
    key: tuple[str, ...]
    columns: dict[str, str]
    rows: dict[str, list[object]]


def together(folder: Path, **texts: str) -> Together:
    """Infer a module for files (name without ending → text), and load every one of them under it."""
    paths = []
    for name, text in texts.items():
        path = folder / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return together_of(folder, paths)


def together_of(folder: Path, paths: list[Path]) -> Together:
    """As `together`, of files that are there."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    made = Settings(home=home, settle_seconds=0, chunk_rows=4)
    inferred = infer(paths, made)
    module = folder / "datasets" / f"{inferred.name}.py"
    module.parent.mkdir(exist_ok=True)
    module.write_text(inferred.text, encoding="utf-8")
    dataset = load_datasets([str(module)])[inferred.name]
    rows: dict[str, list[object]] = {column.name: [] for column in dataset.columns}
    for path in paths:
        staged = stage(path, dataset, made)
        assert staged.manifest.rows_rejected == 0
        frame = clean_rows(staged)
        for name in rows:
            rows[name] += frame[name].to_list() if frame.height else []
    columns = {column.name: str(column.dtype) for column in dataset.columns}
    return Together(inferred.text, tuple(dataset.key), columns, rows)


def test_types_hold_for_all_files_and_what_one_lacks_may_be_missing(tmp_path: Path) -> None:
    found = together(
        tmp_path,
        day1="id,units,note\n1,5,a\n2,6,b\n",
        day2="ID,units,extra\n3,7.5,2024-01-01\n4,8,2024-01-02\n",
        day3="id,units\n5,9\n",
    )
    assert found.columns == {"id": "Int64", "units": "Float64", "note": "String", "extra": "Date"}
    assert found.rows["units"] == [5.0, 6.0, 7.5, 8.0, 9.0]
    assert found.rows["note"] == ["a", "b", None, None, None]
    assert found.key == ("id",)
    assert "# Not in day2.csv and day3.csv." in found.text and "# Not in day1.csv and day3.csv." in found.text
    assert "as inferred from day1.csv, day2.csv and day3.csv: 5 rows" in found.text


def test_what_stands_in_two_files_is_no_key(tmp_path: Path) -> None:
    assert together(tmp_path, a="id,x\n1,a\n2,b\n", b="id,x\n2,a\n3,b\n").key == ()


def test_a_file_without_rows_lacks_columns_too(tmp_path: Path) -> None:
    found = together(tmp_path, a="id,x,y\n1,a,b\n2,b,c\n", b="id,x\n")
    assert "y: str = pa.Field(nullable=True)" in found.text
    assert found.rows["y"] == ["b", "c"]


DAY1 = "shop;turnover;avg;day\nA;1.234;12,50;31/01/2024\nB;2.345;1,5;02/01/2024\n"


@pytest.mark.parametrize(
    ("other", "turnover", "day"),
    [
        ("shop;turnover;avg;day\nC;3.456;2,5;30/01/2024\n", [1234, 2345, 3456], "Datetime"),
        ("shop;turnover;avg;day\nC;3.456;2,5;2024-01-30\n", [1234, 2345, 3456], "Datetime"),
        ("shop;turnover;avg;day\nC;1.5;2.5;01/30/2024\n", ["1.234", "2.345", "1.5"], "String"),
        ("shop;turnover;avg;day\nC;3.456;2.5;01/30/2024\n", ["1.234", "2.345", "3.456"], "String"),
    ],
)
def test_files_write_numbers_and_days_in_one_way_or_it_is_said(
    tmp_path: Path, other: str, turnover: list[object], day: str
) -> None:
    found = together(tmp_path, sales_1=DAY1, sales_2=other)
    assert found.rows["turnover"] == turnover
    assert found.columns["day"].startswith(day)
    two_ways = (
        "Numbers are written in two ways: a decimal comma in sales_1.csv, a decimal point in sales_2.csv."
    )
    said = " ".join(line.strip(" #") for line in found.text.splitlines())
    assert (two_ways in said) == (day == "String")
    assert ('clean.date("%m/%d/%Y") in sales_2.csv' in said) == (day == "String")


def test_typed_files_agree_on_a_type_that_holds_all(tmp_path: Path) -> None:
    frames = [
        pl.DataFrame({"n": [1, 2], "when": [date(2024, 1, 1)] * 2, "t": ["5", "6"]}),
        pl.DataFrame({"n": [1.5, 2.0], "when": [date(2024, 1, 2)] * 2, "t": [7, 8]}),
    ]
    paths = [tmp_path / f"part{number}.parquet" for number in range(2)]
    for path, frame in zip(paths, frames, strict=True):
        frame.write_parquet(path)
    found = together_of(tmp_path, paths)
    assert found.columns["n"] == "Float64" and found.columns["t"] == "Int64"
    assert (found.rows["n"], found.rows["t"]) == ([1.0, 2.0, 1.5, 2.0], [5, 6, 7, 8])


def test_files_that_are_no_files_of_one_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotOneKind, match=r"b\.csv has no column in common with a\.csv"):
        together(tmp_path, a="id,x\n1,a\n", b="k,l\n1,a\n")
    for name, text in {"a": "id,x\n1,a\n", "b": "k,l\n1,a\n"}.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["infer", str(tmp_path / "a.csv"), str(tmp_path / "b.csv")])
    assert (done.exit_code, done.stdout) == (2, "") and "no column in common" in done.stderr
    again = CliRunner().invoke(app, ["infer", str(tmp_path / "a.csv"), str(tmp_path / "none.csv")])
    assert again.exit_code == 2 and "There is no file" in again.stderr


def test_the_command_takes_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_HOME", str(tmp_path / "home"))
    for number in (1, 2):
        text = f"id,x\n{number}1,a\n{number}2,b\n"
        (tmp_path / f"orders_2024-01-0{number}.csv").write_text(text, encoding="utf-8")
    files = [str(path) for path in sorted(tmp_path.glob("orders*.csv"))]
    done = CliRunner().invoke(app, ["infer", *files, "--json"])
    found = json.loads(done.stdout)
    assert (found["dataset"], found["rows"], found["columns"]) == ("orders", 4, 2)


BACK = ["2024-10-27 01:30:00", "2024-10-27 02:30:00", "2024-10-27 03:30:00", "2024-10-28 00:00:00"]


@pytest.mark.parametrize(
    ("zone", "count", "first"),
    [
        ("Europe/Berlin", 1, "2024-10-26T23:30"),
        ("America/New_York", 0, "2024-10-27T05:30"),
    ],
)
def test_times_that_the_clocks_of_a_zone_show_twice_are_counted(
    tmp_path: Path, zone: str, count: int, first: str
) -> None:
    path = tmp_path / "clock.csv"
    path.write_text(table([["word", "at"], *(["x", text] for text in BACK)]), encoding="utf-8")
    made = Settings(home=tmp_path, settle_seconds=0)
    inferred = infer(path, made, zone=zone)
    assert f'timezone="{zone}"' in inferred.text
    assert (
        f"The clocks of {zone} show {count} of these twice" in inferred.text.replace("\n    # ", " ")
    ) == bool(count)
    module = tmp_path / "clock.py"
    module.write_text(inferred.text, encoding="utf-8")
    staged = stage(path, load_datasets([str(module)])["clock"], made)
    assert clean_rows(staged)["at"][0] == datetime.fromisoformat(first)


def test_a_time_that_the_clocks_skip_makes_a_column_text(tmp_path: Path) -> None:
    path = tmp_path / "clock.csv"
    times = [f"2024-03-31 0{hour}:30:00" for hour in (0, 1, 2, 3)] * 5
    path.write_text(table([["word", "at"], *(["x", text] for text in times)]), encoding="utf-8")
    assert "at: str" in infer(path, Settings(home=tmp_path), zone="Europe/Berlin").text
    assert "at: datetime" in infer(path, Settings(home=tmp_path)).text


def test_a_zone_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clock.csv"
    path.write_text("word;at\nx;2024-10-27 01:30:00\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["infer", str(path), "--timezone", "Berlin"])
    assert done.exit_code == 2 and "no time zone 'Berlin'" in " ".join(done.stderr.split())
