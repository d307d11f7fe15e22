"""Local days and local clocks: where days begin in UTC, what a zone's clock shows.

What belongs here: arithmetic with one time zone. What does not: windows (`grid`), when offsets change (`contract.zones`).

Moments are UTC without zone throughout. DuckDB's own zone conversion costs 0.3 µs and more a row; within any span a zone
is a handful of constant offsets, so the SQL adds those.

Days and windows are stretches of time without a gap, each of which begins at the first moment at which the clock shows its start or a
later time. So they go by a clock that is never put back: where the zone's is, this one stands still (`reached`) until the zone's gets
there again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.contract.windows import MICROSECOND
from pipeline.contract.zones import changes, offset_at

DAY = timedelta(days=1)
_NEAR = timedelta(days=2)  # longer than any clock is put back or forward, and any offset
_ZERO = timedelta()
_FIRST = datetime(1, 1, 1)  # noqa: DTZ001  (the ends of the calendar, in UTC without zone)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001


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


def to_local(zone: ZoneInfo, moment: datetime) -> datetime:
    """What the zone's clock shows at a UTC moment."""
    return moment if zone.key == "UTC" else plus(moment, offset_at(zone, moment))


def reached(zone: ZoneInfo, moment: datetime) -> datetime:
    """The latest time that the zone's clock has shown up to a UTC moment: what it shows, or where it was put back shortly before the last
    time that it showed until then."""
    latest = to_local(zone, moment)
    for change in changes(zone, plus(moment, -_NEAR), moment)[1]:
        latest = max(latest, plus(change.moment, change.before - MICROSECOND))
    return latest


def to_utc(zone: ZoneInfo, local: datetime) -> datetime:
    """The first UTC moment at which the zone's clock shows `local` or a later time: the first one where it shows it twice, the moment
    of the change where it skips it."""
    first, found = changes(zone, plus(local, -_NEAR), plus(local, _NEAR))
    for change in found:
        if local < plus(change.moment, change.before):
            return plus(local, -change.before)
        if local < plus(change.moment, change.offset):
            return change.moment
    return plus(local, -(found[-1].offset if found else first))


def day_of(zone: ZoneInfo, moment: datetime) -> date:
    """The zone's day at a UTC moment: the one between whose bounds it lies."""
    return reached(zone, moment).date()


def day_bounds(zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    """UTC moments at which the zone's day begins and ends; 23 or 25 hours apart where clocks change, the same of a day that the zone
    skipped. The first day there is begins with the calendar and the last one ends with it, whatever the zone's clock shows then."""
    start = datetime(day.year, day.month, day.day)  # noqa: DTZ001  (a clock without zone, on purpose)
    lower = _FIRST if day == date.min else to_utc(zone, start)
    return lower, _LAST if day == date.max else to_utc(zone, plus(start, DAY))


def span_bounds(zone: ZoneInfo, days: Sequence[date]) -> tuple[datetime, datetime]:
    """UTC moments at which the first of ascending days begins and the last one ends."""
    return day_bounds(zone, days[0])[0], day_bounds(zone, days[-1])[1]


def days_between(zone: ZoneInfo, first: date, last: date) -> list[date]:
    """The zone's days from one to another, without those that it skipped at a change of date."""
    _, found = changes(zone, *span_bounds(zone, [first, last]))
    jumps = [change for change in found if change.offset - change.before >= DAY]
    days = [first + n * DAY for n in range((last - first).days + 1)]
    return [day for day in days if not jumps or len(set(day_bounds(zone, day))) > 1]
