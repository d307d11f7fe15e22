"""What the SQL of windows on a grid starts from: which rows are read, their time on the grid's clock, starts and ends in UTC.

What belongs here: the frame that kinds of windows fill. What does not: any kind of window.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.contract.durations import Period
from pipeline.contract.windows import MICROSECOND
from pipeline.warehouse.sql import interval, timestamp
from pipeline.warehouse.windows.columns import Columns, listed
from pipeline.warehouse.windows.grid import Grid

_FIRST = datetime(1, 1, 1)  # noqa: DTZ001  (the beginning of the calendar, in UTC without zone)


@dataclass(frozen=True)
class Body:
    """The rows of one compilation.

    Attributes:
        grid: where windows start.
        columns: groups and measures.
        source: a relation.
        moment: its event time, quoted.
        lower: first moment that is read, UTC without zone.
        until: moment before which rows are read.
    """

    grid: Grid
    columns: Columns
    source: str
    moment: str
    lower: datetime
    until: datetime

    @property
    def reads(self) -> str:
        """FROM and WHERE of the rows."""
        return f"FROM {self.source}\n  {self.within}"

    @property
    def within(self) -> str:
        """WHERE of the rows."""
        return f"WHERE {self.moment} >= {timestamp(self.lower)} AND {self.moment} < {timestamp(self.until)}"

    @property
    def shown(self) -> str:
        """The event time on the grid's clock."""
        return self.grid.clock_sql(self.moment, self.lower, self.until)

    def utc(self, shown: str) -> str:
        """A time on the grid's clock as UTC moment."""
        return self.grid.utc_sql(shown, self.lower, self.until)

    def timed(self, slots: str) -> str:
        """`slots` gives `_slot`, the start of a window on the grid's clock: the same with start and end in UTC."""
        end = self.utc(f"(_slot + {interval(self.grid.length)})")
        columns = self.columns
        picked = [f"{self.utc('_slot')} AS window_start", f"{end} AS window_end", *columns.by, *columns.raw]
        return f"  SELECT {listed(picked)}\n  FROM (\n  {slots}\n  )"


def bucket(grid: Grid, width: Period, shown: str) -> str:
    """The last multiple of `width` at or before a time on the grid's clock."""
    return f"time_bucket({interval(width)}, {shown}, {timestamp(grid.origin)})"


def early_origin(grid: Grid, step: timedelta, length: timedelta) -> int:
    """Microseconds since 1970 of a multiple of `step` so long before the calendar begins that all counting is upwards."""
    back = -(-(grid.origin - _FIRST + 2 * length) // step) + 1
    return (grid.origin - datetime(1970, 1, 1)) // MICROSECOND - back * (step // MICROSECOND)  # noqa: DTZ001
