"""`dagster job execute` in a real process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from pipeline.intake import Intake
from pipeline_tests.orchestration.conftest import Drop, order


def execute(
    intake: Intake, *arguments: str, dagster_home: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ) | {
        "PIPELINE_HOME": str(intake.settings.home),
        "PIPELINE_SETTLE_SECONDS": "0",
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }
    if dagster_home is not None:
        environment["DAGSTER_HOME"] = str(dagster_home)
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "pipeline.definitions", *arguments]
    # Without DAGSTER_HOME Dagster takes the dagster.yaml of the folder that it is started in: not the project's here
    folder = intake.settings.home.parent
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_bad_rows_are_no_failure_unless_told_so(drop: Drop, intake: Intake, tmp_path: Path) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    done = execute(intake, "-j", "ingest")
    assert done.returncode == 0, done.stderr[-2000:]
    strict = tmp_path / "strict.yaml"
    strict.write_text("fail_on_rejects: true\n")
    drop("b.csv", order(3), order(4, amount="oops"))
    home = tmp_path / "dagster_home"
    home.mkdir()
    failed = execute(intake, "-j", "ingest", "-c", str(strict), dagster_home=home)
    assert failed.returncode == 1
    assert "orders/b.csv: 50.00%" in failed.stderr
    with duckdb.connect(str(intake.settings.warehouse), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM clean.orders").fetchall() == [(2,)]


def test_a_partition_is_taken_by_its_tag_without_having_been_registered(drop: Drop, intake: Intake) -> None:
    drop("a.csv", order(1))
    done = execute(intake, "-j", "orders_ingest", "--tags", '{"dagster/partition": "a.csv"}')
    assert done.returncode == 0, done.stderr[-2000:]
    with duckdb.connect(str(intake.settings.warehouse), read_only=True) as connection:
        assert connection.execute("SELECT delivery FROM ops.deliveries").fetchall() == [("a.csv",)]
