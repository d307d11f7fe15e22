"""docs/drift.md is true: its declarations load, its commands run in order, and they print what it says."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.ingest import drift
from pipeline.warehouse import added
from pipeline_tests.product.support import ROOT, run_page, sql

PAGE = (ROOT / "docs" / "drift.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python|text)\n(.*?)```", PAGE, re.DOTALL)


def test_declarations_commands_and_output_are_as_the_page_says(home: Path, tmp_path: Path) -> None:
    run_page(BLOCKS, home, tmp_path / "datasets" / "people.py")
    found = sql(home, "SELECT id, name, age, city, _delivery FROM clean.people ORDER BY id").rows()
    assert found == [(1, "Ann", 31, None, "monday.csv"), (3, None, 40, None, "tuesday.csv")]


def test_the_limits_are_those_of_the_code() -> None:
    assert f"beyond {drift.MOST_ADDED} new columns" in PAGE.replace("\n", " ")
    assert f"{added.MOST:,} columns more" in PAGE
