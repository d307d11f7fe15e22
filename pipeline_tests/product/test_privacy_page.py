"""docs/privacy.md is true: its commands run, in their order, and print what it says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from pipeline_tests.leaks import leaks
from pipeline_tests.product.support import ROOT

PAGE = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python|text)\n(.*?)```", PAGE, re.DOTALL)


def _blocks(language: str) -> list[str]:
    return [block for kind, block in BLOCKS if kind == language]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "people.py").write_text(_blocks("python")[0])
    return tmp_path


def _run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    plain = {name: text for name, text in os.environ.items() if not name.startswith("PIPELINE_")}
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=plain | {"PIPELINE_DATASETS": "datasets", "PIPELINE_SETTLE_SECONDS": "0"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_commands_run_and_the_quarantined_file_opens(folder: Path) -> None:
    done = _run(folder, "\n".join(_blocks("bash")))
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(_blocks("text")[0])
    assert "originals of people are sealed" in done.stdout
    assert leaks(folder / "data", ["DE89370400440532013000"]) == []
    assert len(list((folder / "data" / "archive").rglob("may.csv.*.age"))) == 1


def test_a_key_is_not_written_over_and_needs_to_be_there(folder: Path) -> None:
    (folder / "key.txt").write_text("mine")
    done = _run(folder, ".venv/bin/pipeline keygen key.txt")
    assert done.returncode == 2 and "never written over" in done.stderr
    done = _run(folder, ".venv/bin/pipeline decrypt key.txt --out other")
    assert done.returncode == 2 and "PIPELINE_ARCHIVE_IDENTITY is not set" in done.stderr


def test_doctor_and_ingest_say_that_there_is_no_key(folder: Path) -> None:
    done = _run(folder, ".venv/bin/pipeline doctor")
    assert done.returncode == 1 and "people want their originals sealed" in done.stdout
    inbox = folder / "data" / "inbox" / "people"
    inbox.mkdir(parents=True)
    (inbox / "may.csv").write_text("id,iban\n1,DE89370400440532013000\n")
    done = _run(folder, ".venv/bin/pipeline ingest")
    assert done.returncode == 2 and "PIPELINE_ARCHIVE_RECIPIENT is not set" in done.stderr
    assert (inbox / "may.csv").exists()
