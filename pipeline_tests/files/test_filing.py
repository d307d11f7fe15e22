"""Moving files away."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.files import file_away
from pipeline.files.filing import _copied
from pipeline_tests.files.reading import write


def test_a_file_moves_into_a_folder_that_is_made(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x")
    target = tmp_path / "archive/2024/a.csv"
    assert file_away(path, target) == target
    assert target.read_text() == "x"
    assert not path.exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    target = write(tmp_path / "taken.csv.gz", "old")
    for number, content in ((2, "new"), (3, "newer")):
        place = file_away(write(tmp_path / "in.csv.gz", content), target)
        assert place.name == f"taken~{number}.csv.gz"
        assert place.read_text() == content
    assert target.read_text() == "old"


def test_the_same_bytes_need_no_second_copy(tmp_path: Path) -> None:
    target = write(tmp_path / "b.csv", "x")
    path = write(tmp_path / "a.csv", "x")
    assert file_away(path, target) == target
    assert not path.exists()


def test_a_move_that_was_interrupted_is_finished(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x")
    (tmp_path / "b.csv").hardlink_to(path)
    assert file_away(path, tmp_path / "b.csv").read_text() == "x"
    assert not path.exists()


def test_across_devices_the_file_is_copied_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x" * 100_000)
    assert _copied(path, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").stat().st_size == 100_000
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["b.csv"]


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        file_away(tmp_path / "none", tmp_path / "b.csv")
