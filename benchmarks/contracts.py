"""Contracts: what many checks and cleaners, bad rows and wide tables cost; the workbook of rejected rows; inference.

What belongs here: these figures beside their targets. What does not: reading (`reading`), peers (`loading`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.generate import orders_frame, write_orders, write_readings
from benchmarks.loading import ROWS
from benchmarks.report import DATA, Report, run_way

REJECTED = 200_000
_WIDE_ROWS = 1_000_000


def rich_contract(report: Report, runs: int) -> None:
    """Twelve checks and eight cleaners against the shipped contract, on the same file."""
    source = write_orders(DATA / "orders_5m.csv", ROWS)
    report.title(f"Twelve checks and eight cleaners ({ROWS:,} orders)")
    core = run_way("windrow", source, runs)
    rich = run_way("windrow, rich contract", source, runs)
    report.line("the shipped contract", _figures(core))
    report.line("twelve checks, eight cleaners, unique key", _figures(rich))
    report.ratio("seconds / seconds of the shipped contract", rich["seconds"] / core["seconds"], at_most=1.6)


def all_bad(report: Report, runs: int) -> None:
    """Every row bad against 1.4 % of them."""
    report.title(f"All rows bad ({ROWS:,} orders)")
    good = run_way("windrow", write_orders(DATA / "orders_5m_clean.csv", ROWS, bad_rows=0.0), runs)
    bad = run_way("windrow", write_orders(DATA / "orders_5m_all_bad.csv", ROWS, bad_rows=1.0), runs)
    report.line("no row bad", _figures(good))
    report.line("every row bad", _figures(bad))
    report.ratio("seconds / seconds of clean rows", bad["seconds"] / good["seconds"], at_most=4)
    report.ratio("peak memory, MB", bad["peak_mb"], at_most=1024)


def wide_table(report: Report, runs: int) -> None:
    """41 columns with a check each."""
    source = write_readings(DATA / "readings_1m.csv", _WIDE_ROWS)
    size = source.stat().st_size / 1e6
    report.title(f"{_WIDE_ROWS:,} rows x 41 columns, a check on each; {size:.0f} MB")
    found = run_way("windrow, wide table", source, runs)
    report.line("file to committed warehouse", _figures(found))
    report.ratio("thousand rows per second", _WIDE_ROWS / found["seconds"] / 1000, at_least=200)


def workbook_of_errors(report: Report, runs: int) -> None:
    """Exporting 200,000 rejected rows, each with one or two bad cells."""
    source = DATA / f"orders_{REJECTED}_all_bad.csv"
    if not source.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        frame = orders_frame(1, REJECTED, np.random.default_rng(7), bad_rows=1.0)
        every_other = pl.int_range(pl.len()) % 2 == 0
        frame = frame.with_columns(status=pl.when(every_other).then(pl.lit("lost")).otherwise("status"))
        frame.write_csv(source)
    report.title(f"{REJECTED:,} rejected orders x 7 columns into a workbook")
    found = run_way("workbook of errors", source, min(runs, 2))
    assert found["rows"] == REJECTED, found
    report.line("seconds of each run", ", ".join(map(str, found["all"])))
    report.ratio("seconds", found["seconds"], at_most=60)
    report.ratio("peak memory, MB", found["peak_mb"], at_most=500)


def inference(report: Report, runs: int) -> None:
    """`pipeline infer` on the large file of orders, bad rows included."""
    source = write_orders(DATA / "orders_5m.csv", ROWS)
    report.title(f"A dataset inferred from {ROWS:,} orders, {source.stat().st_size / 1e6:.0f} MB")
    found = run_way("inference", source, min(runs, 2))
    report.line("seconds of each run", ", ".join(map(str, found["all"])))
    report.ratio("seconds", found["seconds"], at_most=20)
    report.ratio("peak memory, MB", found["peak_mb"], at_most=1024)


def _figures(result: dict[str, object]) -> str:
    return f"{result['seconds']:6.2f} s   peak {result['peak_mb']:5.0f} MB   {result['clean']:,} clean rows   {result['all']}"
