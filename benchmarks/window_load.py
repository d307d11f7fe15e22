"""Loading the definitions of a project that declares 1,000 windows, beyond those of one that declares one per dataset."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.report import Report, scratch

SHAPES = ((20, 50), (1, 1_000))
"""Datasets, and windows of each."""

# As Dagster's code server loads: the definitions, their repository, and its description for the web page. What is imported is so
# for any number of windows, and is not measured.
LOAD = """
import time
import dagster, pipeline.orchestration.build
from dagster._core.remote_representation.external_data import RepositorySnap

began = time.process_time()
from pipeline.definitions import defs

RepositorySnap.from_def(defs.get_repository_def(), defer_snapshots=True)
print(time.process_time() - began)
"""
HEAD = """from datetime import datetime

import pandera.polars as pa

from pipeline.contract import Dataset, Sliding, Tumbling, agg


class Row(pa.DataFrameModel):
    place: str
    value: float = pa.Field(nullable=True)
    at: datetime


"""
TUMBLING = (
    '    Tumbling("w{n}", every="1h", by=["place"], '
    'measures={{"n": agg.count(), "total": agg.sum("value"), "p95": agg.quantile("value", 0.95)}}),\n'
)
SLIDING = '    Sliding("w{n}", size="1h", every="5m", by=["place"], measures={{"mean": agg.avg("value")}}),\n'


def declare(folder: Path, datasets: int, windows: int) -> None:
    """Write modules of datasets with so many windows each into a folder."""
    folder.mkdir(parents=True)
    for number in range(datasets):
        name = f"many_{number}"
        listed = "".join((SLIDING if n % 2 else TUMBLING).format(n=n) for n in range(windows))
        text = f'{HEAD}{name} = Dataset("{name}", schema=Row, event_time="at", windows=[\n{listed}])\n'
        (folder / f"{name}.py").write_text(text)


def loading(folder: Path, home: Path, runs: int) -> float:
    """Median processor seconds of a load."""
    environment = os.environ | {"PIPELINE_DATASETS": str(folder), "PIPELINE_HOME": str(home)}
    seconds = []
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"loading {folder} failed:\n{done.stderr[-4000:]}")
        seconds.append(float(done.stdout.splitlines()[-1]))
    return statistics.median(seconds)


def window_load(report: Report, runs: int) -> None:
    """Definitions with 1,000 windows, in 20 datasets and in one."""
    report.title("Loading the definitions of 1,000 windows, in processor seconds")
    home = scratch()
    for datasets, windows in SHAPES:
        for each in (1, windows):
            declare(home / f"{datasets}x{each}", datasets, each)
        few, many = (loading(home / f"{datasets}x{each}", home, runs) for each in (1, windows))
        report.line(f"{datasets} datasets: 1 window each; {windows:,} each", f"{few:.2f} s; {many:.2f} s")
        report.ratio(f"more for {datasets * windows:,} windows", many - few, at_most=3.0)
