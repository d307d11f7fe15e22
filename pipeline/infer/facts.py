"""What is known of a column's values, gathered chunk by chunk in bounded memory.

What belongs here: counting the values of one reading. What does not: choosing readings (`candidates`), deciding what to declare.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from pipeline.infer.candidates import is_code
from pipeline.infer.formats import Format, fits
from pipeline.infer.readings import ZONE, Outcome, Reading, means_nothing
from pipeline.ingest.casts import CastMemory, cast
from pipeline.ingest.local_times import repeated
from pipeline.ingest.rows import lost

MOST_DISTINCT = 2_000
_PLENTY = 20_000
_LONGEST_COUNTED = 500
_DOUBLE_DIGITS = 15
_SUNDAY, _LAST_HOUR = 7, 3


@dataclass
class Facts:
    """What one reading made of a column, over one chunk or several.

    Attributes:
        rows: values looked at; nulls: those null after the reading.
        words: texts that mean nothing, as written.
        least, most: smallest and largest typed value.
        whole: whether all numbers are whole.
        pointed: whether a number has a point.
        least_count, next_least: how often the smallest number occurs, and the smallest of the others; where it is below zero.
        scale, shortest_scale: most and fewest digits after the point, of the numbers that have one.
        before: most characters before the point.
        exponent: whether a number has an exponent.
        grouped, free: whether a point stands before three digits and behind one to three, as one of thousands would, and whether
            one stands as no such does; proves: whether the latter was seen in a format of texts alone. (The point of a typed value
            is never grouped.)
        zero_behind: whether a number ends in a zero behind other decimals: 1.10.
        coded: a number such as 12E5, which may be a code; or "". scientific: whether an exponent stands in what is a number only.
        exact: whether floats hold all digits; printed: whether those that do not are doubles as programs print them.
        midnight: whether all times are at midnight.
        repeated: times that the clocks of their zone show twice.
        ascending: whether times ascend from row to row, but for what looks like clocks that are set back; set_back: the first such time.
        counts: text → how often; None where there are too many.
        shortest, longest: characters of texts.
        padded: whether texts have blanks at their ends.
        formats: those that all texts have; None before any text was seen.
        bad: values that the reading cannot read; it is out of the running where there are any.
    """

    rows: int = 0
    nulls: int = 0
    words: set[str] = field(default_factory=set)
    least: Any = None
    most: Any = None
    least_count: int = 0
    next_least: Any = None
    whole: bool = True
    pointed: bool = False
    scale: int = 0
    shortest_scale: int | None = None
    before: int = 0
    exponent: bool = False
    grouped: bool = False
    free: bool = False
    proves: bool = False
    zero_behind: bool = False
    coded: str = ""
    scientific: bool = False
    exact: bool = True
    printed: bool = True
    midnight: bool = True
    repeated: int = 0
    ascending: bool = True
    set_back: datetime | None = None
    counts: Counter[str] | None = field(default_factory=Counter)
    shortest: int | None = None
    longest: int = 0
    padded: bool = False
    formats: frozenset[Format] | None = None
    bad: tuple[str, ...] = ()

    @property
    def values(self) -> int:
        """Values that are there."""
        return self.rows - self.nulls

    def add(self, other: Facts) -> None:
        """Take in the next chunk's."""
        self.rows += other.rows
        self.nulls += other.nulls
        self.words |= other.words
        if other.least is not None:
            self._add_lows(other)
            self.least = other.least if self.least is None else min(self.least, other.least)
            self.most = other.most if self.most is None else max(self.most, other.most)
        self.whole &= other.whole
        self.pointed |= other.pointed
        self.scale, self.before = max(self.scale, other.scale), max(self.before, other.before)
        self.shortest_scale = _least(self.shortest_scale, other.shortest_scale)
        self.exponent |= other.exponent
        self.grouped |= other.grouped
        self.free |= other.free
        self.proves |= other.proves
        self.zero_behind |= other.zero_behind
        self.coded = self.coded or other.coded
        self.scientific |= other.scientific
        self.exact &= other.exact
        self.printed &= other.printed
        self.midnight &= other.midnight
        self.repeated += other.repeated
        self.ascending &= other.ascending
        self.set_back = self.set_back or other.set_back
        if self.counts is not None:
            self.counts = None if other.counts is None else self.counts + other.counts
            if self.counts is not None and len(self.counts) > MOST_DISTINCT:
                self.counts = None
        self.shortest = _least(self.shortest, other.shortest)
        self.longest = max(self.longest, other.longest)
        self.padded |= other.padded
        if other.formats is not None:
            self.formats = other.formats if self.formats is None else self.formats & other.formats
        self.bad += other.bad

    def _add_lows(self, other: Facts) -> None:
        if self.least is None or other.least < self.least:
            above = [other.next_least, self.least]
            self.least_count = other.least_count
        elif other.least == self.least:
            above = [self.next_least, other.next_least]
            self.least_count += other.least_count
        else:
            above = [self.next_least, other.least]
        self.next_least = min((value for value in above if value is not None), default=None)


def _least(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)


@dataclass(frozen=True)
class Open:
    """What earlier chunks left open: the rest need not be looked at any more.

    Attributes:
        formats: those that all texts may still have.
        count: whether distinct texts may still be few.
        whole: whether all numbers may still be whole.
        free: whether no point is known yet that parts decimals only.
    """

    formats: frozenset[Format]
    count: bool = True
    whole: bool = True
    free: bool = True


def facts_of(
    reading: Reading,
    outcome: Outcome,
    source: pl.Series,
    still: Open,
    typed: Callable[[], pl.Series] | None = None,
) -> Facts:
    """One chunk's facts.

    Args:
        outcome: of `reading` on `source`.
        still: what is worth looking at.
        typed: which of the texts were made from typed values (Boolean); None: none.
    """
    facts = Facts(rows=len(source), nulls=outcome.values.null_count(), words=set(outcome.words))
    if outcome.bad_count:
        facts.bad = outcome.bad or (outcome.finer or "?",)
        return facts
    if reading.kind == "text":
        _texts(outcome.values, facts, still)
        return facts
    facts.least, facts.most = outcome.values.min(), outcome.values.max()
    if reading.kind == "number":
        _numbers(reading, outcome, facts, still, typed)
    elif reading.kind == "datetime":
        _times(reading, outcome, source, facts)
        facts.ascending, facts.set_back = _set_back(outcome.values)
    return facts


def _set_back(values: pl.Series) -> tuple[bool, datetime | None]:
    """Whether times ascend but for steps back of up to an hour in the night of a Sunday, when clocks are set back; the first of these."""
    step = values.diff()
    back = (step <= timedelta()).fill_null(False)
    if not back.any():
        return True, None
    at, step = values.filter(back), step.filter(back)
    night = (at.dt.weekday() == _SUNDAY) & (at.dt.hour() <= _LAST_HOUR) & (step >= -timedelta(hours=1))
    if not night.all():
        return False, None
    return True, at.min()  # type: ignore[return-value]


def _times(reading: Reading, outcome: Outcome, source: pl.Series, facts: Facts) -> None:
    local = outcome.values
    if reading.zone != ZONE:
        local = local.dt.replace_time_zone(ZONE).dt.convert_time_zone(reading.zone)
        rows, _ = repeated(source if outcome.text is None else outcome.text, outcome.values, reading.zone)
        facts.repeated = len(rows)
    facts.midnight = not (latest := local.dt.time().max()) or latest == time(0)


def _texts(values: pl.Series, facts: Facts, still: Open) -> None:
    bare = values.str.strip_chars()
    sizes = bare.str.len_bytes()
    facts.padded = sizes.sum() != values.str.len_bytes().sum()
    if facts.padded and (sizes == 0).any():
        bare = bare.set(sizes == 0, None)
    bare = bare.drop_nulls()
    facts.nulls = facts.rows - len(bare)
    if bare.is_empty():
        return
    lengths = bare.str.len_chars()
    facts.shortest, facts.longest = int(lengths.min()), int(lengths.max())  # type: ignore[arg-type]
    facts.counts = _counts(bare) if still.count and facts.longest <= _LONGEST_COUNTED else None
    if facts.counts is None:
        facts.words = set()
        facts.formats = frozenset(one for one in still.formats if fits(one, bare))
    else:
        facts.words = {value for value in facts.counts if means_nothing(value)}
        real = pl.Series([value for value in facts.counts if value not in facts.words], dtype=pl.String)
        facts.formats = frozenset(one for one in still.formats if fits(one, real)) if len(real) else None


def _counts(bare: pl.Series) -> Counter[str] | None:
    """How often each text occurs; None where there are too many."""
    if len(bare) > _PLENTY and bare.head(_PLENTY).n_unique() > MOST_DISTINCT:
        return None
    counted = bare.value_counts()
    if counted.height > MOST_DISTINCT:
        return None
    return Counter(dict(counted.iter_rows()))


def _numbers(
    reading: Reading, outcome: Outcome, facts: Facts, still: Open, typed: Callable[[], pl.Series] | None
) -> None:
    text = outcome.text
    if facts.least is not None and facts.least < 0:
        above = outcome.values.filter(outcome.values > facts.least)
        facts.least_count, facts.next_least = facts.values - len(above), above.min()
    if text is None:
        facts.whole = reading.dtype.is_integer()
        if reading.dtype.is_float():
            facts.whole = bool((outcome.values == outcome.values.round()).all())
            facts.pointed = True
            facts.scale = 99
        return
    if outcome.words:
        text = text.set(outcome.values.is_null(), None)
    present = text.drop_nulls()
    if is_code(present):
        facts.bad = (str(present[0]),)
        return
    facts.whole = still.whole and lost(present, cast(present, pl.Int64(), "UTC", CastMemory())).is_empty()
    bare = text.str.strip_chars()
    point = bare.str.find(".", literal=True).cast(pl.Int64)
    sizes = bare.str.len_bytes().cast(pl.Int64)
    behind = sizes - point - 1
    facts.scale, facts.shortest_scale = int(behind.max() or 0), behind.min()  # type: ignore[arg-type, assignment]
    facts.before = int(point.fill_null(sizes).max() or 0)  # type: ignore[arg-type]
    facts.pointed = behind.null_count() < len(behind)
    if facts.pointed and not reading.steps and still.free:
        _points(behind, outcome.values, facts, typed)
    if facts.pointed and facts.scale > 1:
        facts.zero_behind = bool((bare.str.ends_with("0") & (behind > 1)).any())
    if not facts.whole:
        _exponents(bare, facts, typed)
        _digits(bare, outcome.values, facts)


def _points(
    behind: pl.Series, values: pl.Series, facts: Facts, typed: Callable[[], pl.Series] | None
) -> None:
    """Whether points may part thousands: `behind` is how many characters stand behind each."""
    size = values.abs()
    three = (behind == 3) & (size >= 1) & (size < 1_000)
    pointed = behind.is_not_null()
    facts.free = bool((pointed & ~three).any())
    facts.proves = facts.free and typed is None
    if not facts.free:
        facts.grouped = bool((pointed if typed is None else pointed & ~typed()).any())


def _exponents(bare: pl.Series, facts: Facts, typed: Callable[[], pl.Series] | None) -> None:
    """Numbers with exponents, and whether they may be codes."""
    mask = bare.str.contains("[eE]").fill_null(False)
    facts.exponent = bool(mask.any())
    if not facts.exponent:
        return
    if typed is not None:
        mask &= ~typed()
    codes = bare.filter(mask).str.contains(r"^[0-9]+[eE][0-9]+$")
    facts.scientific = not codes.all()
    facts.coded = str(bare.filter(mask).filter(codes)[0]) if codes.any() else ""


def _digits(bare: pl.Series, values: pl.Series, facts: Facts) -> None:
    """Whether doubles hold every digit of the texts. Fifteen they always do, unless the number is too small for them."""
    doubtful = bare.str.len_bytes() > _DOUBLE_DIGITS
    if facts.exponent:
        doubtful |= values.abs() < sys.float_info.min
    if not doubtful.any():
        return
    rows = doubtful.fill_null(False)
    texts, doubles = bare.filter(rows), values.filter(rows)
    for text, double in zip(
        *(one.filter(texts != doubles.cast(pl.String)) for one in (texts, doubles)), strict=True
    ):
        number = Decimal(text)
        if number != Decimal(repr(double)):
            facts.exact = False
            facts.printed &= number == Decimal(f"{double:.16e}")
            if not facts.printed:
                return


def span_days(facts: Facts) -> float:
    """Days between the first and the last moment."""
    if facts.least is None:
        return 0.0
    length = facts.most - facts.least
    return length.total_seconds() / 86_400 if isinstance(facts.least, datetime) else float(length.days)
