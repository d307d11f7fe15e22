"""The sensors against a real instance."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    SensorResult,
    SkipReason,
    build_sensor_context,
)

from pipeline.contract import Reference
from pipeline.files import scan_inbox
from pipeline.intake import Intake, take_inbox
from pipeline.orchestration import history, reconcile, sensors
from pipeline.orchestration.history import end_abandoned_runs
from pipeline.orchestration.inbox_state import InboxState
from pipeline.orchestration.names import QUARANTINED_TAG, WINDOWS_FAILED_TAG, WORKER_TAG, mark
from pipeline.orchestration.plans import ATTEMPTS, Try
from pipeline.orchestration.schedules import nightly_requests
from pipeline.orchestration.sensors import evaluate_dirty_windows, evaluate_inbox, evaluate_unknown_inbox
from pipeline_tests.orchestration.conftest import RANGE, Drop, Load, Run, add_run, materialized, order


def tick(instance: DagsterInstance, intake: Intake, cursor: str | None = None) -> SensorResult:
    context = build_sensor_context(instance=instance, cursor=cursor)
    return evaluate_inbox(context, intake, intake.datasets["orders"])


def dirty_tick(
    instance: DagsterInstance, intake: Intake, cursor: str | None = None
) -> SensorResult | SkipReason:
    return evaluate_dirty_windows(build_sensor_context(instance=instance, cursor=cursor), intake)


def register(instance: DagsterInstance, result: SensorResult) -> None:
    for request in result.dynamic_partitions_requests or []:
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))


def test_waiting_files_are_registered_and_asked_for(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    drop("b.csv", order(1))
    drop("a.csv", order(2))
    result = tick(instance, intake)
    [added] = result.dynamic_partitions_requests or []
    assert list(added.partition_keys) == ["a.csv", "b.csv"]
    [request] = result.run_requests or []
    assert request.job_name == "orders_ingest"
    assert (request.tags[RANGE[0]], request.tags[RANGE[1]]) == ("a.csv", "b.csv")


def test_one_file_is_asked_for_by_its_partition(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1))
    [request] = tick(instance, intake).run_requests or []
    assert request.partition_key == "a.csv"


def test_a_file_that_comes_to_rest_while_a_sensor_looks_is_asked_for_at_once(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    house = replace(intake, settings=intake.settings.model_copy(update={"settle_seconds": 0.3}))
    drop("of-another.csv", folder="sales")
    assert not tick(instance, house).run_requests  # nor is it waited for
    for name in ("a.csv", "sub/b.csv", "c.zip"):
        path = drop(name, order(1))
        [request] = tick(instance, house).run_requests or []
        assert request.partition_key == name
        path.unlink()


def test_a_file_that_takes_long_to_come_to_rest_is_looked_at_again_at_the_next_tick(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1))
    house = replace(intake, settings=intake.settings.model_copy(update={"settle_seconds": 60.0}))
    began = time.perf_counter()
    assert not tick(instance, house).run_requests
    assert time.perf_counter() - began < 2


def test_files_wait_for_those_of_a_dataset_that_theirs_refers_to_but_not_for_ever(
    drop: Drop, instance: DagsterInstance, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    referring = replace(intake.datasets["orders"], references=[Reference("order_id", "sales", "order_id")])
    house = replace(intake, datasets={**intake.datasets, "orders": referring})
    drop("a.csv", order(1))
    first = drop("first.csv", folder="sales")

    def asked() -> tuple[int, str]:
        result = evaluate_inbox(build_sensor_context(instance=instance), house, referring)
        skipped = result.skip_reason.skip_message if result.skip_reason else ""
        return len(result.run_requests or []), skipped or ""

    assert asked() == (0, "Files of sales are taken first, which orders refers to.")
    assert tick(instance, intake).run_requests
    later = time.time() + 3_600
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: later)
        assert asked() == (1, "")
    first.unlink()
    assert asked() == (1, "")


def test_a_file_is_not_asked_for_twice_while_a_run_is_under_way(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1))
    first = tick(instance, intake)
    register(instance, first)
    add_run(instance, "orders_ingest", DagsterRunStatus.STARTED, {"dagster/partition": "a.csv"})
    assert not tick(instance, intake, first.cursor).run_requests


def test_the_files_of_a_failed_run_are_asked_for_again_under_another_key(
    drop: Drop, instance: DagsterInstance, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("a.csv", order(1))
    first = tick(instance, intake)
    register(instance, first)
    run = add_run(instance, "orders_ingest", DagsterRunStatus.STARTED, {"dagster/partition": "a.csv"})
    instance.report_run_failed(run)
    second = tick(instance, intake, first.cursor)
    assert not second.run_requests
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    third = tick(instance, intake, second.cursor)
    [again] = third.run_requests or []
    assert again.run_key != (first.run_requests or [])[0].run_key
    assert InboxState.read(third.cursor, later).tries["a.csv"].attempts == 1


def test_what_the_command_line_committed_is_reported_to_dagster(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1))
    drop("bad.csv", header="")
    list(take_inbox(intake))
    result = tick(instance, intake)
    assert instance.get_dynamic_partitions("orders_deliveries") == ["a.csv", "bad.csv"]
    assert materialized(instance, "orders", "clean") == {"a.csv"}
    assert materialized(instance, "orders", "errors") == {"a.csv"}
    tick(instance, intake, result.cursor)
    tick(instance, intake)  # a lost cursor tells nothing twice
    assert len(instance.fetch_materializations(AssetKey(["orders", "clean"]), limit=9).records) == 1
    assert len(instance.fetch_observations(AssetKey(["orders", "clean"]), limit=9).records) == 1


def test_what_a_run_reported_is_not_reported_again(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1))
    run("ingest")
    tick(instance, intake)
    assert len(instance.fetch_materializations(AssetKey(["orders", "clean"]), limit=9).records) == 1


def test_entries_of_a_run_under_way_have_time_to_be_reported_by_it(drop: Drop, intake: Intake) -> None:
    drop("a.csv", order(1))
    [outcome] = list(take_inbox(intake, run_id="at work"))
    now = datetime.now(UTC).replace(tzinfo=None)
    assert reconcile.settled([outcome.entry], 0, {"at work"}, now).entries == ()
    assert reconcile.settled([outcome.entry], 0, set(), now).seq == outcome.entry.seq
    assert (
        reconcile.settled([outcome.entry], 0, {"at work"}, now + timedelta(minutes=5)).seq
        == outcome.entry.seq
    )


def test_a_warehouse_in_use_is_no_failure(
    drop: Drop, instance: DagsterInstance, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("a.csv", order(1))
    list(take_inbox(intake))
    monkeypatch.setattr(reconcile, "_PATIENCE", 0.05)
    with duckdb.connect(str(intake.settings.warehouse)):
        # DuckDB refuses a second configuration of an open file in one process as it refuses another process
        pass
    from pipeline.warehouse.connection import connected

    with connected(intake.warehouse._opening):
        import threading

        found: list[object] = []
        thread = threading.Thread(
            target=lambda: found.extend([tick(instance, intake), dirty_tick(instance, intake)])
        )
        thread.start()
        thread.join()
    assert isinstance(found[0], SensorResult) and "compared later" in str(found[0].skip_reason)
    assert isinstance(found[1], SkipReason)


def test_files_in_unknown_folders_are_handed_to_the_ingest_job(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1))
    context = build_sensor_context(instance=instance)
    assert isinstance(evaluate_unknown_inbox(context, intake, ["ingest"]), SkipReason)
    drop("x.csv", order(1), folder="nosuch")
    drop("loose.csv", order(1), folder=".")
    result = evaluate_unknown_inbox(context, intake, ["ingest"])
    assert isinstance(result, SensorResult)
    [request] = result.run_requests or []
    assert (request.job_name, request.run_config) == ("ingest", {"datasets": ["", "nosuch"]})


def test_dirty_days_are_asked_for_until_they_are_clean(
    drop: Drop, load: Load, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1, day="2026-01-05"), order(2, day="2026-01-06"))
    load()
    result = dirty_tick(instance, intake)
    assert isinstance(result, SensorResult)
    spans = [
        (r.job_name, r.partition_key or (r.tags[RANGE[0]], r.tags[RANGE[1]]))
        for r in result.run_requests or []
    ]
    assert spans == [("orders_windows", ("2026-01-05", "2026-01-06"))]
    run("orders_windows", dict((result.run_requests or [])[0].tags))
    clean = dirty_tick(instance, intake, result.cursor)
    assert not getattr(clean, "run_requests", None)


def test_totals_are_asked_for_too(drop: Drop, load: Load, instance: DagsterInstance, intake: Intake) -> None:
    drop("s.csv", "toys,ball,1,2.00\n", folder="sales", header="department,product,quantity,amount\n")
    load()
    result = dirty_tick(instance, intake)
    assert isinstance(result, SensorResult)
    assert [request.job_name for request in result.run_requests or []] == ["sales_windows"]


def test_dirty_days_wait_while_a_run_covers_them_and_after_a_failure(
    drop: Drop, load: Load, instance: DagsterInstance, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("a.csv", order(1, day="2026-01-05"))
    load()
    under_way = add_run(
        instance, "orders_windows", DagsterRunStatus.STARTED, {"dagster/partition": "2026-01-05"}
    )
    waiting = dirty_tick(instance, intake)
    assert isinstance(waiting, SensorResult) and not waiting.run_requests
    instance.report_run_failed(under_way)
    resting = dirty_tick(instance, intake)
    assert isinstance(resting, SensorResult) and not resting.run_requests
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    again = dirty_tick(instance, intake)
    assert isinstance(again, SensorResult) and again.run_requests


def test_windows_are_left_to_the_run_that_touches_them_if_it_is_the_only_one(
    drop: Drop, load: Load, instance: DagsterInstance, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop("a.csv", order(1, day="2026-01-05"))
    load()
    began = time.time()
    since = json.dumps({"since": {"orders": began}})

    def asked(seconds: float) -> bool:
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: began + seconds)
            return bool(getattr(dirty_tick(instance, intake, since), "run_requests", None))

    add_run(instance, "orders_ingest", DagsterRunStatus.STARTED, {})
    assert [asked(seconds) for seconds in (5, 60, 3_600)] == [False, False, True]
    add_run(instance, "orders_ingest", DagsterRunStatus.STARTED, {})
    assert [asked(seconds) for seconds in (5, 60)] == [False, True]


def test_runs_whose_process_is_gone_are_ended(instance: DagsterInstance) -> None:
    import platform

    nobody = f"{platform.node()}:{2**22 + 1}:1"
    gone = add_run(instance, "ingest", DagsterRunStatus.STARTED, {})
    instance.add_run_tags(gone.run_id, {WORKER_TAG: mark(gone.run_id, nobody)})
    # One that is executed again has the tags of the run before, and no process of its own yet.
    again = add_run(instance, "ingest", DagsterRunStatus.STARTING, {WORKER_TAG: mark(gone.run_id, nobody)})
    fresh = add_run(instance, "ingest", DagsterRunStatus.STARTED, {})
    assert end_abandoned_runs(instance, ["ingest"]) == [gone.run_id]
    ended = instance.get_run_by_id(gone.run_id)
    assert ended is not None and ended.status == DagsterRunStatus.FAILURE
    still = [instance.get_run_by_id(run.run_id) for run in (again, fresh)]
    assert [run.status for run in still if run] == [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]


@pytest.mark.parametrize("tag", [QUARANTINED_TAG, WINDOWS_FAILED_TAG])
def test_a_mark_that_was_copied_from_another_run_does_not_count(instance: DagsterInstance, tag: str) -> None:
    first = add_run(instance, "orders_ingest", DagsterRunStatus.STARTED, {})
    instance.add_run_tags(first.run_id, {tag: mark(first.run_id, "1")})
    instance.report_run_failed(first)
    assert history.failures_in_a_row(instance, "orders_ingest")[0] == 0
    again = add_run(instance, "orders_ingest", DagsterRunStatus.STARTED, {tag: mark(first.run_id, "1")})
    instance.report_run_failed(again)
    assert history.failures_in_a_row(instance, "orders_ingest")[0] == 1


def test_what_the_sensor_remembers_survives_its_cursor() -> None:
    state = InboxState(7, "stamp", 12.5, ("run",), {"ä b.csv": Try("landing", 2, 9.0)}, "by")
    assert InboxState.read(state.write(), 0.0) == state


def given_up(instance: DagsterInstance, intake: Intake) -> SensorResult:
    """The tick after so many failed runs that a file is left alone."""
    first = tick(instance, intake)
    register(instance, first)
    state = InboxState.read(first.cursor, time.time())
    waiting = {"a.csv": Try(_landing(intake), ATTEMPTS, time.time())}
    result = tick(instance, intake, replace(state, tries=waiting).write())
    assert not result.run_requests and "left alone" in str(result.skip_reason)
    return tick(instance, intake, result.cursor)


def _landing(intake: Intake) -> str:
    (file,) = scan_inbox(intake.settings.inbox, 0).waiting
    return sensors._short(file.landing)


MENDED = ["the table", "the code location", "nothing"]


@pytest.mark.parametrize("what", MENDED)
def test_a_file_that_was_left_alone_is_tried_again_once_what_kept_it_is_mended(
    drop: Drop, instance: DagsterInstance, intake: Intake, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with intake.warehouse.session():
        pass
    drop("a.csv", order(1))
    still = given_up(instance, intake)
    assert not still.run_requests
    if what == "the table":
        with duckdb.connect(str(intake.settings.warehouse)) as connection:
            connection.execute("ALTER TABLE clean.orders ADD COLUMN more INTEGER")
    elif what == "the code location":
        monkeypatch.setattr(sensors, "_LOADED", "another process")
    seen = tick(instance, intake, still.cursor)
    requests = tick(instance, intake, seen.cursor).run_requests or []
    assert len(requests) == (what != "nothing")


def test_the_night_recomputes_the_days_of_the_last_week_that_have_windows(
    intake: Intake, instance: DagsterInstance
) -> None:
    orders, today = intake.datasets["orders"], datetime(2026, 3, 10, tzinfo=UTC).date()
    assert nightly_requests(instance, orders, today) == []
    instance.add_dynamic_partitions("orders_days", ["2026-03-03", "2026-03-04", "2026-03-09", "2026-03-11"])
    [request] = nightly_requests(instance, orders, today)
    assert (request.tags[RANGE[0]], request.tags[RANGE[1]]) == ("2026-03-04", "2026-03-09")
    instance.add_dynamic_partitions("orders_days", ["2026-03-06"])
    assert [r.partition_key for r in nightly_requests(instance, orders, today)] == [None, "2026-03-06"]


def test_a_thousand_known_files_are_evaluated_at_once(instance: DagsterInstance, intake: Intake) -> None:
    with intake.warehouse.session() as session:
        session.connection.execute(
            """INSERT INTO ops.deliveries (id, delivery, dataset, file_name, sha256, bytes, rows_read, rows_clean,
                   rows_rejected, rows_filtered, violations, status, seconds, committed_at, seq)
               SELECT i, 'f' || i, 'orders', 'f' || i, i, 1, 1, 1, 0, 0, 0, 'loaded', 0.1, now()::TIMESTAMP, i
               FROM (SELECT i::VARCHAR AS i FROM range(1, 401) t(i))"""
        )
    cursor = None
    for _ in range(4):
        cursor = tick(instance, intake, cursor).cursor
    assert len(materialized(instance, "orders", "clean")) == 400
    began = time.perf_counter()
    result = tick(instance, intake, cursor)
    assert not result.run_requests and result.cursor == cursor
    assert time.perf_counter() - began < 2
