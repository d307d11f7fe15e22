"""What kind of thing a cell's text looks like.

What belongs here: kinds of single cells, and of columns of them. What does not: where a table is (`region`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

Kind = Literal["text", "number", "year", "moment", "truth"]
Cells = Mapping[int, str]

_NUMBER = re.compile(r"[-+]?(?:\d[\d.,']*|[.,]\d+)(?:[eE][-+]?\d+)?\s*%?")
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?|\d{1,4}:\d\d(?::\d\d(?:\.\d+)?)?"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_ERROR = re.compile(r"#(?:N/A|[A-Z0-9/]+[!?]|GETTING_DATA)")


def kind_of(text: str) -> Kind:
    """The kind of one value in canonical text."""
    if _YEAR.fullmatch(text):
        return "year"
    if _NUMBER.fullmatch(text):
        return "number"
    if _MOMENT.fullmatch(text):
        return "moment"
    return "truth" if text.lower() in ("true", "false") else "text"


def column_kinds(rows: Iterable[Cells]) -> dict[int, Kind]:
    """The kind of most values of each column; error cells say nothing of their column."""
    counts: dict[int, Counter[Kind]] = {}
    for cells in rows:
        for column, text in cells.items():
            if not _ERROR.fullmatch(text):
                counts.setdefault(column, Counter())[kind_of(text)] += 1
    return {column: _common(count) for column, count in counts.items()}


def _common(count: Counter[Kind]) -> Kind:
    """Years among other numbers are numbers."""
    if count["year"] and count["number"]:
        count["number"] += count.pop("year")
    return count.most_common(1)[0][0]


def fits(cells: Cells, kinds: Mapping[int, Kind]) -> bool:
    """Whether some value is of the kind that its column has, where that is more than text; errors (`#N/A`) are of any kind."""
    return any(
        _ERROR.fullmatch(text) or (kinds.get(column, "text") != "text" and same(kind_of(text), kinds[column]))
        for column, text in cells.items()
    )


def same(one: Kind, other: Kind) -> bool:
    """Whether two values could stand in one column."""
    return one == other or {one, other} == {"year", "number"}


def could_name(text: str, below: Kind | None) -> bool:
    """Whether a cell could be the name of a column whose values are mostly of the kind `below`: a text, or a year, a moment over
    values of another kind."""
    kind = kind_of(text)
    return kind == "text" or (kind in ("year", "moment") and below is not None and kind != below)
