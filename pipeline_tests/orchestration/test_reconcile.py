"""Dagster shows what is true now, whoever did what."""

from __future__ import annotations

import asyncio
import platform
import uuid
from datetime import UTC, date, datetime

import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetMaterialization,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    build_sensor_context,
)
from dagster._core.loader import LoadingContextForTest

from pipeline.intake import Intake, recompute_dirty, replay, take_inbox
from pipeline.orchestration import reconcile
from pipeline.orchestration.checks.contract import contract_checks
from pipeline.orchestration.checks.verdicts import CHECKS
from pipeline.orchestration.names import (
    ABANDONED_TAG,
    COMMITTED_TAG,
    WORKER_TAG,
    clean_key,
    errors_key,
    mark,
    mark_of,
)
from pipeline.orchestration.reconcile import compare
from pipeline.orchestration.sensors import evaluate_inbox, evaluate_unknown_inbox
from pipeline_tests.orchestration.conftest import Drop, Run, order
from pipeline_tests.orchestration.test_contract_checks import state
from pipeline_tests.orchestration.test_ingest_job import materialized
from pipeline_tests.sending_back import write_back

CLEAN, DAILY = clean_key("orders"), AssetKey(["orders", "daily_by_department"])
SALES_HEADER = "department,product,quantity,amount\n"


def tick(instance: DagsterInstance, intake: Intake, cursor: str | None = None) -> str | None:
    """One tick of the dataset's sensor; its cursor."""
    context = build_sensor_context(instance=instance, cursor=cursor)
    return evaluate_inbox(context, intake, intake.datasets["orders"]).cursor


def on_the_command_line(intake: Intake, run_id: str | None = None) -> None:
    list(take_inbox(intake, run_id=run_id))
    list(recompute_dirty(intake))


def not_evaluated(instance: DagsterInstance, intake: Intake) -> list[str]:
    """Checks that Dagster's page shows as not evaluated, for their asset was materialized since."""
    names = [*CHECKS, *(check.name for check in contract_checks(intake.datasets["orders"]))]
    keys = [AssetCheckKey(CLEAN, name) for name in names]
    known = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    context = LoadingContextForTest(instance)
    return [
        key.name
        for key in keys
        if key not in known or not asyncio.run(known[key].targets_latest_materialization(context))
    ]


def told(instance: DagsterInstance, key: AssetKey) -> list[AssetMaterialization]:
    """All materializations, newest first."""
    records = instance.fetch_materializations(key, limit=500).records
    return [one.asset_materialization for one in records if one.asset_materialization is not None]


def rows_shown(instance: DagsterInstance, key: AssetKey) -> object:
    """What Dagster's page shows as the asset's row count."""
    return told(instance, key)[0].metadata["dagster/row_count"].value


def rows_of(intake: Intake, table: str) -> object:
    return intake.warehouse.query(f"SELECT count(*) AS n FROM {table}")["n"][0]


def test_work_on_the_command_line_leaves_no_check_behind(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1))
    run("ingest")
    cursor = tick(instance, intake)
    drop("b.csv", order(2), order(3, amount="oops"))
    drop("bad.csv", header="")
    on_the_command_line(intake)
    cursor = tick(instance, intake, cursor)
    assert not_evaluated(instance, intake) == []
    assert state(instance, "amount__type")[1]["worst"] == "b.csv: 1"
    assert state(instance, "reconciliation")[1]["deliveries"] == 2
    assert state(instance, "quarantine")[0] == "FAILED"

    drop("c.csv", order(4))
    run("ingest")
    assert not_evaluated(instance, intake) == []
    assert state(instance, "amount__type")[1]["worst"] == "b.csv: 1"
    assert state(instance, "quarantine")[0] == "FAILED"


def test_what_is_told_is_told_once(drop: Drop, run: Run, instance: DagsterInstance, intake: Intake) -> None:
    drop("a.csv", order(1), order(2, amount="oops"))
    run("ingest")
    for cursor in (None, None, tick(instance, intake)):
        tick(instance, intake, cursor)
    key = AssetCheckKey(CLEAN, "amount__type")
    assert len(instance.event_log_storage.get_asset_check_execution_history(key, limit=9)) == 1
    assert [len(told(instance, one)) for one in (CLEAN, errors_key("orders"), DAILY)] == [1, 1, 1]


def test_rows_that_were_corrected_are_no_violations_any_more(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1), order(2, amount="oops"), order(3, amount="oops"))
    on_the_command_line(intake)
    cursor = tick(instance, intake)
    assert (state(instance, "amount__type")[1]["violations"], rows_shown(instance, CLEAN)) == (2, 1)
    for left, number in ((1, 2), (0, 3)):
        path = intake.settings.inbox / "orders" / f"{number}.csv"
        write_back(intake, path, lambda row, n=number: {"amount": "5"} if row.row == n else {})
        on_the_command_line(intake)
        cursor = tick(instance, intake, cursor)
        assert state(instance, "amount__type")[1]["violations"] == left
        assert rows_shown(instance, CLEAN) == 3 - left
        assert not_evaluated(instance, intake) == []
    assert (state(instance, "amount__type")[0], state(instance, "error_rate")[0]) == ("SUCCEEDED",) * 2


def test_rows_that_a_replay_has_let_pass_are_counted_as_what_they_are_now(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1), order(1, amount="7"))
    on_the_command_line(intake)
    cursor = tick(instance, intake)
    assert (state(instance, "order_id__unique")[0], rows_shown(instance, CLEAN)) == ("FAILED", 1)
    with intake.warehouse.session() as session:
        # As if the row that has the key were gone, with nobody to notice.
        session.connection.execute("UPDATE clean.orders SET order_id = 99")
    replay(intake, "orders")
    tick(instance, intake, cursor)
    assert (state(instance, "order_id__unique")[0], rows_shown(instance, CLEAN)) == ("SUCCEEDED", 2)
    assert not_evaluated(instance, intake) == []


@pytest.mark.parametrize(
    "way", ["taken out by hand", "the folder is gone", "mended under its name", "loaded"]
)
def test_refused_files_count_while_they_lie_in_the_quarantine(
    drop: Drop, instance: DagsterInstance, intake: Intake, way: str
) -> None:
    drop("good.csv", order(1))
    drop("bad.csv", header="")
    on_the_command_line(intake)
    cursor = tick(instance, intake)
    assert state(instance, "quarantine")[1]["quarantined"] == 1
    folder = intake.settings.quarantine / "orders"
    if way == "loaded":
        drop("bad.csv", order(2))
        on_the_command_line(intake)
    elif way == "mended under its name":
        (folder / "bad.csv").write_text("still bad")
    else:
        (folder / "bad.csv").unlink()
        if way == "the folder is gone":
            (folder / "bad.csv.reason.json").unlink()
            folder.rmdir()
    tick(instance, intake, cursor)
    passed, said = state(instance, "quarantine")
    assert (passed, said["quarantined"]) == (
        ("FAILED", 1) if way == "mended under its name" else ("SUCCEEDED", 0)
    )
    assert said.get("other_files_there") == (1 if way == "loaded" else None)
    assert not_evaluated(instance, intake) == []


def test_the_row_count_of_an_asset_is_that_of_its_table(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    for name, numbers in (("a.csv", (1, 2, 3)), ("b.csv", (4,)), ("c.csv", (5, 6))):
        drop(name, *map(order, numbers), order(9, amount="oops"))
        run("ingest")
        assert rows_shown(instance, CLEAN) == rows_of(intake, "clean.orders")
        assert rows_shown(instance, errors_key("orders")) == rows_of(intake, "errors.orders")
    newest = told(instance, CLEAN)[0].metadata
    assert (newest["dagster/partition_row_count"].value, newest["dagster/row_count"].value) == (2, 6)
    drop("d.csv", order(10, day="2026-01-06"))
    run("ingest")
    assert rows_shown(instance, DAILY) == rows_of(intake, "windows.orders_daily_by_department") == 2
    assert told(instance, DAILY)[0].metadata["dagster/partition_row_count"].value == 1


@pytest.mark.parametrize(("gone", "left"), [("_delivery = 'a.csv'", 1), ("true", 0)])
def test_the_row_count_follows_rows_that_went_without_a_delivery(
    drop: Drop, instance: DagsterInstance, intake: Intake, gone: str, left: int
) -> None:
    drop("a.csv", order(1), order(2))
    drop("b.csv", order(3))
    on_the_command_line(intake)
    cursor = tick(instance, intake)
    with intake.warehouse.session() as session:
        session.connection.execute(f"DELETE FROM clean.orders WHERE {gone}")
        session.connection.execute("DELETE FROM windows.orders_daily_by_department")
    tick(instance, intake, cursor)
    assert (rows_shown(instance, CLEAN), rows_shown(instance, DAILY)) == (left, 0)
    before = len(told(instance, CLEAN))
    tick(instance, intake)
    assert len(told(instance, CLEAN)) == before


def test_windows_that_were_computed_without_dagster_are_told_once(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1), order(2, day="2026-01-06"))
    drop("s.csv", "toys,ball,1,2.00\n", folder="sales", header=SALES_HEADER)
    on_the_command_line(intake)
    cursor = tick(instance, intake)
    assert materialized(instance, "orders", "daily_by_department") == {"2026-01-05", "2026-01-06"}
    assert instance.get_dynamic_partitions("orders_days") == ["2026-01-05", "2026-01-06"]
    compare(instance, intake, "sales")
    [total] = told(instance, AssetKey(["sales", "by_department"]))
    assert (total.partition, total.metadata["dagster/row_count"].value) == (None, 1)

    tick(instance, intake, cursor)
    tick(instance, intake)  # a lost cursor tells nothing twice
    compare(instance, intake, "sales")
    assert len(told(instance, DAILY)) == 2
    assert len(told(instance, AssetKey(["sales", "by_department"]))) == 1

    drop("b.csv", order(3, day="2026-01-06"))
    on_the_command_line(intake)
    tick(instance, intake, cursor)
    assert [one.partition for one in told(instance, DAILY)][:-2] == ["2026-01-06"]


def test_windows_that_a_run_has_told_are_not_told_again(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1), order(2, day="2026-01-06"))
    run("ingest")
    tick(instance, intake)
    assert len(told(instance, DAILY)) == 2


@pytest.mark.parametrize("page", [1, 2, 5, 50])
def test_many_days_are_told_some_at_a_time(
    drop: Drop, instance: DagsterInstance, intake: Intake, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(reconcile, "WINDOWS_A_TICK", page)
    drop("a.csv", *(order(n, day=f"2026-01-{n:02}") for n in range(1, 6)))
    on_the_command_line(intake)
    windows = len(intake.datasets["orders"].time_windows)
    seq, places, calls = 0, {}, 0
    while True:
        done = compare(instance, intake, "orders", seq, places)
        seq, places, calls = done.seq, done.windows, calls + 1
        assert done.computed <= page
        if done.complete:
            break
    assert sorted(one.partition or "" for one in told(instance, DAILY)) == [
        f"2026-01-{n:02}" for n in range(1, 6)
    ]
    assert -(-5 * windows // page) <= calls <= -(-5 * windows // page) + windows
    assert rows_shown(instance, DAILY) == 5


def test_windows_of_a_run_under_way_are_left_to_it_for_a_while(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    at_work = DagsterRun(
        job_name="ingest",
        run_id=str(uuid.uuid4()),
        status=DagsterRunStatus.STARTED,
    )
    instance.add_run(at_work)
    instance.add_run_tags(at_work.run_id, {WORKER_TAG: mark(at_work.run_id, "x:1:1")})
    drop("a.csv", order(1))
    on_the_command_line(intake)
    done = compare(instance, intake, "orders")
    assert (done.computed, done.complete) == (0, False)
    instance.report_run_failed(at_work)
    done = compare(instance, intake, "orders", done.seq, done.windows)
    assert (done.computed, done.complete) == (2, True)


def killed_run(instance: DagsterInstance) -> DagsterRun:
    run_id = str(uuid.uuid4())
    gone = {WORKER_TAG: mark(run_id, f"{platform.node()}:{2**22 + 1}:1")}
    return instance.add_run(
        DagsterRun(job_name="ingest", run_id=run_id, status=DagsterRunStatus.STARTED, tags=gone)
    )


def said_on(instance: DagsterInstance, run_id: str) -> tuple[str | None, list[str]]:
    """The mark on a run, and what its engine events say of commits."""
    run = instance.get_run_by_id(run_id)
    assert run is not None
    events = instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
    words = [one.dagster_event.message or "" for one in events if one.dagster_event is not None]
    return mark_of(run, COMMITTED_TAG) or None, [text for text in words if text.startswith("committed")]


@pytest.mark.parametrize("who", ["us", "Dagster", "a person"])
def test_a_run_that_was_killed_after_its_commit_says_what_it_has_committed(
    drop: Drop, instance: DagsterInstance, intake: Intake, who: str
) -> None:
    run = killed_run(instance)
    drop("a.csv", order(1))
    drop("b.csv", order(2), order(3, amount="oops"))
    on_the_command_line(intake, run.run_id)
    if who == "us":
        evaluate_unknown_inbox(build_sensor_context(instance=instance), intake, ["ingest"])
    elif who == "Dagster":
        instance.report_run_failed(run, "Run worker failed")
    else:
        instance.report_run_canceled(run)
    cursor = tick(instance, intake)
    assert materialized(instance, "orders", "clean") == {"a.csv", "b.csv"}
    assert materialized(instance, "orders", "daily_by_department") == {"2026-01-05"}
    assert not_evaluated(instance, intake) == []
    mark, [words] = said_on(instance, run.run_id)
    how = "canceled" if who == "a person" else "killed"
    assert mark == "2"
    assert words.startswith(
        f"committed 2 deliveries before it was {how}: orders/a.csv (loaded), orders/b.csv (partial)."
    )
    evaluate_unknown_inbox(build_sensor_context(instance=instance), intake, ["ingest"])
    tick(instance, intake, cursor)
    tick(instance, intake)
    assert len(said_on(instance, run.run_id)[1]) == 1


def test_a_run_that_was_killed_when_all_was_told_says_so_too_and_one_without_a_commit_says_nothing(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    told_all, nothing = killed_run(instance), killed_run(instance)
    drop("a.csv", order(1))
    on_the_command_line(intake, told_all.run_id)
    reconcile.report_missing(instance, intake, "orders", 0)
    for _ in range(2):
        evaluate_unknown_inbox(build_sensor_context(instance=instance), intake, ["ingest"])
    mark, words = said_on(instance, told_all.run_id)
    assert (mark, len(words)) == ("1", 1)
    assert said_on(instance, nothing.run_id) == (None, [])
    ended = instance.get_run_by_id(nothing.run_id)
    assert ended is not None and ended.tags[ABANDONED_TAG] == "looked up"


def test_a_run_that_ended_well_or_is_unknown_is_not_marked(
    drop: Drop, run: Run, instance: DagsterInstance, intake: Intake
) -> None:
    drop("a.csv", order(1))
    done = run("ingest")
    drop("b.csv", order(2))
    on_the_command_line(intake, "a run of another instance")
    tick(instance, intake)
    assert said_on(instance, done.run_id) == (None, [])


def test_computed_days_are_found_by_when_they_changed(drop: Drop, intake: Intake) -> None:
    drop("a.csv", order(1, day="2026-01-07"), order(2, day="2026-01-05"))
    on_the_command_line(intake)
    with intake.warehouse.session(read_only=True) as session:
        beginning = datetime.min.replace(tzinfo=UTC).replace(tzinfo=None)
        found = session.computed_after("orders", "daily_by_department", beginning)
        assert [(one.day, one.rows) for one in found] == [(date(2026, 1, 5), 1), (date(2026, 1, 7), 1)]
        at = found[0].at
        behind = session.computed_after("orders", "daily_by_department", at, date(2026, 1, 5))
        assert [one.day for one in behind] == [date(2026, 1, 7)]
        assert session.computed_after("orders", "daily_by_department", found[-1].at, found[-1].day) == []
