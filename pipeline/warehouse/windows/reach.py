"""Days that a delivery touches beyond those of its rows: where sessions began that it prolongs or cuts, and where windows without rows
come or go.

What belongs here: what follows from the rows around a delivery, while its rows are in the clean table (after they came, before
they go). What does not: what follows from the grid (`grid`), marking (`dirty`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

import duckdb

from pipeline.contract import Cumulative, Dataset, Session, Sliding, TimeWindow, Tumbling
from pipeline.contract.windows import longest_pause
from pipeline.ingest.manifest import DaySpan
from pipeline.warehouse.sql import ident, text, timestamp
from pipeline.warehouse.windows import clock, sessions
from pipeline.warehouse.windows.columns import matched
from pipeline.warehouse.windows.figures import counted
from pipeline.warehouse.windows.fill import filled_in
from pipeline.warehouse.windows.grid import days_of_window

_DAY = timedelta(days=1)


def further_days(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    theirs: str,
    spans: Sequence[DaySpan],
    source: str | None = None,
) -> set[date]:
    """The further days on which windows change when rows within `spans` come or go.

    Args:
        theirs: SQL condition on `_delivery` and `_row`: which rows these are; they count in the window.
        spans: the days of these rows.
        source: the relation that has them and all others that count; by default the clean rows that do.
    """
    if not spans or isinstance(window, Cumulative):
        return set()
    source = source or counted(dataset, window)
    if isinstance(window, Session):
        found: set[date] = set()
        for moment in _beginnings(spans):
            found |= sessions.began(connection, dataset, window, source, moment, theirs)
        return found
    if window.fill is None:
        return set()
    return _filled(connection, dataset, window, source, theirs) | _joined(
        connection, dataset, window, source, theirs, spans
    )


def of_deliveries(deliveries: Collection[str]) -> str:
    """SQL condition on the rows of these deliveries."""
    return f"_delivery IN ({', '.join(map(text, sorted(deliveries)))})" if deliveries else "false"


def _beginnings(spans: Sequence[DaySpan]) -> list[datetime]:
    """The first moment of each stretch of days; the days of one stretch are marked without looking."""
    ordered = sorted(spans, key=lambda span: span.first)
    return [
        span.first
        for before, span in zip([None, *ordered], ordered, strict=False)
        if before is None or span.day - before.day > _DAY
    ]


def _filled(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Tumbling | Sliding,
    source: str,
    mine: str,
) -> set[date]:
    """The days between what the data spans with the delivery and without it: of all rows at the end, of each group at the start."""
    assert dataset.event_time is not None
    moment = ident(dataset.event_time)
    by = [ident(name) for name in window.by]
    names = "".join(f"{name}, " for name in by)
    groups = f" GROUP BY {', '.join(by)}" if by else ""
    own = f"SELECT {names}min({moment}) AS _first FROM {source} WHERE {mine}{groups}"
    others = f"SELECT {names}min({moment}) AS _first FROM {source} WHERE NOT {mine}{groups}"
    row = connection.execute(
        f"WITH own AS ({own}), others AS ({others}), ends AS (SELECT max({moment}) FILTER (WHERE {mine}) AS own, "
        f"max({moment}) FILTER (WHERE NOT {mine}) AS others FROM {source}) "
        "SELECT min(own._first), max(others._first), count(*) FILTER (WHERE others._first IS NULL), "
        "(SELECT own FROM ends), (SELECT others FROM ends) "
        f"FROM own LEFT JOIN others ON {matched(by, 'own', 'others')} "
        "WHERE others._first IS NULL OR own._first < others._first"
    ).fetchone()
    assert row is not None
    first, until, new_groups, own_end, other_end = row
    found: set[date] = set()
    if own_end is None:
        return found
    spans = []
    if first is not None:
        spans.append((first, max(own_end, other_end or own_end) if new_groups else until))
    if other_end is not None and own_end > other_end:
        spans.append((other_end, own_end))
    if window.fill == "forward":
        spans.append(_carried(connection, window, moment, source, mine))
    for begin, end in spans:
        filled = filled_in(connection, dataset, window, source, begin, end).stretches
        for start, last in ((begin, end),) if filled is None else filled:
            if start <= end and last >= begin:
                found |= set(days_of_window(dataset, window, max(start, begin), min(last, end)))
    return found


def _carried(
    connection: duckdb.DuckDBPyConnection, window: Tumbling | Sliding, moment: str, source: str, mine: str
) -> tuple[datetime, datetime]:
    """From the delivery's first row to where the figures that it changes are carried: to the next row of each of its groups."""
    by = [ident(name) for name in window.by]
    names = "".join(f"{name}, " for name in by)
    grouped = f" GROUP BY {', '.join(by)}" if by else ""
    own = f"SELECT {names}min({moment}) AS _first, max({moment}) AS _last FROM {source} AS rows WHERE {mine}{grouped}"
    next_row = f"min(rows.{moment}) FILTER (rows.{moment} > own._last)"
    groups = ", ".join([*(f"own.{name}" for name in by), "own._first"])
    [(begin, end)] = connection.execute(
        f"SELECT min(_first), max(coalesce(_next, (SELECT max({moment}) FROM {source} AS rows))) FROM ("
        f"SELECT own._first, {next_row} AS _next FROM ({own}) AS own JOIN {source} AS rows ON {matched(by, 'own', 'rows')} GROUP BY {groups})"
    ).fetchall()
    return begin, end


def _joined(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Tumbling | Sliding,
    source: str,
    mine: str,
    spans: Sequence[DaySpan],
) -> set[date]:
    """The days of pauses that are too long to be filled without the delivery, and are cut into shorter ones by it."""
    moment, pause = ident(dataset.event_time or ""), longest_pause(window)
    others = f"FROM {source} AS rows WHERE NOT ({mine})"
    [(first, last)] = connection.execute(f"SELECT min({moment}), max({moment}) {others}").fetchall()
    found: set[date] = set()
    if (
        first is None
        or max(last, *(span.last for span in spans)) - min(first, *(span.first for span in spans)) <= pause
    ):
        return found
    for span in spans:
        near = f"{moment} >= {timestamp(clock.plus(span.first, -pause))} AND {moment} <= {timestamp(clock.plus(span.last, pause))}"
        [(before, after)] = connection.execute(
            f"SELECT max({moment}) FILTER ({moment} < {timestamp(span.first)}), min({moment}) FILTER ({moment} > {timestamp(span.last)}) "
            f"FROM {source} AS rows WHERE {near}"
        ).fetchall()
        begin, end = before or span.first, after or span.last
        found |= set(days_of_window(dataset, window, begin, end))
    return found
