"""How a window is computed, for people: the way of each measure with its reason, and the SQL of one day.

What belongs here: the account. What does not: the rule (`ways`), the SQL (`compiler`), printing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pipeline.contract import Cumulative, Dataset, Session, Sliding, Total, Tumbling, Window
from pipeline.warehouse.sql import table
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.compiler import compile_total, compile_window
from pipeline.warehouse.windows.grid import grid_of
from pipeline.warehouse.windows.ways import plan


@dataclass(frozen=True)
class Explained:
    """How a window is computed.

    Attributes:
        window: `<dataset>/<window>`.
        kind: what windows these are, in words.
        clock: by which clock they start, in words.
        measures: (name, way, reason) of each measure, in order.
        sql: of the windows that start on one day; of a total the whole.
    """

    window: str
    kind: str
    clock: str
    measures: tuple[tuple[str, str, str], ...]
    sql: str


def explain(dataset: Dataset, window: Window, day: date) -> Explained:
    """How `window` is computed, with the SQL of the windows that start on `day`."""
    planned = plan(dataset, window)
    source = table("clean", dataset.name)
    if isinstance(window, Total):
        sql = compile_total(dataset, window, source, per_delivery=window.per_delivery)
    else:
        lower, upper = clock.day_bounds(dataset.zone, day)
        until = clock.plus(upper, window.pause) if isinstance(window, Session) else None
        sql = compile_window(dataset, window, source, lower, upper, until)
    ways = tuple((one.name, one.way.value, one.reason) for one in planned)
    return Explained(f"{dataset.name}/{window.name}", _kind(window), _clock(dataset, window), ways, sql)


def _kind(window: Window) -> str:
    by = f", by {', '.join(window.by)}" if window.by else ""
    if isinstance(window, Tumbling):
        later = f", {window.offset} later" if window.offset else ""
        filled = f", gaps filled with {window.fill}" if window.fill else ""
        return f"tumbling: one each {window.every}{later}{by}{filled}"
    if isinstance(window, Sliding):
        filled = f", gaps filled with {window.fill}" if window.fill else ""
        return f"sliding: {window.size} long, one each {window.every}{by}{filled}"
    if isinstance(window, Cumulative):
        return f"cumulative: within {window.period}, one more each {window.every}{by}"
    if isinstance(window, Session):
        return f"session: rows with pauses of at most {window.gap}{by}"
    return f"total: over the table and per delivery{by}"


def _clock(dataset: Dataset, window: Window) -> str:
    if isinstance(window, Total):
        return "none"
    if isinstance(window, Session):
        return f"the rows' own times; it belongs to the day in {dataset.timezone} on which it starts"
    if grid_of(dataset, window).local:
        return f"the local clock of {dataset.timezone}: a day with a clock change is shorter or longer"
    return f"elapsed time, counted from midnight of Monday 2000-01-03 in {dataset.timezone}"
