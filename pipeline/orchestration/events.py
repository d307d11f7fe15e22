"""The one place that turns what happened into Dagster's events.

What belongs here: ledger entries → materializations and observations; recomputed windows → materializations. Three
speak through it: the partitioned assets, the `ingest` job and the sensors. What does not: storing the events, which is
the step's or the instance's.

A loaded delivery is a materialization of its partition in `<dataset>/errors` and `<dataset>/clean`, in this order: the
sensor that looks for missing events looks for the latter. So is a duplicate, whose rows the table has already, and a correction that was
taken, whose rows join other deliveries: they say so, or their partitions would be missing for ever, or failed once they were mended. The
deliveries that were corrected are told anew after it, with the counts that they have now. A quarantined delivery is an observation, so that
its partition does not look filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from dagster import AssetCheckEvaluation, AssetKey, AssetMaterialization, AssetObservation

from pipeline.contract import Total
from pipeline.intake import Intake, Outcome, corrected_by
from pipeline.orchestration.days import NO_WINDOW, shown
from pipeline.orchestration.metadata import (
    PARTITION_ROWS,
    SAMPLE_ROWS,
    TABLE_ROWS,
    account_metadata,
    as_table,
    delivery_metadata,
    place_metadata,
    stored_metadata,
    unloaded_metadata,
    window_metadata,
)
from pipeline.orchestration.names import LEDGER_TAG, clean_key, errors_key, window_key
from pipeline.orchestration.pictures import window_chart
from pipeline.warehouse import Computed, Entry, Failures, Recomputed, Session, told
from pipeline.warehouse.accounts import DeliveryAccount
from pipeline.warehouse.ledger import CURRENT
from pipeline.warehouse.overview import TableRows, table_rows

DATA_VERSION = "dagster/data_version"
SAMPLED_DELIVERIES = 50
"""A run of more deliveries shows the figures of each, without samples."""

_CHARTS = 4

AssetEvent = AssetMaterialization | AssetObservation | AssetCheckEvaluation


@dataclass(frozen=True)
class Samples:
    """First rows of a delivery, ready to be shown."""

    clean: Any = None
    errors: Any = None


def report_outcomes(
    intake: Intake,
    outcomes: Sequence[Outcome],
    sampled: bool,
    accounts: Mapping[str, DeliveryAccount] | None = None,
) -> Iterator[AssetEvent]:
    """The events of committed deliveries; the warehouse is opened once.

    Args:
        sampled: whether to show rows of them.
        accounts: ledger id → what the report tells. None: the machine has failed, and nothing more is read.
    """
    known = [outcome for outcome in outcomes if outcome.dataset in intake.datasets]
    samples: dict[str, Samples] = {}
    rows: dict[str, TableRows] = {}
    loaded = [outcome.entry for outcome in known if outcome.entry.status in CURRENT]
    corrected = corrected_by(intake, loaded)
    with_rows = [entry for entry in loaded if not entry.is_correction]
    if accounts is not None and (loaded or any(one.entry.status == "duplicate" for one in known)):
        with intake.warehouse.session(read_only=True) as session:
            names = {one.dataset for one in known}
            rows = {name: table_rows(session, intake.datasets[name], ()) for name in names}
            samples = {entry.id: _sample(session, entry) for entry in with_rows if sampled}
    for outcome in known:
        entry = outcome.entry
        account = (accounts or {}).get(entry.id)
        more = _more(intake, entry, account, sampled)
        if outcome.again is not None:
            more["result"] = outcome.again
        yield from delivery_events(
            entry, outcome.kept_at, samples.get(entry.id, Samples()), more, rows.get(entry.dataset)
        )
    for entry in corrected:
        more = _more(intake, entry, (accounts or {}).get(entry.id), sampled)
        yield from delivery_events(entry, more=more, rows=rows.get(entry.dataset))


def _more(intake: Intake, entry: Entry, account: DeliveryAccount | None, sampled: bool) -> dict[str, Any]:
    more = place_metadata(entry, intake.settings)
    return more | account_metadata(account, sampled) if account else more


def delivery_events(
    entry: Entry,
    kept_at: Path | None = None,
    samples: Samples = Samples(),
    more: Mapping[str, Any] | None = None,
    rows: TableRows | None = None,
) -> list[AssetEvent]:
    """The events of one ledger row, with `more` metadata and how many `rows` the tables have; none for a version that another has
    replaced."""
    of_tables = (
        {} if rows is None else {"clean": {TABLE_ROWS: rows.clean}, "errors": {TABLE_ROWS: rows.errors}}
    )
    is_taken_correction = entry.is_correction and entry.status in CURRENT
    tags = {LEDGER_TAG: entry.id} | ({DATA_VERSION: entry.sha256} if entry.sha256 else {})
    if entry.status == "duplicate" or is_taken_correction:
        what = "correction" if is_taken_correction else "duplicate"
        return [
            AssetMaterialization(
                key,
                partition=entry.delivery,
                description=f"{entry.delivery}: {what}. {entry.reason or ''}".strip(),
                metadata=dict(more or {})
                | unloaded_metadata(entry, kept_at)
                | of_tables.get(key.path[-1], {}),
                tags=tags,
            )
            for key in (errors_key(entry.dataset), clean_key(entry.dataset))
        ]
    if entry.status == "quarantined":
        return [
            AssetObservation(
                clean_key(entry.dataset),
                partition=entry.delivery,
                description=f"{entry.delivery}: {entry.status}. {entry.reason or ''}".strip(),
                metadata=dict(more or {}) | unloaded_metadata(entry, kept_at),
                tags={LEDGER_TAG: entry.id},
            )
        ]
    if entry.status not in CURRENT:
        return []
    metadata = dict(more or {}) | delivery_metadata(entry, kept_at)
    of_errors = metadata | {PARTITION_ROWS: entry.violations} | of_tables.get("errors", {})
    metadata |= of_tables.get("clean", {})
    if samples.errors is not None:
        of_errors["sample_of_errors"] = samples.errors
        metadata["sample_of_errors"] = samples.errors
    if samples.clean is not None:
        metadata["sample"] = samples.clean
    return [
        AssetMaterialization(
            errors_key(entry.dataset), partition=entry.delivery, metadata=of_errors, tags=tags
        ),
        AssetMaterialization(
            clean_key(entry.dataset), partition=entry.delivery, metadata=metadata, tags=tags
        ),
    ]


def report_windows(
    intake: Intake,
    done: Sequence[Recomputed],
    failures: Failures | None = None,
    *,
    drawn: bool = True,
    counted: bool = True,
) -> Iterator[AssetEvent]:
    """The events of recomputed windows; the latest days of a few windows get a picture, if any are to be `drawn`, and the rows of their
    tables are `counted`, unless nothing more is to be read.

    Raises:
        PartsFailed: a picture could not be drawn, and `failures` is not there to take that; all events were given.
    """
    with told(failures) as aside:
        pictures = _pictures(intake, done, aside) if drawn else {}
        rows: dict[str, TableRows] = {}
        if counted and done:
            with (
                aside.aside("row counts", "", opens=True),
                intake.warehouse.session(read_only=True) as session,
            ):
                names = {
                    item.dataset: {one.window for one in done if one.dataset == item.dataset} for item in done
                }
                rows = {
                    name: table_rows(session, intake.datasets[name], windows)
                    for name, windows in names.items()
                }
        yield from _window_events(intake, done, pictures, rows)


def _window_events(
    intake: Intake,
    done: Sequence[Recomputed],
    pictures: Mapping[tuple[str, str, date | None], Any],
    rows: Mapping[str, TableRows],
) -> Iterator[AssetEvent]:
    totals: set[tuple[str, str]] = set()
    for item in done:
        dataset = intake.datasets[item.dataset]
        key = window_key(item.dataset, item.window)
        metadata = window_metadata(item, pictures.get((item.dataset, item.window, item.day)))
        if item.dataset in rows:
            metadata[TABLE_ROWS] = rows[item.dataset].windows.get(item.window, 0)
        if isinstance(dataset.window(item.window), Total):
            if (item.dataset, item.window) not in totals:
                totals.add((item.dataset, item.window))
                yield AssetMaterialization(key, metadata=metadata)
        elif item.day is not None and shown(dataset, item.day):
            told_of = None if item.rows else NO_WINDOW
            yield AssetMaterialization(
                key, partition=item.day.isoformat(), description=told_of, metadata=metadata
            )
        else:
            text = f"A day before {dataset.first_day}, the first that is a partition, was recomputed."
            yield AssetObservation(key, description=text, metadata=metadata)


def stored_window(dataset: str, found: Computed, rows: int) -> AssetMaterialization:
    """The event of windows that are stored and of which no run has told; `rows`: those of the window's table."""
    return AssetMaterialization(
        window_key(dataset, found.window),
        partition=None if found.day is None else found.day.isoformat(),
        description="Computed outside of Dagster, or by a run that ended before it told of it.",
        metadata=stored_metadata(found) | {TABLE_ROWS: rows},
    )


def emptied(key: AssetKey) -> AssetMaterialization:
    """The event of a table that has no rows any more, and so no partition to tell of."""
    return AssetMaterialization(key, description="No rows are left.", metadata={TABLE_ROWS: 0})


def _sample(session: Session, entry: Entry) -> Samples:
    clean = session.clean_sample(entry.dataset, entry.delivery, SAMPLE_ROWS)
    errors = session.error_sample(entry.dataset, entry.delivery, SAMPLE_ROWS) if entry.violations else None
    return Samples(
        None if clean.is_empty() else as_table(clean),
        None if errors is None or errors.is_empty() else as_table(errors),
    )


def _pictures(
    intake: Intake, done: Sequence[Recomputed], failures: Failures
) -> dict[tuple[str, str, date | None], Any]:
    latest = {
        (item.dataset, item.window): item
        for item in sorted(done, key=lambda i: i.day or date.min)
        if item.rows
    }
    chosen = list(latest.values())[:_CHARTS]
    if not chosen:
        return {}
    pictures = {}
    with intake.warehouse.session(read_only=True) as session:
        for item in chosen:
            dataset = intake.datasets[item.dataset]
            days = [] if item.day is None else [item.day]
            with failures.aside("picture", item.dataset, item.window, days):
                drawn = window_chart(session, dataset, dataset.window(item.window), item.day)
                pictures[item.dataset, item.window, item.day] = drawn
    return pictures
