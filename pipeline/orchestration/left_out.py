"""Datasets that wait, as Dagster shows them: an asset `<dataset>/broken` whose check `loads` has failed.

What belongs here: that asset, its check, and telling its verdict. What does not: finding out what is wrong (`contract.registry`).

The asset is there only while the dataset is not, so its check never says something that is over.
"""

from collections.abc import Sequence
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetKey,
    AssetSpec,
    DagsterInstance,
    MetadataValue,
    asset_check,
)

from pipeline.contract.registry import LeftOut
from pipeline.orchestration.bulk import tell_runless
from pipeline.orchestration.names import broken_key

LOADS = "loads"


def broken_asset(one: LeftOut) -> AssetSpec:
    """The asset that stands for a dataset that waits."""
    return AssetSpec(
        broken_key(one.name),
        group_name=one.name if one.known and one.name.isidentifier() else None,
        kinds={"broken"},
        description=f"{_said(one)}\n\n{_helps(one)}",
        metadata={"module": MetadataValue.path(one.place)},
    )


def broken_check(one: LeftOut) -> AssetChecksDefinition:
    """Its check, which fails whenever it is run."""

    @asset_check(asset=broken_key(one.name), name=LOADS, description="The dataset's declaration loads.")
    def loads() -> AssetCheckResult:
        return AssetCheckResult(passed=False, description=_said(one), metadata=_metadata(one))

    return loads


def tell_broken(instance: DagsterInstance, left_out: Sequence[LeftOut]) -> None:
    """Have each of the checks shown as failed, where that is not what is shown already."""
    keys = {one.name: AssetCheckKey(broken_key(one.name), LOADS) for one in left_out}
    shown = (
        instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys.values()))
        if keys
        else {}
    )
    events = []
    for one in left_out:
        record = shown.get(keys[one.name])
        told = (
            record.event.asset_check_evaluation if record is not None and record.event is not None else None
        )
        if told is None or told.description != _said(one):
            events.append(
                AssetCheckEvaluation(
                    asset_key=AssetKey(broken_key(one.name).path),
                    check_name=LOADS,
                    passed=False,
                    description=_said(one),
                    metadata=_metadata(one),
                )
            )
    tell_runless(instance, events)


def _said(one: LeftOut) -> str:
    what = f"Dataset {one.name} waits" if one.known else f"Module {one.name} does not load"
    return f"{what}: {one.cause.rstrip('.')}. {one.error.remedy}"


def _helps(one: LeftOut) -> str:
    waits = (
        f"Files in `inbox/{one.name}/` stay there"
        if one.known
        else "Files in folders of no known dataset stay in the inbox"
    )
    return f"{waits} until it is mended and the code location is reloaded (Deployment → Reload). All other datasets go on."


def _metadata(one: LeftOut) -> dict[str, Any]:
    return {"module": MetadataValue.path(one.place), "remedy": one.error.remedy}
