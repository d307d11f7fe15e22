"""`docs/windows.md` is true: its dataset loads and computes, its tables name what there is, its command prints the ways."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.contract import Cumulative, Dataset, Session, Sliding, Total, Tumbling, agg
from pipeline.warehouse import Warehouse
from pipeline.warehouse.windows.ways import Way
from pipeline_tests.product.support import ROOT, pipeline
from pipeline_tests.warehouse.factory import stage_rows

PAGE = (ROOT / "docs" / "windows.md").read_text(encoding="utf-8")
(DECLARATION,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(COMMAND,) = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)


def declared() -> Dataset:
    said: dict[str, Any] = {"__name__": "visits_page"}
    exec(compile(DECLARATION, "docs/windows.md", "exec", dont_inherit=True), said)
    dataset = said["visits"]
    assert isinstance(dataset, Dataset)
    return dataset


def test_the_dataset_of_the_page_keeps_its_windows(tmp_path: Path) -> None:
    dataset = declared()
    start = datetime(2026, 3, 28, 12)  # noqa: DTZ001  (UTC without zone, as in the warehouse)
    rows = [
        {"seen_at": start + timedelta(minutes=37 * n), "page": "ab"[n % 2], "visitor": f"v{n % 3}", "seconds": 20.0 * n}
        for n in range(60)
    ]  # fmt: skip
    warehouse = Warehouse(tmp_path / "w.duckdb", {"visits": dataset})
    warehouse.commit(stage_rows(tmp_path / "staging", dataset, "a.csv", rows))
    for window in dataset.windows:
        warehouse.recompute("visits", window.name)
        counted = warehouse.query(f"SELECT sum(row_count) AS n FROM windows.visits_{window.name}")
        assert counted["n"][0] >= 60
    days = warehouse.query(
        "SELECT DISTINCT epoch(window_end - window_start) / 3600 AS hours FROM windows.visits_daily"
    )
    assert sorted(days["hours"]) == [23, 24]
    (top,) = warehouse.query("SELECT pages FROM windows.visits_ever WHERE _delivery IS NULL").rows()
    assert top == ([{"value": "a", "count": 30}, {"value": "b", "count": 30}],)


def test_the_tables_of_the_page_name_every_kind_measure_and_way() -> None:
    for kind in (Tumbling, Sliding, Cumulative, Session, Total):
        given = {field.name for field in fields(kind)}
        written = ", ".join(f"{name}=" for name in ("size", "period", "every", "gap") if name in given)
        assert f"`{kind.__name__}({written})`" in PAGE
    for name in vars(agg):
        assert name.startswith("_") or f"`agg.{name}(" in PAGE, name
    for way in Way:
        assert f"\n| {way.value} |" in PAGE


def test_the_command_of_the_page_says_how_a_window_is_computed(tmp_path: Path) -> None:
    words = COMMAND.split()
    assert words[0] == ".venv/bin/pipeline"
    done = pipeline(tmp_path, *words[1:])
    assert "panes" in done.stdout and "SELECT window_start" in done.stdout and "2026-11-16" in done.stdout
