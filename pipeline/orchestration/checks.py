"""Asset checks of `<dataset>/clean`: do the rows add up, how many are bad, was a file refused as a whole.

What belongs here: the verdicts over a set of deliveries, once per run. What does not: validating rows (`ingest`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    multi_asset_check,
)

from pipeline.contract import Dataset
from pipeline.intake import Intake
from pipeline.orchestration.asked import keys_in, registered, span_of
from pipeline.orchestration.events import originals_of
from pipeline.orchestration.metadata import error_rate
from pipeline.orchestration.names import clean_key
from pipeline.warehouse import Entry, WarehouseMissing
from pipeline.warehouse.ledger import CURRENT

_NAMED = 10

CHECKS = {
    "reconciliation": "Rows read = rows clean + rejected + filtered, in every delivery.",
    "error_rate": "The share of rejected rows is within the dataset's limits, in every delivery.",
    "quarantine": "No delivery was refused as a whole.",
}


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check over the deliveries of a run."""

    check: str
    passed: bool
    severity: AssetCheckSeverity
    description: str
    metadata: dict[str, Any] = field(default_factory=dict)


def judge(dataset: Dataset, entries: Sequence[Entry]) -> list[Verdict]:
    """The verdicts over these deliveries; duplicates say nothing about quality."""
    told = [entry for entry in entries if entry.status in ("loaded", "partial", "quarantined")]
    return [_reconciliation(told), _error_rate(dataset, told), _quarantine(told)]


def evaluations(intake: Intake, entries: Iterable[Entry]) -> Iterator[AssetCheckEvaluation]:
    """The verdicts over a run's deliveries as events, per dataset."""
    by_dataset: dict[str, list[Entry]] = {}
    for entry in judged(intake, list(entries)):
        if entry.dataset in intake.datasets and entry.status != "duplicate":
            by_dataset.setdefault(entry.dataset, []).append(entry)
    for name, of_dataset in by_dataset.items():
        for verdict in judge(intake.datasets[name], of_dataset):
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
    named = {entry.id: entry for entry in originals_of(intake, entries)}
    own = {entry.id: entry for entry in entries if not (entry.is_correction and entry.status in CURRENT)}
    return list((own | named).values())


def checks_of(dataset: Dataset) -> AssetChecksDefinition:
    """The checks as Dagster lists them; run by hand they judge the deliveries that are in the table now.

    A run that commits deliveries reports the verdicts itself, whether or not these steps are part of it.
    """
    specs = [
        AssetCheckSpec(name, asset=clean_key(dataset.name), description=description)
        for name, description in CHECKS.items()
    ]

    @multi_asset_check(
        name=f"{dataset.name}_checks", specs=specs, can_subset=True, required_resource_keys={"intake"}
    )
    def run_checks(context: AssetCheckExecutionContext) -> Iterable[AssetCheckResult]:
        op = context.op_execution_context
        entries = _entries_of_now(op.resources.intake, dataset.name)
        span = span_of(op.run.tags)
        if span is not None:
            keys = set(keys_in(span, registered(op.instance, dataset.name)))
            entries = [entry for entry in entries if entry.delivery in keys]
        chosen = {key.name for key in context.selected_asset_check_keys}
        for verdict in judge(dataset, entries):
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


def _entries_of_now(intake: Intake, dataset: str) -> list[Entry]:
    try:
        with intake.warehouse.session(read_only=True) as session:
            found = session.entries(dataset, statuses=[*CURRENT, "quarantined"])
    except WarehouseMissing:
        return []
    return list({entry.delivery: entry for entry in found if not entry.is_correction}.values())


def _reconciliation(entries: Sequence[Entry]) -> Verdict:
    off = [e for e in entries if e.rows_read != e.rows_clean + e.rows_rejected + e.rows_filtered]
    figures = {
        "deliveries": len(entries),
        "rows_read": sum(e.rows_read for e in entries),
        "rows_clean": sum(e.rows_clean for e in entries),
        "rows_rejected": sum(e.rows_rejected for e in entries),
        "rows_filtered": sum(e.rows_filtered for e in entries),
        "named": _names(off or entries),
    }
    text = (
        f"{len(off)} of {len(entries)} deliveries do not add up"
        if off
        else f"{len(entries)} deliveries add up"
    )
    return Verdict("reconciliation", not off, AssetCheckSeverity.ERROR, text, figures)


def _error_rate(dataset: Dataset, entries: Sequence[Entry]) -> Verdict:
    loaded = [entry for entry in entries if entry.status != "quarantined"]
    worst = sorted(loaded, key=error_rate, reverse=True)
    above = [entry for entry in worst if error_rate(entry) > dataset.warn_error_rate]
    failing = any(error_rate(entry) > dataset.fail_error_rate for entry in above)
    read = sum(entry.rows_read for entry in loaded)
    metadata = {
        "error_rate": round(sum(entry.rows_rejected for entry in loaded) / read, 6) if read else 0.0,
        "warn_above": dataset.warn_error_rate,
        "fail_above": dataset.fail_error_rate,
        "worst": [
            f"{e.delivery}: {error_rate(e):.2%} ({e.rows_rejected} of {e.rows_read})" for e in worst[:_NAMED]
        ],
    }
    limit = dataset.fail_error_rate if failing else dataset.warn_error_rate
    beyond = sum(error_rate(entry) > limit for entry in loaded)
    text = f"{beyond} of {len(loaded)} deliveries are above {limit:.2%}" if above else "within the limits"
    severity = AssetCheckSeverity.ERROR if failing else AssetCheckSeverity.WARN
    return Verdict("error_rate", not above, severity, text, metadata)


def _quarantine(entries: Sequence[Entry]) -> Verdict:
    refused = [entry for entry in entries if entry.status == "quarantined"]
    reasons = [f"{entry.delivery}: {entry.reason}" for entry in refused[:_NAMED]]
    text = f"{len(refused)} deliveries were quarantined" if refused else "no delivery was quarantined"
    return Verdict(
        "quarantine",
        not refused,
        AssetCheckSeverity.WARN,
        text,
        {"quarantined": len(refused), "reasons": reasons},
    )


def _names(entries: Sequence[Entry]) -> list[str]:
    return [entry.delivery for entry in entries[:_NAMED]]
