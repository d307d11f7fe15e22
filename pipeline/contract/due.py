"""By when a dataset's file is there every day: `Dataset(due="08:00")`, `Dataset(due="08:00 mon-fri")`.

What belongs here: reading the declaration, and moments from it. What does not: what has come (the ledger), telling of it (`telling`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
"""A file is the day's when it came within a day before it was due."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DUE = re.compile(rf"(\d\d?):(\d\d)(?: ((?:{'|'.join(_DAYS)})(?:[-,](?:{'|'.join(_DAYS)}))*))?")


@dataclass(frozen=True)
class Due:
    """A time of day, and the days of the week on which it counts (0 is Monday), ascending."""

    at: time
    days: tuple[int, ...]

    def last(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The latest moment not after `now` at which a file was due; both with their zone."""
        today = now.astimezone(zone).date()
        for back in range(9):
            day = today - back * DAY
            moment = datetime.combine(day, self.at, zone).astimezone(UTC)
            if day.weekday() in self.days and moment <= now:
                return moment
        raise AssertionError("every week has such a day")

    @property
    def cron(self) -> str:
        """The same for cron, in which 0 is Sunday."""
        days = ",".join(str((day + 1) % 7) for day in self.days)
        return f"{self.at.minute} {self.at.hour} * * {'*' if len(self.days) == 7 else days}"


def parse_due(text: str) -> Due:
    """The declaration.

    Raises:
        ValueError: it is none.
    """
    found = _DUE.fullmatch(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError(f"{text!r} is no time of day with days of the week behind it")
    days: set[int] = set()
    for part in (found[3] or "mon-sun").split(","):
        first, *rest = (_DAYS.index(word) for word in part.split("-"))
        last = rest[-1] if rest else first
        days |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    return Due(time(int(found[1]), int(found[2])), tuple(sorted(days)))
