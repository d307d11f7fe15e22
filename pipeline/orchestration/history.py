"""What Dagster's records say: runs under way, runs that have ended, runs whose process is gone.

What belongs here: reading run records and event times, and ending runs or saying on them what became of them. What does not: deciding on
them (`plans`).
"""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunRecord, RunsFilter

from pipeline.counts import counted
from pipeline.orchestration.asked import Span, keys_in, span_of
from pipeline.orchestration.names import (
    ABANDONED_TAG,
    COMMITTED_TAG,
    QUARANTINED_TAG,
    WINDOWS_FAILED_TAG,
    WORKER_TAG,
    mark,
    mark_of,
)
from pipeline.orchestration.plans import Ended
from pipeline.orchestration.worker import process_lives, worker_parts

UNDER_WAY = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
ENDED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
_FAILED = (DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
_AT_WORK = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)
_LIMIT = 500
_SILENCE = 900.0
_OVERLAP = 60.0
_UNKNOWN = "what it has committed is not looked up yet"
_NAMED = 20


@dataclass(frozen=True)
class Work:
    """The runs of a job that are under way.

    Attributes:
        spans: partitions that they cover.
        whole: whether one of them is without partitions, and so covers all.
    """

    spans: tuple[Span, ...] = ()
    whole: bool = False

    @property
    def any(self) -> bool:
        """Whether there is a run at all."""
        return self.whole or bool(self.spans)

    def keys(self, order: Sequence[str]) -> set[str]:
        """Keys that are covered, of partitions that are registered in this order."""
        return {key for span in self.spans for key in keys_in(span, order)}


def under_way(instance: DagsterInstance, job: str) -> Work:
    """The runs of `job` that are queued or at work."""
    runs = instance.get_runs(RunsFilter(job_name=job, statuses=list(UNDER_WAY)), limit=_LIMIT)
    spans = [span_of(run.tags) for run in runs]
    return Work(tuple(span for span in spans if span is not None), None in spans)


def count_under_way(instance: DagsterInstance, job: str) -> int:
    """How many runs of `job` are queued or at work, as far as two."""
    return len(instance.get_runs(RunsFilter(job_name=job, statuses=list(UNDER_WAY)), limit=2))


def others_under_way(instance: DagsterInstance, jobs: Sequence[str], run_id: str) -> bool:
    """Whether another run than this one of any of `jobs` is queued or at work."""
    runs = (
        run
        for job in jobs
        for run in instance.get_runs(RunsFilter(job_name=job, statuses=list(UNDER_WAY)), limit=2)
    )
    return any(run.run_id != run_id for run in runs)


def ended_since(
    instance: DagsterInstance, job: str, after: float, seen: Sequence[str], order: Sequence[str]
) -> tuple[list[Ended], list[str]]:
    """Runs of `job` that ended since, oldest first, and the ids to pass as `seen` the next time.

    Args:
        after: seconds since 1970; the records of a while before are read again, for a record may be written late.
        seen: ids of the runs in that while that were given already.
        order: registered partitions.
    """
    records = instance.get_run_records(
        RunsFilter(
            job_name=job,
            statuses=list(ENDED),
            updated_after=datetime.fromtimestamp(max(after - _OVERLAP, 0.0), UTC),
        ),
        limit=_LIMIT,
        order_by="update_timestamp",
        ascending=True,
    )
    ended = []
    for record in records:
        if record.dagster_run.run_id not in seen:
            span = span_of(record.dagster_run.tags)
            keys = list(order) if span is None else keys_in(span, order)
            ended.append(Ended(keys, _failed(record.dagster_run), _ended_at(record)))
    return ended, [record.dagster_run.run_id for record in records]


def failures_in_a_row(instance: DagsterInstance, job: str) -> tuple[int, float]:
    """How many of the latest runs of `job` failed one after another, and when the last of them ended."""
    records = instance.get_run_records(RunsFilter(job_name=job, statuses=list(ENDED)), limit=8)
    streak = 0
    for record in records:
        if record.dagster_run.status != DagsterRunStatus.FAILURE or not _failed(record.dagster_run):
            break
        streak += 1
    return streak, _ended_at(records[0]) if records else 0.0


def runs_in_progress(instance: DagsterInstance, run_ids: Sequence[str]) -> set[str]:
    """Those of the runs that have not ended."""
    if not run_ids:
        return set()
    runs = instance.get_runs(RunsFilter(run_ids=list(run_ids), statuses=list(UNDER_WAY)))
    return {run.run_id for run in runs}


def any_at_work(instance: DagsterInstance) -> bool:
    """Whether a run is under way that has signed in: one of ours, which may commit, and tell of it itself."""
    runs = instance.get_runs(RunsFilter(statuses=list(UNDER_WAY)), limit=_LIMIT)
    return any(mark_of(run, WORKER_TAG) for run in runs)


def end_abandoned_runs(instance: DagsterInstance, jobs: Sequence[str] = ()) -> list[str]:
    """Fail the runs whose process is gone, give back their places in the pool, and return their ids.

    A process that was killed reports nothing: its run would count as under way for ever, and would keep the pool.
    Only runs of `jobs` are looked at, and those that have signed in. A run on this machine is told by its process, any other by having been silent for a quarter of an hour.
    """
    ended = []
    for record in instance.get_run_records(RunsFilter(statuses=list(_AT_WORK)), limit=_LIMIT):
        run = record.dagster_run
        if (mark_of(run, WORKER_TAG) or run.job_name in jobs) and _gone(instance, run):
            instance.report_run_failed(
                run, "The process that executed this run is gone; another run finishes the work."
            )
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            instance.add_run_tags(run.run_id, {ABANDONED_TAG: _UNKNOWN})
            ended.append(run.run_id)
    return ended


def abandoned_runs(instance: DagsterInstance) -> list[str]:
    """Ids of the runs that were ended because their process is gone, and of which nobody has looked up yet what they had committed."""
    runs = instance.get_runs(RunsFilter(tags={ABANDONED_TAG: _UNKNOWN}), limit=_LIMIT)
    return [run.run_id for run in runs]


def mark_committed(instance: DagsterInstance, run_id: str, deliveries: Sequence[str]) -> None:
    """Say on a run that has failed or was canceled what it had committed before: in a tag, and in an event of the run. Once; nothing on a
    run that Dagster does not know, or that has not ended so."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.status not in _FAILED:
        return
    marks = {ABANDONED_TAG: "looked up"} if ABANDONED_TAG in run.tags else {}
    if deliveries and not mark_of(run, COMMITTED_TAG):
        marks[COMMITTED_TAG] = mark(run_id, str(len(deliveries)))
        how = "canceled" if run.status == DagsterRunStatus.CANCELED else "killed"
        many = counted(len(deliveries), "delivery")
        more = f" and {len(deliveries) - _NAMED:,} more" if len(deliveries) > _NAMED else ""
        instance.report_engine_event(
            f"committed {many} before it was {how}: {', '.join(deliveries[:_NAMED])}{more}. What is committed stays, is told of without "
            "this run, and is not taken again.",
            run,
        )
    if marks:
        instance.add_run_tags(run_id, marks)


def _gone(instance: DagsterInstance, run: DagsterRun) -> bool:
    host, process, born = worker_parts(mark_of(run, WORKER_TAG))
    if host == platform.node() and process is not None:
        return not process_lives(process, born)
    latest = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    return bool(latest) and time.time() - latest[0].timestamp > _SILENCE


def _failed(run: DagsterRun) -> bool:
    """Whether a run left its work undone; one that quarantined files has done all of it, and one of which only windows failed has taken
    in all of its files."""
    done = mark_of(run, QUARANTINED_TAG) or mark_of(run, WINDOWS_FAILED_TAG)
    return run.status in _FAILED and not done


def _ended_at(record: RunRecord) -> float:
    return record.end_time or record.update_timestamp.timestamp()
