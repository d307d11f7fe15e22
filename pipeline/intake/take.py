"""All that waits, taken in; then the windows. What does not belong here: the steps themselves (`prepare`, `commit`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from pipeline.files import Waiting
from pipeline.ingest import Progress
from pipeline.intake.commit import Outcome, commit
from pipeline.intake.house import Intake
from pipeline.intake.inbox import wait_and_scan
from pipeline.intake.prepare import prepare_batches
from pipeline.warehouse import Failures, Recomputed, told


def take_inbox(
    intake: Intake,
    waiting: Collection[Waiting] | None = None,
    run_id: str | None = None,
    progress: Progress | None = None,
    failures: Failures | None = None,
) -> Iterator[Outcome]:
    """Stage and commit what waits (or `waiting`), in order; staging of the next files goes on during a commit.

    Raises:
        PartsFailed: parts failed, and `failures` is not there to take them; everything else was done.
    """
    with told(failures) as aside:
        files = wait_and_scan(intake, failures=aside).waiting if waiting is None else waiting
        for batch in prepare_batches(intake, files, progress, aside):
            yield from commit(intake, batch, run_id, aside)


def recompute_dirty(
    intake: Intake, datasets: Collection[str] | None = None, failures: Failures | None = None
) -> Iterator[Recomputed]:
    """Bring every dirty window up to date, one window at a time; the warehouse is opened anew for each. Clean tables, and what a run
    that was killed has left unpublished, are published first. Last, windows are let be final that time alone has made so.

    Raises:
        PartsFailed: windows could not be computed, or not be published, and `failures` is not there to take that; all others are up to date.
    """
    with told(failures) as aside:
        with intake.warehouse.session() as session:
            session.publish(failures=aside)
            dirty = sorted({(d.dataset, d.window) for d in session.dirty()})
        for dataset, window in dirty:
            if dataset in intake.datasets and (datasets is None or dataset in datasets):
                yield from recompute_aside(intake, dataset, window, aside)
        with intake.warehouse.session() as session:
            for name, declared in intake.datasets.items():
                if declared.time_windows and (datasets is None or name in datasets):
                    with aside.aside("final marks", name):
                        session.finish(name, failures=aside)


def recompute_aside(
    intake: Intake, dataset: str, window: str, failures: Failures, days: Collection[date] | None = None
) -> list[Recomputed]:
    """Recompute one window, see `Session.recompute`; what fails is set aside, whatever it is."""
    with failures.aside("window", dataset, window, opens=True), intake.warehouse.session() as session:
        return session.recompute(dataset, window, None if days is None else sorted(days), failures)
    return []
