"""Telling: what is new is told by every way once, and what could not be told is told later.

What belongs here: what was told and what waits to be, kept in `told.json` of the home, whoever tells: the command line or Dagster. What
does not: the words (`message`) and the wire (`ways`).

Events are written down before they are sent, so a killed process loses none; killed between sending and writing that down, it sends them
twice. Nothing here fails what is told about: what goes wrong is handed back as text.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, TypeAdapter

from pipeline.intake import Intake
from pipeline.report import report_page
from pipeline.report.paths import original_of
from pipeline.settings import Settings
from pipeline.telling.daily import overdue
from pipeline.telling.message import Event, compose
from pipeline.telling.ways import BadAddress, NotSent, Way, ways_of
from pipeline.warehouse import Entry, Failures, Warehouse
from pipeline.warehouse.overview import latest_arrivals, latest_row, quarantined_since

_AGAIN = timedelta(days=1)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
_MOST = 10_000


@dataclass(frozen=True)
class Told:
    """What became of telling.

    Attributes:
        sent: names of the ways by which a message went.
        problems: what went wrong, for people.
        kept: whether the events that were handed over were told, or are written down to be told later.
    """

    sent: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    kept: bool = True


def tell(
    settings: Settings,
    intake: Intake | None = None,
    events: Sequence[Event] = (),
    *,
    warehouse: Warehouse | None = None,
    now: datetime | None = None,
) -> Told:
    """Tell of events, of files that were quarantined since the last time, of datasets that are late, and of what could not be told before,
    all in one message by each way. Does nothing where no address is configured.

    Args:
        intake: whose ledger is read for what is new; None: none is.
        warehouse: opened in place of that of `intake`.
        now: with its zone; None: as the clock says.
    """
    if not settings.tells:
        return Told()
    addresses = settings.tell.get_secret_value()
    now = now or datetime.now(UTC)
    try:
        ways = dict(zip(map(_key, addresses.split()), ways_of(addresses), strict=True))
        with _alone(settings.told):
            state = _State.read(settings.told)
            problems: list[str] = []
            found = [*events, *_from_ledger(state, intake, warehouse, now, problems)]
            state.take(found, list(ways), now)
            state.write(settings.told)
            sent = [
                way.name
                for key, way in ways.items()
                if _sent(state.ways[key], way, settings.home, now, problems)
            ]
            state.write(settings.told)
    except BadAddress as error:
        return Told(problems=(str(error),), kept=False)
    except OSError as error:
        return Told(problems=(f"{error}. What is to be told is kept in {settings.told}.",), kept=False)
    return Told(tuple(sent), tuple(problems))


def trial(settings: Settings) -> list[tuple[str, str | None]]:
    """Send a message by each way, to try it: (its name, why it did not go or None).

    Raises:
        BadAddress: an address is none.
    """
    message = compose(
        [Event("trial", "it arrived", "somebody tried `pipeline doctor --tell`")], settings.home
    )
    done: list[tuple[str, str | None]] = []
    for way in ways_of(settings.tell.get_secret_value()):
        try:
            way.send(message)
        except NotSent as error:
            done.append((way.name, str(error)))
        else:
            done.append((way.name, None))
    return done


def _moment(text: str) -> str:
    """A time as it is kept: ISO with its zone. Raises ValueError where it is none."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("it has no zone")
    return text


_Moment = Annotated[str, AfterValidator(_moment)]


@dataclass
class _Waiting:
    """What one way has still to carry, and since when it does not."""

    events: list[Event] = field(default_factory=list)
    failed: int = 0
    not_before: _Moment | Literal[""] = ""


@dataclass
class _State:
    """`told.json`: the newest row of the ledger that was looked at (None: never), when what was told last, what waits by each way."""

    seq: int | None = None
    once: dict[str, _Moment] = field(default_factory=dict)
    ways: dict[str, _Waiting] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> _State:
        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except (FileNotFoundError, ValueError):
            return cls()  # never told, spoilt, or of another version: as at first, the last day is told

    def write(self, path: Path) -> None:
        part = path.with_name(f".{path.name}.part")
        with part.open("w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def take(self, events: Sequence[Event], keys: Sequence[str], now: datetime) -> None:
        """Write down what is to be told by the ways of now; what was told within a day is not."""
        self.once = {mark: at for mark, at in self.once.items() if datetime.fromisoformat(at) > now - _AGAIN}
        self.ways = {key: self.ways.get(key, _Waiting()) for key in keys}
        for event in events:
            if event.once:
                mark = hashlib.sha256(event.once.encode(errors="replace")).hexdigest()[:16]
                if mark in self.once:
                    continue
                self.once[mark] = now.isoformat()
            for way in self.ways.values():
                way.events.append(event)
        for way in self.ways.values():
            del way.events[:-_MOST]


def _sent(waiting: _Waiting, way: Way, home: Path, now: datetime, problems: list[str]) -> bool:
    """Send what waits for one way, all in one message; False where nothing does, or it did not go."""
    if not waiting.events or (waiting.not_before and datetime.fromisoformat(waiting.not_before) > now):
        return False
    try:
        way.send(compose(waiting.events, home))
    except NotSent as error:
        pause = min(_FIRST_PAUSE * 2**waiting.failed, _LONGEST_PAUSE)
        waiting.failed = min(waiting.failed + 1, 16)
        waiting.not_before = (now + pause).isoformat()
        problems.append(f"{error}. It is told later.")
        return False
    waiting.events, waiting.failed, waiting.not_before = [], 0, ""
    return True


def _from_ledger(
    state: _State, intake: Intake | None, warehouse: Warehouse | None, now: datetime, problems: list[str]
) -> list[Event]:
    """What the ledger has that is new, and the datasets that are late. A warehouse that cannot be read is looked at the next time."""
    if intake is None or not intake.settings.warehouse.exists():
        return []
    failures = Failures()
    with (
        failures.aside("ledger", "", last=True),
        (warehouse or intake.warehouse).session(read_only=True) as session,
    ):
        newest = latest_row(session)
        known = state.seq is not None and state.seq <= newest
        since = None if known else (now - _AGAIN).replace(tzinfo=None)
        quarantined = quarantined_since(session, (state.seq or 0) if known else 0, since)
        arrivals = latest_arrivals(session)
    if failures:
        problems += [f"{one.cause}. What the ledger has is told later." for one in failures.found]
        return []
    state.seq = newest
    late = [
        Event(
            "overdue",
            one.dataset,
            one.text,
            f"Drop it into {intake.settings.inbox / one.dataset}, or ask whoever sends it.",
            one.dataset,
            once=f"overdue {one.dataset} {one.since.isoformat()}",
        )
        for one in overdue(intake.datasets, arrivals, now)
    ]
    return [*(_quarantined(intake, entry) for entry in quarantined), *late]


def _quarantined(intake: Intake, entry: Entry) -> Event:
    page = report_page(intake.settings, entry.dataset, entry.delivery)
    file = original_of(intake, entry)
    remedy = f"Mend it and drop it into {intake.settings.inbox / entry.dataset} again."
    return Event(
        "quarantined",
        f"{entry.dataset}/{entry.delivery}",
        entry.reason or "",
        remedy + (f" Report: {page}" if page.exists() else ""),
        entry.dataset,
        "" if file is None else str(file),
    )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time tells; the others wait until it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _key(address: str) -> str:
    """Stands for an address in `told.json`, which is no place for a password."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]
