"""docs/quality.md is true: its commands run over the sample files, its example adds up, its names are those of the checks."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from pipeline.datasets.orders import orders
from pipeline.orchestration.checks.contract import contract_checks
from pipeline.warehouse.quality import WEIGHTS
from pipeline_tests.product.support import ROOT, drop_samples, environment, pipeline

PAGE = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(bash|python)\n(.*?)```", PAGE, re.DOTALL)


def test_its_commands_run_and_its_example_adds_up(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop_samples(home)
    assert pipeline(home, "ingest").returncode == 0
    (tmp_path / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    told = environment(home) | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    for language, block in BLOCKS:
        if language == "python":
            exec(compile(block, "quality.md", "exec"), {})
            continue
        for command in block.strip().splitlines():
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=told,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert (done.returncode, done.stderr) == (0, ""), command
            assert "2026-11-16.csv" in done.stdout or "reports written" in done.stdout


def test_its_points_are_those_of_the_score() -> None:
    rows = re.findall(r"^\| (\w+) \| .* \| (\d+) \|$", PAGE, re.MULTILINE)
    assert {name: int(points) for name, points in rows} == WEIGHTS


def test_the_checks_that_it_names_are_checks() -> None:
    named = set(re.findall(r"`(\w+__\w+)`", PAGE)) - {
        "rule__ship_after_order",
        "customer_id__reference",
        "seq__increasing",
    }
    assert named <= {check.name for check in contract_checks(orders)}
