"""Runs by partition: what the sensors launch, and what a person asks for."""

from __future__ import annotations

import zipfile
from pathlib import Path

from dagster import AssetKey, DagsterInstance, DagsterRunStatus

from pipeline.intake import Intake, open_intake
from pipeline.orchestration.build import build_definitions
from pipeline.orchestration.history import failures_in_a_row
from pipeline.orchestration.names import INBOX_ONLY_TAG
from pipeline.settings import Settings
from pipeline_tests.orchestration.conftest import RANGE, Drop, Load, Run, add_run, materialized, order


def test_a_run_registers_the_delivery_that_it_was_asked_for(
    drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    drop("a.csv", order(1))
    drop("b.csv", order(2))
    assert run("orders_ingest", {"dagster/partition": "a.csv"}).success
    assert materialized(instance, "orders", "clean") == {"a.csv"}
    assert instance.get_dynamic_partitions("orders_deliveries") == ["a.csv"]


def test_a_range_takes_its_files_and_an_unreadable_one_among_them_harms_no_other(
    drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    for name in ("a.csv", "c.csv", "d.csv"):
        drop(name, order(ord(name[0])))
    drop("b.csv", header="")
    instance.add_dynamic_partitions("orders_deliveries", ["a.csv", "b.csv", "c.csv", "d.csv"])
    result = run("orders_ingest", {RANGE[0]: "a.csv", RANGE[1]: "c.csv"})
    assert not result.success
    failure = result.failure_data_for_node("orders_delivery.orders_commit")
    assert failure is not None and failure.user_failure_data is not None
    assert "1 of 3 files was quarantined" in str(failure.user_failure_data.description)
    assert "b.csv" in failure.user_failure_data.metadata["quarantined"].value
    assert materialized(instance, "orders", "clean") == {"a.csv", "c.csv"}
    assert materialized(instance, "orders", "errors") == {"a.csv", "c.csv"}
    assert failures_in_a_row(instance, "orders_ingest")[0] == 0


def test_without_a_partition_all_that_waits_for_the_dataset_is_taken(
    drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    drop("a.csv", order(1))
    drop("s.csv", "toys,ball,1,2.00\n", folder="sales", header="department,product,quantity,amount\n")
    assert run("orders_ingest").success
    assert materialized(instance, "orders", "clean") == {"a.csv"}
    assert materialized(instance, "sales", "clean") == set()


def test_a_delivery_that_no_longer_waits_is_fetched_from_the_archive(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1))
    run("ingest")
    assert run("orders_ingest", {"dagster/partition": "a.csv"}).success
    with intake.warehouse.session(read_only=True) as session:
        assert session.query('SELECT count(*) AS n FROM clean."orders"')["n"][0] == 1


def test_a_delivery_that_is_nowhere_fails_the_run_with_the_remedy(run: Run) -> None:
    result = run("orders_ingest", {"dagster/partition": "nope.csv"})
    assert not result.success
    failure = result.failure_data_for_node("orders_delivery.orders_stage")
    assert failure is not None and failure.user_failure_data is not None
    assert "no delivery 'nope.csv'" in str(failure.user_failure_data.description)


def test_a_run_of_a_sensor_finds_its_file_taken_and_is_content(drop: Drop, run: Run) -> None:
    drop("a.csv", order(1))
    run("ingest")
    assert run("orders_ingest", {"dagster/partition": "a.csv", INBOX_ONLY_TAG: "true"}).success


def test_days_are_recomputed_by_range(drop: Drop, load: Load, run: Run, instance: DagsterInstance) -> None:
    drop("a.csv", order(1, day="2026-01-05"), order(2, day="2026-01-06"), order(3, day="2026-01-08"))
    load()
    instance.add_dynamic_partitions("orders_days", ["2026-01-05", "2026-01-06", "2026-01-08"])
    assert run("orders_windows", {RANGE[0]: "2026-01-05", RANGE[1]: "2026-01-06"}).success
    assert materialized(instance, "orders", "daily_by_department") == {"2026-01-05", "2026-01-06"}
    assert materialized(instance, "orders", "last_hour") == {"2026-01-05", "2026-01-06"}


def test_without_a_day_whatever_is_dirty_is_recomputed_of_any_time(
    drop: Drop, load: Load, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1, day="1999-12-31"), order(2, day="2026-01-06"))
    load()
    assert run("orders_windows").success
    assert materialized(instance, "orders", "daily_by_department") == {"1999-12-31", "2026-01-06"}
    assert instance.get_dynamic_partitions("orders_days") == ["1999-12-31", "2026-01-06"]
    with intake.warehouse.session(read_only=True) as session:
        assert session.dirty() == []
        days = session.query('SELECT count(*) AS n FROM windows."orders_daily_by_department"')
    assert days["n"][0] == 2


def test_totals_follow_what_has_changed(drop: Drop, run: Run, instance: DagsterInstance) -> None:
    drop("s.csv", "toys,ball,1,2.00\n", folder="sales", header="department,product,quantity,amount\n")
    run("sales_ingest")
    total = AssetKey(["sales", "by_department"])
    assert len(instance.fetch_materializations(total, limit=5).records) == 1
    assert run("sales_windows").success
    assert len(instance.fetch_materializations(total, limit=5).records) == 1


def test_a_zip_asked_for_is_unpacked_and_its_members_are_taken(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    with zipfile.ZipFile(intake.settings.inbox / "orders" / "week.zip", "w") as archive:
        for day in (1, 2):
            archive.write(drop(f"{day}.csv", order(day)), f"{day}.csv")
            (intake.settings.inbox / "orders" / f"{day}.csv").unlink()
    assert run("orders_ingest", {"dagster/partition": "week.zip", INBOX_ONLY_TAG: "true"}).success
    assert materialized(instance, "orders", "clean") == {"week.zip.d/1.csv", "week.zip.d/2.csv"}


def test_the_run_that_takes_files_in_computes_the_windows_that_they_touch(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1, day="2026-01-05"), order(2, day="2026-01-06"))
    assert run("orders_ingest", {"dagster/partition": "a.csv"}).success
    assert materialized(instance, "orders", "daily_by_department") == {"2026-01-05", "2026-01-06"}
    drop("b.csv", order(3, day="2026-01-06"))
    drop("bad.csv", "1,2\n", header="order_id,amount\n")
    assert not run("orders_ingest").success  # only because a file is quarantined
    assert run("orders_ingest", {"dagster/partition": "b.csv"}).success
    with intake.warehouse.session(read_only=True) as session:
        assert session.dirty() == []
        days = session.query(
            'SELECT CAST(window_start AS DATE) AS day, row_count FROM windows."orders_daily_by_department" ORDER BY ALL'
        )
    assert days["row_count"].to_list() == [1, 2]


def test_windows_are_left_to_the_last_of_the_runs_that_take_files_in(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1, day="2026-01-05"))
    for job, left in (("orders_ingest", True), ("ingest", True), ("sales_ingest", False)):
        drop(f"{job}.csv", order(len(job), day="2026-01-06"))
        other = add_run(instance, job, DagsterRunStatus.STARTED, {})
        assert run("orders_ingest").success
        with intake.warehouse.session(read_only=True) as session:
            assert bool(session.dirty()) == left
        instance.delete_run(other.run_id)


FAILING = """
from datetime import datetime
import pandera.polars as pa
from pipeline.contract import Dataset, Tumbling, agg

class Row(pa.DataFrameModel):
    at: datetime
    code: str

readings = Dataset("readings", schema=Row, event_time="at", windows=[
    Tumbling("codes", every="1d", measures={"code": agg.sql("max(code::INTEGER)", "INTEGER")}),
    Tumbling("counts", every="1d", measures={"n": agg.count()}),
])
"""


def test_a_window_that_fails_stops_neither_rows_nor_other_windows(
    settings: Settings, instance: DagsterInstance, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "readings.py").write_text(FAILING)
    house = open_intake(settings.model_copy(update={"datasets": str(tmp_path / "own")}))
    house.make_folders()
    (house.settings.inbox / "readings" / "a.csv").write_text("at,code\n2026-01-05,x\n2026-01-06,7\n")
    job = build_definitions(intake=house).resolve_job_def("readings_ingest")
    done = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not done.success
    assert materialized(instance, "readings", "clean") == {"a.csv"}
    assert materialized(instance, "readings", "counts") == {"2026-01-05", "2026-01-06"}
    assert materialized(instance, "readings", "codes") == {"2026-01-06"}
    assert failures_in_a_row(instance, "readings_ingest")[0] == 0  # the inbox is not slowed down for it
