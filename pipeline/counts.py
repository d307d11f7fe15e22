"""Counts of things in words: "1 file", "2 files". What does not belong here: sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence


def counted(count: int, one: str, many: str = "") -> str:
    """`count` with its thousands parted, and the word for so many.

    Args:
        one: what one of them is called; more words may follow where `many` is given ("row is", "rows are").
        many: what several are called; left out where it follows from `one` by rule.

    Example:
        >>> counted(1, "delivery"), counted(0, "delivery"), counted(1200, "row is", "rows are")
        ('1 delivery', '0 deliveries', '1,200 rows are')
    """
    return f"{count:,} {one if count == 1 else many or plural(one)}"


def first_of(names: Sequence[str], most: int) -> str:
    """The first `most` of some names, and how many more there are."""
    more = len(names) - most
    return "; ".join(names[:most]) + (f"; and {more:,} more" if more > 0 else "")


def plural(one: str) -> str:
    """Several of what is called `one`: file → files, delivery → deliveries, match → matches."""
    if re.search("[^aeiou]y$", one):
        return f"{one[:-1]}ies"
    return f"{one}es" if re.search("(s|x|z|ch|sh)$", one) else f"{one}s"
