"""Local days and local clocks: where days begin in UTC, and how a zone's offset changes.

What belongs here: arithmetic with one time zone. What does not: windows (`grid`).

Moments are UTC without zone throughout. DuckDB's own zone conversion costs 0.3 µs and more a row; within any span a zone
is a handful of constant offsets, so the SQL adds those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
_PROBE = timedelta(days=7)
_ZERO = timedelta()
_FIRST = datetime(1, 1, 1)  # noqa: DTZ001  (the ends of the calendar, in UTC without zone)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001


@dataclass(frozen=True)
class Change:
    """From `moment` on the zone is `offset` ahead of UTC; before it, `before`."""

    moment: datetime
    before: timedelta
    offset: timedelta


def plus(moment: datetime, length: timedelta) -> datetime:
    """`moment + length`, or the first or last moment there is: a date of the year 9999 is data, not a failure."""
    try:
        return moment + length
    except OverflowError:
        return _LAST if length > _ZERO else _FIRST


def plus_months(moment: datetime, count: int) -> datetime:
    """The first of a month, so many months later, or the first or last moment there is."""
    months = moment.year * 12 + moment.month - 1 + count
    year = months // 12
    if not _FIRST.year <= year <= _LAST.year:
        return _LAST if count > 0 else _FIRST
    return moment.replace(year=year, month=months % 12 + 1)


def offset_at(zone: ZoneInfo, moment: datetime) -> timedelta:
    """How far the zone is ahead of UTC at a UTC moment."""
    if zone.key == "UTC":
        return _ZERO
    try:
        return moment.replace(tzinfo=UTC).astimezone(zone).utcoffset() or _ZERO
    except OverflowError:
        return _ZERO


def to_local(zone: ZoneInfo, moment: datetime) -> datetime:
    """What the zone's clock shows at a UTC moment."""
    return moment if zone.key == "UTC" else plus(moment, offset_at(zone, moment))


def to_utc(zone: ZoneInfo, local: datetime) -> datetime:
    """The UTC moment at which the zone's clock shows `local`: the first one where it does so twice, the moment of the
    change where it skips it."""
    if zone.key == "UTC":
        return local
    before, after = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    try:
        moment = before.astimezone(UTC).replace(tzinfo=None)
        if after.utcoffset() == before.utcoffset() or to_local(zone, moment) == local:
            return moment
        earlier = after.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        return local
    return _bisect(zone, earlier, moment, before.utcoffset() or _ZERO)


def day_of(zone: ZoneInfo, moment: datetime) -> date:
    """The zone's day at a UTC moment."""
    return to_local(zone, moment).date()


def day_bounds(zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    """UTC moments at which the zone's day begins and ends; 23 or 25 hours apart where clocks change."""
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001  (a clock without zone, on purpose)
    return to_utc(zone, start), to_utc(zone, plus(start, DAY))


def span_bounds(zone: ZoneInfo, days: Sequence[date]) -> tuple[datetime, datetime]:
    """UTC moments at which the first of ascending days begins and the last one ends."""
    return day_bounds(zone, days[0])[0], day_bounds(zone, days[-1])[1]


def changes(zone: ZoneInfo, lower: datetime, upper: datetime) -> tuple[timedelta, list[Change]]:
    """The zone's offset at `lower`, and its changes in (lower, upper]."""
    first = current = offset_at(zone, lower)
    found: list[Change] = []
    if zone.key == "UTC":
        return first, found
    at = lower
    while at < upper:
        after = min(plus(at, _PROBE), upper)
        offset = offset_at(zone, after)
        if offset != current:
            found.append(Change(_bisect(zone, at, after, current), current, offset))
            current = offset
        at = after
    return first, found


def _bisect(zone: ZoneInfo, low: datetime, high: datetime, before: timedelta) -> datetime:
    """The first whole second in (low, high] with another offset than `before`."""
    low = low.replace(microsecond=0)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
        if offset_at(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
