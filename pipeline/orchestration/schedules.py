"""Schedules: what is done by the clock. What does not belong here: what is done when something changes (`sensors`)."""

from datetime import date, timedelta

from dagster import DefaultScheduleStatus, RunRequest, ScheduleDefinition, ScheduleEvaluationContext, schedule

from pipeline.contract import Dataset
from pipeline.orchestration.asked import PARTITION, Span
from pipeline.orchestration.names import windows_job_name

NIGHTLY_DAYS = 7


def nightly_windows(dataset: Dataset) -> ScheduleDefinition:
    """`<dataset>_nightly_windows`: recomputes the windows of the last days at three, on the dataset's clock."""

    @schedule(
        name=f"{dataset.name}_nightly_windows",
        cron_schedule="0 3 * * *",
        execution_timezone=dataset.timezone,
        job_name=windows_job_name(dataset.name),
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"Recomputes the last {NIGHTLY_DAYS} days of every window of {dataset.name}.",
    )
    def nightly(context: ScheduleEvaluationContext) -> RunRequest:
        today = context.scheduled_execution_time.astimezone(dataset.zone).date()
        return nightly_request(dataset, today)

    return nightly


def nightly_request(dataset: Dataset, today: date) -> RunRequest:
    """The run of one night."""
    first = max(dataset.first_day, today - timedelta(days=NIGHTLY_DAYS - 1))
    tags = Span(first.isoformat(), today.isoformat()).tags
    partition = tags.pop(PARTITION, None)
    return RunRequest(run_key=f"{dataset.name}:{today}", partition_key=partition, tags=tags)
