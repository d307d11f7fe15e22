"""Reading the latest windows of very many: from the published snapshot, and through the live query on an open handle."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pandera.polars as pa
import polars as pl

from benchmarks.report import Report, scratch
from pipeline.contract import Dataset, Tumbling, agg
from pipeline.ingest import stage
from pipeline.published import day_file, read_published, window_folder
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse

WINDOWS, LATEST, SOURCES = 360_000, 100, 20
_READS = 300
_STEP = timedelta(seconds=5)
_START = datetime(2025, 3, 2, 23)  # noqa: DTZ001  (moments are UTC without zone)


class Signal(pa.DataFrameModel):
    at: datetime
    source: str
    value: float


SIGNALS = Dataset(
    "signals",
    schema=Signal,
    event_time="at",
    windows=[
        Tumbling(
            "fives",
            every="5s",
            by=["source"],
            measures={"signals": agg.count(), "total": agg.sum("value"), "highest": agg.max("value")},
        )
    ],
)


def latest_windows(report: Report, runs: int) -> None:
    """The latest 100 of 360,000 windows (5 s, 20 sources, an hour and a day, which is the newest file), read over and over."""
    report.title(f"The latest {LATEST} of {WINDOWS:,} windows")
    settings = Settings(home=scratch(), settle_seconds=0)
    warehouse = Warehouse.from_settings(settings, {SIGNALS.name: SIGNALS})
    seconds = _load(settings, warehouse)
    report.line("commit, recomputation and publishing of them", f"{seconds:.1f} s")
    since = _START + (WINDOWS - LATEST) // SOURCES * _STEP

    def published() -> pl.DataFrame:
        return read_published(settings.published, SIGNALS.name, "fives", last=LATEST)

    _told(report, "published snapshot", published, runs, at_most=5.0)
    with warehouse.session(read_only=True) as session:

        def live() -> pl.DataFrame:
            return session.windows(SIGNALS.name, "fives", since=since)

        _told(report, "Session.windows, open handle", live, runs, at_most=10.0)
    newest = window_folder(settings.published, SIGNALS.name, "fives") / day_file(
        (_START + _STEP * (WINDOWS // SOURCES - 1)).date()
    )
    whole = min(_read_whole(newest) for _ in range(3))
    report.line("(the newest file whole)", f"{whole * 1000:.1f} ms")


def _load(settings: Settings, warehouse: Warehouse) -> float:
    signals = pl.select(number=pl.int_range(WINDOWS)).select(
        at=pl.lit(_START) + pl.duration(seconds=pl.col("number") // SOURCES * 5),
        source=pl.format("source {}", pl.col("number") % SOURCES),
        value=(pl.col("number") * 7919 % 10_007).cast(pl.Float64),
    )
    path = settings.home / "signals.parquet"
    signals.write_parquet(path)
    started = time.perf_counter()
    staged = stage(path, SIGNALS, settings)
    warehouse.commit(staged)
    shutil.rmtree(staged.folder)
    done = warehouse.recompute(SIGNALS.name, "fives")
    assert sum(day.rows for day in done) == WINDOWS
    return time.perf_counter() - started


def _told(report: Report, label: str, read: Callable[[], pl.DataFrame], runs: int, *, at_most: float) -> None:
    """The 50th and 99th percentile in ms of many reads; the best of `runs` series, for what else runs on the machine only adds."""
    series = [_series(read) for _ in range(runs)]
    middle = min(statistics.median(one) for one in series)
    report.line(f"{label}: p50", f"{middle:8.2f} ms")
    report.ratio(f"{label}: p99, ms", min(one[int(len(one) * 0.99)] for one in series), at_most=at_most)


def _series(read: Callable[[], pl.DataFrame]) -> list[float]:
    took = []
    for _ in range(_READS):
        started = time.perf_counter()
        frame = read()
        took.append((time.perf_counter() - started) * 1000)
        assert frame.height == LATEST
    return sorted(took)


def _read_whole(path: Path) -> float:
    started = time.perf_counter()
    pl.read_parquet(path)
    return time.perf_counter() - started
