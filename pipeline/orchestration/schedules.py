"""Schedules: what is done by the clock. What does not belong here: what is done when something changes (`sensors`).

By night, on the dataset's clock: at three the windows of the last days are computed again, at half past four a sample of all days is
compared with the clean rows. Retention comes between them, at four.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from dagster import (
    DagsterInstance,
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from pipeline.contract import Dataset
from pipeline.counts import counted
from pipeline.orchestration.asked import PARTITION, Span
from pipeline.orchestration.checks.windows import key_of
from pipeline.orchestration.days import as_days, keys_of_days
from pipeline.orchestration.names import RETENTION_JOB, VERIFY_JOB, windows_job_name
from pipeline.orchestration.plans import ranges_over
from pipeline.orchestration.upkeep import keeps_for_a_time


def schedules_of(datasets: Iterable[Dataset]) -> list[ScheduleDefinition]:
    """All schedules, in order."""
    known = list(datasets)
    made = [nightly_windows(one) for one in known if one.time_windows and one.nightly_days]
    made += [nightly_verification(one) for one in known if one.windows]
    return [*made, nightly_retention()] if any(keeps_for_a_time(one) for one in known) else made


def nightly_windows(dataset: Dataset) -> ScheduleDefinition:
    """`<dataset>_nightly_windows`: recomputes the windows of the last `nightly_days` at three, on the dataset's clock."""
    told = f"Recomputes the last {counted(dataset.nightly_days, 'day')} of every window of {dataset.name}."
    return _nightly(dataset, "windows", "0 3 * * *", windows_job_name(dataset.name), told, nightly_requests)


def nightly_requests(instance: DagsterInstance, dataset: Dataset, today: date) -> list[RunRequest]:
    """The run of one night, over those of the last days that have windows; several where Dagster has the days out of order."""
    order = keys_of_days(instance, dataset.name)
    first = today - timedelta(days=dataset.nightly_days - 1)
    wanted = {day.isoformat() for day in as_days(order) if first <= day <= today}
    return [_night_request(dataset, today, Span(*span)) for span in ranges_over(wanted, order)]


def _night_request(dataset: Dataset, today: date, span: Span) -> RunRequest:
    tags = span.tags
    partition = tags.pop(PARTITION, None)
    return RunRequest(run_key=f"{dataset.name}:{today}:{span.first}", partition_key=partition, tags=tags)


def nightly_verification(dataset: Dataset) -> ScheduleDefinition:
    """`<dataset>_nightly_verification`: the checks of the dataset's windows at half past four, on the dataset's clock."""
    told = f"Compares a sample of every window of {dataset.name} with its clean rows."
    return _nightly(dataset, "verification", "30 4 * * *", VERIFY_JOB, told, verification_requests)


def verification_requests(instance: DagsterInstance, dataset: Dataset, today: date) -> list[RunRequest]:
    """The verification of one night: the checks of this dataset alone."""
    keys = [key_of(dataset, window.name) for window in dataset.windows]
    return [RunRequest(run_key=f"{dataset.name}:{today}", asset_check_keys=keys)]


def _nightly(
    dataset: Dataset,
    what: str,
    cron: str,
    job: str,
    told: str,
    requests: Callable[[DagsterInstance, Dataset, date], list[RunRequest]],
) -> ScheduleDefinition:
    """`<dataset>_nightly_<what>`: asks each night, on the dataset's clock, for the runs of the day that begins."""

    @schedule(
        name=f"{dataset.name}_nightly_{what}",
        cron_schedule=cron,
        execution_timezone=dataset.timezone,
        job_name=job,
        default_status=DefaultScheduleStatus.RUNNING,
        description=told,
    )
    def nightly(context: ScheduleEvaluationContext) -> list[RunRequest] | SkipReason:
        today = context.scheduled_execution_time.astimezone(dataset.zone).date()
        return requests(context.instance, dataset, today) or SkipReason(
            f"No day has windows up to {today} that is recent enough."
        )

    return nightly


def nightly_retention() -> ScheduleDefinition:
    """`nightly_retention`: the job `retention` at four (UTC)."""
    return ScheduleDefinition(
        name="nightly_retention",
        cron_schedule="0 4 * * *",
        job_name=RETENTION_JOB,
        default_status=DefaultScheduleStatus.RUNNING,
        description="Deletes rows and windows that are older than their datasets keep them.",
    )
