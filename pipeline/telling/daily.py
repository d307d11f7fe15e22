"""Which datasets wait for a file that should be there.

What belongs here: from the declarations (`due`, `freshness`) and what the ledger has seen to the datasets that are late; one function,
for everybody who asks. What does not: telling of them (`tell`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.contract import Dataset
from pipeline.contract.due import DAY

_GRACE = timedelta(minutes=5)
"""A file that came at the last moment has to be loaded first."""


@dataclass(frozen=True)
class Overdue:
    """A dataset whose file is not there.

    Attributes:
        dataset: its name.
        since: the moment from which on it is late, UTC.
        latest: when its newest file came, UTC; None: none ever.
        text: that in words.
    """

    dataset: str
    since: datetime
    latest: datetime | None
    text: str


def overdue(
    datasets: Mapping[str, Dataset], arrivals: Mapping[str, datetime], now: datetime
) -> Iterator[Overdue]:
    """The datasets that are late, in order.

    Args:
        arrivals: dataset → when its newest file came first, UTC without zone, as `warehouse.overview.latest_arrivals` gives it.
        now: with its zone.
    """
    for name, dataset in datasets.items():
        came = arrivals.get(name)
        latest = None if came is None else came.replace(tzinfo=UTC)
        shown = (
            "none ever came"
            if latest is None
            else f"the newest came {latest.astimezone(dataset.zone):%Y-%m-%d %H:%M}"
        )
        if dataset.due_at is not None:
            due = dataset.due_at.last(now - _GRACE, dataset.zone)
            if latest is None or latest < due - DAY:
                said = f"no file since a day before it was due, {due.astimezone(dataset.zone):%Y-%m-%d %H:%M}; {shown}"
                yield Overdue(name, due, latest, said)
                continue
        window = dataset.freshness_window
        if window is not None and latest is not None and latest + window < now:
            yield Overdue(
                name, latest + window, latest, f"no file for longer than {dataset.freshness}; {shown}"
            )
