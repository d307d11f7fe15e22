"""Telling Dagster what the ledger holds and its event log lacks.

What belongs here: comparing the two and reporting the difference outside of any run. What does not: what the events look
like (`events`). Deliveries get into the ledger without Dagster (the command line), and a process may die between the
commit and the event.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dagster import AssetRecordsFilter, DagsterInstance

from pipeline.intake import Intake, corrected_by
from pipeline.orchestration.asked import register
from pipeline.orchestration.bulk import tell_runless
from pipeline.orchestration.events import delivery_events
from pipeline.orchestration.history import runs_in_progress
from pipeline.orchestration.metadata import place_metadata, quality_metadata
from pipeline.orchestration.names import LEDGER_TAG, clean_key
from pipeline.warehouse import Entry, Warehouse, quality

ENTRIES_A_TICK = 200
_RECORDS = 2_000
_PATIENCE = 1.5
_MEMORY_MB = 200
_GRACE = timedelta(minutes=2)


@dataclass(frozen=True)
class Settled:
    """A page of ledger entries that can be compared now, and the `seq` to go on from."""

    entries: tuple[Entry, ...]
    seq: int


def settled(entries: Sequence[Entry], seq: int, in_progress: Collection[str], now: datetime) -> Settled:
    """The entries whose run had its time to report them: up to the first that is fresh and whose run is under way.

    Args:
        entries: in order of `seq`.
        seq: where the page began.
        in_progress: ids of runs that have not ended.
        now: UTC without zone.
    """
    done: list[Entry] = []
    for entry in entries:
        if entry.run_id in in_progress and now - entry.committed_at < _GRACE:
            break
        done.append(entry)
        seq = entry.seq
    return Settled(tuple(done), seq)


def report_missing(
    instance: DagsterInstance, intake: Intake, dataset: str, after: int
) -> tuple[int, int, bool]:
    """Report what the next entries of the ledger after `after` lack in the event log.

    Returns:
        How many deliveries were reported, the `seq` to go on from, and whether everything is compared.

    Raises:
        WarehouseBusy: another process holds the warehouse.
        WarehouseMissing: there is none yet.
    """
    with glance(intake).session(read_only=True) as session:
        entries = session.entries(dataset, after_seq=after, limit=ENTRIES_A_TICK)
        scores = quality.of_entries(session.connection, [entry.id for entry in entries])
    runs = sorted({entry.run_id for entry in entries if entry.run_id})
    page = settled(entries, after, runs_in_progress(instance, runs), datetime.now(UTC).replace(tzinfo=None))
    told = told_entries(instance, dataset, [entry.delivery for entry in page.entries])
    lacking = [entry for entry in page.entries if entry.id not in told]
    register(instance, dataset, (entry.delivery for entry in lacking))
    corrected = corrected_by(intake, lacking)
    register(instance, dataset, (entry.delivery for entry in corrected))
    events = [
        delivery_events(
            entry,
            more=place_metadata(entry, intake.settings) | quality_metadata(scores.get(entry.id)),
        )
        for entry in lacking
    ]
    anew = [delivery_events(entry, more=place_metadata(entry, intake.settings)) for entry in corrected]
    tell_runless(instance, [event for of_entry in (*events, *anew) for event in of_entry])
    return (
        len([of_entry for of_entry in events if of_entry]),
        page.seq,
        len(page.entries) == len(entries) < ENTRIES_A_TICK,
    )


def glance(intake: Intake) -> Warehouse:
    """The warehouse for a sensor: one that is in use is left alone until the next tick."""
    return Warehouse(intake.settings.warehouse, intake.datasets, memory_mb=_MEMORY_MB, busy_timeout=_PATIENCE)


def told_entries(instance: DagsterInstance, dataset: str, deliveries: Collection[str]) -> set[str]:
    """Ids of the ledger entries of these deliveries that an event of `<dataset>/clean` tells of."""
    if not deliveries:
        return set()
    wanted = AssetRecordsFilter(clean_key(dataset), asset_partitions=sorted(set(deliveries)))
    told = set()
    for record in instance.fetch_materializations(wanted, limit=_RECORDS).records:
        if record.asset_materialization is not None:
            told.add((record.asset_materialization.tags or {}).get(LEDGER_TAG, ""))
    for record in instance.fetch_observations(wanted, limit=_RECORDS).records:
        observation = record.event_log_entry.asset_observation
        if observation is not None:
            told.add((observation.tags or {}).get(LEDGER_TAG, ""))
    return told
