"""Events stored together are stored as Dagster stores them one by one."""

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterInstance,
    OpExecutionContext,
    Output,
    job,
    op,
)

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


def test_outcomes_of_checks_are_stored_as_if_told_one_by_one(instance: DagsterInstance) -> None:
    told = [
        AssetCheckEvaluation(KEY, f"c{n}", passed=n % 2 == 0, metadata={"violations": n}, description="x")
        for n in range(30)
    ]
    with DagsterInstance.ephemeral() as usual:
        for event in told:
            usual.report_runless_asset_event(event)
        bulk.tell_runless(instance, told)

        def stored(of: DagsterInstance, check: str) -> object:
            [record] = of.event_log_storage.get_asset_check_execution_history(
                AssetCheckKey(KEY, check), limit=9
            )
            assert record.event is not None and record.event.dagster_event is not None
            return record.status, record.run_id, record.event.dagster_event.asset_check_evaluation_data

        for n in (0, 7, 29):
            assert stored(instance, f"c{n}") == stored(usual, f"c{n}")


@op
def one_by_one(context: OpExecutionContext):  # type: ignore[no-untyped-def]
    yield from of_a_run()
    yield Output(None)


@op
def together(context: OpExecutionContext):  # type: ignore[no-untyped-def]
    yield from bulk.tell(context, of_a_run())
    yield Output(None)


@job
def telling() -> None:
    one_by_one()
    together()


def of_a_run() -> list[AssetMaterialization | AssetObservation | AssetCheckEvaluation]:
    return [
        AssetMaterialization(KEY, partition="a.csv"),
        AssetMaterialization(KEY, partition="b.csv", description="A duplicate of a.csv."),
        AssetObservation(KEY, partition="c.csv", description="quarantined"),
        AssetCheckEvaluation(KEY, "quarantine", passed=False, description="1 delivery was quarantined"),
        AssetCheckEvaluation(KEY, "reconciliation", passed=True),
    ]


def test_the_events_of_a_run_over_one_file_are_stored_at_once_and_say_what_dagster_says(
    instance: DagsterInstance,
) -> None:
    done = telling.execute_in_process(instance=instance)
    said: dict[str, list[tuple[str, str | None]]] = {"one_by_one": [], "together": []}
    for record in instance.get_records_for_run(done.run_id).records:
        event = record.event_log_entry.dagster_event
        if event is not None and event.step_key is not None and event.event_type_value.startswith("ASSET_"):
            said[event.step_key].append((event.event_type_value, event.message))
    assert said["together"] == said["one_by_one"] and len(said["together"]) == len(of_a_run())
    through_dagster = [e.step_key for e in done.all_events if e.event_type_value.startswith("ASSET_")]
    assert through_dagster == ["one_by_one"] * len(of_a_run())
