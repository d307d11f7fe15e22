"""Times that are taken otherwise than they are written: cut after the microsecond, leap seconds, hours that come twice.

What belongs here: finding such times once they are read, what is said of them, and which of two hours is meant. What does not: reading
times (`timestamps`), and who is told (`chunk`). See docs/decisions/0027-doubles-decimals-expressions.md and 0009-time.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

CUT, LEAP, REPEATED = "time_cut", "leap_second", "repeated_hour"
_NONE = pl.Series([], dtype=pl.UInt32)
_CLOCK, _STAMP = len("HH:MM:SS"), len("YYYY-MM-DDTHH:MM:SS")
_OFFSET = r":\d\d(?:[.,]\d+)?\s*(?:[Zz]|[+-]\d\d(?::?\d\d)?)\s*$"
_TICKS = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_MINUTE = 60 * _TICKS["us"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_STEP = timedelta(hours=6)


@dataclass(frozen=True)
class Taken:
    """Times that are taken otherwise than they are written.

    Attributes:
        check: what it is called in error rows, a word that is kept.
        template: message, with `{value}` where the value goes.
        rows: positions (UInt32, ascending).
    """

    check: str
    template: str
    rows: pl.Series


def cut_or_shifted(source: pl.Series, values: pl.Series) -> list[Taken]:
    """Times with more digits than are kept (microseconds; milliseconds where that is the column's type), and leap seconds.

    Args:
        source: texts, or moments and times of day of a file.
        values: what was read of them, as the contract's type: Datetime or Time.
    """
    digits = 3 if isinstance(values.dtype, pl.Datetime) and values.dtype.time_unit == "ms" else 6
    found = [
        Taken(
            CUT,
            f"'{{value}}' has more digits than the {digits} after the second that are kept; the others were cut",
            rows,
        )
        if check == CUT
        else Taken(
            LEAP, "'{value}' is a leap second; it was taken as the first second of the next minute", rows
        )
        for check, rows in ((CUT, _finer(source, values, digits)), (LEAP, _leaps(source, values)))
        if len(rows)
    ]
    if not found or not values.null_count():
        return found
    there = values.is_not_null()
    kept = [Taken(one.check, one.template, one.rows.filter(there[one.rows])) for one in found]
    return [one for one in kept if len(one.rows)]


_WORDS = {
    CUT: "more digits after the second than are kept were cut",
    LEAP: "leap seconds were taken as the first second of the next minute",
}


def taken_in_words(counts: Mapping[tuple[str, str], int]) -> list[str]:
    """A sentence for each (contract column, check) of a delivery, with its number of values."""
    return [
        f"{column}: {_WORDS[check]}, in {count:,} row{'s' if count > 1 else ''}"
        for (column, check), count in sorted(counts.items())
    ]


def _finer(source: pl.Series, values: pl.Series, digits: int) -> pl.Series:
    dtype = source.dtype
    if dtype == pl.String:
        shortest = (_CLOCK if values.dtype == pl.Time else _STAMP) + digits + 2
        if (source.str.len_bytes().max() or 0) < shortest or not source.str.contains(".", literal=True).any():  # type: ignore[operator]
            return _NONE
        return source.str.contains(rf":\d\d\.\d{{{digits}}}0*[1-9]").fill_null(False).arg_true()
    if isinstance(dtype, pl.Datetime) or dtype == pl.Time:
        per_second = _TICKS[dtype.time_unit] if isinstance(dtype, pl.Datetime) else _TICKS["ns"]
        step = per_second // 10**digits
        return (source.to_physical() % step != 0).fill_null(False).arg_true() if step > 1 else _NONE
    return _NONE


def _leaps(source: pl.Series, values: pl.Series) -> pl.Series:
    if source.dtype != pl.String or not isinstance(values.dtype, pl.Datetime):
        return _NONE
    in_first_second = utc_ticks(values) % _MINUTE < _TICKS["us"]
    rows = in_first_second.fill_null(False).arg_true()
    if rows.is_empty() or not (texts := source[rows]).str.contains(":60", literal=True).any():
        return _NONE
    return rows.filter(texts.str.contains(r":\d\d:60").fill_null(False)).cast(pl.UInt32)


@dataclass(frozen=True)
class Repetition:
    """An hour (or another length) that the clocks show twice.

    Attributes:
        start: its first coming, microseconds since 1970 in UTC.
        gap: its length, in microseconds: so much later it comes again.
    """

    start: int
    gap: int


def repeated(source: pl.Series, values: pl.Series, zone: str) -> tuple[pl.Series, pl.Series]:
    """Times without a zone that are shown twice, and were taken as the first.

    Args:
        source: texts, moments or dates of a file.
        values: Datetime of any unit and zone that was read of them.
        zone: IANA zone of times without one.

    Returns:
        Positions (UInt32, ascending), and for each how much later the second comes, in microseconds (Int64).
    """
    nothing = _NONE, pl.Series([], dtype=pl.Int64)
    if zone == "UTC" or (isinstance(source.dtype, pl.Datetime) and source.dtype.time_zone is not None):
        return nothing
    ticks = utc_ticks(values)
    least, most = ticks.min(), ticks.max()
    if not isinstance(least, int) or not isinstance(most, int):
        return nothing
    gaps = np.zeros(len(ticks), np.int64)
    known = ticks.fill_null(np.iinfo(np.int64).min).to_numpy()
    for one in _between(zone, least, most):
        gaps[(known >= one.start) & (known < one.start + one.gap)] = one.gap
    rows = np.flatnonzero(gaps)
    if source.dtype == pl.String and len(rows):
        offset = source[rows].str.contains(_OFFSET).fill_null(False).to_numpy()
        rows = rows[~offset]
    return pl.Series(rows.astype(np.uint32)), pl.Series(gaps[rows])


def utc_ticks(values: pl.Series) -> pl.Series:
    """Datetime of any unit and zone → microseconds since 1970 in UTC (Int64)."""
    return values.dt.timestamp("us")


def second_ones(parts: Iterable[pl.DataFrame]) -> NDArray[np.int64]:
    """`_row` numbers (ascending) of the repeated times that are meant the second time, told by the order of rows.

    Times that ascend go back once where the clocks are set back. Where the same time stands there exactly twice and no other, the
    second row is the second time. Anything else is taken as the first.

    Args:
        parts: rows in the order of the file, of repeated times alone: `row` (Int64), `tick` (Int64: microseconds of the first
            coming), `gap` (Int64) and `group` (anything: times ascend among the rows of a group).
    """
    whole = pl.concat(list(parts), how="vertical_relaxed")
    if whole.is_empty():
        return np.empty(0, np.int64)
    # Days apart, so that several years in one file are several repetitions.
    of_one = ["group", pl.col("tick") // (48 * 3600 * _TICKS["us"])]
    back = (pl.col("tick").diff() < 0).fill_null(False)
    pair = (pl.len() == 2) & (pl.col("tick").n_unique() == 1) & (pl.int_range(pl.len()) == 1)
    second = whole.select(
        "row", second=back.cast(pl.Int8).cum_max().over(of_one).cast(pl.Boolean) | pair.over(of_one)
    )
    return second.filter("second")["row"].sort().to_numpy()


def _between(zone: str, least: int, most: int) -> list[Repetition]:
    first, last = (_moment(tick).year for tick in (least, most))
    return [
        one
        for year in range(first, last + 1)
        for one in _of_year(zone, year)
        if one.start <= most and one.start + one.gap > least
    ]


@lru_cache(maxsize=4096)
def _of_year(zone: str, year: int) -> tuple[Repetition, ...]:
    """The hours of a year (in UTC) that the clocks of a zone show twice."""
    found, tz = [], ZoneInfo(zone)
    start = datetime(year, 1, 1, tzinfo=UTC)
    end = datetime(year + 1, 1, 1, tzinfo=UTC) if year < 9999 else datetime(9999, 12, 31, tzinfo=UTC)
    here = start
    while here < end:
        there = min(here + _STEP, end)
        before, after = _offset(tz, here), _offset(tz, there)
        if after < before:
            low, high = here, there
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if _offset(tz, middle) == before else (low, middle)
            change = high.replace(microsecond=0)
            found.append(Repetition(_tick(change - (before - after)), (before - after) // _MICROSECOND))
        here = there
    return tuple(found)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    try:
        return moment.astimezone(zone).utcoffset() or timedelta()
    except OverflowError:  # the last day of the calendar, in a zone where it is the next already
        return timedelta()


def _tick(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _moment(tick: int) -> datetime:
    return _EPOCH + timedelta(microseconds=tick)
