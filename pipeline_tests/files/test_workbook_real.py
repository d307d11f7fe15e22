"""Workbooks nobody here wrote."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipeline_tests.files.test_workbook_formats import opened, values

BUDGETS = pytest.mark.parametrize("memory_mb", [1024, 0], ids=["fast", "frugal"])


@pytest.mark.parametrize("name", ["clippy", "datasets", "deaths", "geometry", "type-me"])
def test_xls_and_xlsx_twins_agree(shared_data: Path, name: str) -> None:
    folder = shared_data / "readxl_deaths"
    old, new = opened(folder / f"{name}.xls"), opened(folder / f"{name}.xlsx")
    frugal = opened(folder / f"{name}.xlsx", memory_mb=0)
    assert values(old) == values(new) == values(frugal)
    assert (old.columns, old.header, old.dialect) == (new.columns, new.header, new.dialect)
    assert frugal.dialect == new.dialect


@pytest.mark.parametrize("suffix", ["xls", "xlsx"])
@pytest.mark.parametrize(
    ("name", "sheet"),
    [
        ("datasets", "quakes"),
        ("datasets", "chickwts"),
        ("clippy", "two-row-header"),
        ("type-me", "date_coercion"),
    ],
)
def test_a_sheet_can_be_asked_for(shared_data: Path, name: str, sheet: str, suffix: str) -> None:
    found = values(opened(shared_data / "readxl_deaths" / f"{name}.{suffix}", sheets=(sheet,)))
    assert (len(found), found[0]) == {
        "quakes": (1000, ("-20.42", "181.62", "562", "4.8", "41")),
        "chickwts": (71, ("179", "horsebean")),
        "two-row-header": (1, ("Clippy", "paperclip", "2007-01-01", "0.9")),
        "date_coercion": (7, (None, "empty")),
    }[sheet]


@pytest.mark.parametrize("suffix", ["xls", "xlsx"])
def test_deaths_without_banner_and_notes(shared_data: Path, suffix: str) -> None:
    table = opened(shared_data / "readxl_deaths" / f"deaths.{suffix}")
    assert table.columns == (
        "Name",
        "Profession",
        "Age",
        "Has kids",
        "Date of birth",
        "Date of death",
        "_sheet",
    )
    found = values(table)
    assert Counter(record[-1] for record in found) == {"arts": 10, "other": 10}
    assert found[0] == ("David Bowie", "musician", "69", "true", "1947-01-08", "2016-01-10", "arts")
    assert found[-1] == ("Pat Summit", "coach", "64", "true", "1952-06-14", "2016-06-28", "other")
    assert len(table.dialect.notes) == 4


@pytest.mark.parametrize("suffix", ["xls", "xlsx"])
def test_dates_that_count_from_1904(shared_data: Path, suffix: str) -> None:
    found = values(opened(shared_data / "readxl_deaths" / f"type-me.{suffix}", sheets=("date_coercion",)))
    assert ("2016-05-23", "date only format") in found
    assert ("2016-04-28T11:30:00", "date and time format") in found
    assert ("true", "boolean true") in found


def test_air_quality_is_its_csv(shared_data: Path) -> None:
    """The text file has its days as 10/03/2004, its hours as 18.00.00, decimal commas, and fewer decimals."""
    folder = shared_data / "airquality_uci"
    records = values(opened(folder / "AirQualityUCI.xlsx"))
    lines = (folder / "AirQualityUCI.csv").read_text().splitlines()[1:]
    expected = [line.split(";")[:15] for line in lines if line.strip(";, ")]
    assert len(records) == len(expected) == 9357
    for record, (day, hour, *numbers) in zip(records, expected, strict=True):
        assert record[0] == "-".join(reversed(day.split("/")))
        assert record[1] == hour.replace(".", ":")
        for value, shown in zip(record[2:15], numbers, strict=True):
            decimals = len(shown.partition(",")[2])
            assert abs(float(str(value)) - float(shown.replace(",", "."))) <= 0.5001 * 10**-decimals


def test_covid_cases_by_country(shared_data: Path) -> None:
    table = opened(shared_data / "ecdc_covid_xlsx" / "COVID-19-geographic-disbtribution-worldwide.xlsx")
    records = values(table)
    assert len(records) == 61_900
    assert table.columns[:4] == ("dateRep", "day", "month", "year")
    assert table.dialect.notes == ()
    day, cases = table.columns.index("dateRep"), table.columns.index("cases")
    assert all(len(str(record[day])) == 10 and str(record[day]).startswith("20") for record in records)
    assert any(str(record[cases]).startswith("-") for record in records)
