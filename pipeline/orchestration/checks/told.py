"""Telling Dagster of the checks: their definitions, and a run's verdicts as events.

What belongs here: which deliveries are judged, and when. What does not: the verdicts.
"""

from collections.abc import Iterable, Iterator, Sequence

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSpec,
    multi_asset_check,
)

from pipeline.contract import Dataset
from pipeline.intake import Intake, corrected_by
from pipeline.orchestration.asked import keys_in, registered, span_of
from pipeline.orchestration.checks.contract import contract_checks, judge_contract
from pipeline.orchestration.checks.verdicts import CHECKS, Verdict, judge
from pipeline.orchestration.names import clean_key
from pipeline.warehouse import Entry, WarehouseMissing
from pipeline.warehouse.ledger import CURRENT
from pipeline.warehouse.violations import CheckTotal, totals

_JUDGED = (*CURRENT, "quarantined")


def evaluations(intake: Intake, entries: Iterable[Entry]) -> Iterator[AssetCheckEvaluation]:
    """The verdicts over a run's deliveries as events, per dataset; the error table is asked once, if there is any violation."""
    by_dataset: dict[str, list[Entry]] = {}
    for entry in judged(intake, list(entries)):
        # Duplicates say nothing about quality.
        if entry.dataset in intake.datasets and entry.status in _JUDGED:
            by_dataset.setdefault(entry.dataset, []).append(entry)
    for name, of_dataset in by_dataset.items():
        for verdict in _verdicts(intake, intake.datasets[name], of_dataset):
            yield AssetCheckEvaluation(
                asset_key=clean_key(name),
                check_name=verdict.check,
                passed=verdict.passed,
                severity=verdict.severity,
                description=verdict.description,
                metadata=verdict.metadata,
            )


def judged(intake: Intake, entries: Sequence[Entry]) -> list[Entry]:
    """The entries whose figures count: in place of a correction, which has none, the deliveries that it has corrected."""
    named = {entry.id: entry for entry in corrected_by(intake, entries)}
    own = {entry.id: entry for entry in entries if not (entry.is_correction and entry.status in CURRENT)}
    return list((own | named).values())


def checks_of(dataset: Dataset) -> AssetChecksDefinition:
    """The checks as Dagster lists them; run by hand they judge the deliveries that are in the table now.

    A run that commits deliveries reports the verdicts itself, whether or not these steps are part of it.
    """
    described = CHECKS | {check.name: check.description for check in contract_checks(dataset)}
    specs = [
        AssetCheckSpec(name, asset=clean_key(dataset.name), description=description)
        for name, description in described.items()
    ]

    @multi_asset_check(
        name=f"{dataset.name}_checks", specs=specs, can_subset=True, required_resource_keys={"intake"}
    )
    def run_checks(context: AssetCheckExecutionContext) -> Iterable[AssetCheckResult]:
        op = context.op_execution_context
        intake: Intake = op.resources.intake
        entries = _entries_of_now(intake, dataset.name)
        span = span_of(op.run.tags)
        if span is not None:
            keys = set(keys_in(span, registered(op.instance, dataset.name)))
            entries = [entry for entry in entries if entry.delivery in keys]
        chosen = {key.name for key in context.selected_asset_check_keys}
        for verdict in _verdicts(intake, dataset, entries):
            if verdict.check in chosen:
                yield AssetCheckResult(
                    asset_key=clean_key(dataset.name),
                    check_name=verdict.check,
                    passed=verdict.passed,
                    severity=verdict.severity,
                    description=verdict.description,
                    metadata=verdict.metadata,
                )

    return run_checks


def _verdicts(intake: Intake, dataset: Dataset, entries: Sequence[Entry]) -> list[Verdict]:
    faulty = [entry.delivery for entry in entries if entry.violations and entry.status in CURRENT]
    counted: list[CheckTotal] = []
    if faulty:
        with intake.warehouse.session(read_only=True) as session:
            counted = totals(session.connection, dataset.name, faulty)
    return [*judge(dataset, entries), *judge_contract(contract_checks(dataset), entries, counted)]


def _entries_of_now(intake: Intake, dataset: str) -> list[Entry]:
    try:
        with intake.warehouse.session(read_only=True) as session:
            found = session.entries(dataset, statuses=list(_JUDGED))
    except WarehouseMissing:
        return []
    return list({entry.delivery: entry for entry in found if not entry.is_correction}.values())
