"""Fitting text to a width: lines that end between words, columns that hold their longest word.

What belongs here: widths as a terminal counts them (two cells for most characters of East Asia, none for a combining one). What does not:
printing (`terminal`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

_WORD = re.compile(r"\s*\S+")
_GLUE = re.compile("[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
"""Joins what is beside it into one character: no line ends there."""


def spans(line: str, width: int) -> Iterator[tuple[int, int]]:
    """Where the lines begin and end that `line` is broken into, without the blanks between them; a longer word has a line of its
    own, whole."""
    start = end = 0
    for first, last in _pieces(line):
        if end and cell_len(line[start:last]) > width:
            yield start, end
            start = first + len(line[first:last]) - len(line[first:last].lstrip())
        end = last
    yield start, end


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, each broken between words where it is wider than `width`."""
    return [
        line[start:end]
        for line in text.split("\n")
        for start, end in (spans(line, width) if cell_len(line) > width else [(0, len(line))])
    ]


def longest_word(text: str) -> int:
    """Cells of the widest part of a text that is not broken."""
    return max((cell_len(text[first:last].strip()) for first, last in _pieces(text)), default=0)


def widest_line(text: str) -> int:
    """Cells of the widest line of a text."""
    return max(map(cell_len, text.split("\n")))


def column_widths(cells: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """The width of each column of a table, in cells, so that together they take no more than `room` and no word is broken; None where
    that cannot be.

    Args:
        cells: the texts of each column, its name among them.
    """
    natural = [max(map(widest_line, column)) for column in cells]
    least = [max(map(longest_word, column)) for column in cells]
    if sum(natural) <= room:
        return natural
    if sum(least) > room:
        return None
    widths, left = list(least), room - sum(least)
    # What is left goes to all that want more, alike; what one of them does not need goes to the others.
    while left and (wanting := [n for n, width in enumerate(widths) if width < natural[n]]):
        share = max(1, left // len(wanting))
        for n in wanting:
            more = min(share, natural[n] - widths[n], left)
            widths[n] += more
            left -= more
    return widths


def _pieces(line: str) -> Iterator[tuple[int, int]]:
    """Where each part begins, with the blanks before it, and ends: words, and in scripts without blanks each character."""
    for match in _WORD.finditer(line):
        first, last = match.span()
        if not line[first:last].isascii():
            for at in range(first + 1, last):
                if _breaks(line[at - 1], line[at]) and line[first:at].strip():
                    yield first, at
                    first = at
        yield first, last


def _breaks(before: str, after: str) -> bool:
    """Whether a line may end between two characters of a word."""
    if _GLUE.match(before) or _GLUE.match(after) or not cell_len(after):
        return False
    return cell_len(before) > 1 or cell_len(after) > 1
