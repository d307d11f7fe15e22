"""Canonical text of workbook values: 5 is `5`, dates are ISO, durations are hours, minutes and seconds.

What belongs here: one way to write a value, whichever library read it. What does not: reading.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import polars as pl

_STAMP = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?$"
_EPOCH = datetime(1899, 12, 31)  # noqa: DTZ001
_FIRST_DATE = datetime(1900, 3, 1)  # noqa: DTZ001
_LAST_YEAR = 9999


class Written(str):
    """Text that was made from a typed value: no text of the file's own."""

    __slots__ = ()


def cell_text(value: object) -> str | None:
    """As `text_of`, and told from texts that stand in the file."""
    text = text_of(value)
    return text if text is None or type(value) is str else Written(text)


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


def _number(value: float) -> str:
    """The shortest digits that are the number, never with an exponent."""
    text = repr(value + 0.0)
    if "e" not in text and "n" not in text:
        return text.removesuffix(".0")
    return format(Decimal(text), "f").removesuffix(".0")


def _moment(value: datetime) -> str:
    """Dates before March 1900 are times and durations: Excel counts them from 1900 on."""
    if value < _FIRST_DATE:
        return _duration(value - _EPOCH)
    return _fraction(value.isoformat()).removesuffix("T00:00:00")


def _duration(value: timedelta) -> str:
    seconds, micros = value // timedelta(seconds=1), value.microseconds
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return _fraction(f"{text}.{micros:06d}")


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
