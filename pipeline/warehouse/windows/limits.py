"""How far retention has gone, and which windows must stay as they are because of it.

What belongs here: reading `ops.retention`, and what follows from it for a window. What does not: deleting anything (`retention`).

A window over the clock is frozen when it starts before the rows that are left; a session when it has ended before them, for rows
of sessions that reach further are kept until all of the session may go. Windows that are too old themselves are gone, and stay so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import duckdb

from pipeline.contract import Dataset, GridWindow, Session, Sliding, TimeWindow
from pipeline.contract.windows import MICROSECOND
from pipeline.warehouse.sql import timestamp
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.grid import grid_of


@dataclass(frozen=True)
class Limits:
    """Moments (UTC without zone) at which a local day begins; None where retention never ran.

    Attributes:
        rows: clean rows before it have been deleted.
        windows: windows that ended by it have been deleted.
    """

    rows: datetime | None = None
    windows: datetime | None = None

    def __bool__(self) -> bool:
        return self.rows is not None or self.windows is not None

    def open_sql(self, window: TimeWindow) -> str:
        """SQL over window rows: whether they may be computed anew."""
        conditions = []
        if self.rows is not None:
            edge = "window_end" if isinstance(window, Session) else "window_start"
            conditions.append(f"{edge} >= {timestamp(self.rows)}")
        if self.windows is not None:
            conditions.append(f"window_end > {timestamp(self.windows)}")
        return " AND ".join(conditions) or "true"

    def stays(self, dataset: Dataset, window: TimeWindow, day: date) -> bool:
        """Whether no window that starts on this day may be computed anew."""
        if isinstance(window, Session):
            return False  # how long one lasts, only its rows tell
        upper = clock.day_bounds(dataset.zone, day)[1]
        if self.rows is not None and upper <= self.rows:
            return True
        return self.windows is not None and grid_of(dataset, window).reach(upper) <= self.windows

    def reach(self, dataset: Dataset, window: GridWindow, *, whole: bool = False) -> datetime | None:
        """Rows before this moment are in a window that stays as it is; with `whole` all windows that they are in do."""
        grid = grid_of(dataset, window)
        back = window.length if whole and isinstance(window, Sliding) else timedelta()
        found = []
        if self.rows is not None:
            # The last start before the rows that are left: its window is frozen to its end.
            start = grid.floor(grid.on_clock(clock.plus(self.rows, -MICROSECOND)))
            found.append(self.rows if back else grid.off_clock(grid.end(start)))
        if self.windows is not None:
            found.append(clock.plus(grid.ended(self.windows), -back))
        return max(found, default=None)

    @property
    def session_end(self) -> datetime | None:
        """Sessions that ended before this moment stay as they are."""
        return max((moment for moment in (self.rows, self.windows) if moment is not None), default=None)


def limits_of(connection: duckdb.DuckDBPyConnection, dataset: str) -> Limits:
    """How far retention has gone for a dataset."""
    row = connection.execute(
        "SELECT max(rows_before), max(windows_before) FROM ops.retention WHERE dataset = ?", [dataset]
    ).fetchone()
    assert row is not None
    return Limits(*row)
