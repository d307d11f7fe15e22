"""Where windows start: multiples of the step, counted from midnight of Monday 2000-01-03 on the dataset's clock; calendar
months from January 2000.

What belongs here: the rule, in Python and as SQL. What does not: aggregates; sessions, which follow the rows.

Two clocks keep windows apart and whole when a zone's clocks change:

- Windows whose step is more than an hour and whose step and length are whole hours, and calendar units, go by the **local
  clock**: a daily window is the local day (23 or 25 hours long twice a year), a 6-hour window starts at 0, 6, 12 and 18
  o'clock. A repeated hour lies within one window, a skipped hour shortens one.
- All others go by **elapsed time**, counted in UTC from the same origin: an hour that comes twice gives two hourly
  windows, and every 5-minute window lasts 5 minutes.

An offset is a clock that is so much slow. Either way each moment is in exactly one tumbling window, windows of one step never
leave a gap, and a window belongs to the local day in which it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from pipeline.contract import Cumulative, Dataset, GridWindow, Session, Sliding, TimeWindow
from pipeline.contract.durations import Months, Period, longest, parse_duration
from pipeline.contract.windows import MICROSECOND
from pipeline.warehouse.sql import interval, timestamp
from pipeline.warehouse.windows import clock

ORIGIN = datetime(2000, 1, 3)  # noqa: DTZ001  (a clock without zone, on purpose)
_MONTH_ORIGIN = datetime(2000, 1, 1)  # noqa: DTZ001
_HOUR = timedelta(hours=1)
_ZERO = timedelta()


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
        if isinstance(self.step, Months) or isinstance(self.length, Months):
            return True
        return _goes_by_hours(self.step) and not self.length % _HOUR

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
        """A UTC moment on the grid's clock."""
        shown = clock.to_local(self.zone, moment) if self.local else moment
        return clock.plus(shown, -self.offset) if self.offset else shown

    def off_clock(self, shown: datetime) -> datetime:
        """A time on the grid's clock as UTC moment."""
        late = clock.plus(shown, self.offset) if self.offset else shown
        return clock.to_utc(self.zone, late) if self.local else late

    def floor(self, shown: datetime) -> datetime:
        """The last start at or before a time on the grid's clock."""
        if isinstance(self.step, Months):
            count = (shown.year - self.origin.year) * 12 + shown.month - 1
            return clock.plus_months(self.origin, count - count % self.step.count)
        return shown - (shown - self.origin) % self.step

    def end(self, start: datetime) -> datetime:
        """The end of the window that starts then, both on the grid's clock."""
        if isinstance(self.length, Months):
            return clock.plus_months(start, self.length.count)
        return clock.plus(start, self.length)

    def following(self, start: datetime) -> datetime:
        """The start after this one, both on the grid's clock."""
        if isinstance(self.step, Months):
            return clock.plus_months(start, self.step.count)
        return clock.plus(start, self.step)

    def days(self, first: datetime, last: datetime) -> list[date]:
        """The local days in which windows start that contain a moment of [first, last] (UTC)."""
        shown = self._shown_within(first, last)
        start, end = self._earliest(min(shown)), self.floor(max(shown))
        if isinstance(self.step, timedelta) and self.step < clock.DAY:
            one, other = self._day(start), self._day(end)
            return [one + timedelta(days=n) for n in range((other - one).days + 1)]
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
        shown = max(self._shown_within(clock.plus(watermark, -clock.DAY), watermark))
        if self.rises is None:
            if self.step == self.length:
                return self.off_clock(self.floor(shown))
            return self.off_clock(self.end(self.floor(clock.plus(shown, -longest(self.length)))))
        begun = self.floor(shown)
        if self.rises_locally:
            return self.off_clock(begun + (shown - begun) // self.rises * self.rises)
        start = self.off_clock(begun)
        return start + (watermark - start) // self.rises * self.rises

    def _shown_within(self, first: datetime, last: datetime) -> list[datetime]:
        """What the grid's clock shows at the ends of a span of UTC moments, and where it is put back or forward between them: the
        earliest and the latest time that it shows are among these. Without an offset it is never put back over a start."""
        moments = [first, last]
        if self.local and self.offset:
            for change in clock.changes(self.zone, first, last)[1]:
                moments += [change.moment - MICROSECOND, change.moment]
        return [self.on_clock(moment) for moment in moments]

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
        first, found = clock.changes(self.zone, lower, upper)
        cases = [(change.moment, interval(change.before)) for change in found]
        return _shifted(moment, cases, found[-1].offset if found else first, "+") + slow

    def utc_sql(self, shown: str, lower: datetime, upper: datetime) -> str:
        """SQL of a start or end on the grid's clock as UTC moment; right within [lower, upper] (UTC)."""
        late = f"({shown} + {interval(self.offset)})" if self.offset else shown
        if not self.local:
            return late
        first, found = clock.changes(self.zone, lower, upper)
        cases: list[tuple[datetime, str]] = []
        for change in found:
            if self.offset and change.offset > change.before:
                # A time that is skipped is the moment of the change; without an offset only the first of them is a start.
                cases.append((change.moment + change.before, interval(change.before)))
                cases.append((change.moment + change.offset, f"({late} - {timestamp(change.moment)})"))
            else:
                cases.append((change.moment + max(change.before, change.offset), interval(change.before)))
        return _shifted(late, cases, found[-1].offset if found else first, "-")


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


def _shifted(value: str, cases: list[tuple[datetime, str]], last: timedelta, sign: str) -> str:
    """`value` shifted by an interval (SQL) that depends on where it lies."""
    if not cases:
        return f"{value} {sign} {interval(last)}" if last else value
    whens = " ".join(f"WHEN {value} < {timestamp(until)} THEN {length}" for until, length in cases)
    return f"{value} {sign} CASE {whens} ELSE {interval(last)} END"
