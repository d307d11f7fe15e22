"""docs/published.md is true: its commands and examples run one after another and print what the page says."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline_tests.product.support import ROOT, files_below
from pipeline_tests.product.test_docs import missing_from

PAGE = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python|text)\n(.*?)```", PAGE, re.DOTALL)


def test_its_commands_and_examples_run_and_print_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "published"}
    (layout, *blocks) = [block for block in BLOCKS if block[1]]
    printed = ""
    for language, block in blocks:
        if language == "bash":
            told = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
            subprocess.run(["bash", "-c", block], env=told, capture_output=True, timeout=240, check=True)
        elif language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block, "published.md", "exec"), names)
            printed = out.getvalue()
        else:
            assert missing_from(printed, block) == [], printed
    there = files_below(tmp_path / "data" / "published" / "orders" / "daily_by_department")
    assert [name.rpartition("/")[2] for name in there] == re.findall(r"\S+\.parquet", layout[1])
