"""What `<dataset>_inbox` remembers between two ticks: small, bounded, as JSON in its cursor.

What belongs here: reading and writing it. What does not: deciding on it (`plans`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.orchestration.plans import Try

_FIRST_LOOK = 3_600.0


@dataclass(frozen=True)
class InboxState:
    """Attributes:
    seq: ledger entries up to here are known to Dagster.
    windows: window → the moment of computing (ISO 8601, UTC without zone) and the day up to which its windows are.
    compared: the warehouse and the quarantine as they were when all was compared and the checks were told; empty when not.
    looked_at: when runs were last looked at, in seconds since 1970.
    seen: ids of runs that ended shortly before.
    tries: landings that runs have left in the inbox.
    given_up: what a dataset's runs went by when the last of those landings was given up; empty where none is.
    """

    seq: int = 0
    compared: str = "never"
    looked_at: float = 0.0
    seen: tuple[str, ...] = ()
    tries: Mapping[str, Try] = field(default_factory=dict)
    given_up: str = ""
    windows: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: str | None, now: float) -> InboxState:
        """From a cursor; a fresh one starts with the runs of the last hour."""
        if not cursor:
            return cls(looked_at=now - _FIRST_LOOK)
        saved = json.loads(cursor)
        tries = {key: Try(*value) for key, value in saved["tries"].items()}
        windows = {name: (at, day) for name, (at, day) in saved.get("windows", {}).items()}
        return cls(
            saved["seq"],
            # Before windows were compared, what was compared was less.
            saved["compared"] if "windows" in saved else "never",
            saved["looked_at"],
            tuple(saved["seen"]),
            tries,
            saved.get("given_up", ""),
            windows,
        )

    def write(self) -> str:
        """As a cursor."""
        tries = {key: [known.landing, known.attempts, known.failed_at] for key, known in self.tries.items()}
        saved = {
            "seq": self.seq,
            "compared": self.compared,
            "looked_at": self.looked_at,
            "seen": list(self.seen),
            "given_up": self.given_up,
            "windows": {name: list(place) for name, place in self.windows.items()},
        }
        return json.dumps(saved | {"tries": tries}, ensure_ascii=False)

    def after_runs(self, now: float, seen: Sequence[str], tries: Mapping[str, Try]) -> InboxState:
        """After a look at the runs."""
        return replace(self, looked_at=now, seen=tuple(seen), tries=tries)

    def after_giving_up(self, keys: Sequence[str], now_by: str) -> InboxState:
        """After landings were given up, or found so, while a dataset's runs go by `now_by`; where they went by something else then, these are
        tried afresh."""
        if not keys or self.given_up in ("", now_by):
            return replace(self, given_up=now_by if keys else "")
        afresh = {key: known for key, known in self.tries.items() if key not in keys}
        return replace(self, tries=afresh, given_up="")

    def after_ledger(self, seq: int, windows: Mapping[str, tuple[str, str]], compared: str) -> InboxState:
        """After a look at the warehouse."""
        return replace(self, seq=seq, windows=dict(windows), compared=compared)
