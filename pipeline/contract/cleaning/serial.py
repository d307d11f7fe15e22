"""Cleaners of times that are written as a count: spreadsheet days, seconds since 1970.

What belongs here: counts → ISO text. What does not: dates written as dates (`dates`).
"""

from __future__ import annotations

from typing import Literal, get_args

import polars as pl

from pipeline.contract.cleaning.cleaner import Cleaner, fingerprint, wrong

Unit = Literal["s", "ms", "us", "ns"]
# Seconds since 1970.
_YEAR_1, _YEAR_10000 = -62_135_596_800, 253_402_300_800
_DAY_MS = 86_400_000
# Days from 1970-01-01 back to day 0 of each system, and the last day (9999-12-31).
_DAY_ZERO = {1900: 25_569, 1904: 24_107}
_LAST = {1900: 2_958_465, 1904: 2_957_003}
# Lotus took 1900 for a leap year, and spreadsheets still count its 29 February: day 60. Days before it are one further on.
_NO_DAY = 60
_MICROSECONDS = 6
_SECOND_DIGITS = 9
_LARGEST = 2**63 - 1


def excel_date(system: int = 1900) -> Cleaner:
    """Days as a spreadsheet counts them → ISO: `"45123"` → `"2023-07-16"`, `"45123.5"` → `"2023-07-16T12:00:00"`.

    A fraction is rounded to the millisecond; one of fewer than nine decimals, which does not tell milliseconds, to the
    second. Day 60 of the 1900 system (29 February 1900, which never was), times without a day, and other texts stay.

    Args:
        system: 1900 (Excel's own), or 1904 (workbooks from old Macs).
    """
    if system not in _DAY_ZERO:
        raise wrong("excel_date", f"system is {system!r}", "take 1900 or 1904")
    first = 1 if system == 1900 else 0

    def change(value: pl.Expr) -> pl.Expr:
        number = value.cast(pl.Float64, strict=False)
        day = number.floor()
        known = number.is_between(first, _LAST[system] + 1, closed="left")
        shift = pl.lit(_DAY_ZERO[system])
        if system == 1900:
            known &= day != _NO_DAY
            shift = shift - pl.when(number < _NO_DAY).then(1).otherwise(0)
        coarse = value.str.len_bytes() - value.str.find(".", literal=True) <= 9
        ms = ((number - day) * _DAY_MS).round()
        ms = pl.when(coarse).then((ms / 1_000).round() * 1_000).otherwise(ms)
        moment = ((day - shift) * _DAY_MS + ms).cast(pl.Int64, strict=False).cast(pl.Datetime("ms"))
        known &= moment < pl.lit(_YEAR_10000 * 1_000).cast(pl.Datetime("ms"))  # rounded up on its last day
        whole = pl.when(known & (number == day)).then(moment.dt.to_string("%Y-%m-%d"))
        timed = pl.when(known).then(moment.dt.to_string("%Y-%m-%dT%H:%M:%S%.f"))
        return pl.coalesce(whole, timed, value)

    return Cleaner(
        "excel_date",
        change,
        lambda value: value.str.contains(r"^[0-9]{1,7}(?:\.[0-9]*)?$"),
        fingerprint("excel_date", system),
    )


def epoch(unit: Unit = "ms") -> Cleaner:
    """Numbers of seconds, ms, us or ns since 1970-01-01 UTC, with or without a fraction → ISO timestamps with Z and every digit; other
    text stays: `"1700000000.25"` is `"2023-11-14T22:13:20.250000Z"` by `epoch("s")`. A fraction is read behind counts of a hundred
    million seconds (1973) and more: a 1.5 in a column of such is no time."""
    if unit not in get_args(Unit):
        raise wrong("epoch", f"unit {unit!r} is none of s, ms, us, ns", "take one of them")
    places = {"s": 0, "ms": 3, "us": 6, "ns": 9}[unit]

    def read(column: pl.Series) -> pl.Series:
        pointed = column.str.contains(".", literal=True).fill_null(False)
        if not pointed.any():
            return column.to_frame("whole").select(_moment(None, places)).to_series()
        parts = pl.DataFrame(
            {"whole": column.str.extract(r"^(-?[0-9]+)", 1), "part": column.str.extract(r"\.([0-9]*)$", 1)}
        )
        return parts.select(_moment(pl.col("part").fill_null(""), places)).to_series()

    def change(value: pl.Expr) -> pl.Expr:
        return pl.coalesce(value.map_batches(read, return_dtype=pl.String), value)

    counts = rf"^(?:-?[0-9]+|[0-9]{{{_SECOND_DIGITS + places},}}\.[0-9]*)$"
    return Cleaner("epoch", change, lambda value: value.str.contains(counts), fingerprint("epoch", unit))


def _moment(part: pl.Expr | None, places: int) -> pl.Expr:
    """Column whole, a count since 1970, as ISO texts with six digits of a second or, where there are more, all of them; null where it
    is no time.

    Args:
        part: digits behind the point of the count; None: it has none.
        places: how many digits of the count are those of a second's fraction.
    """
    per_second = 10**places
    number = pl.col("whole").cast(pl.Int64, strict=False)
    # Outside the years 1 to 9999 a number is no time; polars wraps or panics on it.
    least, end = max(_YEAR_1 * per_second, -_LARGEST), min(_YEAR_10000 * per_second, _LARGEST)
    dated = pl.when(number.is_between(least, end, closed="left")).then(number)
    unit: Literal["us", "ms", "ns"] = "us" if places in (0, 6) else "ms" if places == 3 else "ns"
    moment = (dated * 1_000_000 if places == 0 else dated).cast(pl.Datetime(unit))
    if part is None and places <= _MICROSECONDS:
        return moment.dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ")
    within = (number % per_second).cast(pl.String).str.pad_start(places, "0") if places else pl.lit("")
    fraction = (
        pl.concat_str(within, pl.lit("") if part is None else part)
        .str.strip_chars_end("0")
        .str.pad_end(_MICROSECONDS, "0")
    )
    return pl.concat_str(moment.dt.to_string("%Y-%m-%dT%H:%M:%S."), fraction, pl.lit("Z"))
