"""The sensors: thin shells that read the world, ask `plans` and say in Dagster's words what to do.

What belongs here: reading, calling, translating. What does not: a decision.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from dagster import (
    AddDynamicPartitionsRequest,
    AssetObservation,
    DefaultSensorStatus,
    DynamicPartitionsDefinition,
    RunRequest,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from pipeline.contract import Dataset
from pipeline.contract.references import taken_before
from pipeline.counts import counted
from pipeline.files import Scan, Waiting, scan_inbox, settle
from pipeline.intake import Intake, files_in_quarantine, strays
from pipeline.orchestration import history
from pipeline.orchestration.asked import PARTITION, Span, registered
from pipeline.orchestration.bulk import tell_runless
from pipeline.orchestration.checks import inbox_evaluation
from pipeline.orchestration.days import keys_of_days, make_days, settle_days
from pipeline.orchestration.events import AssetEvent
from pipeline.orchestration.inbox_state import InboxState
from pipeline.orchestration.left_out import tell_broken
from pipeline.orchestration.names import (
    DIRTY_ONLY_TAG,
    INBOX_KEY,
    INBOX_ONLY_TAG,
    INGEST_JOB,
    deliveries_of,
    ingest_job_name,
    windows_job_name,
)
from pipeline.orchestration.plans import InboxPlan, Stretch, pause_after, plan_inbox, plan_windows, remember
from pipeline.orchestration.reconcile import compare, glance, mark_runs
from pipeline.warehouse import WarehouseBusy, WarehouseMissing

_EVERY = 5
_LONGEST_WAIT = 2.5
_KEY_LIFE = 600
_WAIT_FOR_INGEST = 30.0
_WAIT_FOR_THE_ONLY_INGEST = 600.0
_HELD_SECONDS = 600.0
_LOADED = f"{os.getpid()}:{time.time_ns()}"
"""Stands for what this process has loaded."""


def inbox_sensor(dataset: Dataset) -> SensorDefinition:
    """`<dataset>_inbox`: asks for runs over the files that wait, and tells what the ledger holds and Dagster lacks."""

    @sensor(
        name=f"{dataset.name}_inbox",
        job_name=ingest_job_name(dataset.name),
        minimum_interval_seconds=_EVERY,
        default_status=DefaultSensorStatus.RUNNING,
        required_resource_keys={"intake"},
        description=f"Takes in the files that wait in inbox/{dataset.name}/.",
    )
    def inbox(context: SensorEvaluationContext) -> SensorResult:
        return evaluate_inbox(context, context.resources.intake, dataset)

    return inbox


def evaluate_inbox(context: SensorEvaluationContext, intake: Intake, dataset: Dataset) -> SensorResult:
    """One tick of `<dataset>_inbox`."""
    instance, now, job = context.instance, time.time(), ingest_job_name(dataset.name)
    state = InboxState.read(context.cursor, now)
    scan = _settled_scan(intake, dataset.name)
    waiting = {file.delivery: _short(file.landing) for file in scan.waiting if file.dataset == dataset.name}
    plan = InboxPlan()
    held = waiting and _held_for(intake, dataset, scan.waiting, now)
    if waiting and not held:
        order = registered(instance, dataset.name)
        ended, seen = history.ended_since(instance, job, state.looked_at, state.seen, order)
        tries = remember(state.tries, waiting, ended)
        work, all_of_it = history.under_way(instance, job), history.under_way(instance, INGEST_JOB).any
        in_flight = set(waiting) if work.whole or all_of_it else work.keys(order)
        streak, _ = history.failures_in_a_row(instance, job)
        plan = plan_inbox(waiting, order, in_flight, tries, now, streak, work.any)
        state = state.after_runs(now, seen, tries)
        by = _goes_by(intake, dataset) if plan.given_up else ""
        if by is not None:
            state = state.after_giving_up(plan.given_up, by)
    state, told = _reconcile(context, intake, dataset.name, state)
    return SensorResult(
        run_requests=[_ingest_request(dataset.name, stretch, waiting, now) for stretch in plan.stretches],
        dynamic_partitions_requests=_add(deliveries_of(dataset.name), plan.new_keys),
        cursor=state.write(),
        skip_reason=None if plan.stretches else SkipReason(held or _inbox_in_words(plan, len(waiting), told)),
    )


def _settled_scan(intake: Intake, dataset: str) -> Scan:
    """The inbox, once files of the dataset that landed a moment ago have come to rest: they would else wait for the next tick. A tick
    keeps its thread of the daemon meanwhile, so a long settle time is waited for between ticks."""
    inbox, seconds = intake.settings.inbox, intake.settings.settle_seconds
    if seconds > _LONGEST_WAIT:
        return scan_inbox(inbox, seconds)
    return settle(inbox, seconds, [dataset])


def _held_for(intake: Intake, dataset: Dataset, waiting: Sequence[Waiting], now: float) -> str:
    """Why the files of a dataset wait for those of another that they refer to, in words; not for ever, since nobody may take
    those. Empty where they need not."""
    before = taken_before(dataset, intake.datasets)
    ahead = {
        file.dataset for file in waiting if file.dataset in before and now - file.landed_at < _HELD_SECONDS
    }
    if not ahead:
        return ""
    return f"Files of {', '.join(sorted(ahead))} are taken first, which {dataset.name} refers to."


def _goes_by(intake: Intake, dataset: Dataset) -> str | None:
    """What decides beside a file whether it can be taken: changes when the code location is loaded anew (with other modules, keys, settings)
    and when the dataset's table is brought in line. None while the warehouse is in use: the next tick knows."""
    try:
        with glance(intake).session(read_only=True) as session:
            table = session.table_schema("clean", dataset.name)
    except WarehouseMissing:
        table = []
    except WarehouseBusy:
        return None
    return hashlib.sha256(f"{_LOADED}\n{dataset.fingerprint}\n{table}".encode()).hexdigest()[:16]


def _reconcile(
    context: SensorEvaluationContext, intake: Intake, dataset: str, state: InboxState
) -> tuple[InboxState, str]:
    """Report what the event log lacks; the warehouse is opened only when it or the quarantine has changed since all was compared."""
    stamp = f"{warehouse_stamp(intake)} {_quarantine_stamp(intake, dataset)}"
    if stamp == state.compared:
        return state, ""
    try:
        done = compare(context.instance, intake, dataset, state.seq, state.windows)
    except WarehouseMissing:
        return state, ""
    except WarehouseBusy as error:
        return state, f" The ledger is compared later: {error}"
    told = (
        f" {counted(done.reported, 'delivery of the ledger was', 'deliveries of the ledger were')} reported."
        if done.reported
        else ""
    )
    if done.computed:
        told += f" {counted(done.computed, 'computed window was', 'computed windows were')} reported."
    return state.after_ledger(done.seq, done.windows, stamp if done.complete else ""), told


def _quarantine_stamp(intake: Intake, dataset: str) -> str:
    """Changes whenever a file of the dataset comes into the quarantine or leaves it."""
    names = "\n".join(map(str, files_in_quarantine(intake, dataset)))
    return hashlib.sha256(os.fsencode(names)).hexdigest()[:16]


def warehouse_stamp(intake: Intake) -> str:
    """Changes whenever the warehouse does; empty while there is none. What a killed process has committed is in the file beside it."""
    path = intake.settings.warehouse
    stamps = []
    for file in (path, path.with_name(f"{path.name}.wal")):
        with suppress(FileNotFoundError):
            status = file.stat()
            stamps.append(f"{status.st_mtime_ns}:{status.st_size}")
    return " ".join(stamps)


def _ingest_request(dataset: str, stretch: Stretch, waiting: Mapping[str, str], now: float) -> RunRequest:
    keys = stretch.deliveries
    landed = hashlib.sha256("\n".join(f"{key}\t{waiting[key]}" for key in keys).encode()).hexdigest()[:16]
    # The key keeps one tick from asking twice; it changes with time, so that no landing is locked out for ever.
    run_key = f"{dataset}:{landed}:{stretch.attempts}:{int(now // _KEY_LIFE)}"
    tags = Span(keys[0], keys[-1]).tags
    partition = tags.pop(PARTITION, None)
    return RunRequest(
        run_key=run_key,
        job_name=ingest_job_name(dataset),
        partition_key=partition,
        tags=tags | {INBOX_ONLY_TAG: "true", "pipeline/deliveries": str(len(keys))},
    )


def _add(partitions: DynamicPartitionsDefinition, keys: Sequence[str]) -> list[AddDynamicPartitionsRequest]:
    assert partitions.name is not None
    return [AddDynamicPartitionsRequest(partitions.name, list(keys))] if keys else []


def _inbox_in_words(plan: InboxPlan, waiting: int, told: str) -> str:
    if not waiting:
        return f"Nothing waits.{told}"
    words = f"{counted(waiting, 'file waits', 'files wait')}; runs under way take them."
    if plan.resting:
        words += f" {len(plan.resting)} are tried again after a pause, such as {plan.resting[0]!r}."
    if plan.given_up:
        words += (
            f" {len(plan.given_up)} are left alone after several failed runs, such as {plan.given_up[0]!r}: look at the"
            " latest failed run. They are tried again once their dataset's table is migrated, its contract has changed or the code location is"
            " reloaded; or drop the file anew, or materialize its partition."
        )
    return words + told


def unknown_inbox_sensor(datasets: Mapping[str, Dataset]) -> SensorDefinition:
    """`unknown_inbox`: has files quarantined that lie in no dataset's folder, and ends runs whose process is gone."""
    jobs = [INGEST_JOB, *map(ingest_job_name, datasets), *map(windows_job_name, datasets)]

    @sensor(
        name="unknown_inbox",
        job_name=INGEST_JOB,
        minimum_interval_seconds=_EVERY,
        default_status=DefaultSensorStatus.RUNNING,
        required_resource_keys={"intake"},
        description="Has files quarantined that lie in no dataset's folder, and tells of them; ends runs whose process was killed.",
    )
    def unknown_inbox(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        return evaluate_unknown_inbox(context, context.resources.intake, jobs)

    return unknown_inbox


def evaluate_unknown_inbox(
    context: SensorEvaluationContext, intake: Intake, jobs: Sequence[str]
) -> SensorResult | SkipReason:
    """One tick of `unknown_inbox`."""
    instance = context.instance
    abandoned = history.end_abandoned_runs(instance, jobs)
    with suppress(WarehouseBusy):  # they are marked at the next tick
        mark_runs(instance, intake, history.abandoned_runs(instance))
    tell_broken(instance, intake.left_out)
    scan = scan_inbox(intake.settings.inbox, intake.settings.settle_seconds)
    unknown = {file.dataset for file in scan.waiting} - set(intake.datasets)
    try:
        waits = intake.folders_that_wait(unknown, glance(intake))
    except WarehouseBusy as error:
        return SkipReason(str(error))
    _tell_of_strays(context, intake, scan)
    folders = sorted(unknown - waits.keys())
    if waits and not folders:
        return SkipReason(" ".join(map(str, waits.values())))
    if not folders or history.under_way(instance, INGEST_JOB).any:
        return SkipReason(
            counted(len(abandoned), "abandoned run was ended.", "abandoned runs were ended.")
            if abandoned
            else "Nothing waits."
        )
    streak, ended_at = history.failures_in_a_row(instance, INGEST_JOB)
    if time.time() < ended_at + pause_after(streak):
        return SkipReason("The ingest job failed; files in unknown folders wait for a pause to end.")
    return SensorResult(run_requests=[RunRequest(job_name=INGEST_JOB, run_config={"datasets": folders})])


def _tell_of_strays(context: SensorEvaluationContext, intake: Intake, scan: Scan) -> None:
    """Say on `inbox` which files lie in no dataset's folder, and in its check; again whenever that has changed, which the cursor knows."""
    found = strays(intake, scan)
    evaluation = inbox_evaluation(intake, found)
    said = hashlib.sha256(
        "\n".join([str(evaluation.description), *(str(one) for one in found)]).encode()
    ).hexdigest()
    if said == context.cursor:
        return
    events: list[AssetEvent] = [evaluation]
    if found:
        events.append(
            AssetObservation(INBOX_KEY, description=evaluation.description, metadata=evaluation.metadata)
        )
    tell_runless(context.instance, events)
    context.update_cursor(said)


def dirty_windows_sensor(jobs: Sequence[UnresolvedAssetJobDefinition]) -> SensorDefinition:
    """`dirty_windows`: asks for runs of the `<dataset>_windows` jobs over the days whose inputs have changed."""

    @sensor(
        name="dirty_windows",
        jobs=list(jobs),
        minimum_interval_seconds=_EVERY,
        default_status=DefaultSensorStatus.RUNNING,
        required_resource_keys={"intake"},
        description="Recomputes the windows whose inputs have changed.",
    )
    def dirty_windows(context: SensorEvaluationContext) -> SensorResult | SkipReason:
        return evaluate_dirty_windows(context, context.resources.intake)

    return dirty_windows


def evaluate_dirty_windows(context: SensorEvaluationContext, intake: Intake) -> SensorResult | SkipReason:
    """One tick of `dirty_windows`. The cursor holds since when each dataset has been dirty, the warehouse as it was
    when nothing was, and as it was when the day partitions were those that exist."""
    cursor: dict[str, Any] = json.loads(context.cursor or "{}")
    stamp = warehouse_stamp(intake)
    if stamp == cursor.get("clean_at") == cursor.get("days_at"):
        return SkipReason("No window is dirty.")
    there: dict[str, dict[str, set[date]]] = {}
    try:
        with glance(intake).session(read_only=True) as session:
            dirty = session.dirty()
            if stamp != cursor.get("days_at"):
                there = {
                    name: session.days(name) for name, one in intake.datasets.items() if one.time_windows
                }
    except WarehouseMissing:
        return SkipReason("There is no warehouse yet.")
    except WarehouseBusy as error:
        return SkipReason(str(error))
    settled = _settle_days(context, intake, there)
    days: dict[str, set[date | None]] = {}
    for item in dirty:
        if item.dataset in intake.datasets:
            days.setdefault(item.dataset, set()).add(item.day)
    now = time.time()
    since = {name: min(cursor.get("since", {}).get(name, now), now) for name in days}
    requests: list[RunRequest] = []
    for name, of_dataset in days.items():
        if _ready(context, name, since[name], now):
            requests += _window_requests(context, intake.datasets[name], of_dataset)
    for request in requests:
        since.pop(str(request.job_name).removesuffix("_windows"), None)
    known = ({} if days else {"clean_at": stamp}) | ({"days_at": stamp} if settled else {})
    new_cursor = json.dumps({"since": since} | known)
    reason = None if requests else SkipReason(_windows_in_words(len(days), settled=settled))
    return SensorResult(run_requests=requests, cursor=new_cursor, skip_reason=reason)


def _windows_in_words(dirty: int, *, settled: bool) -> str:
    if dirty:
        return f"{counted(dirty, 'dataset is', 'datasets are')} dirty; runs under way or pauses come first."
    return "No window is dirty." + ("" if settled else " Days are put in order once no run is under way.")


def _settle_days(
    context: SensorEvaluationContext, intake: Intake, there: Mapping[str, Mapping[str, set[date]]]
) -> bool:
    """Have the days that exist, and no others, as partitions; whether all of it is done."""
    settled = True
    for name, of_dataset in there.items():
        tell_runless(context.instance, make_days(context.instance, intake.datasets[name], of_dataset))
        gone, complete = settle_days(context.instance, intake.datasets[name], of_dataset)
        if gone:
            context.log.info(
                f"{name}: {counted(len(gone), 'day has', 'days have')} no windows any more, such as {gone[0]}"
            )
        settled = settled and complete
    return settled


def _ready(context: SensorEvaluationContext, dataset: str, since: float, now: float) -> bool:
    """Whether to recompute now: not while more deliveries are coming in (for a while), not in the pause after a
    failure, not while the ingest job is about to do it."""
    instance = context.instance
    if history.under_way(instance, INGEST_JOB).any:
        return False
    coming_in = history.count_under_way(instance, ingest_job_name(dataset))
    # One run alone computes what it touches at its end. Several leave it to each other, for ever where files come without end.
    if coming_in and now < since + (_WAIT_FOR_THE_ONLY_INGEST if coming_in == 1 else _WAIT_FOR_INGEST):
        return False
    streak, ended_at = history.failures_in_a_row(instance, windows_job_name(dataset))
    return now >= ended_at + pause_after(streak)


def _window_requests(
    context: SensorEvaluationContext, dataset: Dataset, days: set[date | None]
) -> list[RunRequest]:
    job = windows_job_name(dataset.name)
    work = history.under_way(context.instance, job)
    order = keys_of_days(context.instance, dataset.name)
    plan = plan_windows(days, order, work.keys(order), work.whole)
    if plan.everything:
        return [RunRequest(job_name=job)]
    return [_span_request(job, Span(*span)) for span in plan.spans]


def _span_request(job: str, span: Span) -> RunRequest:
    tags = span.tags
    partition = tags.pop(PARTITION, None)
    return RunRequest(job_name=job, partition_key=partition, tags=tags | {DIRTY_ONLY_TAG: "true"})


def _short(landing: str) -> str:
    return hashlib.sha256(landing.encode()).hexdigest()[:12]
