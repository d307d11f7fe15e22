"""What reading costs: detection, ill-written rows, a large workbook; and a table of the files in a folder.

What belongs here: these figures beside their targets. What does not: the readers, and loading (`loading`).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.odd_rows import badly_quoted, ragged, write_clean, write_odd, write_workbook
from benchmarks.read_one import read_all
from benchmarks.report import DATA, Report
from pipeline.files import UnreadableFile, open_table

ROWS = 1_000_000
ORDINARY = 5_000
TIMED_BY_OPENPYXL = 200_000
BUDGET_MB = 1024


def reading(report: Report, runs: int) -> None:
    """A table of the files in the folder that was given, and every figure about reading."""
    if report.folder is not None:
        files_in(report, report.folder)
    detection(report, runs)
    odd_rows(report, runs)
    large_workbook(report)


def files_in(report: Report, folder: Path) -> None:
    """A line for each file under `folder`."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    report.title(f"{len(paths):,} files under {folder}")
    width = min(max((len(str(path.relative_to(folder))) for path in paths), default=4), 60)
    print(f"  {'file':<{width}} {'rows':>10} {'rejects':>8} {'repairs':>8} {'seconds':>8}  dialect")
    for path in paths:
        name = str(path.relative_to(folder))[-width:]
        try:
            found = read_all(path)
        except UnreadableFile as problem:
            print(f"  {name:<{width}} {'':>10} {'':>8} {'':>8} {'':>8}  {problem.code}: {problem.cause}")
            continue
        print(
            f"  {name:<{width}} {found['records']:>10,} {found['rejects']:>8,} {found['repairs']:>8,}"
            f" {found['seconds']:>8.3f}  {in_short(found['dialect'])}",
            flush=True,
        )


def in_short(dialect: Any) -> str:
    """A dialect in a few words."""
    words = [dialect["format"]]
    words += [str(dialect[name]) for name in ("compression", "encoding") if name in dialect]
    words += [
        f"{name} {dialect[name]!r}"
        for name in ("delimiter", "quote", "escape", "record_end", "comment")
        if name in dialect
    ]
    words += [f"header in line {dialect['header_line']}"] if "header_line" in dialect else ["no header"]
    if "confidence" in dialect:
        words.append(f"{dialect['confidence']:.0%} sure")
    return ", ".join(words)


def detection(report: Report, runs: int) -> None:
    """Opening an ordinary file; the share of opening in reading a large one."""
    report.title("Detection")
    ordinary = write_clean(DATA / f"clean_{ORDINARY}.csv", ORDINARY)
    seconds = []
    for _ in range(20):
        started = time.perf_counter()
        open_table(ordinary)
        seconds.append(time.perf_counter() - started)
    size = ordinary.stat().st_size / 1024
    report.ratio(
        f"opening {ORDINARY:,} rows ({size:,.0f} kB), ms", 1000 * statistics.median(seconds), at_most=30
    )
    large = [_read(write_clean(DATA / f"clean_{ROWS}.csv", ROWS)) for _ in range(runs)]
    share = statistics.median(run["opening"] / run["seconds"] for run in large)
    report.ratio(f"share of opening in reading {ROWS:,} rows, %", 100 * share, at_most=5)


def odd_rows(report: Report, runs: int) -> None:
    """Speed with 1 % and with 100 % of the rows ragged or badly quoted, as a share of the speed with none."""
    report.title(f"Ill-written rows ({ROWS:,} orders)")
    source = write_clean(DATA / f"clean_{ROWS}.csv", ROWS)
    clean = _median(source, runs)
    report.line("clean", _figures(clean))
    for name, spoil in (("ragged", ragged), ("badly quoted", badly_quoted)):
        for every, at_least in ((100, 0.5), (1, 0.1)):
            path = DATA / f"{name.replace(' ', '_')}_1_in_{every}_of_{ROWS}.csv"
            odd = _median(write_odd(path, source, every, spoil), runs)
            report.line(f"{100 // every} % {name}", _figures(odd))
            report.ratio("  share of the clean speed", clean["seconds"] / odd["seconds"], at_least=at_least)
            report.ratio("  peak memory, MB", odd["peak_mb"], at_most=BUDGET_MB)
            report.line("  and every reject and repair as an object", f"{_taking(path):6.2f} s more")


def _taking(path: Path) -> float:
    """Seconds to take each reject and repair of a file once, which readers may make only then; in one thread, without parsing."""
    seconds = 0.0
    for piece in open_table(path).pieces():
        parsed = piece.parse()
        started = time.perf_counter()
        for told in (parsed.rejects, parsed.repairs):
            for _ in told:
                pass
        seconds += time.perf_counter() - started
    return seconds


def large_workbook(report: Report) -> None:
    """A workbook of a million rows against openpyxl, which is timed on fewer rows and scaled up."""
    report.title(f"Excel, {ROWS:,} rows x 7 columns: reading all cells")
    peer = _read(write_workbook(DATA / f"book_{TIMED_BY_OPENPYXL}.xlsx", TIMED_BY_OPENPYXL), "openpyxl")
    scaled = peer["seconds"] * ROWS / TIMED_BY_OPENPYXL
    ours = _read(write_workbook(DATA / f"book_{ROWS}.xlsx", ROWS))
    assert ours["records"] == ROWS, ours["records"]
    report.line(
        f"openpyxl read-only, {TIMED_BY_OPENPYXL:,} rows",
        f"{peer['seconds']:.1f} s, scaled up {scaled:.0f} s",
    )
    report.line(f"Windrow, {ROWS:,} rows", _figures(ours))
    report.ratio("times openpyxl's speed", scaled / ours["seconds"], at_least=5)
    report.ratio("peak memory, MB", ours["peak_mb"], at_most=BUDGET_MB)


def _median(path: Path, runs: int) -> dict[str, Any]:
    results = sorted((_read(path) for _ in range(runs)), key=lambda run: run["seconds"])
    return results[len(results) // 2] | {"peak_mb": max(run["peak_mb"] for run in results)}


def _read(path: Path, parser: str = "windrow") -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.read_one", str(path), parser]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"reading {path} failed:\n{done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _figures(found: dict[str, Any]) -> str:
    return (
        f"{found['seconds']:6.2f} s   peak {found['peak_mb']:5.0f} MB   {found['records']:,} records,"
        f" {found['rejects']:,} rejected, {found['repairs']:,} repairs"
    )
