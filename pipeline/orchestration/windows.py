"""The window assets of a dataset: those over event time by day, and totals.

What belongs here: their definitions and steps. What does not: computing a window (`warehouse`), which days are dirty
(`plans`).

The step that recomputes is the second of two because Dagster resolves a partitioned asset's inputs before its first
step, which fails in a run without partitions; such a run brings every dirty window of the dataset up to date. It also frees the pool of places that killed processes kept, which is
why totals, a single step, take none: opening the warehouse waits its turn anyway.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from dagster import (
    AllPartitionMapping,
    AssetDep,
    AssetExecutionContext,
    AssetIn,
    AssetOut,
    AssetsDefinition,
    AssetSpec,
    BackfillPolicy,
    Failure,
    In,
    Nothing,
    OpDefinition,
    OpExecutionContext,
    Out,
    graph_multi_asset,
    multi_asset,
    op,
)

from pipeline.contract import Dataset, TimeWindow, Window
from pipeline.counts import counted
from pipeline.intake import Intake, recompute_aside, recompute_dirty
from pipeline.orchestration import history
from pipeline.orchestration.asked import Span, keys_in, span_of
from pipeline.orchestration.bulk import tell
from pipeline.orchestration.checks.windows import evaluated, key_of
from pipeline.orchestration.days import as_days, keys_of_days, make_days_of
from pipeline.orchestration.events import AssetEvent, report_windows
from pipeline.orchestration.names import (
    DIRTY_ONLY_TAG,
    INFRASTRUCTURE,
    INGEST_JOB,
    POOL,
    WINDOWS_FAILED_TAG,
    clean_key,
    days_of,
    in_parts,
    ingest_job_name,
    mark,
    window_key,
    windows_job_name,
)
from pipeline.orchestration.shape import window_metadata
from pipeline.orchestration.steps import (
    fail_if,
    failing_at_once,
    retried_where_it_helps,
    show_windows,
    sign_in,
)
from pipeline.warehouse import Failures, Recomputed


def window_assets(dataset: Dataset) -> list[AssetsDefinition]:
    """`<dataset>/<window>` for every window of the dataset."""
    made = [_time_windows(dataset, part, mark) for mark, part in in_parts(dataset.time_windows)]
    if dataset.totals:
        made.append(_totals(dataset))
    return made


def report_dirty(
    context: OpExecutionContext, intake: Intake, datasets: Collection[str] | None, failures: Failures
) -> Iterator[AssetEvent]:
    """Recompute every dirty window and yield the events; told too when the machine fails half-way. Parts that fail alone are in
    `failures`."""
    done: list[Recomputed] = []
    try:
        done.extend(recompute_dirty(intake, datasets, failures))
    except Exception:
        yield from _told(context, intake, done, failures, drawn=False, counted=False)
        raise
    show_windows(intake, done, failures)
    yield from _told(context, intake, done, failures, drawn=_outlives_the_run(context))


def windows_follow(
    context: OpExecutionContext, intake: Intake, dataset: Dataset, failures: Failures
) -> Iterator[AssetEvent]:
    """What `report_dirty` does, for the dataset whose deliveries this run has taken in.

    Where another run is about to take more of them in, the windows are left to the last: a hundred files of one day then have its
    windows computed once. Two runs that end together may leave them to each other; the sensor for dirty windows takes those.
    """
    if not dataset.windows:
        return
    jobs = [ingest_job_name(dataset.name), INGEST_JOB]
    if history.others_under_way(context.instance, jobs, context.run.run_id):
        context.log.info(
            f"More deliveries of {dataset.name} are coming in: its windows follow after the last of them"
        )
        return
    taken_in = not failures
    yield from report_dirty(context, intake, [dataset.name], failures)
    if taken_in and failures:
        run_id = context.run.run_id
        context.instance.add_run_tags(run_id, {WINDOWS_FAILED_TAG: mark(run_id, str(len(failures.found)))})


def _told(
    context: OpExecutionContext,
    intake: Intake,
    done: Sequence[Recomputed],
    failures: Failures,
    *,
    drawn: bool = True,
    counted: bool = True,
) -> Iterator[AssetEvent]:
    """Tell of recomputed windows, once their days are partitions."""
    new = list(make_days_of(context.instance, intake, done))
    yield from tell(context, [*new, *report_windows(intake, done, failures, drawn=drawn, counted=counted)])


def _outlives_the_run(context: OpExecutionContext) -> bool:
    """Whether anybody can look at what a run tells. Without DAGSTER_HOME `dagster job execute` keeps it in a folder that it
    removes at its end: there nothing is drawn."""
    return not Path(context.instance.root_directory).name.startswith(".tmp_dagster_home_")


def _time_windows(dataset: Dataset, windows: Sequence[TimeWindow], mark: str) -> AssetsDefinition:
    look, recompute = _look_op(dataset, mark), _recompute_op(dataset, windows, mark)
    names = [window.name for window in windows]

    @graph_multi_asset(
        name=f"{dataset.name}_time_windows{mark}",
        ins={"clean": AssetIn(key=clean_key(dataset.name), dagster_type=Nothing)},
        outs={window.name: _window_out(dataset, window) for window in windows},
        partitions_def=days_of(dataset.name),
        backfill_policy=BackfillPolicy.single_run(),
        group_name=dataset.name,
        can_subset=True,
    )
    def time_windows(clean: Any) -> Any:
        done = recompute(look(clean))
        return {name: getattr(done, name) for name in names} if len(names) > 1 else {names[0]: done}

    # Given with the inputs of a graph of several assets this mapping is lost, for an instance of it counts as false. The deliveries
    # would then have to be named like days, and no day could be backfilled.
    return time_windows.map_asset_specs(lambda spec: spec.replace_attributes(deps=[_clean_rows(dataset)]))


def _clean_rows(dataset: Dataset) -> AssetDep:
    """What windows are made from: any day may hold rows of any delivery."""
    return AssetDep(clean_key(dataset.name), partition_mapping=AllPartitionMapping())


def _window_out(dataset: Dataset, window: Window) -> AssetOut:
    return AssetOut(
        key=window_key(dataset.name, window.name),
        is_required=False,
        dagster_type=Nothing,
        kinds={"duckdb", "table"},
        description=_description(dataset, window),
        metadata=window_metadata(dataset, window),
    )


def _look_op(dataset: Dataset, mark: str) -> OpDefinition:
    @op(
        name=f"{dataset.name}_which_days{mark}",
        ins={"clean": In(Nothing)},
        retry_policy=INFRASTRUCTURE,
        description="The days that the run is asked for; none means those that are dirty.",
    )
    def which_days(context: OpExecutionContext) -> Any:
        with failing_at_once():
            sign_in(context)
            span = span_of(context.run.tags)
            return None if span is None else _days_asked_for(context, dataset.name, span)

    return which_days


def _days_asked_for(context: OpExecutionContext, dataset: str, span: Span) -> list[date]:
    """The days of a span. A single one need not be a partition: a run from the command line may ask for any.

    Raises:
        Failure: it is no day, or the partitions of a range are gone by now.
    """
    order = keys_of_days(context.instance, dataset)
    days = as_days([span.first] if span.first == span.last else keys_in(span, order))
    if days and span.first == span.last and span.first not in order:
        context.log.warning(
            f"{dataset} has no windows on {span.first} yet: {_which_there_are(as_days(order))}"
        )
    if not days and span.first == span.last:
        text = (
            f"{span.first!r} is no day. Days are written like 2026-11-16; {_which_there_are(as_days(order))}"
        )
        raise Failure(f"dataset {dataset!r}: {text}", allow_retries=False)
    if not days:
        text = (
            f"{span.first} or {span.last} is no day with windows any more; {_which_there_are(as_days(order))}"
        )
        raise Failure(f"dataset {dataset!r}: {text} Choose from those.", allow_retries=False)
    return days


def _which_there_are(days: Collection[date]) -> str:
    if not days:
        return "no day has windows so far."
    return f"{counted(len(days), 'day has', 'days have')} windows, from {min(days)} to {max(days)}."


def _recompute_op(dataset: Dataset, windows: Sequence[TimeWindow], mark: str) -> OpDefinition:
    @op(
        name=f"{dataset.name}_recompute{mark}",
        out={window.name: Out(Nothing, is_required=False) for window in windows},
        pool=POOL,
        required_resource_keys={"intake"},
        retry_policy=INFRASTRUCTURE,
        description="Compute the windows of these days anew from the clean rows.",
    )
    @retried_where_it_helps
    def recompute(context: OpExecutionContext, days: Any) -> Iterator[Any]:
        intake: Intake = context.resources.intake
        failures = Failures()
        if days is None:
            yield from report_dirty(context, intake, [dataset.name], failures)
            fail_if(failures)
            return
        chosen = [window.name for window in windows if window.name in context.selected_output_names]
        wanted = _dirty_of(intake, dataset.name, days) if DIRTY_ONLY_TAG in context.run.tags else None
        due = {name: days if wanted is None else wanted.get(name, []) for name in chosen}
        done = _recomputed(intake, dataset.name, due, failures)
        show_windows(intake, done, failures)
        yield from _told(context, intake, done, failures)
        yield from _verified(context, intake, dataset, chosen, days)
        fail_if(failures)

    return recompute


def _totals(dataset: Dataset) -> AssetsDefinition:
    specs = [
        AssetSpec(
            window_key(dataset.name, window.name),
            deps=[_clean_rows(dataset)],
            group_name=dataset.name,
            kinds={"duckdb", "table"},
            skippable=True,
            description=_description(dataset, window),
            metadata=window_metadata(dataset, window),
        )
        for window in dataset.totals
    ]

    @multi_asset(
        name=f"{dataset.name}_totals",
        specs=specs,
        can_subset=True,
        required_resource_keys={"intake"},
        retry_policy=INFRASTRUCTURE,
    )
    @retried_where_it_helps
    def totals(context: AssetExecutionContext) -> Iterator[Any]:
        run = context.op_execution_context
        intake: Intake = run.resources.intake
        sign_in(run)
        chosen = [
            w.name for w in dataset.totals if window_key(dataset.name, w.name) in context.selected_asset_keys
        ]
        follows = run.run.job_name == windows_job_name(dataset.name)
        with intake.warehouse.session() as session:
            if follows:
                # The job follows what has changed; materializing a total by itself always computes it.
                dirty = {item.window for item in session.dirty(dataset.name)}
                chosen = [name for name in chosen if name in dirty]
            else:
                for name in chosen:
                    session.mark_everything(dataset.name, name)
        failures = Failures()
        done = _recomputed(intake, dataset.name, dict.fromkeys(chosen), failures)
        if not follows:
            done += _of_no_rows(dataset, chosen, done, failures)
        show_windows(intake, done, failures)
        yield from report_windows(intake, done, failures)
        yield from _verified(run, intake, dataset, chosen, None)
        fail_if(failures)

    return totals


def _of_no_rows(
    dataset: Dataset, totals: Sequence[str], done: Sequence[Recomputed], failures: Failures
) -> list[Recomputed]:
    """What to tell of totals over a table without rows, of which nothing was computed: a backfill counts what a run says nothing of as
    failed."""
    known = {item.window for item in done} | {failure.name for failure in failures.found}
    return [Recomputed(dataset.name, name, None, 0, 0, 0.0) for name in totals if name not in known]


def _verified(
    context: OpExecutionContext,
    intake: Intake,
    dataset: Dataset,
    windows: Sequence[str],
    days: Collection[date] | None,
) -> Iterator[AssetEvent]:
    """The verdicts of the windows' checks, in a run that is to evaluate them too: their own step is skipped, for this one gives
    Dagster no output."""
    if context.run.job_name == windows_job_name(dataset.name):
        return
    planned = context.run.asset_check_selection
    wanted = [name for name in windows if planned is None or key_of(dataset, name) in planned]
    yield from tell(context, list(evaluated(intake, dataset, wanted, days)))


def _dirty_of(intake: Intake, dataset: str, days: Collection[date]) -> dict[str, list[date]]:
    """Window → those of the days that are dirty for it."""
    found: dict[str, list[date]] = {}
    with intake.warehouse.session(read_only=True) as session:
        for mark in session.dirty(dataset):
            if mark.day is not None and mark.day in days:
                found.setdefault(mark.window, []).append(mark.day)
    return found


def _recomputed(
    intake: Intake, dataset: str, due: Mapping[str, Collection[date] | None], failures: Failures
) -> list[Recomputed]:
    """Recompute each window on its days; None: those that are dirty."""
    return [
        one
        for window, days in due.items()
        if days is None or days
        for one in recompute_aside(intake, dataset, window, failures, days)
    ]


def _description(dataset: Dataset, window: Window) -> str:
    by = f" by {', '.join(window.by)}" if window.by else ""
    measures = ", ".join(window.measures) or "row counts"
    return f"{type(window).__name__} window of {dataset.name}{by}: {measures}."
