"""Cleaners: what may be done to a source text before it is cast.

What belongs here: text in, text out, row by row, never raising; a value that a cleaner cannot make sense of
is left as it was, so that the cast or a check can name it. What does not: casts and checks.

A cleaner takes a whole chunk's column. The rare work is done on the rows that need it only: on clean data a
cleaner costs one scan.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow.compute as pc

from pipeline.contract.stable import stable_text

Change = Callable[[pl.Expr], pl.Expr]
# Seconds since 1970.
_YEAR_1, _YEAR_10000 = -62_135_596_800, 253_402_300_800


@dataclass(frozen=True)
class Cleaner:
    """One cleaning step on a text column.

    Attributes:
        name: what it is called in reports.
        change: polars expression on the column: text in, text out.
        touches: expression that is true for the rows that `change` may alter; None runs `change` on all rows.
        fingerprint: changes whenever the outcome may change.
        mends: whether it leaves alone every text that a cast to a number or a time reads; then only the texts that
            fail the cast are cleaned.
    """

    name: str
    change: Change
    touches: Change | None
    fingerprint: str
    mends: bool = False

    def apply(self, column: pl.Series) -> pl.Series:
        """The cleaned column, same length and name. `column`: String."""
        frame = column.to_frame()
        value = pl.col(column.name)
        if self.touches is None:
            return frame.select(self.change(value)).to_series()
        touched = frame.select(self.touches(value).fill_null(False)).to_series()
        if not touched.any():
            return column
        changed = frame.filter(touched).select(self.change(value)).to_series()
        return column.clone().scatter(touched.arg_true(), changed)  # scatter works in place


def _cleaner(
    name: str, change: Change, touches: Change | None = None, *parameters: object, mends: bool = False
) -> Cleaner:
    return Cleaner(name, change, touches, f"{name}{parameters!r}", mends)


def _lowered(column: pl.Series) -> pl.Series:
    """Lower case; Arrow does plain ASCII several times faster."""
    texts = column.to_arrow()
    data = texts.buffers()[2]
    if data is None or not len(data) or np.frombuffer(data, np.uint8).max() < 128:
        return pl.Series(column.name, pc.ascii_lower(texts))
    return column.str.to_lowercase()


def _number(decimal: str, thousands: str) -> Cleaner:
    point, group = re.escape(decimal), rf"(?:{re.escape(thousands)}|\s)"
    # No group begins with a zero: 0,125 is a fraction written with a comma.
    grouped = rf"^[+-]?[1-9]\d{{0,2}}(?:{group}\d{{3}})+(?:{point}\d*)?$"

    def change(value: pl.Expr) -> pl.Expr:
        bare = value.str.replace_all(r"^[\s\p{Sc}]+|[\s\p{Sc}]+$", "").str.replace(
            r"^([+-])[\s\p{Sc}]+", "$1"
        )
        without_groups = bare.str.replace_all(group, "")
        number = pl.when(bare.str.contains(grouped)).then(without_groups).otherwise(bare)
        if decimal != ".":
            plain = number.str.contains(rf"^[+-]?\d*(?:{point})?\d*$")
            number = pl.when(plain).then(number.str.replace(decimal, ".", literal=True)).otherwise(number)
        return number

    plain_point = r"\." if decimal == "." else ""
    return _cleaner(
        "number",
        change,
        lambda value: value.str.contains(rf"[^0-9+\-{plain_point}]"),
        decimal,
        thousands,
        mends=decimal == ".",
    )


class clean:
    """Cleaners for `clean=`: one, or a list applied in order."""

    strip = _cleaner("strip", lambda value: value.str.strip_chars(), mends=True)
    lower = _cleaner("lower", lambda value: value.map_batches(_lowered, return_dtype=pl.String))
    upper = _cleaner("upper", lambda value: value.str.to_uppercase())
    spaces = _cleaner(
        "spaces",
        lambda value: value.str.replace_all(r"\s+", " ").str.strip_chars(),
        lambda value: value.str.contains(r"\s\s|[^\S ]|^\s|\s$"),
        mends=True,
    )

    @staticmethod
    def number(decimal: str = ".", thousands: str = ",") -> Cleaner:
        """Numbers as people write them → plain numbers: `"€ 1,234.50"` → `"1234.50"`.

        Thousands separators are taken out only where they stand between groups of three digits, so a decimal
        comma is never mistaken for one: `"1,5"` stays and fails the cast. `decimal=",", thousands="."` reads
        `"1.234,50"`.
        """
        if decimal == thousands or len(decimal) != 1 or len(thousands) != 1:
            raise ValueError("clean.number: decimal and thousands are one character each, and differ")
        return _number(decimal, thousands)

    @staticmethod
    def nulls(*words: str) -> Cleaner:
        """The given words (whole value, any case) become null: `clean.nulls("NA", "n/a", "-")`."""
        lowered = [word.lower() for word in words]
        return _cleaner(
            "nulls",
            lambda value: pl.when(value.is_null()).then(value),
            lambda value: value.str.to_lowercase().is_in(lowered),
            *sorted(lowered),
        )

    @staticmethod
    def epoch(unit: str = "ms") -> Cleaner:
        """Whole numbers of seconds, ms, us or ns since 1970-01-01 UTC → ISO timestamps with Z; other text stays."""
        if unit not in ("s", "ms", "us", "ns"):
            raise ValueError(f"clean.epoch: unit {unit!r} is none of s, ms, us, ns")

        def change(value: pl.Expr) -> pl.Expr:
            number = value.cast(pl.Int64, strict=False)
            per_second = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[unit]
            # Outside the years 1 to 9999 a number is no time; polars wraps or panics on it.
            dated = number.is_between(_YEAR_1 * per_second, _YEAR_10000 * per_second, closed="left")
            ticks = pl.when(dated).then(number * 1_000_000 if unit == "s" else number)
            scale = {"s": "us", "ms": "ms", "us": "us", "ns": "ns"}[unit]
            moment = ticks.cast(pl.Datetime(scale))  # type: ignore[arg-type]
            return pl.coalesce(moment.dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ"), value)

        return _cleaner("epoch", change, lambda value: value.str.contains(r"^-?\d+$"), unit)

    @staticmethod
    def custom(name: str, change: Change) -> Cleaner:
        """Any polars expression from text to text: `clean.custom("no_dots", lambda v: v.str.replace_all(".", "", literal=True))`."""
        digest = hashlib.sha256(stable_text(change).encode()).hexdigest()[:16]
        return _cleaner(name, change, None, digest)


def as_cleaners(given: Cleaner | Collection[Cleaner]) -> tuple[Cleaner, ...]:
    """One cleaner or several → a tuple."""
    return (given,) if isinstance(given, Cleaner) else tuple(given)
