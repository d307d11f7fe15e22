"""Formats of dates and times: what one reads, and whether two read one text differently.

What belongs here: strptime directives → a pattern, and its parts → ISO text. What does not: the cleaners (`dates`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from pipeline.contract.cleaning.cleaner import wrong
from pipeline.contract.cleaning.months import month_numbers

_NAME = re.compile(r"\(\?P<\w+>")
_YEAR_FIRST = re.compile(r"%[Yy]")
_PARTS = {
    "Y": r"(?P<year>[0-9]{4})",
    "y": r"(?P<short_year>[0-9]{2})",
    "m": r"(?P<month>[0-9]{1,2})",
    "b": r"(?P<name>\p{L}+)\.?",
    "d": r"(?P<day>[0-9]{1,2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "I": r"(?P<half_hour>[0-9]{1,2})",
    "M": r"(?P<minute>[0-9]{2})",
    "S": r"(?P<second>[0-9]{2})",
    "f": r"(?P<fraction>[0-9]{1,9})",
    "p": r"(?P<half>(?i:[ap]\.?m\.?))",
    "z": r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})",
}
_SAME = {"B": "b"}
_NUMBERS = frozenset("YymdHIMSf")
_TOKEN = re.compile(r"%(.?)|(\s+)|([^%\s]+)", re.DOTALL)
# Days that tell every order of day, month and two-digit year apart, by texts that each order can read.
_TRIALS = [
    datetime(year, month, day, hour, 8, 9)  # noqa: DTZ001
    for year in (2001, 2010, 2012)
    for month in (2, 4, 11)
    for day in (3, 5, 12)
    for hour in (6, 17)
]


@dataclass(frozen=True)
class DateFormat:
    """One format.

    Attributes:
        text: as declared.
        pattern: regular expression of the whole text, in the syntax of Rust and with named groups.
        directives: letters of its directives, in order; `B` as `b`.
    """

    text: str
    pattern: str
    directives: str

    @property
    def with_time(self) -> bool:
        """Whether it reads a time of day."""
        return bool(set(self.directives) & set("HI"))

    @property
    def unnamed(self) -> str:
        """The pattern without the names of its groups, which may occur once in a regular expression."""
        return _NAME.sub("(?:", self.pattern)

    @property
    def looks_iso(self) -> bool:
        """Whether an ISO date fits it and is another date by it: `%Y-%d-%m`."""
        return bool(re.match(r"Yd[mb]", self.directives))

    @property
    def unlike_iso(self) -> bool:
        """Whether no text that a cast to a date or time reads can be one of this format."""
        if "b" in self.directives:
            return True
        if _YEAR_FIRST.match(self.text):
            return re.match(r"%Y[^%\w/\-]", self.text) is not None
        return re.search(r"%[dm][^%\w]", self.text) is not None


def date_format(cleaner: str, text: object, pivot: int | None) -> DateFormat:
    """A declared format.

    Raises:
        ValueError: an unknown directive, one that occurs twice, or a part without which there is no date.
    """
    if not isinstance(text, str) or not text.strip():
        raise wrong(cleaner, f"format is {text!r}", 'write one such as "%d.%m.%Y"')
    parts: list[tuple[str, str]] = []
    for directive, blank, literal in _TOKEN.findall(text):
        if blank or literal or directive == "%":
            parts.append(("", r"\s+" if blank else re.escape(literal or "%")))
            continue
        letter = _SAME.get(directive, directive)
        twice = any(letter == known for known, _ in parts)
        if letter not in _PARTS or twice:
            cause = "occurs twice" if twice and letter else "is not known"
            raise wrong(
                cleaner,
                f"%{directive} in {text!r} {cause}",
                f"take from %{' %'.join([*_PARTS, *_SAME])}, each once",
            )
        parts.append((letter, _PARTS[letter]))
    directives = "".join(letter for letter, _ in parts)
    _check_parts(cleaner, text, set(directives), pivot)
    return DateFormat(text, rf"^\s*{_joined(parts)}\s*$", directives)


def _joined(parts: list[tuple[str, str]]) -> str:
    """Numbers that touch have all their digits: whether `1122024` begins with 1 or with 11 nobody can tell."""
    letters = ["", *(letter for letter, _ in parts), ""]
    pattern = ""
    for place, (letter, part) in enumerate(parts, start=1):
        touches = letter in _NUMBERS and {letters[place - 1], letters[place + 1]} & _NUMBERS
        pattern += part.replace("{1,2}", "{2}") if touches else part
    return pattern


def _check_parts(cleaner: str, text: str, parts: set[str], pivot: int | None) -> None:
    for choices, what in (("Yy", "one of %Y and %y"), ("mb", "one of %m, %b and %B"), ("d", "%d")):
        if len(parts & set(choices)) != 1:
            raise wrong(cleaner, f"format {text!r} does not give one date", f"it needs {what}")
    if "y" in parts and pivot is None:
        raise wrong(
            cleaner,
            f"format {text!r} has a year of two digits",
            "say where its hundred years begin: pivot=1950",
        )
    if ("I" in parts) != ("p" in parts) or {"H", "I"} <= parts:
        raise wrong(cleaner, f"format {text!r} does not give one hour", "it needs %H, or %I with %p")
    for part, needed in (("M", "HI"), ("S", "M"), ("f", "S"), ("z", "M")):
        if part in parts and not parts & set(needed):
            raise wrong(
                cleaner, f"format {text!r} has %{part} without %{needed[0]}", "take it out, or add that"
            )
    if parts & set("HI") and "M" not in parts:
        raise wrong(cleaner, f"format {text!r} has an hour without minutes", "add %M")


def read_as(value: pl.Expr, form: DateFormat, pivot: int | None, months: dict[str, int]) -> pl.Expr:
    """Text in this format → ISO text; null where it is not in it, or where there is no such day or time."""
    group = value.str.extract_groups(form.pattern).struct.field
    day = _iso_day(form, group, pivot, months)
    if not form.with_time:
        return day.str.to_date("%Y-%m-%d", strict=False).dt.to_string("%Y-%m-%d")
    minutes = [group("minute"), group("second") if "S" in form.directives else pl.lit("00")]
    moment = pl.concat_str(
        day, pl.lit("T"), _hour(form, group), pl.lit(":"), minutes[0], pl.lit(":"), minutes[1]
    )
    read = moment.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")
    iso = read.dt.to_string("%Y-%m-%dT%H:%M:%S")
    if "f" in form.directives:
        iso = pl.concat_str(iso, pl.lit("."), group("fraction"))
    return pl.concat_str(iso, group("zone")) if "z" in form.directives else iso


def _iso_day(form: DateFormat, group: object, pivot: int | None, months: dict[str, int]) -> pl.Expr:
    assert callable(group)
    if "y" in form.directives:
        assert pivot is not None
        # The first year of the hundred that ends in these two digits, at or after the pivot.
        short = group("short_year").cast(pl.Int32)
        year = (short + (pivot - pivot % 100) + pl.when(short < pivot % 100).then(100).otherwise(0)).cast(
            pl.String
        )
    else:
        year = group("year")
    month = group("month") if "m" in form.directives else _month(group("name"), months)
    return pl.concat_str(year, pl.lit("-"), month, pl.lit("-"), group("day"))


def _month(name: pl.Expr, months: dict[str, int]) -> pl.Expr:
    numbers = [str(number) for number in months.values()]
    return name.str.to_lowercase().replace_strict(list(months), numbers, default=None, return_dtype=pl.String)


def _hour(form: DateFormat, group: object) -> pl.Expr:
    assert callable(group)
    if "H" in form.directives:
        hour: pl.Expr = group("hour")
        return hour
    twelve = group("half_hour").cast(pl.Int32)
    afternoon = pl.when(group("half").str.to_lowercase().str.starts_with("p")).then(12).otherwise(0)
    hour = pl.when(twelve.is_between(1, 12)).then(twelve % 12 + afternoon)
    return hour.cast(pl.String)


def refuse_ambiguous(
    cleaner: str, forms: Sequence[DateFormat], pivot: int | None, languages: Sequence[str]
) -> None:
    """Raise ValueError when two formats read some text as two different times: which is meant no chunk can tell."""
    months = month_numbers(languages)
    names = {number: name for name, number in months.items()}
    for first in forms:
        written = {_written(moment, first, names) for moment in _TRIALS}
        texts = pl.Series("text", sorted(written | set(map(_bare, written))), pl.String)
        frame = texts.to_frame().select("text", own=read_as(pl.col("text"), first, pivot, months))
        for other in forms:
            read = frame.with_columns(other=read_as(pl.col("text"), other, pivot, months))
            clash = read.filter(pl.col("own").str.slice(0, 10) != pl.col("other").str.slice(0, 10))
            if clash.height:
                text, own, differing = clash.row(0)
                raise wrong(
                    cleaner,
                    f"{text!r} is {own} by {first.text!r} and {differing} by {other.text!r}, and no file says which is meant",
                    "declare one of them; where files differ, make a dataset (or a column) for each kind of file",
                )


def _written(moment: datetime, form: DateFormat, names: dict[int, str]) -> str:
    text = form.text.replace("%z", "+0000").replace("%B", "%b").replace("%b", names[moment.month])
    return moment.strftime(text)


def _bare(text: str) -> str:
    """A text once more, without leading zeros."""
    return re.sub(r"(?<![0-9:])0([0-9])", r"\1", text)
