"""What the values of a table say: which kind each cell is of, and how well the cells of a column agree.

What belongs here: kinds of values and profiles of columns. What does not: dialects (`shape`), headers (`headers`).

A kind is evidence, no type: `1,5` and `1.5` are both numbers here, and nothing is converted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

EMPTY, NUMBER, DATE, ADDRESS, CODE, WORD, TEXT = "empty", "number", "date", "address", "code", "word", "text"
TYPED = (NUMBER, DATE, ADDRESS)
_VALUE = {NUMBER: 1.0, DATE: 1.0, ADDRESS: 1.0, CODE: 0.9, WORD: 0.7, TEXT: 0.6}
_EMPTY_COLUMN, _FRAGMENT = 0.35, 0.8
_LONGEST = 100
_FEW = 2
_DIGITS, _LETTER = re.compile(r"\d+"), re.compile(r"[^\W\d_]")

_MONTH = r"(?:jan|feb|mar|mrz|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)[a-zéû]{0,7}\.?"
_CLOCK = (
    r"\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d{1,9})?)?\s?(?:[ap]\.?m\.?)?(?:\s?(?:z|utc|[-+]\d{2}:?\d{2}))?"
)
_DAY = rf"\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}|\d{{1,2}}[-/.]\d{{1,2}}[-/.](?:\d{{4}}|\d{{2}})|\d{{1,2}}[-/. ]{{0,2}}{_MONTH}(?:[-/., ]{{1,2}}\d{{2,4}})?|{_MONTH}[-/., ]{{1,2}}\d{{1,4}}(?:,? \d{{4}})?"
_KIND = re.compile(
    rf"""
    (?P<empty>-{{1,3}}|\.{{1,3}}|n\.?/?a\.?|nan|null|none|nil|\\n|\#n/a|\?)
    |(?P<number>(?=.*\d)[-+(]{{0,2}}(?:[$£€¥]\s?)?[-+]?(?:\d{{1,3}}(?:[, .'’\u00a0\u202f]\d{{3}})+|\d*)(?:\.\d*|,\d+)?(?:e[-+]?\d{{1,3}})?\s?[%€£$]?\)?)
    |(?P<date>(?:{_DAY})(?:(?:[ T_]|,\s){_CLOCK})?|{_CLOCK})
    |(?P<address>(?:https?|ftp)://\S+|www\.\S+|[^@\s]+@[^@\s]+\.\w+|\d{{1,3}}(?:\.\d{{1,3}}){{3}}|[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})
    |(?P<code>(?=.*\d)[\w+*]+(?:[-_./:\#()]+[\w+*]+)*)
    |(?P<word>[^\W\d_]+(?:[-_.'’&]{{1,2}}[^\W\d_]+)*\.?)
    """,
    re.VERBOSE | re.IGNORECASE,
)


@lru_cache(maxsize=20_000)
def kind_of(cell: str) -> str:
    """The kind of one cell's value."""
    value = cell.strip()
    if not value:
        return EMPTY
    if len(value) > _LONGEST:
        return ADDRESS if value.startswith(("http://", "https://")) and " " not in value else TEXT
    match = _KIND.fullmatch(value)
    return match.lastgroup or TEXT if match else TEXT


@lru_cache(maxsize=20_000)
def form_of(cell: str) -> str:
    """How a value is written: its letters as `a` or `A`, each run of digits as `0`, other characters as they are."""
    return _LETTER.sub(lambda match: "A" if match[0].isupper() else "a", _DIGITS.sub("0", cell))


def is_blank(cell: str) -> bool:
    """Whether nothing is in it."""
    return not cell or cell.isspace()


def filled(cells: Iterable[str]) -> int:
    """How many cells hold something."""
    return sum(map(bool, map(str.strip, cells)))


@dataclass(frozen=True)
class Column:
    """What a column's cells have in common.

    Attributes:
        kind: the kind that most are of; `empty` if none holds anything.
        share: share of the cells with a value that are of it; a text column takes anything.
        cells: how many hold a value.
        rows: how many were looked at.
        values: the values seen, and how often.
        odd: share of the cells that look like pieces of something: with another delimiter or half a quote in them.
    """

    kind: str
    share: float
    cells: int
    rows: int
    values: Counter[str]
    odd: float

    @property
    def typed(self) -> bool:
        """Whether a value of another kind would stand out."""
        return self.kind in TYPED and self.share >= 0.8

    @cached_property
    def form(self) -> str:
        """The form that all its values have, if there are a few that differ; else nothing."""
        forms = {form_of(value) for value in self.values if value}
        return forms.pop() if len(forms) == 1 and len(self.values) > _FEW else ""

    @property
    def score(self) -> float:
        """How much it looks like a column of a table, from 0 to 1."""
        if self.kind == EMPTY:
            return _EMPTY_COLUMN
        return _VALUE[self.kind] * self.share * (1 - _FRAGMENT * self.odd)


def columns_of(
    rows: Sequence[Sequence[str]], width: int, foreign: re.Pattern[str] | None = None
) -> list[Column]:
    """The profile of each of `width` columns of `rows`; `foreign` finds what a whole value would not have in it."""
    return [
        _column([row[position] for row in rows if position < len(row)], foreign) for position in range(width)
    ]


def _column(cells: list[str], foreign: re.Pattern[str] | None) -> Column:
    kinds = Counter(kind_of(cell) for cell in cells)
    kinds.pop(EMPTY, None)
    total = kinds.total()
    values = Counter(cell.strip() for cell in cells)
    if not total:
        return Column(EMPTY, 1.0, 0, len(cells), values, 0.0)
    odd = (
        sum(1 for cell in cells if foreign.search(cell) and kind_of(cell) in (TEXT, CODE, WORD))
        if foreign
        else 0
    )
    kind, count = kinds.most_common(1)[0]
    if kind not in TYPED or count < 0.6 * total:
        kind, count = _loose(kinds, total)
    return Column(kind, count / total, total, len(cells), values, odd / total)


def _loose(kinds: Counter[str], total: int) -> tuple[str, int]:
    """Codes may be all digits, words may be codes, text may be anything."""
    codes = kinds[CODE] + kinds[NUMBER]
    if codes >= 0.9 * total and kinds[CODE]:
        return CODE, codes
    tokens = codes + kinds[WORD]
    if tokens >= 0.9 * total:
        return WORD, tokens
    return TEXT, total
