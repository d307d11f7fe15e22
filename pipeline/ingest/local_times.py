"""Times that are taken otherwise than they are written: cut after the microsecond, leap seconds, hours that come twice.

What belongs here: finding such times once they are read, what is said of them, and which of two hours is meant. What does not: reading
times (`timestamps`), and who is told (`chunk`). See docs/decisions/0027-doubles-decimals-expressions.md and 0009-time.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.contract.zones import changes

CUT, LEAP, REPEATED = "time_cut", "leap_second", "repeated_hour"
_NONE = pl.Series([], dtype=pl.UInt32)
# Leading zeros may lack: 2024-1-2 3:4:5 is read, too.
_CLOCK, _STAMP, _BASIC = len("H:M:S"), len("YYYY-M-DTH:M:S"), len("YYYYMMDDTHHMMSS")
_OFFSET = r"(?::\d\d?|T\d{4}(?:\d\d)?)(?:[.,]\d+)?\s*(?:[Zz]|[+-]\d\d(?::?\d\d)?)\s*$"
_TICKS = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_MINUTE = 60 * _TICKS["us"]
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (UTC without zone, as everywhere here)
_MICROSECOND = timedelta(microseconds=1)
_DAY = 24 * 3600 * _TICKS["us"]
_LAST_YEAR = 9999


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


def cut_or_shifted(source: pl.Series, values: pl.Series, written: pl.Series) -> list[Taken]:
    """Times with more digits than are kept (microseconds; milliseconds where that is the column's type), and leap seconds.

    Args:
        source: texts, or moments and times of day of a file, as cleaned: those have all digits.
        values: what was read of them, as the contract's type: Datetime or Time.
        written: the same as they stand in the file: a cleaner that reads a format has moved a leap second already.
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
        for check, rows in ((CUT, _finer(source, values, digits)), (LEAP, _leaps(written, values)))
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
    REPEATED: "times without a zone come twice where the clocks were set back, and were taken as {way}",
}
WAYS = {
    "first": "the first",
    "second": "the second",
    "order": "the order of the rows tells",
}
"""What may be said of times that come twice → what becomes of them, in words; "reject" rejects the row."""


def taken_in_words(counts: Mapping[tuple[str, str], int], ways: Mapping[str, str]) -> list[str]:
    """A sentence for each (contract column, check) of a delivery, with its number of values.

    Args:
        counts: (contract column, check) → number.
        ways: contract column → how its times are taken that come twice, one of `WAYS`; where it is not in it, "first".
    """
    return [
        f"{column}: {_WORDS[check].format(way=WAYS[ways.get(column, 'first')])}, in {count:,} row{'s' if count > 1 else ''}"
        for (column, check), count in sorted(counts.items())
    ]


def _finer(source: pl.Series, values: pl.Series, digits: int) -> pl.Series:
    dtype = source.dtype
    if dtype == pl.String:
        longest: int = source.str.len_bytes().max() or 0  # type: ignore[assignment]
        shortest = (_CLOCK if values.dtype == pl.Time else _STAMP) + digits + 2
        # ISO's basic form is shorter, for it has no signs.
        basic = longest >= _BASIC + digits + 2 and not source.str.contains(":", literal=True).all()
        if (longest < shortest and not basic) or not source.str.contains("[.,]").any():
            return _NONE
        pattern = rf"(?::\d\d?|T\d{{6}})[.,]\d{{{digits}}}0*[1-9]"
        return source.str.contains(pattern).fill_null(False).arg_true()
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
    if rows.is_empty() or not (texts := source[rows]).str.contains("60", literal=True).any():
        return _NONE
    return rows.filter(texts.str.contains(r":\d\d?:60|T\d{4}60").fill_null(False)).cast(pl.UInt32)


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
    # What begins in the last hours of a year may end with it, by a change that is the first of the next.
    starts, lengths = _repetitions(zone, _moment(least).year, min(_moment(most).year + 1, _LAST_YEAR))
    if not len(starts):
        return nothing
    known = ticks.fill_null(least).to_numpy()
    place = np.searchsorted(starts, known, side="right") - 1
    gaps = lengths[place]
    # What could not be read comes at no time at all; nor does a default, which no file wrote.
    there = (ticks.is_not_null() & source.is_not_null()).to_numpy()
    within = (place >= 0) & (known < starts[place] + gaps) & there
    rows = np.flatnonzero(within)
    if source.dtype == pl.String and len(rows):
        rows = rows[~source[rows].str.contains(_OFFSET).to_numpy()]
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
    ticks = whole["tick"].unique().sort()
    which = pl.DataFrame({"tick": ticks, "which": (ticks.diff() > _DAY).fill_null(False).cum_sum()})
    whole = whole.join(which, on="tick", how="left", maintain_order="left")
    of_one = ["group", "which"]
    back = (pl.col("tick").diff() < 0).fill_null(False)
    pair = (pl.len() == 2) & (pl.col("tick").n_unique() == 1) & (pl.int_range(pl.len()) == 1)
    second = whole.select(
        "row", second=back.cast(pl.Int8).cum_max().over(of_one).cast(pl.Boolean) | pair.over(of_one)
    )
    return second.filter("second")["row"].sort().to_numpy()


@lru_cache(maxsize=256)
def _repetitions(zone: str, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What the clocks of a zone show twice in some years: where it begins to come the first time, ascending, and its length; both in
    microseconds, the former since 1970."""
    begin, end = datetime(first, 1, 1), datetime(last, 12, 31, 23, 59, 59)  # noqa: DTZ001  (UTC without zone)
    back = [change for change in changes(ZoneInfo(zone), begin, end)[1] if change.offset < change.before]
    gaps = np.array([(change.before - change.offset) // _MICROSECOND for change in back], np.int64)
    return np.array([(change.moment - _EPOCH) // _MICROSECOND for change in back], np.int64) - gaps, gaps


def _moment(tick: int) -> datetime:
    return _EPOCH + timedelta(microseconds=tick)
