"""A dataset that cannot be loaded, in Dagster: it is shown as broken, and stops none of the others."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    DagsterInstance,
    Definitions,
    build_sensor_context,
    define_asset_job,
)

from pipeline.intake import Intake, open_intake
from pipeline.orchestration.build import build_definitions
from pipeline.orchestration.sensors import evaluate_inbox, evaluate_unknown_inbox
from pipeline.settings import Settings
from pipeline_tests.declaring import BROKEN, HEAD, ROWS, dataset, declare

SOME = ["syntax", "exit", "declaration", "twice"]
CHECK = AssetCheckKey(AssetKey(["mid", "broken"]), "loads")


def house_of(home: Path, **sources: str) -> Intake:
    place = declare(home / "declared", **sources)
    made = open_intake(Settings(home=home, settle_seconds=0, datasets=str(place)))
    made.make_folders()
    return made


def drop(home: Path, *folders: str) -> None:
    for folder in folders:
        (home / "inbox" / folder).mkdir(parents=True, exist_ok=True)
        (home / "inbox" / folder / "a.csv").write_text(ROWS)


def definitions_of(house: Intake) -> Definitions:
    made = build_definitions(intake=house)
    Definitions.validate_loadable(made)
    return made


@pytest.mark.parametrize("kind", SOME)
def test_the_definitions_load_and_show_it_as_broken(home: Path, kind: str) -> None:
    house = house_of(home, aaa=HEAD + dataset("aaa"), mid=BROKEN[kind])
    repository = definitions_of(house).get_repository_def()
    keys = {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()}
    assert {one for one in keys if one.startswith("mid/")} == {"mid/broken"}
    assert {"aaa/clean", "aaa/daily", "orders/clean"} <= keys
    assert {"aaa_inbox", "orders_inbox", "dirty_windows"} <= {one.name for one in repository.sensor_defs}
    shown = repository.asset_graph.get(CHECK.asset_key)
    assert str(home / "declared" / "mid.py") in (shown.description or "") and shown.group_name == "mid"
    assert CHECK in repository.asset_graph.asset_check_keys


@pytest.mark.parametrize("name", ["my-data", "wörter", "a.b", "2026", "class"])
def test_a_module_whose_datasets_are_not_known_is_shown_by_its_own_name(home: Path, name: str) -> None:
    house = house_of(home, **{name: HEAD + "1 / 0\n"})
    keys = definitions_of(house).get_repository_def().asset_graph.get_all_asset_keys()
    (shown,) = [key.path[0] for key in keys if key.path[-1] == "broken"]
    assert shown.isascii() and len(shown) == len(name)


@pytest.mark.parametrize("name", ["Orders 2", "größe", ""])
def test_a_name_that_no_dataset_may_have_is_shown_too(home: Path, name: str) -> None:
    house = house_of(home, mid=HEAD + dataset("mid").replace("'mid'", repr(name), 1))
    assert [one.name for one in house.left_out] == [name or "mid"]
    definitions_of(house)


def test_two_modules_of_one_name_are_both_shown(home: Path, tmp_path: Path) -> None:
    places = [declare(tmp_path / folder, common="1 / 0\n") for folder in ("north", "south")]
    house = open_intake(Settings(home=home, settle_seconds=0, datasets=":".join(map(str, places))))
    keys = definitions_of(house).get_repository_def().asset_graph.get_all_asset_keys()
    assert {AssetKey(["common", "broken"]), AssetKey(["common_2", "broken"])} <= keys


@pytest.mark.parametrize("kind", ["exit", "declaration"])
def test_the_ingest_job_takes_the_others_and_fails_at_its_end_by_name(
    home: Path, instance: DagsterInstance, kind: str
) -> None:
    house = house_of(home, aaa=HEAD + dataset("aaa"), mid=BROKEN[kind])
    drop(home, "aaa", "mid")
    done = (
        definitions_of(house)
        .resolve_job_def("ingest")
        .execute_in_process(instance=instance, raise_on_error=False)
    )
    assert not done.success and (home / "inbox" / "mid" / "a.csv").is_file()
    with house.warehouse.session() as session:
        assert session.query("SELECT count(*) FROM windows.aaa_daily").item() == 2
        assert [entry.dataset for entry in session.entries()] == ["aaa"]
    told = {event.asset_key for event in done.all_events if event.is_step_materialization}
    assert {AssetKey(["aaa", "clean"]), AssetKey(["aaa", "daily"])} <= told
    failed = next(event for event in done.all_events if event.is_step_failure)
    said = str(failed.step_failure_data.error)
    assert "dataset mid is left as it is" in said and str(home / "declared" / "mid.py") in said


def test_its_check_is_shown_as_failed_and_its_folder_is_no_unknown_one(
    home: Path, instance: DagsterInstance
) -> None:
    house = house_of(home, aaa=HEAD + dataset("aaa"), mid=BROKEN["import"])
    drop(home, "aaa", "mid")
    for _ in range(2):  # told once
        done = evaluate_unknown_inbox(build_sensor_context(instance=instance), house, ["ingest"])
        assert "dataset mid is left as it is" in str(getattr(done, "skip_message", ""))
    history = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=10)
    assert [one.status.value for one in history] == ["FAILED"]
    drop(home, "stray")
    done = evaluate_unknown_inbox(build_sensor_context(instance=instance), house, ["ingest"])
    (request,) = done.run_requests
    assert request.run_config == {"datasets": ["stray"]}
    tick = evaluate_inbox(build_sensor_context(instance=instance), house, house.datasets["aaa"])
    assert len(tick.run_requests) == 1


def test_a_run_over_a_stray_folder_alone_does_not_fail_for_a_dataset_that_waits(
    home: Path, instance: DagsterInstance
) -> None:
    house = house_of(home, mid=BROKEN["import"])
    drop(home, "mid", "stray")
    job = definitions_of(house).resolve_job_def("ingest")
    done = job.execute_in_process(instance=instance, run_config={"datasets": ["stray"]}, raise_on_error=False)
    assert done.success and (home / "inbox" / "mid" / "a.csv").is_file()
    assert not (home / "inbox" / "stray" / "a.csv").exists()


def test_the_check_says_what_is_wrong_when_it_is_run(home: Path, instance: DagsterInstance) -> None:
    house = house_of(home, mid=BROKEN["declaration"])
    made = definitions_of(house)
    job = define_asset_job("look", selection=AssetSelection.checks(CHECK))
    done = (
        Definitions.merge(made, Definitions(jobs=[job]))
        .resolve_job_def("look")
        .execute_in_process(instance=instance)
    )
    (verdict,) = done.get_asset_check_evaluations()
    assert not verdict.passed and "names a column 'nope'" in (verdict.description or "")
