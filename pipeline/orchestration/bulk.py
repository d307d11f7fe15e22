"""Storing many asset events at once.

What belongs here: putting a list of events into the event log in one transaction, where Dagster would open and close its
database several times for each. What does not: making the events (`events`).

Dagster's SQLite event log stores one event in about 5 ms, on a busy disk in many times as much, and has no batches; a run over one
file tells some thirty, over a thousand files some two thousand. The rows are made by the storage's own methods. Any other storage, and
one or two events, go Dagster's usual way.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence

from dagster import (
    AssetCheckEvaluation,
    AssetObservation,
    DagsterEventType,
    DagsterInstance,
    OpExecutionContext,
)
from dagster._core.events import AssetObservationData, DagsterEvent, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._serdes import serialize_value
from dagster._time import get_current_timestamp
from sqlalchemy.engine import Connection

from pipeline.counts import counted
from pipeline.orchestration.events import AssetEvent

_FEW = 2


def tell(context: OpExecutionContext, events: Sequence[AssetEvent]) -> Iterator[AssetEvent]:
    """Events of a step: yields a few for Dagster to store, stores many itself."""
    storage = context.instance.event_log_storage
    if len(events) <= _FEW or not isinstance(storage, SqliteEventLogStorage):
        yield from events
        return
    run, step = context.run, context.get_step_execution_context().step
    _store(storage, [_entry(event, run.run_id, run.job_name, step.key) for event in events])
    context.log.info(f"{counted(len(events), 'asset event was', 'asset events were')} stored")


def tell_runless(instance: DagsterInstance, events: Sequence[AssetEvent]) -> None:
    """Events that belong to no run."""
    storage = instance.event_log_storage
    if len(events) <= _FEW or not isinstance(storage, SqliteEventLogStorage):
        for event in events:
            instance.report_runless_asset_event(event)
        return
    _store(storage, [_entry(event, RUNLESS_RUN_ID, RUNLESS_JOB_NAME, None) for event in events])


def _entry(event: AssetEvent, run_id: str, job: str, step: str | None) -> EventLogEntry:
    kind = DagsterEventType.ASSET_MATERIALIZATION
    data: StepMaterializationData | AssetObservationData | AssetCheckEvaluation
    if isinstance(event, AssetCheckEvaluation):
        kind, data = DagsterEventType.ASSET_CHECK_EVALUATION, event
    elif isinstance(event, AssetObservation):
        kind, data = DagsterEventType.ASSET_OBSERVATION, AssetObservationData(event)
    else:
        data = StepMaterializationData(event)
    told = DagsterEvent(
        kind.value, job, event_specific_data=data, message=_message(event), pid=os.getpid(), step_key=step
    )
    now = get_current_timestamp()
    return EventLogEntry(None, logging.DEBUG, "", run_id, now, step, job, told)  # type: ignore[no-untyped-call]


def _message(event: AssetEvent) -> str | None:
    """What the page of a run says of an event, as where Dagster stores it; of an observation it says what was observed."""
    if isinstance(event, AssetCheckEvaluation):
        verdict = "passed" if event.passed else "did not pass"
        more = "" if event.description is None else f" Description: '{event.description}'"
        return f"Asset check '{event.check_name}' on '{event.asset_key.to_user_string()}' {verdict}.{more}"
    if isinstance(event, AssetObservation):
        return None
    return event.description or f"Materialized value {event.label}."


def _store(storage: SqliteEventLogStorage, entries: Sequence[EventLogEntry]) -> None:
    """Into the run's own database, then into the index over all runs; what an asset looks like follows its last event."""
    rows = [storage._event_to_row(entry) for entry in entries]
    insert = SqlEventLogStorageTable.insert()
    with storage.run_connection(entries[0].run_id) as connection:
        connection.execute(insert, rows)
    with storage.index_transaction() as connection:
        ids = [int((connection.execute(insert, row).inserted_primary_key or (0,))[0]) for row in rows]
        of_assets, last = [], {}
        for entry, event_id in zip(entries, ids, strict=True):
            told = entry.get_dagster_event()
            if told.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
                _store_check(storage, connection, entry, event_id)
                continue
            of_assets.append((entry, event_id))
            last[told.asset_key, told.event_type_value] = (entry, event_id)
        if of_assets:
            storage._store_asset_event_tags(connection, [e for e, _ in of_assets], [i for _, i in of_assets])
        for entry, event_id in last.values():
            storage._store_asset_event(connection, entry, event_id)


def _store_check(
    storage: SqliteEventLogStorage, connection: Connection, entry: EventLogEntry, event_id: int
) -> None:
    """The outcome of a check, in place of what was planned for it in this run; of no run, one more outcome, as Dagster has it."""
    told = entry.get_dagster_event().asset_check_evaluation_data
    status = AssetCheckExecutionRecordStatus
    values = {
        "execution_status": (status.SUCCEEDED if told.passed else status.FAILED).value,
        "evaluation_event": serialize_value(entry),
        "evaluation_event_timestamp": storage._event_insert_timestamp(entry),  # type: ignore[no-untyped-call]
        "evaluation_event_storage_id": event_id,
    }
    named = {
        "asset_key": told.asset_key.to_string(),
        "check_name": told.check_name,
        "run_id": entry.run_id,
        "partition": None,
    }
    if told.target_materialization_data is not None:
        values["materialization_event_storage_id"] = told.target_materialization_data.storage_id
    mine = [AssetCheckExecutionsTable.c[name] == value for name, value in named.items()]
    planned = AssetCheckExecutionsTable.update().where(*mine).values(**values)
    if entry.run_id == RUNLESS_RUN_ID or not connection.execute(planned).rowcount:
        connection.execute(AssetCheckExecutionsTable.insert().values(**named, **values))
