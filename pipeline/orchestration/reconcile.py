"""Telling Dagster what the ledger holds and its event log lacks.

What belongs here: comparing what is (ledger, windows, quarantine, tables) with what Dagster was told, and reporting the difference
outside of any run. What does not: what the events look like (`events`), what the checks say (`checks`). Deliveries get into the ledger
without Dagster (the command line), and a process may die between the commit and the event.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from dagster import AssetKey, AssetRecordsFilter, DagsterInstance

from pipeline.intake import Intake, corrected_by
from pipeline.orchestration.asked import register
from pipeline.orchestration.bulk import tell_runless
from pipeline.orchestration.checks import evaluations, not_told
from pipeline.orchestration.days import keys_of_days, make_days, shown
from pipeline.orchestration.events import AssetEvent, delivery_events, emptied, stored_window
from pipeline.orchestration.history import any_at_work, mark_committed, runs_in_progress
from pipeline.orchestration.metadata import TABLE_ROWS, place_metadata, quality_metadata
from pipeline.orchestration.names import LEDGER_TAG, clean_key, errors_key, window_key
from pipeline.warehouse import Computed, Entry, Warehouse, WarehouseMissing, quality
from pipeline.warehouse.overview import table_rows

Place = tuple[str, str]
"""A moment of computing (ISO 8601, UTC without zone) and a day, or no day."""

ENTRIES_A_TICK = 200
WINDOWS_A_TICK = 500
_BEGINNING: Place = ("0001-01-01T00:00:00", "")
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


@dataclass(frozen=True)
class Compared:
    """How far the warehouse has been compared with the event log.

    Attributes:
        reported: deliveries that were reported just now.
        seq: ledger entries up to here are known to Dagster.
        windows: window → the moment of computing and the day up to which its windows are.
        complete: whether nothing is left for now.
        computed: days of windows, and totals, that were reported just now.
    """

    reported: int
    seq: int
    windows: Mapping[str, Place]
    complete: bool
    computed: int = 0


def compare(
    instance: DagsterInstance, intake: Intake, dataset: str, seq: int = 0, windows: Mapping[str, Place] = {}
) -> Compared:
    """Report what the event log lacks of a dataset, some at a time: deliveries, windows, what the checks say now, how many rows the
    tables have. What runs under way may report themselves is left to them for a while.

    Args:
        seq: see `Compared`; as the last call has given it, or from the beginning.
        windows: the same.

    Raises:
        WarehouseBusy: another process holds the warehouse.
        WarehouseMissing: there is none yet.
    """
    at_work = any_at_work(instance)
    reported, seq, complete = report_missing(instance, intake, dataset, seq)
    computed, windows, all_windows = _report_windows(instance, intake, dataset, windows, at_work)
    complete = complete and all_windows and not at_work
    if complete:
        _report_rows(instance, intake, dataset)
    # Last: Dagster calls a check not evaluated when its asset was materialized since.
    report_checks(instance, intake, dataset)
    return Compared(reported, seq, windows, complete, computed)


def report_checks(instance: DagsterInstance, intake: Intake, dataset: str) -> int:
    """Tell what the checks of `<dataset>/clean` say now, where Dagster has something else; returns of how many."""
    told = not_told(instance, list(evaluations(instance, intake, [dataset], glance(intake))))
    tell_runless(instance, told)
    return len(told)


def report_missing(
    instance: DagsterInstance, intake: Intake, dataset: str, after: int
) -> tuple[int, int, bool]:
    """Report what the next entries of the ledger after `after` lack in the event log. A run that has failed and has not told of what
    it had committed is marked.

    Returns:
        How many deliveries were reported, the `seq` to go on from, and whether everything is compared.

    Raises:
        WarehouseBusy: another process holds the warehouse.
        WarehouseMissing: there is none yet.
    """
    with glance(intake).session(read_only=True) as session:
        entries = session.entries(dataset, after_seq=after, limit=ENTRIES_A_TICK)
        scores = quality.of_entries(session.connection, [entry.id for entry in entries])
        rows = table_rows(session, intake.datasets[dataset], ())
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
            rows=rows,
        )
        for entry in lacking
    ]
    anew = [
        delivery_events(entry, more=place_metadata(entry, intake.settings), rows=rows) for entry in corrected
    ]
    tell_runless(instance, [event for of_entry in (*events, *anew) for event in of_entry])
    mark_runs(instance, intake, {entry.run_id for entry in lacking if entry.run_id})
    return (
        len([of_entry for of_entry in events if of_entry]),
        page.seq,
        len(page.entries) == len(entries) < ENTRIES_A_TICK,
    )


def mark_runs(instance: DagsterInstance, intake: Intake, run_ids: Collection[str]) -> None:
    """Say on those of the runs that have failed what they had committed before.

    Raises:
        WarehouseBusy: another process holds the warehouse.
    """
    if not run_ids:
        return
    found: dict[str, list[str]] = {run_id: [] for run_id in sorted(run_ids)}
    try:
        with glance(intake).session(read_only=True) as session:
            for entry in session.of_runs(run_ids):
                found[entry.run_id or ""].append(f"{entry.dataset}/{entry.delivery} ({entry.status})")
    except WarehouseMissing:
        pass  # then nothing was committed
    for run_id, deliveries in found.items():
        mark_committed(instance, run_id, deliveries)


def _report_windows(
    instance: DagsterInstance, intake: Intake, name: str, places: Mapping[str, Place], at_work: bool
) -> tuple[int, dict[str, Place], bool]:
    """Report the days of windows that were computed and that the event log lacks: how many, up to where, and whether that was all."""
    dataset = intake.datasets[name]
    now = datetime.now(UTC).replace(tzinfo=None)
    found: dict[str, list[Computed]] = {}
    with glance(intake).session(read_only=True) as session:
        for window in dataset.windows:
            at, day = places.get(window.name, _BEGINNING)
            last = date.fromisoformat(day) if day else None
            found[window.name] = session.computed_after(name, window.name, datetime.fromisoformat(at), last)
        rows = table_rows(session, dataset)
        known = set(keys_of_days(instance, name))
        new = any(_key(one) not in known for days in found.values() for one in days if one.day is not None)
        there = session.days(name) if new else {}
    reached, room, complete, events = dict(places), WINDOWS_A_TICK, True, list[AssetEvent]()
    for window_name, days in found.items():
        page = [one for one in days[:room] if not (at_work and now - one.at < _GRACE)]
        room, complete = room - len(page), complete and len(page) == len(days)
        if page:
            reached[window_name] = (page[-1].at.isoformat(), _key(page[-1]))
            told = _told_windows(instance, name, page)
            events += [
                stored_window(name, one, rows.windows.get(window_name, 0))
                for one in page
                if told.get(_key(one), 0.0) < one.at.replace(tzinfo=UTC).timestamp()
                and (one.day is None or shown(dataset, one.day))
            ]
    # Those first that say of a new day that a window has nothing there: an asset shows the metadata of its latest event.
    tell_runless(instance, [*make_days(instance, dataset, there), *events])
    return len(events), reached, complete


def _key(found: Computed) -> str:
    """The partition of a day; empty for a total, which has none."""
    return "" if found.day is None else found.day.isoformat()


def _told_windows(instance: DagsterInstance, dataset: str, page: Sequence[Computed]) -> dict[str, float]:
    """Partition → when its latest materialization was told, in seconds since 1970."""
    keys = [_key(one) for one in page if one.day is not None]
    wanted = AssetRecordsFilter(window_key(dataset, page[0].window), asset_partitions=keys or None)
    told: dict[str, float] = {}
    for record in instance.fetch_materializations(wanted, limit=_RECORDS if keys else 1).records:
        told.setdefault(record.partition_key or "", record.timestamp)
    return told


def _report_rows(instance: DagsterInstance, intake: Intake, name: str) -> None:
    """Where a table has another number of rows by now than Dagster shows, for rows went or joined without a delivery: tell its newest
    delivery, or the newest day of a window, anew."""
    dataset, events = intake.datasets[name], list[AssetEvent]()
    with glance(intake).session(read_only=True) as session:
        rows = table_rows(session, dataset)
        tables = {clean_key(name): rows.clean, errors_key(name): rows.errors}
        if any(_shows_other(instance, key, count) for key, count in tables.items()):
            newest = session.newest_loaded(name)
            more = {} if newest is None else place_metadata(newest, intake.settings)
            events += [] if newest is None else delivery_events(newest, more=more, rows=rows)
            events += [emptied(key) for key, count in tables.items() if newest is None and not count]
        for window, count in rows.windows.items():
            key = window_key(name, window)
            if _shows_other(instance, key, count):
                stored = session.computed_after(name, window, datetime.fromisoformat(_BEGINNING[0]))
                partitions = [one for one in stored if one.day is None or shown(dataset, one.day)]
                events += [stored_window(name, one, count) for one in partitions[-1:]]
                events += [] if count else [emptied(key)]
    tell_runless(instance, events)


def _shows_other(instance: DagsterInstance, key: AssetKey, rows: int) -> bool:
    """Whether Dagster shows another number of rows of an asset that was ever materialized."""
    for record in instance.fetch_materializations(key, limit=1).records:
        told = record.asset_materialization
        known = None if told is None else told.metadata.get(TABLE_ROWS)
        return known is None or known.value != rows
    return False


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
