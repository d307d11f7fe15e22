"""The assets of a dataset that are partitioned by delivery: inbox → clean, errors.

What belongs here: their definitions and the two steps that fill them. What does not: what a run was asked for (`asked`),
what is told of it (`events`).

Staging needs no warehouse and runs outside the pool; only the commit step takes its turn there.
"""

from collections.abc import Iterator
from typing import Any

from dagster import (
    AssetIn,
    AssetOut,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    FreshnessPolicy,
    In,
    Nothing,
    OpDefinition,
    OpExecutionContext,
    Out,
    graph_multi_asset,
    op,
)

from pipeline.contract import Dataset
from pipeline.contract.due import DAY
from pipeline.counts import counted
from pipeline.intake import Intake, Outcome, Prepared, not_there, prepare
from pipeline.orchestration.asked import wanted_files
from pipeline.orchestration.bulk import tell
from pipeline.orchestration.checks import evaluations
from pipeline.orchestration.events import SAMPLED_DELIVERIES
from pipeline.orchestration.names import (
    INBOX_KEY,
    INFRASTRUCTURE,
    POOL,
    clean_key,
    deliveries_of,
    errors_key,
    inbox_key,
)
from pipeline.orchestration.shape import clean_metadata, errors_metadata
from pipeline.orchestration.steps import (
    commit_and_report,
    fail_if,
    fail_if_quarantined,
    failing_at_once,
    of_this_run,
    progress_to,
    retried_where_it_helps,
    sign_in,
)
from pipeline.orchestration.windows import windows_follow
from pipeline.warehouse import Failures


def whole_inbox_spec() -> AssetSpec:
    """`inbox`: the folder of all datasets' folders."""
    return AssetSpec(
        INBOX_KEY,
        group_name="inbox",
        kinds={"file"},
        description="All of `inbox/`. Files that lie in no dataset's folder are told here: the check `known_folders` names them.",
    )


def inbox_spec(dataset: Dataset) -> AssetSpec:
    """`<dataset>/inbox`: the folder that people and programs drop files into; nothing here makes it."""
    return AssetSpec(
        inbox_key(dataset.name),
        group_name=dataset.name,
        kinds={"file"},
        description=f"Files for {dataset.name}: drop CSV, Excel, JSON lines or Parquet into `inbox/{dataset.name}/`.",
    )


def delivery_assets(dataset: Dataset) -> AssetsDefinition:
    """`<dataset>/clean` and `<dataset>/errors`, filled together, a partition per delivery."""
    stage, commit = _stage_op(dataset), _commit_op(dataset)

    @graph_multi_asset(
        name=f"{dataset.name}_delivery",
        ins={"inbox": AssetIn(key=inbox_key(dataset.name), dagster_type=Nothing)},
        outs={"clean": _clean_out(dataset), "errors": _errors_out(dataset)},
        partitions_def=deliveries_of(dataset.name),
        backfill_policy=BackfillPolicy.single_run(),
        group_name=dataset.name,
    )
    def delivery(inbox: Any) -> dict[str, Any]:
        done = commit(stage(inbox))
        return {"clean": done.clean, "errors": done.errors}

    return delivery


def _clean_out(dataset: Dataset) -> AssetOut:
    return AssetOut(
        key=clean_key(dataset.name),
        is_required=False,
        dagster_type=Nothing,
        kinds={"duckdb", "table"},
        description=dataset.description or f"Clean rows of {dataset.name}.",
        metadata=clean_metadata(dataset),
        freshness_policy=_freshness(dataset),
    )


def _freshness(dataset: Dataset) -> FreshnessPolicy | None:
    """When Dagster calls the table stale: `due` where it is declared, else `freshness`."""
    if dataset.due_at is not None:
        return FreshnessPolicy.cron(dataset.due_at.cron, DAY, dataset.timezone)
    expected = dataset.freshness_window
    return None if expected is None else FreshnessPolicy.time_window(fail_window=expected)


def _errors_out(dataset: Dataset) -> AssetOut:
    return AssetOut(
        key=errors_key(dataset.name),
        is_required=False,
        dagster_type=Nothing,
        kinds={"duckdb", "table"},
        description=f"What is wrong with the rows of {dataset.name}: one row per violation, with the source row.",
        metadata=errors_metadata(dataset),
    )


def _stage_op(dataset: Dataset) -> OpDefinition:
    @op(
        name=f"{dataset.name}_stage",
        ins={"inbox": In(Nothing)},
        out=Out(io_manager_key="hand_over"),
        required_resource_keys={"intake"},
        retry_policy=INFRASTRUCTURE,
        description="Parse and validate the files to Parquet; opens no warehouse for files that wait.",
    )
    def stage(context: OpExecutionContext) -> Any:
        sign_in(context)
        with failing_at_once():
            return _stage(context, dataset.name)

    return stage


def _commit_op(dataset: Dataset) -> OpDefinition:
    @op(
        name=f"{dataset.name}_commit",
        out={"clean": Out(Nothing, is_required=False), "errors": Out(Nothing, is_required=False)},
        pool=POOL,
        required_resource_keys={"intake"},
        retry_policy=INFRASTRUCTURE,
        description="Load each staged file in one transaction, put the file away, tell what happened; then recompute the windows touched.",
    )
    @retried_where_it_helps
    def commit(context: OpExecutionContext, staged: Any) -> Iterator[Any]:
        intake: Intake = context.resources.intake
        prepared = _stage(context, dataset.name) if staged is None else staged
        if context.retry_number:
            # What an attempt before has committed is in the archive by now.
            prepared = [item for item in prepared if item.failure is not None or item.waiting.path.exists()]
        outcomes, failures = list[Outcome](), Failures()
        sampled = len(prepared) <= SAMPLED_DELIVERIES
        yield from commit_and_report(context, intake, [prepared], outcomes, sampled, failures)
        entries = of_this_run(context, intake, [outcome.entry for outcome in outcomes])
        yield from tell(context, list(evaluations(context.instance, intake, [dataset.name])))
        yield from windows_follow(context, intake, dataset, failures)
        fail_if(failures)
        fail_if_quarantined(context, entries, outcomes)

    return commit


def _stage(context: OpExecutionContext, dataset: str) -> list[Prepared]:
    intake: Intake = context.resources.intake
    wanted = wanted_files(context.instance, intake, dataset, context.run.tags)
    context.log.info(f"{counted(len(wanted.files), 'file')} to take in")
    prepared = list(prepare(intake, wanted.files, progress_to(context.log)))
    return [*prepared, *(not_there(intake, failure) for failure in wanted.unavailable)]
