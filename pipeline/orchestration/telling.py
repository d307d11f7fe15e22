"""The sensor `tell`: whoever is configured is told of failed runs, quarantined files and datasets that are late.

What belongs here: which runs have failed since the last tick. What does not: what else there is to tell, and sending it (`telling`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from pipeline.intake import Intake
from pipeline.orchestration.names import QUARANTINED_TAG, mark_of
from pipeline.orchestration.reconcile import glance
from pipeline.telling import Event, failed_run, tell

_EVERY = 30
_OVERLAP = timedelta(seconds=60)
_LIMIT = 200


def tell_sensor() -> SensorDefinition:
    """`tell`: no runs are asked for."""

    @sensor(
        name="tell",
        minimum_interval_seconds=_EVERY,
        default_status=DefaultSensorStatus.RUNNING,
        required_resource_keys={"intake"},
        description="Tells the addresses of PIPELINE_TELL of failed runs, quarantined files, and files that did not come.",
    )
    def telling(context: SensorEvaluationContext) -> SensorResult:
        return evaluate_tell(context, context.resources.intake)

    return telling


def evaluate_tell(context: SensorEvaluationContext, intake: Intake) -> SensorResult:
    """One tick of `tell`. The cursor holds since when runs are looked at, and those of the overlap that were told; it stays where it is
    when events could not be kept."""
    now = datetime.now(UTC)
    cursor: dict[str, Any] = json.loads(context.cursor or "{}")
    after, seen = cursor.get("after", now.timestamp()), cursor.get("seen", [])
    failed = _failed_since(context.instance, datetime.fromtimestamp(after, UTC) - _OVERLAP)
    fresh = [run for run in failed if run.run_id not in seen] if "after" in cursor else []
    events = [_event(context.instance, run) for run in fresh]
    told = tell(intake.settings, intake, events, warehouse=glance(intake))
    for problem in told.problems:
        context.log.warning(problem)
    kept = {"after": now.timestamp(), "seen": [run.run_id for run in failed]}
    said = "; ".join([*told.problems, *(f"Told: {name}" for name in told.sent)])
    return SensorResult(
        run_requests=[],
        cursor=json.dumps(kept) if told.kept else context.cursor,
        skip_reason=SkipReason(said or "There is nothing to tell."),
    )


def _failed_since(instance: DagsterInstance, moment: datetime) -> Sequence[DagsterRun]:
    """Runs that failed; those that quarantined files have done their work, and the files are told."""
    wanted = RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=moment)
    records = instance.get_run_records(wanted, limit=_LIMIT, order_by="update_timestamp", ascending=True)
    return [one.dagster_run for one in records if not mark_of(one.dagster_run, QUARANTINED_TAG)]


def _event(instance: DagsterInstance, run: DagsterRun) -> Event:
    return failed_run(
        f"run {run.run_id[:8]} of {run.job_name}",
        _cause(instance, run.run_id) or "it ended without saying why",
        "Look at the run in Dagster. What is left undone is tried again by the sensors after a pause.",
        of=run.job_name,
    )


def _cause(instance: DagsterInstance, run_id: str) -> str:
    """What the first step that failed says, else the run itself."""
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE):
        event = entry.dagster_event
        data = None if event is None else event.step_failure_data
        if data is not None and data.user_failure_data is not None and data.user_failure_data.description:
            return data.user_failure_data.description
        if data is not None and data.error is not None:
            return (data.error.cause or data.error).message
    told = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=DagsterEventType.RUN_FAILURE)]
    return next((event.message for event in told if event is not None and event.message), "")
