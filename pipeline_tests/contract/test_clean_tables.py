"""Tables of a cleaner that are CSV files."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipeline.contract import Cleaner, clean


def _one(cleaner: Cleaner, text: str) -> str | None:
    value = cleaner.apply(pl.Series("v", [text])).item()
    assert value is None or isinstance(value, str)
    return value


def _csv(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_a_table_is_read_from_a_file_and_is_in_the_fingerprint(tmp_path: Path) -> None:
    first = clean.map(_csv(tmp_path, 'code,name\nHR,"People, and culture"\nIT,\n'))
    assert [_one(first, text) for text in ("HR", "IT", "code")] == ["People, and culture", None, "code"]
    assert first.fingerprint == clean.map({"IT": None, "HR": "People, and culture"}).fingerprint
    changed = clean.map(_csv(tmp_path, "code,name\nHR,People\nIT,\n"))
    assert changed.fingerprint != first.fingerprint


def test_a_relative_path_begins_at_the_declaring_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _csv(tmp_path, "code,name\nHR,People\n")
    module = tmp_path / "staff.py"
    module.write_text("from pipeline.contract import clean\ncleaner = clean.map('table.csv')\n")
    names: dict[str, Cleaner] = {}
    monkeypatch.chdir("/")
    exec(compile(module.read_text(), str(module), "exec"), names)
    assert _one(names["cleaner"], "HR") == "People"
