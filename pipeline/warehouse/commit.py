"""One delivery, one transaction: fully visible or not at all, and landing it again changes nothing.

What belongs here: what happens to a delivery, in order. What does not: the statements that move rows (`loading`),
finding rows that conflict with what is there (`conflicts`), days of windows (`windows.dirty`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import duckdb

from pipeline.contract import Dataset
from pipeline.ingest.manifest import Staged
from pipeline.ingest.refusals import (
    BY_RULE,
    BY_RULE_REMEDY,
    TOO_MANY,
    by_rule_in_words,
    too_many,
    too_many_remedy,
)
from pipeline.warehouse import cleaning, conflicts, ledger, loading, precedence, waiting
from pipeline.warehouse.added import Room, make_room
from pipeline.warehouse.conflicts import Conflicts
from pipeline.warehouse.connection import transaction
from pipeline.warehouse.errors import DeliveryRefused, ReconciliationError, WarehouseError
from pipeline.warehouse.ledger import Entry
from pipeline.warehouse.loading import Records
from pipeline.warehouse.precedence import LAST
from pipeline.warehouse.sql import text
from pipeline.warehouse.windows import dirty, late
from pipeline.warehouse.windows.late import Reached


@dataclass(frozen=True)
class _Loaded:
    """What one delivery put into the tables."""

    clean: int
    rejected: int
    violations: int
    found: Conflicts
    expired: int = 0


def commit(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    staged: Staged,
    *,
    run_id: str | None = None,
    replay: bool = False,
    records: Records | None = None,
    again: bool = False,
) -> Entry:
    """Load a staged delivery; see `Session.commit`."""
    manifest = staged.manifest
    began = time.perf_counter()
    with transaction(connection):
        landed, mine, same = ledger.related(
            connection, dataset.name, staged.delivery, manifest.sha256, staged.landing
        )
        # An original in the archive stays where it is, however often it is loaded.
        if landed is not None and not (again or replay):
            return landed
        unchanged = mine is not None and (mine.sha256, mine.contract_fingerprint) == (
            manifest.sha256,
            manifest.fingerprint,
        )
        if unchanged and replay and not again:
            assert mine is not None
            return mine
        original = (
            mine if unchanged else same if same is not None and same.delivery != staged.delivery else None
        )
        if again:
            _require_current(staged, mine)
            original = None
        facts = ledger.facts(staged) | {"run_id": run_id, "archive": dataset.archive}
        if original is not None:
            return duplicate(connection, dataset, mine, original, facts)
        room = make_room(connection, dataset, manifest.added)
        stays = mine is not None and mine.sha256 == manifest.sha256
        place = precedence.place_of(connection, dataset.name, staged.delivery) if stays else LAST
        before, first = late.reached(connection, dataset), manifest.event_time_min
        remembered = False
        if mine is not None:
            if before is not None:
                remembered = late.remember(connection, dataset, mine, before, first, again=again)
            supersede(connection, dataset, mine, before, stays=stays, at_once=_behind(dataset, place))
        expired = late.expired(dataset, before, first) if again and remembered else None
        loaded = _load(connection, dataset, staged, records, room, place, expired)
        entry = _record(
            connection,
            dataset,
            staged,
            loaded,
            facts
            | {
                "seconds": manifest.seconds + time.perf_counter() - began,
                "reason": "; ".join([*manifest.remarks, *room.reasons]) or None,
            },
        )
        dirty.mark(connection, dataset, staged.delivery, manifest.days)
        if before is not None:
            fresh = f"_delivery = {text(staged.delivery)}"
            late.note(connection, dataset, fresh, before, first, remembered=remembered, again=again)
        if _settle(connection, dataset, staged.delivery, place, loaded.found, before):
            entry = ledger.current(connection, dataset.name, staged.delivery) or entry
    return entry


def _behind(dataset: Dataset, place: int) -> bool:
    """Whether rows at this place come to a key behind all that are there: they can only lose it."""
    return place == LAST and not dataset.later_wins


def _settle(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    delivery: str,
    place: int,
    found: Conflicts,
    before: Reached | None,
) -> bool:
    """Give keys to those to whom they belong now that the rows are loaded; whether any row may have moved."""
    if _behind(dataset, place) and not (found and waiting.may_orphan(dataset)):
        return False
    waiting.seed(connection, waiting.orphans(dataset, f"({text(delivery)})"))
    return waiting.settle(connection, dataset, before)


def supersede(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    old: Entry,
    before: Reached | None,
    *,
    stays: bool = False,
    at_once: bool = True,
) -> None:
    """Take the rows of a delivery's earlier version out and mark what they touched as dirty. Another delivery with its bytes, so far a duplicate,
    has them from then on; where there is none, those that waited for their keys get them.

    Args:
        before: how far things had gone.
        stays: its new version has the same bytes.
        at_once: whether keys are given away now; else when the new version is there (`_settle`).
    """
    heir = None if stays else ledger.heir(connection, old)
    dirty.mark(connection, dataset, old.delivery, dirty.spans_of(connection, dataset, old))
    if heir is None:
        loading.delete_rows(connection, dataset, old.delivery)
        late.forget(connection, dataset, old.delivery)
        waiting.forget(connection, dataset, old.delivery)
    else:
        waiting.hand_over(connection, dataset, old.delivery, heir.delivery)
    ledger.set_status(connection, old, "replaced", "a newer version of the file took its place")
    if heir is not None:
        ledger.inherit(connection, old, heir)
        dirty.mark(connection, dataset, heir.delivery, dirty.spans_of(connection, dataset, heir))
    if at_once:
        waiting.settle(connection, dataset, before)


def duplicate(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    mine: Entry | None,
    original: Entry,
    facts: dict[str, Any],
) -> Entry:
    """Record a delivery whose bytes are loaded already. An earlier version of the same key, with other bytes, goes: the
    file that held it holds something else now."""
    if mine is not None and mine.id != original.id:
        supersede(connection, dataset, mine, late.reached(connection, dataset))
    return ledger.insert(
        connection, facts | {"status": "duplicate", "reason": ledger.duplicate_reason(original)}
    )


def _require_current(staged: Staged, mine: Entry | None) -> None:
    if mine is None or mine.sha256 != staged.manifest.sha256:
        raise WarehouseError(
            f"delivery {staged.delivery!r} of dataset {staged.manifest.dataset!r} cannot be loaded again from {staged.source}: the table"
            " does not hold it, or holds another version. Ask for it once more."
        )


def _load(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    staged: Staged,
    records: Records | None,
    room: Room,
    place: int,
    expired: str | None,
) -> _Loaded:
    manifest = staged.manifest
    detected_at = ledger.now()
    errors = loading.insert_errors(connection, staged, detected_at)
    clean = inserted = gone = 0
    found = Conflicts()
    if staged.clean_paths:
        source = loading.clean_source(dataset, staged, room)
        if expired is not None:
            gone = loading.count_of(connection, f"{source} WHERE {expired}")
            source = f"(SELECT * FROM {source} WHERE NOT ({expired}))"
        side = None if _behind(dataset, place) else waiting.staged_side(staged, source, place)
        found = conflicts.find_conflicts(connection, dataset, staged.clean_paths, source, staged=side)
        _refuse(dataset, staged, found)
        if found:
            errors += loading.insert_conflicts(connection, dataset, staged, source, records, detected_at)
            own = waiting.listed_rows(staged.delivery)
            waiting.put(connection, dataset, source, room, detected_at, own)
        inserted = loading.insert_clean(
            connection, dataset, staged.delivery, source, conflicts.exclude(found), room
        )
        conflicts.forget(connection, found)
        clean = loading.count_rows(connection, dataset, staged.delivery)
    else:
        _refuse(dataset, staged, found)
    loaded = _Loaded(clean, manifest.rows_rejected + found.rows, errors, found, gone)
    _reconcile(staged, loaded, inserted)
    return loaded


def _refuse(dataset: Dataset, staged: Staged, found: Conflicts) -> None:
    """Raise DeliveryRefused where the conflicts refuse the file, or more of its rows are rejected than the dataset allows."""
    manifest = staged.manifest
    counts = sorted((*manifest.rejects, *found.counts), key=lambda one: -one.rows)
    if found.refused:
        cause = by_rule_in_words(found.refused)
        raise DeliveryRefused(staged.delivery, BY_RULE, cause, BY_RULE_REMEDY, counts)
    too_much = too_many(
        dataset, manifest.rows_rejected + found.rows - found.superseded, manifest.rows_read, counts
    )
    if too_much is not None:
        remedy = too_many_remedy(dataset, staged.source)
        raise DeliveryRefused(staged.delivery, TOO_MANY, too_much, remedy, counts)


def _reconcile(staged: Staged, loaded: _Loaded, inserted: int) -> None:
    """Raise ReconciliationError unless every row and every violation is where the account says."""
    manifest = staged.manifest
    figures = {
        "rows_read": manifest.rows_read,
        "rows_clean": manifest.rows_clean - loaded.found.rows,
        "rows_rejected": loaded.rejected,
        "rows_filtered": manifest.rows_filtered,
        "violations": manifest.violations + loaded.found.violations + loaded.found.superseded,
        "rows inserted": inserted,
        "rows in the table": loaded.clean,
        "rows expired": loaded.expired,
        "error rows inserted": loaded.violations,
        "rows in conflict": loaded.found.rows,
    }
    accounted = figures["rows_clean"] + figures["rows_rejected"] + figures["rows_filtered"]
    if figures["rows_read"] != accounted:
        cause = "rows read are not clean + rejected + filtered"
    elif not figures["rows_clean"] - loaded.expired == inserted == loaded.clean:
        cause = "the table does not hold the clean rows"
    elif figures["violations"] != loaded.violations:
        cause = "the error table does not hold the violations"
    else:
        return
    raise ReconciliationError(manifest.dataset, staged.delivery, cause, figures)


def _record(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    staged: Staged,
    loaded: _Loaded,
    facts: dict[str, Any],
) -> Entry:
    """Write the ledger row, the profile and what the cleaners changed."""
    manifest = staged.manifest
    span = manifest.event_time_min, manifest.event_time_max
    if loaded.found.rows and not loaded.expired:
        span = loading.event_span(connection, dataset, staged.delivery)
    entry = ledger.insert(
        connection,
        facts
        | {
            "rows_read": manifest.rows_read,
            "rows_clean": loaded.clean + loaded.expired,
            "rows_expired": loaded.expired,
            "rows_rejected": loaded.rejected,
            "rows_filtered": manifest.rows_filtered,
            "rows_warned": manifest.rows_warned,
            "rows_mended": manifest.rows_mended,
            "rows_superseded": loaded.found.superseded,
            "violations": loaded.violations - loaded.found.superseded,
            "status": "partial" if loaded.rejected > loaded.found.superseded else "loaded",
            "event_time_min": span[0],
            "event_time_max": span[1],
        },
    )
    ledger.insert_profile(connection, entry, manifest.columns, loaded.found.by_column)
    cleaning.insert(connection, entry, manifest.cleaned)
    return entry
