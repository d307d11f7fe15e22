"""Windows by definition: the plain and slow way, to be read as their specification.

What belongs here: what each kind of window and each measure gives for some rows, written from the declarations
(`contract.windows`, `contract.aggregates`) in plain Python. What does not: anything of `warehouse.windows`; that is what this
is compared with.

Times are UTC without zone. A dataset's zone gives its **local clock**; turned back into UTC, a local time is the first moment
at which the clock shows that time or a later one: of a time that comes twice the first, of one that is skipped the moment of the
change.

- `Tumbling`, `Sliding`: windows start at multiples of the step from Monday 2000-01-03 00:00 on the dataset's clock; in calendar
  months from January 2000, at midnight of the first of the month. Steps above one hour, where step and size are whole hours, and
  months go by the local clock; all else by elapsed time from the same origin, in UTC. An offset is added to every start and end, on
  that clock. Start and end are then turned into moments, and a row is in every window with start <= its time < end. A window that
  starts and ends at one moment, for the clock skips all of it, is none.
- `Cumulative`: the windows of a period start with it, and end at its start + k * every, the last with the period. Steps above one
  hour in whole hours go by the local clock, others by the time elapsed since the period's start. A window is there for every end
  from the first one that has a row of the group to the period's last; ends that are one moment are one.
- `Session`: rows of a group in order of time; a pause longer than the gap begins a new session. It lasts from its first row to
  the gap after its last.
- `Total`: one row per group over all rows (`_delivery` null), and one per group and delivery.

Rows with null in a group column form a group. Windows without a row are not there, except those that `fill=` asks for: of each
group every window of the grid from the first with a row of the group to the last with a row of any; but for those wholly within a pause
of all rows that is longer than `fill_limit` windows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from pipeline.contract import Cumulative, Dataset, GridWindow, Session, Sliding, Total, Tumbling, Window
from pipeline.contract.durations import Months, Period, longest, parse_duration
from pipeline_tests.windows.reference_measures import figure, filled_figure

Row = Mapping[str, Any]
Group = tuple[Any, ...]
_HOUR = timedelta(hours=1)
_WEEKS_BEGIN = datetime(2000, 1, 3)  # noqa: DTZ001  (a clock without zone, on purpose)
_MICROSECOND = timedelta(microseconds=1)
_PUT_BACK = timedelta(hours=26)  # clocks are never put back further


class Place(NamedTuple):
    """Which row of the window table: its times in UTC, the delivery of a total, and the group."""

    start: datetime | None
    end: datetime | None
    delivery: str | None
    group: Group


def reference(
    rows: Sequence[Row],
    dataset: Dataset,
    window: Window,
    spoken: Mapping[str, Callable[..., Any]] | None = None,
) -> list[dict[str, Any]]:
    """What the window's table holds for these rows, in no order.

    Args:
        rows: clean rows; each has the dataset's columns, and `_delivery` for a total.
        dataset: whose event time and zone hold.
        window: any of its windows.
        spoken: SQL text of a `where=` → function of a row; of an `agg.sql` → function of a list of rows.

    Returns:
        `window_start`, `window_end`, `_delivery` (totals alone), the group columns, the measures, `row_count`; exact figures in the
        types that DuckDB gives to Python.
    """
    members, empty = _members(rows, dataset, window)
    everyone: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for place, inside in members.items():
        everyone[place[:3]] += inside
    dtypes: dict[str | None, Any] = {column.name: column.dtype for column in dataset.columns}
    carried = _carried(members, empty, everyone, dataset, window, spoken or {})
    table = []
    for place in [*members, *empty]:
        inside = members.get(place, [])
        seconds = (
            None
            if place.start is None or place.end is None
            else (place.end - place.start) / timedelta(seconds=1)
        )
        line: dict[str, Any] = {"window_start": place.start, "window_end": place.end}
        if isinstance(window, Total):
            line["_delivery"] = place.delivery
        line |= dict(zip(window.by, place.group, strict=True))
        for name, measure in window.measures.items():
            if inside:
                line[name] = figure(
                    measure, inside, everyone[place[:3]], dataset.event_time, seconds, spoken or {}
                )
            else:
                line[name] = filled_figure(measure, getattr(window, "fill", None), dtypes.get(measure.column))
                if getattr(window, "fill", None) == "forward":
                    line[name] = carried[place, name]
        table.append(line | {"row_count": len(inside)})
    return table


def _carried(
    members: Mapping[Place, list[Row]],
    empty: Sequence[Place],
    everyone: Mapping[tuple[Any, ...], list[Row]],
    dataset: Dataset,
    window: Window,
    spoken: Mapping[str, Callable[..., Any]],
) -> dict[tuple[Place, str], Any]:
    """The figures of windows that are filled forward: those of the last window with rows of the group before."""
    found: dict[tuple[Place, str], Any] = {}
    if getattr(window, "fill", None) != "forward":
        return found
    for place in empty:
        last = max(
            (one for one in members if one.group == place.group and one.start < place.start),
            key=lambda one: one.start,
        )  # type: ignore[operator, return-value, arg-type]
        seconds = (last.end - last.start) / timedelta(seconds=1)  # type: ignore[operator]
        for name, measure in window.measures.items():
            found[place, name] = figure(
                measure, members[last], everyone[last[:3]], dataset.event_time, seconds, spoken
            )
    return found


def _members(
    rows: Sequence[Row], dataset: Dataset, window: Window
) -> tuple[dict[Place, list[Row]], list[Place]]:
    """The rows of each window and group, and the windows that are filled in."""
    if isinstance(window, Total):
        return _of_total(rows, window), []
    if isinstance(window, Session):
        return _of_sessions(rows, dataset, window), []
    if isinstance(window, Cumulative):
        return _of_cumulative(rows, dataset, window), []
    return _of_grid(rows, dataset, window)


def _of_total(rows: Sequence[Row], window: Total) -> dict[Place, list[Row]]:
    members: dict[Place, list[Row]] = defaultdict(list)
    for row in rows:
        members[Place(None, None, None, _group(row, window))].append(row)
        members[Place(None, None, row["_delivery"], _group(row, window))].append(row)
    return members


def _of_sessions(rows: Sequence[Row], dataset: Dataset, window: Session) -> dict[Place, list[Row]]:
    gap = parse_duration(window.gap)
    groups: dict[Group, list[Row]] = defaultdict(list)
    for row in rows:
        groups[_group(row, window)].append(row)
    members: dict[Place, list[Row]] = {}
    for group, theirs in groups.items():
        session: list[Row] = []
        for row in sorted(theirs, key=lambda row: _time(row, dataset)):
            if session and _time(row, dataset) - _time(session[-1], dataset) > gap:
                members[_session(session, dataset, gap, group)] = session
                session = []
            session.append(row)
        members[_session(session, dataset, gap, group)] = session
    return members


def _session(session: Sequence[Row], dataset: Dataset, gap: timedelta, group: Group) -> Place:
    return Place(_time(session[0], dataset), _time(session[-1], dataset) + gap, None, group)


def _of_grid(
    rows: Sequence[Row], dataset: Dataset, window: Tumbling | Sliding
) -> tuple[dict[Place, list[Row]], list[Place]]:
    grid = grid_by_definition(dataset, window)
    members: dict[Place, list[Row]] = defaultdict(list)
    starts: dict[Group, set[datetime]] = defaultdict(set)
    for row in rows:
        group = _group(row, window)
        for start in grid.starts(_time(row, dataset)):
            members[grid.place(start, group)].append(row)
            starts[group].add(start)
    empty: list[Place] = []
    if window.fill is not None and rows:
        last = max(max(theirs) for theirs in starts.values())
        times = sorted(_time(row, dataset) for row in rows)
        pauses = [ends for ends in pairwise(times) if ends[1] - ends[0] > _longest_pause(window)]
        for group, theirs in starts.items():
            start = min(theirs)
            while start <= last:
                begin, end = grid.utc(start), grid.utc(grid.end(start))
                paused = any(begin > one and end <= other for one, other in pauses)
                if start not in theirs and begin < end and not paused:
                    empty.append(grid.place(start, group))
                start = grid.later(start, 1)
    return members, empty


def _longest_pause(window: Tumbling | Sliding) -> timedelta:
    """10,000 windows or 31 days, whichever is longer; or what is asked for."""
    step = parse_duration(window.every) if isinstance(window, Sliding) else longest(window.unit)
    return max(10_000 * step, timedelta(days=31)) if window.fill_limit is None else window.fill_limit * step


def _of_cumulative(rows: Sequence[Row], dataset: Dataset, window: Cumulative) -> dict[Place, list[Row]]:
    grid = grid_by_definition(dataset, window)
    step = parse_duration(window.every)
    periods: dict[tuple[datetime, Group], list[Row]] = defaultdict(list)
    for row in rows:
        (start,) = grid.starts(_time(row, dataset))
        periods[start, _group(row, window)].append(row)
    by_local_clock = step > _HOUR and not step % _HOUR
    members: dict[Place, list[Row]] = {}
    for (start, group), theirs in periods.items():
        begun, over = grid.utc(start), grid.utc(grid.end(start))
        number, end = 0, begun
        while end < over:
            number += 1
            end = min(grid.utc(start + number * step) if by_local_clock else begun + number * step, over)
            inside = [row for row in theirs if _time(row, dataset) < end]
            if inside:
                members[Place(begun, end, None, group)] = inside
    return members


class PlainGrid:
    """Starts and ends of windows on the clock that they go by, local or UTC, less the offset."""

    def __init__(self, dataset: Dataset, step: Period, size: Period, offset: str | None) -> None:
        self.zone, self.step, self.size = dataset.zone, step, size
        self.offset = timedelta() if offset is None else parse_duration(offset)
        self.local = (
            isinstance(step, Months)
            or isinstance(size, Months)
            or (step > _HOUR and not step % _HOUR and not size % _HOUR)
        )
        self.origin = _WEEKS_BEGIN if self.local else self._first_moment(_WEEKS_BEGIN)

    def utc(self, shown: datetime) -> datetime:
        """The UTC moment of a start or end."""
        return self._first_moment(shown + self.offset) if self.local else shown + self.offset

    def starts(self, moment: datetime) -> Iterator[datetime]:
        """The starts of all windows that a moment lies in, the latest first."""
        start = self._last_start(self._local_time(moment) + _PUT_BACK if self.local else moment)
        while self.utc(self.end(start)) > moment:
            if self.utc(start) <= moment:
                yield start
            start = self.later(start, -1)

    def _last_start(self, shown: datetime) -> datetime:
        if isinstance(self.step, Months):
            months = (shown.year - 2000) * 12 + shown.month - 1
            return _month(months // self.step.count * self.step.count)
        return self.origin + (shown - self.origin) // self.step * self.step

    def later(self, start: datetime, steps: int) -> datetime:
        """The start so many steps later."""
        if isinstance(self.step, Months):
            return _month((start.year - 2000) * 12 + start.month - 1 + steps * self.step.count)
        return start + steps * self.step

    def end(self, start: datetime) -> datetime:
        """Where the window ends that starts there."""
        return self.later(start, 1) if isinstance(self.size, Months) else start + self.size

    def place(self, start: datetime, group: Group) -> Place:
        """The window that starts there."""
        return Place(self.utc(start), self.utc(self.end(start)), None, group)

    def _local_time(self, moment: datetime) -> datetime:
        return moment.replace(tzinfo=UTC).astimezone(self.zone).replace(tzinfo=None)

    def _first_moment(self, local: datetime) -> datetime:
        """The first moment at which the local clock shows this time or a later one."""
        before, after = local - timedelta(hours=36), local + timedelta(hours=36)
        for earliest in sorted(local - (self._local_time(near) - near) for near in (before, after)):
            if self._local_time(earliest) == local:
                return earliest
        while after - before > _MICROSECOND:
            middle = before + (after - before) // 2
            before, after = (before, middle) if self._local_time(middle) >= local else (middle, after)
        return after


def grid_by_definition(dataset: Dataset, window: GridWindow) -> PlainGrid:
    """The grid of a window; of a cumulative one that of its periods."""
    if isinstance(window, Sliding):
        return PlainGrid(dataset, parse_duration(window.every), parse_duration(window.size), window.offset)
    return PlainGrid(dataset, window.unit, window.unit, window.offset)


def _month(months: int) -> datetime:
    """Midnight of the first, so many months after January 2000."""
    return datetime(2000 + months // 12, months % 12 + 1, 1)  # noqa: DTZ001


def _time(row: Row, dataset: Dataset) -> datetime:
    assert dataset.event_time is not None
    moment: datetime = row[dataset.event_time]
    return moment


def _group(row: Row, window: Window) -> Group:
    return tuple(row[name] for name in window.by)
