"""The shipped datasets, and what follows from a declaration without a file."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import Dataset, Sliding, Total, Tumbling, agg, clean
from pipeline.contract.registry import load_datasets


class Reading(pa.DataFrameModel):
    sensor: str
    number: int = pa.Field(unique=True)
    at: datetime
    note: str = pa.Field(nullable=True, title="Note", description="what was seen")
    unit: str = pa.Field(default="C")

    class Config:
        unique = ["sensor", "at"]


def test_the_shipped_datasets_load_in_the_order_of_their_names() -> None:
    assert list(load_datasets()) == ["events", "orders", "sales"]


def test_a_column_may_be_missing_only_when_it_is_nullable_or_has_a_default() -> None:
    columns = Dataset("readings", schema=Reading).columns
    assert {c.name: c.required for c in columns} == {
        "sensor": True,
        "number": True,
        "at": True,
        "note": False,
        "unit": False,
    }


def test_a_column_carries_title_and_description_for_people() -> None:
    note = Dataset("readings", schema=Reading).columns[3]
    assert (note.title, note.description) == ("Note", "what was seen")


def test_a_decimal_keeps_its_precision_and_scale() -> None:
    amount = next(c for c in load_datasets()["orders"].columns if c.name == "amount")
    assert amount.dtype == pl.Decimal(18, 2)


def test_key_unique_columns_and_unique_sets_are_all_unique_over_the_table() -> None:
    dataset = Dataset("readings", schema=Reading, key=["sensor", "number"])
    assert dataset.uniqueness == (("sensor", "number"), ("number",), ("sensor", "at"))


def test_a_key_that_is_unique_anyway_is_checked_once() -> None:
    assert Dataset("readings", schema=Reading, key=["number"]).uniqueness.count(("number",)) == 1


def test_windows_over_time_and_totals_are_told_apart() -> None:
    daily, total = Tumbling("daily", every="1d"), Total("all", measures={"n": agg.count()})
    dataset = Dataset("readings", schema=Reading, event_time="at", windows=[daily, total])
    assert (dataset.time_windows, dataset.totals) == ((daily,), (total,))


def test_an_unknown_window_is_answered_with_those_that_exist() -> None:
    with pytest.raises(KeyError, match=r"'hourly'.*last_hour"):
        load_datasets()["orders"].window("hourly")


def test_the_panes_of_a_sliding_window_divide_size_and_step() -> None:
    assert Sliding("w", size="90s", every="60s").pane == timedelta(seconds=30)


def test_one_cleaner_and_a_list_of_cleaners_read_alike() -> None:
    one = Dataset("readings", schema=Reading, clean={"note": clean.strip})
    assert one.cleaners == Dataset("readings", schema=Reading, clean={"note": [clean.strip]}).cleaners


def test_zone_and_freshness_are_read_once() -> None:
    dataset = Dataset("readings", schema=Reading, timezone="Europe/Berlin", freshness="36h")
    assert (dataset.zone, dataset.freshness_window) == (ZoneInfo("Europe/Berlin"), timedelta(hours=36))
