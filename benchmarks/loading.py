"""From a file to a committed warehouse: against peers, with many rows, with many bad rows, from a workbook."""

from __future__ import annotations

import time
from pathlib import Path

import polars as pl
from openpyxl import Workbook, load_workbook

from benchmarks.generate import orders_frame, write_orders
from benchmarks.report import DATA, Report, run_way

ROWS = 5_000_000


def against_peers(report: Report, runs: int) -> None:
    """Ours to DuckDB's bare loader, to the same rules in SQL, to pandas with Pandera; peak memory."""
    source = write_orders(DATA / "orders_5m.csv", ROWS)
    report.title(
        f"{ROWS:,} orders x 7 columns, {source.stat().st_size / 1e6:.0f} MB, 1.4 % bad rows; medians of {runs}"
    )
    ours = run_way("windrow", source, runs)
    report.line("Windrow, everything on", _figures(ours))
    report.line("  of which staging (the rest is the commit)", f"{ours['staging']:.2f} s in the first run")
    for way, label, at_most in (
        ("duckdb floor", "DuckDB, types only, store_rejects", 2.0),
        ("duckdb rules", "DuckDB, the same rules in SQL", 0.5),
        ("pandas + pandera", "pandas chunks + pandera.pandas + DuckDB", 0.33),
    ):
        other = run_way(way, source, runs if way != "pandas + pandera" else min(runs, 3))
        report.line(label, _figures(other))
        report.ratio(f"ratio to {label}", ours["seconds"] / other["seconds"], at_most=at_most)
    report.ratio("peak memory, MB", ours["peak_mb"], at_most=700)


def memory(report: Report, runs: int) -> None:
    """Peak memory on five times the rows."""
    report.title("Memory: 25 M rows against 5 M")
    small = run_way("windrow", write_orders(DATA / "orders_5m.csv", ROWS), min(runs, 2))
    large = run_way("windrow", write_orders(DATA / "orders_25m.csv", 5 * ROWS), 1)
    report.line("5 M rows", _figures(small))
    report.line("25 M rows", _figures(large))
    report.ratio("peak on 25 M rows / peak on 5 M rows", large["peak_mb"] / small["peak_mb"], at_most=1.05)


def bad_rows(report: Report, runs: int) -> None:
    """Speed with half of all rows bad."""
    report.title("Half of all rows bad (5 M rows)")
    good = run_way("windrow", write_orders(DATA / "orders_5m.csv", ROWS), runs)
    bad = run_way("windrow", write_orders(DATA / "orders_5m_half_bad.csv", ROWS, bad_rows=0.5), runs)
    report.line("1.4 % bad", _figures(good))
    report.line("50 % bad", _figures(bad))
    report.ratio(
        "speed with half of all rows bad / ordinary speed", good["seconds"] / bad["seconds"], at_least=0.4
    )


def workbook(report: Report, runs: int) -> None:
    """Reading a workbook of 200,000 x 7 against openpyxl's read-only mode."""
    import numpy as np

    from pipeline.files import open_table

    path = DATA / "orders_200k.xlsx"
    if not path.exists():
        _write_workbook(path, orders_frame(1, 200_000, np.random.default_rng(7), 0.0))
    report.title("Excel, 200,000 rows x 7 columns: reading all cells")
    openpyxl_seconds = min(_read_openpyxl(path) for _ in range(1))
    ours = []
    for _ in range(runs):
        started = time.perf_counter()
        rows = sum(chunk.height for chunk in open_table(path).chunks())
        ours.append(time.perf_counter() - started)
        assert rows == 200_000, rows
    middle = sorted(ours)[len(ours) // 2]
    report.line("openpyxl read-only", f"{openpyxl_seconds:.2f} s")
    report.line("Windrow", f"{middle:.2f} s")
    report.ratio("times openpyxl's speed", openpyxl_seconds / middle, at_least=8)


def _write_workbook(path: Path, frame: pl.DataFrame) -> None:
    typed = frame.with_columns(
        pl.col("order_id").cast(pl.Int64),
        pl.col("amount").cast(pl.Float64),
        pl.col("ordered_at").str.to_datetime(),
    )
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Orders")
    sheet.append(typed.columns)
    for row in typed.iter_rows():
        sheet.append(row)
    book.save(path)


def _read_openpyxl(path: Path) -> float:
    started = time.perf_counter()
    book = load_workbook(path, read_only=True, data_only=True)
    count = sum(1 for _ in book.worksheets[0].iter_rows(values_only=True))
    book.close()
    assert count == 200_001, count
    return time.perf_counter() - started


def _figures(result: dict[str, object]) -> str:
    return f"{result['seconds']:6.2f} s   peak {result['peak_mb']:5.0f} MB   {result['clean']:,} clean rows   {result['all']}"
