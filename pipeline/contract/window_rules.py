"""Validation of a dataset's windows when it is loaded. What does not belong here: what a window is (`windows`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

import polars as pl

from pipeline.contract.aggregates import NUMERIC_KINDS, Aggregate
from pipeline.contract.errors import ContractError
from pipeline.contract.windows import Sliding, TimeWindow, Total, Tumbling, Window

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TAKEN = frozenset(
    {"window_start", "window_end", "row_count", "revision", "computed_at", "is_final", "_delivery"}
)
_ASSETS = frozenset({"inbox", "clean", "errors"})
_DAY = timedelta(days=1)
# Field, what it may be, how it is written; {} is what stands there as one text.
_KINDS: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("name", (str,), 'a name: "daily"'),
    ("every", (str,), 'a length of time: "5m"'),
    ("size", (str,), 'a length of time: "1h"'),
    ("by", (list, tuple), 'a list: by=["{}"]'),
    ("measures", (Mapping,), 'a mapping: {{"orders": agg.count()}}'),
)


def check_windows(
    dataset: str, windows: Sequence[Window], columns: Mapping[str, pl.DataType], event_time: str | None
) -> None:
    """Raise ContractError for the first window that is declared wrongly."""
    seen: set[str] = set()
    for window in windows:
        if not isinstance(window, Tumbling | Sliding | Total):
            raise ContractError(
                dataset, "windows", f"{window!r} is not a window", "Use Tumbling, Sliding or Total."
            )
        where = f"window {window.name!r}"
        _check_kinds(dataset, where, window)
        if not _NAME.fullmatch(window.name) or window.name in _ASSETS:
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
            _check_measure(dataset, f"{where}, measure {name!r}", name, measure, columns, window.by)


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
        length, step = window.length, window.step
    except ValueError as error:
        raise ContractError(dataset, where, str(error), 'Write lengths such as "5m", "1h", "1d".') from error
    if step > length:
        raise ContractError(
            dataset,
            where,
            "has gaps: `every` is longer than `size`",
            "Rows between windows would be lost; make `every` at most `size`.",
        )
    if step < timedelta(milliseconds=1) or (step < _DAY and _DAY % step) or (step > _DAY and step % _DAY):
        raise ContractError(
            dataset,
            where,
            f"steps of {step} do not fit into days",
            "Choose a step that divides a day, or whole days.",
        )


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
        if column in _TAKEN:
            raise ContractError(
                dataset, where, f"groups by {column!r}, a column that every window has", "Rename the column."
            )


def _check_measure(
    dataset: str,
    where: str,
    name: str,
    measure: Aggregate,
    columns: Mapping[str, pl.DataType],
    by: Sequence[str],
) -> None:
    if not _NAME.fullmatch(name) or name in _TAKEN or name in by:
        raise ContractError(
            dataset,
            where,
            "is not a free lower-case name",
            f"Use letters, digits and _; not {', '.join(sorted(_TAKEN))}.",
        )
    if not isinstance(measure, Aggregate):
        raise ContractError(
            dataset, where, f"{measure!r} is not an aggregate", "Use agg.count(), agg.sum(…), …"
        )
    if measure.column is None and measure.kind == "count":
        return
    if measure.column is None or measure.column not in columns:
        raise ContractError(
            dataset,
            where,
            f"measures {measure.column!r}, which the schema does not have",
            f"It has: {', '.join(columns)}.",
        )
    if measure.kind in NUMERIC_KINDS and not columns[measure.column].is_numeric():
        raise ContractError(
            dataset,
            where,
            f"{measure.kind} of {measure.column!r}, which is {columns[measure.column]}",
            "Measure a number.",
        )
    if measure.kind == "quantile" and not _is_share(measure.parameter):
        raise ContractError(
            dataset,
            where,
            f"quantile {measure.parameter} is outside 0 to 1",
            "Write 0.95 for the 95th percentile.",
        )


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1
