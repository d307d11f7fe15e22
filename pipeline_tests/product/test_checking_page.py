"""docs/checking.md is true: its commands print what it says, and the hook's command line works as pre-commit would run it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from pipeline_tests.product.support import ROOT, SAMPLES, environment, files_below, run
from pipeline_tests.product.test_docs import missing_from

PAGE = (ROOT / "docs" / "checking.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|text)\n(.*?)```", PAGE, re.DOTALL)


def test_commands_run_and_print_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    (tmp_path / "data").symlink_to(ROOT / "data", target_is_directory=True)
    plain = {name: text for name, text in os.environ.items() if not name.startswith("PIPELINE_")}
    printed, shown = "", 0
    for language, block in BLOCKS:
        if language == "bash":
            done = run(["bash", "-c", block], plain, cwd=tmp_path)
            # `check` ends with 1 where something would not be loaded.
            assert done.returncode in (0, 1) and not done.stderr, done.stderr
            printed = done.stdout
        else:
            shown += 1
            assert missing_from(printed, block) == []
    assert shown == 2


def _hook() -> dict[str, Any]:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert isinstance(hook, dict)
    return hook


def _as_pre_commit_runs_it(home: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    """The hook's entry with the arguments of the page's example, then the files."""
    example = yaml.safe_load(
        re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0].replace("<", "'<").replace(">", ">'")
    )
    (used,) = example["repos"][0]["hooks"]
    hook = _hook()
    assert used["id"] == hook["id"]
    program, *rest = shlex.split(hook["entry"])
    command = [Path(sys.executable).with_name(program), *rest, *used["args"], *files]
    return run(command, environment(home))


def test_the_hook_fails_on_a_file_with_a_bad_row_and_passes_good_ones(home: Path, tmp_path: Path) -> None:
    lines = (SAMPLES / "orders" / "2026-11-16.csv").read_bytes().splitlines(keepends=True)
    good, better = tmp_path / "good.csv", tmp_path / "better.csv"
    good.write_bytes(b"".join(lines[:6]))
    better.write_bytes(b"".join([lines[0], *lines[10:15]]))
    assert _as_pre_commit_runs_it(home, good, better).returncode == 0
    failed = _as_pre_commit_runs_it(home, good, SAMPLES / "orders" / "2026-11-16.csv")
    assert failed.returncode == 1
    assert "1 of 2 files" in failed.stdout and "anna.silva(at)example.com" in failed.stdout
    assert files_below(home) == []


def test_the_hook_is_asked_about_the_formats_that_are_read() -> None:
    hook = _hook()
    names = ["a.csv", "b.csv.gz", "c.xlsx", "d.ndjson.zst", "e.parquet", "notes.md", "code.py"]
    assert [bool(re.search(hook["files"], name)) for name in names] == [True] * 5 + [False] * 2
    assert hook["language"] == "python"
