"""Ways to read a column: cleaners, and the type that they lead to.

What belongs here: what a reading is, and reading values by it exactly as staging does. What does not: which readings are tried
(`candidates`), what is counted of the values (`facts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from pipeline.contract.cleaners import Cleaner
from pipeline.contract.cleaning.run import run_cleaners
from pipeline.contract.cleaning.text import NULL_WORDS
from pipeline.files.canonical import as_text
from pipeline.ingest.casts import CastMemory, cast
from pipeline.ingest.rows import lost

Kind = Literal["bool", "number", "date", "datetime", "time", "text"]
ZONE = "UTC"
NULLS = frozenset(word.lower() for word in NULL_WORDS)
_EXAMPLES = 100
_MICROSECONDS = len("10:00:00.123456")


@dataclass(frozen=True)
class Step:
    """A cleaner, and how a module writes it."""

    code: str
    cleaner: Cleaner


@dataclass(frozen=True)
class Reading:
    """A way to read a column.

    Attributes:
        kind: what its values are.
        dtype: the type that is cast to; numbers are read as floats here, and are made whole or decimal once all are known.
        steps: cleaners before the cast, beside those that make words null.
        native: whether the file itself says that the column is of this type.
        order: what other readings of its kind read another way: "day" or "decimal"; empty where there is no doubt.
        decimal: of readings that differ in it, the sign before the decimals; else empty.
        zone: IANA zone of times without one.
    """

    kind: Kind
    dtype: pl.DataType
    steps: tuple[Step, ...] = ()
    native: bool = False
    order: str = ""
    decimal: str = ""
    zone: str = ZONE

    def within(self, zone: str) -> Reading:
        """The reading with another zone of times without one."""
        return replace(self, zone=zone) if self.kind == "datetime" and zone != self.zone else self

    @property
    def code(self) -> str:
        """Its steps as a module writes them, to tell readings apart."""
        return f"{self.kind} {self.dtype} {', '.join(step.code for step in self.steps)}"


@dataclass(frozen=True)
class Outcome:
    """What a reading made of a chunk of a column.

    Attributes:
        values: typed, null where the text is null, means nothing, or cannot be read.
        text: the text that was cast; None for native columns.
        words: texts that mean nothing and would have to be made null, as written.
        bad: some of the texts that cannot be read.
        bad_count: how many values cannot be read.
        finer: one of those, where it is a time of more digits than its type holds; or "".
    """

    values: pl.Series
    text: pl.Series | None
    words: frozenset[str]
    bad: tuple[str, ...]
    bad_count: int
    finer: str = ""


TEXT = Reading("text", pl.String())


def means_nothing(text: str) -> bool:
    """Whether a text stands for an empty value: blank, or one of the words that `clean.nulls()` knows."""
    return text.strip().lower() in NULLS or not text.strip()


def read(reading: Reading, source: pl.Series, canonical: Callable[[], pl.Series] | None = None) -> Outcome:
    """A chunk of a column by a reading.

    Args:
        source: String, or of the file's own type for a native reading.
        canonical: which of the texts were made from typed values (Boolean); None: none.
    """
    if reading.native:
        values = cast(source, reading.dtype, reading.zone, CastMemory())
        held = _whole_digits(source, values)
        finer = _first_lost(values, held, source)
        return Outcome(held, None, frozenset(), (), len(lost(_without_nan(source), held)), finer)
    text, values = _cleaned_and_cast(reading, source, canonical)
    if reading.dtype.is_float():
        values = values.set(values.is_infinite().fill_null(False), None)
    held = _whole_digits(text, values)
    finer = _first_lost(values, held, source)
    rows = lost(source, held)
    if rows.is_empty():
        return Outcome(held, text, frozenset(), (), 0)
    failing = source[rows]
    distinct = failing.unique(maintain_order=True).to_list()
    words = frozenset(value for value in distinct if means_nothing(value))
    bad = [value for value in distinct if value not in words]
    count = len(rows) if not words else int((~failing.is_in(sorted(words))).sum())
    return Outcome(held, text, words, tuple(bad[:_EXAMPLES]), count, finer)


def _whole_digits(source: pl.Series, values: pl.Series) -> pl.Series:
    """Times without those that had digits beyond the microsecond, which a table does not hold."""
    if isinstance(source.dtype, pl.Datetime) and source.dtype.time_unit == "ns":
        cut = (source.dt.epoch("ns") % 1_000 != 0).fill_null(False)
    elif source.dtype == pl.Time:
        cut = (source.to_physical() % 1_000 != 0).fill_null(False)
    elif (
        source.dtype == pl.String
        and isinstance(values.dtype, pl.Datetime | pl.Time)
        and (source.str.len_bytes().max() or 0) > _MICROSECONDS  # type: ignore[operator]
    ):
        cut = source.str.contains(r"[0-9]{2}[.,][0-9]{6,}[1-9]").fill_null(False)
    else:
        return values
    return values.set(cut, None) if cut.any() else values


def _first_lost(values: pl.Series, held: pl.Series, source: pl.Series) -> str:
    """The first source value that is in `values` and not in `held`."""
    return "" if held.null_count() == values.null_count() else str(as_text(source[lost(values, held)[:1]])[0])


def _without_nan(values: pl.Series) -> pl.Series:
    return values.fill_nan(None) if values.dtype.is_float() else values


def _cleaned_and_cast(
    reading: Reading, source: pl.Series, canonical: Callable[[], pl.Series] | None
) -> tuple[pl.Series, pl.Series]:
    """As staging does it: cleaners that only mend see what the cast does not read, the others see all values."""
    cleaners = [step.cleaner for step in reading.steps]
    if not cleaners:
        return source, _cast(reading, source)
    if not all(cleaner.mends for cleaner in cleaners):
        made = canonical() if canonical is not None and any(one.by_locale for one in cleaners) else None
        done = run_cleaners(cleaners, source, made)
        values = _cast(reading, done.values)
        for _, rows in done.refused:
            values = values.clone().scatter(rows, None)
        return done.values, values
    values = _cast(reading, source)
    rows = lost(source, values)
    if rows.is_empty():
        return source, values
    done = run_cleaners(cleaners, source[rows])
    mended = _cast(reading, done.values)
    return source.clone().scatter(rows, done.values), values.clone().scatter(rows, mended)


def _cast(reading: Reading, text: pl.Series) -> pl.Series:
    return cast(text, reading.dtype, reading.zone, CastMemory())


def null_cleaners(words: Iterable[str], known: Iterable[Step] = ()) -> list[str]:
    """The cleaners, as code, that make these texts null: `clean.strip` where some have blanks round them."""
    from pipeline.infer.layout import literal

    words = list(words)
    bare = sorted({word.strip() for word in words} - {""}, key=lambda word: (word.lower(), word))
    seen: dict[str, str] = {}
    for word in bare:
        seen.setdefault(word.lower(), word)
    codes = ["clean.strip"] if any(word != word.strip() for word in words) else []
    if seen:
        codes.append(f"clean.nulls({', '.join(map(literal, seen.values()))})")
    return [*codes, *(step.code for step in known)]
