"""Spoilt files of every format through every reader, for as long as you like: no crash, no hang, no unbounded memory, no
exception that is not ours.

What belongs here: running cases in a process that is watched, and keeping those that fail. What does not: making them
(`fuzz_cases`).
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from benchmarks.fuzz_cases import case, seeds
from benchmarks.report import DATA, Report
from pipeline.files import ReadOptions, UnreadableFile, open_table

# A case hangs that takes so long of the processor, or so many times that by the clock: others may use the machine, too.
SECONDS, PATIENCE, MEMORY_MB = 20.0, 15, 1500
_PAGE, _TICK = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


def read_carefully(path: Path, chunk_rows: int = 100_000) -> str:
    """Read all of a file and hold it against what every table promises; returns what became of it.

    Raises:
        AssertionError: a promise is broken: rows numbered without a gap, none lost, the count right.
    """
    try:
        table = open_table(path, ReadOptions(chunk_rows=chunk_rows))
        following = 1
        for piece in table.pieces():
            assert piece.first_row == following, (piece.first_row, following)
            parsed = piece.parse()
            assert parsed.frame.height + len(parsed.rejects) == piece.records, "records lost or invented"
            rows = {reject.row for reject in parsed.rejects} | set(parsed.frame["_row"].to_list())
            following += piece.records
            assert rows == set(range(piece.first_row, following)), "rows are not numbered through"
            if parsed.lines is not None:
                assert len(parsed.lines(parsed.frame["_row"])) == parsed.frame.height
    except UnreadableFile as problem:
        return problem.code
    return table.dialect.format


def in_short(error: BaseException) -> str:
    """What was raised, and in which lines of the readers."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{Path(f.filename).name}:{f.lineno}" for f in frames if "/pipeline/files/" in f.filename]
    return f"{type(error).__name__}: {str(error)[:150]}  in {' '.join(ours[-3:])}"


def fuzz(report: Report, runs: int) -> None:
    """Cases until the minutes are over; every failure is kept beside the generated files."""
    del runs
    report.title(f"Fuzzing all readers for {report.minutes:g} minutes")
    failed = DATA / "fuzz"
    failed.mkdir(parents=True, exist_ok=True)
    outcomes: Counter[str] = Counter()
    number, end, peak = report.first_case, time.monotonic() + report.minutes * 60, 0.0
    failures = 0
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as scratch:
            command = [
                sys.executable,
                "-m",
                "benchmarks.fuzz",
                str(number),
                scratch,
                str(report.folder or ""),
            ]
            child = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
            )
            try:
                number, cause, highest = _watch(child, number, end, outcomes)
            finally:
                child.kill()
                child.wait()
            peak = max(peak, highest)
        if cause:
            failures += 1
            name, data = case(number, seeds(report.folder))
            (failed / f"{number}_{name}").write_bytes(data)
            report.line(f"case {number} ({name})", cause)
            number += 1
    report.line("cases", f"{number - report.first_case:,}, {dict(outcomes.most_common())}")
    report.line("peak memory", f"{peak:.0f} MB")
    report.ratio("failures", failures, at_most=0)


def _watch(
    child: subprocess.Popen[str], number: int, end: float, outcomes: Counter[str]
) -> tuple[int, str, float]:
    """Follow a process until a case fails or time is over: (case, why it failed or nothing, peak MB)."""
    assert child.stdout is not None
    started, used_before, peak = time.monotonic(), 0.0, 0.0
    while time.monotonic() < end:
        ready, _, _ = select.select([child.stdout], [], [], 0.2)
        peak = max(peak, used := _resident_mb(child.pid))
        if used > MEMORY_MB:
            return number, f"takes {used:.0f} MB", peak
        if not ready:
            took = _processor_seconds(child.pid) - used_before
            if took > SECONDS or time.monotonic() - started > PATIENCE * SECONDS:
                return (
                    number,
                    f"is not done after {time.monotonic() - started:.0f} s, {took:.0f} of the processor",
                    peak,
                )
            continue
        line = child.stdout.readline()
        if not line:
            return number, f"the process died with {child.wait()}", peak
        done = json.loads(line)
        number, started, used_before = done["number"], time.monotonic(), _processor_seconds(child.pid)
        if done["failure"]:
            return number, done["failure"], peak
        outcomes[done["outcome"]] += 1
        number += 1
    return number, "", peak


def _resident_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 2**20
    except (OSError, IndexError):
        return 0.0


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def _work(number: int, scratch: Path, folder: Path | None) -> None:
    """Cases one after the other, a line of JSON for each, until somebody ends this process."""
    valid = seeds(folder)
    while True:
        name, data = case(number, valid)
        path = scratch / name
        path.write_bytes(data)
        outcome, failure = "", ""
        try:
            outcome = read_carefully(path, chunk_rows=7 if number % 2 else 100_000)
        except BaseException as error:  # noqa: BLE001 - whatever is not ours is looked for; Rust panics are no Exceptions
            failure = in_short(error)
        path.unlink()
        print(json.dumps({"number": number, "outcome": outcome, "failure": failure}), flush=True)
        number += 1


if __name__ == "__main__":
    _work(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3] else None)
