"""The jobs: `ingest` over everything that waits, and per dataset the asset jobs that the sensors launch.

What belongs here: jobs, their configuration and what makes one fail. What does not: the assets' own steps.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
from pipeline.counts import counted, first_of
from pipeline.files.names import shown
from pipeline.intake import Intake, Outcome, prepare_batches, strays, wait_and_scan
from pipeline.orchestration.asked import register
from pipeline.orchestration.bulk import tell
from pipeline.orchestration.checks import evaluations, inbox_evaluation, judged
from pipeline.orchestration.events import SAMPLED_DELIVERIES
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
        description="Fail, after everything else is done, if a row was rejected or a file quarantined.",
    ),
    "max_error_rate": Field(
        Noneable(float),
        is_required=False,
        description="Fail, after everything else is done, if a larger share of a delivery's rows was rejected, or a file quarantined.",
    ),
}


@dataclass(frozen=True)
class Found:
    """What a run found in the data; each by `dataset/delivery`, in order.

    Attributes:
        quarantined: files of which nothing is loaded, with the reason.
        rejected: deliveries with rejected rows: how many, and of how many that were read.
        warned: deliveries with rows that only warn: how many.
        duplicates: files whose bytes were loaded before.
    """

    quarantined: Mapping[str, str]
    rejected: Mapping[str, tuple[int, int]]
    warned: Mapping[str, int]
    duplicates: Sequence[str]


@dataclass(frozen=True)
class Taken:
    """What the first step of `ingest` hands to the second.

    Attributes:
        found: what there is to say of the deliveries.
        failures: what failed while everything else was taken in.
    """

    found: Found
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
    failures = Failures()
    scan = wait_and_scan(intake, context.op_config.get("datasets"), failures)
    for refused in scan.refused:
        context.log.warning(f"{shown(refused.path)} is not taken: {refused.reason}")
    for file in scan.unsettled:
        context.log.warning(f"{shown(file.path)} is still being written: the next run takes it")
    context.log.info(f"{counted(len(scan.waiting), 'file')} to take in")
    for name in intake.datasets:
        register(context.instance, name, (file.delivery for file in scan.waiting if file.dataset == name))
    outcomes = list[Outcome]()
    failures.add(intake.waits(context.op_config.get("datasets")))
    sampled = len(scan.waiting) <= SAMPLED_DELIVERIES
    batches = prepare_batches(intake, scan.waiting, progress_to(context.log), failures)
    yield from commit_and_report(context, intake, batches, outcomes, sampled, failures)
    entries = of_this_run(context, intake, [outcome.entry for outcome in outcomes])
    verdicts = evaluations(context.instance, intake, {entry.dataset for entry in entries})
    yield from tell(context, [*verdicts, inbox_evaluation(intake, strays(intake))])
    # What failed is told by the next step: were this one to fail, no window would be brought up to date.
    yield Output(Taken(found_in(judged(intake, entries)), failures.found))


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
    options = context.op_config
    limit = 0.0 if options.get("fail_on_rejects") else options.get("max_error_rate")
    wrong = (
        None if limit is None else faults(limit, taken.found, context.resources.intake.settings.quarantine)
    )
    if wrong is not None:
        context.log.error(wrong)  # where parts failed too, that is what the run fails for
    fail_if(failures)
    if wrong is not None:
        raise Failure(wrong, allow_retries=False)
    yield Output(None)


def found_in(entries: Iterable[Entry]) -> Found:
    """What there is to say of these deliveries."""
    named = {shown(f"{entry.dataset}/{entry.delivery}"): entry for entry in entries}
    loaded = {name: one for name, one in named.items() if one.status not in ("quarantined", "duplicate")}
    return Found(
        {name: one.reason or "" for name, one in named.items() if one.status == "quarantined"},
        {name: (one.rows_refused, one.rows_read) for name, one in loaded.items() if one.rows_refused},
        {name: one.rows_warned for name, one in loaded.items() if one.rows_warned},
        [name for name, one in named.items() if one.status == "duplicate"],
    )


def faults(limit: float, found: Found, quarantine: Path) -> str | None:
    """What is wrong in the eyes of a run that allows a share of `limit` rejected rows in each delivery, in words; None where nothing is.
    A file that is quarantined as a whole is a fault, unless all may be rejected. Warnings and duplicates are none, and told beside."""
    refused = found.quarantined if limit < 1 else {}
    above = {name: rows / read for name, (rows, read) in found.rejected.items() if rows / read > limit}
    if not refused and not above:
        return None
    told = [
        "The run was told to fail on this. Everything else is done: rows are committed, windows up to date."
    ]
    if refused:
        files = counted(len(refused), "file is quarantined", "files are quarantined")
        named = first_of([f"{name}: {reason}" for name, reason in refused.items()], _NAMED)
        told.append(
            f"{files}, without a row loaded: {named}. The files, and what to do, are in {shown(quarantine)}."
        )
    if above:
        more = f"more than {limit:.2%} rejected rows" if limit else "rejected rows"
        deliveries = counted(len(above), f"delivery has {more}", f"deliveries have {more}")
        worst = sorted(above, key=lambda name: -above[name])
        named = first_of(
            [f"{name}: {above[name]:.2%} ({_rows(*found.rejected[name])})" for name in worst], _NAMED
        )
        datasets = dict.fromkeys(name.partition("/")[0] for name in worst)
        look = ", ".join(f"`pipeline errors {dataset}`" for dataset in datasets)
        told.append(f"{deliveries}; all other rows are committed. {named}. To see them: {look}.")
    told += _no_faults(found)
    return "\n".join(told)


def _no_faults(found: Found) -> Iterator[str]:
    if found.warned:
        rows = counted(
            sum(found.warned.values()), "row has a warning and is loaded", "rows have warnings and are loaded"
        )
        yield f"No fault: {rows}: {first_of([f'{name}: {rows:,}' for name, rows in found.warned.items()], _NAMED)}."
    if found.duplicates:
        files = counted(len(found.duplicates), "file was", "files were")
        yield f"No fault: {files} loaded before, byte by byte: {first_of(found.duplicates, _NAMED)}."


def _rows(rejected: int, read: int) -> str:
    return f"{rejected:,} of {counted(read, 'row')}"
