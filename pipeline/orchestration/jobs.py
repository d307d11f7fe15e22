"""The jobs: `ingest` over everything that waits, and per dataset the asset jobs that the sensors launch.

What belongs here: jobs, their configuration and what makes one fail. What does not: the assets' own steps.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import (
    Array,
    AssetSelection,
    ConfigMapping,
    Failure,
    Field,
    JobDefinition,
    Noneable,
    OpExecutionContext,
    Output,
    Permissive,
    define_asset_job,
    job,
    op,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.contract import Dataset
from pipeline.files.names import shown
from pipeline.intake import Intake, Outcome, prepare_batches, strays, wait_and_scan
from pipeline.orchestration.asked import register
from pipeline.orchestration.bulk import tell
from pipeline.orchestration.checks import evaluations, inbox_evaluation, judged
from pipeline.orchestration.events import SAMPLED_DELIVERIES
from pipeline.orchestration.metadata import error_rate
from pipeline.orchestration.names import (
    INFRASTRUCTURE,
    INGEST_JOB,
    POOL,
    clean_key,
    errors_key,
    ingest_job_name,
    window_key,
    windows_job_name,
)
from pipeline.orchestration.steps import (
    commit_and_report,
    fail_if,
    of_this_run,
    progress_to,
    retried_where_it_helps,
    sign_in,
)
from pipeline.orchestration.windows import report_dirty
from pipeline.warehouse import Entry, Failures, PartFailed

_NAMED = 20

_OPTIONS = {
    "datasets": Field(
        Noneable(Array(str)),
        is_required=False,
        description="Inbox folders to take; all of them when left out.",
    ),
    "fail_on_rejects": Field(
        bool,
        is_required=False,
        description="Fail, after everything is committed, if any row or file was rejected.",
    ),
    "max_error_rate": Field(
        Noneable(float),
        is_required=False,
        description="Fail, after everything is committed, if a larger share of a delivery's rows was rejected.",
    ),
}


@dataclass(frozen=True)
class Taken:
    """What the first step of `ingest` hands to the second.

    Attributes:
        rates: see `faults`.
        failures: what failed while everything else was taken in.
    """

    rates: Mapping[str, float]
    failures: Sequence[PartFailed] = ()


def ingest_job() -> JobDefinition:
    """Take all that waits in the inbox, then bring the dirty windows up to date.

    Run config: `datasets`, `fail_on_rejects`, `max_error_rate` at the top, or below `ops: <any op>: config:`.
    """

    below_ops = Field(Permissive(), is_required=False)  # type: ignore[no-untyped-call]

    @job(
        name=INGEST_JOB,
        config=ConfigMapping(config_fn=_for_steps, config_schema=_OPTIONS | {"ops": below_ops}),
        description="Take all that waits in the inbox, then recompute the windows that it touched.",
    )
    def ingest() -> None:
        _bring_windows_up_to_date(_take_in())

    return ingest


def dataset_jobs(dataset: Dataset) -> list[UnresolvedAssetJobDefinition]:
    """`<dataset>_ingest` by delivery and, where there are windows, `<dataset>_windows` by day."""
    deliveries = AssetSelection.assets(clean_key(dataset.name), errors_key(dataset.name))
    jobs = [
        define_asset_job(
            ingest_job_name(dataset.name),
            # The commit step reports the checks' verdicts itself, once per run.
            selection=deliveries.without_checks(),
            description=f"Take in deliveries of {dataset.name}; without a partition all that wait.",
        )
    ]
    if dataset.windows:
        keys = [window_key(dataset.name, window.name) for window in dataset.windows]
        jobs.append(
            define_asset_job(
                windows_job_name(dataset.name),
                # The nightly verification looks at a sample; a run that recomputes need not.
                selection=AssetSelection.assets(*keys).without_checks(),
                description=f"Recompute windows of {dataset.name}; without a partition those that are dirty.",
            )
        )
    return jobs


def _for_steps(given: Mapping[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in given.items() if name != "ops"}
    for step in given.get("ops", {}).values():
        options |= (step or {}).get("config", {})
    return {"ops": {step: {"config": options} for step in ("take_in", "bring_windows_up_to_date")}}


@op(
    name="take_in",
    config_schema=_OPTIONS,
    required_resource_keys={"intake"},
    retry_policy=INFRASTRUCTURE,
    description="Stage and commit file after file; the next ones are staged while one is committed.",
)
@retried_where_it_helps
def _take_in(context: OpExecutionContext) -> Iterator[Any]:
    sign_in(context)
    intake: Intake = context.resources.intake
    scan = wait_and_scan(intake, context.op_config.get("datasets"))
    for refused in scan.refused:
        context.log.warning(f"{shown(refused.path)} is not taken: {refused.reason}")
    for file in scan.unsettled:
        context.log.warning(f"{shown(file.path)} is still being written: the next run takes it")
    context.log.info(f"{len(scan.waiting)} files to take in")
    for name in intake.datasets:
        register(context.instance, name, (file.delivery for file in scan.waiting if file.dataset == name))
    outcomes, failures = list[Outcome](), Failures()
    sampled = len(scan.waiting) <= SAMPLED_DELIVERIES
    batches = prepare_batches(intake, scan.waiting, progress_to(context.log), failures)
    yield from commit_and_report(context, intake, batches, outcomes, sampled, failures)
    entries = of_this_run(context, intake, [outcome.entry for outcome in outcomes])
    yield from tell(context, [*evaluations(intake, entries), inbox_evaluation(intake, strays(intake))])
    # What failed is told by the next step: were this one to fail, no window would be brought up to date.
    yield Output(Taken(faults(judged(intake, entries)), failures.found))


@op(
    name="bring_windows_up_to_date",
    config_schema=_OPTIONS,
    pool=POOL,
    required_resource_keys={"intake"},
    retry_policy=INFRASTRUCTURE,
    description="Recompute the dirty windows; then fail if parts of the run failed, or if it was told to fail on rejected rows.",
)
@retried_where_it_helps
def _bring_windows_up_to_date(context: OpExecutionContext, taken: Any) -> Iterator[Any]:
    failures = Failures()
    failures.add(taken.failures)
    yield from report_dirty(context, context.resources.intake, context.op_config.get("datasets"), failures)
    fail_if(failures)
    options = context.op_config
    limit = 0.0 if options.get("fail_on_rejects") else options.get("max_error_rate")
    if limit is not None:
        fail_above(limit, taken.rates)
    yield Output(None)


def faults(entries: Iterable[Entry]) -> dict[str, float]:
    """`dataset/delivery` → share of rejected rows, of the deliveries that have any; 1 for a quarantined one."""
    rates = {f"{entry.dataset}/{entry.delivery}": error_rate(entry) for entry in entries}
    return {name: rate for name, rate in rates.items() if rate > 0}


def fail_above(limit: float, rates: Mapping[str, float]) -> None:
    """Fail the run, without retry, if a delivery's share of rejected rows is above `limit`.

    Raises:
        Failure: names the worst deliveries with their rates.
    """
    above = sorted(((rate, name) for name, rate in rates.items() if rate > limit), reverse=True)
    if above:
        worst = "; ".join(f"{name}: {rate:.2%}" for rate, name in above[:_NAMED])
        raise Failure(
            f"{len(above)} deliveries have more than {limit:.2%} rejected rows, all of them are committed. "
            f"Look at their error tables. Worst first: {worst}",
            allow_retries=False,
        )
