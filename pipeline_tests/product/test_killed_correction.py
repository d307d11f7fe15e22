"""Killed while a correction is taken in, the next run finishes it: nothing is corrected twice, nothing is lost."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import pytest

from pipeline.intake import open_intake, take_inbox
from pipeline.settings import Settings
from pipeline_tests.product.support import environment, files_below, pipeline, run, sql
from pipeline_tests.sending_back import Exported, write_back

TABLES = {
    "clean.orders": (),
    "errors.orders": ("detected_at",),
    "windows.orders_daily_by_department": ("computed_at",),
    "ops.deliveries": ("id", "seconds", "peak_memory_mb", "run_id", "committed_at", "seq", "landing"),
    "ops.corrections": ("entry_id", "original_id", "applied_at"),
    "ops.dirty_windows": (),
}
BOUNDARIES = {
    "staged, nothing committed": "pipeline.ingest.stage:finish:after:1",
    "rows moved, transaction open": "pipeline.warehouse.corrections:_record:after:1",
    "committed, not archived": "pipeline.intake.commit:_put_away:before:1",
    "file in inbox and archive at once": "pipeline.files.filing:os.link:after:1",
}
DRIVER = (
    "import sys; from pipeline_tests.product.killer import arm; arm(sys.argv[1]); "
    "from pipeline.commands import app; app(['ingest'])"
)
HEADER = "order_id,customer_email,amount,ordered_at,status,department,customer_name\n"


def _fix(row: Exported) -> dict[str, str]:
    return {"amount": "5"} if row.row == 2 else {"amount": "still wrong"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a delivery and a workbook that corrects one of its bad rows."""
    home = tmp_path_factory.mktemp("prepared")
    intake = open_intake(Settings(home=home, settle_seconds=0))
    intake.make_folders()
    rows = [f"{n},a@b.de,{'x' if n > 1 else 1},2024-03-0{n} 10:00:00,pending,toys,Ann\n" for n in (1, 2, 3)]
    (home / "inbox" / "orders" / "a.csv").write_text(HEADER + "".join(rows))
    list(take_inbox(intake))
    write_back(intake, home / "inbox" / "orders" / "errors.xlsx", _fix)
    return home


def _found(home: Path) -> dict[str, list[str]]:
    found = {}
    for table, volatile in TABLES.items():
        left_out = f"EXCLUDE ({', '.join(volatile)})" if volatile else ""
        found[table] = sorted(map(repr, sql(home, f"SELECT * {left_out} FROM {table}").rows()))
    for folder in ("inbox", "archive", "quarantine"):
        found[folder] = files_below(home / folder)
    return found


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    home = tmp_path_factory.mktemp("homes") / "undisturbed"
    shutil.copytree(prepared, home)
    assert pipeline(home, "ingest").returncode == 0
    return _found(home)


@pytest.mark.parametrize("boundary", BOUNDARIES.values(), ids=BOUNDARIES.keys())
def test_a_correction_that_is_killed_half_way_is_finished_by_the_next_run(
    boundary: str, prepared: Path, undisturbed: dict[str, list[str]], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(prepared, home)
    killed = run([sys.executable, "-c", DRIVER, boundary], environment(home))
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-4000:]

    assert pipeline(home, "ingest").returncode == 0

    assert _found(home) == undisturbed
    assert [name for name in files_below(home / "staging") if not name.startswith(".duckdb")] == []
