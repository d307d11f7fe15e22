"""Sessions: windows of activity per group, which follow the rows and may reach over any number of days.

What belongs here: their SQL, how far the rows must be read to see their ends, on which days those began that a delivery touches.
What does not: what they measure (`measures`).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import duckdb

from pipeline.contract import Dataset, Session
from pipeline.contract.windows import MICROSECOND
from pipeline.warehouse.sql import ident, interval, timestamp
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.columns import Columns, listed, matched, with_keyed
from pipeline.warehouse.windows.ways import Way

_STRIDE = timedelta(hours=1)


def write(
    dataset: Dataset, window: Session, columns: Columns, source: str, lower: datetime, until: datetime
) -> str:
    """SQL of window_start, window_end, groups, raw columns of the sessions that have rows before `until`.

    Rows are read from a gap before `lower` on: those that belong to a session from before it begin there, not later.
    """
    assert dataset.event_time is not None
    moment, gap = ident(dataset.event_time), interval(window.pause)
    parted = f"PARTITION BY {', '.join(columns.by)} " if columns.by else ""
    begins = timestamp(clock.plus(lower, -window.pause))
    picked = [f"min({moment}) AS window_start", f"max({moment}) + {gap} AS window_end", *columns.by]
    picked += columns.over_rows(moment)
    keys = [*columns.by, "_session"]
    shown = [*picked, "_session"] if columns.of_way(Way.KEYS) else picked
    figures = f"SELECT {listed(shown)}\n  FROM numbered GROUP BY {', '.join(keys)}"
    return (
        f"  WITH marked AS (\n"
        f"  SELECT *, {moment} - lag({moment}) OVER ({parted}ORDER BY {moment}) <= {gap} AS _goes_on\n"
        f"  FROM {source}\n  WHERE {moment} >= {begins} AND {moment} < {timestamp(until)}\n"
        f"  ), numbered AS (\n"
        # The default frame takes in all rows of one moment, whichever of them was marked. A sum, for a count with FILTER takes time with
        # the square of the rows.
        f"  SELECT *, sum(CASE WHEN _goes_on THEN 0 ELSE 1 END) OVER ({parted}ORDER BY {moment}) AS _session\n"
        f"  FROM marked\n  )\n"
        f"  {with_keyed(columns, keys, figures, 'FROM numbered')}"
    )


def horizon(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Session, source: str, upper: datetime
) -> datetime:
    """The moment by which every session that started before `upper` (UTC) has ended."""
    return _follow(connection, dataset, window, source, upper, None, forward=True)[0]


def began(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Session,
    source: str,
    moment: datetime,
    rows: str,
) -> set[date]:
    """The local days before `moment` (UTC) on which sessions began that are alive then, of groups that have rows which fulfil the
    condition `rows`."""
    return _follow(connection, dataset, window, source, moment, rows, forward=False)[1]


def _follow(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Session,
    source: str,
    edge: datetime,
    rows: str | None,
    *,
    forward: bool,
) -> tuple[datetime, set[date]]:
    """Follow the sessions alive at `edge` on or back, in strides that double, until all have come to a pause.

    Returns:
        how far was looked, and the local days of the outermost rows of those sessions.
    """
    assert dataset.event_time is not None
    moment, gap = ident(dataset.event_time), window.pause
    by = tuple(ident(name) for name in window.by)
    names = ", ".join(by) or "_all"
    own = "" if rows is None else f" WHERE {rows}"
    groups = f"SELECT DISTINCT {', '.join(by)} FROM {source} AS rows{own}" if by else "SELECT 0 AS _all"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE open_sessions AS {groups}")
    found: set[date] = set()
    stride = max(_STRIDE, gap)
    while True:
        reached = clock.plus(edge, stride if forward else -stride)
        span = (clock.plus(edge, -gap), reached) if forward else (reached, clock.plus(edge, gap))
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE outermost AS {_outermost(moment, by, source, gap, edge, span, forward=forward)}"
        )
        limit = timestamp(clock.plus(reached, -gap if forward else gap))
        still = f"_outermost >= {limit}" if forward else f"_outermost <= {limit}"
        ended = connection.execute(f"SELECT _outermost FROM temp.outermost WHERE NOT ({still})").fetchall()
        found |= {clock.day_of(dataset.zone, row[0]) for row in ended}
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE open_sessions AS SELECT {names} FROM temp.outermost WHERE {still}"
        )
        left = connection.execute("SELECT count(*) FROM temp.open_sessions").fetchone()
        assert left is not None
        if not left[0] or reached == edge:
            connection.execute("DROP TABLE temp.open_sessions")
            connection.execute("DROP TABLE temp.outermost")
            return reached, found
        edge, stride = reached, 2 * stride


def _outermost(
    moment: str,
    by: tuple[str, ...],
    source: str,
    gap: timedelta,
    edge: datetime,
    span: tuple[datetime, datetime],
    *,
    forward: bool,
) -> str:
    """SQL of the groups in `open_sessions` that are alive at `edge`, with the last (or first) row within `span` that no pause
    divides from it."""
    parted = f"PARTITION BY {', '.join(by)} " if by else ""
    order = f"{parted}ORDER BY {moment}{'' if forward else ' DESC'}"
    names = "".join(f"{name}, " for name in by)
    same = matched(by, "rows", "open")
    grouped = f" GROUP BY {', '.join(by)}" if by else ""
    crossing = f"min({moment}) < {timestamp(edge)}" if forward else f"max({moment}) >= {timestamp(edge)}"
    return (
        f"WITH near AS (SELECT {names}{moment} FROM {source} AS rows WHERE {moment} >= {timestamp(span[0])} "
        f"AND {moment} <= {timestamp(span[1])} AND EXISTS (SELECT 1 FROM temp.open_sessions AS open WHERE {same})), "
        f"paused AS (SELECT *, abs(epoch_us({moment}) - epoch_us(lag({moment}) OVER ({order}))) > {gap // MICROSECOND} AS _pause "
        f"FROM near), walked AS (SELECT *, sum(CASE WHEN _pause THEN 1 ELSE 0 END) OVER ({order}) AS _pauses FROM paused) "
        f"SELECT {names or '0 AS _all, '}{'max' if forward else 'min'}({moment}) AS _outermost FROM walked WHERE _pauses = 0"
        f"{grouped} HAVING {crossing}"
    )
