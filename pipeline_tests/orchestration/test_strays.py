"""Files that lie in no dataset's folder are seen on `inbox` and in its check."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    DagsterInstance,
    Definitions,
    SensorResult,
    SkipReason,
    build_sensor_context,
)

from pipeline.intake import Intake, take_inbox
from pipeline.intake.inbox import meant_by
from pipeline.orchestration.sensors import evaluate_unknown_inbox
from pipeline_tests.orchestration.conftest import Drop, Run, order

CHECK = AssetCheckKey(AssetKey("inbox"), "known_folders")


def verdict(instance: DagsterInstance) -> tuple[bool, str, dict[str, Any]]:
    """What the check says last."""
    [record] = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=1)
    assert record.event is not None
    told = record.event.asset_check_evaluation
    assert told is not None
    return told.passed, str(told.description), {name: one.value for name, one in told.metadata.items()}


def times_told(instance: DagsterInstance) -> int:
    return len(instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=50))


def tick(
    instance: DagsterInstance, intake: Intake, cursor: str | None = None
) -> tuple[SensorResult | SkipReason, str | None]:
    context = build_sensor_context(instance=instance, cursor=cursor)
    return evaluate_unknown_inbox(context, intake, ["ingest"]), context.cursor


def test_a_tick_says_it_while_they_lie_there_and_until_they_are_gone(
    drop: Drop, instance: DagsterInstance, intake: Intake
) -> None:
    _, cursor = tick(instance, intake)
    assert verdict(instance)[:2] == (True, "every file lies in the folder of a dataset")
    path = drop("a.csv", order(1), folder="ordres")
    drop("loose.csv", order(1), folder=".")
    _, cursor = tick(instance, intake, cursor)
    known = "inbox/events/, inbox/orders/, inbox/sales/"
    assert verdict(instance)[:2] == (
        False,
        f"2 files lie in no dataset's folder: inbox/loose.csv; inbox/ordres/a.csv (did you mean inbox/orders/?). There are: {known}",
    )
    assert verdict(instance)[2]["known_folders"] == known
    [seen] = instance.fetch_observations(AssetKey("inbox"), limit=5).records
    assert "inbox/ordres/a.csv" in str(seen.event_log_entry.asset_observation.description)  # type: ignore[union-attr]
    before = times_told(instance)
    _, cursor = tick(instance, intake, cursor)
    assert times_told(instance) == before

    list(take_inbox(intake))  # both go to the quarantine, where they are seen, too
    _, cursor = tick(instance, intake, cursor)
    assert verdict(instance)[1].startswith(
        "2 files lie in no dataset's folder: quarantine/_inbox/loose.csv; quarantine/ordres/a.csv (did you mean inbox/orders/?)."
    )
    quarantine = intake.settings.quarantine
    (quarantine / "_inbox" / ".half-copied.tmp").touch()
    shutil.move(quarantine / "ordres" / "a.csv", intake.settings.inbox / "orders" / path.name)
    (quarantine / "_inbox" / "loose.csv").unlink()
    tick(instance, intake, cursor)
    assert verdict(instance)[0]


def test_a_run_of_the_ingest_job_says_it(drop: Drop, run: Run, instance: DagsterInstance) -> None:
    drop("a.csv", order(1), folder="order")
    assert run("ingest").success
    passed, text, shown = verdict(instance)
    assert not passed and "quarantine/order/a.csv (did you mean inbox/orders/?)" in text
    assert "| quarantine/order/a.csv | inbox/orders/ | quarantine |" in shown["which"]


def test_the_check_can_be_run_by_hand(
    drop: Drop, instance: DagsterInstance, definitions: Definitions
) -> None:
    job = definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection={CHECK})
    assert job.execute_in_process(instance=instance).success
    assert verdict(instance)[0]
    drop("b.csv", order(1), folder="nosuch")
    assert job.execute_in_process(instance=instance).success
    assert not verdict(instance)[0]


def test_a_folder_is_known_once_its_dataset_is(drop: Drop, instance: DagsterInstance, intake: Intake) -> None:
    drop("a.csv", order(1), folder="shop")
    list(take_inbox(intake))
    _, cursor = tick(instance, intake)
    assert not verdict(instance)[0]
    shop = replace(intake.datasets["orders"], name="shop")
    tick(instance, replace(intake, datasets={**intake.datasets, "shop": shop}), cursor)
    assert verdict(instance)[0]


@pytest.mark.parametrize(
    ("folder", "name", "meant"),
    [
        ("ordres", "a.csv", "orders"),
        ("Orders", "a.csv", "orders"),
        ("order", "a.csv", "orders"),
        ("orders 2026-11", "a.csv", "orders"),
        ("", "orders_2026-11-16.csv.gz", "orders"),
        ("", "SALES.xlsx", "sales"),
        ("", "export.csv", None),
        ("Bestellungen", "orders.csv", None),
        ("2026", "orders.csv", None),
    ],
)
def test_the_nearest_name_is_offered(intake: Intake, folder: str, name: str, meant: str | None) -> None:
    assert meant_by(intake, folder, name) == meant


def test_the_reason_beside_a_quarantined_file_offers_it_too(drop: Drop, intake: Intake) -> None:
    drop("a.csv", order(1), folder="ordres")
    [outcome] = take_inbox(intake)
    assert "Did you mean inbox/orders/? Drop it into one of" in str(outcome.entry.reason)
