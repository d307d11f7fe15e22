"""What Dagster is told of corrections."""

from __future__ import annotations

import pytest
from dagster import AssetKey, AssetObservation, DagsterInstance

from pipeline.intake import Intake, take_inbox
from pipeline.orchestration.reconcile import report_missing
from pipeline_tests.orchestration.conftest import Drop, Run, materialized, order
from pipeline_tests.orchestration.test_ingest_job import CLEAN, ERRORS, verdict
from pipeline_tests.sending_back import Fix, write_back


def send_back(intake: Intake, fix: Fix, name: str = "errors.csv") -> None:
    write_back(intake, intake.settings.inbox / "orders" / name, fix)


def observed(instance: DagsterInstance, key: AssetKey) -> list[AssetObservation]:
    records = instance.fetch_observations(key, limit=20).records
    found = [record.event_log_entry.asset_observation for record in records]
    return [one for one in found if one is not None]


def row_count(instance: DagsterInstance, delivery: str) -> object:
    events = instance.fetch_materializations(CLEAN, limit=20).records
    told = [record.asset_materialization for record in events]
    return next(
        one.metadata["dagster/partition_row_count"].value for one in told if one and one.partition == delivery
    )


@pytest.mark.parametrize("job", ["ingest", "orders_ingest"])
def test_a_correction_is_an_observation_and_its_originals_are_told_anew(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake, job: str
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    drop("b.csv", order(3, amount="oops"))
    assert run(job).success
    assert (row_count(instance, "a.csv"), verdict(instance, "error_rate")) == (1, "FAILED")

    send_back(intake, lambda _: {"amount": "5"})
    assert run(job).success

    for key in (CLEAN, ERRORS):
        [observation] = observed(instance, key)
        assert observation.partition == "errors.csv"
        assert observation.description == "errors.csv: correction. 2 rows of 2 deliveries corrected"
    assert (row_count(instance, "a.csv"), row_count(instance, "b.csv")) == (2, 1)
    assert materialized(instance, "orders", "clean") == {"a.csv", "b.csv"}
    assert verdict(instance, "error_rate") == "SUCCEEDED"


def test_a_run_that_fails_on_rejects_looks_at_what_is_left_in_the_originals(
    drop: Drop, run: Run, intake: Intake
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"), order(3, amount="oops"))
    assert run("ingest").success
    send_back(intake, lambda row: {"amount": "5"} if row.row == 2 else {})
    assert not run("ingest", fail_on_rejects=True).success
    send_back(intake, lambda row: {"amount": "5"}, "again.csv")
    assert run("ingest", fail_on_rejects=True).success


def test_corrections_that_were_taken_without_dagster_are_told_once(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    list(take_inbox(intake))
    _, seq, _ = report_missing(instance, intake, "orders", 0)
    send_back(intake, lambda _: {"amount": "5"})
    list(take_inbox(intake))
    reported, after, whole = report_missing(instance, intake, "orders", seq)
    assert (reported, whole) == (1, True) and row_count(instance, "a.csv") == 2
    assert len(observed(instance, CLEAN)) == 1
    assert report_missing(instance, intake, "orders", after) == (0, after, True)
    assert report_missing(instance, intake, "orders", seq) == (0, after, True)


def test_a_quarantined_correction_is_told_with_its_reason(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    assert run("ingest").success
    send_back(intake, lambda _: {"_windrow_key": "nonsense"})
    assert run("ingest").success
    [observation] = observed(instance, CLEAN)
    assert "its key was changed or cut off" in str(observation.metadata["reason"].value)
