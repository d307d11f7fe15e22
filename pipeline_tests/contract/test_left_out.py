"""One dataset that cannot be loaded: it is left out with its reason, all others are there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.contract import ContractError
from pipeline.contract.registry import Found, find_datasets
from pipeline_tests.declaring import BROKEN, HEAD, SOUND, dataset, declare

SHIPPED = ["events", "orders", "sales"]


def found_in(folder: Path, **sources: str) -> Found:
    return find_datasets([str(declare(folder, **sources))])


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_left_out_with_its_file_and_the_others_are_loaded(
    tmp_path: Path, kind: str
) -> None:
    found = found_in(tmp_path, aaa=HEAD + dataset("aaa"), mid=BROKEN[kind], zzz=HEAD + dataset("zzz"))
    assert list(found.datasets) == ["aaa", *SHIPPED, "zzz"]
    (left,) = found.left_out
    assert (left.name, left.known, left.place) == ("mid", True, str(tmp_path / "mid.py"))
    assert str(tmp_path / "mid.py") in left.cause and left.error.remedy


NO_COMMON_ERRORS = {
    "of no Exception": ("class Gone(BaseException): pass\nraise Gone('away')\n", "Gone: away"),
    "of a test": ("import pytest\npytest.skip('not here', allow_module_level=True)\n", "Skipped: "),
    "of a generator": ("raise GeneratorExit('away')\n", "GeneratorExit: away"),
    "without words": (
        "class Mute(Exception):\n    def __str__(self): raise ValueError('no')\nraise Mute()\n",
        "Mute: its text cannot be made (ValueError)",
    ),
    "without an end": ("raise RuntimeError('very ' * 100_000)\n", "RuntimeError: very very"),
}


@pytest.mark.parametrize("kind", NO_COMMON_ERRORS)
@pytest.mark.parametrize("later", [False, True])
def test_an_error_that_is_no_common_one_ends_nothing(tmp_path: Path, kind: str, later: bool) -> None:
    """At the import, or when what is declared is looked at."""
    raised, said = NO_COMMON_ERRORS[kind]
    if later:
        inner = "".join(f"        {line}\n" for line in raised.splitlines())
        mid = f"{HEAD}class Odd(Dataset):\n    @property\n    def columns(self):\n{inner}\nmid = Odd('mid', schema=Row)\n"
    else:
        mid = HEAD + raised + dataset("mid")
    found = found_in(tmp_path, aaa=HEAD + dataset("aaa"), mid=mid, zzz=HEAD + dataset("zzz"))
    assert list(found.datasets) == ["aaa", *SHIPPED, "zzz"]
    (left,) = found.left_out
    assert left.name == "mid" and said in left.cause
    assert len(left.cause) < 2000


def test_a_module_that_does_not_say_which_datasets_it_declares_is_left_out_by_its_own_name(
    tmp_path: Path,
) -> None:
    source = (
        HEAD + "1 / 0\nfor name in ('north', 'south'):\n    globals()[name] = Dataset(name, schema=Row)\n"
    )
    (left,) = found_in(tmp_path, regions=source).left_out
    assert (left.name, left.known) == ("regions", False)


def test_all_datasets_of_a_module_that_does_not_import_are_left_out(tmp_path: Path) -> None:
    found = found_in(tmp_path, both=HEAD + dataset("first") + dataset("second", ", key=['nope']"))
    assert [one.name for one in found.left_out] == ["first", "second"]
    assert (
        "dataset 'second', key" in found.left_out[0].cause
        and "dataset 'second'" not in found.left_out[1].cause
    )


def test_of_two_modules_that_declare_one_name_neither_is_taken(tmp_path: Path) -> None:
    found = found_in(tmp_path, one=SOUND, other=SOUND, zzz=HEAD + dataset("zzz"))
    assert list(found.datasets) == [*SHIPPED, "zzz"]
    (left,) = found.left_out
    assert "one.py and in " in left.cause and "other.py" in left.cause


def test_a_shipped_dataset_does_not_stand_in_for_the_broken_one_that_takes_its_place(tmp_path: Path) -> None:
    found = found_in(tmp_path, mine=HEAD + dataset("orders", ", key=['nope']"))
    assert list(found.datasets) == ["events", "sales"] and [one.name for one in found.left_out] == ["orders"]


def test_nor_does_another_module_that_declares_the_same_name(tmp_path: Path) -> None:
    found = found_in(tmp_path, mid=SOUND, older=BROKEN["syntax"])
    assert list(found.datasets) == SHIPPED and [one.name for one in found.left_out] == ["mid"]


def test_what_refers_to_a_dataset_that_is_left_out_waits_with_it(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        mid=BROKEN["raised"],
        near=HEAD + dataset("near", ", references=[Reference('id', 'mid', 'id')]"),
        far=HEAD + dataset("far", ", references=[Reference('id', 'near', 'id')]"),
        own=HEAD + dataset("own", ", references=[Reference('id', 'own', 'id')]"),
    )
    assert list(found.datasets) == ["events", "orders", "own", "sales"]
    assert [one.name for one in found.left_out] == ["far", "mid", "near"]


def test_windows_that_would_share_a_table_are_told(tmp_path: Path) -> None:
    found = found_in(
        tmp_path,
        a=HEAD + dataset("a").replace("'daily'", "'b_c'"),
        ab=HEAD + dataset("a_b").replace("'daily'", "'c'"),
    )
    assert "a" in found.datasets and "windows.a_b_c" in found.left_out[0].cause


@pytest.mark.parametrize("name", ["unknown", "verify"])
def test_a_name_that_dagster_has_taken_is_refused(tmp_path: Path, name: str) -> None:
    (left,) = found_in(tmp_path, one=HEAD + dataset(name)).left_out
    assert (left.name, left.error.field) == (name, "name")


@pytest.mark.parametrize("place", ["/no/such/folder", "gone.py", "no_such_module"])
def test_a_place_that_is_not_there_leaves_the_others(tmp_path: Path, place: str) -> None:
    found = find_datasets([place, str(declare(tmp_path, mid=SOUND))])
    assert "mid" in found.datasets
    assert [one.known for one in found.left_out] == [False] and place in found.left_out[0].cause


@pytest.mark.parametrize("broken", ["__init__", "tides"])
def test_a_package_that_does_not_import_leaves_out_what_its_modules_declare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    name = f"package_{broken.strip('_')}"
    declare(tmp_path / name, __init__="", tides=HEAD + dataset("tides"), waves=HEAD + dataset("waves"))
    path = tmp_path / name / f"{broken}.py"
    path.write_text(path.read_text() + "1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = find_datasets([name])
    for module in [one for one in sys.modules if one.startswith(name)]:
        del sys.modules[module]
    assert [one.name for one in found.left_out] == (["tides", "waves"] if broken == "__init__" else ["tides"])
    assert found.left_out[0].place == str(path) and "(line " in found.left_out[0].cause


def test_an_interruption_is_no_fault_of_the_module(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        found_in(tmp_path, mid="raise KeyboardInterrupt\n")


def test_the_error_says_the_line_and_stays_in_one_line(tmp_path: Path) -> None:
    (left,) = found_in(
        tmp_path, mid=HEAD + "\n\nraise TypeError('two\\n\\nlines')\n" + dataset("mid")
    ).left_out
    assert "TypeError: two lines (line 14)" in left.cause
    assert isinstance(left.error, ContractError)
