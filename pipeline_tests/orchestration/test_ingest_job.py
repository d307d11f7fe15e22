"""The `ingest` job: all that waits, then the windows."""

from __future__ import annotations

import base64
import re

import pytest
from dagster import AssetCheckKey, AssetKey, DagsterInstance, ExecuteInProcessResult

from pipeline.datasets.orders import orders
from pipeline.intake import Intake
from pipeline.orchestration.checks.contract import contract_checks
from pipeline.orchestration.checks.verdicts import CHECKS
from pipeline_tests.orchestration.conftest import Drop, Run, materialized, order

CLEAN, ERRORS = AssetKey(["orders", "clean"]), AssetKey(["orders", "errors"])


def verdict(instance: DagsterInstance, check: str) -> str:
    [latest] = instance.event_log_storage.get_asset_check_execution_history(
        AssetCheckKey(CLEAN, check), limit=1
    )
    return latest.status.value


def test_files_become_partitions_and_touch_their_windows(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("b.csv", order(1), order(2, day="2026-01-06"))
    drop("a.csv", order(3), order(4, amount="oops"))
    assert run("ingest").success
    assert instance.get_dynamic_partitions("orders_deliveries") == ["a.csv", "b.csv"]
    assert materialized(instance, "orders", "clean") == {"a.csv", "b.csv"}
    assert materialized(instance, "orders", "errors") == {"a.csv", "b.csv"}
    assert materialized(instance, "orders", "daily_by_department") == {"2026-01-05", "2026-01-06"}
    with intake.warehouse.session(read_only=True) as session:
        assert session.dirty() == []


def test_a_materialization_shows_the_figures_the_content_hash_and_samples(
    drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    run("ingest")
    event = instance.get_latest_materialization_event(CLEAN)
    assert event is not None and event.asset_materialization is not None
    shown, tags = event.asset_materialization.metadata, event.asset_materialization.tags
    assert shown["dagster/row_count"].value == 1
    assert (shown["rows_read"].value, shown["rows_rejected"].value) == (2, 1)
    assert shown["error_rate"].value == 0.5
    assert "oops" in shown["sample_of_errors"].value
    assert "a1@example.org" in shown["sample"].value
    assert tags is not None and tags["dagster/data_version"] == shown["sha256"].value


def test_a_window_shows_its_day_and_the_days_before_it_as_a_picture_and_which_deliveries_changed_it(
    drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    drop("a.csv", order(1), order(2, day="2026-01-04"))
    drop("b.csv", order(3))
    drop("s.csv", "toys,ball,1,2.00\n", folder="sales", header="department,product,quantity,amount\n")
    run("ingest")
    event = instance.get_latest_materialization_event(AssetKey(["orders", "daily_by_department"]))
    assert event is not None and event.asset_materialization is not None
    shown = event.asset_materialization.metadata
    assert event.asset_materialization.partition == "2026-01-05"
    assert (shown["causes"].value, shown["caused_by"].value) == (2, ["a.csv", "b.csv"])
    by_group, month = re.split("30 days to 2026-01-05", drawn(shown["chart"].value))
    assert ">toys<" in by_group and ">25<" in by_group
    assert month.count("<polyline") == 0 and month.count("<rect") == 2
    total = instance.get_latest_materialization_event(AssetKey(["sales", "by_department"]))
    assert total is not None and total.asset_materialization is not None
    assert ">toys<" in drawn(total.asset_materialization.metadata["chart"].value)


def drawn(markdown: object) -> str:
    """The SVG of a picture in markdown."""
    found = re.fullmatch(r"!\[.*\]\(data:image/svg\+xml;base64,(.*)\)", str(markdown))
    assert found is not None
    return base64.b64decode(found[1]).decode()


def test_checks_are_evaluated_once_per_run(drop: Drop, run: Run, instance: DagsterInstance) -> None:
    drop("a.csv", order(1))
    drop("b.csv", order(2, amount="oops"))
    run("ingest")
    storage = instance.event_log_storage
    for check in (*CHECKS, *(check.name for check in contract_checks(orders))):
        assert len(storage.get_asset_check_execution_history(AssetCheckKey(CLEAN, check), limit=9)) == 1
    assert verdict(instance, "reconciliation") == "SUCCEEDED"
    assert verdict(instance, "error_rate") == "FAILED"
    assert verdict(instance, "quarantine") == "SUCCEEDED"


def test_a_quarantined_file_is_an_observation_and_its_partition_stays_empty(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("empty.csv", header="")
    drop("good.csv", order(1))
    assert run("ingest").success
    assert materialized(instance, "orders", "clean") == {"good.csv"}
    [record] = instance.fetch_observations(CLEAN, limit=5).records
    observation = record.event_log_entry.asset_observation
    assert observation is not None and observation.partition == "empty.csv"
    assert "empty" in str(observation.metadata["reason"].value)
    assert verdict(instance, "quarantine") == "FAILED"
    assert (intake.settings.quarantine / "orders" / "empty.csv.reason.json").is_file()


def test_files_outside_of_any_dataset_are_quarantined(drop: Drop, run: Run, intake: Intake) -> None:
    drop("x.csv", order(1), folder="nosuch")
    drop("loose.csv", order(1), folder=".")
    assert run("ingest").success
    assert (intake.settings.quarantine / "nosuch" / "x.csv").is_file()
    assert not list(intake.settings.inbox.glob("*.csv"))


def test_the_run_can_be_kept_to_some_folders(drop: Drop, run: Run, instance: DagsterInstance) -> None:
    drop("a.csv", order(1))
    assert run("ingest", datasets=["sales"]).success
    assert materialized(instance, "orders", "clean") == set()


@pytest.mark.parametrize(
    ("options", "success"),
    [
        ({}, True),
        ({"fail_on_rejects": True}, False),
        ({"max_error_rate": 0.6}, True),
        ({"max_error_rate": 0.4}, False),
        ({"ops": {"take_in": {"config": {"fail_on_rejects": True}}}}, False),
    ],
)
def test_rejected_rows_fail_the_run_only_when_it_is_told_so_and_after_the_commit(
    drop: Drop, run: Run, instance: DagsterInstance, options: dict[str, object], success: bool
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    result = run("ingest", **options)
    assert result.success is success
    assert materialized(instance, "orders", "clean") == {"a.csv"}
    assert materialized(instance, "orders", "last_hour") >= {"2026-01-05"}
    if not success:
        failure = result.failure_data_for_node("bring_windows_up_to_date")
        assert failure is not None and failure.user_failure_data is not None
        assert "orders/a.csv: 50.00%" in str(failure.user_failure_data.description)


def why(result: ExecuteInProcessResult) -> str:
    """What a strict run says it failed for."""
    failure = result.failure_data_for_node("bring_windows_up_to_date")
    assert failure is not None and failure.user_failure_data is not None
    return str(failure.user_failure_data.description)


@pytest.mark.parametrize("options", [{"fail_on_rejects": True}, {"max_error_rate": 0.1}])
def test_a_strict_run_says_of_each_delivery_what_is_the_case(
    drop: Drop, run: Run, intake: Intake, options: dict[str, object]
) -> None:
    drop("empty.csv", header="")
    drop("good.csv", order(1))
    drop("same.csv", order(1))
    drop("some.csv", order(2), order(3, amount="oops"), order(4))
    told = why(run("ingest", **options))
    files, rows, same = told.splitlines()[1:]
    assert files.startswith("1 file is quarantined, without a row loaded: orders/empty.csv: ")
    assert str(intake.settings.quarantine) in files and "100" not in files and "committed" not in files
    assert rows.startswith("1 delivery has ") and "orders/some.csv: 33.33% (1 of 3 rows)" in rows
    assert "`pipeline errors orders`" in rows and "empty.csv" not in rows and "good.csv" not in told
    assert same.startswith("No fault: 1 file was loaded before") and "orders/same.csv" in same


def test_a_strict_run_with_nothing_but_quarantined_files_speaks_of_no_rows(drop: Drop, run: Run) -> None:
    drop("empty.csv", header="")
    drop("x.csv", order(1), folder="nosuch")
    drop("same.csv", header="")
    told = why(run("ingest", fail_on_rejects=True))
    assert "3 files are quarantined" in told and "nosuch/x.csv" in told
    assert "rejected" not in told and "%" not in told


def test_a_strict_run_with_duplicates_alone_succeeds(drop: Drop, run: Run) -> None:
    drop("good.csv", order(1))
    drop("same.csv", order(1))
    assert run("ingest", fail_on_rejects=True).success


def test_many_files_are_told_without_samples(drop: Drop, run: Run, instance: DagsterInstance) -> None:
    for n in range(60):
        drop(f"{n:02d}.csv", order(n))
    assert run("ingest").success
    assert len(materialized(instance, "orders", "clean")) == 60
    event = instance.get_latest_materialization_event(CLEAN)
    assert event is not None and event.asset_materialization is not None
    assert "sample" not in event.asset_materialization.metadata
    assert event.asset_materialization.partition == "59.csv"
