"""Killed at any boundary, the next run finishes the work: the tables equal those of an undisturbed run."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import polars as pl
import pytest

from pipeline_tests.product.support import (
    SAMPLES,
    drop,
    drop_samples,
    environment,
    execute_job,
    files_below,
    pipeline,
    run,
    sql,
)

TABLES = {
    "clean.orders": (),
    "clean.sales": (),
    "clean.events": (),
    "errors.orders": ("detected_at",),
    "errors.sales": ("detected_at",),
    "errors.events": ("detected_at",),
    "windows.orders_daily_by_department": ("computed_at",),
    "windows.orders_last_hour": ("computed_at",),
    "windows.sales_by_department": ("computed_at",),
    "windows.events_last_minute": ("computed_at",),
    "ops.deliveries": ("id", "seconds", "peak_memory_mb", "run_id", "committed_at", "seq", "landing"),
    "ops.columns": ("entry_id",),
    "ops.dirty_windows": (),
    "ops.unpublished": (),
}

BOUNDARIES = {
    "staged, not yet renamed": "pipeline.ingest.stage:finish:before:1",
    "staged, nothing committed": "pipeline.ingest.stage:finish:after:2",
    "rows inserted, transaction open": "pipeline.warehouse.commit:_record:after:2",
    "first file committed, not archived": "pipeline.warehouse.commit:commit:after:1",
    "all files committed, none archived": "pipeline.intake.commit:_put_away:before:1",
    "file in inbox and archive at once": "pipeline.files.filing:os.link:after:2",
    "quarantine recorded, file not moved": "pipeline.intake.commit:_to_quarantine:before:1",
    "some files archived, no event told": "pipeline.intake.commit:_put_away:after:3",
    "all archived, no event told": "pipeline.orchestration.steps:report_outcomes:before:1",
    "a window computed, transaction open": "pipeline.warehouse.windows.recompute:dirty.clear:before:2",
    "a window computed, not published": "pipeline.warehouse.publish.publishing:publish:before:5",
    "published, marks not cleared": "pipeline.warehouse.publish.marks:clear:before:2",
}

# Both ways take the same steps; Dagster's takes three times as long to start.
IN_DAGSTER = [BOUNDARIES["rows inserted, transaction open"], BOUNDARIES["all archived, no event told"]]


def _drop_all(home: Path) -> None:
    drop_samples(home)
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders", "monday again.csv")
    (home / "inbox" / "orders" / "empty.csv").write_bytes(b"")


def _tables(home: Path) -> dict[str, list[str]]:
    found = {}
    for table, volatile in TABLES.items():
        left_out = f"EXCLUDE ({', '.join(volatile)})" if volatile else ""
        rows = sql(home, f"SELECT * {left_out} FROM {table}").rows()
        found[table] = sorted(re.sub(r"\(entry \w+\)", "(entry)", repr(row)) for row in rows)
    return found


def _published(home: Path) -> dict[str, list[tuple[object, ...]]]:
    folder = home / "published"
    return {
        name: pl.read_parquet(folder / name).drop("computed_at", strict=False).rows()
        for name in files_below(folder)
    }


def _files(home: Path) -> dict[str, list[str]]:
    undated = [re.sub(r"\d{4}/\d\d/\d\d/", "", name) for name in files_below(home / "archive")]
    return {
        "inbox": files_below(home / "inbox"),
        "archive": sorted(undated),
        "quarantine": files_below(home / "quarantine"),
        "staging": [name for name in files_below(home / "staging") if not name.startswith(".duckdb")],
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("undisturbed")
    _drop_all(home)
    done = execute_job(home)
    assert done.returncode == 0, done.stderr[-4000:]
    statuses = sql(home, "SELECT status, count(*) FROM ops.deliveries GROUP BY ALL")
    assert dict(statuses.iter_rows()) == {"partial": 4, "duplicate": 1, "quarantined": 1}
    return home


@pytest.mark.parametrize("boundary", BOUNDARIES.values(), ids=BOUNDARIES.keys())
def test_a_run_killed_half_way_is_finished_by_the_next(
    boundary: str, undisturbed: Path, tmp_path: Path
) -> None:
    _drop_all(tmp_path)
    by_dagster = ["dagster", "job", "execute", "-m", "pipeline.definitions", "-j", "ingest"]
    command = by_dagster if boundary in IN_DAGSTER else ["pipeline", "ingest"]
    killed = run(
        [sys.executable, "-m", "pipeline_tests.product.killer", boundary, *command], environment(tmp_path)
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-4000:]

    again = pipeline(tmp_path, "ingest")

    assert again.returncode == 0, again.stderr
    assert _tables(tmp_path) == _tables(undisturbed)
    assert _files(tmp_path) == _files(undisturbed)
    assert _published(tmp_path) == _published(undisturbed) != {}
