"""Whether a row holds column names, and the names that several such rows make together.

What belongs here: the evidence of a row's cells against the columns below it. What does not: where to look for a header
(`structure`), making names unique (`files.names`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.contract.headers import normalise
from pipeline.files.delimited.sniff.evidence import (
    ADDRESS,
    CODE,
    DATE,
    EMPTY,
    NUMBER,
    TEXT,
    TYPED,
    WORD,
    Column,
    form_of,
    is_blank,
    kind_of,
)

_LONGEST_NAME = 60
_BLANK, _OFTEN, _VERY_MANY = 0.2, 5, 20
_PERIOD = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])?|2100")

_UNKNOWN = re.compile(
    r"unknown|unbekannt|inconnue?|desconocid[oa]|sconosciut[oa]|missing|undefined|tb[ad]|pending|suppressed|withheld|redacted|"
    r"confidential|various|n\.?[dv]\.?|k\. ?a\.|no ?data|not (?:available|applicable|reported|known)|keine angabe",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"[\[(<].{1,20}[\])>]|[^\w\s]{1,3}|°.{1,2}|.{1,10}/.{1,10}|\d+[sdn]|(?:T|M|k)?(?:EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF)|[µmkMG]?(?:s|h|d|g|t|m|l|V|W|Wh|Hz|Pa|J|B|bar|mol|cal)[²³23]?|mins?|"
    r"ha|deg\w?|pp[mb]|kt|mi|ft|in|lbs?|oz|pcs?|count|number|percent|prozent|anzahl|stück|index|years?|days?|hours?|seconds?|minutes?|"
    r"int\d*|integer|float\d*|double|str|string|text|(?:var)?char|date|datetime|time|timestamp|bool|boolean|numeric|decimal|bigint",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Verdict:
    """What speaks for a row being names (`names`) and for its being a record (`data`).

    Attributes:
        names, data: sums of evidence.
        blank: what of `data` is only that a cell is missing.
        against: columns of numbers, dates or the like in which the row has a text.
        typed: columns of numbers, dates or the like.
    """

    names: float
    data: float
    blank: float
    against: int
    typed: int

    @property
    def is_header(self) -> bool:
        """More speaks for names."""
        return self.names > self.data

    @property
    def sure(self) -> bool:
        """Nothing but names can stand in this row."""
        return self.against >= max(2, self.typed / 2) and self.data == self.blank


def judge(cells: Sequence[str], columns: Sequence[Column]) -> Verdict:
    """The evidence of `cells` against the columns below them."""
    names = data = blank = 0.0
    against = typed = 0
    series = is_series(cells)
    for cell, column in zip(cells, columns, strict=False):
        kind = kind_of(cell)
        if column.typed:
            typed += 1
        if kind == EMPTY:
            blank += _BLANK if is_blank(cell) and column.cells == column.rows > 3 else 0.0
        elif column.typed and is_unknown(cell):
            data += 0.5
        elif column.typed and kind in (TEXT, WORD, CODE):
            names += 1
            against += 1
        elif column.typed:
            for_names, for_data = (0.3, 0.0) if series and kind == column.kind else _typed(cell, kind, column)
            names, data = names + for_names, data + for_data
        else:
            for_names, for_data = _untyped(cell.strip(), kind, column)
            names, data = names + for_names, data + for_data
    return Verdict(names, data + blank, blank, against, typed)


def is_unknown(cell: str) -> bool:
    """Whether a cell says in words that its value is not known: a record may do that in a column of numbers, a name hardly."""
    return _UNKNOWN.fullmatch(cell.strip()) is not None


def adds_names(above: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether a row of words right below a row of names, over columns of numbers and the like, goes on with the names. Words in place
    of numbers are what a record may have, too; so something has to show that names they are: the row above is not complete (merged
    cells, names that come again), the row has no key, or it holds units, types or the names in other words."""
    names = [cell.strip().casefold() for cell in above]
    held = [(name, cell.strip()) for name, cell in zip(names, cells, strict=False) if kind_of(cell) != EMPTY]
    if not all(names) or len(set(names)) < len(names) or is_blank(cells[0]):
        return True
    units = sum(1 for _, cell in held if _UNIT.fullmatch(cell))
    echoes = sum(1 for name, cell in held if set(_WORDS.findall(name)) & set(_WORDS.findall(cell.casefold())))
    return (units > 0 and units >= len(held) - 1) or 2 * echoes > len(held)


def _typed(cell: str, kind: str, column: Column) -> tuple[float, float]:
    """Evidence of a value in a column of numbers, dates or addresses. A column of numbers may be called by a year, a month or a day:
    in it that stands out, as long as its numbers are none."""
    if kind != column.kind:
        return (0.8, 0.0) if kind == DATE and column.kind == NUMBER else (0.0, 0.0)
    if column.kind != NUMBER or (period := _period(cell)) is None:
        return 0.0, 1.0
    numbers = [value for value in column.values if kind_of(value) == NUMBER]
    if sum(1 for value in numbers if _period(value) is not None) > len(numbers) / 10:
        return 0.0, 1.0
    whole = [int(value) for value in numbers if value.isdecimal()]
    among = bool(whole) and min(whole) <= period <= max(whole)
    return (0.0, 0.0) if among else (0.6, 0.0)


def _period(cell: str) -> int | None:
    """A year, or a year with its month (202011), as a whole number; None for any other value."""
    value = cell.strip()
    return int(value) if _PERIOD.fullmatch(value) else None


def _untyped(cell: str, kind: str, column: Column) -> tuple[float, float]:
    """Evidence in a column of words, codes or texts."""
    if column.kind == EMPTY:
        return 0.0, 0.4 if kind in (NUMBER, DATE, ADDRESS) and _period(cell) is None else 0.0
    if cell in column.values:
        return 0.0, min(1.0, _OFTEN * column.values[cell] / column.cells)
    if kind == NUMBER and column.kind in (WORD, TEXT) and _period(cell) is not None:
        return 0.0, 0.0
    if kind in (DATE, ADDRESS) or (kind == NUMBER and column.kind in (WORD, TEXT)):
        return 0.0, 0.6
    if column.kind in TYPED and kind in (TEXT, WORD, CODE):
        return column.share / 2, 0.0
    if column.kind == CODE and (kind in (WORD, TEXT) or not any(map(str.isdigit, cell))):
        return 0.6, 0.0
    form = column.form
    if form and form.strip("a"):
        if form_of(cell) != form:
            return 0.6, 0.0
        as_long = any(len(value) == len(cell) for value in column.values)
        if (
            form.isalpha()
        ):  # `CC` over `DE`, `FR` may be a name: only among very many such codes it is hardly one
            return 0.0, 0.3 if len(column.values) > _VERY_MANY else 0.0
        return 0.0, 0.7 if as_long else 0.4
    if column.kind == CODE:
        if any(len(value) == len(cell) for value in column.values):
            return 0.0, 0.7
        return 0.0, 0.2 if any(form_of(value) == form_of(cell) for value in column.values) else 0.0
    sizes = [len(value) for value in column.values if value]
    if len(sizes) >= 3 and min(sizes) == max(sizes) and len(cell) != sizes[0]:
        return 0.5, 0.0
    longer = len(cell) <= _LONGEST_NAME and sum(sizes) > 3 * len(cell) * len(sizes)
    return (0.3, 0.0) if longer else (0.0, 0.0)


def is_series(cells: Sequence[str]) -> bool:
    """Whether the numbers of a row count up one by one, as years over columns do, beside a text."""
    numbers = [int(cell) for cell in (cell.strip() for cell in cells) if cell.isdecimal() and len(cell) < 5]
    rising = all(after == before + 1 for before, after in pairwise(numbers))
    texts = sum(1 for cell in cells if kind_of(cell) in (WORD, TEXT, CODE))
    years = all(1900 <= number <= 2100 for number in numbers)
    return rising and len(numbers) >= 2 and (texts > 0 or years) and texts + len(numbers) >= len(cells) - 1


def look_like_names(cells: Sequence[str]) -> bool:
    """Whether cells could be names where nothing below tells: all there, all different, none a value, none a sentence."""
    found = [cell.strip() for cell in cells]
    if not all(found) or len(set(found)) < len(found):
        return False
    return all(
        kind_of(cell) in (WORD, TEXT, CODE)
        and len(cell) <= _LONGEST_NAME
        and (kind_of(cell) != CODE or cell[0].isalpha())
        for cell in found
    )


def holds_names(cells: Sequence[str], verdict: Verdict) -> bool:
    """Whether a row is taken for names: more speaks for them, or as much, and nothing in it is a value."""
    return verdict.is_header or (verdict.names == verdict.data and look_like_names(cells))


def holds_values(cells: Sequence[str]) -> bool:
    """Whether some cell is a number, a date or an address."""
    return any(kind_of(cell) in (NUMBER, DATE, ADDRESS) for cell in cells)


def known_in(cells: Sequence[str], known: frozenset[str]) -> int:
    """How many names of a row the contract knows."""
    return len({normalise(cell) for cell in cells} & known) if known else 0


def fits_below(group: Sequence[str], cells: Sequence[str]) -> bool:
    """Whether `cells` stand below the gaps of a row of group names: under merged cells."""
    below = [position for position, cell in enumerate(cells) if not is_blank(cell)]
    if len(below) < 2 or sum(1 for cell in group if is_blank(cell)) < 1:
        return False
    spread = spread_right(group)
    return all(position < len(group) and not is_blank(spread[position]) for position in below)


def spread_right(group: Sequence[str]) -> list[str]:
    """A merged cell's text over all the columns that it spans: blank cells take what stands left of them."""
    spread: list[str] = []
    for cell in group:
        spread.append(spread[-1] if is_blank(cell) and spread else cell)
    return spread


def joined(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """One name per column of several header rows, joined by a blank; merged cells of upper rows count for the columns right
    of them that have a name below."""
    if len(rows) == 1:
        return tuple(rows[0])
    width = max(len(row) for row in rows)
    padded = [[*row, *[""] * (width - len(row))] for row in rows]
    parts = [_carried(row, padded[number + 1 :]) for number, row in enumerate(padded[:-1])] + [padded[-1]]
    return tuple(
        " ".join(cell.strip() for cell in column if cell.strip()) for column in zip(*parts, strict=True)
    )


def _carried(group: list[str], below: list[list[str]]) -> list[str]:
    """A group's text is carried only to columns that have names of their own below."""
    spread = spread_right(group)
    return [
        cell if not is_blank(cell) or any(not is_blank(row[position]) for row in below) else ""
        for position, cell in enumerate(spread if any(is_blank(cell) for cell in group) else group)
    ]
