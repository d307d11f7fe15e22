"""docs/windows-operations.md is true: its commands run over the sample files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pipeline_tests.product.support import ROOT, drop_samples, execute_job, pipeline

PAGE = (ROOT / "docs" / "windows-operations.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL) for line in block.strip().splitlines()
]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample files."""
    home = tmp_path_factory.mktemp("page")
    drop_samples(home)
    assert pipeline(home, "ingest").returncode == 0
    return home


def test_its_commands_run(filled: Path, tmp_path: Path) -> None:
    ours = [shlex.split(line)[1:] for line in COMMANDS if line.startswith(".venv/bin/pipeline ")]
    assert len(ours) == 11
    for words in ours:
        if "--out" in words:
            place = words.index("--out") + 1
            words[place] = str(tmp_path / words[place])
        done = pipeline(filled, *words)
        assert (done.returncode, done.stderr) == (0, ""), words
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".html"}


def test_its_jobs_are_jobs_and_one_of_them_runs_as_a_process(filled: Path) -> None:
    jobs = [line for line in COMMANDS if line.startswith(".venv/bin/dagster ")]
    assert [re.sub(r".* -j ", "", line) for line in jobs] == [
        "verify_windows",
        'verify_windows --tags \'{"pipeline/datasets": "orders"}\'',
        "retention",
    ]
    done = execute_job(filled, "verify_windows", *shlex.split(jobs[1])[-2:])
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr.count("ASSET_CHECK_EVALUATION - Asset check 'matches_clean_rows'") == 2
