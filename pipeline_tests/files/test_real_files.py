"""Files nobody here wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.files import ReadOptions, UnreadableFile, open_table
from pipeline_tests.files.reading import read

_SPECTRUM = "comma_in_quotes empty empty_crlf escaped_quotes json newlines quotes_and_newlines simple simple_crlf utf8"


@pytest.mark.parametrize("name", _SPECTRUM.split())
def test_csv_spectrum_reads_as_its_authors_say(shared_data: Path, name: str) -> None:
    folder = shared_data / "suite_csv_spectrum"
    found = read(folder / "csvs" / f"{name}.csv", chunk_rows=1)
    expected = json.loads((folder / "json" / f"{name}.json").read_text())
    assert [dict(zip(found.table.columns, row, strict=True)) for row in found.values] == [
        {key: value or None for key, value in record.items()} for record in expected
    ]


def test_air_quality_has_semicolons_whatever_the_commas(shared_data: Path) -> None:
    found = read(shared_data / "airquality_uci" / "AirQualityUCI.csv", chunk_rows=2000)
    assert found.table.dialect.delimiter == ";"
    assert len(found.rows) == 9471
    assert found.rows[1][:4] == ("10/03/2004", "18.00.00", "2,6", "1360")


@pytest.mark.parametrize("memory_mb", [1024, 0])
def test_air_quality_as_a_workbook(shared_data: Path, memory_mb: int) -> None:
    table = open_table(
        shared_data / "airquality_uci" / "AirQualityUCI.xlsx", ReadOptions(memory_mb=memory_mb)
    )
    frames = list(table.chunks())
    assert sum(frame.height for frame in frames) == 9357
    assert frames[0].row(0)[:4] == ("2004-03-10", "18:00:00", "2.6", "1360")


@pytest.mark.parametrize("name", ["clippy", "datasets", "deaths", "geometry", "type-me"])
def test_readxl_workbooks(shared_data: Path, name: str) -> None:
    folder = shared_data / "readxl_deaths"
    assert read(folder / f"{name}.xlsx").values
    with pytest.raises(UnreadableFile) as caught:
        open_table(folder / f"{name}.xls")
    assert caught.value.code == "unsupported"


def test_dates_that_count_from_1904_are_right(shared_data: Path) -> None:
    found = read(shared_data / "readxl_deaths" / "type-me.xlsx")
    assert ("2016-01-01", "datetime") in found.values


def test_online_retail_days_have_no_reject(shared_data: Path) -> None:
    days = sorted((shared_data / "online_retail_by_day").glob("*.csv"))[:5]
    counts = [len(path.read_bytes().splitlines()) - 1 for path in days]
    assert [len(read(path, chunk_rows=1000).rows) for path in days] == counts


def test_wikiticker_reads_the_same_compressed(shared_data: Path) -> None:
    folder = shared_data / "wikiticker_ndjson"
    table = open_table(folder / "wikiticker-2015-09-12-sampled.json.gz")
    assert sum(piece.records for piece in table.pieces()) == 39_244
    first = next(iter(table.pieces())).parse().frame
    assert {"added", "cityName", "page"} <= set(first.columns)
