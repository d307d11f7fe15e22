"""Backfills as Dagster's page launches them: the page's mutation, then the daemon's own code until they have ended."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, AssetRecordsFilter, DagsterInstance, DagsterRunStatus
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, BulkActionStatus
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster_graphql.test.utils import execute_dagster_graphql

from pipeline.intake import open_intake
from pipeline.orchestration.asked import RANGE_END, RANGE_START
from pipeline.orchestration.days import settle_days
from pipeline.settings import Settings
from pipeline_tests.orchestration.conftest import materialized

DAYS = ["1987-06-01", "2004-02-29", "2026-11-16", "2026-11-17", "2031-01-01"]
"""The days that are partitions: they need not follow each other, nor be of our time."""

SHOP = """
from datetime import datetime
import pandera.polars as pa
from pipeline.contract import Dataset, Sliding, Total, Tumbling, agg

class Sale(pa.DataFrameModel):
    sale_id: int
    amount: float
    sold_at: datetime

shop = Dataset(
    "shop",
    schema=Sale,
    key=["sale_id"],
    event_time="sold_at",
    windows=[
        Tumbling("daily", every="1d", measures={"revenue": agg.sum("amount")}),
        Sliding("last_hour", size="1h", every="30m", measures={"sales": agg.count()}),
        Total("overall", measures={"revenue": agg.sum("amount")}),
    ],
)
"""

LOADED = """
from pathlib import Path
from pipeline.orchestration.build import build_definitions
from pipeline.settings import Settings

defs = build_definitions(settings=Settings(home=Path({home!r}), datasets={datasets!r}, settle_seconds=0))
"""

LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on PartitionKeysNotFoundError { message }
  }
}
"""

LAUNCH_RUN = """
mutation ($executionParams: ExecutionParams!) {
  launchPipelineExecution(executionParams: $executionParams) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""

STATUSES = """
query ($key: [String!]!) {
  assetNodeOrError(assetKey: {path: $key}) {
    ... on AssetNode {
      assetPartitionStatuses {
        ... on DefaultPartitionStatuses { materializedPartitions failedPartitions }
      }
    }
  }
}
"""

INSTANCE = {
    "telemetry": {"enabled": False},
    "run_launcher": {
        "module": "dagster._core.launcher.sync_in_memory_run_launcher",
        "class": "SyncInMemoryRunLauncher",
    },
    "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
}


@dataclass(frozen=True)
class Page:
    """What the page and the daemon share."""

    context: WorkspaceProcessContext
    inbox: Path
    datasets: Path

    @property
    def instance(self) -> DagsterInstance:
        return self.context.instance

    def launch(self, *assets: str, **chosen: Any) -> str:
        """Launch a backfill; its id."""
        selection = [{"path": ["shop", name]} for name in assets]
        params = {"assetSelection": selection, "tags": [], "fromFailure": False, **chosen}
        answer = execute_dagster_graphql(
            self.context.create_request_context(), LAUNCH, {"params": params}
        ).data["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        return str(answer["backfillId"])

    def backfill(self, *assets: str, fails: bool = False, **chosen: Any) -> list[dict[str, str]]:
        """Launch a backfill, follow it to its end; the tags of its runs, oldest first."""
        return self.follow(self.launch(*assets, **chosen), fails=fails)

    def follow(self, identity: str, *, fails: bool = False) -> list[dict[str, str]]:
        """Follow a backfill to its end; the tags of its runs, oldest first."""
        for _ in range(10):
            errors = execute_backfill_iteration(self.context, logging.getLogger("backfills"))
            assert [error.message for error in errors if error is not None] == []
            backfill = self.instance.get_backfill(identity)
            assert backfill is not None
            if backfill.status in BULK_ACTION_TERMINAL_STATUSES:
                break
        runs = [run for run in self.instance.get_runs() if run.tags.get("dagster/backfill") == identity]
        if fails:
            assert backfill.status == BulkActionStatus.COMPLETED_FAILED
            assert {run.status for run in runs} == {DagsterRunStatus.FAILURE}
        else:
            assert backfill.status == BulkActionStatus.COMPLETED_SUCCESS, backfill.error
            assert {run.status for run in runs} == {DagsterRunStatus.SUCCESS}
        return [dict(run.tags) for run in reversed(runs)]

    def told(self, asset: str) -> set[str]:
        """The partitions that are materialized."""
        return materialized(self.instance, "shop", asset)

    def statuses(self, asset: str) -> dict[str, list[str]]:
        """The partitions of deliveries as the page shows them: failed ones and materialized ones."""
        node = execute_dagster_graphql(
            self.context.create_request_context(), STATUSES, {"key": ["shop", asset]}
        ).data["assetNodeOrError"]
        found = node["assetPartitionStatuses"]
        return {name: sorted(found[f"{name}Partitions"]) for name in ("failed", "materialized")}

    @property
    def location(self) -> str:
        """The name of the code location."""
        [name] = self.context.create_request_context().code_location_names
        return name

    def latest(self, window: str, day: str) -> Any:
        """The run of the latest materialization of a day, and the rows that it tells of."""
        wanted = AssetRecordsFilter(AssetKey(["shop", window]), asset_partitions=[day])
        [latest] = self.instance.fetch_materializations(wanted, limit=1).records
        assert latest.asset_materialization is not None
        return latest.run_id, latest.asset_materialization.metadata["rows"].value

    def rows_of(self, window: str, day: str) -> Any:
        """The rows that the latest materialization of a day tells of."""
        return self.latest(window, day)[1]

    def result(self, delivery: str) -> str:
        """What the latest materialization of a delivery says that it came to."""
        wanted = AssetRecordsFilter(AssetKey(["shop", "clean"]), asset_partitions=[delivery])
        [latest] = self.instance.fetch_materializations(wanted, limit=1).records
        assert latest.asset_materialization is not None
        return str(latest.asset_materialization.metadata["result"].value)

    def failure(self) -> str:
        """What the step says that made the latest run fail."""
        [latest] = self.instance.get_runs(limit=1)
        [step] = [
            entry.get_dagster_event()
            for entry in self.instance.all_logs(latest.run_id)
            if entry.is_dagster_event and entry.get_dagster_event().is_step_failure
        ]
        return str(step.step_failure_data.user_failure_data.description)  # type: ignore[union-attr]

    def drop(self, name: str, day: str) -> None:
        (self.inbox / name).write_text(f"sale_id,amount,sold_at\n{name[0]},2.50,{day} 10:00:00\n")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("backfills")
    (folder / "datasets").mkdir()
    (folder / "dagster").mkdir()
    inbox = folder / "home" / "inbox" / "shop"
    inbox.mkdir(parents=True)
    (folder / "datasets" / "shop.py").write_text(SHOP)
    loaded = folder / "loaded.py"
    loaded.write_text(LOADED.format(home=str(folder / "home"), datasets=str(folder / "datasets")))
    target = LoadableTargetOrigin(
        executable_path=sys.executable, python_file=str(loaded), working_directory=str(folder)
    )
    with (
        DagsterInstance.local_temp(str(folder / "dagster"), overrides=INSTANCE) as instance,
        WorkspaceProcessContext(
            instance, InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(target))
        ) as context,
    ):
        instance.add_dynamic_partitions("shop_days", DAYS)
        yield Page(context, inbox, folder / "datasets")


def test_days_of_a_window_are_one_run(page: Page) -> None:
    [tags] = page.backfill("daily", partitionNames=DAYS[:3])
    assert (tags[RANGE_START], tags[RANGE_END]) == (DAYS[0], DAYS[2])
    assert page.told("daily") == set(DAYS[:3])
    assert page.told("last_hour") == set()


def test_days_that_do_not_follow_each_other(page: Page) -> None:
    assert len(page.backfill("last_hour", partitionNames=[DAYS[0], DAYS[2]])) == 2
    assert page.told("last_hour") == {DAYS[0], DAYS[2]}


def test_several_windows_are_one_run(page: Page) -> None:
    [tags] = page.backfill("daily", "last_hour", partitionNames=DAYS[3:])
    assert (tags[RANGE_START], tags[RANGE_END]) == (DAYS[3], DAYS[4])
    assert page.told("daily") >= set(DAYS[3:]) <= page.told("last_hour")


def test_all_days_and_a_total_of_a_dataset_without_rows(page: Page) -> None:
    runs = page.backfill("daily", "last_hour", "overall", allPartitions=True)
    assert [RANGE_START in tags for tags in runs].count(True) == 1
    assert page.told("daily") == page.told("last_hour") >= set(DAYS)
    latest = page.instance.get_latest_materialization_event(AssetKey(["shop", "overall"]))
    assert latest is not None and latest.asset_materialization is not None
    assert latest.asset_materialization.metadata["rows"].value == 0


def test_a_day_that_is_put_in_its_place_has_the_status_that_it_had(page: Page) -> None:
    earlier = "1970-01-01"
    page.instance.add_dynamic_partitions("shop_days", [earlier])
    before = page.statuses("daily")["materialized"]
    house = open_intake(Settings(home=page.inbox.parents[1], datasets=str(page.datasets)))
    there = {"daily": {date.fromisoformat(day) for day in [*DAYS, earlier]}}
    assert settle_days(page.instance, house.datasets["shop"], there) == ([], True)
    assert page.instance.get_dynamic_partitions("shop_days") == [earlier, *DAYS]
    assert page.statuses("daily")["materialized"] == before == DAYS
    assert settle_days(
        page.instance, house.datasets["shop"], {"daily": there["daily"] - {date(1970, 1, 1)}}
    ) == (
        [earlier],
        True,
    )
    assert page.statuses("daily")["materialized"] == DAYS


def test_days_stay_while_a_backfill_is_under_way(page: Page) -> None:
    identity = page.launch("daily", partitionNames=DAYS[:1])
    house = open_intake(Settings(home=page.inbox.parents[1], datasets=str(page.datasets)))
    there = {"daily": {date.fromisoformat(DAYS[1])}}
    assert settle_days(page.instance, house.datasets["shop"], there) == ([], False)
    page.follow(identity)
    assert page.instance.get_dynamic_partitions("shop_days") == DAYS


def test_deliveries_and_the_windows_below_them(page: Page) -> None:
    page.drop("1.csv", DAYS[0])
    page.drop("2.csv", DAYS[3])
    page.instance.add_dynamic_partitions("shop_deliveries", ["1.csv", "2.csv"])
    runs = page.backfill(
        "clean", "errors", "daily", "last_hour", "overall", partitionNames=["1.csv", "2.csv"]
    )
    assert (runs[0][RANGE_START], runs[0][RANGE_END]) == ("1.csv", "2.csv")
    # The first run has computed the two days that the deliveries touch; the others are left.
    ranges = [(tags[RANGE_START], tags[RANGE_END]) for tags in runs[1:] if RANGE_START in tags]
    assert sorted(ranges) == [(DAYS[1], DAYS[2]), (DAYS[4], DAYS[4])]
    assert page.told("clean") == page.told("errors") == {"1.csv", "2.csv"}
    for day, rows in ((DAYS[0], 1), (DAYS[1], 0), (DAYS[3], 1)):
        assert page.rows_of("daily", day) == rows


def test_a_range_of_days_is_one_run_that_is_launched_at_once(page: Page) -> None:
    params = {
        "selector": {
            "repositoryLocationName": page.location,
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": ["shop", "daily"]}, {"path": ["shop", "last_hour"]}],
            "assetCheckSelection": [],
        },
        "mode": "default",
        "runConfigData": "",
        "executionMetadata": {
            "tags": [{"key": RANGE_START, "value": DAYS[1]}, {"key": RANGE_END, "value": DAYS[3]}]
        },
    }
    before = {day: page.latest("daily", day) for day in DAYS}
    answer = execute_dagster_graphql(
        page.context.create_request_context(), LAUNCH_RUN, {"executionParams": params}
    ).data["launchPipelineExecution"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    run = page.instance.get_run_by_id(answer["run"]["runId"])
    assert run is not None and run.status == DagsterRunStatus.SUCCESS
    assert [day for day in DAYS if page.latest("daily", day) != before[day]] == DAYS[1:4]


def test_a_day_that_has_no_windows_cannot_be_chosen(page: Page) -> None:
    params = {
        "assetSelection": [{"path": ["shop", "daily"]}],
        "partitionNames": ["2026-11-18"],
        "tags": [],
        "fromFailure": False,
    }
    answer = execute_dagster_graphql(page.context.create_request_context(), LAUNCH, {"params": params}).data[
        "launchPartitionBackfill"
    ]
    assert answer["__typename"] == "PartitionKeysNotFoundError"
    assert "2026-11-18" in answer["message"]


def test_deliveries_that_are_in_the_archive_by_now(page: Page) -> None:
    page.drop("3.csv", DAYS[1])
    page.instance.add_dynamic_partitions("shop_deliveries", ["3.csv"])
    page.backfill("clean", "errors", partitionNames=["3.csv"])
    assert list(page.inbox.iterdir()) == []
    page.backfill("clean", "errors", partitionNames=["3.csv"])
    assert "3.csv" in page.told("clean")


def test_a_quarantined_delivery_is_a_failed_partition_and_a_duplicate_says_what_it_is(page: Page) -> None:
    page.drop("4.csv", DAYS[2])
    (page.inbox / "5.csv").write_bytes((page.inbox / "4.csv").read_bytes())
    (page.inbox / "6.csv").write_text("")
    names = ["4.csv", "5.csv", "6.csv"]
    page.instance.add_dynamic_partitions("shop_deliveries", names)
    page.backfill("clean", "errors", partitionNames=names, fails=True)
    for asset in ("clean", "errors"):
        told = page.statuses(asset)
        assert told["failed"] == ["6.csv"]
        assert {"4.csv", "5.csv"} <= set(told["materialized"])
    wanted = AssetRecordsFilter(AssetKey(["shop", "clean"]), asset_partitions=["5.csv"])
    [duplicate] = page.instance.fetch_materializations(wanted, limit=1).records
    assert duplicate.asset_materialization is not None
    assert "duplicate" in str(duplicate.asset_materialization.description)
    assert "4.csv" in str(duplicate.asset_materialization.metadata["reason"].value)
    wanted = AssetRecordsFilter(AssetKey(["shop", "clean"]), asset_partitions=["6.csv"])
    [refused] = page.instance.fetch_observations(wanted, limit=1).records
    assert refused.event_log_entry.asset_observation is not None
    assert "empty" in str(refused.event_log_entry.asset_observation.metadata["reason"].value)


def test_a_quarantined_delivery_can_be_materialized_again(page: Page) -> None:
    page.backfill("clean", "errors", partitionNames=["6.csv"], fails=True)
    assert "6.csv: quarantined for empty; quarantined before for empty" in page.failure()
    assert page.statuses("clean")["failed"] == ["6.csv"]
    quarantined = page.inbox.parents[1] / "quarantine" / "shop" / "6.csv"
    quarantined.write_text(f"sale_id,amount,sold_at\n7,1.00,{DAYS[0]} 10:00:00\n")
    page.backfill("clean", "errors", partitionNames=["6.csv"])
    assert page.result("6.csv") == "loaded 1 of 1 row; quarantined before for empty"
    assert page.statuses("clean")["failed"] == []
    assert list(quarantined.parent.iterdir()) == []


def test_a_duplicate_can_be_materialized_again(page: Page) -> None:
    page.backfill("clean", "errors", partitionNames=["5.csv"])
    assert page.result("5.csv").startswith("nothing changed: the same bytes are loaded as delivery '4.csv'")


def test_a_delivery_whose_file_is_nowhere_says_so_and_keeps_no_other_from_being_taken(page: Page) -> None:
    (page.inbox / "8.csv").write_text("")
    page.drop("9.csv", DAYS[2])
    page.instance.add_dynamic_partitions("shop_deliveries", ["8.csv", "9.csv"])
    page.backfill("clean", "errors", partitionNames=["8.csv"], fails=True)
    (page.inbox.parents[1] / "quarantine" / "shop" / "8.csv").unlink()
    page.backfill("clean", "errors", partitionNames=["8.csv", "9.csv"], fails=True)
    told = page.failure()
    assert "original shop/8.csv cannot be read again: the file of shop/8.csv was quarantined (" in told
    assert "any more. Send it again." in told
    assert "9.csv" in page.told("clean")
    page.backfill("clean", "errors", partitionNames=["8.csv"], fails=True)
    assert "Send it again." in page.failure()


def test_a_quarantined_delivery_that_comes_mended_fills_its_partition(page: Page) -> None:
    (page.inbox / "10.csv").write_text("")
    page.instance.add_dynamic_partitions("shop_deliveries", ["10.csv"])
    page.backfill("clean", "errors", partitionNames=["10.csv"], fails=True)
    assert page.statuses("clean")["failed"] == ["10.csv", "8.csv"]
    page.drop("10.csv", DAYS[2])
    page.backfill("clean", "errors", partitionNames=["10.csv"])
    assert page.statuses("clean")["failed"] == ["8.csv"]
    assert "10.csv" in page.statuses("clean")["materialized"]
