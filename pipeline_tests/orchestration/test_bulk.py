"""Events stored together are stored as Dagster stores them one by one."""

from __future__ import annotations

from dagster import AssetKey, AssetMaterialization, AssetObservation, DagsterInstance

from pipeline.orchestration import bulk

KEY = AssetKey(["orders", "clean"])


def events(count: int) -> list[AssetMaterialization | AssetObservation]:
    told: list[AssetMaterialization | AssetObservation] = [
        AssetMaterialization(
            KEY,
            partition=f"{n}.csv",
            metadata={"dagster/row_count": n},
            tags={"dagster/data_version": f"v{n}"},
        )
        for n in range(count)
    ]
    return [*told, AssetObservation(KEY, partition="bad.csv", metadata={"reason": "empty"})]


def shown(instance: DagsterInstance) -> object:
    storage = instance.event_log_storage
    records = instance.fetch_materializations(KEY, limit=100).records
    [asset] = instance.get_asset_records([KEY])
    assert asset.asset_entry.last_materialization is not None
    return (
        sorted(storage.get_materialized_partitions(KEY)),
        [(r.partition_key, r.asset_materialization) for r in records],
        [r.event_log_entry.asset_observation for r in instance.fetch_observations(KEY, limit=9).records],
        asset.asset_entry.last_materialization.asset_materialization,
        asset.asset_entry.last_run_id,
    )


def test_many_events_look_as_if_told_one_by_one(instance: DagsterInstance) -> None:
    with DagsterInstance.ephemeral() as usual:
        for event in events(30):
            usual.report_runless_asset_event(event)
        bulk.tell_runless(instance, events(30))
        assert shown(instance) == shown(usual)


def test_the_index_of_data_versions_is_kept(instance: DagsterInstance) -> None:
    from dagster import DagsterEventType

    bulk.tell_runless(instance, events(30))
    found = instance.event_log_storage.get_latest_tags_by_partition(
        KEY,
        DagsterEventType.ASSET_MATERIALIZATION,
        tag_keys=["dagster/data_version"],
        asset_partitions=["7.csv"],
    )
    assert found == {"7.csv": {"dagster/data_version": "v7"}}
