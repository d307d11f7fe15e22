"""Sending errors back as the page `docs/errors.md` says, and the command `pipeline replay`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.intake import open_intake, take_inbox
from pipeline.settings import Settings
from pipeline_tests.product.support import ROOT, SAMPLES, drop, environment, pipeline, sql
from pipeline_tests.sending_back import write_back

PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").split("## Sending it back")[1]
CONTRACT = (
    "import pandera.polars as pa\nfrom pipeline.contract import Dataset\n"
    "class Part(pa.DataFrameModel):\n    id: int\n    size: int = pa.Field(ge={least})\n"
    "parts = Dataset('parts', schema=Part, key=['id'])\n"
)


def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    home = tmp_path / "data"
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders")
    intake = open_intake(Settings(home=home, settle_seconds=0))
    list(take_inbox(intake))
    write_back(
        intake,
        tmp_path / "errors.xlsx",
        lambda _: {"Amount": "5", "Status": "pending", "Customer Email": "a@b.de"},
    )
    printed = []
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL):
        done = subprocess.run(
            ["bash", "-c", block], env=environment(home), cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )  # fmt: skip
        assert done.returncode in (0, 1) and not done.stderr, done.stderr
        printed.append(done.stdout)
    assert "of 1 delivery corrected" in printed[0]
    assert "2026-11-16.csv" in printed[1]
    assert "these are corrected error rows" in printed[2]


@pytest.fixture
def loaded(tmp_path: Path, home: Path) -> Path:
    """A home with a delivery of which two rows are rejected, and its dataset beside it; the folder of the dataset."""
    folder = tmp_path / "datasets"
    folder.mkdir()
    (folder / "parts.py").write_text(CONTRACT.format(least=10))
    box = home / "inbox" / "parts"
    box.mkdir(parents=True)
    (box / "a.csv").write_text("id,size\n1,20\n2,5\n3,no\n")
    assert pipeline(home, "ingest", PIPELINE_DATASETS=str(folder)).returncode == 0
    return folder


def test_replay_prints_what_passes_now(loaded: Path, home: Path) -> None:
    (loaded / "parts.py").write_text(CONTRACT.format(least=1))
    done = pipeline(home, "replay", "parts", "--json", PIPELINE_DATASETS=str(loaded))
    assert json.loads(done.stdout) == {
        "dataset": "parts",
        "deliveries": [
            {
                "delivery": "a.csv",
                "looked_at": 2,
                "passed": 1,
                "filtered": 0,
                "still_rejected": 1,
                "unread": 0,
            }
        ],
        "windows": [],
        "failures": [],
    }
    assert sql(home, "SELECT id FROM clean.parts ORDER BY 1").rows() == [(1,), (2,)]
    again = pipeline(home, "replay", "parts", "--delivery", "a.csv", PIPELINE_DATASETS=str(loaded))
    assert again.returncode == 0 and re.search(r"a\.csv\W+1\W+0\W+0\W+1\W", again.stdout)


def test_replay_of_what_there_is_not_says_so(loaded: Path, home: Path) -> None:
    unknown = pipeline(home, "replay", "parts", "--delivery", "b.csv", PIPELINE_DATASETS=str(loaded))
    assert unknown.returncode == 2 and "'b.csv'" in unknown.stderr
    assert pipeline(home, "replay", "nosuch").returncode == 2
    nothing = pipeline(home, "replay", "orders")
    assert nothing.returncode == 0 and "No row of orders is rejected and open." in nothing.stdout
    assert "Example" in pipeline(home, "replay", "--help").stdout


def test_check_tells_what_of_a_correction_would_pass(loaded: Path, home: Path, tmp_path: Path) -> None:
    shutil.copyfile(loaded / "parts.py", tmp_path / "parts.py")
    settings = Settings(home=home, settle_seconds=0, datasets=str(loaded))
    path = write_back(
        open_intake(settings),
        tmp_path / "errors.csv",
        lambda row: {"size": "30"} if row.row == 2 else {},
        "parts",
    )
    done = pipeline(home, "check", str(path), "--dataset", "parts", "--json", PIPELINE_DATASETS=str(loaded))
    found = json.loads(done.stdout)["dataset"]
    assert done.returncode == 1
    assert (found["records"], found["clean"], found["rejected"]) == (2, 1, 1)
    assert found["violations"] == [
        {"column_name": "size", "check_name": "cast", "severity": "reject", "violations": 1}
    ]
