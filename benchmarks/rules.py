"""What contracts cost: many checks and cleaners, nothing but bad rows, a wide table. What does not belong here: reading, commits alone."""

from __future__ import annotations

from benchmarks.generate import write_orders, write_readings
from benchmarks.loading import ROWS
from benchmarks.report import DATA, Report, run_way

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


def _figures(result: dict[str, object]) -> str:
    return f"{result['seconds']:6.2f} s   peak {result['peak_mb']:5.0f} MB   {result['clean']:,} clean rows   {result['all']}"
