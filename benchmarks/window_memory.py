"""Peak memory of computing windows over a day of 10 million rows, of every kind with every measure, against the budget of a run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pandera.polars as pa

from benchmarks.report import Report, scratch
from pipeline.contract import (
    Aggregate,
    Cumulative,
    Dataset,
    Session,
    Sliding,
    Total,
    Tumbling,
    Window,
    agg,
)
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline.warehouse.failures import PartsFailed

ROWS = int(os.environ.get("WINDROW_BENCH_ROWS", "10000000"))
"""Fewer by WINDROW_BENCH_ROWS, to look at a change quickly."""
KINDS: dict[str, Window] = {
    "minutes": Tumbling("w", every="1m", by=["source"]),
    "day": Tumbling("w", every="1d", by=["source"]),
    "day-of-all": Tumbling("w", every="1d"),
    "seconds-of-users": Tumbling("w", every="10s", by=["user"]),
    "sliding": Sliding("w", size="60s", every="5s", by=["source"]),
    "sliding-of-all": Sliding("w", size="1h", every="1m"),
    "sliding-days": Sliding("w", size="3d", every="1d", by=["source"]),
    "cumulative": Cumulative("w", period="1d", every="1h", by=["source"]),
    "cumulative-of-all": Cumulative("w", period="1d", every="15m"),
    "sessions": Session("w", gap="1m", by=["user"]),
    "sessions-of-all": Session("w", gap="1ms"),
    "total": Total("w", by=["source"]),
}
MEASURES: dict[str, Aggregate] = {
    "count": agg.count(),
    "sum": agg.sum("value"),
    "avg": agg.avg("value"),
    "min": agg.min("type"),
    "stddev": agg.stddev("value"),
    "variance": agg.variance("value"),
    "max_by": agg.max_by("id", "value"),
    "first": agg.first("id"),
    "distinct": agg.count_distinct("id"),
    "about": agg.count_distinct("id", approximate=True),
    "p95": agg.quantile("value", 0.95),
    "discrete": agg.quantile_discrete("value", 0.95),
    "about-p95": agg.quantile("value", 0.95, approximate=True),
    "top": agg.top("user", 5),
    "distribution": agg.distribution("type"),
    "rate": agg.rate(),
    "share": agg.share(),
    "sql": agg.sql("sum(value * 2)"),
}


class Event(pa.DataFrameModel):
    """What is measured."""

    at: datetime
    id: str
    source: str
    user: int
    type: str
    value: float = pa.Field(nullable=True)


def dataset(kind: str, measure: str) -> Dataset:
    """The events with one window of one measure."""
    window = KINDS[kind]
    fields = {name: getattr(window, name) for name in type(window).__dataclass_fields__}
    fields |= {"name": f"{kind}_{measure}".replace("-", "_"), "measures": {"figure": MEASURES[measure]}}
    return Dataset(
        "events", schema=Event, event_time="at", publish="nothing", windows=[type(window)(**fields)]
    )


def fill(warehouse: Warehouse, rows: int) -> None:
    """So many events of 20 sources and 5,000 users in one day."""
    with warehouse.session() as session:
        session.connection.execute(
            "INSERT INTO clean.events BY NAME SELECT make_timestamp(epoch_us(TIMESTAMP '2025-01-01') "
            f"+ (i * {86_400_000_000 / rows!r})::BIGINT) AS \"at\", 'event ' || i AS id, 'source ' || (hash(i) % 20) AS source, "
            "(hash(i * 13) % 5000)::BIGINT AS \"user\", 'type ' || (hash(i * 5) % 5) AS type, "
            "(hash(i * 7) % 100000)::DOUBLE / 100 AS value, 'a file' AS _delivery, i + 1 AS _row "
            f"FROM range({rows}) AS numbers(i)"
        )


def compute(home: Path, kind: str, measure: str, memory_mb: int) -> dict[str, object]:
    """Compute one window in this process.

    Returns:
        peak: of the process, MiB; seconds: of processor time; windows: how many; refused: what was told instead.
    """
    declared = dataset(kind, measure)
    warehouse = Warehouse.from_settings(Settings(home=home, memory_mb=memory_mb), {declared.name: declared})
    (window,) = declared.windows
    began = time.process_time()
    windows, refused = 0, ""
    with warehouse.session() as session:
        session.mark_everything(declared.name, window.name)
        try:
            windows = sum(one.rows for one in session.recompute(declared.name, window.name))
        except PartsFailed as failed:
            refused = str(failed)
        session.connection.execute(f"DROP TABLE windows.events_{window.name}")
    return {"peak": peak_mb(), "seconds": time.process_time() - began, "windows": windows, "refused": refused}


def peak_mb() -> int:
    """Largest resident size that this process ever had, in MiB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def window_memory(report: Report, runs: int) -> None:
    """Each kind with each measure under the default budget. What is refused is told; that is within the budget too."""
    home, budget = scratch(), Settings().memory_mb
    declared = dataset("day", "count")
    fill(Warehouse.from_settings(Settings(home=home), {declared.name: declared}), ROWS)
    report.title(f"Peak memory of windows over a day of {ROWS:,} rows, in MiB; the budget is {budget:,}")
    for kind in KINDS:
        peaks = []
        for measure in MEASURES:
            if _refused(kind, measure):
                continue
            done = in_a_process(home, kind, measure, budget)
            peaks.append(done["peak"])
            told = (
                f"not tried: {done['refused'][:60]}…" if done["refused"] else f"{done['windows']:,} windows"
            )
            report.line(f"{kind}, {measure}", f"{done['peak']} MiB, {done['seconds']:.1f} s, {told}")
        report.ratio(f"{kind}: most memory in % of the budget", 100 * max(peaks) / budget, at_most=100)


def _refused(kind: str, measure: str) -> bool:
    """Whether the contract refuses this measure."""
    return (kind == "total" and measure in ("first", "rate")) or (
        kind.startswith("sessions") and measure == "share"
    )


def in_a_process(home: Path, kind: str, measure: str, budget: int) -> dict[str, Any]:
    """`compute` in a process of its own, whose peak is that of this work alone."""
    command = [sys.executable, "-m", "benchmarks.window_memory", str(home), kind, measure, str(budget)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{kind}, {measure} failed:\n{done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(compute(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))))
