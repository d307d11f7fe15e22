"""A module of PIPELINE_DATASETS imports its neighbours, and nobody else's."""

from __future__ import annotations

import calendar
import sys
from pathlib import Path

import pytest

from pipeline.contract.registry import find_datasets, load_datasets
from pipeline_tests.declaring import HEAD, dataset, declare


def described(folder: Path, *more: Path) -> dict[str, str]:
    """Description of each dataset of some folders: what their modules have imported."""
    found = find_datasets([str(folder), *map(str, more)])
    assert found.left_out == ()
    return {name: one.description for name, one in found.datasets.items()}


def says(how: str, value: str, name: str = "mid") -> str:
    return f"{how}\n" + HEAD + dataset(name, f", description={value}")


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("import common", "common.WORD"),
        ("from common import WORD", "WORD"),
        ("from .common import WORD", "WORD"),
        ("from . import common", "common.WORD"),
        ("import common as ours", "ours.WORD"),
        ("import shared.words", "shared.words.WORD"),
        ("from shared import words", "words.WORD"),
        ("from shared.words import WORD", "WORD"),
        ("import importlib; from shared.inner import common", "common.WORD"),
        ("def later():\n    import common\n    return common.WORD\n", "later()"),
    ],
)
def test_a_module_imports_its_neighbours(tmp_path: Path, how: str, value: str) -> None:
    declare(tmp_path, common="WORD = 'here'\n", mid=says(how, value))
    declare(tmp_path / "shared", __init__="", words="from common import WORD\n")
    declare(tmp_path / "shared" / "inner", __init__="", common="from ...common import WORD\n")
    before = (list(sys.path), "common" in sys.modules)
    assert described(tmp_path)["mid"] == "here"
    assert (list(sys.path), "common" in sys.modules) == before


def test_two_folders_with_a_neighbour_of_one_name_do_not_mix(tmp_path: Path) -> None:
    for name in ("north", "south"):
        declare(tmp_path / name, common=f"WORD = '{name}'\n")
        declare(tmp_path / name, **{name: says("import common", "common.WORD", name)})
    told = described(tmp_path / "north", tmp_path / "south")
    assert (told["north"], told["south"]) == ("north", "south")


def test_a_module_that_imports_a_dataset_beside_it_has_that_dataset(tmp_path: Path) -> None:
    declare(tmp_path, aaa="from zzz import zzz\n" + HEAD + dataset("aaa"), zzz=HEAD + dataset("zzz"))
    assert {"aaa", "zzz"} <= described(tmp_path).keys()


def test_a_base_class_beside_it_may_have_annotations_that_are_read_later(tmp_path: Path) -> None:
    base = "from __future__ import annotations\nimport pandera.polars as pa\n\nclass Base(pa.DataFrameModel):\n    id: int\n"
    own = (
        "from __future__ import annotations\nfrom common import Base\nfrom pipeline.contract import Dataset\n"
    )
    source = own + "\nclass Row(Base):\n    v: float\n\nmid = Dataset('mid', schema=Row)\n"
    declare(tmp_path, common=base, mid=source)
    assert load_datasets([str(tmp_path)])["mid"].column_names == ("id", "v")


def test_what_belongs_to_python_is_not_hidden_by_a_dataset_of_its_name(tmp_path: Path) -> None:
    declare(
        tmp_path, calendar=HEAD + dataset("calendar"), mid=says("import calendar", "calendar.month_name[1]")
    )
    assert described(tmp_path)["mid"] == calendar.month_name[1]


def test_a_neighbour_that_was_edited_is_read_anew(tmp_path: Path) -> None:
    declare(tmp_path, common="WORD = 'before'\n", mid=says("import common", "common.WORD"))
    assert described(tmp_path)["mid"] == "before"
    (tmp_path / "common.py").write_text("WORD = 'and afterwards'\n")
    assert described(tmp_path)["mid"] == "and afterwards"


def test_a_neighbour_that_does_not_import_leaves_out_those_that_need_it(tmp_path: Path) -> None:
    declare(tmp_path, common="1 / 0\n", mid=says("import common", "common.WORD"), zzz=HEAD + dataset("zzz"))
    found = find_datasets([str(tmp_path)])
    assert "zzz" in found.datasets and [one.name for one in found.left_out] == ["common", "mid"]


@pytest.mark.parametrize("name", ["2026", "my-data", "a.b", "wörter"])
def test_a_file_need_not_be_called_as_a_module_may_be(tmp_path: Path, name: str) -> None:
    declare(tmp_path, common="WORD = 'here'\n")
    declare(tmp_path, **{name: says("import common", "common.WORD")})
    assert described(tmp_path)["mid"] == "here"
