"""Windows over 10 million events of 20 sources: the compiler's SQL against other ways to the same figures, and a repair against a
full recomputation."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pandera.polars as pa
import polars as pl

from benchmarks.report import Report, scratch
from pipeline.contract import Dataset, Sliding, Tumbling, agg
from pipeline.ingest import stage
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline.warehouse.windows.compiler import compile_window

EVENTS = 10_000_000
SOURCES = 20
_DISORDER = 10_000
DAY = datetime(2025, 1, 1)  # noqa: DTZ001  (UTC without zone, as in the warehouse)
PLAIN = {
    "n": agg.count(), "total": agg.sum("value"), "low": agg.min("value"), "high": agg.max("value"), "mean": agg.avg("value"),
}  # fmt: skip
_BUCKET = """time_bucket(INTERVAL 5 SECOND, "at", TIMESTAMP '2000-01-03')"""
_EXPANDED = f"SELECT {_BUCKET} - _back * INTERVAL 5 SECOND AS slot, source"
_FROM = "FROM events, range(12) AS steps(_back) GROUP BY 1, 2"


class Event(pa.DataFrameModel):
    at: datetime
    source: str
    user: int
    value: float


def events(span: str) -> str:
    """SQL of the events, evenly over a span of time, in the order of their arrival: a little off that of their times."""
    start = f"epoch_us(TIMESTAMP '{DAY}')"
    step = f"((epoch_us(TIMESTAMP '{DAY}' + INTERVAL {span}) - {start})::DOUBLE / {EVENTS})"
    return (
        f"SELECT make_timestamp({start} + (i * {step})::BIGINT) AS \"at\", 'source_' || (hash(i) % {SOURCES}) AS source, "
        '(hash(i * 13) % 5000)::BIGINT AS "user", (hash(i * 7) % 100000)::DOUBLE / 100 AS value '
        f"FROM range({EVENTS}) AS numbers(i) ORDER BY i + hash(i * 3) % {_DISORDER}"
    )


def ways(report: Report, runs: int) -> None:
    """Sliding windows of 60 s each 5 s: by the compiler, by plain SQL, by polars."""
    report.title(f"Sliding windows, 60 s each 5 s, {EVENTS:,} events of {SOURCES} sources in a day")
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE events AS {events('1 DAY')}")
    frame = connection.execute("FROM events").pl()
    exact = {"users": agg.count_distinct("user"), "p95": agg.quantile("value", 0.95)}
    compared: dict[str, Callable[[], object]] = {
        "tumbling": _run(
            connection, f"SELECT {_BUCKET} AS slot, source, {_plain()} FROM events GROUP BY 1, 2"
        ),
        "sliding": _run(connection, _compiled(PLAIN)),
        "expanded": _run(connection, f"{_EXPANDED}, {_plain()} {_FROM}"),
        "polars": lambda: _polars(frame),
    }
    took = _medians(compared, runs)
    for name, label in (("tumbling", "DuckDB's plain tumbling 5 s"), ("sliding", "sliding, count sum min max avg"),
                        ("expanded", "the same by expanding rows in SQL"), ("polars", "the same by polars, sort included")):  # fmt: skip
        report.line(label, f"{took[name]:.2f} s")
    report.ratio("sliding to plain tumbling", took["sliding"] / took["tumbling"], at_most=1.6)
    report.ratio("expanding rows to sliding", took["expanded"] / took["sliding"], at_least=5)
    report.ratio("polars to sliding", took["polars"] / took["sliding"], at_least=3)
    measures = 'count(DISTINCT "user") AS users, quantile_cont(value, 0.95) AS p95'
    took = _medians(
        {
            "sliding": _run(connection, _compiled(exact)),
            "expanded": _run(connection, f"{_EXPANDED}, {measures} {_FROM}"),
        },
        1,
    )
    report.line("sliding, exact distinct and p95", f"{took['sliding']:.2f} s")
    report.line("the same by expanding rows in SQL", f"{took['expanded']:.2f} s")
    report.ratio(
        "expanding rows to sliding, distinct and p95", took["expanded"] / took["sliding"], at_least=4
    )


def repair(report: Report, runs: int) -> None:
    """A late file that touches one day of a year, against the recomputation of the year."""
    report.title(f"Repair after a late file, {EVENTS:,} events over 365 days")
    window = Tumbling(
        "hourly", every="1h", by=["source"], measures={**PLAIN, "p95": agg.quantile("value", 0.95)}
    )
    dataset = Dataset("events", schema=Event, event_time="at", windows=[window])
    home = scratch()
    settings = Settings(home=home, memory_mb=1024)
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({events('365 DAY')}) TO '{home / 'year.parquet'}' (FORMAT parquet)")
        moved = f'make_timestamp(epoch_us("at") + {200 * 86_400_000_000})'
        connection.execute(
            f'COPY (SELECT * REPLACE ({moved} AS "at") FROM ({events("20 HOUR")}) USING SAMPLE 10000) '
            f"TO '{home / 'late.parquet'}' (FORMAT parquet)"
        )
    warehouse = Warehouse.from_settings(settings, {dataset.name: dataset})
    warehouse.commit(stage(home / "year.parquet", dataset, settings=settings))
    full = _seconds(lambda: warehouse.recompute("events", "hourly"))
    mended = []
    for number in range(runs):
        path = home / f"late-{number}.parquet"
        path.write_bytes(_again(home, number))
        warehouse.commit(stage(path, dataset, settings=settings))
        with warehouse.session() as session:
            mended.append(_seconds(lambda: session.recompute("events", "hourly")))
    one = statistics.median(mended)
    report.line("the whole year; the day that the late file touches", f"{full:.2f} s; {one:.3f} s")
    report.ratio("repair in % of the full recomputation", 100 * one / full, at_most=2)


def _again(home: Path, number: int) -> bytes:
    """The late rows once more, a moment later, so that the bytes are others."""
    written = io.BytesIO()
    frame = pl.read_parquet(home / "late.parquet")
    frame.with_columns(pl.col("at") + timedelta(milliseconds=number)).write_parquet(written)
    return written.getvalue()


def _compiled(measures: dict[str, object]) -> str:
    window = Sliding("recent", size="60s", every="5s", by=["source"], measures=measures)  # type: ignore[arg-type]
    dataset = Dataset("events", schema=Event, event_time="at", windows=[window])
    # The windows that start before the first event too, as the other ways give them.
    return compile_window(dataset, window, "events", DAY - timedelta(hours=1), DAY + timedelta(days=1))


def _plain() -> str:
    return "count(*) AS n, sum(value) AS total, min(value) AS low, max(value) AS high, avg(value) AS mean"


def _run(connection: duckdb.DuckDBPyConnection, sql: str) -> Callable[[], object]:
    return lambda: connection.execute(f"CREATE OR REPLACE TEMP TABLE result AS {sql}")


def _polars(frame: pl.DataFrame) -> pl.DataFrame:
    value = pl.col("value")
    return (
        frame.sort("at")
        .group_by_dynamic("at", every="5s", period="60s", group_by="source")
        .agg(
            pl.len(),
            value.sum().alias("total"),
            value.min().alias("low"),
            value.max().alias("high"),
            value.mean().alias("mean"),
        )
    )


def _medians(ways: dict[str, Callable[[], object]], runs: int) -> dict[str, float]:
    """Median seconds of each, taken in turns."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            took[name].append(_seconds(way))
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
