"""`pipeline errors`: what it prints, what it writes, its exit codes; and the page about it is true."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import polars as pl
import pytest
from openpyxl import load_workbook

from pipeline.errors import workbook
from pipeline_tests.product.support import ROOT, SAMPLES, drop, environment, files_below, pipeline

PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two deliveries of orders, eight rows of which are rejected."""
    home = tmp_path_factory.mktemp("errors") / "home"
    for name in ("2026-11-16.csv", "2026-11-17.xlsx"):
        drop(SAMPLES / "orders" / name, home, "orders")
    assert pipeline(home, "ingest", "orders").returncode == 0
    return home


def test_it_counts_the_errors_and_shows_the_first(loaded: Path) -> None:
    done = pipeline(loaded, "errors", "orders", "--limit", "2")
    assert done.returncode == 0
    assert "customer_email" in done.stdout and "is not an e-mail address" in done.stdout
    assert "8 rows of orders are rejected; 7 errors are not shown" in done.stdout


def test_it_prints_json_for_programs(loaded: Path) -> None:
    done = pipeline(loaded, "errors", "orders", "--delivery", "2026-11-17.xlsx", "--json")
    found = json.loads(done.stdout)
    assert (found["dataset"], found["rows"], len(found["first"])) == ("orders", 3, 3)
    assert {"column_name": "status", "check_name": "isin", "violations": 1} in found["errors"]


def test_it_writes_the_rejected_rows_to_a_file(loaded: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.xlsx"
    done = pipeline(loaded, "errors", "orders", "--out", str(out), "--json")
    assert json.loads(done.stdout) == {"dataset": "orders", "rows": 8, "left_out": 0, "path": str(out)}
    assert files_below(tmp_path) == [out.name]
    assert load_workbook(out).worksheets[0].max_row == 9
    again = pipeline(loaded, "errors", "orders", "--out", str(out))
    assert again.returncode == 2 and "--force" in again.stderr
    forced = pipeline(
        loaded, "errors", "orders", "--delivery", "2026-11-16.csv", "--out", str(out), "--force"
    )
    assert forced.returncode == 0 and "5 rejected rows" in forced.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["invoices"], "'invoices'"),
        (["orders", "--delivery", "2026-11-16"], "'2026-11-16.csv'"),
        (["orders", "--out", "e.pdf"], ".xlsx, .csv, .parquet"),
        (["orders", "--out", "nowhere/e.csv"], "no folder"),
    ],
)
def test_what_was_typed_wrongly_is_one_readable_message(
    loaded: Path, arguments: list[str], words: str
) -> None:
    done = pipeline(loaded, "errors", *arguments)
    assert done.returncode == 2
    assert words in done.stderr and "Traceback" not in done.stderr


def test_nothing_rejected_is_no_fault_and_no_file(home: Path, tmp_path: Path) -> None:
    for arguments in ([], ["--out", str(tmp_path / "e.xlsx")]):
        done = pipeline(home, "errors", "orders", *arguments)
        assert done.returncode == 0 and "No row of orders is rejected" in done.stdout
    assert not (tmp_path / "e.xlsx").exists()


def test_it_has_help_with_an_example(home: Path) -> None:
    done = pipeline(home, "errors", "--help")
    assert done.returncode == 0 and "Example" in done.stdout


def test_the_commands_of_the_page_run(loaded: Path, tmp_path: Path) -> None:
    half = PAGE.partition("## Sending it back")[0]
    commands = [
        line for block in re.findall(r"```bash\n(.*?)```", half, re.DOTALL) for line in block.splitlines()
    ]
    assert len(commands) == 5
    env = environment(loaded)
    env["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{env['PATH']}"
    for command in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert files_below(tmp_path) == ["errors.csv", "errors.parquet", "errors.xlsx"]
    reasons = pl.read_parquet(tmp_path / "errors.parquet")["_errors"].to_list()
    assert any("line 19: Amount: 'twelve' is not a number" in reason for reason in reasons)


def test_the_limits_that_the_page_names_are_those_of_the_code() -> None:
    assert f"{workbook.COMMENTS:,} wrong cells" in PAGE and f"({workbook.SHEET_ROWS:,})" in PAGE
