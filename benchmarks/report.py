"""Running measured commands and printing figures beside their targets. What does not belong here: what is measured."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("WINDROW_BENCH_DIR", ".bench")).resolve()
"""Where generated files are kept between runs; on the disk that the warehouses are written to."""


@dataclass
class Report:
    """Figures of one run of the benchmarks.

    Attributes:
        missed: figures that missed their target.
        folder: files of the user's own, where some were given.
        minutes: how long to fuzz.
        first_case: with which case to begin.
    """

    missed: list[str] = field(default_factory=list)
    folder: Path | None = None
    minutes: float = 10.0
    first_case: int = 0

    def title(self, text: str) -> None:
        """Start a section."""
        print(f"\n{text}\n{'-' * len(text)}", flush=True)

    def line(self, label: str, figure: str) -> None:
        """A figure without a target."""
        print(f"  {label:<58} {figure}", flush=True)

    def ratio(
        self, label: str, value: float, *, at_most: float | None = None, at_least: float | None = None
    ) -> None:
        """A figure with its target."""
        good = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
        target = f"at most {at_most:g}" if at_most is not None else f"at least {at_least:g}"
        print(f"  {label:<58} {value:8.2f}   {target:<16} {'ok' if good else 'MISSED'}", flush=True)
        if not good:
            self.missed.append(label)


def scratch() -> Path:
    """A new empty folder beside the generated files."""
    DATA.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=DATA, prefix="run-"))


def run_way(way: str, source: Path, runs: int = 3) -> dict[str, Any]:
    """Median seconds and largest peak memory (MiB) of a way over `runs` processes, with its counts."""
    results: list[dict[str, Any]] = []
    for _ in range(runs):
        home = scratch()
        try:
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.ways", way, str(source), str(home)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"{way} failed:\n{done.stderr}")
            results.append(json.loads(done.stdout.splitlines()[-1]))
        finally:
            shutil.rmtree(home)
    middle = statistics.median(result["seconds"] for result in results)
    return results[0] | {
        "seconds": middle,
        "all": [round(result["seconds"], 2) for result in results],
        "peak_mb": max(result["peak_mb"] for result in results),
    }


def timed(command: Sequence[str], environment: dict[str, str], cwd: Path | None = None) -> float:
    """Seconds of one command; raises SystemExit with its output when it fails."""
    started = time.perf_counter()
    done = subprocess.run(
        command, env=os.environ | environment, cwd=cwd, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return seconds


def own_peak_mb() -> float:
    """Largest resident size of this process, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
