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
    """Whole numbers of seconds, ms, us or ns since 1970-01-01 UTC → ISO timestamps with Z; other text stays."""
    if unit not in get_args(Unit):
        raise wrong("epoch", f"unit {unit!r} is none of s, ms, us, ns", "take one of them")

    def change(value: pl.Expr) -> pl.Expr:
        number = value.cast(pl.Int64, strict=False)
        per_second = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[unit]
        # Outside the years 1 to 9999 a number is no time; polars wraps or panics on it.
        dated = number.is_between(_YEAR_1 * per_second, _YEAR_10000 * per_second, closed="left")
        ticks = pl.when(dated).then(number * 1_000_000 if unit == "s" else number)
        scale: Literal["us", "ms", "ns"] = "us" if unit == "s" else unit
        moment = ticks.cast(pl.Datetime(scale))
        return pl.coalesce(moment.dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ"), value)

    return Cleaner("epoch", change, lambda value: value.str.contains(r"^-?\d+$"), fingerprint("epoch", unit))
