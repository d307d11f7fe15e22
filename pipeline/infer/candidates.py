"""Which readings are tried on a column, the likeliest first.

What belongs here: the order of readings, and trying them on the distinct values at hand. What does not: going through the file
(`scan`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from pipeline.contract.checks import KINDS
from pipeline.contract.cleaners import clean
from pipeline.contract.cleaning.months import LANGUAGES, month_numbers
from pipeline.contract.cleaning.truth import WORDS
from pipeline.infer import hints
from pipeline.infer.formats import tried_on
from pipeline.infer.readings import NULLS, TEXT, ZONE, Reading, Step, read

_CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%H:%M%z", "%H:%M:%S%z")
_PIVOT = 1950
# Formats that may read one text as two dates stand together: only where all but one fail is it known which is meant.
_RIVAL_DAYS = (
    ("%d.%m.%Y", "%m.%d.%Y"),
    ("%d/%m/%Y", "%m/%d/%Y"),
    ("%d-%m-%Y", "%m-%d-%Y"),
    ("%Y.%m.%d",),
    ("%d.%m.%y", "%m.%d.%y", "%y.%m.%d"),
    ("%d/%m/%y", "%m/%d/%y", "%y/%m/%d"),
    ("%d-%m-%y", "%m-%d-%y", "%y-%m-%d"),
)
_NAMED_DAYS = (
    "%d %B %Y",
    "%d. %B %Y",
    "%d-%b-%Y",
    "%d/%b/%Y",
    "%B %d, %Y",
    "%B %d %Y",
    "%Y-%b-%d",
    "%d-%b-%y",
)
_MONTH_NAMED = re.compile(r"(?:[0-9]{1,4}[-./ ]+(?P<before>[^\W\d_]{3,})|(?P<after>[^\W\d_]{3,})\.? +[0-9])")
_ISO, _CLOCK = re.compile("[0-9]{4}[-/]?[0-9]{2}[-/]?[0-9]{2}"), re.compile("[0-9]{1,2}:[0-9]{2}")
_NUMBERED = re.compile(r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}")
_PLAIN_DATE, _PLAIN_TIME = Reading("date", pl.Date()), Reading("datetime", pl.Datetime("us"))
NUMBER = Reading("number", pl.Float64())
_SINGLE_LETTERS = ({"y", "n"}, {"t", "f"}, {"j", "n"})
_NEARLY, _ODD = 0.9, 0.101
_SMALL, _FEW_DAYS = 200, 10
_EPOCHS = {"s": (946_684_800, 4_102_444_800), "ms": (946_684_800_000, 4_102_444_800_000)}
_DAYS_OF_EXCEL = (20_000, 80_000)


@dataclass(frozen=True)
class Choice:
    """Readings that the values at hand allow.

    Attributes:
        rivals: one, or several that read the same texts as different values; never empty.
        nearly: what nearly all values are, where the column is text because of the others; or "".
        odd: one of those others.
        finer: a time of more digits than a table holds, where the column is text for its sake; or "".
    """

    rivals: tuple[Reading, ...]
    nearly: str = ""
    odd: str = ""
    finer: str = ""


def choose(header: str, distinct: pl.Series, zone: str = ZONE) -> Choice:
    """The readings for a column by its distinct values so far.

    Args:
        header: its name in the file.
        distinct: String, without nulls, each value once.
        zone: IANA zone of times without one.
    """
    values = distinct.filter(~_means_nothing(distinct))
    if values.is_empty() or hints.is_coded(header):
        return Choice((TEXT,))
    stride = max(1, len(distinct) // _SMALL)
    few = distinct.gather_every(stride)
    nearly, odd, finer = "", "", ""
    for rivals in _tiers(header, values):
        alive = []
        for rival in (one.within(zone) for one in rivals):
            outcome = read(rival, few)
            if not outcome.bad_count and stride > 1:
                outcome = read(rival, distinct)
            if (
                not outcome.bad_count
                and outcome.values.null_count() < len(outcome.values)
                and _plain(rival, outcome.text)
            ):
                alive.append(rival)
            elif outcome.finer:
                finer = outcome.finer
            elif not nearly and outcome.bad and outcome.bad_count <= _ODD * len(outcome.values):
                nearly, odd = rival.kind, outcome.bad[0]
        if alive:
            return Choice(tuple(alive))
    if finer or nearly:
        return Choice((TEXT,), "" if finer else nearly, odd, finer)
    return _nearly_formed(header, few)


def _nearly_formed(header: str, few: pl.Series) -> Choice:
    """Text, and the format that nearly all of it has."""
    values = few.filter(~_means_nothing(few))
    for one in tried_on(header):
        if one.hints or one.shape or values.is_empty():
            continue
        good = KINDS[one.name].answer(values, one.parameter)
        if not good.all() and good.mean() >= _NEARLY:  # type: ignore[operator]
            return Choice((TEXT,), one.name, str(values.filter(~good)[0]))
    return Choice((TEXT,))


def _means_nothing(distinct: pl.Series) -> pl.Series:
    bare = distinct.str.strip_chars().str.to_lowercase()
    return bare.is_in(sorted(NULLS)) | (bare == "")


def is_code(text: pl.Series) -> bool:
    """Whether numbers among the texts are written as no quantity is: with leading zeros, with more digits than a number holds,
    or as telephone numbers."""
    if text.str.contains(r"^\s*[+-]?0[0-9]|^\s*\+[0-9]{7}").any():
        return True
    longest: int = text.str.len_bytes().max() or 0  # type: ignore[assignment]
    return longest > 18 and bool(text.str.contains(r"^\s*[+-]?[0-9]{19,}(?:\.0*)?\s*$").any())


def _plain(reading: Reading, text: pl.Series | None) -> bool:
    return reading.kind != "number" or text is None or not is_code(text.drop_nulls())


def _tiers(header: str, values: pl.Series) -> Iterator[tuple[Reading, ...]]:
    """Groups of readings; those of one group are rivals."""
    yield from _truths(values)
    digits = values.str.contains(r"^[0-9]+$")
    if hints.is_time(header) and digits.any():
        yield from _counted(values.filter(digits), bool(digits.all()))
    if (
        digits.all()
        and (values.str.len_bytes() == 8).all()
        and (hints.is_time(header) or len(values) >= _FEW_DAYS)
    ):
        yield (_PLAIN_DATE,)
    yield (NUMBER,)
    if values.str.contains("[0-9]").mean() < _NEARLY:  # type: ignore[operator]
        return
    first = values[0].strip()
    if _ISO.match(first):
        yield (_PLAIN_DATE,)
        yield (_PLAIN_TIME,)
    if _CLOCK.match(first):
        yield (Reading("time", pl.Time()),)
    yield (_number(), _number(decimal=",", thousands="."))
    yield (_number(percent=True), _number(decimal=",", thousands=".", percent=True))
    yield from _dated(values)


def _truths(values: pl.Series) -> Iterator[tuple[Reading, ...]]:
    spoken = {value.strip().lower() for value in values.to_list()[:9]}
    if len(spoken) > 4 or len(values) > 8 or not any(word.isalpha() for word in spoken):
        return
    if all(len(word) == 1 for word in spoken) and spoken not in _SINGLE_LETTERS:
        return
    both = [(set(true), set(false)) for true, false in WORDS.values()]
    if spoken <= {"true", "false"} or (
        spoken <= {"true", "t", "yes", "y", "false", "f", "no", "n"} and _two(spoken, both[0])
    ):
        yield (Reading("bool", pl.Boolean()),)
        return
    for language, (true, false) in zip(WORDS, both, strict=True):
        if spoken <= true | false and _two(spoken, (true, false)):
            step = Step(f'clean.boolean(languages=["{language}"])', clean.boolean(languages=[language]))
            yield (Reading("bool", pl.Boolean(), (step,)),)
            return


def _two(spoken: set[str], words: tuple[set[str], set[str]]) -> bool:
    return bool(spoken & words[0]) and bool(spoken & words[1])


def _counted(digits: pl.Series, alone: bool) -> Iterator[tuple[Reading, ...]]:
    """Times that are written as a count: seconds since 1970, days of a spreadsheet."""
    numbers = digits.cast(pl.Int64, strict=False)
    for unit, (least, most) in _EPOCHS.items():
        if numbers.is_between(least, most).fill_null(False).all():
            step = Step(f'clean.epoch("{unit}")', clean.epoch(unit))  # type: ignore[arg-type]
            yield (Reading("datetime", pl.Datetime("us"), (step,)),)
    if alone and numbers.is_between(*_DAYS_OF_EXCEL).fill_null(False).all():
        yield (Reading("date", pl.Date(), (Step("clean.excel_date()", clean.excel_date()),)),)


def _number(decimal: str = ".", thousands: str = ",", percent: bool = False) -> Reading:
    said = [f'decimal="{decimal}", thousands="{thousands}"'] if decimal != "." else []
    said += ["percent=True"] if percent else []
    step = Step(f"clean.number({', '.join(said)})", clean.number(decimal, thousands, percent))
    return Reading("number", pl.Float64(), (step,), order="decimal", decimal=decimal)


PLAIN_OR_GROUPED = (
    Reading("number", pl.Float64(), order="decimal", decimal="."),
    _number(decimal=",", thousands="."),
)
"""How 1.234 may be read where no other number of its column tells."""


def _dated(values: pl.Series) -> Iterator[tuple[Reading, ...]]:
    """Dates, and then dates with a time of day, in the formats whose signs the values have."""
    first = values[0].strip()
    if (named := _MONTH_NAMED.match(first)) is not None:
        yield from _named(named["before"] or named["after"], ":" in first)
        return
    if not _NUMBERED.match(first):
        return
    clocks = ("",) if ":" not in first else _CLOCKS
    for days in _RIVAL_DAYS:
        if days[0][2] not in first:
            continue
        for clock in clocks:
            yield tuple(_date(f"{day} {clock}".strip(), order="day" if len(days) > 1 else "") for day in days)


def _named(month: str, timed: bool) -> Iterator[tuple[Reading, ...]]:
    for language in LANGUAGES:
        if month.lower() in month_numbers([language]):
            for day in _NAMED_DAYS:
                for clock in _CLOCKS if timed else ("",):
                    yield (_date(f"{day} {clock}".strip(), language),)


@lru_cache(maxsize=512)
def _date(format_: str, language: str = "en", order: str = "") -> Reading:
    timed = "%H" in format_ or "%I" in format_
    pivot = _PIVOT if "%y" in format_ else None
    name = "datetime" if timed else "date"
    said = [f'"{format_}"']
    said += [f'languages="{language}"'] if language != "en" else []
    said += [f"pivot={pivot}"] if pivot else []
    cleaner = (clean.datetime if timed else clean.date)(format_, languages=language, pivot=pivot)
    step = Step(f"clean.{name}({', '.join(said)})", cleaner)
    return Reading(name, pl.Datetime("us") if timed else pl.Date(), (step,), order=order)  # type: ignore[arg-type]


def native(dtype: pl.DataType) -> Reading | None:
    """The reading of a column whose file says its type; None for texts, which may hold anything."""
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return None
    if dtype.is_integer():
        return Reading("number", pl.UInt64() if dtype == pl.UInt64 else pl.Int64(), native=True)
    if dtype.is_float():
        return Reading("number", pl.Float64(), native=True)
    if isinstance(dtype, pl.Decimal):
        return Reading("number", dtype, native=True)
    if dtype == pl.Boolean:
        return Reading("bool", pl.Boolean(), native=True)
    if dtype == pl.Date:
        return Reading("date", pl.Date(), native=True)
    if isinstance(dtype, pl.Datetime):
        return Reading("datetime", pl.Datetime("us"), native=True)
    if dtype == pl.Time:
        return Reading("time", pl.Time(), native=True)
    return Reading("text", pl.String(), native=True)
