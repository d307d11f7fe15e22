"""Everything that the warehouse knows of some deliveries of one dataset, in one query per table.

What belongs here: gathering it, whatever made the deliveries, so that it can be told again at any time. What does not: telling
it (`report`), and rows of data beyond the few examples of what is wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipeline.contract import Dataset, Total
from pipeline.ingest.manifest import CleanerCount, ColumnProfile, DaySpan
from pipeline.warehouse import cleaning, ledger, profiles, quality, violations
from pipeline.warehouse.ledger import CURRENT, Entry
from pipeline.warehouse.quality import Quality
from pipeline.warehouse.session import Session
from pipeline.warehouse.violations import CheckCount
from pipeline.warehouse.windows.dirty import days_of

HISTORY = 40
_EARLIER = timedelta(days=1)


@dataclass(frozen=True)
class Touched:
    """A window with rows of a delivery in it; `days` in the dataset's zone, ascending, none for a total."""

    window: str
    days: tuple[date, ...]


@dataclass(frozen=True)
class DeliveryAccount:
    """What became of one delivery.

    Attributes:
        entry: the version that is told of, see `shown_version`.
        versions: the newest ledger rows of the key, newest first.
        quality: its score; None for a duplicate.
        history: scores of the dataset up to this one, oldest first, at most 40.
        checks: its violations, most first; none unless its rows are in the table.
        columns: profile of its columns.
        cleaned: what cleaners changed.
        touched: windows with rows of it.
    """

    entry: Entry
    versions: tuple[Entry, ...]
    quality: Quality | None = None
    history: tuple[float, ...] = ()
    checks: tuple[CheckCount, ...] = ()
    columns: tuple[ColumnProfile, ...] = ()
    cleaned: tuple[CleanerCount, ...] = ()
    touched: tuple[Touched, ...] = ()

    @property
    def still_loaded(self) -> Entry | None:
        """The earlier version whose rows are in the table, where the one that is told of was refused."""
        if self.entry.status != "quarantined":
            return None
        return next((one for one in self.versions if one.status in CURRENT), None)


def shown_version(versions: Sequence[Entry]) -> Entry:
    """Of a key's ledger rows, newest first, the one that says what the delivery is now: the newest, but a file that came once
    more with the same bytes has changed nothing."""
    newest = versions[0]
    if newest.status != "duplicate":
        return newest
    return next((one for one in versions if one.status in CURRENT), newest)


def accounts_of(
    session: Session, name: str, dataset: Dataset | None, deliveries: Collection[str]
) -> list[DeliveryAccount]:
    """The accounts of deliveries, in their order; keys that the ledger does not know are passed over.

    Args:
        session: an open warehouse.
        name: of the dataset, or of the inbox folder where there is no such dataset.
        dataset: its contract, None where there is none.
        deliveries: keys; a few hundred at a time.
    """
    connection = session.connection
    known = ledger.versions(connection, name, deliveries)
    shown = {key: shown_version(known[key]) for key in deliveries if key in known}
    if not shown:
        return []
    ids = [entry.id for entry in shown.values()]
    scores = quality.of_entries(connection, ids)
    sequence = [entry.seq for entry in shown.values()]
    past = quality.history(connection, name, min(sequence), max(sequence), HISTORY)
    columns, cleaned = profiles.of_entries(connection, ids), cleaning.of_entries(connection, ids)
    current = [key for key, entry in shown.items() if entry.status in CURRENT]
    checks, days = _of_rows(session, dataset, current, shown)
    return [
        DeliveryAccount(
            entry=entry,
            versions=tuple(known[key]),
            quality=scores.get(entry.id),
            history=_until(past, entry.seq),
            checks=tuple(checks.get(key, ())),
            columns=tuple(columns.get(entry.id, ())),
            cleaned=tuple(cleaned.get(entry.id, ())),
            touched=_touched(dataset, days.get(key)) if dataset and key in current else (),
        )
        for key, entry in shown.items()
    ]


def _of_rows(
    session: Session, dataset: Dataset | None, current: Collection[str], shown: Mapping[str, Entry]
) -> tuple[dict[str, list[CheckCount]], dict[str, list[DaySpan]]]:
    """What the tables of the dataset say of deliveries whose rows they hold."""
    if dataset is None or not current:
        return {}, {}
    faulty = [key for key in current if shown[key].violations]
    checks: dict[str, list[CheckCount]] = {}
    if faulty:
        since = min(shown[key].committed_at for key in faulty) - _EARLIER
        checks = violations.by_delivery(session.connection, dataset.name, faulty, since)
    return checks, session.days_by_delivery(dataset.name, current)


def _until(past: Sequence[Quality], seq: int) -> tuple[float, ...]:
    return tuple(one.quality for one in past if one.seq <= seq and one.quality is not None)[-HISTORY:]


def _touched(dataset: Dataset, spans: Sequence[DaySpan] | None) -> tuple[Touched, ...]:
    over_time = [
        Touched(window.name, tuple(sorted(days_of(dataset, window, spans))))
        for window in dataset.time_windows
        if spans
    ]
    return (
        *over_time,
        *(Touched(window.name, ()) for window in dataset.windows if isinstance(window, Total)),
    )
