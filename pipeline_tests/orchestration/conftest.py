"""A home with datasets, a Dagster instance of its own, and the definitions over it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Definitions,
    ExecuteInProcessResult,
)

from pipeline.intake import Intake, commit, open_intake, prepare, wait_and_scan
from pipeline.orchestration.build import build_definitions
from pipeline.settings import Settings

HEADER = "order_id,customer_email,amount,ordered_at,status,department,customer_name\n"

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")

Drop = Callable[..., Path]
Run = Callable[..., ExecuteInProcessResult]
Load = Callable[[], None]


def order(number: int, day: str = "2026-01-05", amount: str = "12.50") -> str:
    """One line of an orders file."""
    return f"{number},a{number}@example.org,{amount},{day} 10:00:00,pending,toys,Bob\n"


def add_run(
    instance: DagsterInstance, job: str, status: DagsterRunStatus, tags: dict[str, str]
) -> DagsterRun:
    return instance.add_run(DagsterRun(job_name=job, run_id=str(uuid.uuid4()), status=status, tags=tags))


def materialized(instance: DagsterInstance, *path: str) -> set[str]:
    return set(instance.event_log_storage.get_materialized_partitions(AssetKey(list(path))))


@pytest.fixture
def intake(settings: Settings) -> Intake:
    house = open_intake(settings)
    house.make_folders()
    return house


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    folder = tmp_path / "dagster"
    folder.mkdir()
    with DagsterInstance.local_temp(str(folder), overrides={"telemetry": {"enabled": False}}) as made:
        yield made


@pytest.fixture
def definitions(intake: Intake) -> Definitions:
    return build_definitions(intake=intake)


@pytest.fixture
def run(definitions: Definitions, instance: DagsterInstance) -> Run:
    """Executes a job in this process."""

    def execute(job: str, tags: dict[str, str] | None = None, **config: object) -> ExecuteInProcessResult:
        return definitions.resolve_job_def(job).execute_in_process(
            instance=instance, tags=tags, run_config=dict(config), raise_on_error=False
        )

    return execute


@pytest.fixture
def drop(intake: Intake) -> Drop:
    """Puts an orders file (or any text) into the inbox."""

    def put(name: str, *lines: str, folder: str = "orders", header: str = HEADER) -> Path:
        path = intake.settings.inbox / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(header + "".join(lines))
        return path

    return put


@pytest.fixture
def load(intake: Intake) -> Load:
    """Takes in what waits as a process does that is killed before it comes to the windows: they stay dirty, and Dagster knows nothing."""

    def take() -> None:
        list(commit(intake, list(prepare(intake, wait_and_scan(intake).waiting)), None))

    return take
