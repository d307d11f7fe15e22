"""The sensor `tell`: failed runs by name, quarantined files once, whoever loaded them."""

from __future__ import annotations

import uuid

import pytest
from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Definitions,
    Failure,
    build_sensor_context,
    job,
    op,
)
from pydantic import SecretStr

from pipeline.intake import Intake, open_intake, take_inbox
from pipeline.orchestration.build import build_definitions
from pipeline.orchestration.names import QUARANTINED_TAG, ingest_job_name, mark
from pipeline.orchestration.telling import evaluate_tell
from pipeline.settings import Settings
from pipeline_tests.orchestration.conftest import Drop
from pipeline_tests.telling.servers import WebServer, web_server


@pytest.fixture
def server():  # type: ignore[no-untyped-def]
    with web_server() as made:
        yield made


@pytest.fixture
def intake(settings: Settings, server: WebServer) -> Intake:
    house = open_intake(
        settings.model_copy(update={"tell": SecretStr(f"http://127.0.0.1:{server.port}/secret")})
    )
    house.make_folders()
    return house


def tick(instance: DagsterInstance, intake: Intake, cursor: str | None = None) -> tuple[str | None, str]:
    """The cursor after it, and what it said."""
    result = evaluate_tell(build_sensor_context(instance=instance, cursor=cursor), intake)
    assert result.skip_reason is not None
    return result.cursor, result.skip_reason.skip_message or ""


def fail(instance: DagsterInstance, of: str, why: str, marks: dict[str, str] | None = None) -> str:
    run_id = str(uuid.uuid4())
    tags = {tag: mark(run_id, value) for tag, value in (marks or {}).items()}
    run = instance.add_run(DagsterRun(job_name=of, run_id=run_id, status=DagsterRunStatus.STARTED, tags=tags))
    instance.report_run_failed(run, why)
    return run.run_id


def test_a_failed_run_is_told_with_its_cause_and_one_like_it_is_not_told_again(
    instance: DagsterInstance, intake: Intake, server: WebServer
) -> None:
    fail(instance, "ingest", "before anybody was to be told")
    cursor, said = tick(instance, intake)
    assert (server.posted, said) == ([], "There is nothing to tell.")
    run_id = fail(instance, "ingest", "The disk is full, 12 MB are free")
    cursor, said = tick(instance, intake, cursor)
    assert said == f"Told: webhook at 127.0.0.1:{server.port}"
    fail(instance, "ingest", "The disk is full, 11 MB are free")
    for _ in range(2):
        cursor, said = tick(instance, intake, cursor)
        assert said == "There is nothing to tell."
    fail(instance, "orders_windows", "The disk is full, 11 MB are free")
    tick(instance, intake, cursor)
    told = [[(event["what"], event["why"]) for event in posted["events"]] for posted in server.posted]
    assert told[0] == [(f"run {run_id[:8]} of ingest", "The disk is full, 12 MB are free")]
    assert told[1][0][0].endswith("of orders_windows")


def test_what_cannot_be_told_now_is_told_at_a_later_tick(
    instance: DagsterInstance, intake: Intake, server: WebServer
) -> None:
    cursor, _ = tick(instance, intake)
    server.status = 500
    fail(instance, "ingest", "lost")
    cursor, said = tick(instance, intake, cursor)
    assert "it answered 500" in said and "secret" not in said
    assert '"lost"' in intake.settings.told.read_text()


def test_a_run_is_told_by_what_its_step_said(
    instance: DagsterInstance, intake: Intake, server: WebServer
) -> None:
    @op
    def load() -> None:
        raise Failure("2 windows cannot be computed") from OSError("No space left on device")

    @job
    def nightly() -> None:
        load()

    cursor, _ = tick(instance, intake)
    assert not nightly.execute_in_process(instance=instance, raise_on_error=False).success
    tick(instance, intake, cursor)
    (event,) = server.posted[0]["events"]
    assert event["what"].endswith(" of nightly")
    assert "2 windows cannot be computed" in event["why"] and "Traceback" not in event["why"]


def test_a_quarantined_file_is_told_once_whoever_loaded_it(
    drop: Drop, instance: DagsterInstance, intake: Intake, server: WebServer
) -> None:
    cursor, _ = tick(instance, intake)
    for name in ("by_dagster.csv", "by_hand.csv"):
        drop(name, header=f"nothing of {name}\n")
        assert [outcome.entry.status for outcome in take_inbox(intake)] == ["quarantined"]
        # Its partition is shown as failed, for which the run has to fail; it has done all its work.
        run_id = fail(instance, "orders_ingest", "1 of 1 files were quarantined", {QUARANTINED_TAG: "1"})
        assert instance.get_run_by_id(run_id) is not None
        for _ in range(2):
            cursor, _ = tick(instance, intake, cursor)
    told = [[(event["kind"], event["what"]) for event in posted["events"]] for posted in server.posted]
    assert told == [[("quarantined", "orders/by_dagster.csv")], [("quarantined", "orders/by_hand.csv")]]


def test_the_sensor_is_there_only_where_somebody_is_to_be_told(
    definitions: Definitions, settings: Settings
) -> None:
    assert definitions.resolve_sensor_def("tell").name == "tell"
    without = build_definitions(intake=open_intake(settings))
    assert "tell" not in {one.name for one in without.sensors or []}
    assert ingest_job_name("orders") in {one.name for one in without.jobs or []}
