"""`python -m benchmarks [SECTION …]`: every figure that the project promises, as ratios from one run on one machine."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from pathlib import Path

from benchmarks import (
    contracts,
    fuzz,
    loading,
    pollock,
    reading,
    runs,
    window_load,
    window_memory,
    window_reading,
    windows,
)
from benchmarks.report import DATA, Report

SECTIONS = {
    "peers": loading.against_peers,
    "memory": loading.memory,
    "bad": loading.bad_rows,
    "excel": loading.workbook,
    "checks": contracts.rich_contract,
    "all-bad": contracts.all_bad,
    "wide": contracts.wide_table,
    "workbook-errors": contracts.workbook_of_errors,
    "infer": contracts.inference,
    "pollock": pollock.pollock,
    "reading": reading.reading,
    "window-ways": windows.ways,
    "window-repair": windows.repair,
    "window-reading": window_reading.latest_windows,
    "start": runs.start_up,
    "files": runs.many_files,
    "sensor": runs.sensor,
    "window-load": window_load.window_load,
}
ASKED_FOR = {"fuzz": fuzz.fuzz, "window-memory": window_memory.window_memory}
"""Sections that run only when they are named."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "sections",
        nargs="*",
        choices=[*SECTIONS, *ASKED_FOR, []],
        help="all but fuzz and window-memory when none is given",
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each way; the median counts")
    parser.add_argument("--dir", type=Path, help="folder with files of your own, for pollock, reading, fuzz")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long to fuzz")
    parser.add_argument("--first-case", type=int, default=0, help="case with which fuzzing begins")
    arguments = parser.parse_args()
    report = Report(folder=arguments.dir, minutes=arguments.minutes, first_case=arguments.first_case)
    print(f"{platform.platform()}, Python {platform.python_version()}; generated files in {DATA}")
    try:
        for name in arguments.sections or SECTIONS:
            (SECTIONS | ASKED_FOR)[name](report, arguments.runs)
    finally:
        for folder in DATA.glob("run-*"):
            shutil.rmtree(folder)
    if report.missed:
        print(f"\nMissed: {', '.join(report.missed)}")
        sys.exit(1)
    print("\nAll targets met.")


if __name__ == "__main__":
    main()
