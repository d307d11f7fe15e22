"""Text to moments: ISO 8601 in the spellings that files use.

What belongs here: parsing of dates, times and datetimes, and zones to UTC. What does not: locale formats, which are
a cleaner's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.contract.zones import Change, changes
from pipeline.ingest.rows import lost

# Ordered by how often they occur. `%#z` reads Z, +02:00 and +0200, and gives UTC.
_NAIVE = tuple(
    f"{date}{joint}{time}"
    for date in ("%Y-%m-%d", "%Y/%m/%d")
    for joint in (" ", "T")
    for time in ("%H:%M:%S", "%H:%M:%S%.f", "%H:%M")
)
_ZONED = tuple(
    f"%Y-%m-%d{joint}{time}{gap}%#z"
    for joint in ("T", " ")
    for time in ("%H:%M:%S", "%H:%M:%S%.f", "%H:%M")
    for gap in ("", " ")
)
_COMPACT = "%Y%m%d"
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", _COMPACT)
_DAY_1, _DAY_LAST = -719_162, 2_932_897  # days since 1970 of 0001-01-01 and of 10000-01-01
_PER_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_PER_YEAR = 31_556_952_000_000  # microseconds, on average
_YEARS = (1, 9999)
_AFTER_MIDNIGHT = r"[.,]0*[1-9]|:60|T[0-9]{4}60"
_LEAP = r"^\s*[0-9]+:[0-9]+:60"
_CLOCKS = ("%H:%M:%S", "%H:%M:%S%.f", "%H:%M")


def parse_datetimes(text: pl.Series, zone: str, prefer: str | None = None) -> tuple[pl.Series, str | None]:
    """Text → Datetime("us") in UTC without zone, null where it is none; and the format that read most values.

    Args:
        text: String.
        zone: IANA zone of texts without one. A local time that a clock change skips is null; of one that occurs
            twice the earlier moment is taken.
        prefer: format to try first, as returned by an earlier call.
    """
    at_once = _iso_at_once(text)
    if at_once is not None:
        moments = _to_utc(at_once, zone)
        if moments.null_count() == text.null_count():
            return moments, prefer
    result = pl.Series(text.name, [], pl.Datetime("us")).extend_constant(None, len(text))
    best: str | None = None
    formats = [*_NAIVE, *_ZONED, *_DAYS]
    if prefer in formats:
        formats.remove(prefer)
        formats.insert(0, prefer)
    for format_ in formats:
        open_rows = lost(text, result)
        if open_rows.is_empty():
            break
        whole = len(open_rows) == len(text)
        part = text if whole else text[open_rows]
        read = part.str.to_datetime(format_, strict=False, time_unit="us")
        moments = _to_utc(_whole_years(part, read, format_), zone)
        if moments.null_count() == len(moments):
            continue
        best = best or format_
        result = moments if whole else result.scatter(open_rows, moments)
    open_rows = lost(text, result)
    if len(open_rows):
        plain = _spelled_out(part := text[open_rows])
        if not plain.equals(part):
            moments, spelled = parse_datetimes(plain, zone)
            best = best or spelled
            result = result.scatter(open_rows, moments)
    return result, best


def _spelled_out(text: pl.Series) -> pl.Series:
    """ISO's basic form (20240102T030405Z) with its signs, and a point for the comma that ISO allows before a fraction; other texts as
    they are."""
    day, clock = r"^\s*([0-9]{4})([0-9]{2})([0-9]{2})T", "([0-9]{2})([0-9]{2})"
    return (
        text.str.replace(f"{day}{clock}([0-9]{{2}})", "${1}-${2}-${3}T${4}:${5}:${6}")
        .str.replace(f"{day}{clock}([^0-9]|$)", "${1}-${2}-${3}T${4}:${5}${6}")
        .str.replace("(:[0-9]{1,2}:[0-9]{1,2}),([0-9])", "${1}.${2}")
    )


def _iso_at_once(text: pl.Series) -> pl.Series | None:
    """A whole column of ISO times without zone, several times faster than value by value; None if any is something else."""
    if (text.str.len_bytes() == len("YYYY-MM-DD HH")).any():
        return None  # Arrow reads an hour alone, the formats above do not: neighbours must not decide
    try:
        return pl.Series(text.name, pc.cast(text.to_arrow(), pa.timestamp("us")))
    except pa.ArrowInvalid:
        return None


def _whole_years(text: pl.Series, read: pl.Series, format_: str) -> pl.Series:
    """`read` without what `%Y` made of a short year: 12/01/24 is no day of the year 12. Compact dates need all eight digits."""
    early = read.dt.year() < 1000
    wrong = early & ~text.str.contains(r"^\d{4}")
    if format_ == _COMPACT:
        wrong = wrong | (text.str.len_bytes() != len("YYYYMMDD"))
    return read.set(wrong, None) if wrong.any() else read


def _to_utc(moments: pl.Series, zone: str) -> pl.Series:
    dtype = moments.dtype
    assert isinstance(dtype, pl.Datetime)
    if dtype.time_zone is None:
        return moments if zone == "UTC" else _local_to_utc(moments, zone)
    return moments.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def _local_to_utc(moments: pl.Series, zone: str) -> pl.Series:
    """Local times → UTC: of a time that comes twice the earlier moment, null for one that is skipped."""
    values = moments.to_physical().fill_null(0).to_numpy()
    ends, offsets, skipped = _local_pieces(zone, *_years(values))
    piece = np.searchsorted(ends, values, side="right")
    result = pl.Series(moments.name, values - offsets[piece]).cast(pl.Datetime("us"))
    return result.set(moments.is_null() | pl.Series(skipped[piece]), None)


def days_in(moments: pl.Series, zone: str) -> pl.Series:
    """Datetime("us") in UTC without zone → Date on the zone's clock. A clock that is put back stands still until it gets there again, so
    that days are stretches of time, as they are for windows."""
    if zone == "UTC":
        return moments.dt.date()
    values = moments.to_physical().fill_null(0).to_numpy()
    ends, offsets, latest = _utc_pieces(zone, *_years(values))
    piece = np.searchsorted(ends, values, side="right")
    local = pl.Series(moments.name, np.minimum(values + offsets[piece], latest[piece]))
    return local.cast(pl.Datetime("us")).set(moments.is_null(), None).dt.date()


def _years(ticks: np.ndarray) -> tuple[int, int]:
    """Years that enclose moments (µs since 1970), within the calendar."""
    ends = [0, 0] if not ticks.size else [int(ticks.min()), int(ticks.max())]
    low, high = (1970 + end // _PER_YEAR for end in ends)
    first, last = _YEARS
    return min(max(low - 1, first), last), max(min(high + 1, last), first)


@lru_cache(maxsize=256)
def _local_pieces(zone: str, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pieces of the local time of some years: the end of each but the last and its offset (µs), and whether it is skipped."""
    offset, found = _changes(zone, first, last)
    ends: list[datetime] = []
    offsets, skipped = [offset], [False]
    for change in found:
        ends.append(change.moment + change.before)
        if change.offset > change.before:
            ends.append(change.moment + change.offset)
            offsets.append(change.before)
            skipped.append(True)
        offsets.append(change.offset)
        skipped.append(False)
    return _ticks(ends), _lengths(offsets), np.array(skipped)


@lru_cache(maxsize=256)
def _utc_pieces(zone: str, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pieces of the time in UTC of some years: the end of each but the last, its offset, and the latest local time of it (µs)."""
    offset, found = _changes(zone, first, last)
    never = datetime(_YEARS[1], 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001  (a clock without zone, on purpose)
    ends: list[datetime] = []
    offsets, latest = [offset], [never]
    for change in found:
        ends.append(change.moment)
        if change.offset < change.before:
            ends.append(change.moment + change.before - change.offset)
            offsets.append(change.before)
            latest.append(change.moment + change.before - timedelta(microseconds=1))
        offsets.append(change.offset)
        latest.append(never)
    return _ticks(ends), _lengths(offsets), _ticks(latest)


def _changes(zone: str, first: int, last: int) -> tuple[timedelta, list[Change]]:
    begin, end = datetime(first, 1, 1), datetime(last, 12, 31, 23, 59, 59)  # noqa: DTZ001  (UTC without zone)
    return changes(ZoneInfo(zone), begin, end)


def _ticks(moments: Sequence[datetime]) -> np.ndarray:
    """Microseconds since 1970."""
    return np.array(moments, dtype="datetime64[us]").astype(np.int64)


def _lengths(lengths: Sequence[timedelta]) -> np.ndarray:
    """Microseconds."""
    return np.array(lengths, dtype="timedelta64[us]").astype(np.int64)


def within_calendar(values: pl.Series) -> pl.Series:
    """Date or Datetime → the same, null outside the years 1 to 9999: no Python, and hardly a table, holds those."""
    ticks = values.to_physical().cast(pl.Int64)
    per_day = 1 if values.dtype == pl.Date else _PER_DAY[values.dtype.time_unit]  # type: ignore[attr-defined]
    inside = ticks.is_between(_DAY_1 * per_day, _DAY_LAST * per_day, closed="left")
    return values if inside.all() else values.set(~inside.fill_null(True), None)


def whole_microseconds(values: pl.Series) -> pl.Series:
    """Time (of day) → the same without what is less than a microsecond: the warehouse has no room for it."""
    ticks = values.to_physical()
    return (ticks - ticks % 1_000).cast(pl.Time)


def datetimes_to_utc(moments: pl.Series, zone: str) -> pl.Series:
    """Datetime of any unit, with or without zone → Datetime("us") in UTC without zone; see `parse_datetimes`."""
    dtype = moments.dtype
    assert isinstance(dtype, pl.Datetime)
    return _to_utc(moments.cast(pl.Datetime("us", dtype.time_zone)), zone)


def parse_dates(text: pl.Series) -> pl.Series:
    """Text → Date; a datetime at midnight counts as its date, any other time of day is null, however small."""
    days = _first_that_reads(
        text, [_whole_years(text, text.str.to_date(format_, strict=False), format_) for format_ in _DAYS]
    )
    if (days.is_null() & text.is_not_null()).any():
        moments, _ = parse_datetimes(text, "UTC")
        midnight = (moments.dt.time() == pl.time(0, 0, 0)) & ~text.str.contains(_AFTER_MIDNIGHT)
        moments_at_midnight = pl.select(pl.when(midnight).then(moments.dt.date())).to_series()
        days = days.fill_null(moments_at_midnight)
    return days.rename(text.name)


def parse_times(text: pl.Series) -> pl.Series:
    """Text → Time (time of day). A leap second is none: whether there is a next minute, only a date tells."""
    times = _first_that_reads(text, [text.str.to_time(format_, strict=False) for format_ in _CLOCKS])
    if (leaps := text.str.contains(_LEAP)).any():
        times = times.set(leaps.fill_null(False), None)
    rows = lost(text, times)
    if rows.is_empty() or (plain := _spelled_out(part := text[rows])).equals(part):
        return times
    return times.scatter(rows, parse_times(plain))


def _first_that_reads(text: pl.Series, readings: list[pl.Series]) -> pl.Series:
    return pl.select(pl.coalesce(readings)).to_series().rename(text.name)
