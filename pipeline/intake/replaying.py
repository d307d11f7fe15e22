"""Rows that are rejected, once more: those in the error table as they are, and corrections from the archive.

What belongs here: `pipeline replay`, and taking corrections again after their originals were loaded anew. What does not: how rows are
validated (`ingest.revalidate`) and moved (`warehouse.corrections`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from pipeline.files import landing_of
from pipeline.ingest import Staged
from pipeline.ingest.keys import RAW
from pipeline.ingest.revalidate import KEY_SCHEMA, Revalidation
from pipeline.ingest.staging import new_part
from pipeline.intake.commit import Outcome, commit
from pipeline.intake.house import Intake
from pipeline.intake.originals import OriginalUnavailable, find_original, open_original
from pipeline.intake.origins import Origins
from pipeline.intake.prepare import prepare
from pipeline.warehouse import Entry, Session
from pipeline.warehouse.ledger import CURRENT

_OPEN = "open.parquet"


@dataclass(frozen=True)
class Replayed:
    """What a replay did to the rows of one delivery.

    Attributes:
        delivery: its key.
        looked_at: rows that were open.
        passed: rows that are clean now.
        filtered: rows that the contract leaves out now.
        still_rejected: rows that stay open, `unread` ones among them.
        unread: rows that the reader could not split: they need a correction, or their file to be loaded again.
    """

    delivery: str
    looked_at: int
    passed: int
    filtered: int
    still_rejected: int
    unread: int


def replay(intake: Intake, dataset: str, deliveries: Sequence[str] | None = None) -> list[Replayed]:
    """Validate the open rows of a dataset, or of some of its deliveries, against the contract as it is now, in one transaction.
    A row that fails for other reasons than before gets those; rows that others change meanwhile are left to them.

    Raises:
        ContractError, WarehouseError, OSError. ReconciliationError: the rows do not add up; nothing was stored.
    """
    declared, settings = intake.datasets[dataset], intake.settings
    part = new_part(settings.staging)
    try:
        with intake.warehouse.session() as session:
            session.copy_open_rows(dataset, part / _OPEN, deliveries)
        counts: dict[str, list[int]] = {}
        with Origins(intake, dataset) as origins:
            work = Revalidation(declared, settings, part, origins)
            for keys, records in _batches(part / _OPEN, min(settings.chunk_rows, 50_000)):
                _count(counts, keys, records)
                for some, source in _by_header(keys, records):
                    work.add(some, source)
        if not work.rows:
            return _told(counts, {})
        staged = Staged(part, work.manifest(), part / _OPEN, "")
        with intake.warehouse.session() as session:
            applied = session.replay(staged)
        return _told(counts, {one.delivery: (one.clean, one.filtered) for one in applied.moved})
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _batches(path: Path, size: int) -> Iterator[tuple[pl.DataFrame, list[dict[str, Any]]]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(size):
            frame = pl.DataFrame(batch).sort("_row")
            yield (
                frame.select(pl.col(name).cast(kind) for name, kind in KEY_SCHEMA.items()),
                [json.loads(text or "{}") for text in frame["record"]],
            )


def _count(counts: dict[str, list[int]], keys: pl.DataFrame, records: list[dict[str, Any]]) -> None:
    for delivery, record in zip(keys["_delivery"], records, strict=True):
        of_delivery = counts.setdefault(delivery, [0, 0])
        of_delivery[0] += 1
        of_delivery[1] += RAW in record


def _by_header(
    keys: pl.DataFrame, records: list[dict[str, Any]]
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """The rows that the reader could split, those with the same columns together."""
    places: dict[tuple[str, ...], list[int]] = {}
    for at, record in enumerate(records):
        if RAW not in record:
            places.setdefault(tuple(record), []).append(at)
    for columns, chosen in places.items():
        if columns:
            series = [pl.Series(name, [records[at][name] for at in chosen], pl.String) for name in columns]
            yield keys[chosen], pl.DataFrame(series)


def _told(counts: dict[str, list[int]], moved: dict[str, tuple[int, int]]) -> list[Replayed]:
    found = []
    for delivery, (rows, unread) in sorted(counts.items()):
        passed, filtered = moved.get(delivery, (0, 0))
        found.append(Replayed(delivery, rows, passed, filtered, rows - passed - filtered, unread))
    return found


def corrections_of(session: Session, dataset: str) -> list[Entry]:
    """The corrections of a dataset that were taken, oldest first: to be applied again once originals are loaded anew."""
    return session.corrections(dataset)


def apply_corrections(
    intake: Intake, dataset: str, run_id: str | None = None, gone: list[tuple[Entry, str]] | None = None
) -> Iterator[Outcome]:
    """Take the dataset's corrections from the archive once more, oldest first, for the rows that are open now: after originals
    were loaded again from the same bytes, their corrections hold again. One whose file cannot be read again is added to `gone`.

    Yields what became of each; its row of the ledger stays the one that it has.
    """
    with intake.warehouse.session() as session:
        entries = [
            (entry, find_original(intake, session, entry)) for entry in corrections_of(session, dataset)
        ]
    for entry, found in entries:
        try:
            path = open_original(intake, entry, found)
        except OriginalUnavailable as error:
            if gone is not None:
                gone.append((entry, str(error)))
        else:
            yield from commit(intake, prepare(intake, [landing_of(path, dataset, entry.delivery)]), run_id)


def corrected_by(intake: Intake, entries: Iterable[Entry]) -> list[Entry]:
    """The deliveries that corrections among these entries have corrected, each once, as they are now."""
    corrections = [entry for entry in entries if entry.is_correction and entry.status in CURRENT]
    if not corrections:
        return []
    with intake.warehouse.session(read_only=True) as session:
        found = {one.id: one for entry in corrections for one in session.corrected_by(entry.id)}
    return list(found.values())
