"""Casts: from what a file gave to the contract's types, exactly or not at all.

What belongs here: one function per family of types; a value that does not fit becomes null and is reported by `cast`
as failed. What does not: cleaning (contract), checks (`validate`), messages of other kinds.

A cast never rounds, truncates or wraps: `12.345` is no DECIMAL(18,2) and `5.5` no integer. What a double holds beyond the 15
digits that every program shows of it is noise of its arithmetic and no digit: `as_shown` tells the two apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

import polars as pl

from pipeline.files.canonical import as_text
from pipeline.ingest.rows import lost
from pipeline.ingest.timestamps import (
    datetimes_to_utc,
    parse_dates,
    parse_datetimes,
    parse_times,
    whole_microseconds,
    within_calendar,
)

_TRUE = ["true", "t", "yes", "y", "1"]
_DOUBLE_DIGITS = 15
_FALSE = ["false", "f", "no", "n", "0"]
_DIGITS = 38
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_INFINITY = r"^[+-]?inf(?:inity)?$"


@dataclass
class CastMemory:
    """What earlier chunks taught: column → datetime format to try first. A hint; results do not depend on it.

    A column that is not in it has had none but plain times so far, which are read at once."""

    formats: dict[str, str] = field(default_factory=dict)


def cast(values: pl.Series, dtype: pl.DataType, zone: str, memory: CastMemory) -> pl.Series:
    """`values` as `dtype`, null where a value does not fit exactly.

    Args:
        values: String, or any native dtype of a Parquet file.
        dtype: the contract's type. Datetimes come back as UTC; with a zone where `dtype` has one.
        zone: IANA zone of times without one.
    """
    if values.dtype.is_float():
        values = values.fill_nan(None)
    result = _cast(values, dtype, zone, memory)
    if dtype == pl.Time:
        return whole_microseconds(result)
    return within_calendar(result) if isinstance(dtype, pl.Date | pl.Datetime) else result


def equal_to(values: pl.Series, numbers: Sequence[Decimal]) -> pl.Series:
    """Boolean column without nulls: which of the values, of a numeric type, are one of `numbers`."""
    found = pl.Series([False]).new_from_index(0, len(values))
    for number in numbers:
        wanted = _exactly(number, values.dtype)
        if wanted is not None:
            found |= (values == wanted).fill_null(False)
    return found


def _exactly(number: Decimal, dtype: pl.DataType) -> pl.Series | None:
    """A number as a value of a numeric type, which a double takes as near as it can; None where the type has no such value."""
    if dtype.is_float():
        return pl.Series([float(number)], dtype=pl.Float64).cast(dtype)
    if not number.is_finite():
        return None
    # By its digits: a cast of a decimal rounds.
    value = cast(pl.Series([format(number, "f")]), dtype, "UTC", CastMemory())
    return value if value.null_count() == 0 else None


def same_kind(native: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether a native value is the contract's but for its size: a number for a number, a time for a time."""
    return (
        native == wanted
        or (native.is_numeric() and wanted.is_numeric())
        or (native.is_temporal() and wanted.is_temporal())
    )


def _cast(values: pl.Series, dtype: pl.DataType, zone: str, memory: CastMemory) -> pl.Series:
    if values.dtype == dtype and not isinstance(dtype, pl.Datetime):
        return values
    if isinstance(values.dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    if isinstance(dtype, pl.Datetime):
        return _datetimes(values, dtype, zone, memory)
    if values.dtype == pl.String:
        return _from_text(values, dtype)
    if dtype == pl.String:
        return as_text(values)
    return _native(values, dtype)


def _datetimes(values: pl.Series, dtype: pl.Datetime, zone: str, memory: CastMemory) -> pl.Series:
    if isinstance(values.dtype, pl.Datetime):
        moments = datetimes_to_utc(values, zone)
    elif values.dtype == pl.Date:
        moments = datetimes_to_utc(values.cast(pl.Datetime("us")), zone)
    elif values.dtype == pl.String:
        moments = _datetimes_from_text(values, zone, memory)
    else:
        moments = pl.Series(values.name, [], pl.Datetime("us")).extend_constant(None, len(values))
    if dtype.time_zone is not None:
        moments = moments.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone)
    return moments.dt.cast_time_unit(dtype.time_unit) if dtype.time_unit != "us" else moments


def _datetimes_from_text(values: pl.Series, zone: str, memory: CastMemory) -> pl.Series:
    def read(text: pl.Series) -> pl.Series:
        moments, best = parse_datetimes(text, zone, memory.formats.get(values.name))
        if best is not None:
            memory.formats[values.name] = best
        return moments

    return _retry_stripped(values, read(values), read)


def _from_text(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    if dtype.is_nested():
        return _nothing(text=values, dtype=dtype)
    read = _reader_of(dtype)
    return _retry_stripped(values, read(values), read)


def _nothing(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    return pl.Series(text.name, [None], dtype).new_from_index(0, len(text))


def _reader_of(dtype: pl.DataType) -> Callable[[pl.Series], pl.Series]:
    if dtype.is_integer():
        return lambda text: _integers(text, dtype)
    if isinstance(dtype, pl.Decimal):
        return lambda text: _decimals(text, dtype)
    if dtype.is_float():
        return lambda text: _floats(text, dtype)
    if dtype == pl.Boolean:
        return _booleans
    if dtype == pl.Date:
        return parse_dates
    if dtype == pl.Time:
        return parse_times
    return lambda text: text.cast(dtype, strict=False)


def _retry_stripped(text: pl.Series, read: pl.Series, again: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Blanks round a value do not make it unreadable: the failed ones are read once more without."""
    if read.null_count() == text.null_count():
        return read
    part = text[(rows := lost(text, read))]
    bare = part.str.strip_chars()
    if bare.equals(part):
        return read
    return read.clone().scatter(rows, again(bare))


def _floats(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    """A number too large for its type is none, as with integers; polars makes infinity of it."""
    numbers = text.cast(dtype, strict=False).fill_nan(None)
    if not numbers.is_infinite().any():
        return numbers
    rows = numbers.is_infinite().fill_null(False).arg_true()
    said = text[rows].str.strip_chars().str.to_lowercase().str.contains(_INFINITY)
    return numbers.scatter(rows.filter(~said), None)


def beyond_range(texts: pl.Series) -> pl.Series:
    """Boolean: which texts are numbers all the same, of those that no float holds."""
    return texts.str.strip_chars().str.contains(rf"^(?:{_NUMBER.pattern})$").fill_null(False)


def _integers(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    numbers = text.cast(dtype, strict=False)
    if numbers.null_count() == text.null_count():
        return numbers
    rows = lost(text, numbers)
    whole = text[rows].str.replace(r"^([+-]?\d+)\.0*$", "$1")
    return numbers.scatter(rows, whole.cast(dtype, strict=False))


def _decimals(text: pl.Series, dtype: pl.Decimal) -> pl.Series:
    numbers = text.cast(dtype, strict=False)
    # Polars cuts digits off in silence. Up to 15 digits, two decimals are equal exactly when their doubles are;
    # longer texts, and those that differ, are read again with Python's own decimals.
    value, number = pl.col("text"), pl.col("number")
    doubtful = (value.str.len_bytes() > _DOUBLE_DIGITS) | (
        number.cast(pl.Float64) != value.cast(pl.Float64, strict=False)
    )
    if (numbers == 0).any():  # the double of 1e-400 is zero, too
        doubtful |= (number == 0) & value.str.contains("[1-9].*[eE]")
    frame = pl.DataFrame([text.alias("text"), numbers.alias("number")])
    rows = frame.select(doubtful.fill_null(False).arg_true()).to_series()
    if rows.is_empty():
        return numbers
    return numbers.scatter(rows, _exact_decimals(text[rows], dtype))


def _exact_decimals(text: pl.Series, dtype: pl.Decimal) -> pl.Series:
    """The few texts with many digits or an exponent, by Python's own decimals."""
    step = Decimal(1).scaleb(-dtype.scale)
    limit = Decimal(10) ** (dtype.precision - dtype.scale)

    def read(value: str) -> Decimal | None:
        # Python reads more than numbers of files: 1_000, digits of other scripts, NaN.
        if not _NUMBER.fullmatch(value.strip()):
            return None
        number = Decimal(value)
        if abs(number) >= limit:
            return None
        rounded = number.quantize(step)
        return rounded if rounded == number else None

    with localcontext(prec=2 * _DIGITS):
        return pl.Series(text.name, [None if v is None else read(v) for v in text], dtype)


def _booleans(text: pl.Series) -> pl.Series:
    lowered = text.str.to_lowercase()
    return (
        pl.select(pl.when(lowered.is_in(_TRUE)).then(True).when(lowered.is_in(_FALSE)).then(False))
        .to_series()
        .rename(text.name)
    )


def _native(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Native to native. Between kinds (a date for a number) the text of the value decides: no type is read as another's bits."""
    if values.dtype.is_nested() or values.dtype == pl.Binary:
        return _nothing(values, dtype)
    if values.dtype == pl.Boolean and dtype.is_numeric():
        values = values.cast(pl.UInt8)
    numbers = values.dtype.is_numeric() and dtype.is_numeric()
    if numbers or (isinstance(values.dtype, pl.Datetime) and dtype == pl.Date):
        return _lossless(values, dtype)
    return _from_text(as_text(values), dtype)


def _lossless(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Native to native, null where casting back does not give the value again."""
    if values.dtype.is_float() and isinstance(dtype, pl.Decimal):
        return _from_text(values.cast(pl.String), dtype)
    result = values.cast(dtype, strict=False)
    back = result.cast(values.dtype, strict=False)
    return pl.select(pl.when(back == values).then(result)).to_series().rename(values.name)


def as_shown(numbers: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Doubles that are no `dtype` as they stand (0.1 + 0.2 is 0.30000000000000004) → String: each with the 15 significant digits
    that programs show of it, null where it has no more than these, or where they say too little.

    Args:
        numbers: Float64, or String: doubles written out (other texts are null).
        dtype: an integer or decimal type.
    """
    scale = dtype.scale if isinstance(dtype, pl.Decimal) else 0
    texts = as_text(numbers)
    found = [None if text is None else _shown(text, Decimal(1).scaleb(-scale)) for text in texts]
    return pl.Series(numbers.name, found, pl.String)


def _shown(text: str, step: Decimal) -> str | None:
    if len(text) <= _DOUBLE_DIGITS or not _NUMBER.fullmatch(text):
        return None
    number, double = Decimal(text), float(text)
    if not math.isfinite(double) or Decimal(repr(double)) != number:
        return None
    shown = Decimal(f"{double:.{_DOUBLE_DIGITS - 1}e}")
    last = Decimal(1).scaleb(shown.adjusted() - _DOUBLE_DIGITS + 1)
    # Two digits more than the column has are seen to be zero; or it is as near as doubles of this size get.
    near = abs(shown - number) <= 4 * Decimal(math.ulp(double))
    if shown == number or last > step or not (last * 100 <= step or near):
        return None
    return format(shown.normalize(), "f")


def failed(source: pl.Series, result: pl.Series) -> pl.Series:
    """Positions (UInt32) at which a value was there and could not be cast. NaN counts as no value."""
    if result.null_count() == source.null_count():
        return pl.Series([], dtype=pl.UInt32)
    if source.dtype.is_float():
        source = source.fill_nan(None)
    rows = lost(source, result)
    if source.dtype == pl.String and result.dtype.is_float():
        nan = source[rows].str.strip_chars().str.to_lowercase().is_in(["nan", "-nan", "+nan"])
        rows = rows.filter(~nan)
    return rows
