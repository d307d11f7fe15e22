"""A dataset whose rows may come late, in a warehouse, and what is final of it. What does not belong here: tests."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandera.polars as pa

from pipeline.contract import Dataset, Sliding, Tumbling, Window, agg
from pipeline.warehouse import Entry, Session, Warehouse
from pipeline_tests.warehouse.factory import stage_rows

NOON = datetime(2025, 3, 3, 12)


class Reading(pa.DataFrameModel):
    at: datetime
    place: str = pa.Field(nullable=True)
    heat: int


MEASURES = {"heat": agg.sum("heat")}
HOURLY = Tumbling("hourly", every="1h", by=["place"], measures=MEASURES)
DAILY = Tumbling("daily", every="1d", measures=MEASURES)
SLIDING = Sliding("sliding", size="3h", every="1h", measures=MEASURES)


def row(hours: float = 0, heat: int = 1, place: str | None = "A", **more: Any) -> dict[str, Any]:
    """A reading so many hours after noon of 3 March 2025."""
    return {"at": NOON + timedelta(hours=hours), "place": place, "heat": heat} | more


class House:
    """A warehouse with one dataset, `readings`."""

    def __init__(self, folder: Path, windows: Sequence[Window] = (HOURLY,), **declared: Any) -> None:
        self.folder = folder
        self._session: Session | None = None
        self.dataset = Dataset("readings", schema=Reading, event_time="at", windows=windows, **declared)
        self.warehouse = Warehouse(folder / "warehouse.duckdb", {"readings": self.dataset}, busy_timeout=20)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Everything within goes through one session, which is faster."""
        with self.warehouse.session() as self._session:
            try:
                yield
            finally:
                self._session = None

    @contextmanager
    def session(self) -> Iterator[Session]:
        """The session that is open, or a new one."""
        if self._session is not None:
            yield self._session
        else:
            with self.warehouse.session() as session:
                yield session

    def declare(self, windows: Sequence[Window] | None = None, **declared: Any) -> House:
        """The same warehouse under another declaration."""
        return House(self.folder, self.dataset.windows if windows is None else windows, **declared)

    def commit(self, delivery: str, *rows: dict[str, Any], again: bool = False, **options: Any) -> Entry:
        """Load a delivery of these rows; do not recompute."""
        staged = stage_rows(self.folder / "staging", self.dataset, delivery, rows, **options)
        with self.session() as session:
            return session.commit(staged, again=again)

    def load(self, delivery: str, *rows: dict[str, Any], **options: Any) -> Entry:
        """Load a delivery and bring the windows up to date."""
        entry = self.commit(delivery, *rows, **options)
        self.recompute()
        return entry

    def recompute(self) -> None:
        """Bring the windows up to date."""
        with self.session() as session:
            for window in self.dataset.windows:
                session.recompute("readings", window.name)
            assert session.dirty() == []

    def windows(self, name: str = "hourly", *columns: str) -> list[tuple[Any, ...]]:
        """Window rows, by default `window_start`, groups, measures and `row_count`, in order."""
        spec = self.dataset.window(name)
        picked = columns or ("window_start", *spec.by, *spec.measures, "row_count")
        return self.ask(f"SELECT {', '.join(picked)} FROM windows.readings_{name} ORDER BY ALL")

    def late(self, window: str = "hourly") -> list[tuple[Any, ...]]:
        """(delivery, row number, status) of late rows."""
        return self.ask(
            f"SELECT delivery, _row, status FROM ops.late_rows WHERE window_name = '{window}' ORDER BY ALL"
        )

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.session() as session:
            return session.query(sql).rows()
