"""The one place that quotes identifiers and literals. What does not belong here: any statement."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from pipeline.contract.durations import Months, Period

FIRST = datetime(1, 1, 1)  # noqa: DTZ001
LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001
"""The first and the last moment that Python has, in UTC without zone."""


def ident(name: str) -> str:
    """`name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def idents(names: Iterable[str]) -> str:
    """Quoted identifiers, separated by commas."""
    return ", ".join(ident(name) for name in names)


def table(schema: str, name: str) -> str:
    """A quoted table name with its schema."""
    return f"{ident(schema)}.{ident(name)}"


def text(value: str) -> str:
    """`value` as a VARCHAR literal."""
    return "'" + value.replace("'", "''") + "'"


def timestamp(moment: datetime) -> str:
    """A UTC moment without zone as a TIMESTAMP literal. The last one that Python has stands for the end of time: a row at it is before
    what ends then."""
    if moment == LAST:
        return "TIMESTAMP '10000-01-01 00:00:00'"
    return f"TIMESTAMP '{moment.isoformat(sep=' ')}'"


def interval(length: Period) -> str:
    """A length of time as an INTERVAL of months, of days, or of one smaller unit where it is shorter or odd."""
    if isinstance(length, Months):
        return f"INTERVAL {text(str(length.count))} MONTH"
    micro = length // timedelta(microseconds=1)
    units = (
        ("DAY", 86_400_000_000),
        ("HOUR", 3_600_000_000),
        ("MINUTE", 60_000_000),
        ("SECOND", 1_000_000),
        ("MILLISECOND", 1_000),
    )
    for unit, size in units:
        if micro % size == 0:
            return f"INTERVAL {text(str(micro // size))} {unit}"
    return f"INTERVAL {text(str(micro))} MICROSECOND"


def parquet(paths: Iterable[str], *, union_by_name: bool = False) -> str:
    """`read_parquet` over these files."""
    files = ", ".join(text(path) for path in paths)
    return f"read_parquet([{files}]{', union_by_name=true' if union_by_name else ''})"
