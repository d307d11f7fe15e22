"""Telling Dagster of the checks of `<dataset>/clean`: their definitions, and what they say now as events.

What belongs here: what is looked at (the ledger, the quarantine, the error table: nothing of who did what), and which verdicts Dagster
lacks. What does not: the verdicts, and when they are told (`jobs`, `deliveries`, `reconcile`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSpec,
    AssetKey,
    DagsterInstance,
    EventLogRecord,
    multi_asset_check,
)
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecord

from pipeline.contract import Dataset
from pipeline.intake import Intake, corrected_by, files_in_quarantine, lying_in_quarantine
from pipeline.orchestration.checks.contract import contract_checks, judge_contract
from pipeline.orchestration.checks.verdicts import CHECKS, Verdict, judge
from pipeline.orchestration.names import clean_key
from pipeline.warehouse import Entry, Warehouse, WarehouseMissing
from pipeline.warehouse.ledger import CURRENT
from pipeline.warehouse.violations import CheckTotal, totals


def evaluations(
    instance: DagsterInstance,
    intake: Intake,
    datasets: Collection[str],
    warehouse: Warehouse | None = None,
) -> Iterator[AssetCheckEvaluation]:
    """What the checks of some datasets say now, as events, each about the latest materialization; nothing of datasets that are not
    declared, or to which no file ever came.

    Args:
        warehouse: looked into in place of the intake's.
    """
    for name in sorted(set(datasets) & intake.datasets.keys()):
        verdicts = verdicts_of_now(intake, intake.datasets[name], warehouse)
        latest = _latest(instance, clean_key(name)) if verdicts else None
        for verdict in verdicts:
            yield AssetCheckEvaluation(
                **verdict.on(clean_key(name)),
                target_materialization_data=latest
                and AssetCheckEvaluationTargetMaterializationData(
                    storage_id=latest.storage_id, run_id=latest.run_id, timestamp=latest.timestamp
                ),
            )


def not_told(instance: DagsterInstance, now: Sequence[AssetCheckEvaluation]) -> list[AssetCheckEvaluation]:
    """Those of the evaluations that Dagster lacks: the latest of the check says something else, or is about an earlier
    materialization, for which Dagster shows the check as not evaluated."""
    known = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [one.asset_check_key for one in now]
    )
    return [one for one in now if not _says(known.get(one.asset_check_key), one)]


def _says(record: AssetCheckExecutionRecord | None, now: AssetCheckEvaluation) -> bool:
    told = None if record is None else record.evaluation
    if record is None or told is None:
        return False
    said = (told.passed, told.severity, told.description, told.metadata)
    if said != (now.passed, now.severity, now.description, now.metadata):
        return False
    target = now.target_materialization_data
    if target is None or record.run_id == target.run_id:
        return True
    known = told.target_materialization_data
    return known is not None and known.storage_id == target.storage_id


def _latest(instance: DagsterInstance, key: AssetKey) -> EventLogRecord | None:
    return next(iter(instance.fetch_materializations(key, limit=1).records), None)


def judged(intake: Intake, entries: Sequence[Entry]) -> list[Entry]:
    """The entries whose figures count: in place of a correction, which has none, the deliveries that it has corrected."""
    named = {entry.id: entry for entry in corrected_by(intake, entries)}
    own = {entry.id: entry for entry in entries if not (entry.is_correction and entry.status in CURRENT)}
    return list((own | named).values())


def checks_of(dataset: Dataset) -> AssetChecksDefinition:
    """The checks as Dagster lists them; run by hand they say the same as when a run or a sensor tells them: what is true now."""
    described = CHECKS | {check.name: check.description for check in contract_checks(dataset)}
    specs = [
        AssetCheckSpec(name, asset=clean_key(dataset.name), description=description)
        for name, description in described.items()
    ]

    @multi_asset_check(
        name=f"{dataset.name}_checks", specs=specs, can_subset=True, required_resource_keys={"intake"}
    )
    def run_checks(context: AssetCheckExecutionContext) -> Iterable[AssetCheckResult]:
        intake: Intake = context.op_execution_context.resources.intake
        chosen = {key.name for key in context.selected_asset_check_keys}
        for verdict in _judged_now(intake, dataset, intake.warehouse)[1]:
            if verdict.check in chosen:
                yield AssetCheckResult(**verdict.on(clean_key(dataset.name)))

    return run_checks


def verdicts_of_now(intake: Intake, dataset: Dataset, warehouse: Warehouse | None = None) -> list[Verdict]:
    """What the checks of a dataset say of the deliveries that are loaded, what is wrong with their rows, and the refused files that lie in
    the quarantine; nothing where no file ever came."""
    came, verdicts = _judged_now(intake, dataset, warehouse or intake.warehouse)
    return verdicts if came else []


def _judged_now(intake: Intake, dataset: Dataset, warehouse: Warehouse) -> tuple[bool, list[Verdict]]:
    """Whether a file ever came, and the verdicts."""
    loaded: list[Entry] = []
    refused: list[Entry] = []
    counted: list[CheckTotal] = []
    came = False
    try:
        with warehouse.session(read_only=True) as session:
            found = session.entries(dataset.name, statuses=CURRENT)
            loaded = [entry for entry in found if not entry.is_correction]
            refused = session.refused(dataset.name)
            came = bool(found or refused or session.entries(dataset.name, limit=1))
            if any(entry.violations for entry in loaded):
                counted = totals(session.connection, dataset.name)
    except WarehouseMissing:
        pass  # there is nothing to look at yet
    lying = lying_in_quarantine(intake, refused)
    left_over = len(set(files_in_quarantine(intake, dataset.name)) - lying.keys())
    there = list(lying.values())
    verdicts = judge(dataset, loaded, there, left_over)
    return came, [*verdicts, *judge_contract(contract_checks(dataset), loaded, counted, there)]
