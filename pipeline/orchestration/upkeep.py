"""The jobs that look after what is stored: `verify_windows` and `retention`.

What belongs here: their definitions. What does not: comparing windows (`checks.windows`), deleting (`warehouse`), when they run
(`schedules`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dagster import (
    Array,
    AssetChecksDefinition,
    AssetObservation,
    AssetSelection,
    Field,
    JobDefinition,
    Noneable,
    OpExecutionContext,
    Output,
    define_asset_job,
    job,
    op,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.contract import Dataset
from pipeline.counts import counted
from pipeline.intake import Intake
from pipeline.orchestration.bulk import tell
from pipeline.orchestration.events import AssetEvent, report_windows
from pipeline.orchestration.names import INFRASTRUCTURE, POOL, RETENTION_JOB, VERIFY_JOB, clean_key
from pipeline.orchestration.steps import fail_if, retried_where_it_helps, sign_in
from pipeline.report import renew_after_retention
from pipeline.warehouse import Failures, Retained


def verify_job(checks: Sequence[AssetChecksDefinition]) -> UnresolvedAssetJobDefinition:
    """`verify_windows`: the check `matches_clean_rows` of every window."""
    return define_asset_job(
        VERIFY_JOB,
        selection=AssetSelection.checks(*checks),
        description="Compute a sample of every window anew from the clean rows, and compare. The tag `pipeline/datasets` keeps it to some.",
    )


def keeps_for_a_time(dataset: Dataset) -> bool:
    """Whether a dataset has rows or windows deleted once they are old."""
    return dataset.keep_rows is not None or dataset.keep_windows is not None


def retention_job(datasets: Iterable[Dataset]) -> JobDefinition:
    """`retention`: deletes the rows and windows that are older than their datasets keep them. Run config: `datasets`."""
    keeping = [dataset.name for dataset in datasets if keeps_for_a_time(dataset)]

    @op(
        name="retain",
        config_schema={
            "datasets": Field(
                Noneable(Array(str)),
                is_required=False,
                description="Datasets to keep to; all that have `keep_rows` or `keep_windows` when left out.",
            )
        },
        pool=POOL,
        required_resource_keys={"intake"},
        retry_policy=INFRASTRUCTURE,
        description="Delete what is older than its dataset keeps it.",
    )
    @retried_where_it_helps
    def retain(context: OpExecutionContext) -> Iterator[Any]:
        sign_in(context)
        asked = context.op_config.get("datasets")
        yield from _retain(context, [name for name in keeping if asked is None or name in asked])
        yield Output(None)

    @job(
        name=RETENTION_JOB,
        description="Delete rows and windows that are older than their datasets keep them.",
    )
    def retention() -> None:
        retain()

    return retention


def _retain(context: OpExecutionContext, names: Sequence[str]) -> Iterator[AssetEvent]:
    intake: Intake = context.resources.intake
    intake.sweep()
    if not names:
        context.log.info("No dataset has keep_rows or keep_windows: everything is kept.")
    failures = Failures()
    for name in names:
        done: Retained | None = None
        with failures.aside("retention", name, opens=True), intake.warehouse.session() as session:
            done = session.retain(name)
        if done is None:
            continue
        yield from tell(context, list(report_windows(intake, done.recomputed, failures, drawn=False)))
        with failures.aside("reports", name, opens=True):
            renew_after_retention(intake, done, failures)
        windows = sum(done.windows.values())
        text = f"{counted(done.rows, 'row')} and {counted(windows, 'window')} of {name} were older than it keeps them"
        context.log.info(text)
        if done.rows or windows:
            yield AssetObservation(
                clean_key(name),
                description=text,
                metadata={
                    "rows_deleted": done.rows,
                    "rows_that_are_held": done.held,
                    "windows_deleted": windows,
                    "rows_before": f"{done.rows_before} UTC" if done.rows_before else "all are kept",
                    "windows_before": f"{done.windows_before} UTC" if done.windows_before else "all are kept",
                },
            )
    fail_if(failures)
