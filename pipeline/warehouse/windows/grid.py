"""Where windows start: multiples of the step, counted from midnight of Monday 2000-01-03 on the dataset's clock; calendar
months from January 2000.

What belongs here: the rule, in Python and as SQL. What does not: aggregates; sessions, which follow the rows.

Two clocks keep windows apart and whole when a zone's clocks change:

- Windows whose step is more than an hour and whose step and length are whole hours, and calendar units, go by the **local
  clock**: a daily window is the local day (23 or 25 hours long twice a year), a 6-hour window starts at 0, 6, 12 and 18
  o'clock. A skipped hour shortens a window, a repeated one is within the window that it is in first.
- All others go by **elapsed time**, counted in UTC from the same origin: an hour that comes twice gives two hourly
  windows, and every 5-minute window lasts 5 minutes.

An offset is added to every start and end, on the same clock.

A start or end on the local clock is, as a moment, the first one at which that clock shows it or a later time: of a time that comes twice
the first, of one that is skipped where the gap ends. A row is in the windows between whose start and end it lies, as moments; so the
grid's clock is one that is never put back (`clock.reached`). Windows that have no length because they lie in a gap (a day that a
change of date skipped) are not there. Each moment is in exactly one tumbling window, windows of one step never leave a gap, and a
window belongs to the local day in which it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from pipeline.contract import Cumulative, Dataset, GridWindow, Session, Sliding, TimeWindow
from pipeline.contract.durations import Months, Period, longest, parse_duration
from pipeline.contract.windows import MICROSECOND
from pipeline.contract.zones import Change, changes
from pipeline.warehouse.sql import FIRST, LAST, interval, timestamp
from pipeline.warehouse.windows import clock

ORIGIN = datetime(2000, 1, 3)  # noqa: DTZ001  (a clock without zone, on purpose)
_MONTH_ORIGIN = datetime(2000, 1, 1)  # noqa: DTZ001
_HOUR = timedelta(hours=1)
_NEAR = 2 * clock.DAY  # longer than any clock is put back or forward
_ZERO = timedelta()
_WHENS = 4


@dataclass(frozen=True)
class Grid:
    """The starts of one window in one zone.

    Attributes:
        zone: the dataset's.
        step: between two starts; of cumulative windows the period.
        length: of one window; the step where that is in months.
        offset: how much later than on the plain grid windows start.
        rises: time between two ends within a period, of cumulative windows; else None.
    """

    zone: ZoneInfo
    step: Period
    length: Period
    offset: timedelta = _ZERO
    rises: timedelta | None = None

    @cached_property
    def local(self) -> bool:
        """Whether windows go by the local clock, not by elapsed time."""
        return _local(self.step, self.length)

    @cached_property
    def rises_locally(self) -> bool:
        """Whether the steps of cumulative windows go by the local clock."""
        return self.rises is not None and _goes_by_hours(self.rises)

    @cached_property
    def origin(self) -> datetime:
        """Where counting begins, on the grid's clock."""
        if isinstance(self.step, Months):
            return _MONTH_ORIGIN
        return ORIGIN if self.local else clock.to_utc(self.zone, ORIGIN)

    def on_clock(self, moment: datetime) -> datetime:
        """A UTC moment on the grid's clock, which is never put back."""
        shown = clock.reached(self.zone, moment) if self.local else moment
        return clock.plus(shown, -self.offset) if self.offset else shown

    def off_clock(self, shown: datetime) -> datetime:
        """A time on the grid's clock as UTC moment: the first at which it shows that or a later time."""
        late = clock.plus(shown, self.offset) if self.offset else shown
        return clock.to_utc(self.zone, late) if self.local and late != LAST else late

    def floor(self, shown: datetime) -> datetime:
        """The last start at or before a time on the grid's clock; the first moment there is where that would be before it."""
        if isinstance(self.step, Months):
            count = (shown.year - self.origin.year) * 12 + shown.month - 1
            return clock.plus_months(self.origin, count - count % self.step.count)
        return clock.plus(shown, -((shown - self.origin) % self.step))

    def end(self, start: datetime) -> datetime:
        """The end of the window that starts then, both on the grid's clock."""
        if isinstance(self.length, Months):
            return clock.plus_months(start, self.length.count)
        return clock.plus(start, self.length)

    def following(self, start: datetime) -> datetime:
        """The start after this one, both on the grid's clock."""
        if isinstance(self.step, Months):
            return self.floor(clock.plus_months(start, self.step.count))
        return self.floor(clock.plus(start, self.step))

    def days(self, first: datetime, last: datetime) -> list[date]:
        """The local days in which windows start that contain a moment of [first, last] (UTC)."""
        start, end = self._earliest(self.on_clock(first)), self.floor(self.on_clock(last))
        if isinstance(self.step, timedelta) and self.step < clock.DAY:
            return clock.days_between(self.zone, self._day(start), self._day(end))
        found = {self._day(end)}
        while start < end:
            found.add(self._day(start))
            start = self.following(start)
        return sorted(found)

    def reach(self, upper: datetime) -> datetime:
        """Where the last window that starts before `upper` (UTC) ends at the latest (UTC)."""
        return self.off_clock(clock.plus(self.on_clock(upper), longest(self.length)))

    def ended(self, watermark: datetime) -> datetime:
        """The end of the last window that has ended by a moment (both UTC): a row before it belongs to a window that has."""
        shown = self.on_clock(watermark)
        if self.rises is None:
            if self.step == self.length:
                return self.off_clock(self.floor(shown))
            return self.off_clock(self.end(self.floor(clock.plus(shown, -longest(self.length)))))
        begun = self.floor(shown)
        if self.rises_locally:
            return self.off_clock(begun + (shown - begun) // self.rises * self.rises)
        start = self.off_clock(begun)
        return start + (watermark - start) // self.rises * self.rises

    def _earliest(self, shown: datetime) -> datetime:
        """The start of the earliest window that contains a time on the grid's clock."""
        if self.step == self.length or isinstance(self.step, Months):
            return self.floor(shown)
        return self.following(self.floor(clock.plus(shown, -longest(self.length))))

    def _day(self, start: datetime) -> date:
        return clock.day_of(self.zone, self.off_clock(start))

    def clock_sql(self, moment: str, lower: datetime, upper: datetime) -> str:
        """SQL of a UTC moment within [lower, upper] on the grid's clock."""
        slow = f" - {interval(self.offset)}" if self.offset else ""
        if not self.local:
            return f"{moment}{slow}"
        offset, found = changes(self.zone, clock.plus(lower, -_NEAR), upper)
        pieces: list[tuple[datetime, str]] = []
        for change in found:
            pieces.append((change.moment, _shifted(moment, change.before)))
            if change.offset < change.before:
                still = timestamp(change.moment + change.before - MICROSECOND)
                pieces.append((change.moment + change.before - change.offset, still))
        shown = _piecewise(moment, pieces, _shifted(moment, _last(offset, found)))
        if clock.plus(lower, -_NEAR) == FIRST or clock.plus(upper, _NEAR) == LAST:
            # The clock may show a time outside the calendar: it stands still at its ends.
            latest = f"{timestamp(LAST)} - {interval(MICROSECOND)}"
            shown = f"least(greatest({shown}, {timestamp(FIRST)}), {latest})"
        return shown + slow

    def utc_sql(self, shown: str, lower: datetime, upper: datetime) -> str:
        """SQL of a start or end on the grid's clock as UTC moment; right within [lower, upper] (UTC), and beyond them where it is beyond."""
        late = f"({shown} + {interval(self.offset)})" if self.offset else shown
        if not self.local:
            return late
        offset, found = changes(self.zone, clock.plus(lower, -_NEAR), clock.plus(upper, _NEAR))
        pieces: list[tuple[datetime, str]] = []
        for change in found:
            pieces.append((change.moment + change.before, _shifted(late, -change.before)))
            if change.offset > change.before:
                pieces.append((change.moment + change.offset, timestamp(change.moment)))
        return _piecewise(late, pieces, _shifted(late, -_last(offset, found)))


def goes_by_local_clock(window: Sliding) -> bool:
    """Whether windows start and end on the local clock, not by elapsed time."""
    return _local(window.step, window.length)


def _local(step: Period, length: Period) -> bool:
    if isinstance(step, Months) or isinstance(length, Months):
        return True
    return _goes_by_hours(step) and not length % _HOUR


def _goes_by_hours(step: timedelta) -> bool:
    return step > _HOUR and not step % _HOUR


def grid_of(dataset: Dataset, window: GridWindow) -> Grid:
    """The grid of a dataset's window."""
    offset = _ZERO if window.offset is None else parse_duration(window.offset)
    if isinstance(window, Sliding):
        return Grid(dataset.zone, window.step, window.length, offset)
    rises = window.step if isinstance(window, Cumulative) else None
    return Grid(dataset.zone, window.unit, window.unit, offset, rises)


def days_of_window(dataset: Dataset, window: TimeWindow, first: datetime, last: datetime) -> list[date]:
    """The local days in which windows may start that a row within [first, last] (UTC) changes. Of sessions those that can be told
    without looking at rows: one that began on an earlier day is for `sessions` to find."""
    if isinstance(window, Session):
        one = clock.day_of(dataset.zone, clock.plus(first, -window.pause))
        other = clock.day_of(dataset.zone, clock.plus(last, window.pause))
        return [one + timedelta(days=n) for n in range((other - one).days + 1)]
    return grid_of(dataset, window).days(first, last)


def day_grid(zone: ZoneInfo) -> Grid:
    """The grid of the zone's days."""
    return Grid(zone, clock.DAY, clock.DAY)


def local_sql(zone: ZoneInfo, moment: str, lower: datetime, upper: datetime) -> str:
    """SQL of what the zone's clock shows at a UTC moment within [lower, upper]."""
    offset, found = changes(zone, lower, upper)
    pieces = [(change.moment, _shifted(moment, change.before)) for change in found]
    return _piecewise(moment, pieces, _shifted(moment, _last(offset, found)))


def _last(offset: timedelta, found: list[Change]) -> timedelta:
    """The offset after all changes."""
    return found[-1].offset if found else offset


def _shifted(value: str, by: timedelta) -> str:
    if not by:
        return value
    return f"{value} + {interval(by)}" if by > _ZERO else f"{value} - {interval(-by)}"


def _piecewise(value: str, pieces: list[tuple[datetime, str]], last: str) -> str:
    """SQL of the first piece with `value` before its end, or of `last`; halving, for in a long time clocks change often."""
    if not pieces:
        return last
    if len(pieces) <= _WHENS:
        whens = " ".join(f"WHEN {value} < {timestamp(until)} THEN {piece}" for until, piece in pieces)
        return f"(CASE {whens} ELSE {last} END)"
    middle = len(pieces) // 2
    until, piece = pieces[middle]
    early, late = _piecewise(value, pieces[:middle], piece), _piecewise(value, pieces[middle + 1 :], last)
    return f"(CASE WHEN {value} < {timestamp(until)} THEN {early} ELSE {late} END)"
