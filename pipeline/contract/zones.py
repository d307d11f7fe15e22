"""Time zones as stretches of constant offset: when a zone's offset changes, and by how much.

What belongs here: what the tz database says of a zone, of any year. What does not: days and windows
(`warehouse.windows.clock`), texts (`ingest.timestamps`).

polars and chrono-tz know changes up to 2099 only; Python's zoneinfo follows the rule at the end of a zone's file for ever.
Whoever converts between local time and UTC goes by this module, so that all of them agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_ZERO, _SECOND = timedelta(), timedelta(seconds=1)
_PROBE = timedelta(
    days=2
)  # the two changes that lie closest are those of Freetown in September 1939, four days apart
_INSIDE = timedelta(days=2)
_FIRST_YEAR, _LAST_YEAR = 1, 9999
_NO_CHANGE_BEFORE = 1800  # the first changes of the tz database are those of the 1830s and 1840s
_ONLY_RULES_FROM = 2500  # what changes of a year are listed one by one end at 2087
_CYCLE_YEARS, _CYCLE = (
    400,
    timedelta(days=146_097),
)  # after which the Gregorian calendar repeats, weekdays too


@dataclass(frozen=True)
class Change:
    """From `moment` (UTC without zone) on the zone is `offset` ahead of UTC; before it, `before`."""

    moment: datetime
    before: timedelta
    offset: timedelta


def offset_at(zone: ZoneInfo, moment: datetime) -> timedelta:
    """How far the zone is ahead of UTC at a UTC moment without zone."""
    if zone.key == "UTC":
        return _ZERO
    try:
        return moment.replace(tzinfo=UTC).astimezone(zone).utcoffset() or _ZERO
    except OverflowError:
        # The local time is outside the calendar. No zone changes in the first days of the year 1, or in the last of 9999.
        return offset_at(zone, moment + _INSIDE if moment.year == _FIRST_YEAR else moment - _INSIDE)


def changes(zone: ZoneInfo, lower: datetime, upper: datetime) -> tuple[timedelta, list[Change]]:
    """The zone's changes in [lower, upper] (UTC without zone), ascending, and its offset before the first of them."""
    if zone.key == "UTC":
        return _ZERO, []
    found = [
        change
        for year in range(lower.year, upper.year + 1)
        for change in _changes_of(zone, year)
        if lower <= change.moment <= upper
    ]
    return (found[0].before if found else offset_at(zone, lower)), found


@lru_cache(maxsize=20_000)
def _changes_of(zone: ZoneInfo, year: int) -> tuple[Change, ...]:
    """The changes within a year of UTC."""
    if year < _NO_CHANGE_BEFORE:
        return ()
    if year >= _ONLY_RULES_FROM:
        cycles = (year - _ONLY_RULES_FROM) // _CYCLE_YEARS + 1
        earlier = _changes_of(zone, year - cycles * _CYCLE_YEARS)
        return tuple(
            Change(change.moment + cycles * _CYCLE, change.before, change.offset) for change in earlier
        )
    # From the last second of the year before: a change in the first moment of a year is one of that year.
    at, end = datetime(year, 1, 1) - _SECOND, datetime(year + 1, 1, 1) - _SECOND  # noqa: DTZ001  (UTC without zone)
    current = offset_at(zone, at)
    found: list[Change] = []
    while at < end:
        after = min(at + _PROBE, end)
        offset = offset_at(zone, after)
        if offset != current:
            found.append(Change(_bisect(zone, at, after, current), current, offset))
            current = offset
        at = after
    return tuple(found)


def _bisect(zone: ZoneInfo, low: datetime, high: datetime, before: timedelta) -> datetime:
    """The first whole second in (low, high] with another offset than `before`."""
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if offset_at(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def in_utc(moment: date, zone: ZoneInfo) -> datetime:
    """A moment that a contract names → the same in UTC without zone. Without a zone it is on the clock of `zone`, as in a file, and of a
    time that comes twice the first; a date is its midnight."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001  (its zone follows)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # the edge of the calendar stays its edge
        return moment.replace(tzinfo=None)
