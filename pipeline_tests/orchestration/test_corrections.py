"""What Dagster is told of corrections."""

from __future__ import annotations

import pytest
from dagster import AssetKey, AssetMaterialization, AssetObservation, AssetRecordsFilter, DagsterInstance

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


def stored(instance: DagsterInstance, key: AssetKey, partition: str) -> list[AssetMaterialization]:
    wanted = AssetRecordsFilter(key, asset_partitions=[partition])
    records = instance.fetch_materializations(wanted, limit=20).records
    return [one for one in (record.asset_materialization for record in records) if one is not None]


def partition_state(instance: DagsterInstance, partition: str) -> str:
    """As Dagster's page shows it: an attempt without a materialization since has failed."""
    storage = instance.event_log_storage
    if partition in storage.get_latest_asset_partition_materialization_attempts_without_materializations(
        CLEAN
    ):
        return "failed"
    return "materialized" if partition in materialized(instance, "orders", "clean") else "missing"


def row_count(instance: DagsterInstance, delivery: str) -> object:
    events = instance.fetch_materializations(CLEAN, limit=20).records
    told = [record.asset_materialization for record in events]
    one = next(one for one in told if one and one.partition == delivery)
    count = one.metadata.get("dagster/partition_row_count")
    return None if count is None else count.value


@pytest.mark.parametrize("job", ["ingest", "orders_ingest"])
def test_a_correction_that_was_taken_is_told_and_its_originals_are_told_anew(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake, job: str
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    drop("b.csv", order(3, amount="oops"))
    assert run(job).success
    assert (row_count(instance, "a.csv"), verdict(instance, "error_rate")) == (1, "FAILED")

    send_back(intake, lambda _: {"amount": "5"})
    assert run(job).success

    for key in (CLEAN, ERRORS):
        told = stored(instance, key, "errors.csv")
        assert [one.description for one in told] == [
            "errors.csv: correction. 2 rows of 2 deliveries corrected"
        ]
    assert (row_count(instance, "a.csv"), row_count(instance, "b.csv")) == (2, 1)
    assert materialized(instance, "orders", "clean") == {"a.csv", "b.csv", "errors.csv"}
    assert row_count(instance, "errors.csv") is None
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
    assert len(stored(instance, CLEAN, "errors.csv")) == 1
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


@pytest.mark.parametrize(
    ("refused", "how"),
    [
        (False, "a run"),
        (True, "a run of its partition"),
        (False, "the command line"),
        (True, "the command line"),
    ],
)
def test_the_partition_of_a_correction_that_was_taken_is_not_missing_and_not_failed(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake, refused: bool, how: str
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    assert run("ingest").success
    if refused:
        send_back(intake, lambda _: {"_windrow_key": "nonsense"})
        run("orders_ingest", tags={"dagster/partition": "errors.csv"})
        assert partition_state(instance, "errors.csv") == "failed"
    send_back(intake, lambda _: {"amount": "5"})
    match how:
        case "a run":
            assert run("orders_ingest").success
        case "a run of its partition":
            assert run("orders_ingest", tags={"dagster/partition": "errors.csv"}).success
        case "the command line":
            list(take_inbox(intake))
            report_missing(instance, intake, "orders", 0)
    assert partition_state(instance, "errors.csv") == "materialized"
