"""Events, and the message that is made of them.

What belongs here: pure functions from what happened to texts. What does not: sending them (`ways`), what was told already (`tell`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.files.names import shown
from pipeline.warehouse import PartFailed

Kind = Literal["quarantined", "failed", "overdue", "trial"]

_KINDS: dict[Kind, tuple[str, str]] = {
    "quarantined": ("1 file is quarantined", "{} files are quarantined"),
    "failed": ("1 part of a run failed", "{} parts of runs failed"),
    "overdue": ("1 dataset waits for its file", "{} datasets wait for their files"),
    "trial": ("a message to try the way", "{} messages to try the way"),
}
_NAMED = 20
_LISTED = 100
_LONGEST = 500


@dataclass(frozen=True)
class Event:
    """One thing that somebody is told of.

    Attributes:
        kind: what happened.
        what: the file, the part or the dataset.
        why: the cause.
        remedy: what a person can do about it.
        dataset: its dataset; empty where there is none.
        path: the file or the report to look at; empty where there is none.
        once: events that share it are one: told once a day at most. Empty: it is told whenever it happens.
    """

    kind: Kind
    what: str
    why: str = ""
    remedy: str = ""
    dataset: str = ""
    path: str = ""
    once: str = ""


@dataclass(frozen=True)
class Message:
    """What is sent.

    Attributes:
        title: one line.
        lines: the text, a line each; the first `_NAMED` events by name.
        facts: all that for programs; the first `_LISTED` events.
    """

    title: str
    lines: tuple[str, ...]
    facts: dict[str, Any]


def compose(events: Sequence[Event], home: Path) -> Message:
    """One message of all the events, however many they are."""
    counts = {kind: sum(event.kind == kind for event in events) for kind in _KINDS}
    said = [
        words[count > 1].format(f"{count:,}") for kind, words in _KINDS.items() if (count := counts[kind])
    ]
    title = f"Windrow: {', '.join(said)}"
    lines = [line for event in events[:_NAMED] for line in _lines(event)]
    if len(events) > _NAMED:
        lines.append(f"… and {len(events) - _NAMED:,} more: `pipeline status` has the newest.")
    lines.append(f"Home: {_line(str(home))}")
    listed = [{name: _line(value) for name, value in _shown(event).items()} for event in events[:_LISTED]]
    return Message(
        title, tuple(lines), {"title": title, "home": _line(str(home)), "counts": counts, "events": listed}
    )


def failed_part(failure: PartFailed) -> Event:
    """The event of a part of a run that failed while the others were done."""
    return Event(
        "failed",
        failure.where,
        failure.cause,
        failure.remedy,
        failure.dataset,
        once=_once(failure.where, failure.cause),
    )


def failed_run(what: str, why: str, remedy: str, of: str = "") -> Event:
    """The event of a run that failed as a whole; runs `of` one job that fail alike are told as one a day."""
    return Event("failed", what, why, remedy, once=_once(of or what, why))


def _once(what: str, why: str) -> str:
    """The same failure, whatever numbers (of processes, bytes, days) are in its text."""
    return "failed " + re.sub(r"\d+", "#", f"{what}: {why}")[:_LONGEST]


def _shown(event: Event) -> dict[str, str]:
    return {name: value for name, value in asdict(event).items() if value and name != "once"}


def _lines(event: Event) -> list[str]:
    said = f"{event.kind}: {_line(event.what)}" + (f": {_line(event.why)}" if event.why else "")
    more = [_line(event.remedy)] if event.remedy else []
    return [f"• {said}", *(f"  {line}" for line in more), *([f"  {_line(event.path)}"] if event.path else [])]


def _line(text: str) -> str:
    """A text of a file or an error as one line that any program takes: no control characters, no half characters, not endless."""
    line = shown(" ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
