"""Which windows changed since they were last computed: `ops.dirty_windows`.

What belongs here: marking, reading and clearing. What does not: computing (`recompute`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

import duckdb

from pipeline.contract import Dataset, TimeWindow, Total, Window
from pipeline.ingest.manifest import DaySpan
from pipeline.warehouse import ledger
from pipeline.warehouse.ledger import Entry
from pipeline.warehouse.publish import marks
from pipeline.warehouse.sql import ident, table, text, timestamp
from pipeline.warehouse.windows import reach
from pipeline.warehouse.windows.grid import day_grid, days_of_window

_WIDE = timedelta(days=50 * 366)


@dataclass(frozen=True)
class Dirty:
    """A (window, day), or for totals a (window, delivery), whose inputs changed since it was last computed.

    Attributes:
        dataset: name of the dataset.
        window: name of the window.
        day: day in the dataset's zone in which the windows start; None for totals.
        delivery: delivery that changed, for totals; else None.
        generation: rises with every mark.
        causes: deliveries whose rows came, changed or went, in order; none where the window itself was declared anew.
    """

    dataset: str
    window: str
    day: date | None
    delivery: str | None
    generation: int
    causes: tuple[str, ...] = ()


def mark(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, delivery: str, spans: Sequence[DaySpan]
) -> None:
    """Mark what rows of `delivery` within `spans` touch: the days of windows over time, every total for the delivery, and the days of
    the clean table where that is published."""
    mark_rows(connection, dataset, spans, dataset.time_windows, reach.of_deliveries([delivery]), delivery)
    mark_totals(connection, dataset, delivery, delivery)
    marks.mark_clean(connection, dataset, spans, delivery)


def mark_rows(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    spans: Sequence[DaySpan],
    windows: Sequence[TimeWindow],
    theirs: str,
    cause: str | None,
) -> set[date]:
    """Mark whatever changes of some windows when rows come to count in them or cease to, while they do: the days of windows that contain
    them, of sessions that they prolong or cut, of windows without rows between them and others. Every way in which rows come and go
    marks through this.

    Args:
        spans: the days of the rows.
        theirs: SQL condition on clean rows: which these are.
        cause: the delivery that they are of, or whatever brings them; None where that is several.

    Returns:
        the days.
    """
    found: set[date] = set()
    picked = []
    for window in windows:
        days = days_of(dataset, window, spans)
        days |= reach.further_days(connection, dataset, window, theirs, spans)
        if days:
            picked.append(_days(window, days, cause))
            found |= days
    _write(connection, dataset.name, picked)
    return found


def mark_spans(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    spans: Sequence[DaySpan],
    windows: Sequence[TimeWindow],
    cause: str | None,
) -> None:
    """Mark the days on which windows start that contain a moment of `spans`."""
    touched = [(window, days_of(dataset, window, spans)) for window in windows]
    picked = [_days(window, days, cause) for window, days in touched if days]
    _write(connection, dataset.name, picked)


def mark_totals(connection: duckdb.DuckDBPyConnection, dataset: Dataset, delivery: str, cause: str) -> None:
    """Mark every total of the dataset for this delivery."""
    picked = [
        f"SELECT {text(window.name)}, NULL::DATE, {text(delivery)}, {text(cause)}"
        for window in dataset.totals
    ]
    _write(connection, dataset.name, picked)


def mark_all(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window) -> None:
    """Mark everything that the clean table has rows for."""
    if not isinstance(window, Total):
        spans = _spans(connection, dataset, table("clean", dataset.name), [])
        mark_spans(connection, dataset, spans, [window], None)
        return
    known = f"SELECT DISTINCT {text(window.name)}, NULL::DATE, _delivery, NULL::VARCHAR"
    _write(connection, dataset.name, [f"{known} FROM {table('clean', dataset.name)}"])


def mark_each(
    connection: duckdb.DuckDBPyConnection, dataset: str, window: str, column: str, source: str
) -> None:
    """Mark each distinct `day` or `delivery` (`column`) that `source` gives: SQL of a relation with one column."""
    day, delivery = ("mark", "NULL::VARCHAR") if column == "day" else ("NULL::DATE", "mark")
    _write(
        connection,
        dataset,
        [
            f"SELECT DISTINCT {text(window)}, {day}, {delivery}, NULL::VARCHAR FROM {source} AS given(mark) WHERE mark IS NOT NULL"
        ],
    )


def days_of(dataset: Dataset, window: TimeWindow, spans: Iterable[DaySpan]) -> set[date]:
    """Days on which windows start that contain a moment of `spans`."""
    return {day for span in spans for day in days_of_window(dataset, window, span.first, span.last)}


def spans_of(connection: duckdb.DuckDBPyConnection, dataset: Dataset, entry: Entry) -> list[DaySpan]:
    """The days of the rows that a delivery has in the clean table; none where nothing goes by days."""
    if not _by_days(dataset):
        return []
    return _spans(
        connection, dataset, f"{table('clean', dataset.name)} WHERE _delivery = ?", [entry.delivery]
    )


def spans_in(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, source: str, moment: str | None = None
) -> list[DaySpan]:
    """The days of the rows that `source` gives: SQL of a relation with the event time as in the clean table, or with another
    column of moments."""
    if not _by_days(dataset):
        return []
    return _spans(connection, dataset, source, [], moment)


def days_by_delivery(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, deliveries: Collection[str]
) -> dict[str, list[DaySpan]]:
    """Delivery → the days of the rows that it has in the clean table, ascending; in one query."""
    if dataset.event_time is None or not dataset.time_windows:
        return {}
    moment = ident(dataset.event_time)
    where = "WHERE _delivery IN (SELECT unnest(?::VARCHAR[]))"
    relation = f"(SELECT * FROM {table('clean', dataset.name)} {where})"
    found: dict[str, list[DaySpan]] = {}
    for lower, upper in _stretches(connection, relation, [list(deliveries)], moment):
        shown = local_sql(dataset, moment, lower, upper)
        rows = connection.execute(
            f"SELECT _delivery, CAST({shown} AS DATE) AS day, min({moment}), max({moment}) FROM {relation} "
            f"WHERE {moment} BETWEEN {timestamp(lower)} AND {timestamp(upper)} GROUP BY 1, 2 ORDER BY 1, 2",
            [list(deliveries)],
        ).fetchall()
        for delivery, *span in rows:
            found.setdefault(delivery, []).append(DaySpan(*span))
    return found


def pending(
    connection: duckdb.DuckDBPyConnection, dataset: str | None = None, window: str | None = None
) -> list[Dirty]:
    """What is dirty, by dataset, window and day."""
    rows = connection.execute(
        "SELECT dataset, window_name, day, delivery, cause, max(generation) FROM ops.dirty_windows "
        "WHERE ($1 IS NULL OR dataset = $1) AND ($2 IS NULL OR window_name = $2) GROUP BY ALL "
        "ORDER BY dataset, window_name, day, delivery, cause",
        [dataset, window],
    ).fetchall()
    found = []
    for _, group in groupby(rows, key=lambda row: row[:4]):
        alike = list(group)
        causes = tuple(row[4] for row in alike if row[4] is not None)
        dataset_name, window_name, day, delivery = alike[0][:4]
        found.append(Dirty(dataset_name, window_name, day, delivery, max(row[5] for row in alike), causes))
    return found


def clear(connection: duckdb.DuckDBPyConnection, done: Sequence[Dirty]) -> None:
    """Clear marks that are not younger than those in `done`."""
    if not done:
        return
    connection.execute(
        "DELETE FROM ops.dirty_windows AS mark USING (SELECT unnest($1::VARCHAR[]) AS dataset, "
        "unnest($2::VARCHAR[]) AS window_name, unnest($3::DATE[]) AS day, unnest($4::VARCHAR[]) AS delivery, "
        "unnest($5::BIGINT[]) AS generation) AS done WHERE mark.dataset = done.dataset "
        "AND mark.window_name = done.window_name AND mark.day IS NOT DISTINCT FROM done.day "
        "AND mark.delivery IS NOT DISTINCT FROM done.delivery AND mark.generation <= done.generation",
        [
            list(values)
            for values in zip(
                *((d.dataset, d.window, d.day, d.delivery, d.generation) for d in done), strict=True
            )
        ],
    )


def _by_days(dataset: Dataset) -> bool:
    """Whether anything of the dataset is kept by day."""
    return dataset.event_time is not None and bool(dataset.time_windows or dataset.publish == "all")


def _spans(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    relation: str,
    parameters: Sequence[object],
    column: str | None = None,
) -> list[DaySpan]:
    assert dataset.event_time is not None
    moment = ident(column or dataset.event_time)
    source = f"(SELECT * FROM {relation})"
    found: list[DaySpan] = []
    for lower, upper in _stretches(connection, source, parameters, moment):
        shown = local_sql(dataset, moment, lower, upper)
        rows = connection.execute(
            f"SELECT CAST({shown} AS DATE) AS day, min({moment}), max({moment}) FROM {source} "
            f"WHERE {moment} BETWEEN {timestamp(lower)} AND {timestamp(upper)} GROUP BY 1 ORDER BY 1",
            parameters,
        ).fetchall()
        found += [DaySpan(*row) for row in rows]
    return found


def _stretches(
    connection: duckdb.DuckDBPyConnection, source: str, parameters: Sequence[object], moment: str
) -> list[tuple[datetime, datetime]]:
    """First and last moment of a relation, or of each year with rows where these lie far apart: a zone has changed its clocks thousands of
    times between year 1 and 9999, and what SQL takes for each of them should grow with the rows."""
    row = connection.execute(f"SELECT min({moment}), max({moment}) FROM {source}", parameters).fetchone()
    assert row is not None
    if row[0] is None or row[1] is None:
        return []
    if row[1] - row[0] < _WIDE:
        return [row]
    return connection.execute(
        f"SELECT min({moment}), max({moment}) FROM {source} WHERE {moment} IS NOT NULL GROUP BY year({moment}) ORDER BY 1",
        parameters,
    ).fetchall()


def local_sql(dataset: Dataset, moment: str, lower: datetime, upper: datetime) -> str:
    """SQL of a UTC moment within [lower, upper] on the local clock."""
    return day_grid(dataset.zone).clock_sql(moment, lower, upper)


def _days(window: TimeWindow, days: Collection[date], cause: str | None) -> str:
    """SELECT of the marks of some days."""
    listed = text(",".join(day.isoformat() for day in sorted(days)))
    spelled = "NULL::VARCHAR" if cause is None else text(cause)
    return (
        f"SELECT {text(window.name)}, unnest(string_split({listed}, ',')::DATE[]), NULL::VARCHAR, {spelled}"
    )


def _write(connection: duckdb.DuckDBPyConnection, dataset: str, picked: Sequence[str]) -> None:
    """Write marks with a new generation; `picked` are SELECTs of (window, day, delivery, cause)."""
    if picked:
        connection.execute(
            "INSERT INTO ops.dirty_windows (dataset, window_name, day, delivery, cause, generation, marked_at) "
            f"SELECT {text(dataset)}, fresh.*, nextval('ops.dirty_generation'), {timestamp(ledger.now())} "
            f"FROM ({' UNION ALL '.join(picked)}) AS fresh"
        )
