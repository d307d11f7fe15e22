"""Where windows start: multiples of the step, counted from midnight of Monday 2000-01-03 on the dataset's clock.

What belongs here: the rule, in Python and as SQL. What does not: aggregates.

Two clocks keep windows apart and whole when a zone's clocks change:

- Windows whose step is more than an hour and whose step and length are whole hours go by the **local clock**: a daily
  window is the local day (23 or 25 hours long twice a year), a 6-hour window starts at 0, 6, 12 and 18 o'clock. A
  repeated hour lies within one window, a skipped hour shortens one.
- All others go by **elapsed time**, counted in UTC from the same origin: an hour that comes twice gives two hourly
  windows, and every 5-minute window lasts 5 minutes.

Either way each moment is in exactly one tumbling window, windows of one step never leave a gap, and a window belongs to
the local day in which it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from pipeline.contract import Dataset, TimeWindow, Tumbling
from pipeline.warehouse.sql import interval, timestamp
from pipeline.warehouse.windows import clock

ORIGIN = datetime(2000, 1, 3)  # noqa: DTZ001  (a clock without zone, on purpose)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Grid:
    """The starts of one window in one zone.

    Attributes:
        zone: the dataset's.
        step: between two starts.
        length: of one window.
        pane: longest length that divides both.
    """

    zone: ZoneInfo
    step: timedelta
    length: timedelta
    pane: timedelta

    @cached_property
    def local(self) -> bool:
        """Whether windows go by the local clock, not by elapsed time."""
        return self.step > _HOUR and not self.step % _HOUR and not self.length % _HOUR

    @cached_property
    def origin(self) -> datetime:
        """Where counting begins, on the grid's clock."""
        return ORIGIN if self.local else clock.to_utc(self.zone, ORIGIN)

    def on_clock(self, moment: datetime) -> datetime:
        """A UTC moment on the grid's clock."""
        return clock.to_local(self.zone, moment) if self.local else moment

    def off_clock(self, shown: datetime) -> datetime:
        """A time on the grid's clock as UTC moment."""
        return clock.to_utc(self.zone, shown) if self.local else shown

    def floor(self, shown: datetime) -> datetime:
        """The last start at or before a time on the grid's clock."""
        return shown - (shown - self.origin) % self.step

    def days(self, first: datetime, last: datetime) -> list[date]:
        """The local days in which windows start that contain a moment of [first, last] (UTC)."""
        start = self.floor(clock.plus(self.on_clock(first), -self.length)) + self.step
        end = self.floor(self.on_clock(last))
        if self.step < clock.DAY:
            one, other = self._day(start), self._day(end)
            return [one + timedelta(days=n) for n in range((other - one).days + 1)]
        return sorted({self._day(start + n * self.step) for n in range((end - start) // self.step + 1)})

    def reach(self, upper: datetime) -> datetime:
        """Where the last window that starts before `upper` (UTC) ends at the latest (UTC)."""
        return self.off_clock(clock.plus(self.on_clock(upper), self.length))

    def _day(self, start: datetime) -> date:
        return clock.day_of(self.zone, self.off_clock(start))

    def clock_sql(self, moment: str, lower: datetime, upper: datetime) -> str:
        """SQL of a UTC moment within [lower, upper] on the grid's clock."""
        if not self.local:
            return moment
        first, found = clock.changes(self.zone, lower, upper)
        cases = [(change.moment, change.before) for change in found]
        return _shifted(moment, cases, found[-1].offset if found else first, "+")

    def utc_sql(self, shown: str, lower: datetime, upper: datetime) -> str:
        """SQL of a start or end on the grid's clock as UTC moment; right within [lower, upper] (UTC)."""
        if not self.local:
            return shown
        first, found = clock.changes(self.zone, lower, upper)
        cases = [(change.moment + max(change.before, change.offset), change.before) for change in found]
        return _shifted(shown, cases, found[-1].offset if found else first, "-")


def grid_of(dataset: Dataset, window: TimeWindow) -> Grid:
    """The grid of a dataset's window."""
    pane = window.step if isinstance(window, Tumbling) else window.pane
    return Grid(dataset.zone, window.step, window.length, pane)


def _shifted(value: str, cases: list[tuple[datetime, timedelta]], last: timedelta, sign: str) -> str:
    """`value` shifted by an offset that depends on where it lies."""
    if not cases:
        return f"{value} {sign} {interval(last)}" if last else value
    whens = " ".join(f"WHEN {value} < {timestamp(until)} THEN {interval(offset)}" for until, offset in cases)
    return f"{value} {sign} CASE {whens} ELSE {interval(last)} END"
