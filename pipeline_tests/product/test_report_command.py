"""`pipeline report`, and the score in `pipeline status`."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline_tests.product.support import SAMPLES, drop, pipeline


def test_a_report_is_written_again_and_an_unknown_delivery_is_refused(home: Path) -> None:
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders")
    pipeline(home, "ingest")
    page = home / "reports" / "orders" / "2026-11-16.csv.html"
    before = page.read_text(encoding="utf-8")
    page.unlink()
    done = json.loads(pipeline(home, "report", "orders", "--json").stdout)
    assert (done["written"], page.read_text(encoding="utf-8")) == (1, before)
    refused = pipeline(home, "report", "orders", "--delivery", "nothing.csv")
    assert refused.returncode == 2 and "'nothing.csv'" in refused.stderr
    [delivery] = json.loads(pipeline(home, "status", "--json").stdout)["deliveries"]
    assert delivery["quality"] == 97.4
