"""The verdicts over the ledger: do the rows add up, how many are bad, was a file refused as a whole.

What belongs here: what the ledger alone can tell. What does not: checks of the contract (`contract`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dagster import AssetCheckSeverity, AssetKey

from pipeline.contract import Dataset
from pipeline.counts import counted
from pipeline.orchestration.metadata import error_rate
from pipeline.warehouse import Entry

_NAMED = 10

CHECKS = {
    "reconciliation": "Rows read = rows clean + rejected + filtered, in every delivery.",
    "error_rate": "The share of rows that are rejected still is within the dataset's limits, in every delivery.",
    "quarantine": "No file that was refused as a whole lies in the quarantine.",
}


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check, as things are now."""

    check: str
    passed: bool
    severity: AssetCheckSeverity
    description: str
    metadata: dict[str, Any] = field(default_factory=dict)

    def on(self, asset: AssetKey) -> dict[str, Any]:
        """It, of an asset, in the words of Dagster's results and evaluations, which are the same."""
        return {
            "asset_key": asset,
            "check_name": self.check,
            "passed": self.passed,
            "severity": self.severity,
            "description": self.description,
            "metadata": self.metadata,
        }


def judge(
    dataset: Dataset, loaded: Sequence[Entry], refused: Sequence[Entry] = (), left_over: int = 0
) -> list[Verdict]:
    """The verdicts over the deliveries that are loaded, and those whose refused files lie in the quarantine, where there are `left_over`
    other files."""
    return [_reconciliation(loaded), _error_rate(dataset, loaded), _quarantine(dataset, refused, left_over)]


def _reconciliation(entries: Sequence[Entry]) -> Verdict:
    off = [e for e in entries if e.rows_read != e.rows_clean + e.rows_rejected + e.rows_filtered]
    figures = {
        "deliveries": len(entries),
        "rows_read": sum(e.rows_read for e in entries),
        "rows_clean": sum(e.rows_clean for e in entries),
        "rows_rejected": sum(e.rows_rejected for e in entries),
        "rows_filtered": sum(e.rows_filtered for e in entries),
        "named": _names(off or entries[-_NAMED:]),
    }
    text = (
        f"{len(off)} of {counted(len(entries), 'delivery does', 'deliveries do')} not add up"
        if off
        else counted(len(entries), "delivery adds up", "deliveries add up")
    )
    return Verdict("reconciliation", not off, AssetCheckSeverity.ERROR, text, figures)


def _error_rate(dataset: Dataset, loaded: Sequence[Entry]) -> Verdict:
    worst = sorted(loaded, key=error_rate, reverse=True)
    above = [entry for entry in worst if error_rate(entry) > dataset.warn_error_rate]
    failing = any(error_rate(entry) > dataset.fail_error_rate for entry in above)
    read = sum(entry.rows_read for entry in loaded)
    metadata = {
        "error_rate": round(sum(entry.rows_refused for entry in loaded) / read, 6) if read else 0.0,
        "warn_above": dataset.warn_error_rate,
        "fail_above": dataset.fail_error_rate,
        "worst": [
            f"{e.delivery}: {error_rate(e):.2%} ({e.rows_refused} of {e.rows_read})" for e in worst[:_NAMED]
        ],
    }
    limit = dataset.fail_error_rate if failing else dataset.warn_error_rate
    beyond = sum(error_rate(entry) > limit for entry in loaded)
    text = (
        f"{beyond} of {counted(len(loaded), 'delivery is', 'deliveries are')} above {limit:.2%}"
        if above
        else "within the limits"
    )
    severity = AssetCheckSeverity.ERROR if failing else AssetCheckSeverity.WARN
    return Verdict("error_rate", not above, severity, text, metadata)


def _quarantine(dataset: Dataset, refused: Sequence[Entry], left_over: int) -> Verdict:
    folder = f"quarantine/{dataset.name}/"
    metadata: dict[str, Any] = {
        "quarantined": len(refused),
        "reasons": [f"{entry.delivery}: {entry.reason}" for entry in refused[-_NAMED:]],
    }
    text = f"no refused file lies in {folder}"
    if refused:
        text = f"{counted(len(refused), 'refused file lies', 'refused files lie')} in {folder}"
        metadata["what_to_do"] = (
            "Mend the file where it lies and materialize its partition, or send it again under its name; or remove it."
        )
    if left_over:
        # What nobody waits for: no fault.
        metadata["other_files_there"] = left_over
    return Verdict("quarantine", not refused, AssetCheckSeverity.WARN, text, metadata)


def _names(entries: Sequence[Entry]) -> list[str]:
    return [entry.delivery for entry in entries[:_NAMED]]
