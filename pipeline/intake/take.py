"""All that waits, taken in; then the windows. What does not belong here: the steps themselves (`prepare`, `commit`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pipeline.files import Waiting
from pipeline.ingest import Progress
from pipeline.intake.commit import Outcome, commit
from pipeline.intake.house import Intake
from pipeline.intake.inbox import wait_and_scan
from pipeline.intake.prepare import prepare_batches
from pipeline.warehouse import Recomputed, WindowFailed


def take_inbox(
    intake: Intake,
    waiting: Collection[Waiting] | None = None,
    run_id: str | None = None,
    progress: Progress | None = None,
) -> Iterator[Outcome]:
    """Stage and commit what waits (or `waiting`), in order; staging of the next files goes on during a commit."""
    files = wait_and_scan(intake).waiting if waiting is None else waiting
    for batch in prepare_batches(intake, files, progress):
        yield from commit(intake, batch, run_id)


def recompute_dirty(intake: Intake, datasets: Collection[str] | None = None) -> Iterator[Recomputed]:
    """Bring every dirty window up to date, one window at a time; the warehouse is opened anew for each. Clean tables, and what a run
    that was killed has left unpublished, are published first. Last, windows are let be final that time alone has made so.

    Raises:
        WindowFailed: the SQL of a declaration fails on the rows; all other windows are up to date.
    """
    with intake.warehouse.session() as session:
        session.publish()
        dirty = sorted({(d.dataset, d.window) for d in session.dirty()})
    failed: list[WindowFailed] = []
    for dataset, window in dirty:
        if dataset in intake.datasets and (datasets is None or dataset in datasets):
            try:
                with intake.warehouse.session() as session:
                    done = session.recompute(dataset, window)
            except WindowFailed as error:
                failed.append(error)
            else:
                yield from done
    with intake.warehouse.session() as session:
        for name, declared in intake.datasets.items():
            if declared.time_windows and (datasets is None or name in datasets):
                session.finish(name)
    if failed:
        raise failed[0]
