"""Where datasets are found, and what is said of a place that holds none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.contract import ContractError
from pipeline.contract.registry import load_datasets


def _source(name: str, column: str = "id") -> str:
    return (
        "import pandera.polars as pa\nfrom pipeline.contract import Dataset\n\n\n"
        f"class Row(pa.DataFrameModel):\n    {column}: int\n\n\n{name} = Dataset({name!r}, schema=Row)\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "my datasets"
    made.mkdir()
    (made / "weather.py").write_text(_source("weather"))
    return made


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An importable package with one dataset, which its __init__ hands on."""
    made = tmp_path / "house_datasets"
    made.mkdir()
    (made / "tides.py").write_text(_source("tides"))
    (made / "__init__.py").write_text("from house_datasets.tides import tides\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield made.name
    for name in [name for name in sys.modules if name.startswith(made.name)]:
        del sys.modules[name]


def test_datasets_are_found_in_a_folder(folder: Path) -> None:
    assert "weather" in load_datasets([str(folder)])


def test_a_dataset_is_found_in_a_file(folder: Path) -> None:
    assert "weather" in load_datasets([str(folder / "weather.py")])


def test_datasets_are_found_in_an_importable_package_that_hands_them_on(package: str) -> None:
    assert "tides" in load_datasets([package])


def test_datasets_of_several_places_stand_beside_the_shipped_ones(folder: Path, package: str) -> None:
    assert list(load_datasets([str(folder), package])) == ["events", "orders", "sales", "tides", "weather"]


def test_a_place_that_is_named_twice_is_one_place(folder: Path) -> None:
    assert "weather" in load_datasets([str(folder), str(folder)])


def test_a_dataset_takes_the_place_of_a_shipped_one(folder: Path) -> None:
    (folder / "orders.py").write_text(_source("orders", column="order_number"))
    assert load_datasets([str(folder)])["orders"].column_names == ("order_number",)


def test_a_module_that_builds_on_a_shipped_dataset_may_import_it(folder: Path) -> None:
    (folder / "weather.py").write_text("from pipeline.datasets.orders import orders\n" + _source("weather"))
    assert load_datasets([str(folder)])["orders"] is load_datasets()["orders"]


def test_modules_whose_names_begin_with_an_underscore_are_left_alone(folder: Path) -> None:
    (folder / "_draft.py").write_text("1 / 0\n")
    assert "weather" in load_datasets([str(folder)])


def test_one_name_in_two_places_is_refused_with_both_places(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text(_source("weather"))
    with pytest.raises(ContractError, match=r"'weather', name: .*weather\.py and in .*other\.py"):
        load_datasets([str(folder), str(other)])


def test_one_name_twice_in_a_module_is_refused(folder: Path) -> None:
    (folder / "weather.py").write_text(_source("weather") + "again = Dataset('weather', schema=Row)\n")
    with pytest.raises(ContractError, match=r"'weather', name: .*twice in .*weather\.py"):
        load_datasets([str(folder)])


@pytest.mark.parametrize("fault", ["1 / 0", "import not_there", "def broken(:", "raise SystemError('no')"])
def test_a_module_that_does_not_import_is_named(folder: Path, fault: str) -> None:
    (folder / "broken.py").write_text(fault + "\n")
    with pytest.raises(ContractError, match=r"broken\.py does not import: "):
        load_datasets([str(folder)])


def test_a_wrong_declaration_in_a_module_stays_the_error_it_is(folder: Path) -> None:
    (folder / "weather.py").write_text(_source("weather").replace("schema=Row", "schema=Row, key='id'"))
    with pytest.raises(ContractError, match=r"'weather', key: is one text"):
        load_datasets([str(folder)])


@pytest.mark.parametrize("place", ["/no/such/folder", "no/such/file.py", "gone.py"])
def test_a_place_that_is_not_there_is_named(place: str) -> None:
    with pytest.raises(ContractError, match=f"{place!r} is not a folder"):
        load_datasets([place])


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(ContractError, match="module 'no_such_module' does not import"):
        load_datasets(["no_such_module"])
