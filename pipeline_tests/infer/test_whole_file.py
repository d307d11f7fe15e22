"""Decisions rest on the whole file, whatever its first rows look like, and on any format."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from pipeline.infer.keys import Uniqueness, hashes_of
from pipeline.infer.scan import bound_memory
from pipeline_tests.infer.support import csv_trip, formatter_complaints, round_trip

CHUNK = 10


def lines(values: list[str], header: str = "id,value") -> str:
    """A CSV file of a running number and the values."""
    return "\n".join([header, *(f"{row},{value}" for row, value in enumerate(values, 1))]) + "\n"


@pytest.mark.parametrize(
    ("late", "dtype"),
    [
        ("5", "Int64"),
        ("5.5", "Float64"),
        ("NA", "Int64"),
        ("", "Int64"),
        ("007", "String"),
        ("x", "String"),
        ("12345678901234567890", "String"),
    ],
)
def test_a_late_row_counts_like_the_first(tmp_path: Path, late: str, dtype: str) -> None:
    trip = csv_trip(tmp_path, lines([*map(str, range(100, 155)), late]), chunk_rows=CHUNK)
    assert trip.columns["value"] == dtype
    assert trip.rejected == []


def test_the_order_of_day_and_month_may_show_late(tmp_path: Path) -> None:
    days = ["01/02/2024"] * 40 + ["31/01/2024"]
    trip = csv_trip(tmp_path, lines(days), chunk_rows=CHUNK)
    assert trip.columns["value"] == "Datetime(time_unit='us', time_zone=None)"
    assert 'clean.date("%d/%m/%Y")' in trip.inferred.text
    both = csv_trip(tmp_path, lines([*days, "01/31/2024"]), chunk_rows=CHUNK)
    assert both.columns["value"] == "String"
    assert trip.rejected == both.rejected == []


def test_a_column_that_is_empty_at_first_is_read_where_it_begins(tmp_path: Path) -> None:
    trip = csv_trip(tmp_path, lines([""] * 35 + ["NA", "3.5", "4.25"]), chunk_rows=CHUNK)
    assert trip.columns["value"] == "Float64"
    assert trip.rejected == []


def test_a_duplicate_in_the_last_row_is_no_key(tmp_path: Path) -> None:
    ids = [*range(1, 58), 1]
    text = "order_id,value\n" + "".join(f"{one},{one % 7}\n" for one in ids)
    assert csv_trip(tmp_path, text, chunk_rows=CHUNK).dataset.key == ()
    assert list(csv_trip(tmp_path, text.removesuffix("1,1\n") + "99,1\n", chunk_rows=CHUNK).dataset.key) == [
        "order_id"
    ]


def test_numbers_that_differ_as_texts_alone_are_no_key(tmp_path: Path) -> None:
    assert csv_trip(tmp_path, "id,value\n5,a\n5.0,b\n6,c\n", chunk_rows=1).dataset.key == ()


def test_two_columns_together_may_be_the_key(tmp_path: Path) -> None:
    days = [f"2024-03-{day:02}" for day in range(1, 31)]
    text = "day,station,level\n" + "".join(
        f"{day},{station},1\n" for day in days for station in ("North", "South", "East", "West")
    )
    trip = csv_trip(tmp_path, text, chunk_rows=CHUNK)
    assert list(trip.dataset.key) == ["day", "station"]
    assert trip.dataset.event_time == "day"
    (window,) = trip.dataset.windows
    assert (window.name, list(window.by)) == ("daily_by_station", ["station"])


def test_a_key_must_not_be_empty(tmp_path: Path) -> None:
    assert csv_trip(tmp_path, "id,value\n1,a\n2,b\n,c\n").dataset.key == ()


def test_records_that_cannot_be_read_are_left_out_of_account(tmp_path: Path) -> None:
    trip = csv_trip(tmp_path, "id,x,y\n1,a,b\n2,c,d,e,f\n3,g,h\n")
    assert (trip.inferred.rows, trip.inferred.rejects) == (2, 1)
    assert trip.staged.manifest.rows_rejected == 1
    assert trip.columns == {"id": "Int64", "x": "String", "y": "String"}


def test_every_type_of_a_parquet_file_is_kept(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "small": pl.Series([1, 2, None], dtype=pl.Int8),
            "huge": pl.Series([2**63, 1, 2], dtype=pl.UInt64),
            "share": [0.5, float("nan"), 2.0],
            "amount": pl.Series([Decimal("1.50"), None, Decimal("2.25")], dtype=pl.Decimal(12, 2)),
            "good": [True, False, None],
            "day": [date(2024, 1, 1)] * 3,
            "at": [datetime(2024, 1, 1, 12, tzinfo=UTC)] * 3,
            "code": ["01", "02", "03"],
            "kind": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
            "tags": [["a"], ["b", "c"], []],
            "parts": [{"x": 1}, {"x": 2}, {"x": None}],
        }
    )
    path = tmp_path / "things.parquet"
    frame.write_parquet(path)
    trip = round_trip(path, tmp_path)
    assert trip.columns == {
        "small": "Int64",
        "huge": "UInt64",
        "share": "Float64",
        "amount": "Decimal(precision=12, scale=2)",
        "good": "Boolean",
        "day": "Date",
        "at": "Datetime(time_unit='us', time_zone=None)",
        "code": "String",
        "kind": "String",
        "tags": "String",
        "parts_x": "Int64",
    }
    assert [column.name for column in trip.dataset.columns if column.nullable] == [
        "small",
        "share",
        "amount",
        "good",
        "parts_x",
    ]
    assert trip.rejected == []


def test_workbooks_and_compressed_files_are_read_like_others(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["Order No", "Ordered", "Price"],
        *([n, datetime(2024, 1, n, 8), n + 0.5] for n in range(1, 20)),  # noqa: DTZ001
    ):
        book.worksheets[0].append(row)
    book.save(tmp_path / "orders.xlsx")
    expected = {
        "order_no": "Int64",
        "ordered": "Datetime(time_unit='us', time_zone=None)",
        "price": "Decimal(precision=18, scale=2)",
    }
    assert round_trip(tmp_path / "orders.xlsx", tmp_path).columns == expected
    text = "Order No,Ordered,Price\n" + "".join(f"{n},2024-01-{n:02} 08:00:00,{n}.5\n" for n in range(1, 20))
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress(text.encode()))
    trip = round_trip(tmp_path / "orders.csv.gz", tmp_path)
    assert (trip.inferred.name, trip.columns) == ("orders", expected)


def test_a_file_without_a_header_is_read_again_without_one(tmp_path: Path) -> None:
    trip = csv_trip(tmp_path, "1,5,6\n3,5,7\n4,5,9\n")
    assert "read=Read(header=0)" in trip.inferred.text
    assert trip.staged.manifest.rows_clean == 3


def test_several_sheets_are_one_dataset(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for title in ("North", "South"):
        sheet = book.create_sheet(title)
        for row in (["name", "size"], ["ann", 1], ["ben", 2]):
            sheet.append(row)
    del book["Sheet"]
    book.save(tmp_path / "sizes.xlsx")
    trip = round_trip(tmp_path / "sizes.xlsx", tmp_path)
    assert trip.columns == {"name": "String", "size": "Int64"}
    assert trip.staged.manifest.rows_clean == 4


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("Order Date,order id", ["order_date", "order_id"]),
        ("a,a,b", ["a", "a_2", "b"]),
        ("class,from,int,date", ["class_", "from_", "int_", "date"]),
        ("validate,_row,2019,Größe [cm]", ["validate_", "row_2", "year_2019", "groesse_cm"]),
        ("Amount,amount,x", ["amount", "x"]),
        ("InvoiceNo,kWh,CO(GT)", ["invoice_no", "kwh", "co_gt"]),
        ("%,名前,$", ["column_2", "名前", "column"]),
        ("straße,strasse,x", ["strasse", "x"]),
        ("größe,groesse", ["groesse_2", "groesse"]),
    ],
)
def test_headers_of_every_kind_become_fields(tmp_path: Path, header: str, fields: list[str]) -> None:
    width = header.count(",") + 1
    rows = "".join(",".join(f"w{row}{place}" for place in range(width)) + "\n" for row in range(5))
    trip = csv_trip(tmp_path, f"{header}\n{rows}")
    assert sorted(trip.dataset.column_names) == sorted(fields)
    assert trip.staged.manifest.rows_clean == 5
    assert formatter_complaints(trip.inferred.text, 88) == ""


def test_an_alias_is_given_only_where_names_differ(tmp_path: Path) -> None:
    trip = csv_trip(tmp_path, "Order Date,Größe [cm]\na,b\nc,d\n")
    assert trip.dataset.aliases == {"groesse_cm": ["Größe [cm]"]}


def test_a_column_that_a_contract_cannot_tell_from_another_is_said_to_be_left_out(tmp_path: Path) -> None:
    trip = csv_trip(tmp_path, "Amount,amount\n1,2\n3,4\n")
    assert '"Amount" differs from another column' in trip.inferred.text
    assert trip.columns == {"amount": "Int64"}


def test_types_survive_fields_that_are_called_like_them(tmp_path: Path) -> None:
    trip = csv_trip(
        tmp_path, "date,datetime,born\n" + "2024-03-31,2024-03-31 10:00:00,2024-03-30\n,,2024-03-29\n" * 5
    )
    assert "import datetime as dt" in trip.inferred.text
    assert trip.columns["date"] == "Date" and trip.columns["datetime"].startswith("Datetime")
    assert trip.rejected == []


def test_of_keys_that_take_too_much_memory_the_less_likely_are_given_up() -> None:
    keys = {("likely",): Uniqueness(), ("less",): Uniqueness()}
    for one in keys.values():
        one.add(hashes_of([pl.Series(range(100_000))]))
    bound_memory(keys, memory_mb=4)
    assert [one.holds for one in keys.values()] == [True, False]
