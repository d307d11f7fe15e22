"""Checks of texts that hold something else: JSON, dates and times in a given format.

What belongs here: whether a text column could be read. What does not: reading it; a column that is declared `date` or
`datetime` is cast, and needs no check.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import lru_cache
from typing import Any

import polars as pl

from pipeline.contract.checks.registration import Kind, Refused, one_of
from pipeline.contract.checks.values import on_distinct

_TYPES: dict[Any, type] = {True: object, "object": dict, "array": list}
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def _any_of(names: list[str], letters: int | None = None) -> str:
    return f"(?i:{'|'.join(name[:letters] for name in names)})"


# Directive → the characters it stands for. Polars alone would read 1.2.24 by %d.%m.%Y, as the year 24.
_DATE = {
    "Y": "[0-9]{4}", "y": "[0-9]{2}", "m": "[0-9]{2}", "d": "[0-9]{2}", "j": "[0-9]{3}", "-m": "[0-9]{1,2}", "-d": "[0-9]{1,2}",
    "b": _any_of(_MONTHS, 3), "B": _any_of(_MONTHS), "a": _any_of(_DAYS, 3), "A": _any_of(_DAYS),
}  # fmt: skip
_TIME = {
    "H": "[0-9]{2}", "I": "[0-9]{2}", "-H": "[0-9]{1,2}", "-I": "[0-9]{1,2}", "M": "[0-9]{2}", "S": "[0-9]{2}",
    "f": "[0-9]{1,9}", "p": "(?i:am|pm)", "z": "[+-][0-9]{2}:?[0-9]{2}",
}  # fmt: skip
_DIRECTIVE = re.compile(r"%(-?.|$)", re.DOTALL)
_SHOWN = datetime(2024, 11, 30, 15, 4, 5, 678_000).astimezone()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _json(values: pl.Series, wanted: Any) -> pl.Series:
    kind = _TYPES[wanted]

    def parses(text: str) -> bool:
        try:
            return isinstance(_DECODER.decode(text), kind)
        except (ValueError, RecursionError):  # more than some thousand levels deep
            return False

    return on_distinct(values, parses)


def _json_type(given: Any) -> str:
    return str(one_of(given, ("object", "array"), "True for any value, or the kind of it"))


@lru_cache(maxsize=256)
def _pattern(written: str) -> str:
    """The format as a regular expression; raises `Refused`."""
    pattern, end = "^", 0
    for found in _DIRECTIVE.finditer(written):
        directive = found[1]
        known = (_DATE | _TIME | {"%": "%"}).get(directive)
        if known is None:
            allowed = " ".join(f"%{name}" for name in (*_DATE, *_TIME))
            raise Refused(f"%{directive} is not among the directives it knows: {allowed}")
        pattern += re.escape(written[end : found.start()]) + known
        end = found.end()
    return pattern + re.escape(written[end:]) + "$"


def _directives(written: str) -> set[str]:
    return {found[1].lstrip("-") for found in _DIRECTIVE.finditer(written)}


def _reads(values: pl.Series, written: Any) -> pl.Series:
    formed = values.str.contains(_pattern(written))
    if _directives(written) & set(_TIME):
        # Polars calls what stands after the point `%.f`; its own `%f` counts nanoseconds.
        read = values.str.to_datetime(written.replace(".%f", "%.f"), strict=False)
    else:
        read = values.str.to_date(written, strict=False)
    return formed & (read.is_not_null() | values.is_null())


def _dated(written: Any, example: str) -> set[str]:
    if not isinstance(written, str) or not written:
        raise Refused(f'it takes a format such as "{example}"')
    _pattern(written)
    has = _directives(written)
    day = "j" in has or ("d" in has and has & {"m", "b", "B"})
    if not (has & {"Y", "y"} and day):
        raise Refused(f'{written!r} does not tell the day; it takes a format such as "{example}"')
    return has


def _date_format(written: Any) -> str:
    if _dated(written, "%d.%m.%Y") & set(_TIME):
        raise Refused(f"{written!r} has a time of day: use timestamp_format")
    return _tried(written)


def _timestamp_format(written: Any) -> str:
    has = _dated(written, "%d.%m.%Y %H:%M:%S")
    if written.count("%f") != written.count("%S.%f"):
        raise Refused("%f is the fraction of a second: it stands in %S.%f")
    if not ("H" in has or {"I", "p"} <= has) or "M" not in has:
        raise Refused(f"{written!r} does not tell the hour and the minute (%H:%M, or %I:%M %p)")
    return _tried(written)


def _tried(written: str) -> str:
    """A format that reads what it writes; raises `Refused`."""
    shown = _SHOWN.strftime(written)
    if not _reads(pl.Series([shown]), written).all():
        raise Refused(f"{written!r} cannot be read back: it writes {shown!r}")
    return written


KINDS = (
    Kind("json", _json, _json_type),
    Kind("date_format", _reads, _date_format, bare=False),
    Kind("timestamp_format", _reads, _timestamp_format, bare=False),
)
