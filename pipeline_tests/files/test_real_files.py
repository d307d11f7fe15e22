"""Files nobody here wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.files import ReadOptions, open_table
from pipeline_tests.files.reading import read, write

_SPECTRUM = [
    *["comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json", "newlines", "newlines_crlf"],
    *["quotes_and_newlines", "simple", "simple_crlf", "utf8"],
]


@pytest.mark.parametrize("name", _SPECTRUM)
def test_csv_spectrum_reads_as_its_authors_say(shared_data: Path, tmp_path: Path, name: str) -> None:
    folder = shared_data / "suite_csv_spectrum"
    data = (folder / "csvs" / f"{name}.csv").read_bytes()
    expected = json.loads((folder / "json" / f"{name}.json").read_text())
    if name.endswith("_crlf"):
        # These lie here with LF only; their name and their expected values say CRLF.
        data = data.replace(b"\n", b"\r\n")
    found = read(write(tmp_path / f"{name}.csv", data), chunk_rows=1)
    assert [dict(zip(found.table.columns, row, strict=True)) for row in found.values] == [
        {key: value or None for key, value in record.items()} for record in expected
    ]


def test_csv_spectrum_quotes_inside_a_field_are_text(shared_data: Path) -> None:
    folder = shared_data / "suite_csv_spectrum"
    found = read(folder / "csvs" / "location_coordinates.csv")
    expected = json.loads((folder / "json" / "location_coordinates.json").read_text())
    # Its authors' answer has another telephone number than their file.
    expected["Contact Phone Number"] = "2095257564"
    assert found.values == [tuple(expected.values())]
    assert found.table.columns == tuple(expected)


def test_air_quality_equals_its_workbook_twin(shared_data: Path) -> None:
    folder = shared_data / "airquality_uci"
    text = read(folder / "AirQualityUCI.csv", chunk_rows=2000)
    book = read(folder / "AirQualityUCI.xlsx")
    assert text.table.dialect.delimiter == ";"
    assert text.table.columns[:14] == book.table.columns[:14]
    rows = [row for row in text.values if row[0] is not None]
    assert len(rows) == len(book.values) == 9357
    for row, twin in zip(rows, book.values, strict=True):
        day, month, year = str(row[0]).split("/")
        assert (f"{year}-{month}-{day}", str(row[1]).replace(".", ":")) == twin[:2]
        for name, written, value in zip(book.table.columns[2:], row[2:15], twin[2:], strict=True):
            # The text was rounded when it was saved: whole numbers, tenths, and ten-thousandths for AH.
            half = {"AH": 0.00005, "CO(GT)": 0.05, "C6H6(GT)": 0.05, "T": 0.05, "RH": 0.05}.get(name, 0.5)
            assert abs(float(str(written).replace(",", ".")) - float(str(value))) <= half + 1e-6, (row, twin)


@pytest.mark.parametrize("memory_mb", [1024, 0])
def test_air_quality_as_a_workbook(shared_data: Path, memory_mb: int) -> None:
    table = open_table(
        shared_data / "airquality_uci" / "AirQualityUCI.xlsx", ReadOptions(memory_mb=memory_mb)
    )
    frames = list(table.chunks())
    assert sum(frame.height for frame in frames) == 9357
    assert frames[0].row(0)[:4] == ("2004-03-10", "18:00:00", "2.6", "1360")


@pytest.mark.parametrize("name", ["clippy", "datasets", "deaths", "geometry", "type-me"])
def test_readxl_twins_agree(shared_data: Path, name: str) -> None:
    folder = shared_data / "readxl_deaths"
    new, old = read(folder / f"{name}.xlsx"), read(folder / f"{name}.xls")
    assert new.values
    assert (new.table.columns, new.values) == (old.table.columns, old.values)


def test_dates_that_count_from_1904_are_right(shared_data: Path) -> None:
    found = read(shared_data / "readxl_deaths" / "type-me.xlsx")
    assert ("2016-01-01", "datetime") in found.values


def test_online_retail_days_have_no_reject(shared_data: Path) -> None:
    days = sorted((shared_data / "online_retail_by_day").glob("*.csv"))[::30]
    counts = [len(path.read_bytes().splitlines()) - 1 for path in days]
    assert [len(read(path, chunk_rows=1000).rows) for path in days] == counts


def test_wikiticker_reads_the_same_compressed(shared_data: Path) -> None:
    folder = shared_data / "wikiticker_ndjson"
    table = open_table(folder / "wikiticker-2015-09-12-sampled.json.gz")
    assert sum(piece.records for piece in table.pieces()) == 39_244
    first = next(iter(table.pieces())).parse().frame
    assert {"added", "cityName", "page"} <= set(first.columns)
