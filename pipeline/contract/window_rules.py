"""Validation of a dataset's windows when it is loaded.

What belongs here: names, lengths and groups. What does not: what a window is (`windows`), its measures (`measure_rules`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import NoneType

import polars as pl

from pipeline.contract.durations import Months, Period, longest, parse_duration
from pipeline.contract.errors import ContractError
from pipeline.contract.measure_rules import NAME, TAKEN, check_measure
from pipeline.contract.windows import Cumulative, Session, Sliding, TimeWindow, Total, Tumbling, Window

_ASSETS = frozenset({"inbox", "clean", "errors"})
_DAY = timedelta(days=1)
_SHORTEST = timedelta(milliseconds=1)
_SHORTEST_MONTH = timedelta(days=28)
_MOST_STEPS = 1_500
_MOST_OVERLAPPING = 100_000
_MOST_FILLED = 10_000_000
_FITTING = "Choose a step that divides a day, or whole days."
# Field, what it may be, how it is written; {} is what stands there as one text.
_KINDS: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("name", (str,), 'a name: "daily"'),
    ("every", (str,), 'a length of time: "5m"'),
    ("size", (str,), 'a length of time: "1h"'),
    ("period", (str,), 'a length of time: "1d"'),
    ("gap", (str,), 'a length of time: "30m"'),
    ("offset", (str, NoneType), 'a length of time: "6h"'),
    ("fill", (str, NoneType), '"zero", "null", "forward" or None'),
    ("fill_limit", (int, NoneType), "a number of windows: 10_000"),
    ("by", (list, tuple), 'a list: by=["{}"]'),
    ("measures", (Mapping,), 'a mapping: {{"orders": agg.count()}}'),
)


def check_windows(
    dataset: str, windows: Sequence[Window], columns: Mapping[str, pl.DataType], event_time: str | None
) -> None:
    """Raise ContractError for the first window that is declared wrongly."""
    seen: set[str] = set()
    for window in windows:
        if not isinstance(window, Tumbling | Sliding | Cumulative | Session | Total):
            raise ContractError(
                dataset,
                "windows",
                f"{window!r} is not a window",
                "Use Tumbling, Sliding, Cumulative, Session or Total.",
            )
        where = f"window {window.name!r}"
        _check_kinds(dataset, where, window)
        if not NAME.fullmatch(window.name) or window.name in _ASSETS:
            raise ContractError(
                dataset,
                where,
                "is not a free lower-case name",
                "Use letters, digits and _, and not inbox, clean, errors.",
            )
        if window.name in seen:
            raise ContractError(dataset, where, "is declared twice", "Give each window its own name.")
        seen.add(window.name)
        if not isinstance(window, Total):
            _check_lengths(dataset, where, window, event_time)
        _check_groups(dataset, where, window, columns)
        for name, measure in window.measures.items():
            check_measure(dataset, f"{where}, measure {name!r}", name, measure, columns, window)


def _check_kinds(dataset: str, where: str, window: Window) -> None:
    for field, kinds, remedy in _KINDS:
        value = getattr(window, field, None)
        if value is None and not hasattr(window, field):
            continue
        if isinstance(value, str) and str not in kinds:
            raise ContractError(dataset, where, f"`{field}` is one text", f"Write {remedy.format(value)}.")
        if not isinstance(value, kinds):
            raise ContractError(dataset, where, f"`{field}` is {value!r}", f"Write {remedy.format('…')}.")


def _check_lengths(dataset: str, where: str, window: TimeWindow, event_time: str | None) -> None:
    if event_time is None:
        raise ContractError(
            dataset, where, "needs an event time", "Set event_time= to a datetime column, or use Total."
        )
    try:
        if isinstance(window, Session):
            cause = "has a gap below a millisecond" if window.pause < _SHORTEST else None
            remedy = "Choose a longer gap."
        else:
            cause, remedy = _misfit(window)
    except ValueError as error:
        raise ContractError(dataset, where, str(error), 'Write lengths such as "5m", "1h", "1d".') from error
    if cause is not None:
        raise ContractError(dataset, where, cause, remedy)
    fill = getattr(window, "fill", None)
    if fill not in (None, "zero", "null", "forward"):
        raise ContractError(dataset, where, f"`fill` is {fill!r}", 'Write "zero", "null", "forward" or None.')
    if fill == "forward" and any(measure.kind == "share" for measure in window.measures.values()):
        raise ContractError(
            dataset,
            where,
            "carries a share forward, which is of the rows of another window",
            'Write fill="zero".',
        )
    limit = getattr(window, "fill_limit", None)
    if limit is not None and (fill is None or not 1 <= limit <= _MOST_FILLED):
        raise ContractError(
            dataset,
            where,
            f"`fill_limit` is {limit:,}" + ("" if fill else ", and nothing is filled"),
            f"Write a whole number from 1 to {_MOST_FILLED:,}, beside `fill`.",
        )


def _misfit(window: Tumbling | Sliding | Cumulative) -> tuple[str | None, str]:
    """What is wrong with the lengths of a window, or None, and the remedy."""
    if isinstance(window, Sliding):
        period: Period = window.step
        if window.step > window.length:
            return (
                "has gaps: `every` is longer than `size`",
                "Rows between windows would be lost; make `every` at most `size`.",
            )
        if window.length // window.step > _MOST_OVERLAPPING:
            return (
                f"puts each row into {window.length // window.step:,} windows",
                f"Make `every` longer, or `size` shorter: {_MOST_OVERLAPPING:,} at most.",
            )
    elif isinstance(window, Cumulative):
        period = window.unit
        if longest(period) // window.step > _MOST_STEPS:
            return f"has more than {_MOST_STEPS:,} steps in a period", "Make `every` longer."
        if window.step > longest(period) or (isinstance(period, timedelta) and period % window.step):
            return "has steps that do not divide its period", "Choose an `every` that divides `period`."
        if _odd(window.step):
            return f"steps of {window.step} do not fit into days", _FITTING
    else:
        period = window.unit
    if isinstance(period, timedelta) and _odd(period):
        return f"steps of {period} do not fit into days", _FITTING
    shortest = period.count * _SHORTEST_MONTH if isinstance(period, Months) else period
    if window.offset is not None and parse_duration(window.offset) >= shortest:
        return (
            "has an `offset` that is not shorter than its step",
            "Choose a shorter one: it says how much later windows start.",
        )
    return None, ""


def _odd(step: timedelta) -> bool:
    """Whether a step neither divides a day nor is whole days."""
    return step < _SHORTEST or (step < _DAY and bool(_DAY % step)) or (step > _DAY and bool(step % _DAY))


def _check_groups(dataset: str, where: str, window: Window, columns: Mapping[str, pl.DataType]) -> None:
    if len(set(window.by)) < len(window.by):
        raise ContractError(dataset, where, "groups by one column twice", "Name each column once.")
    for column in window.by:
        if column not in columns:
            raise ContractError(
                dataset,
                where,
                f"groups by {column!r}, which the schema does not have",
                f"It has: {', '.join(columns)}.",
            )
        if column in TAKEN:
            raise ContractError(
                dataset, where, f"groups by {column!r}, a column that every window has", "Rename the column."
            )
