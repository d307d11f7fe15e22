"""The day partitions: those that exist, whoever computed them, in the order of time."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AllPartitionMapping,
    AssetKey,
    AssetRecordsFilter,
    DagsterInstance,
    DagsterRunStatus,
    Definitions,
    IdentityPartitionMapping,
    SensorResult,
)

from pipeline.intake import Intake, recompute_dirty, take_inbox
from pipeline.orchestration.build import build_definitions
from pipeline.orchestration.days import MOVED_A_TICK, make_days, out_of_order, settle_days
from pipeline_tests.orchestration.conftest import RANGE, Drop, Load, Run, add_run, materialized, order
from pipeline_tests.orchestration.test_sensors import dirty_tick

FAR_APART = ["1987-06-01", "2004-02-29", "2026-01-05", "2031-12-24"]


def days(instance: DagsterInstance) -> list[str]:
    return list(instance.get_dynamic_partitions("orders_days"))


def said(instance: DagsterInstance, window: str, day: str) -> tuple[str | None, object]:
    """Description and rows of the latest materialization of a day."""
    wanted = AssetRecordsFilter(AssetKey(["orders", window]), asset_partitions=[day])
    [latest] = instance.fetch_materializations(wanted, limit=1).records
    assert latest.asset_materialization is not None
    told = latest.asset_materialization
    return told.description, told.metadata["rows"].value


def failure(result: object) -> str:
    """What the step that failed says."""
    [event] = [e for e in result.all_events if e.is_step_failure]  # type: ignore[attr-defined]
    return str(event.step_failure_data.user_failure_data.description)


def at(day: str, clock: str) -> str:
    return order(int(day[:4]), day=day).replace("10:00:00", clock)


@pytest.mark.parametrize("job", ["ingest", "orders_windows"])
def test_the_first_files_of_an_empty_home_bring_their_days_of_any_time(
    job: str, drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    drop("a.csv", *(order(n, day=day) for n, day in enumerate(FAR_APART)))
    if job == "orders_windows":
        run("orders_ingest")
    assert run(job).success
    assert days(instance) == FAR_APART
    for window in ("daily_by_department", "last_hour"):
        assert materialized(instance, "orders", window) == set(FAR_APART)


def test_a_window_with_nothing_on_a_day_that_others_have_says_so(
    drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    drop("a.csv", at("2026-01-05", "00:05:00"))  # a window of the last hour begins the day before
    assert run("ingest").success
    assert days(instance) == ["2026-01-04", "2026-01-05"]
    assert said(instance, "daily_by_department", "2026-01-04") == ("No window starts on this day.", 0)
    assert said(instance, "daily_by_department", "2026-01-05") == (None, 1)
    assert materialized(instance, "orders", "last_hour") == {"2026-01-04", "2026-01-05"}


def test_the_sensor_learns_of_the_days_of_the_command_line_and_puts_them_in_order(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    cursor = None
    for name, found in (("a.csv", ["2026-01-05", "2031-12-24"]), ("b.csv", ["1987-06-01", "2004-02-29"])):
        drop(name, *(order(int(day[:4]), day=day) for day in found))
        list(take_inbox(intake))
        list(recompute_dirty(intake))
        ticked = dirty_tick(instance, intake, cursor)
        assert isinstance(ticked, SensorResult)
        cursor = ticked.cursor
    assert days(instance) == FAR_APART


def test_days_without_windows_go_once_nothing_is_under_way(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1, day="2026-01-05"))
    drop("b.csv", order(2, day="2026-01-06"))
    run("ingest")
    instance.add_dynamic_partitions("orders_days", ["a day that somebody wrote"])
    drop("a.csv", order(1, day="2026-01-06"))
    list(take_inbox(intake))
    under_way = add_run(
        instance, "orders_windows", DagsterRunStatus.STARTED, {"dagster/partition": "2026-01-06"}
    )
    list(recompute_dirty(intake))
    first = dirty_tick(instance, intake)
    assert isinstance(first, SensorResult)
    assert days(instance) == ["2026-01-05", "2026-01-06", "a day that somebody wrote"]
    instance.report_run_failed(under_way)
    dirty_tick(instance, intake, first.cursor)
    assert days(instance) == ["2026-01-06"]


def test_a_day_that_is_dirty_exists_before_it_is_computed(
    drop: Drop, load: Load, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1, day="2004-02-28"), order(2, day="2004-03-01"), order(3, day="2031-12-24"))
    load()
    ticked = dirty_tick(instance, intake)
    assert isinstance(ticked, SensorResult)
    [request] = ticked.run_requests or []
    assert (request.tags[RANGE[0]], request.tags[RANGE[1]]) == ("2004-02-28", "2031-12-24")
    assert days(instance) == ["2004-02-28", "2004-03-01", "2031-12-24"]
    assert materialized(instance, "orders", "last_hour") == set()
    assert run("orders_windows", dict(request.tags)).success
    assert materialized(instance, "orders", "last_hour") == set(days(instance))


def test_a_dataset_may_name_the_first_day_that_is_a_partition(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    later = replace(intake.datasets["orders"], first_day=date(2026, 1, 1))
    house = replace(intake, datasets={**intake.datasets, "orders": later})
    drop("a.csv", *(order(n, day=day) for n, day in enumerate(FAR_APART)))
    job = build_definitions(intake=house).resolve_job_def("ingest")
    assert job.execute_in_process(instance=instance).success
    ticked = dirty_tick(instance, house)
    assert isinstance(ticked, SensorResult) and not ticked.run_requests
    assert days(instance) == FAR_APART[2:]
    assert materialized(instance, "orders", "last_hour") == set(FAR_APART[2:])
    seen = instance.fetch_observations(AssetKey(["orders", "last_hour"]), limit=9).records
    told = {str(record.event_log_entry.asset_observation.metadata["day"].value) for record in seen}  # type: ignore[union-attr]
    assert told == set(FAR_APART[:2])


def test_what_is_no_day_is_refused_in_words(run: Run, instance: DagsterInstance) -> None:
    assert failure(run("orders_windows", {"dagster/partition": "yesterday"})).endswith(
        "Days are written like 2026-11-16; no day has windows so far."
    )
    instance.add_dynamic_partitions("orders_days", ["1987-06-01", "2031-12-24"])
    for key in ("2026-02-30", "16.11.2026"):
        assert (
            failure(run("orders_windows", {"dagster/partition": key}))
            == f"dataset 'orders': {key!r} is no day. Days are written like 2026-11-16; "
            "2 days have windows, from 1987-06-01 to 2031-12-24."
        )


def test_a_day_without_rows_is_computed_and_said_to_have_nothing(
    drop: Drop, run: Run, instance: DagsterInstance
) -> None:
    assert run("orders_windows", {"dagster/partition": "2026-01-07"}).success
    drop("a.csv", order(1))
    run("ingest")
    assert run("orders_windows", {"dagster/partition": "2026-01-07"}).success
    assert said(instance, "last_hour", "2026-01-07") == ("No window starts on this day.", 0)
    assert days(instance) == ["2026-01-05"]


@pytest.mark.parametrize(
    ("keys", "moved"),
    [
        ("", ""),
        ("abc", ""),
        ("bcda", "bcd"),
        ("badc", "bcd"),
        ("acbd", "cd"),
        ("dcba", "bcd"),
    ],
)
def test_only_what_stands_before_an_earlier_day_is_moved(keys: str, moved: str) -> None:
    assert out_of_order(list(keys)) == list(moved)
    rest = [key for key in keys if key not in moved]
    assert out_of_order([*rest, *moved]) == []


def test_thousands_of_days_are_put_in_order_some_at_a_time(instance: DagsterInstance, intake: Intake) -> None:
    orders = intake.datasets["orders"]
    every = [date(2000, 1, 1) + timedelta(days=n) for n in range(6_000)]
    later = every[-MOVED_A_TICK - 20 :]
    make_days(instance, orders, {"last_hour": set(every) - {later[0]}})
    assert make_days(instance, orders, {"last_hour": set(every)}) == []
    assert days(instance)[-1] == later[0].isoformat()
    assert settle_days(instance, orders, {"last_hour": set(every)}) == ([], False)
    assert settle_days(instance, orders, {"last_hour": set(every)}) == ([], True)
    assert days(instance) == [day.isoformat() for day in every]


def test_assets_of_ones_own_depend_on_days_as_the_page_says(definitions: Definitions) -> None:
    page = (Path(__file__).parents[2] / "docs" / "windows-operations.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    found: dict[str, Any] = {}
    exec(compile(code, "page", "exec", dont_inherit=True), found)
    own = Definitions(assets=[found["revenue_of_a_day"], found["weather_and_revenue"]])
    graph = Definitions.merge(definitions, own).resolve_asset_graph()
    by_day, daily = AssetKey("revenue_of_a_day"), AssetKey(["orders", "daily_by_department"])
    assert graph.get(by_day).partitions_def == graph.get(daily).partitions_def
    assert isinstance(graph.get_partition_mapping(by_day, daily), IdentityPartitionMapping)
    assert isinstance(
        graph.get_partition_mapping(AssetKey("weather_and_revenue"), daily), AllPartitionMapping
    )
