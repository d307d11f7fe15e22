"""The README is true: its commands run, in their order, in a copy of the project; its settings are the settings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.settings import Settings
from pipeline_tests.product.support import ROOT
from pipeline_tests.product.test_docs import missing_from

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python|text)\n(.*?)```", README, re.DOTALL)
# What runs on until it is stopped is tested in test_dev; what runs these very tests cannot run within them.
ELSEWHERE = {"make dev", "make check", "make test", "make bench", "make bench-windows"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a clone holds, with the environment that is installed already."""
    folder = tmp_path_factory.mktemp("readme") / "windrow"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    return folder


def test_every_command_of_the_readme_works(copy: Path) -> None:
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith(("PIPELINE_", "DAGSTER_"))
    }
    environment["PIPELINE_SETTLE_SECONDS"] = "0"
    printed = ""
    for language, block in BLOCKS:
        if language == "text":
            assert missing_from(printed, block) == []
            continue
        if language == "python":
            (copy / "my_datasets").mkdir(exist_ok=True)
            (copy / "my_datasets" / "visits.py").write_text(block, encoding="utf-8")
            environment["PIPELINE_DATASETS"] = "my_datasets"
            continue
        for command in block.strip().splitlines():
            if command in ELSEWHERE:
                continue
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=copy,
                env=environment,
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )
            printed = done.stdout
            # `check` ends with 1 where something would not be loaded.
            good = (0, 1) if " check " in command else (0,)
            assert done.returncode in good, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def test_the_demo_shows_the_bad_rows_and_says_when_nothing_is_new(copy: Path) -> None:
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith(("PIPELINE_", "DAGSTER_"))
    }
    shutil.rmtree(copy / "data" / "inbox", ignore_errors=True)
    for made in ("warehouse.duckdb", "archive", "staging", "dagster"):
        path = copy / "data" / made
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def demo() -> str:
        done = subprocess.run(
            ["make", "demo"],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    first, second = demo(), demo()
    for expected in (
        "2026-11-17.xlsx",
        "'twelve' is not a number",
        "windows.orders_daily_by_department",
        "make dev",
    ):
        assert expected in first
    assert "Nothing is new" in second


def test_the_settings_table_lists_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `PIPELINE_(\w+)` \| (?:`([^`]*)`)? *\|", README, re.MULTILINE))
    defaults = {name.upper(): str(field.default) for name, field in Settings.model_fields.items()}
    assert rows == defaults


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert [link for link in links if not (ROOT / link).exists()] == []
