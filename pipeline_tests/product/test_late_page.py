"""docs/late.md is true: its declaration loads, its commands run in order, and they print what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pipeline_tests.product.support import ROOT, pipeline, run_page, sql

PAGE = (ROOT / "docs" / "late.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python|text)\n(.*?)```", PAGE, re.DOTALL)


def test_declarations_commands_and_output_are_as_the_page_says(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "datasets"
    run_page(BLOCKS, home, folder / "heat.py")
    assert sql(home, "SELECT count(*) FROM clean.heat").item() == 0
    assert sql(home, "SELECT count(*) FROM windows.heat_hourly").item() == 3
    given = {"PIPELINE_DATASETS": str(folder)}
    told = json.loads(pipeline(home, "windows", "late", "--json", **given).stdout)
    assert told == {"counts": [], "rows": []}
    assert "No row came late." in pipeline(home, "windows", "late", "heat", **given).stdout
    assert "No row of heat is held." in pipeline(home, "windows", "release", "heat", **given).stdout


def test_status_tells_of_late_rows(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "datasets"
    folder.mkdir()
    declaration = next(block for language, block in BLOCKS if language == "python")
    (folder / "heat.py").write_text(declaration, encoding="utf-8")
    given = {"PIPELINE_DATASETS": str(folder)}
    inbox = home / "inbox" / "heat"
    inbox.mkdir(parents=True)
    for number, hour in ((1, 13), (2, 10)):
        (inbox / f"{number}.csv").write_text(f"at,heat\n2024-03-01 {hour}:00,20\n2024-03-01 {hour}:30,21\n")
        assert pipeline(home, "ingest", "heat", **given).returncode == 0
    assert "late rows of heat: 2 held" in pipeline(home, "status", **given).stdout
    (found,) = (
        one
        for one in json.loads(pipeline(home, "status", "--json", **given).stdout)["datasets"]
        if one["dataset"] == "heat"
    )
    assert found["late_rows"] == {"held": 2}


def test_what_is_typed_wrongly_is_refused(home: Path) -> None:
    for command in (
        ["windows", "late", "nothing"],
        ["windows", "late", "orders", "--window", "nothing"],
        ["windows", "release", "orders", "--window", "nothing"],
        ["retain", "nothing"],
    ):
        done = pipeline(home, *command)
        assert (done.returncode, "nothing" in done.stderr) == (2, True)
    assert "Every dataset keeps all of its rows and windows." in pipeline(home, "retain").stdout
    assert "orders keeps all of its rows and windows." in pipeline(home, "retain", "orders").stdout
