"""What Dagster is told."""

from __future__ import annotations

from pathlib import Path

from dagster import AssetKey, DefaultScheduleStatus, DefaultSensorStatus, Definitions

from pipeline.orchestration.build import build_definitions
from pipeline.settings import Settings


def test_the_names_that_people_use_are_there(definitions: Definitions) -> None:
    repository = definitions.get_repository_def()
    assert sorted(key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()) == [
        "events/clean", "events/errors", "events/inbox", "events/last_minute", "inbox",
        "orders/clean", "orders/daily_by_department", "orders/errors", "orders/inbox", "orders/last_hour",
        "sales/by_department", "sales/clean", "sales/errors", "sales/inbox",
    ]  # fmt: skip
    assert sorted(set(repository.job_names) - {"__ASSET_JOB"}) == [
        "events_ingest", "events_windows", "ingest", "orders_ingest", "orders_windows", "retention", "sales_ingest",
        "sales_windows", "verify_windows",
    ]  # fmt: skip
    assert sorted(sensor.name for sensor in repository.sensor_defs) == [
        "dirty_windows", "events_inbox", "orders_inbox", "sales_inbox", "unknown_inbox",
    ]  # fmt: skip
    assert sorted(schedule.name for schedule in repository.schedule_defs) == [
        "events_nightly_verification", "events_nightly_windows", "orders_nightly_verification", "orders_nightly_windows",
        "sales_nightly_verification",
    ]  # fmt: skip


def test_everything_that_watches_starts_as_running(definitions: Definitions) -> None:
    repository = definitions.get_repository_def()
    assert all(sensor.default_status == DefaultSensorStatus.RUNNING for sensor in repository.sensor_defs)
    assert all(item.default_status == DefaultScheduleStatus.RUNNING for item in repository.schedule_defs)


def test_lineage_runs_from_the_inbox_over_the_clean_table_to_the_windows(definitions: Definitions) -> None:
    graph = definitions.get_repository_def().asset_graph
    assert graph.get(AssetKey(["orders", "clean"])).parent_keys == {AssetKey(["orders", "inbox"])}
    assert graph.get(AssetKey(["orders", "errors"])).parent_keys == {AssetKey(["orders", "inbox"])}
    for window in (["orders", "last_hour"], ["sales", "by_department"]):
        assert graph.get(AssetKey(window)).parent_keys == {AssetKey([window[0], "clean"])}


def test_tables_show_their_columns_and_where_those_come_from(definitions: Definitions) -> None:
    graph = definitions.get_repository_def().asset_graph
    clean = graph.get(AssetKey(["orders", "clean"])).metadata
    amount = next(c for c in clean["dagster/column_schema"].columns if c.name == "amount")
    assert amount.type.startswith("decimal")
    assert amount.constraints.nullable is False
    window = graph.get(AssetKey(["orders", "daily_by_department"])).metadata
    [source] = window["dagster/column_lineage"].deps_by_column["revenue"]
    assert (source.asset_key, source.column_name) == (AssetKey(["orders", "clean"]), "amount")


def test_loading_writes_nothing(tmp_path: Path) -> None:
    build_definitions(settings=Settings(home=tmp_path / "home"))
    assert not (tmp_path / "home").exists()


def test_a_wrong_dataset_is_shown_with_its_name_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "import pandera.polars as pa\nfrom pipeline.contract import Dataset\n"
        "class Row(pa.DataFrameModel):\n    a: int\n"
        "broken = Dataset('broken', schema=Row, key=['b'])\n"
    )
    made = build_definitions(settings=Settings(home=tmp_path, datasets=str(tmp_path)))
    told = made.get_repository_def().asset_graph.get(AssetKey(["broken", "broken"])).description or ""
    assert "key: names a column 'b'" in told and "It has: a." in told


def test_a_resource_can_be_replaced(definitions: Definitions, settings: Settings) -> None:
    stand_in = object()
    made = build_definitions(settings=settings, resource_overrides={"intake": stand_in})
    assert made.resources is not None and made.resources["intake"] is stand_in
