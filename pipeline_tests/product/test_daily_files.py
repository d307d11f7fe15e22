"""A year of real daily files, through the whole intake."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.intake import open_intake, take_inbox, wait_and_scan
from pipeline.settings import Settings
from pipeline_tests.product.support import DATASETS


def test_305_daily_files_are_305_deliveries_and_no_record_is_missing(shared_data: Path, home: Path) -> None:
    settings = Settings(home=home, settle_seconds=0, datasets=str(DATASETS))
    intake = open_intake(settings)
    intake.make_folders()
    for path in (shared_data / "online_retail_by_day").glob("*.csv"):
        shutil.copyfile(path, settings.inbox / "retail" / path.name)
    outcomes = list(take_inbox(intake, wait_and_scan(intake, ["retail"]).waiting))
    assert len(outcomes) == 305
    found = intake.warehouse.query(
        "SELECT count(*) AS deliveries, sum(rows_read) AS read, sum(rows_clean) AS clean,"
        " (SELECT count(*) FROM clean.retail) AS loaded FROM ops.deliveries WHERE status = 'loaded'"
    )
    assert found.row(0) == (305, 541_909, 541_909, 541_909)
