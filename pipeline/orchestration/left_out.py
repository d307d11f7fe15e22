"""Datasets that wait, as Dagster shows them: an asset `<dataset>/broken` whose check `loads` has failed.

What belongs here: that asset, its check, and telling its verdict. What does not: finding out what is wrong (`contract.registry`).

The asset is there only while the dataset is not, so its check never says something that is over.
"""

from collections.abc import Sequence

from dagster import (
    AssetCheckEvaluation,
    AssetCheckKey,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    AssetSpec,
    DagsterInstance,
    MetadataValue,
    asset_check,
)

from pipeline.contract.registry import LeftOut
from pipeline.orchestration.bulk import tell_runless
from pipeline.orchestration.checks.verdicts import Verdict
from pipeline.orchestration.names import broken_key

LOADS = "loads"


def by_key(left_out: Sequence[LeftOut]) -> dict[AssetKey, LeftOut]:
    """Asset key → what it stands for. Modules of several folders may share a name: the second is `<name>_2`."""
    found: dict[AssetKey, LeftOut] = {}
    for one in left_out:
        key, number = broken_key(one.name), 2
        while key in found:
            key, number = broken_key(f"{one.name}_{number}"), number + 1
        found[key] = one
    return found


def broken_assets(left_out: Sequence[LeftOut]) -> list[AssetSpec]:
    """The assets that stand for datasets that wait."""
    return [
        AssetSpec(
            key,
            group_name=key.path[0],
            kinds={"broken"},
            description=f"{_said(one)}\n\n{_helps(one)}",
            metadata={"module": MetadataValue.path(one.place)},
        )
        for key, one in by_key(left_out).items()
    ]


def broken_checks(left_out: Sequence[LeftOut]) -> list[AssetChecksDefinition]:
    """Their checks, which fail whenever they are run."""
    return [_check(key, one) for key, one in by_key(left_out).items()]


def _check(key: AssetKey, one: LeftOut) -> AssetChecksDefinition:
    @asset_check(asset=key, name=LOADS, description="The dataset's declaration loads.")
    def loads() -> AssetCheckResult:
        return AssetCheckResult(**_verdict(one).on(key))

    return loads


def tell_broken(instance: DagsterInstance, left_out: Sequence[LeftOut]) -> None:
    """Have each of the checks shown as failed, where that is not what is shown already."""
    checks = {AssetCheckKey(key, LOADS): one for key, one in by_key(left_out).items()}
    storage = instance.event_log_storage
    shown = storage.get_latest_asset_check_execution_by_key(list(checks)) if checks else {}
    events = []
    for check, one in checks.items():
        record = shown.get(check)
        told = (
            record.event.asset_check_evaluation if record is not None and record.event is not None else None
        )
        if told is None or told.description != _said(one):
            events.append(AssetCheckEvaluation(**_verdict(one).on(check.asset_key)))
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


def _verdict(one: LeftOut) -> Verdict:
    told = {"module": MetadataValue.path(one.place), "remedy": one.error.remedy}
    return Verdict(LOADS, False, AssetCheckSeverity.ERROR, _said(one), told)
