"""`pipeline demo`: the sample files through Dagster's `ingest` job, and what came of them.

What belongs here: what a newcomer sees in the first minute. What does not: another way of ingesting: it runs the very
command that CI runs.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.counts import counted
from pipeline.files import hash_file
from pipeline.intake import Intake
from pipeline.settings import dagster_environment
from pipeline.terminal import complain, err, say, show_entries, show_rows
from pipeline.warehouse.overview import latest_entries

_CHECKOUT = Path(__file__).resolve().parents[1]
JOB = ["-m", "dagster", "job", "execute", "-m", "pipeline.definitions", "-j", "ingest"]


def run_demo(intake: Intake) -> int:
    """Copy the samples that are new into the inbox, run the job, show deliveries, errors and windows. Returns the exit code."""
    samples = _samples(intake)
    if samples is None:
        complain(
            "No sample files: neither in PIPELINE_HOME/samples nor in data/samples of the checkout. Clone the whole project."
        )
        return 2
    before = _last_seq(intake)
    copied = _drop(intake, samples)
    if not copied:
        say(("Nothing is new:", "bold"), " all sample files are loaded already. What came of them:")
        _show(intake, 0)
        return 0
    dropped = f"Dropped {counted(len(copied), 'file')} into {intake.settings.inbox}; running Dagster's job "
    say(dropped, ("ingest", "bold"), " …")
    log = intake.settings.home / "demo.log"
    if (code := _run_job(log)) != 0:
        complain(f"The job failed (exit code {code}). Its log is {log}; its end:\n" + log.read_text()[-3000:])
        return 2
    _show(intake, before)
    _what_next(intake)
    return 0


def _samples(intake: Intake) -> Path | None:
    places = (intake.settings.home / "samples", _CHECKOUT / "data" / "samples")
    return next((place for place in places if place.is_dir()), None)


def _drop(intake: Intake, samples: Path) -> list[Path]:
    """Copy each sample whose content its dataset has not loaded, under a temporary name first."""
    intake.make_folders()
    copied = []
    with intake.warehouse.session() as session:
        new = [
            path
            for path in sorted(samples.glob("*/*"))
            if session.loaded_by_hash(path.parent.name, hash_file(path)) is None
        ]
    for path in new:
        target = intake.settings.inbox / path.parent.name / path.name
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(path, part)
        copied.append(part.rename(target))
    return copied


def _run_job(log: Path) -> int:
    with log.open("w") as out, err.status("Dagster is at work (its log goes to demo.log) …"):
        return subprocess.run(
            [sys.executable, *JOB],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dagster_environment(),
            check=False,
        ).returncode


def _last_seq(intake: Intake) -> int:
    with intake.warehouse.session() as session:
        return max((entry.seq for entry in latest_entries(session, 1)), default=0)


def _show(intake: Intake, after_seq: int) -> None:
    with intake.warehouse.session() as session:
        entries = session.entries(after_seq=after_seq)
        show_entries(entries)
        for name in dict.fromkeys(entry.dataset for entry in entries):
            errors = session.error_sample(name, None, 4)
            if errors.height:
                columns = ["_delivery", "_row", "column_name", "check_name", "value", "message"]
                show_rows(
                    f"errors.{name}: the first rows", columns, errors.select(columns).iter_rows(), ["_row"]
                )
        for name in dict.fromkeys(entry.dataset for entry in entries):
            for window in intake.datasets[name].windows:
                rows = session.window_rows(name, window.name, limit=4)
                numbers = [column for column, dtype in rows.schema.items() if dtype.is_numeric()]
                shown = [c for c in rows.columns if c not in ("computed_at", "is_final", "revision")]
                show_rows(
                    f"windows.{name}_{window.name}: the first rows",
                    shown,
                    rows.select(shown).iter_rows(),
                    numbers,
                )


def _what_next(intake: Intake) -> None:
    drop = shlex.join(["cp", "my.csv", f"{intake.settings.inbox / 'orders'}/"])
    say(
        ("\nWhat to type next\n", "bold"),
        "  make dev                                  Dagster's web page on http://localhost:3000; then drop a file:\n"
        f"  {drop:<41} it is loaded by itself within seconds\n"
        '  .venv/bin/pipeline query "SELECT * FROM errors.orders"\n'
        "  .venv/bin/pipeline status                 what waits, what was loaded\n",
    )
