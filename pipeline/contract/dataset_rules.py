"""Validation of a dataset's declaration when it is loaded.

What belongs here: what a declaration may say. What does not: the windows' own rules (`window_rules`), data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from types import NoneType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfoNotFoundError

import pandera.polars as pa
import polars as pl

from pipeline.contract.checks import check_types
from pipeline.contract.cleaners import Cleaner
from pipeline.contract.derive import check_derived
from pipeline.contract.due import parse_due
from pipeline.contract.durations import parse_duration
from pipeline.contract.errors import ContractError
from pipeline.contract.headers import normalise
from pipeline.contract.lifetime_rules import check_lifetime
from pipeline.contract.read import Read
from pipeline.contract.references import check_references
from pipeline.contract.rules import check_rules
from pipeline.contract.severities import UNIQUE, check_severities
from pipeline.contract.window_rules import check_windows

if TYPE_CHECKING:
    from pipeline.contract.dataset import Dataset

DRIFTS = ("rescue", "evolve", "reject", "ignore")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TAKEN = ("unknown", "verify")  # there are a sensor `unknown_inbox` and a job `verify_windows`
# Field, what it may be, how it is written; {} is what stands there as one text.
_KINDS: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("key", (list, tuple), 'a list: ["{}"]'),
    ("sheets", (list, tuple), 'a list: ["{}"]'),
    ("read", (Read,), 'what is known of the files: Read(delimiter=";")'),
    ("windows", (list, tuple), "a list of Tumbling, Sliding, Cumulative, Session and Total"),
    ("lateness", (str, NoneType), 'a length of time: "2h"'),
    ("idle_after", (str,), 'a length of time: "1d"'),
    ("keep_rows", (str, NoneType), 'a length of time: "90d"'),
    ("keep_windows", (str, NoneType), 'a length of time: "5y"'),
    ("rules", (list, tuple), 'a list: [Rule("paid", pl.col("amount") > 0)]'),
    ("severity", (Mapping,), 'a mapping: {{"amount": {{"ge": "warn"}}}}'),
    ("references", (list, tuple), 'a list: [Reference("customer_id", "customers", "id")]'),
    ("increasing", (list, tuple), 'a list: ["{}"]'),
    ("aliases", (Mapping,), 'a mapping: {{"ordered_at": ["Order Date"]}}'),
    ("clean", (Mapping,), 'a mapping: {{"name": clean.strip}}'),
    ("on_conflict", (str,), 'one of "first", "latest", "latest_by:<column>", "reject"'),
    ("event_time", (str, NoneType), "the name of a datetime column"),
    ("timezone", (str,), 'a zone such as "Europe/Berlin"'),
    ("repeated_hour", (str,), 'one of "first", "second", "order", "order:<column>", "reject"'),
    ("keep", (pl.Expr, NoneType), 'a polars expression: pl.col("amount") > 0'),
    ("warn_error_rate", (int, float), "a share from 0 to 1"),
    ("fail_error_rate", (int, float), "a share from 0 to 1"),
    ("max_error_rate", (int, float, NoneType), "a share from 0 to 1, or None"),
    ("max_errors", (int, NoneType), "a number of rows from 0, or None"),
    ("archive", (str,), 'one of "keep", "encrypt", "off"'),
    ("freshness", (str, NoneType), 'a length of time: "1d"'),
    ("due", (str, NoneType), 'a time of day: "08:00", or "08:00 mon-fri"'),
    ("first_day", (date, NoneType), "a date: date(2010, 1, 1), or None"),
    ("description", (str,), "a text"),
)


def check_dataset(dataset: Dataset) -> None:
    """Raise ContractError for the first thing that is declared wrongly."""
    name: Any = dataset.name
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ContractError(
            str(name), "name", "is not a plain lower-case name", "Use letters, digits and _: `daily_orders`."
        )
    if name in _TAKEN:
        raise ContractError(
            name, "name", "is not free: Dagster would have two things of one name", "Rename it."
        )
    schema: Any = dataset.schema
    if not (isinstance(schema, type) and issubclass(schema, pa.DataFrameModel)):
        raise ContractError(
            name,
            "schema",
            "is not a pandera.polars DataFrameModel",
            "Write `class Order(pa.DataFrameModel): …`.",
        )
    _check_kinds(dataset)
    _check_names(dataset)
    _check_cleaners(dataset)
    _check_aliases(dataset)
    _check_time(dataset)
    _check_limits(dataset)
    _check_keep(dataset)
    _check_drift(dataset)
    columns = {column.name: column.dtype for column in dataset.columns}
    check_types(dataset.name, dataset.columns)
    check_derived(dataset.name, dataset.derive, columns)
    check_rules(dataset.name, dataset.rules, columns)
    check_references(dataset)
    check_severities(dataset)
    _check_conflicts(dataset)
    check_windows(dataset.name, dataset.windows, columns, dataset.event_time)
    check_lifetime(dataset)


def _check_kinds(dataset: Dataset) -> None:
    for where, kinds, remedy in _KINDS:
        value: Any = getattr(dataset, where)
        if isinstance(value, str) and str not in kinds:
            raise ContractError(dataset.name, where, "is one text", f"Write {remedy.format(value)}.")
        if not isinstance(value, kinds):
            raise ContractError(dataset.name, where, f"is {value!r}", f"Write {remedy.format('…')}.")
    for where in ("key", "sheets", "increasing"):
        for name in getattr(dataset, where):
            if not isinstance(name, str):
                raise ContractError(dataset.name, where, f"holds {name!r}", "List names, as text.")


def _check_names(dataset: Dataset) -> None:
    known = set(dataset.column_names)
    named: list[tuple[str, str]] = [
        *(("key", name) for name in dataset.key),
        *(("aliases", name) for name in dataset.aliases),
        *(("clean", name) for name in dataset.clean),
        *(("increasing", name) for name in dataset.increasing),
    ]
    named += [("unique", name) for names in dataset.uniqueness for name in names]
    if dataset.event_time is not None:
        named.append(("event_time", dataset.event_time))
    for where, name in named:
        if name not in known:
            raise ContractError(
                dataset.name,
                where,
                f"names a column {name!r} that the schema does not have",
                f"It has: {', '.join(dataset.column_names)}.",
            )
    for name in dataset.key:
        if next(c for c in dataset.columns if c.name == name).nullable:
            raise ContractError(
                dataset.name,
                "key",
                f"column {name!r} is nullable",
                "A key identifies a row: take nullable=True away.",
            )


def _check_cleaners(dataset: Dataset) -> None:
    for name, given in dataset.clean.items():
        cleaners: Any = given if isinstance(given, list | tuple) else [given]
        for cleaner in cleaners:
            if not isinstance(cleaner, Cleaner):
                raise ContractError(
                    dataset.name,
                    f"clean[{name!r}]",
                    f"{cleaner!r} is not a cleaner",
                    "Take one of `clean`: clean.strip, clean.number().",
                )
            number = next(iter(cleaner.empty), None)
            column = next(one for one in dataset.columns if one.name == name)
            if number is not None and not column.dtype.is_numeric():
                raise ContractError(
                    dataset.name,
                    f"clean[{name!r}]",
                    f"{number} is a number, and {name!r} is {column.dtype}",
                    f'Write it as a text: clean.nulls("{number}").',
                )


def _check_aliases(dataset: Dataset) -> None:
    owner: dict[str, str] = {}
    for column in dataset.column_names:
        for name in (column, *_alias_list(dataset, column)):
            other = owner.setdefault(normalise(name), column)
            if other != column:
                raise ContractError(
                    dataset.name,
                    "aliases",
                    f"{name!r} stands for both {other!r} and {column!r}",
                    "Give it to one of them.",
                )


def _alias_list(dataset: Dataset, column: str) -> Sequence[str]:
    given: Any = dataset.aliases.get(column, ())
    if isinstance(given, str):
        raise ContractError(
            dataset.name, "aliases", f"of {column!r} is one text", f'Write a list: ["{given}"].'
        )
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        raise ContractError(
            dataset.name, "aliases", f"of {column!r} is {given!r}", 'Write a list: ["Order Date"].'
        )
    return tuple(given)


def _check_time(dataset: Dataset) -> None:
    try:
        _ = dataset.zone
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ContractError(
            dataset.name,
            "timezone",
            f"{dataset.timezone!r} is not an IANA zone",
            'Write one such as "Europe/Berlin".',
        ) from error
    _check_repeated(dataset)
    if dataset.event_time is None:
        return
    column = next(c for c in dataset.columns if c.name == dataset.event_time)
    if not isinstance(column.dtype, pl.Datetime) or column.nullable:
        raise ContractError(
            dataset.name,
            "event_time",
            f"column {column.name!r} is {column.dtype}{', nullable' if column.nullable else ''}",
            f"Declare `{column.name}: datetime`, not nullable.",
        )


def _check_repeated(dataset: Dataset) -> None:
    way, _, group = dataset.repeated_hour.partition(":")
    kinds, where = '"first", "second", "order", "order:<column>" or "reject"', "repeated_hour"
    if way not in ("first", "second", "order", "reject") or (dataset.repeated_hour != way and way != "order"):
        raise ContractError(dataset.name, where, f"is {dataset.repeated_hour!r}", f"Write {kinds}.")
    if way == "order" and dataset.event_time is None:
        raise ContractError(
            dataset.name,
            where,
            "goes by the order of event times, and event_time is not declared",
            "Declare it.",
        )
    if dataset.repeated_hour != way and group not in dataset.column_names:
        raise ContractError(
            dataset.name,
            where,
            f"names a column {group!r} that the schema does not have",
            f"It has: {', '.join(dataset.column_names)}.",
        )


def _check_keep(dataset: Dataset) -> None:
    if dataset.keep is None:
        return
    empty = pl.DataFrame(schema={column.name: column.dtype for column in dataset.columns})
    try:
        answer = empty.select(dataset.keep)
    except pl.exceptions.PolarsError as error:
        raise ContractError(
            dataset.name,
            "keep",
            f"does not work on the columns: {error}",
            f"It has: {', '.join(empty.columns)}.",
        ) from error
    if answer.dtypes != [pl.Boolean] or answer.height:
        raise ContractError(
            dataset.name,
            "keep",
            "does not give one true or false per row",
            'Write for example pl.col("amount") > 0.',
        )


def _check_conflicts(dataset: Dataset) -> None:
    """What `on_conflict` may say; the severities are right by now."""
    given, by = dataset.on_conflict, dataset.latest_by
    if given not in ("first", "latest", "reject") and by is None:
        remedy = 'Write "first", "latest", "latest_by:<column>" or "reject".'
        raise ContractError(dataset.name, "on_conflict", f"is {given!r}", remedy)
    if given != "first" and not dataset.uniqueness:
        cause = f"is {given!r}, and nothing of the dataset is unique"
        raise ContractError(dataset.name, "on_conflict", cause, 'Declare a key: key=["id"].')
    if by is not None:
        column = next((one for one in dataset.columns if one.name == by), None)
        if column is None:
            cause, remedy = (
                f"names a column {by!r} that the schema does not have",
                f"It has: {', '.join(dataset.column_names)}.",
            )
            raise ContractError(dataset.name, "on_conflict", cause, remedy)
        if isinstance(column.dtype, pl.List | pl.Binary):
            cause = f"names {by!r}, whose values are no larger or smaller than others ({column.dtype})"
            raise ContractError(dataset.name, "on_conflict", cause, "Name a number, a time or a text.")
    refused = [
        name for names in dataset.uniqueness if len(names) == 1 for name in names
        if dataset.severities.get((name, UNIQUE)) == "quarantine"
    ]  # fmt: skip
    if dataset.later_wins and refused:
        cause = f"is {given!r}, and the severity of {refused[0]!r} refuses a file whose value is taken"
        raise ContractError(
            dataset.name, "on_conflict", cause, 'Write on_conflict="reject", or take that severity away.'
        )


def _check_drift(dataset: Dataset) -> None:
    if dataset.drift not in DRIFTS:
        raise ContractError(
            dataset.name, "drift", f"is {dataset.drift!r}", f"Write one of {', '.join(map(repr, DRIFTS))}."
        )


def _check_limits(dataset: Dataset) -> None:
    if not 0 <= dataset.warn_error_rate <= dataset.fail_error_rate <= 1:
        raise ContractError(
            dataset.name,
            "warn_error_rate",
            "is not between 0 and fail_error_rate, or that is above 1",
            "Shares run from 0 to 1.",
        )
    rate, rows = dataset.max_error_rate, dataset.max_errors
    if isinstance(rate, bool) or (rate is not None and not 0 <= rate <= 1):
        raise ContractError(dataset.name, "max_error_rate", f"is {rate!r}", "Shares run from 0 to 1.")
    if isinstance(rows, bool) or (rows is not None and rows < 0):
        raise ContractError(dataset.name, "max_errors", f"is {rows!r}", "Numbers of rows begin with 0.")
    if dataset.archive not in ("keep", "encrypt", "off"):
        cause, remedy = f"is {dataset.archive!r}", 'Write "keep", "encrypt" or "off".'
        raise ContractError(dataset.name, "archive", cause, remedy)
    if dataset.freshness is not None:
        try:
            parse_duration(dataset.freshness)
        except ValueError as error:
            raise ContractError(dataset.name, "freshness", str(error), 'Write for example "1d".') from error
    if dataset.due is not None:
        try:
            parse_due(dataset.due)
        except ValueError as error:
            raise ContractError(
                dataset.name, "due", str(error), 'Write "08:00", or "08:00 mon-fri".'
            ) from error
