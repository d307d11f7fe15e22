"""Files that nobody here wrote: each passes the module made of it, and the module reads as it should."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pipeline.files import open_table
from pipeline.infer import infer
from pipeline.settings import Settings
from pipeline_tests.infer.support import Trip, formatter_complaints, round_trip
from pipeline_tests.product.support import SAMPLES

FILES = [
    "airquality_uci/AirQualityUCI.csv",
    "airquality_uci/AirQualityUCI.xlsx",
    "ecdc_covid_xlsx/COVID-19-geographic-disbtribution-worldwide.xlsx",
    "online_retail_by_day/2010-12-01.csv",
    "online_retail_by_day/2011-03-14.csv",
    "online_retail_by_day/2011-11-10.csv",
    "readxl_deaths/clippy.xls",
    "readxl_deaths/clippy.xlsx",
    "readxl_deaths/datasets.xls",
    "readxl_deaths/datasets.xlsx",
    "readxl_deaths/deaths.xls",
    "readxl_deaths/deaths.xlsx",
    "readxl_deaths/geometry.xls",
    "readxl_deaths/geometry.xlsx",
    "readxl_deaths/type-me.xls",
    "readxl_deaths/type-me.xlsx",
    "smard_lu/smard_2020_complete.csv",
    "smard_lu/smard_2024_complete.csv",
    "smard_lu/costs/2020-hour-price.csv",
    "smard_lu/costs/2024-hour-price.csv",
    *(
        f"suite_csv_spectrum/csvs/{name}.csv"
        for name in (
            "comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json", "location_coordinates", "newlines",
            "newlines_crlf", "quotes_and_newlines", "simple", "simple_crlf", "utf8",
        )
    ),
    "wikiticker_ndjson/wikiticker-2015-09-12-sampled.json",
]  # fmt: skip


def passes(trip: Trip) -> None:
    """No row that could be read is rejected, and no formatter would change the module."""
    manifest = trip.staged.manifest
    assert trip.rejected == []
    assert manifest.rows_rejected == trip.unread
    assert manifest.rows_clean == manifest.rows_read - trip.unread == trip.inferred.rows > 0
    assert formatter_complaints(trip.inferred.text, 88) == ""


def numbers_are_those_of(path: Path, trip: Trip) -> None:
    """Numbers that no cleaner has touched are loaded with every digit that stands in the file."""
    raw = pl.concat(list(open_table(path).chunks()), how="diagonal_relaxed")
    clean = pl.concat([pl.read_parquet(part) for part in trip.staged.clean_paths])
    both = clean.join(raw, on="_row", suffix=" in the file")
    for column in trip.dataset.columns:
        source = f"{column.name} in the file"
        if (
            column.name in trip.dataset.cleaners
            or not column.dtype.is_numeric()
            or source not in both.columns
        ):
            continue
        pairs = both.select(column.name, source).drop_nulls().unique()
        if pairs.schema[source] == pl.String:
            assert all(Decimal(str(value)) == Decimal(text.strip()) for value, text in pairs.iter_rows())


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_passes_its_own_module(shared_data: Path, tmp_path: Path, name: str) -> None:
    path = shared_data / name
    if not path.exists():
        pytest.skip(f"{path} is not there: set WINDROW_SHARED_DATA to the folder that holds it")
    trip = round_trip(path, tmp_path)
    passes(trip)
    numbers_are_those_of(path, trip)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/*")), ids=lambda path: path.name)
def test_a_sample_passes_its_own_module(tmp_path: Path, path: Path) -> None:
    trip = round_trip(path, tmp_path)
    passes(trip)
    numbers_are_those_of(path, trip)


def test_decimal_commas_and_days_before_months_are_found_in_air_quality(
    shared_data: Path, tmp_path: Path
) -> None:
    trip = round_trip(shared_data / "airquality_uci" / "AirQualityUCI.csv", tmp_path)
    assert 'clean.date("%d/%m/%Y")' in trip.inferred.text
    assert trip.columns["co_gt"] == "Float64" and trip.dataset.event_time == "date"
    assert "-200 stands there" in trip.inferred.text


def test_a_day_and_a_country_are_the_key_of_case_numbers(shared_data: Path, tmp_path: Path) -> None:
    trip = round_trip(
        shared_data / "ecdc_covid_xlsx" / "COVID-19-geographic-disbtribution-worldwide.xlsx", tmp_path
    )
    assert set(trip.dataset.key) == {"geo_id", "date_rep"}
    (window,) = trip.dataset.windows
    assert window.name == "daily_by_continent_exp"
    assert {"cases", "deaths"} <= set(window.measures)


ORDERS = '''"""Orders, as inferred from 2026-11-17.xlsx: 80 rows, which all pass. Read it over."""

from datetime import datetime
from typing import Annotated

import pandera.polars as pa
import polars as pl

from pipeline.contract import Dataset, Tumbling, agg


class Order(pa.DataFrameModel):
    order_id: int
    customer_email: str = pa.Field(email=True, nullable=True)
    amount: Annotated[pl.Decimal, 18, 2] = pa.Field(ge=0)
    order_date: datetime
    # "returned" stands there only once: a slip?
    status: str = pa.Field(isin=["cancelled", "completed", "pending", "returned"])
    department: str = pa.Field(isin=["Books", "Electronics", "Garden", "Toys"])
    customer_name: str


orders = Dataset(
    "orders",
    schema=Order,
    # Looks like the key: every value differs.
    key=["order_id"],
    # Times without a zone are taken as UTC; timezone= says otherwise.
    event_time="order_date",
    # A window to begin with.
    windows=[
        Tumbling(
            "hourly_by_department",
            every="1h",
            by=["department"],
            measures={"orders": agg.count(), "amount": agg.sum("amount")},
        ),
    ],
)
'''


def test_a_module_reads_as_if_a_person_had_written_it(settings: Settings) -> None:
    assert infer(SAMPLES / "orders" / "2026-11-17.xlsx", settings).text == ORDERS
