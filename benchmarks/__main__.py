"""`python -m benchmarks [SECTION …]`: every figure that the project promises, as ratios from one run on one machine."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys

from benchmarks import loading, runs
from benchmarks.report import DATA, Report

SECTIONS = {
    "peers": loading.against_peers,
    "memory": loading.memory,
    "bad": loading.bad_rows,
    "excel": loading.workbook,
    "start": runs.start_up,
    "files": runs.many_files,
    "sensor": runs.sensor,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], help="all when none is given")
    parser.add_argument("--runs", type=int, default=3, help="runs of each way; the median counts")
    arguments = parser.parse_args()
    report = Report()
    print(f"{platform.platform()}, Python {platform.python_version()}; generated files in {DATA}")
    try:
        for name in arguments.sections or SECTIONS:
            SECTIONS[name](report, arguments.runs)
    finally:
        for folder in DATA.glob("run-*"):
            shutil.rmtree(folder)
    if report.missed:
        print(f"\nMissed: {', '.join(report.missed)}")
        sys.exit(1)
    print("\nAll targets met.")


if __name__ == "__main__":
    main()
