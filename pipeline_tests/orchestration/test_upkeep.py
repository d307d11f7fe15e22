"""The jobs `verify_windows` and `retention`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from dagster import AssetCheckKey, AssetKey, DagsterInstance, Definitions

from pipeline.intake import Intake, open_intake
from pipeline.orchestration.build import build_definitions
from pipeline.orchestration.names import DATASETS_TAG
from pipeline.orchestration.schedules import schedules_of, verification_requests
from pipeline.settings import Settings
from pipeline_tests.orchestration.conftest import Drop, Run, order

RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
VISITS = """
from datetime import datetime
import pandera.polars as pa
from pipeline.contract import Dataset, Session, Tumbling, agg

class Visit(pa.DataFrameModel):
    visitor: str
    at: datetime

visits = Dataset("visits", schema=Visit, event_time="at", keep_rows="30d", keep_windows="1y", windows=[
    Tumbling("daily", every="1d", measures={"visits": agg.count()}),
    Session("stays", gap="30m", by=["visitor"]),
])
"""


def verdict(instance: DagsterInstance, *window: str) -> tuple[str, str, dict[str, object]]:
    """Status, description and metadata of the latest run of a window's check."""
    key = AssetCheckKey(AssetKey(list(window)), "matches_clean_rows")
    [latest] = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    assert latest.evaluation is not None
    shown = {name: value.value for name, value in latest.evaluation.metadata.items()}
    return latest.status.value, latest.evaluation.description or "", shown


def spoil(intake: Intake, statement: str) -> None:
    with intake.warehouse.session() as session:
        session.connection.execute(statement)


def test_every_window_is_compared_with_the_clean_rows(
    drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    drop("a.csv", order(1), order(2, day="2026-01-06"))
    drop("s.csv", "toys,ball,1,2.00\n", folder="sales", header="department,product,quantity,amount\n")
    run("ingest")
    assert run("verify_windows").success
    status, text, shown = verdict(instance, "orders", "daily_by_department")
    assert (status, text) == ("SUCCEEDED", "2 windows of 2 days as the clean rows give them")
    assert (shown["days"], shown["differences"]) == (["2026-01-05", "2026-01-06"], 0)
    assert verdict(instance, "orders", "last_hour")[0] == "SUCCEEDED"
    assert verdict(instance, "sales", "by_department")[1] == "2 windows as the clean rows give them"
    assert verdict(instance, "events", "last_minute")[1] == "there is nothing to look at yet"


def test_a_figure_that_is_not_what_the_rows_give_fails_the_check_until_it_is_computed_again(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1), order(2, day="2026-01-06"))
    run("ingest")
    spoil(
        intake, "UPDATE windows.orders_daily_by_department SET revenue = 99 WHERE window_start = '2026-01-05'"
    )
    assert run("verify_windows", {DATASETS_TAG: "orders"}).success
    status, text, shown = verdict(instance, "orders", "daily_by_department")
    assert status == "FAILED"
    assert text == "1 window of 2 days not as the clean rows give them, 1 of them on 2026-01-05"
    assert "| 2026-01-05 | 2026-01-05 00:00:00, toys | revenue | 99.00 | 12.50 |" in str(
        shown["what_differs"]
    )
    assert "--from 2026-01-05 --to 2026-01-05" in str(shown["remedy"])
    kept_out = AssetCheckKey(AssetKey(["sales", "by_department"]), "matches_clean_rows")
    [planned] = instance.event_log_storage.get_asset_check_execution_history(kept_out, limit=1)
    assert planned.status.value == "PLANNED"
    run("orders_windows", {"dagster/partition": "2026-01-05"})
    run("verify_windows", {DATASETS_TAG: "orders"})
    assert verdict(instance, "orders", "daily_by_department")[0] == "SUCCEEDED"


def test_before_there_is_a_warehouse_nothing_differs_and_none_is_made(
    run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    assert run("verify_windows").success
    assert verdict(instance, "orders", "last_hour")[0] == "SUCCEEDED"
    assert not intake.settings.warehouse.exists()


def test_a_night_verifies_the_windows_of_one_dataset(intake: Intake, instance: DagsterInstance) -> None:
    [request] = verification_requests(instance, intake.datasets["orders"], date(2026, 3, 10))
    assert [key.asset_key.path[-1] for key in request.asset_check_keys or []] == [
        "daily_by_department",
        "last_hour",
    ]


def test_a_run_that_is_to_check_what_it_computes_says_so_itself(
    drop: Drop, run: Run, instance: DagsterInstance, definitions: Definitions
) -> None:
    drop("a.csv", order(1), order(2, day="2026-01-06"))
    drop("s.csv", "toys,ball,1,2.00\n", folder="sales", header="department,product,quantity,amount\n")
    run("ingest")
    chosen = {AssetKey(["orders", "last_hour"]), AssetKey(["sales", "by_department"])}
    job = definitions.resolve_implicit_global_asset_job_def()
    for key, tags in zip(sorted(chosen), [{RANGE[0]: "2026-01-05", RANGE[1]: "2026-01-06"}, {}], strict=True):
        assert job.get_subset(asset_selection={key}).execute_in_process(instance=instance, tags=tags).success
    assert verdict(instance, "orders", "last_hour")[:2] == (
        "SUCCEEDED",
        "24 windows of 2 days as the clean rows give them",
    )
    assert verdict(instance, "sales", "by_department")[0] == "SUCCEEDED"
    assert len(instance.fetch_materializations(AssetKey(["sales", "by_department"]), limit=5).records) == 2


def test_retention_deletes_what_is_too_old_and_what_is_left_is_verified(
    tmp_path: Path, instance: DagsterInstance
) -> None:
    (tmp_path / "visits.py").write_text(VISITS)
    intake = open_intake(Settings(home=tmp_path / "home", settle_seconds=0, datasets=str(tmp_path)))
    intake.make_folders()
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=age) for age in (900, 100, 2, 1)]
    rows = "".join(f"v{n % 2},{day}T10:{n:02}:00\n" for n, day in enumerate(days))
    (intake.settings.inbox / "visits" / "a.csv").write_text(f"visitor,at\n{rows}")
    definitions = build_definitions(intake=intake)
    for job in ("ingest", "retention", "verify_windows"):
        assert definitions.resolve_job_def(job).execute_in_process(instance=instance).success
    counted = "SELECT (SELECT count(*) FROM clean.visits), (SELECT count(*) FROM windows.visits_daily)"
    assert intake.warehouse.query(counted).row(0) == (2, 3)
    [told] = instance.fetch_observations(AssetKey(["visits", "clean"]), limit=5).records
    observation = told.event_log_entry.asset_observation
    assert observation is not None
    assert (observation.metadata["rows_deleted"].value, observation.metadata["windows_deleted"].value) == (
        2,
        2,
    )
    status, text, shown = verdict(instance, "visits", "daily")
    assert (status, text) == ("SUCCEEDED", "2 windows of 2 days as the clean rows give them")
    assert shown["days_whose_rows_are_gone"] == 1
    assert verdict(instance, "visits", "stays")[0] == "SUCCEEDED"
    assert "nightly_retention" in {one.name for one in schedules_of(intake.datasets.values())}


def test_retention_of_datasets_that_keep_everything_deletes_nothing(
    drop: Drop, run: Run, intake: Intake
) -> None:
    drop("a.csv", order(1, day="1999-01-01"))
    run("ingest")
    assert run("retention").success
    assert intake.warehouse.query("SELECT count(*) AS n FROM clean.orders")["n"][0] == 1
    assert "nightly_retention" not in {one.name for one in schedules_of(intake.datasets.values())}
