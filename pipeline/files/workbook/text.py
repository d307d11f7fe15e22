"""Canonical text of workbook values: 5 is `5`, dates are ISO, durations are hours, minutes and seconds.

What belongs here: one way to write a value, whichever library read it. What does not: reading.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

import polars as pl

Shown = Literal["date", "time", "duration"]

_STAMP = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$"
_EPOCH = datetime(1899, 12, 31)  # noqa: DTZ001
_FIRST_DATE = datetime(1900, 3, 1)  # noqa: DTZ001
_LAST_YEAR = 9999
_DOUBTFUL = (
    r"^(?:1899-12-31 00:00:00|"
    r"(?:[-+]|1[0-8]\d\d-|1899-(?:0|1[01]|12-(?:[012]|30))|1900-0[12]-)\S* \d\d:\d\d:\d\d)"
)
_DAY_MS = 24 * 60 * 60 * 1000
# Excel's serial number of 29 February 1900, a day that never was, and of the last day that it knows, in both date systems.
_NO_DAY, _LAST_DAY, _LAST_DAY_1904 = 60, 2_958_465, 2_957_003
_EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001


class Written(str):
    """Text that was made from a typed value: no text of the file's own."""

    __slots__ = ()


def text_of(value: object) -> str | None:
    """Text of one Python value as openpyxl gives it."""
    kind = type(value)
    if kind is str:
        return value or None  # type: ignore[return-value]
    if value is None:
        return None
    if kind is float:
        return _number(value)  # type: ignore[arg-type]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, time):
        return _fraction(value.isoformat())
    return str(value) or None


def serial_text(value: float, shown: Shown, from_1904: bool) -> str:
    """A number that a cell shows as a date, a time of day or a duration, to the millisecond.

    Whole days count from 1 January 1900 (which is 1) or 1904 (which is 0). What is no date comes as Excel shows it, where it shows
    one (`1900-01-00`, `1900-02-29`), else as the number: below 0, after the year 9999.
    """
    if not math.isfinite(value) or abs(value) > _LAST_DAY + 1:
        return _number(value)
    total = round(value * _DAY_MS)
    if shown == "duration":
        return _duration(timedelta(milliseconds=total))
    days, millis = divmod(total, _DAY_MS)
    clock = timedelta(milliseconds=millis)
    if total < 0 or days > (_LAST_DAY_1904 if from_1904 else _LAST_DAY):
        return _number(value)
    if days == 0 and (shown == "time" or (millis and not from_1904)):
        return _duration(clock)
    if from_1904:
        return _moment(_EPOCH_1904 + timedelta(days) + clock)
    if days in (0, _NO_DAY):
        return ("1900-02-29" if days else "1900-01-00") + (f"T{_duration(clock)}" if millis else "")
    epoch = _EPOCH if days < _NO_DAY else _EPOCH - timedelta(1)
    return _iso(epoch + timedelta(days) + clock)


def _number(value: float) -> str:
    """The shortest digits that are the number, never with an exponent."""
    text = repr(value + 0.0)
    if "e" not in text and "n" not in text:
        return text.removesuffix(".0")
    return format(Decimal(text), "f").removesuffix(".0")


def _moment(value: datetime) -> str:
    """The day before 1900 is none: libraries put times of day on it."""
    if value.date() == _EPOCH.date():
        return _duration(value - _EPOCH)
    return _iso(value)


def iso_text(value: str) -> str:
    """A date in ISO form, with its time only if it has one; fractions without trailing zeros."""
    return _fraction(value).removesuffix("T00:00:00")


def _iso(value: datetime) -> str:
    return iso_text(value.isoformat())


def _duration(value: timedelta) -> str:
    seconds, micros = abs(value) // timedelta(seconds=1), abs(value).microseconds
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return ("-" if value < timedelta(0) else "") + _fraction(f"{text}.{micros:06d}")


def _fraction(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def written(column: pl.Series) -> pl.Series:
    """A column of one type as text; text stays as it is."""
    if column.dtype == pl.String:
        return column
    if column.dtype.is_float():
        return _numbers(column)
    if column.dtype == pl.Datetime:
        return _moments(column)
    if column.dtype == pl.Duration:
        durations = [None if value is None else _duration(value) for value in column]
        return pl.Series(column.name, durations, pl.String)
    return column.cast(pl.String)


def doubtful_moments(column: pl.Series) -> bool:
    """Whether a column, of moments or of texts among which there are moments, has some that a library may have made of another
    serial number: before 1 March 1900, where Excel has a day more, and beyond the year 9999. Times of day are none, unless they are
    midnight, which may be a date without a day, among dates or alone.
    """
    if column.dtype == pl.String:
        return bool(column.str.contains(_DOUBTFUL).any())
    millis = column.cast(pl.Datetime("ms")).to_physical()
    no_day, first_day, march, beyond = (
        (moment - datetime(1970, 1, 1)) // timedelta(milliseconds=1)  # noqa: DTZ001
        for moment in (_EPOCH, _EPOCH + timedelta(1), _FIRST_DATE, datetime(_LAST_YEAR, 12, 31))  # noqa: DTZ001
    )
    early, late = millis.min(), millis.max()
    if (
        not isinstance(early, int)
        or not isinstance(late, int)
        or (early >= march and late < beyond + _DAY_MS)
    ):
        return False
    dates = (millis >= first_day) & (millis < march)
    midnight = (millis == no_day).any() and (late >= march or late == no_day)
    return bool(early < no_day or late >= beyond + _DAY_MS or dates.any() or midnight)


def _moments(column: pl.Series) -> pl.Series:
    """Whole seconds of years with four digits are nearly all there is, and are written at once."""
    years = column.dt.year()
    odd = ((years <= _FIRST_DATE.year) | (years > _LAST_YEAR) | (column.dt.microsecond() != 0)).any()
    if odd:
        return moments_written(column.dt.to_string("%Y-%m-%d %H:%M:%S%.6f"), None)
    return column.dt.to_string("%Y-%m-%dT%H:%M:%S").str.strip_suffix("T00:00:00")


def _numbers(column: pl.Series) -> pl.Series:
    # Zero is added because zero may be negative.
    texts = (column + 0.0).cast(pl.String).str.strip_suffix(".0")
    scientific = texts.str.contains("e", literal=True).fill_null(False)
    if not scientific.any():
        return texts
    plain = {text: _number(float(text)) for text in texts.filter(scientific).unique()}
    return pl.select(
        pl.when(scientific).then(texts.replace(plain)).otherwise(texts).alias(column.name)
    ).to_series()


def moments_written(column: pl.Series, sure: pl.Series | None) -> pl.Series:
    """Moments that are written `2024-01-31 12:30:00` the canonical way; `sure`: which values are no text, if that is known."""
    stamps = column.str.contains(_STAMP).fill_null(False)
    if sure is not None:
        stamps &= sure
    if not stamps.any():
        return column
    early = stamps & (column < "1900-03-01")
    written = column.str.replace(" ", "T", literal=True)
    written = written.str.replace(r"(\.\d*?)0+$", "$1").str.strip_suffix(".").str.strip_suffix("T00:00:00")
    if early.any():
        moments = {
            text: _moment(datetime.fromisoformat(text)) for text in column.filter(early).unique().to_list()
        }
        written = pl.select(pl.when(early).then(column.replace(moments)).otherwise(written)).to_series()
    return pl.select(pl.when(stamps).then(written).otherwise(column).alias(column.name)).to_series()
