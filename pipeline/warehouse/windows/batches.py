"""Days put together into batches, and batches cut into pieces, so that computing them stays within memory.

What belongs here: how much is computed at a time, and saying so where one window is too much. What does not: computing it
(`recompute`, `verify`).

DuckDB puts rows, groups and plain aggregates on disk where its memory ends; values that an aggregate holds (for a quantile, a list, a
histogram) it cannot. A statement may hold half of DuckDB's memory; what would hold more is cut by time, where windows are shorter than
that, and by a hash of the groups where they are not. One group of one window cannot be cut: it may hold all of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import NamedTuple

import duckdb

from pipeline.contract import Cumulative, Dataset, Session, Sliding, TimeWindow, Total, Window
from pipeline.contract.durations import longest
from pipeline.contract.windows import MICROSECOND
from pipeline.warehouse.errors import WindowTooLarge
from pipeline.warehouse.sql import ident, idents, table, timestamp
from pipeline.warehouse.windows import clock, dirty
from pipeline.warehouse.windows.compiler import read_until
from pipeline.warehouse.windows.figures import counted
from pipeline.warehouse.windows.grid import grid_of
from pipeline.warehouse.windows.measures import DISTRIBUTION
from pipeline.warehouse.windows.ways import Planned, Way, overlap, plan

MAX_DAYS = 31
MAX_ROWS = 20_000_000
_FAR = timedelta(days=20 * 366)
_SHARE = 0.5
"""Of DuckDB's memory: what a statement may hold."""
_LISTED = 160
"""Bytes of a value on its way through lists of panes, pieces and windows."""
_COPIED = 32
"""Bytes of a value in the list of a window, of which DuckDB makes so many at once:"""
_AT_ONCE = 2_048
_KEYED = 200
"""Bytes of a state per key. It can be put on disk, but where that is done for very many at once, DuckDB wants more memory than it has."""
_STRETCHES = 1_024
"""Of so many the rows of a batch are counted, to cut it."""


class Piece(NamedTuple):
    """What one statement computes: the windows that start in [lower, upper), UTC without zone, of all groups or some.

    Attributes:
        only: condition on rows to be of these groups; None: of all.
    """

    lower: datetime
    upper: datetime
    only: str | None = None


@dataclass(frozen=True)
class Batch:
    """Neighbouring days, for one transaction.

    Attributes:
        days: local days, ascending.
        lower: where the first begins, UTC without zone.
        upper: where the last ends.
    """

    days: tuple[date, ...]
    lower: datetime
    upper: datetime


def batches(connection: duckdb.DuckDBPyConnection, dataset: Dataset, days: Sequence[date]) -> Iterator[Batch]:
    """Neighbouring days in batches, bounded by days and rows."""
    weights = _rows_per_day(connection, dataset, days) if len(days) > 1 else {}
    batch: list[date] = []
    rows = 0
    for day in days:
        weight = weights.get(day, 0)
        apart = batch and day - batch[-1] != timedelta(days=1)
        if batch and (apart or len(batch) == MAX_DAYS or rows + weight > MAX_ROWS):
            yield Batch(tuple(batch), *clock.span_bounds(dataset.zone, batch))
            batch, rows = [], 0
        batch.append(day)
        rows += weight
    if batch:
        yield Batch(tuple(batch), *clock.span_bounds(dataset.zone, batch))


def pieces(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: TimeWindow, batch: Batch
) -> list[Piece]:
    """What together gives the windows of a batch, in order of time, each so little that it fits into DuckDB's memory.

    Raises:
        WindowTooLarge: one group of one window does not.
    """
    found: list[Piece] = []
    if cost := Cost.of(dataset, window):
        cutting = _Cutting(connection, dataset, window, cost, counted(dataset, window))
        found = cutting.pieces(batch.lower, batch.upper)
    return found or [Piece(batch.lower, batch.upper)]


def parts_of_total(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Total, source: str
) -> list[str]:
    """`source` in parts of its groups that fit into DuckDB's memory.

    Raises:
        WindowTooLarge: one group does not.
    """
    cost = Cost.of(dataset, window)
    if not cost:
        return [source]
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {source}").fetchall()
    cutting = _Cutting(connection, dataset, window, cost, source)
    return [
        source if only is None else f"(SELECT * FROM {source} AS rows WHERE {only})"
        for only in cutting.parts(rows, rows, 1, "true")
    ]


@dataclass(frozen=True)
class Cost:
    """The memory that a window's statement holds and cannot put on disk, in bytes; false where that is nothing.

    Attributes:
        held: for each row that is read.
        listed: for each row of a window, where windows are lists of values.
        state: for each window and group.
        entries: SQL of a value → for each different one of a window and group.
        holding: the measures that it is for.
    """

    held: float
    listed: int
    state: int
    entries: tuple[tuple[str, int], ...]
    holding: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.held or self.state or self.entries)

    @classmethod
    def of(cls, dataset: Dataset, window: Window) -> Cost:
        """That of a window."""
        planned = plan(dataset, window)
        lists = {one.measure.values for one in planned if one.way is Way.LISTS}
        by_rows = [one for one in planned if one.way is Way.ROWS]
        times = overlap(window) if isinstance(window, Sliding | Cumulative) else 1.0
        entries = tuple(
            (one.measure.keyed.key, one.measure.entry if _keeps_entries(one) else _KEYED)
            for one in planned
            if one.measure.keyed is not None
        )
        return cls(
            _LISTED * len(lists) + times * sum(one.measure.held for one in by_rows),
            _COPIED * bool(lists),
            sum(one.measure.state for one in planned),
            entries,
            tuple(one.name for one in planned if one.measure.held or _keeps_entries(one)),
        )


def _keeps_entries(one: Planned) -> bool:
    """Whether the different values are in memory together: of a top list that goes by keys only those that it shows are."""
    return bool(one.measure.entry) and (one.way is Way.ROWS or one.measure.sql_type == DISTRIBUTION)


class _Cutting:
    """Cuts the windows of a span into pieces that fit."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        dataset: Dataset,
        window: Window,
        cost: Cost,
        source: str,
    ) -> None:
        self.connection, self.dataset, self.window, self.cost, self.source = (
            connection, dataset, window, cost, source,
        )  # fmt: skip
        self.memory = memory_of(connection)
        self.overlap = overlap(window) if isinstance(window, Sliding | Cumulative) else 1.0
        self.groups: float = math.inf
        self.values: tuple[float, ...] = tuple(math.inf for _ in cost.entries)

    def pieces(self, lower: datetime, upper: datetime) -> list[Piece]:
        """Pieces of [lower, upper); none where it fits as a whole."""
        assert not isinstance(self.window, Total)
        until = self._until(upper)
        scope = self._within(lower, until)
        [(rows,)] = self.connection.execute(
            f"SELECT count(*) FROM {self.source} AS rows WHERE {scope}"
        ).fetchall()
        if self._fits(rows, rows, rows):
            return []
        if isinstance(self.window, Session) and self.window.by:
            return self._parts(lower, upper)  # a session's rows may lie anywhere
        self._count_different(scope)
        return self._cut(lower, upper)

    def _cut(self, lower: datetime, upper: datetime) -> list[Piece]:
        """Neighbouring stretches as long as they fit together; one that does not fit alone is cut again, down to one window."""
        width = max(self._step, (upper - lower) / _STRETCHES, MICROSECOND)
        width += -width % self._step if self._step else timedelta()
        counts = self._counts(lower, self._until(upper), width)
        before = [0, *accumulate(counts)]
        stretches = -(-(upper - lower) // width)
        further = 0 if self._tiled else -(-self._length // width)
        per_stretch = max(1, width // self._step) if self._step else 1

        def rows(begin: int, end: int) -> int:
            return before[min(end, len(counts))] - before[min(begin, len(counts))]

        in_window = -(-self._length // width)
        densest = max((rows(n, n + in_window) for n in range(stretches)), default=0)

        def fits(begin: int, end: int) -> bool:
            return self._fits(rows(begin, end + further), densest, (end - begin) * per_stretch)

        found: list[Piece] = []
        start = 0
        while start < stretches:
            end = start + 1
            while end < stretches and fits(start, end + 1):
                end += 1
            span = lower + start * width, min(lower + end * width, upper)
            if (
                end == start + 1
                and not fits(start, end)
                and width > max(self._step, MICROSECOND)
                and stretches > 1
            ):
                found += self._cut(*span)
            else:
                found += self._parts(*span, densest)
            start = end
        return found

    def parts(self, read: int, in_window: int, slots: int, scope: str) -> list[str | None]:
        """Conditions on rows that part the groups so that each part fits; None where all do together.

        Args:
            read: so many rows are read.
            in_window: so many of them are in a window at most.
            slots: for so many windows of a group.
            scope: SQL of these rows.

        Raises:
            WindowTooLarge: one group does not fit.
        """
        limit = self.memory * _SHARE
        if self._need(read, in_window, slots) <= limit:
            return [None]
        self._count_different(scope)
        need = self._need(read, in_window, slots)
        if need <= limit:
            return [None]
        shared = any(measure.kind == "share" for measure in self.window.measures.values())
        parts, rows = 1, read
        if self.window.by and not shared:
            parts, by = -(-int(need) // int(limit)), idents(self.window.by)
            counts = f"SELECT count(*) AS n FROM {self.source} AS rows WHERE {scope} GROUP BY {by}"
            [(rows,)] = self.connection.execute(f"SELECT max(n) FROM ({counts})").fetchall()
            need = self._need(rows, min(rows, in_window), slots, alone=True)
        if need > self.memory:
            raise WindowTooLarge(
                self.dataset.name, self.window.name, self._causes(), rows, int(need), self.memory
            )
        if parts == 1:
            return [None]
        return [f"hash({by}) % {parts} = {part}" for part in range(parts)]

    def _parts(self, start: datetime, end: datetime, in_window: int | None = None) -> list[Piece]:
        scope = self._within(start, self._until(end))
        [(read,)] = self.connection.execute(
            f"SELECT count(*) FROM {self.source} AS rows WHERE {scope}"
        ).fetchall()
        slots = max(1, -(-(end - start) // self._step)) if self._step else max(1, read)
        return [
            Piece(start, end, only)
            for only in self.parts(read, min(read, read if in_window is None else in_window), slots, scope)
        ]

    @property
    def _step(self) -> timedelta:
        """Between the starts of two windows; sessions have none."""
        if isinstance(self.window, Session | Total):
            return timedelta()
        return longest(grid_of(self.dataset, self.window).step)

    @property
    def _length(self) -> timedelta:
        return self.window.pause if isinstance(self.window, Session) else self.window.length  # type: ignore[union-attr]

    @property
    def _tiled(self) -> bool:
        """Whether a span that begins and ends with windows is read without what follows it."""
        return isinstance(self.window, Session) or self._step == self._length

    def _until(self, end: datetime) -> datetime:
        """The moment before which rows are read for the windows that start before `end`."""
        assert not isinstance(self.window, Total)
        return end if isinstance(self.window, Session) else read_until(self.dataset, self.window, end)

    def _within(self, lower: datetime, upper: datetime) -> str:
        moment = ident(self.dataset.event_time or "")
        return f"{moment} >= {timestamp(lower)} AND {moment} < {timestamp(upper)}"

    def _counts(self, lower: datetime, until: datetime, width: timedelta) -> list[int]:
        """Rows of each stretch of [lower, until)."""
        moment = ident(self.dataset.event_time or "")
        since = f"(epoch_us({moment}) - epoch_us({timestamp(lower)})) // {width // MICROSECOND}"
        found = dict(
            self.connection.execute(
                f"SELECT {since}, count(*) FROM {self.source} AS rows WHERE {self._within(lower, until)} GROUP BY 1"
            ).fetchall()
        )
        return [found.get(n, 0) for n in range(-(-(until - lower) // width))]

    def _count_different(self, scope: str) -> None:
        """How many groups there are about, and how many different values where these count."""
        asked = [f"hash({idents(self.window.by)})"] if self.window.by else ["0"]
        asked += [key for key, _ in self.cost.entries]
        counts = ", ".join(f"approx_count_distinct({one})" for one in asked)
        row = self.connection.execute(f"SELECT {counts} FROM {self.source} AS rows WHERE {scope}").fetchone()
        assert row is not None
        self.groups, self.values = max(1, row[0]), tuple(row[1:])

    def _fits(self, read: int, in_window: int, slots: int) -> bool:
        return self._need(read, in_window, slots) <= self.memory * _SHARE

    def _need(self, read: int, in_window: int, slots: int, *, alone: bool = False) -> float:
        """Bytes held for `slots` windows with so many rows each at most; `alone`: of one group."""
        placed = read * max(1.0, self.overlap)
        groups = min(placed, slots if alone else slots * self.groups)
        entries = sum(
            size * min(placed, groups * different)
            for (_, size), different in zip(self.cost.entries, self.values, strict=True)
        )
        lists = self.cost.listed * in_window * min(_AT_ONCE, slots)
        return (
            read * self.cost.held + groups * self.cost.state + entries + min(lists, self.cost.listed * placed)
        )

    def _causes(self) -> dict[str, str | None]:
        """The measures that hold values → the form that does not, where there is one."""
        types = {column.name: column.dtype for column in self.dataset.columns}
        found: dict[str, str | None] = {}
        for name, measure in self.window.measures.items():
            if name in self.cost.holding:
                numeric = measure.column is not None and types[measure.column].is_numeric()
                approximate = f'agg.quantile("{measure.column}", {measure.parameter}, approximate=True)'
                found[name] = approximate if numeric and measure.kind.startswith("quantile") else None
        return found


def memory_of(connection: duckdb.DuckDBPyConnection) -> int:
    """DuckDB's memory limit, in bytes."""
    [(said,)] = connection.execute("SELECT current_setting('memory_limit')").fetchall()
    number, unit = said.split()
    return int(float(number) * 1024 ** ("bytes", "KiB", "MiB", "GiB", "TiB").index(unit))


def _rows_per_day(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, days: Sequence[date]
) -> dict[date, int]:
    assert dataset.event_time is not None
    moment = ident(dataset.event_time)
    found: dict[date, int] = {}
    for near in _near(days):
        lower, upper = clock.span_bounds(dataset.zone, near)
        shown = dirty.local_sql(dataset, moment, lower, upper)
        rows = connection.execute(
            f"SELECT CAST({shown} AS DATE), count(*) FROM {table('clean', dataset.name)} "
            f"WHERE {moment} >= {timestamp(lower)} AND {moment} < {timestamp(upper)} GROUP BY 1"
        ).fetchall()
        found |= dict(rows)
    return found


def _near(days: Sequence[date]) -> Iterator[list[date]]:
    """Ascending days without gaps of many years: the SQL of a zone's clock grows with the time that it is for."""
    some: list[date] = []
    for day in days:
        if some and day - some[-1] > _FAR:
            yield some
            some = []
        some.append(day)
    if some:
        yield some
