"""`pipeline infer`: what it writes, prints and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.contract.registry import load_datasets
from pipeline_tests.product.support import SAMPLES, files_below

SALES = str(SAMPLES / "sales" / "week 47.csv")


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_HOME", str(home))


def infer(*arguments: str) -> Result:
    """`pipeline infer` in this process."""
    return CliRunner().invoke(app, ["infer", *arguments])


def test_it_prints_the_module_and_writes_nothing(home: Path, tmp_path: Path) -> None:
    done = infer(SALES)
    assert done.exit_code == 0
    module = tmp_path / "printed.py"
    module.write_text(done.stdout, encoding="utf-8")
    assert load_datasets([str(module)])["sales"].column_names == (
        "department_name",
        "product",
        "qty",
        "total",
    )
    assert files_below(home) == []


def test_it_writes_to_a_file_under_the_name_that_is_given(tmp_path: Path) -> None:
    out = tmp_path / "mine" / "lines.py"
    done = infer(SALES, "--name", "sales_lines", "--out", str(out))
    assert (done.exit_code, done.stderr) == (0, "")
    assert "sales_lines" in load_datasets([str(out.parent)])
    assert f"Wrote {out}" in done.stdout and "--dataset sales_lines" in done.stdout


def test_the_written_module_is_what_check_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "mine" / "lines.py"
    infer(SALES, "--name", "sales_lines", "--out", str(out))
    monkeypatch.setenv("PIPELINE_DATASETS", str(out.parent))
    done = CliRunner().invoke(app, ["check", SALES, "--dataset", "sales_lines", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["dataset"]["clean"] == 62


def test_a_module_that_is_there_is_written_over_by_force_alone(tmp_path: Path) -> None:
    out = tmp_path / "sales.py"
    out.write_text("# mine\n", encoding="utf-8")
    refused = infer(SALES, "--out", str(out))
    assert (refused.exit_code, out.read_text()) == (2, "# mine\n")
    assert "--force" in refused.stderr
    assert infer(SALES, "--out", str(out), "--force").exit_code == 0
    assert "class Sale(" in out.read_text()


def test_json_tells_programs_the_same(tmp_path: Path) -> None:
    found = json.loads(infer(SALES, "--json").stdout)
    assert (found["dataset"], found["rows"], found["rejects"], found["columns"], found["written"]) == (
        "sales",
        62,
        0,
        4,
        None,
    )
    assert found["module"] == infer(SALES).stdout


def test_what_cannot_be_done_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    (tmp_path / "empty.csv").write_bytes(b"")
    for arguments in (
        ["none.csv"],
        [str(tmp_path)],
        [str(tmp_path / "a.xlsx")],
        [str(tmp_path / "empty.csv")],
    ):
        done = infer(*arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.strip()


def test_a_name_that_no_dataset_can_have_is_refused() -> None:
    done = infer(SALES, "--name", "My Sales")
    assert done.exit_code != 0
    assert "plain lower-case name" in str(done.exception)


def test_help_has_an_example() -> None:
    assert "Example" in infer("--help").stdout
