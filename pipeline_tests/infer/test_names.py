"""Names of datasets and classes, as a person would choose them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.infer.names import class_name, dataset_name, singular, variable_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("in/orders.csv", "orders"),
        ("in/Orders 2026-11-16.csv.gz", "orders"),
        ("in/orders_20261116.csv", "orders"),
        ("in/2024-hour-price.csv", "hour_price"),
        ("in/smard_2024_complete.csv", "smard_complete"),
        ("inbox/orders/2026-11-16.csv", "orders"),
        ("sales/week 47.csv", "sales"),
        ("x/AirQualityUCI.csv", "air_quality_uci"),
        ("x/wikiticker-2015-09-12-sampled.json.gz", "wikiticker_sampled"),
        ("x/COVID-19-geographic-disbtribution-worldwide.xlsx", "covid_19_geographic_disbtribution"),
        ("x/Übersicht.xlsx", "uebersicht"),
        ("x/16.11.2026 Umsätze.csv", "umsaetze"),
        ("2024/2025-01-01.csv", "data"),
        ("123/№.csv", "no"),
    ],
)
def test_a_dataset_is_called_after_its_file_or_else_its_folder(path: str, name: str) -> None:
    assert dataset_name(Path("/") / path) == name


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("orders", "Order"),
        ("daily_orders", "DailyOrder"),
        ("countries", "Country"),
        ("boxes", "Box"),
        ("addresses", "Address"),
        ("status", "Status"),
        ("series", "Series"),
        ("sales", "Sale"),
        ("datasets", "DatasetRow"),
        ("data", "DataRow"),
        ("analysis", "Analysis"),
    ],
)
def test_a_class_is_called_like_one_row(dataset: str, name: str) -> None:
    assert class_name(dataset) == name


def test_a_variable_takes_no_name_that_the_module_needs() -> None:
    assert (variable_name("clean"), variable_name("import"), variable_name("orders")) == (
        "clean_data",
        "import_data",
        "orders",
    )


def test_words_without_a_plural_stay() -> None:
    assert [singular(word) for word in ("news", "bus", "glass", "is")] == ["news", "bus", "glass", "is"]
