"""Whole Dagster runs: many small files, one small file against an empty job, a sensor that knows many files."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.generate import orders_frame
from benchmarks.report import Report, scratch, timed

FILES = 1_000
KNOWN = 10_000
EMPTY_JOB = """
from dagster import Definitions, in_process_executor, job, op

@op
def nothing() -> None: ...

@job(executor_def=in_process_executor)
def empty() -> None:
    nothing()

defs = Definitions(jobs=[empty])
"""


def _execute(module: str, job: str) -> list[str]:
    return [sys.executable, "-m", "dagster", "job", "execute", "-m", module, "-j", job]


def _drop_orders(home: Path, files: int, rows: int) -> None:
    """Daily drops: the orders of one file are of one day, the days of all files of one month."""
    inbox = home / "inbox" / "orders"
    inbox.mkdir(parents=True)
    rng = np.random.default_rng(3)
    for number in range(files):
        day = f"2025-03-{1 + number % 31:02d}"
        frame = orders_frame(number * rows + 1, rows, rng, 0.014)
        clock = pl.col("ordered_at").str.slice(10)
        frame.with_columns(ordered_at=pl.lit(day) + clock).write_csv(inbox / f"orders-{number:04d}.csv")


def _empty_job(folder: Path, runs: int) -> float:
    (folder / "empty_job.py").write_text(EMPTY_JOB)
    environment = {"PYTHONPATH": str(folder), "DAGSTER_HOME": ""}
    return statistics.median(timed(_execute("empty_job", "empty"), environment) for _ in range(runs))


def start_up(report: Report, runs: int) -> None:
    """`dagster job execute -j ingest` with one small file, against an empty Dagster job."""
    report.title("One small file through `dagster job execute -j ingest`")
    empty = _empty_job(scratch(), runs)
    seconds = []
    for _ in range(runs):
        home = scratch()
        _drop_orders(home, 1, 100)
        environment = {"PIPELINE_HOME": str(home), "PIPELINE_SETTLE_SECONDS": "0", "DAGSTER_HOME": ""}
        seconds.append(timed(_execute("pipeline.definitions", "ingest"), environment))
    ours = statistics.median(seconds)
    report.line("an empty Dagster job", f"{empty:.1f} s")
    report.line("ingest of one file of 100 rows", f"{ours:.1f} s")
    report.ratio("ratio", ours / empty, at_most=2.2)


def many_files(report: Report, runs: int) -> None:
    """1,000 files of 100 rows in one `ingest` job, beyond Dagster's own start-up."""
    del runs
    report.title(f"{FILES:,} files of 100 rows in one `ingest` job")
    empty = _empty_job(scratch(), 1)
    home = scratch()
    _drop_orders(home, FILES, 100)
    environment = {"PIPELINE_HOME": str(home), "PIPELINE_SETTLE_SECONDS": "0", "DAGSTER_HOME": ""}
    seconds = timed(_execute("pipeline.definitions", "ingest"), environment)
    report.line("whole command; an empty job", f"{seconds:.1f} s; {empty:.1f} s")
    report.ratio("seconds beyond an empty job", seconds - empty, at_most=40)


def sensor(report: Report, runs: int) -> None:
    """One evaluation of the inbox sensor with 10,000 files in the inbox that are known, and as many in the ledger."""
    from benchmarks.known_files import evaluate, make_home

    report.title(f"Sensor evaluation over {KNOWN:,} known files")
    home = scratch()
    prepared = make_home(home, KNOWN)
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        evaluate(prepared)
        seconds.append(time.perf_counter() - started)
    report.ratio("seconds", statistics.median(seconds), at_most=2.0)
