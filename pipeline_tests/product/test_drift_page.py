"""docs/drift.md is true: its declarations load, its commands run in order, and they print what it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pipeline.ingest import drift
from pipeline.warehouse import added
from pipeline_tests.product.support import ROOT, environment, run, sql

PAGE = (ROOT / "docs" / "drift.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python|text)\n(.*?)```", PAGE, re.DOTALL)


def test_declarations_commands_and_output_are_as_the_page_says(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "datasets"
    folder.mkdir()
    settings = environment(home, PIPELINE_DATASETS=str(folder))
    settings["PATH"] = f"{Path(sys.executable).parent}:{settings['PATH']}"
    printed = ""
    for language, block in BLOCKS:
        if language == "python":
            (folder / "people.py").write_text(block, encoding="utf-8")
        elif language == "bash":
            done = run(["bash", "-ec", block], settings)
            assert done.returncode == 0, done.stderr
            printed = done.stdout
        else:
            assert [line for line in block.splitlines() if line not in printed] == []
    found = sql(home, "SELECT id, name, age, city, _delivery FROM clean.people ORDER BY id").rows()
    assert found == [(1, "Ann", 31, None, "monday.csv"), (3, None, 40, None, "tuesday.csv")]


def test_the_limits_are_those_of_the_code() -> None:
    assert f"beyond {drift.MOST_ADDED} new columns" in PAGE.replace("\n", " ")
    assert f"{added.MOST:,} columns more" in PAGE
