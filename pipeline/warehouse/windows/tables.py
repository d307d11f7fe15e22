"""The window tables: made from their specifications, made anew when those change.

What belongs here: `windows.<dataset>_<window>` as a table: its columns, what they hold beside the figures, their comments. What does not:
its rows (`recompute`, `revise`).

Times in UTC have local time beside them: `local_start`, `local_end` and `day` follow from `window_start` and `window_end`. So a table of
an earlier version gets them without being computed.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, datetime

import duckdb

from pipeline.contract import Dataset, Session, Total, Window
from pipeline.contract.former import former_window
from pipeline.contract.stable import ENCODING, declared, stable_text
from pipeline.contract.zones import changes
from pipeline.warehouse import ledger
from pipeline.warehouse.publish import marks
from pipeline.warehouse.sql import ident, table, text
from pipeline.warehouse.windows import clock, dirty, own_sql
from pipeline.warehouse.windows.compiler import BOOKKEEPING, figure_columns
from pipeline.warehouse.windows.grid import day_grid, days_of_window, grid_of, local_sql
from pipeline.warehouse.windows.limits import limits_of

LOCAL = (("local_start", "TIMESTAMP"), ("local_end", "TIMESTAMP"), ("day", "DATE"))
"""Local time beside UTC, of windows over time."""
_WITH_LOCAL = ", with local time"
_MEANING = 1
"""Raised when the same declaration comes to mean other figures: then all windows are computed anew."""
_BEGINS = f"specification v{ENCODING}-"
_FORMER_MEANING = 1
"""That of the warehouses whose comments are as `_former_specification` has them."""


def window_table(dataset: Dataset, window: Window) -> str:
    """The quoted name of a window's table."""
    return table("windows", f"{dataset.name}_{window.name}")


def window_columns(dataset: Dataset, window: Window) -> list[tuple[str, str]]:
    """Columns of a window's table and their DuckDB types, in order."""
    return [*figure_columns(dataset, window), *BOOKKEEPING, *local_columns(window)]


def local_columns(window: Window) -> list[tuple[str, str]]:
    """Those of `LOCAL` that a window's table has: a group or measure that is called so goes before."""
    if isinstance(window, Total):
        return []
    return [(name, kind) for name, kind in LOCAL if name not in window.by and name not in window.measures]


def local_values(
    dataset: Dataset, window: Window, start: str, end: str, lower: datetime, upper: datetime
) -> list[str]:
    """SQL of `local_columns`, with names, from that of a window's start and end, both within [lower, upper] (UTC)."""
    values = {
        "local_start": local_sql(dataset.zone, start, lower, upper),
        "local_end": local_sql(dataset.zone, end, lower, upper),
        "day": f"CAST({day_grid(dataset.zone).clock_sql(start, lower, upper)} AS DATE)",
    }
    return [f"{values[name]} AS {ident(name)}" for name, _ in local_columns(window)]


def specification(dataset: Dataset, window: Window) -> str:
    """What the table's comment says: changes whenever the same rows could give other figures."""
    said = {
        "meaning": _MEANING,
        "window": declared(replace(window, by=tuple(window.by), measures=dict(window.measures))),
        "event_time": dataset.event_time,
        "timezone": dataset.timezone,
        "columns": [*figure_columns(dataset, window), *BOOKKEEPING],  # what follows from these says no more
    }
    return _BEGINS + hashlib.sha256(stable_text(said).encode()).hexdigest()[:16]


def _former_specification(dataset: Dataset, window: Window) -> str | None:
    """What earlier versions made the comment say; None where the window declares what they did not know."""
    written = former_window(window)
    if written is None or _MEANING != _FORMER_MEANING:
        return None
    columns = [*figure_columns(dataset, window), *BOOKKEEPING]
    said = [_FORMER_MEANING, written, dataset.event_time, dataset.timezone, columns]
    if getattr(window, "fill_limit", None) is not None:
        said.append(f"fill_limit={window.fill_limit}")  # type: ignore[union-attr]
    content = "\n".join(map(str, said))
    return "specification " + hashlib.sha256(content.encode()).hexdigest()[:16]


def _carried(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Window,
    said: str | None,
    meaning: str,
    wanted: str,
) -> str | None:
    """What a table's comment says; where that is what earlier versions wrote of this same window, it becomes what is written now."""
    if said is None or said.startswith(_BEGINS):
        return said
    former = _former_specification(dataset, window)
    if former is None or said not in (former, former + _WITH_LOCAL):
        return said
    said = meaning + said.removeprefix(former)
    if said == wanted:
        connection.execute(f"COMMENT ON TABLE {window_table(dataset, window)} IS {text(said)}")
    return said


def comments(connection: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    """Table name in schema `windows` → its comment."""
    rows = connection.execute(
        "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'windows' AND database_name = current_database()"
    ).fetchall()
    return dict(rows)


def behind(dataset: Dataset, there: dict[str, str | None]) -> bool:
    """Whether tables of the dataset's windows are as an earlier version made them, without local time."""
    return any(
        there.get(f"{dataset.name}_{window.name}") == specification(dataset, window)
        for window in dataset.windows
        if local_columns(window)
    )


def as_declared(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window) -> bool:
    """Whether a window's table is there and holds the figures that are declared now, with local time or without."""
    said = comments(connection).get(f"{dataset.name}_{window.name}")
    meanings = (specification(dataset, window), _former_specification(dataset, window))
    return said is not None and said.removesuffix(_WITH_LOCAL) in meanings


def ensure(connection: duckdb.DuckDBPyConnection, dataset: Dataset, there: dict[str, str | None]) -> None:
    """Make missing window tables, and those anew whose specification changed; what they must hold becomes dirty. One that holds
    windows whose rows are gone is put aside under another name.

    Raises:
        ContractError: SQL of a declaration does not work on the dataset's columns.
    """
    for window in dataset.windows:
        name, meaning = f"{dataset.name}_{window.name}", specification(dataset, window)
        wanted = meaning + (_WITH_LOCAL if local_columns(window) else "")
        said = _carried(connection, dataset, window, there.get(name), meaning, wanted)
        if said == wanted:
            continue
        if said == meaning:
            _carry_over(connection, dataset, window)
            _mark_misplaced(connection, dataset, window)
            _comment(connection, dataset, window, wanted)
            marks.mark_whole(connection, dataset, [window.name])
            continue
        own_sql.check(connection, dataset, window)
        if name in there and limits_of(connection, dataset.name).rows is not None:
            aside = f"{name}_until_{ledger.now():%Y%m%d_%H%M%S}"
            connection.execute(f"ALTER TABLE {table('windows', name)} RENAME TO {ident(aside)}")
        spelled = ", ".join(f"{ident(column)} {kind}" for column, kind in window_columns(dataset, window))
        connection.execute(f"CREATE OR REPLACE TABLE {table('windows', name)} ({spelled})")
        _comment(connection, dataset, window, wanted)
        dirty.mark_all(connection, dataset, window)
        marks.mark_whole(connection, dataset, [window.name])


def _carry_over(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window) -> None:
    """Give a table of an earlier version local time; nothing is computed, and each row stays what it is."""
    target = window_table(dataset, window)
    lower, upper = connection.execute(f"SELECT min(window_start), max(window_end) FROM {target}").fetchall()[
        0
    ]
    ends = (lower, upper) if lower is not None and upper is not None else (ledger.now(), ledger.now())
    local = ", ".join(local_values(dataset, window, "window_start", "window_end", *ends))
    connection.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT *, {local} FROM {target}")


def _mark_misplaced(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window) -> None:
    """Mark the days that versions without local time may have computed wrongly: they lost windows of days whose beginning the clock skips,
    and put rows of an hour that comes twice on the wrong side of a border within it."""
    if isinstance(window, Session | Total) or not (grid := grid_of(dataset, window)).local:
        return
    assert dataset.event_time is not None
    moment = ident(dataset.event_time)
    lower, upper = connection.execute(
        f"SELECT min({moment}), max({moment}) FROM {table('clean', dataset.name)}"
    ).fetchall()[0]
    found: set[date] = set()
    for change in [] if lower is None else changes(dataset.zone, lower, upper)[1]:
        put_back, shown = change.offset < change.before, change.moment + change.before
        begins = clock.day_bounds(dataset.zone, clock.day_of(dataset.zone, change.moment))[0] == change.moment
        if begins or (put_back and (grid.offset or shown.minute or shown.second)):
            found |= set(
                days_of_window(dataset, window, change.moment - clock.DAY, change.moment + clock.DAY)
            )
    if found:
        listed = text(",".join(day.isoformat() for day in sorted(found)))
        days = f"(SELECT unnest(string_split({listed}, ',')::DATE[]))"
        dirty.mark_each(connection, dataset.name, window.name, "day", days)


def _comment(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window, said: str) -> None:
    """Say of a table what it was made from, and of each column what it holds and in which zone."""
    target = window_table(dataset, window)
    connection.execute(f"COMMENT ON TABLE {target} IS {text(said)}")
    for name, comment in comments_of(dataset, window).items():
        connection.execute(f"COMMENT ON COLUMN {target}.{ident(name)} IS {text(comment)}")


def comments_of(dataset: Dataset, window: Window) -> dict[str, str]:
    """Column of a window's table → what it holds, of times with the zone."""
    zone, local = dataset.timezone, {name for name, _ in local_columns(window)}
    ends = (
        "time of its last row plus the gap" if isinstance(window, Session) else "end of the window, exclusive"
    )
    starts = "time of its first row" if isinstance(window, Session) else "start of the window, inclusive"
    known = {
        "window_start": f"{starts}; UTC",
        "window_end": f"{ends}; UTC",
        "_delivery": "the delivery that the figures are of; null: the whole table",
        "row_count": "rows in the window and group",
        "revision": "1 when first computed, one more each time that a figure changed",
        "computed_at": "when a figure last changed; UTC",
        "is_final": "whether the watermark has passed the end",
    }
    if isinstance(window, Total):
        known |= {"window_start": "null: a total has no time", "window_end": "null: a total has no time"}
    beside = {
        "local_start": f"what the clock shows at window_start; local time of {zone}",
        "local_end": f"what the clock shows at window_end; local time of {zone}",
        "day": f"the day on which the window starts, its partition; date in {zone}",
    }
    found = {}
    for name, kind in window_columns(dataset, window):
        if name in window.by:
            said = "group"
        elif name in window.measures:
            said = str(window.measures[name].kind)
        else:
            said = beside[name] if name in local else known[name]
            found[name] = said
            continue
        found[name] = f"{said}; UTC" if kind == "TIMESTAMP" else f"{said}; no time"
    return found
