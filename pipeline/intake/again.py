"""Loading deliveries again from their archived originals, or from the quarantine, under the contract as it is now.

What belongs here: which deliveries, in which order, and what is said of those that cannot be. What does not: the transaction
(`warehouse.commit`) and who comes first (`warehouse.precedence`).

What is taken from the quarantine goes back into the inbox, and the way of any file. The originals stay where they are in the archive. A delivery is replaced in one transaction; where it cannot be loaded its rows stay as
they are. Killed in between, the same call goes on: what is done is not under an older contract any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.files import Waiting, landing_of
from pipeline.ingest import Progress, discard, source_records
from pipeline.intake.commit import Outcome
from pipeline.intake.house import Intake
from pipeline.intake.inbox import not_in_quarantine, of_deliveries, taken_back, wait_and_scan
from pipeline.intake.originals import OriginalUnavailable, drop_copy, find_original, open_original
from pipeline.intake.prepare import Prepared, prepare_batches
from pipeline.intake.replaying import apply_corrections
from pipeline.intake.take import take_inbox
from pipeline.warehouse import (
    DeliveryRefused,
    Entry,
    Failures,
    PartFailed,
    ReconciliationError,
    Session,
    told,
)

_GROUP = 512
_SEALED_GROUP = 16  # each needs an open copy on the disk
_STAYS = "Its rows stay as they are."


@dataclass(frozen=True)
class Again:
    """What became of a delivery that was to be loaded again.

    Attributes:
        entry: its new row of the ledger; the one that it had where it could not be loaded.
        problem: why it could not be loaded, for people, or None.
    """

    entry: Entry
    problem: str | None = None


class NoSuchDelivery(LookupError):
    """A delivery that is to be loaded again is not in the clean table."""


def load_again(
    intake: Intake,
    dataset: str,
    deliveries: Collection[str] | None = None,
    *,
    everything: bool = False,
    progress: Progress | None = None,
    run_id: str | None = None,
) -> Iterator[Again]:
    """Load deliveries of a dataset again, in order of their first commit; gives each as it is done, or as it cannot be. Then the
    corrections that people sent back are taken once more.

    Args:
        deliveries: their keys; by default those whose contract has changed since.
        everything: by default all of them.

    Raises:
        NoSuchDelivery: one of `deliveries` is not in the clean table. ContractChanged: the clean table does not fit the contract.
        WarehouseBusy, OSError, duckdb.Error: the machine fails.
    """
    loaded = False
    wanted = _wanted(intake, dataset, deliveries, everything)
    group = _SEALED_GROUP if intake.datasets[dataset].archive == "encrypt" else _GROUP
    for start in range(0, len(wanted), group):
        files: list[Waiting] = []
        before = {entry.delivery: entry for entry in wanted[start : start + group]}
        try:
            for entry, found in _originals(intake, list(before.values())):
                try:
                    path = open_original(intake, entry, found)
                except OriginalUnavailable as error:
                    yield Again(entry, f"{error} {_STAYS}")
                else:
                    files.append(landing_of(path, dataset, entry.delivery))
            for batch in prepare_batches(intake, files, progress):
                for done in _commit(intake, batch, before, run_id):
                    loaded |= done.problem is None
                    yield done
        finally:
            for file in files:
                drop_copy(intake, file.path)
    if loaded:
        yield from _corrected(intake, dataset, run_id)


def take_quarantined(
    intake: Intake,
    dataset: str,
    deliveries: Collection[str] | None = None,
    *,
    progress: Progress | None = None,
    run_id: str | None = None,
    failures: Failures | None = None,
) -> Iterator[Outcome]:
    """Take the quarantined files of a dataset once more: they go back into the inbox, and from there the way of any file. Nothing where
    there are none.

    Args:
        deliveries: their keys; by default all whose newest file is in the quarantine.
        failures: takes what fails with one file, such as one that is gone or sealed, while the others go on.

    Raises:
        PartsFailed: see `failures`.
    """
    with told(failures) as aside:
        unavailable: list[PartFailed] = []
        before = taken_back(intake, dataset, deliveries, unavailable)
        known = before.keys() | {failure.name for failure in unavailable}
        aside.add([*unavailable, *_not_there(intake, dataset, set(deliveries or ()) - known)])
        if before:
            files = of_deliveries(wait_and_scan(intake, [dataset]).waiting, before)
            yield from take_inbox(intake, files, run_id, progress, aside)


def _not_there(intake: Intake, dataset: str, deliveries: Collection[str]) -> Iterator[PartFailed]:
    """What to say of deliveries that are not in the quarantine."""
    for delivery in sorted(deliveries):
        with intake.warehouse.session() as session:
            newest = next(iter(session.newest(dataset, delivery)), None)
        if newest is None:
            error = OriginalUnavailable("there is no such delivery", "`pipeline status` lists the newest.")
        elif newest.status == "quarantined":
            error = not_in_quarantine(intake, newest)
        else:
            error = OriginalUnavailable(
                f"it is not in the quarantine: its newest file is {newest.status}",
                f"`pipeline ingest {dataset} --from-archive` loads again what was loaded.",
            )
        yield error.of(dataset, delivery)


def _corrected(intake: Intake, dataset: str, run_id: str | None) -> Iterator[Again]:
    gone: list[tuple[Entry, str]] = []
    for outcome in apply_corrections(intake, dataset, run_id, gone):
        yield Again(outcome.entry)
    for entry, why in gone:
        yield Again(entry, f"{why} The rows that this correction mended are rejected again.")


def _wanted(
    intake: Intake, dataset: str, deliveries: Collection[str] | None, everything: bool
) -> list[Entry]:
    with intake.warehouse.session() as session:
        there = session.in_order(dataset)
    if deliveries is not None:
        unknown = sorted(set(deliveries) - {entry.delivery for entry in there})
        if unknown:
            raise NoSuchDelivery(
                f"clean.{dataset} holds no delivery {', '.join(map(repr, unknown))}. `pipeline status` lists the newest."
            )
        return [entry for entry in there if entry.delivery in set(deliveries)]
    fingerprint = intake.datasets[dataset].fingerprint
    return [entry for entry in there if everything or entry.contract_fingerprint != fingerprint]


def _originals(intake: Intake, entries: list[Entry]) -> list[tuple[Entry, Path | None]]:
    with intake.warehouse.session() as session:
        return [(entry, find_original(intake, session, entry)) for entry in entries]


def _commit(
    intake: Intake, batch: list[Prepared], before: dict[str, Entry], run_id: str | None
) -> Iterator[Again]:
    with intake.warehouse.session() as session:
        done = [_replace(intake, session, item, before[item.waiting.delivery], run_id) for item in batch]
    for item in batch:
        if item.staged is not None:
            discard(item.staged.folder)
    yield from done


def _replace(intake: Intake, session: Session, item: Prepared, old: Entry, run_id: str | None) -> Again:
    if item.staged is None:
        why = item.problem.reason if item.problem else str(item.postponed)
        return Again(old, f"{why} {_STAYS}")
    now = session.current(old.dataset, old.delivery)
    if now is None or now.sha256 != item.staged.manifest.sha256:
        return Again(now or old, "it was removed or replaced meanwhile, and is left as it is now.")
    dataset = intake.datasets[old.dataset]
    records = partial(source_records, dataset=dataset, settings=intake.settings)
    try:
        return Again(session.commit(item.staged, run_id=run_id, records=records, again=True))
    except (DeliveryRefused, ReconciliationError) as error:
        return Again(old, f"{error} {_STAYS}")
