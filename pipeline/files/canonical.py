"""Canonical text of typed values: 5 is `5`, dates and durations are ISO, bytes hexadecimal, nested values JSON.

What belongs here: what a value of any dtype reads as where a text is wanted. What does not: numbers and dates of workbooks, which have
formats of their own (`workbook.text`), reading text back (`ingest.casts`).
"""

from __future__ import annotations

import base64
import json
import math
from datetime import date, time, timedelta
from decimal import Decimal
from uuid import UUID

import polars as pl


def as_text(values: pl.Series) -> pl.Series:
    """Any dtype → String. Bytes within nested values are not looked for: readers give those as JSON text already."""
    if values.dtype == pl.String:
        return values
    if values.dtype.is_nested():
        return nested_as_text(values)
    if values.dtype == pl.Binary:
        return values.bin.encode("hex")
    if isinstance(values.dtype, pl.Datetime):
        return values.dt.to_string("%Y-%m-%dT%H:%M:%S%.f" + ("%:z" if values.dtype.time_zone else ""))
    if values.dtype == pl.Time:
        return values.dt.to_string("%H:%M:%S%.f")  # a cast to text leaves the fraction of the second off
    if isinstance(values.dtype, pl.Duration):
        return values.dt.to_string("iso")
    return values.cast(pl.String, strict=False)


def nested_as_text(values: pl.Series) -> pl.Series:
    """Lists, maps and structs → String, JSON; null stays null."""
    wrapped = pl.DataFrame({"v": values}).select(pl.struct("v").struct.json_encode()).to_series()
    text = wrapped.str.strip_prefix('{"v":').str.strip_suffix("}")
    return text.set(values.is_null(), None).rename(values.name)


def value_as_text(value: object) -> str:
    """A Python value: strings and UUIDs as they are, anything else as JSON; null's is for the caller."""
    if isinstance(value, str | UUID):
        return str(value)
    return json.dumps(
        _finite(value), ensure_ascii=False, separators=(",", ":"), default=_plain, allow_nan=False
    )


def _finite(value: object) -> object:
    """JSON has no NaN and no infinity: within nested values they are null, as polars writes them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        text: str = pl.Series([value]).dt.to_string("iso").item()
        return text
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"a value of type {type(value).__name__}")
