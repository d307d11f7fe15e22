"""Whether stored windows are what the clean rows give.

What belongs here: comparing days with what a second road gives, and what differs. What does not: that road (`plain`), which days a
sample takes (`sample`), mending (`recompute`). Nothing is changed: a session for reading will do.

Days that are dirty are passed over, for they are known to be out of date; so are those whose rows retention has taken.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import duckdb

from pipeline.contract import Dataset, TimeWindow, Total, Window
from pipeline.warehouse.publish.days import numbered_sql
from pipeline.warehouse.sql import ident, table, text, timestamp
from pipeline.warehouse.windows import dirty
from pipeline.warehouse.windows.batches import Batch, batches, pieces
from pipeline.warehouse.windows.compiler import figure_columns
from pipeline.warehouse.windows.limits import Limits, limits_of
from pipeline.warehouse.windows.plain import plain_total, plain_windows
from pipeline.warehouse.windows.revise import compute, identity_of, same_figures, same_window
from pipeline.warehouse.windows.sample import days_known, picked
from pipeline.warehouse.windows.tables import window_table

EXAMPLES = 5
"""Differences that are told in full, of each day."""

_SKETCH = 0.05
"""Share by which a sketch of different values may differ from the exact number: six standard errors."""

_FOUND = "temp.compared_windows"


@dataclass(frozen=True)
class Difference:
    """A window that is not stored as the clean rows give it.

    Attributes:
        kind: `missing` (not stored), `extra` (the rows do not give it) or `other` (figures differ).
        window: the columns that say which window it is; times in UTC.
        figures: figure → (stored, computed); those that differ, of a missing or an extra window all.
    """

    kind: Literal["missing", "extra", "other"]
    window: Mapping[str, Any]
    figures: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True)
class VerifiedDay:
    """A day of a window that was computed anew.

    Attributes:
        day: in the dataset's zone; None for a total.
        windows: that the clean rows give.
        missing: of them, those that are not stored.
        extra: windows that are stored and that the rows do not give.
        other: windows with other figures.
        examples: the first differences, at most `EXAMPLES`.
    """

    day: date | None
    windows: int
    missing: int = 0
    extra: int = 0
    other: int = 0
    examples: tuple[Difference, ...] = ()

    @property
    def differences(self) -> int:
        """Windows that differ."""
        return self.missing + self.extra + self.other


@dataclass(frozen=True)
class Verified:
    """What a verification of one window has found.

    Attributes:
        dataset: name of the dataset.
        window: name of the window.
        days: that were computed anew, in order.
        dirty: days passed over because they wait to be recomputed; for a total whether it does, as `(None,)`.
        frozen: days passed over because retention has taken rows or windows of theirs.
        seconds: time that it took.
    """

    dataset: str
    window: str
    days: tuple[VerifiedDay, ...] = ()
    dirty: tuple[date | None, ...] = ()
    frozen: tuple[date, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def differences(self) -> int:
        """Windows that differ, over all days."""
        return sum(day.differences for day in self.days)

    @property
    def mended_by(self) -> str:
        """The command that computes anew what differs."""
        days = [day.day for day in self.days if day.day is not None and day.differences]
        which = f"--from {days[0]} --to {days[-1]}" if days else "--all"
        return f"pipeline windows recompute {self.dataset}/{self.window} {which}"


def verify_days(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    days: Collection[date] | None,
    sample: int | None,
    today: date,
) -> Verified:
    """Compare the windows that start on some days with what the clean rows give.

    Args:
        days: to choose from, of a sample those that have rows or stored windows; None: all that have.
        sample: about how many of them to look at, see `sample.picked`; None: all.
        today: what the choice goes by.
    """
    began = time.perf_counter()
    known = set(days or ())
    if days is None or sample is not None:
        there = days_known(connection, dataset, window)
        known = there if days is None else known & there
    waiting = {mark.day for mark in dirty.pending(connection, dataset.name, window.name)}
    limits = limits_of(connection, dataset.name)
    gone = {day for day in known if limits.stays(dataset, window, day)}
    chosen = picked(known - waiting - gone, sample, today)
    done: list[VerifiedDay] = []
    for batch in batches(connection, dataset, chosen):
        done += _verify_batch(connection, dataset, window, batch, limits, today.toordinal())
    return Verified(
        dataset.name,
        window.name,
        tuple(done),
        tuple(sorted(day for day in known if day in waiting)),
        tuple(sorted(gone - waiting)),
        time.perf_counter() - began,
    )


def all_wait(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Window) -> Verified:
    """What is said of a window that is not computed yet as it is declared: all of its days wait."""
    if isinstance(window, Total):
        return Verified(dataset.name, window.name, dirty=(None,))
    rows = dirty.spans_in(connection, dataset, table("clean", dataset.name))
    return Verified(dataset.name, window.name, dirty=tuple(sorted(dirty.days_of(dataset, window, rows))))


def verify_total(connection: duckdb.DuckDBPyConnection, dataset: Dataset, window: Total) -> Verified:
    """Compare a total, over the table and per delivery, with what the clean rows give."""
    began = time.perf_counter()
    if dirty.pending(connection, dataset.name, window.name):
        return Verified(dataset.name, window.name, dirty=(None,), seconds=time.perf_counter() - began)
    source = table("clean", dataset.name)
    computed = [plain.sql for plain in plain_total(dataset, window, source)]
    _compare(connection, dataset, window, computed, "true")
    [(windows, missing, extra, other)] = connection.execute(f"SELECT {_COUNTS} FROM {_FOUND}").fetchall()
    examples = _examples(connection, window, "0").get(0, ())
    day = VerifiedDay(None, windows, missing, extra, other, examples)
    return Verified(dataset.name, window.name, (day,), seconds=time.perf_counter() - began)


_COUNTS = (
    "count(*) FILTER (_difference IS DISTINCT FROM 'extra'), count(*) FILTER (_difference = 'missing'), "
    "count(*) FILTER (_difference = 'extra'), count(*) FILTER (_difference = 'other')"
)


def _verify_batch(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: TimeWindow,
    batch: Batch,
    limits: Limits,
    turn: int,
) -> list[VerifiedDay]:
    """Neighbouring days, without the windows of theirs that stay as they are."""
    days = batch.days
    spans = dict.fromkeys((one.lower, one.upper) for one in pieces(connection, dataset, window, batch))
    for number, (lower, upper) in enumerate(spans):
        plain = plain_windows(connection, dataset, window, lower, upper, limits, turn)
        scope = (
            f"window_start >= {timestamp(lower)} AND window_start < {timestamp(upper)} "
            f"AND {limits.open_sql(window)} AND {plain.scope}"
        )
        _compare(connection, dataset, window, [plain.sql], scope, further=number > 0)
    of_day = numbered_sql(dataset, "window_start", days)
    counts = {
        number: (windows, missing, extra, other)
        for number, windows, missing, extra, other in connection.execute(
            f"SELECT {of_day}, {_COUNTS} FROM {_FOUND} GROUP BY 1"
        ).fetchall()
    }
    examples = _examples(connection, window, of_day)
    none = (0, 0, 0, 0)
    return [
        VerifiedDay(day, *counts.get(number, none), examples.get(number, ()))
        for number, day in enumerate(days)
    ]


def _compare(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    window: Window,
    computed: Sequence[str],
    scope: str,
    *,
    further: bool = False,
) -> None:
    """Leave (with `further` beside what is there) in `_FOUND` a row per window, stored or computed: which it is, `_difference`, and where there is one `_stored`,
    `_computed` and the names of the figures that differ."""
    keys, conditions = identity_of(window), _comparable(dataset, window)
    names = [name for name, _ in figure_columns(dataset, window) if name not in keys]
    which = ", ".join(f"coalesce(fresh.{ident(key)}, old.{ident(key)}) AS {ident(key)}" for key in keys)
    same = " AND ".join(conditions.values())
    differing = ", ".join(
        f"CASE WHEN NOT ({same}) THEN {text(name)} END" for name, same in conditions.items()
    )
    packed = {
        side: ", ".join(f"{ident(name)} := {side}.{ident(name)}" for name in names)
        for side in ("fresh", "old")
    }
    compute(connection, computed)
    into = f"INSERT INTO {_FOUND}" if further else "CREATE OR REPLACE TEMP TABLE compared_windows AS"
    connection.execute(
        f"{into} SELECT {which}, "
        "CASE WHEN old.revision IS NULL THEN 'missing' WHEN fresh.row_count IS NULL THEN 'extra' "
        f"WHEN NOT ({same}) THEN 'other' END AS _difference, "
        f"CASE WHEN _difference IS NOT NULL THEN struct_pack({packed['old']}) END AS _stored, "
        f"CASE WHEN _difference IS NOT NULL THEN struct_pack({packed['fresh']}) END AS _computed, "
        f"CASE WHEN _difference = 'other' THEN [{differing}] END AS _figures "
        "FROM temp.fresh_windows AS fresh FULL JOIN "
        f"(SELECT * FROM {window_table(dataset, window)} WHERE {scope}) AS old ON {same_window(window)}"
    )


def _comparable(dataset: Dataset, window: Window) -> dict[str, str]:
    """Figure → condition to be the same. Quantiles by a sketch come out otherwise each time and are left out; different values by a sketch
    have to be near the exact number."""
    estimates = {name: one.kind for name, one in window.measures.items() if one.approximate}
    found = {name: same for name, same in same_figures(dataset, window).items() if name not in estimates}
    for name in (name for name, kind in estimates.items() if kind == "count_distinct"):
        exact, stored = f"fresh.{ident(name)}", f"old.{ident(name)}"
        found[name] = (
            f"coalesce(abs({exact} - {stored}) <= {_SKETCH} * {exact} + 1, {exact} IS NOT DISTINCT FROM {stored})"
        )
    return found


def _examples(
    connection: duckdb.DuckDBPyConnection, window: Window, of_day: str
) -> dict[int, tuple[Difference, ...]]:
    """The first differences, by what the SQL `of_day` gives: the number of a day."""
    keys = identity_of(window)
    named = "".join(f"{ident(key)}, " for key in keys)
    order = ", ".join([*(ident(key) for key in keys), "_difference"])
    rows = connection.execute(
        f"SELECT {of_day} AS _day, {named}_difference, _stored, _computed, _figures FROM {_FOUND} "
        f"WHERE _difference IS NOT NULL QUALIFY row_number() OVER (PARTITION BY _day ORDER BY {order}) <= {EXAMPLES} "
        f"ORDER BY _day, {order}"
    ).fetchall()
    found: dict[int, list[Difference]] = {}
    for day, *which, kind, stored, computed, differing in rows:
        stored, computed = stored or {}, computed or {}
        names = [name for name in differing or computed if name is not None]
        figures = {
            name: (
                None if kind == "missing" else stored.get(name),
                None if kind == "extra" else computed.get(name),
            )
            for name in names
        }
        difference = Difference(kind, dict(zip(keys, which, strict=True)), figures)
        found.setdefault(day, []).append(difference)
    return {day: tuple(differences) for day, differences in found.items()}
