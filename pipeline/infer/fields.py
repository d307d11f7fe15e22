"""A field of the model: the type, checks and cleaners of one column.

What belongs here: deciding about a column by its facts. What does not: what several columns decide together (`decide`), how it is
written down (`write`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from pipeline.infer import hints
from pipeline.infer.facts import Facts
from pipeline.infer.formats import FORMATS
from pipeline.infer.found import Found
from pipeline.infer.layout import literal
from pipeline.infer.limits import limits
from pipeline.infer.names import Named
from pipeline.infer.readings import TEXT, Reading, null_cleaners

_FEW_VALUES, _OPEN_SETS = 12, 5
_REPEATS, _ENOUGH = 5, 20
_LONGEST_VALUE = 40
_NULL_SHARE = 0.005
# Words that are names or codes as often as they are none.
_MAY_BE_VALUES = frozenset({"none", "nil", "?", "na"})
_CENTS, _FINE = 2, 4
_TELLING = 50
_SHOWN = 40
_LOWEST = -9
_VERSION_LIMIT, _VERSION_SCALE = 100, 3
_SIGNS = {".": "point", ",": "comma"}
_PRECISION, _MOST_PRECISION, _ROOM = 18, 38, 4
_WHAT = {
    "number": "numbers",
    "bool": "yes or no",
    "date": "dates",
    "datetime": "times",
    "time": "times of day",
    "email": "e-mail addresses",
    "url": "web addresses",
    "uuid": "UUIDs",
    "iban": "IBANs",
    "ip": "IP addresses",
}


@dataclass(frozen=True)
class Field:
    """A field of the model and what belongs to it.

    Attributes:
        name: of the field.
        header: in the file.
        kind: what it holds: bool, int, decimal, float, date, datetime, time, text.
        annotation: its type as written.
        checks: arguments of `pa.Field`, without `nullable`.
        nullable: whether values are missing.
        cleaners: as written.
        alias: whether the header has to be given as an alias.
        comments: what was a guess, a line each.
        facts: what it rests on.
    """

    name: str
    header: str
    kind: str
    annotation: str
    facts: Facts
    checks: tuple[str, ...] = ()
    nullable: bool = False
    cleaners: tuple[str, ...] = ()
    alias: bool = False
    comments: tuple[str, ...] = ()

    @property
    def distinct(self) -> int | None:
        """How many different texts there are; None for other kinds, and where there are many."""
        return None if self.facts.counts is None or self.kind != "text" else len(self.facts.counts)


def field_of(column: Found, named: Named, signs: set[str], apart: str = "") -> Field:
    """The field for a column.

    Args:
        signs: how columns without doubt write decimals: "." or "," or both.
        apart: what is to be said where the column's values are not written in one way, so that it is text; or "".
    """
    reading, comments = (TEXT, (apart,)) if apart else settled(column, signs)
    facts = column.facts[reading] if reading in column.facts else column.facts[column.alive[0]]
    base = Field(named.field, named.header, "text", "str", facts, alias=named.needs_alias)
    if reading == TEXT and reading not in column.facts:
        cleaners = tuple(null_cleaners(facts.words))
        return replace(base, nullable=facts.nulls > 0, cleaners=cleaners, comments=comments)
    if facts.values == 0:
        cleaners = tuple(null_cleaners(facts.words))
        return replace(base, nullable=True, comments=("Empty in this file.",), cleaners=cleaners)
    if reading.kind == "text":
        return (
            _text(replace(base, comments=comments), column)
            if not reading.native
            else replace(base, nullable=facts.nulls > 0, comments=comments)
        )
    cleaners = tuple(null_cleaners(facts.words, reading.steps))
    base = replace(base, nullable=facts.nulls > 0, cleaners=cleaners, comments=comments)
    if reading.kind == "number":
        return _number(base, reading)
    annotation = {"bool": "bool", "date": "date", "datetime": "datetime", "time": "pl.Time"}[reading.kind]
    if facts.repeated:
        twice = (
            f"The clocks of {reading.zone} show {facts.repeated:,} of these twice, as they are set back: the first is taken;"
            " repeated_hour= says otherwise."
        )
        base = replace(base, comments=(*base.comments, twice))
    return replace(base, kind=reading.kind, annotation=annotation)


def settled(column: Found, signs: set[str]) -> tuple[Reading, tuple[str, ...]]:
    """The one reading of a column, and what is to be said of it; text where two readings differ and nothing tells which is meant."""
    alive = column.alive
    if len(alive) == 1:
        return _undoubted(column, alive[0])
    example = next(
        (value for value in column.evidence.to_list() if any(sign in value for sign in ".,/-")), ""
    )
    if alive[0].order == "decimal":
        known = [one for one in alive if one.decimal in signs]
        if column.agree:
            return _undoubted(column, (known or alive)[0])
        if len(known) == 1:
            reading, other = known[0], next(one for one in alive if one != known[0])
            comments = (
                f"{literal(example)}: in other columns a {_SIGNS[reading.decimal]} stands before decimals, so the"
                f" {_SIGNS[other.decimal]} parts thousands.",
            )
            parts_thousands = other.decimal in example and reading.decimal not in example
            return reading, comments if parts_thousands else ()
        return TEXT, (
            f"Is the sign in {literal(example)} one of decimals or of thousands? Text until you say:",
            f"{_codes(alive)}.",
        )
    return TEXT, (
        f"Day or month first in {literal(example)}? No value tells. Text until you say:",
        f"{_codes(alive)}.",
    )


def _codes(readings: Sequence[Reading]) -> str:
    return " or ".join(one.steps[0].code if one.steps else "float as it stands" for one in readings)


def _undoubted(column: Found, reading: Reading) -> tuple[Reading, tuple[str, ...]]:
    """A reading without rivals, or text where its numbers may be none."""
    if reading.kind == "number" and not reading.native:
        facts = column.facts[reading]
        if facts.coded and not facts.scientific:
            return TEXT, (
                f"{literal(facts.coded)} may be a code as well as a number: text until you say float.",
            )
        if facts.pointed and hints.is_version(column.header):
            return TEXT, ("Numbers by their form, versions by their name: text.",)
        if _uneven(column.header, facts) and (pair := _same_number(column.evidence)):
            return TEXT, (
                f"{literal(pair[0])} and {literal(pair[1])} are one number and may be two versions: text.",
            )
    return reading, _told(column, reading)


def _uneven(header: str, facts: Facts) -> bool:
    """Whether numbers look like those of versions: small, some with a zero at the end of their decimals and some with fewer."""
    few = facts.shortest_scale is not None and facts.shortest_scale < facts.scale <= _VERSION_SCALE
    small = facts.least is not None and facts.least >= 0 and facts.most < _VERSION_LIMIT
    return facts.zero_behind and few and small and not hints.is_money(header) and not hints.adds_up(header)


def _same_number(distinct: pl.Series) -> tuple[str, str] | None:
    """Two texts that are one number, but for zeros at the end of its decimals: 1.1 and 1.10."""
    texts = distinct.str.strip_chars().unique(maintain_order=True)
    pointed = texts.filter(texts.str.contains(".", literal=True) & ~texts.str.contains("[eE]"))
    pairs = (
        pl.DataFrame({"text": pointed, "number": pointed.str.strip_chars_end("0")})
        .group_by("number", maintain_order=True)
        .agg("text")
        .filter(pl.col("text").list.len() > 1)
    )
    return None if pairs.is_empty() else (pairs["text"][0][0], pairs["text"][0][1])


def _told(column: Found, reading: Reading) -> tuple[str, ...]:
    if column.choice.finer:
        example = literal(_short(column.choice.finer))
        return (f"{example} has more digits of a second than a table holds: text, so that none is lost.",)
    if column.choice.nearly:
        if column.choice.nearly == "number" and hints.identifies(column.header):
            return ()
        what = _WHAT.get(column.choice.nearly, f"fit for {column.choice.nearly}=True")
        return (
            f"Nearly all are {what}, but not {literal(_short(column.choice.odd))}: text, so that every row passes.",
        )
    if any("pivot" in step.code for step in reading.steps):
        return ("The century is a guess: years have two digits.",)
    return ()


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _number(base: Field, reading: Reading) -> Field:
    facts, header = base.facts, base.header
    if isinstance(reading.dtype, pl.Decimal):
        kind, annotation = (
            "decimal",
            f"Annotated[pl.Decimal, {reading.dtype.precision}, {reading.dtype.scale}]",
        )
    elif reading.dtype == pl.UInt64:
        kind, annotation = "int", "pl.UInt64"
    elif facts.whole and (not facts.pointed or hints.identifies(header)):
        kind, annotation = "int", "int"
    elif (scale := _money_scale(header, facts)) is not None:
        kind, annotation = "decimal", f"Annotated[pl.Decimal, 18, {scale}]"
    elif facts.exact:
        kind, annotation = "float", "float"
    elif not facts.exponent and facts.before + facts.scale <= _MOST_PRECISION:
        precision = min(max(facts.before + facts.scale + _ROOM, _PRECISION), _MOST_PRECISION)
        kind, annotation = "decimal", f"Annotated[pl.Decimal, {precision}, {facts.scale}]"
    elif facts.printed:
        kind, annotation = "float", "float"
        base = replace(base, comments=(*base.comments, "Doubles with all of their 17 digits."))
    else:
        comment = "More digits than any number type holds: text, so that none is lost."
        cleaners = tuple(null_cleaners(facts.words))
        return replace(base, cleaners=cleaners, comments=(*base.comments, comment))
    base = replace(base, kind=kind, annotation=annotation)
    if stands_for_nothing(facts):
        return base
    checks, comments = limits(header, facts, whole_steps=kind != "float")
    return replace(base, checks=checks, comments=(*base.comments, *comments))


def _money_scale(header: str, facts: Facts) -> int | None:
    """Digits after the point of a column of money; None for other columns."""
    if not hints.is_money(header) or facts.exponent or facts.scale > _FINE:
        return None
    scale = _CENTS if facts.scale <= _CENTS else _FINE
    return scale if max(abs(facts.least), abs(facts.most)) < 10.0 ** (17 - scale) else None


def _text(base: Field, column: Found) -> Field:
    facts = base.facts
    empty = {word for word in facts.words if word.strip().lower() not in _MAY_BE_VALUES}
    kept = facts.words - empty
    counts = (
        {} if facts.counts is None else {value: n for value, n in facts.counts.items() if value not in empty}
    )
    checks, comments = _text_checks(base, counts, column, bool(kept))
    share = 0 if facts.counts is None else sum(facts.counts[word] for word in empty) / facts.values
    if not checks and share < _NULL_SHARE:
        empty = set()
    cleaners = ["clean.strip"] if facts.padded else []
    cleaners += null_cleaners({word.strip() for word in empty})
    return replace(
        base,
        checks=checks,
        nullable=facts.nulls > 0 or bool(empty),
        cleaners=tuple(cleaners),
        comments=(*base.comments, *comments),
    )


def _text_checks(
    base: Field, counts: dict[str, int], column: Found, words_are_values: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What all texts have in common, and what is to be said of it: their form, or else the set that they are of, or else their
    length."""
    formats = () if words_are_values else sorted(base.facts.formats or (), key=FORMATS.index)
    if formats:
        return (formats[0].code,), ()
    if column.choice.nearly:
        return (), ()
    checks, comments = _membership(base, counts)
    if not checks and _is_telling(base.facts, counts):
        return (f"str_length={base.facts.longest}",), ()
    return checks, comments


def _membership(base: Field, counts: dict[str, int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The set of values, where there are few that come again and again."""
    total = sum(counts.values())
    most = _OPEN_SETS if hints.groups(base.header) else _FEW_VALUES
    repeated = total >= max(_ENOUGH, _REPEATS * len(counts))
    if (
        hints.is_open(base.header)
        or not 2 <= len(counts) <= most
        or not repeated
        or max(map(len, counts)) > _LONGEST_VALUE
    ):
        return (), ()
    if not any(letter.isalnum() for value in counts for letter in value):
        return (), ()
    rare = sorted(value for value, n in counts.items() if n == 1)
    comments = (f"{literal(rare[0])} stands there only once: a slip?",) if len(rare) == 1 else ()
    return (f"isin=[{', '.join(literal(value) for value in sorted(counts))}]",), comments


def _is_telling(facts: Facts, counts: dict[str, int]) -> bool:
    """Whether the length of the texts says something: all have the same, and there are many of them."""
    many = facts.counts is None or len(counts) > _FEW_VALUES
    return (
        many
        and facts.values >= _TELLING
        and facts.shortest == facts.longest
        and facts.longest > 1
        and not facts.words
    )


def stands_for_nothing(facts: Facts) -> bool:
    """Whether the smallest number may be no measure: -99, -200, -9999, far below all others and there more than once."""
    least, above = facts.least, facts.next_least
    return (
        above is not None
        and facts.least_count > 1
        and least <= _LOWEST
        and least == int(least)
        and (set(str(int(-least))) == {"9"} or least % 100 == 0)
        and above > least / 3
    )
