"""The check of `inbox`: does every file lie in the folder of a dataset?

What belongs here: the check as Dagster lists it, and its verdict on what lies there now. What does not: which files these are (`intake`),
when it is told (`sensors`, `jobs`).
"""

from collections.abc import Sequence

from dagster import (
    AssetCheckEvaluation,
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    asset_check,
)

from pipeline.counts import counted, first_of
from pipeline.files.names import shown
from pipeline.intake import Intake, Stray, strays
from pipeline.orchestration.checks.verdicts import Verdict
from pipeline.orchestration.metadata import markdown_table
from pipeline.orchestration.names import INBOX_KEY

KNOWN_FOLDERS = "known_folders"
_NAMED, _LISTED = 5, 100


def inbox_check() -> AssetChecksDefinition:
    """`known_folders` of `inbox`."""

    @asset_check(
        asset=INBOX_KEY,
        name=KNOWN_FOLDERS,
        required_resource_keys={"intake"},
        description="Every file lies in the folder of a dataset; none was quarantined because it did not.",
    )
    def known_folders(context: AssetCheckExecutionContext) -> AssetCheckResult:
        intake: Intake = context.op_execution_context.resources.intake
        verdict = verdict_on(intake, strays(intake))
        return AssetCheckResult(**verdict.on(INBOX_KEY))

    return known_folders


def inbox_evaluation(intake: Intake, found: Sequence[Stray]) -> AssetCheckEvaluation:
    """The verdict as an event."""
    verdict = verdict_on(intake, found)
    return AssetCheckEvaluation(**verdict.on(INBOX_KEY))


def verdict_on(intake: Intake, found: Sequence[Stray]) -> Verdict:
    """The verdict where these files lie in no dataset's folder."""
    known = ", ".join(f"inbox/{name}/" for name in intake.datasets) or "none"
    metadata = {"files": len(found), "known_folders": known, "inbox": shown(intake.settings.inbox)}
    if not found:
        text = "every file lies in the folder of a dataset"
        return Verdict(KNOWN_FOLDERS, True, AssetCheckSeverity.WARN, text, metadata)
    named = first_of([_in_words(intake, one) for one in found], _NAMED)
    metadata["which"] = markdown_table(
        ["file", "did you mean", "where it is"],
        [
            (
                _below(intake, one),
                f"inbox/{one.meant}/" if one.meant else "",
                "quarantine" if one.quarantined else "inbox",
            )
            for one in found[:_LISTED]
        ],
    )
    metadata["what_to_do"] = (
        "Move each file into the folder of its dataset, or delete it; of a quarantined one the .reason.json beside it, too."
    )
    text = (
        f"{counted(len(found), 'file lies', 'files lie')} in no dataset's folder: {named}. There are: {known}"
    )
    return Verdict(KNOWN_FOLDERS, False, AssetCheckSeverity.WARN, text, metadata)


def _in_words(intake: Intake, stray: Stray) -> str:
    asked = f" (did you mean inbox/{stray.meant}/?)" if stray.meant else ""
    return _below(intake, stray) + asked


def _below(intake: Intake, stray: Stray) -> str:
    """A path as people know it: `inbox/ordres/a.csv`."""
    return shown(stray.path.relative_to(intake.settings.home))
