"""The one assembly: datasets in, Dagster definitions out.

What belongs here: calling every factory. What does not: anything that opens a file or the warehouse; loading definitions
imports dataset modules and does nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import Definitions, ResourceDefinition, in_process_executor

from pipeline.intake import Intake
from pipeline.orchestration.checks import checks_of, inbox_check, window_checks_of
from pipeline.orchestration.deliveries import delivery_assets, inbox_spec, whole_inbox_spec
from pipeline.orchestration.jobs import dataset_jobs, ingest_job
from pipeline.orchestration.left_out import broken_assets, broken_checks
from pipeline.orchestration.names import windows_job_name
from pipeline.orchestration.schedules import schedules_of
from pipeline.orchestration.sensors import dirty_windows_sensor, inbox_sensor, unknown_inbox_sensor
from pipeline.orchestration.steps import HandOver
from pipeline.orchestration.telling import tell_sensor
from pipeline.orchestration.upkeep import retention_job, verify_job
from pipeline.orchestration.windows import window_assets
from pipeline.settings import Settings


def build_definitions(
    *,
    settings: Settings | None = None,
    intake: Intake | None = None,
    resource_overrides: Mapping[str, Any] | None = None,
) -> Definitions:
    """Everything Dagster is told.

    Args:
        settings: where the home and the datasets are; the environment says so if None.
        intake: taken instead of one made from `settings`.
        resource_overrides: resources that take the place of `intake` and `hand_over`.

    A dataset whose declaration does not load is shown as `<dataset>/broken`; all others are there.

    Raises:
        pydantic.ValidationError: a setting is wrong.
    """
    house = intake or Intake.from_settings(settings)
    datasets = house.datasets
    jobs = {job.name: job for dataset in datasets.values() for job in dataset_jobs(dataset)}
    window_jobs = [jobs[windows_job_name(name)] for name, dataset in datasets.items() if dataset.windows]
    window_checks = [checks for dataset in datasets.values() for checks in window_checks_of(dataset)]
    resources = {"intake": ResourceDefinition.hardcoded_resource(house), "hand_over": HandOver()}
    return Definitions(
        assets=[
            whole_inbox_spec(),
            *(inbox_spec(dataset) for dataset in datasets.values()),
            *(delivery_assets(dataset) for dataset in datasets.values()),
            *(asset for dataset in datasets.values() for asset in window_assets(dataset)),
            *broken_assets(house.left_out),
        ],
        asset_checks=[
            inbox_check(),
            *(checks_of(dataset) for dataset in datasets.values()),
            *window_checks,
            *broken_checks(house.left_out),
        ],
        jobs=[
            ingest_job(),
            *jobs.values(),
            *([verify_job(window_checks)] if window_checks else []),
            retention_job(datasets.values()),
        ],
        sensors=[
            *(inbox_sensor(dataset) for dataset in datasets.values()),
            unknown_inbox_sensor(datasets),
            *([dirty_windows_sensor(window_jobs)] if window_jobs else []),
            *([tell_sensor()] if house.settings.tells else []),
        ],
        schedules=schedules_of(datasets.values()),
        executor=in_process_executor,
        resources=resources | dict(resource_overrides or {}),
    )
