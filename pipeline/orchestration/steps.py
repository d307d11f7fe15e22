"""What the steps of several jobs have in common: committing with events, progress lines, saying who works.

What belongs here: helpers that a step calls. What does not: the steps themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

from dagster import (
    DagsterLogManager,
    Failure,
    InputContext,
    IOManager,
    MetadataValue,
    OpExecutionContext,
    OutputContext,
)

from pipeline.counts import counted
from pipeline.ingest.progress import Progress, ProgressUpdate
from pipeline.intake import Intake, Outcome, Prepared, commit
from pipeline.orchestration.bulk import tell
from pipeline.orchestration.events import AssetEvent, report_outcomes
from pipeline.orchestration.history import end_abandoned_runs
from pipeline.orchestration.names import QUARANTINED_TAG, WORKER_TAG, mark
from pipeline.orchestration.worker import this_worker
from pipeline.report import Workbooks, renew_windows, write_indexes, write_outcomes
from pipeline.warehouse import Entry, Failures, PartsFailed, Recomputed, may_pass
from pipeline.warehouse.ledger import CURRENT

_TOLD_TOGETHER = 100
_TOLD_EVERY = 5.0
_NAMED = 20

_LONG_SECONDS = 5.0  # a file that takes less needs no line in the log


def progress_to(log: DagsterLogManager) -> Progress:
    """A listener that writes the progress of long files to the run's log."""

    def tell(update: ProgressUpdate) -> None:
        if update.seconds >= _LONG_SECONDS:
            log.info(update.in_words())

    return tell


def commit_and_report(
    context: OpExecutionContext,
    intake: Intake,
    batches: Iterable[list[Prepared]],
    outcomes: list[Outcome],
    sampled: bool,
    failures: Failures,
) -> Iterator[AssetEvent]:
    """Commit files in order and yield their events; what was done is added to `outcomes`, what failed alone to `failures`.

    Reports are written, and events told, some dozens of deliveries at a time. When the machine fails half-way, the events of what
    is committed are told before the error goes on.
    """
    told, told_at, workbooks = len(outcomes), time.monotonic(), Workbooks()
    try:
        for batch in batches:
            for item in batch:
                if item.postponed is not None and item.failure is None:
                    context.log.warning(
                        f"{item.waiting.delivery} stays in the inbox for now: {item.postponed}"
                    )
            for outcome in commit(intake, batch, context.run.run_id, failures):
                outcomes.append(outcome)
                if outcome.left is not None:
                    context.log.warning(
                        f"{outcome.delivery} is taken, and still in the inbox: {outcome.left}"
                    )
                if sampled or outcome.entry.status == "quarantined":
                    context.log.info(in_words(outcome))
            if len(outcomes) - told >= _TOLD_TOGETHER or time.monotonic() - told_at > _TOLD_EVERY:
                events = _written_and_told(intake, outcomes[told:], sampled, failures, workbooks)
                told = len(outcomes)
                yield from tell(context, events)
                told_at = time.monotonic()
        events = _written_and_told(intake, outcomes[told:], sampled, failures, workbooks)
    except Exception:
        yield from tell(context, list(report_outcomes(intake, outcomes[told:], sampled=False)))
        raise
    yield from tell(context, events)
    with failures.aside("reports", "", opens=True):
        write_indexes(intake, {outcome.dataset for outcome in outcomes}, failures, workbooks)


def _written_and_told(
    intake: Intake,
    outcomes: Sequence[Outcome],
    sampled: bool,
    failures: Failures,
    workbooks: Workbooks,
) -> list[AssetEvent]:
    """Write the reports of deliveries, and make their events."""
    accounts = write_outcomes(intake, outcomes, failures, workbooks)
    return list(report_outcomes(intake, outcomes, sampled, accounts))


def show_windows(intake: Intake, done: Iterable[Recomputed], failures: Failures) -> None:
    """Write the pages of windows that were computed."""
    with failures.aside("reports", "", opens=True):
        renew_windows(intake, ((one.dataset, one.window) for one in done), failures)


def fail_if(failures: Failures) -> None:
    """Fail the step, as its last deed, where parts of its work failed. It is tried again only where that may help.

    Raises:
        Failure: names each part, its cause and the remedy.
    """
    if failures:
        error = PartsFailed(failures.found)
        raise Failure(
            f"{error.message}\n{error}", {"failures": failures.told()}, allow_retries=not error.lasting
        ) from error


def of_this_run(context: OpExecutionContext, intake: Intake, entries: list[Entry]) -> list[Entry]:
    """The entries that the run committed; after a retry the ledger says what the attempts before have done."""
    if not context.retry_number:
        return entries
    with intake.warehouse.session(read_only=True) as session:
        return [entry for entry in session.entries() if entry.run_id == context.run.run_id]


def fail_if_quarantined(
    context: OpExecutionContext, entries: Sequence[Entry], outcomes: Sequence[Outcome] = ()
) -> None:
    """Fail the step, as its last deed, where files were quarantined: Dagster shows a partition as failed only where the run that was
    to fill it has failed.

    Args:
        outcomes: of this attempt; they know which were quarantined before.

    Raises:
        Failure: names each file and its reason; it is not tried again.
    """
    reasons = {entry.delivery: entry.reason or "" for entry in entries if entry.status == "quarantined"}
    if not reasons:
        return
    run_id = context.run.run_id
    context.instance.add_run_tags(run_id, {QUARANTINED_TAG: mark(run_id, str(len(reasons)))})
    again = {outcome.delivery: outcome.again for outcome in outcomes if outcome.again is not None}
    reasons = {key: f"{again[key]}. {text}" if key in again else text for key, text in reasons.items()}
    named = "; ".join(f"{delivery}: {reason}" for delivery, reason in list(reasons.items())[:_NAMED])
    raise Failure(
        f"{len(reasons)} of {counted(len(entries), 'file')} {'was' if len(reasons) == 1 else 'were'} quarantined, all others are taken. Mend the file in the quarantine and materialize "
        f"its partition, or drop it again. {named}",
        {"quarantined": MetadataValue.json(reasons)},
        allow_retries=False,
    )


def retried_where_it_helps(step: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """A step that yields, of which an error that would come again fails the run at once; what may pass by itself (the disk, memory,
    DuckDB's input and output, a warehouse that is busy) is left to the step's retry policy."""

    @wraps(step)
    def tried(*arguments: Any, **named: Any) -> Iterator[Any]:
        with failing_at_once():
            yield from step(*arguments, **named)

    return tried


@contextmanager
def failing_at_once() -> Iterator[None]:
    """`retried_where_it_helps` for a step that returns."""
    try:
        yield
    except Failure:
        raise
    except Exception as error:
        if may_pass(error):
            raise
        raise Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error


def in_words(outcome: Outcome) -> str:
    """One line for a log."""
    entry = outcome.entry
    if outcome.again is not None:
        return f"{outcome.dataset}/{outcome.delivery}: {outcome.again}"
    if entry.is_correction and entry.status in CURRENT:
        return f"{outcome.dataset}/{outcome.delivery}: correction. {entry.reason}"
    if entry.status in ("quarantined", "duplicate"):
        return f"{outcome.dataset}/{outcome.delivery}: {entry.status}. {entry.reason}"
    return (
        f"{outcome.dataset}/{outcome.delivery}: {counted(entry.rows_read, 'row')} read, {entry.rows_clean:,} clean, "
        f"{entry.rows_rejected:,} rejected, {entry.rows_filtered:,} filtered in {entry.seconds:.2f} s"
    )


def sign_in(context: OpExecutionContext) -> None:
    """Note on the run which process executes it, and end the runs whose process is gone: the place in the pool that a
    killed process has kept would block the next step for ever."""
    context.instance.add_run_tags(context.run.run_id, {WORKER_TAG: mark(context.run.run_id, this_worker())})
    for run_id in end_abandoned_runs(context.instance):
        context.log.warning(f"run {run_id} was ended: its process is gone")


class HandOver(IOManager):
    """Hands staged files from the stage step to the commit step of the same process.

    Another process (a run that is re-executed from its commit step) finds nothing and gets None: the commit step then
    stages again, which is quick where the staged Parquet still lies.
    """

    def __init__(self) -> None:
        self._run_id = ""
        self._prepared: list[Prepared] | None = None

    def handle_output(self, context: OutputContext, obj: Sequence[Prepared]) -> None:
        """Keep what the latest run has staged."""
        self._run_id, self._prepared = context.run_id, list(obj)

    def load_input(self, context: InputContext) -> list[Prepared] | None:
        """What this run has staged, or None."""
        upstream = context.upstream_output
        return self._prepared if upstream is not None and upstream.run_id == self._run_id else None
