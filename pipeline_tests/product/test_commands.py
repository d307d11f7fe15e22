"""The `pipeline` command: what it prints, for people and for programs, and its exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline_tests.product.support import SAMPLES, drop, drop_samples, pipeline, value


def test_ingest_prints_what_became_of_each_file(home: Path) -> None:
    drop_samples(home)
    done = pipeline(home, "ingest")
    assert done.returncode == 0
    for delivery in ("2026-11-16.csv", "2026-11-17.xlsx", "week 47.csv", "sensors.ndjson"):
        assert delivery in done.stdout
    assert value(home, "SELECT count(*) FROM ops.deliveries WHERE status = 'partial'") == 4


def test_ingest_of_an_empty_inbox_says_so_and_succeeds(home: Path) -> None:
    done = pipeline(home, "ingest")
    assert done.returncode == 0
    assert "Nothing waits" in done.stdout


@pytest.mark.parametrize("left", ["of a broken dataset", "refused", "not in the quarantine"])
def test_ingest_that_takes_nothing_does_not_say_that_nothing_waits(
    home: Path, tmp_path: Path, left: str
) -> None:
    more: list[str] = []
    environment = {"PIPELINE_HOME": str(home), "PIPELINE_SETTLE_SECONDS": "0", "COLUMNS": "400"}
    match left:
        case "of a broken dataset":
            (tmp_path / "bad.py").write_text("from pipeline.contract import Dataset\nbad = Dataset('bad')\n")
            environment["PIPELINE_DATASETS"] = str(tmp_path / "bad.py")
            drop(SAMPLES / "orders" / "2026-11-16.csv", home, "bad")
        case "refused":
            (home / "inbox" / "orders").mkdir(parents=True)
            (home / "inbox" / "orders" / "linked.csv").symlink_to(SAMPLES / "orders" / "2026-11-16.csv")
        case "not in the quarantine":
            more = ["orders", "--from-quarantine", "--delivery", "nosuch.csv"]
    done = CliRunner().invoke(app, ["ingest", *more], env=environment)
    assert "No file was taken." in done.stdout
    assert "Nothing waits" not in done.stdout and "to be taken" not in done.stdout


@pytest.mark.parametrize("name", ["prices", "two words", "größen"])
def test_a_module_that_does_not_load_is_named_by_the_status(home: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("import nowhere_at_all\n")
    environment = {
        "PIPELINE_HOME": str(home),
        "PIPELINE_DATASETS": str(tmp_path / f"{name}.py"),
        "COLUMNS": "400",
    }
    assert f"module {name} does not load: " in CliRunner().invoke(app, ["status"], env=environment).stdout
    found = json.loads(CliRunner().invoke(app, ["status", "--json"], env=environment).stdout)
    assert [one["module"] for one in found["modules"]] == [name]


def test_a_file_in_the_inbox_itself_is_shown_as_of_the_inbox(home: Path) -> None:
    (home / "inbox").mkdir(parents=True, exist_ok=True)
    shutil.copy(SAMPLES / "orders" / "2026-11-16.csv", home / "inbox" / "loose.csv")
    environment = {"PIPELINE_HOME": str(home), "PIPELINE_SETTLE_SECONDS": "0", "COLUMNS": "400"}
    took = CliRunner().invoke(app, ["ingest"], env=environment).stdout
    status = CliRunner().invoke(app, ["status"], env=environment).stdout
    shown = [line.split() for line in (took + status).replace("│", " ").splitlines()]
    assert any(words[:3] == ["inbox", "loose.csv", "quarantined"] for words in shown)  # of ingest
    assert any(words[:4] == ["inbox", "0", "0", "1"] for words in shown)  # of status: its datasets
    assert any(words[2:5] == ["inbox", "loose.csv", "quarantined"] for words in shown)  # and its deliveries


def test_ingest_takes_the_named_datasets_only(home: Path) -> None:
    drop_samples(home)
    done = pipeline(home, "ingest", "sales", "--json")
    found = json.loads(done.stdout)
    assert [d["dataset"] for d in found["deliveries"]] == ["sales"]
    assert {w["window"] for w in found["windows"]} == {"sales/by_department"}
    assert (home / "inbox" / "orders" / "2026-11-16.csv").exists()


def test_ingest_of_an_unknown_dataset_names_the_known_ones(home: Path) -> None:
    done = pipeline(home, "ingest", "invoices")
    assert done.returncode == 2
    assert "'invoices'" in done.stderr and "orders" in done.stderr


def test_status_tells_what_waits_and_what_was_loaded(home: Path) -> None:
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders")
    pipeline(home, "ingest")
    drop(SAMPLES / "orders" / "2026-11-17.xlsx", home, "orders")
    found = json.loads(pipeline(home, "status", "--json").stdout)
    orders = next(d for d in found["datasets"] if d["dataset"] == "orders")
    assert (orders["waiting"], orders["deliveries"], orders["rows_clean"], orders["rows_rejected"]) == (
        1,
        1,
        115,
        5,
    )
    assert found["deliveries"][0]["delivery"] == "2026-11-16.csv"
    assert pipeline(home, "status").returncode == 0


def test_query_answers_in_a_table_and_in_json(home: Path) -> None:
    drop(SAMPLES / "sales" / "week 47.csv", home, "sales")
    pipeline(home, "ingest")
    asked = "SELECT product, sum(amount) AS total FROM clean.sales WHERE product = 'Gießkanne' GROUP BY ALL"
    assert "Gießkanne" in pipeline(home, "query", asked).stdout
    assert json.loads(pipeline(home, "query", asked, "--json").stdout)[0]["product"] == "Gießkanne"


def test_query_cannot_change_anything(home: Path) -> None:
    drop(SAMPLES / "sales" / "week 47.csv", home, "sales")
    pipeline(home, "ingest")
    done = pipeline(home, "query", "DELETE FROM clean.sales")
    assert done.returncode == 2
    assert "read-only" in done.stderr
    assert value(home, "SELECT count(*) FROM clean.sales") == 60


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT * FROM clean.invoices"])
def test_wrong_sql_is_one_readable_message(home: Path, sql: str) -> None:
    pipeline(home, "ingest")
    done = pipeline(home, "query", sql)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_query_before_anything_was_loaded_says_what_to_do(home: Path) -> None:
    done = pipeline(home, "query", "SELECT 1")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and str(home) in done.stderr


def test_doctor_finds_nothing_wrong_in_a_new_home(home: Path) -> None:
    done = pipeline(home, "doctor", "--json")
    assert done.returncode == 0
    assert {f["check"] for f in json.loads(done.stdout)} >= {
        "settings",
        "folders",
        "datasets",
        "warehouse",
        "migrations",
    }


def test_doctor_ends_with_1_and_the_remedy_where_a_dataset_is_wrong(home: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "import pandera.polars as pa\nfrom pipeline.contract import Dataset\n"
        "class A(pa.DataFrameModel):\n    x: int\n"
        "a = Dataset('a', schema=A, key=['y'])\n"
    )
    done = pipeline(home, "doctor", PIPELINE_DATASETS=str(tmp_path))
    assert done.returncode == 1
    assert "'y'" in done.stdout


@pytest.mark.parametrize("value", ["~nobody-of-that-name/home", "{home}/circle"])
def test_a_home_that_leads_nowhere_is_named(home: Path, tmp_path: Path, value: str) -> None:
    (tmp_path / "circle").symlink_to("circle")
    done = pipeline(home, "status", PIPELINE_HOME=value.format(home=tmp_path))
    assert done.returncode == 2
    assert (
        "PIPELINE_HOME" in done.stderr and "leads nowhere" in done.stderr and "Traceback" not in done.stderr
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_without_input_and_output_the_work_is_done(home: Path, closed: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m pipeline.cli status {closed}', sys.executable],
        env=os.environ | {"PIPELINE_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_setting_is_named_with_its_value(home: Path) -> None:
    done = pipeline(home, "ingest", PIPELINE_MEMORY_MB="lots")
    assert done.returncode == 2
    assert "PIPELINE_MEMORY_MB" in done.stderr and "lots" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "demo", "ingest", "check", "infer", "errors", "replay", "status", "query", "report", "migrate", "keygen", "decrypt",
        "doctor",
    ],
)  # fmt: skip
def test_every_command_has_help_with_an_example(home: Path, command: str) -> None:
    done = pipeline(home, command, "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout
