"""Which quotes and escapes a sample has, given its delimiter.

What belongs here: comparing readings that differ in quotes. What does not: which quotes are worth a look (`candidates`).
"""

from __future__ import annotations

import re
from dataclasses import replace

from pipeline.files.delimited.sniff.candidates import BACKSLASH, edges_of
from pipeline.files.delimited.sniff.sample import Sample
from pipeline.files.delimited.sniff.shape import Shape


def quotes_better(other: Shape, shape: Shape) -> bool:
    """Whether a reading with other quotes is better. Single quotes have to surround the values of a column; no quotes at all
    are better only where double ones swallow line ends or open and never close, and the plain lines are a rectangle."""
    if other.candidate.quote is None:
        swallowed = len(shape.quotes.broken) > 0 or shape.spans_lines or shape.quote_fit < 0.6
        return (
            swallowed
            and other.perfect
            and other.width > 1
            and not shape.perfect
            and other.type_score > shape.type_score
        )
    if other.spans_lines and shape.perfect:
        return False
    if other.consistency < shape.consistency - 0.02:
        return False
    if other.perfect and not shape.perfect and other.width > 1 and not len(other.quotes.broken):
        return True
    return _surrounded(shape, b"'") or other.consistency > shape.consistency + 0.05


def _surrounded(shape: Shape, quote: bytes) -> bool:
    """Whether some column's values stand in these quotes."""
    mark = quote.decode()
    rows = [shape.row(record) for record in range(shape.first, min(len(shape), shape.first + 100))]
    for position in range(shape.width):
        cells = [row[position].strip() for row in rows if position < len(row) and row[position].strip()]
        inside = sum(1 for cell in cells if len(cell) > 1 and cell.startswith(mark) and cell.endswith(mark))
        if cells and inside >= max(1, 0.8 * (len(cells) - 1)):
            return True
    return False


def escaped(sample: Sample, shape: Shape) -> Shape:
    """The reading with backslash escapes, unless it is worse, most quotes inside fields have none, or every backslash ends
    its field (as paths do)."""
    other = sample.shape(replace(shape.candidate, escape=BACKSLASH), quick=True)
    mark = re.escape(shape.candidate.delimiter)
    quote = bytes([shape.candidate.quote or 0])
    total = sample.quick.count(b"\\" + quote)
    at_end = len(re.findall(rb"(?<!%s)\\%s(?=%s|[\r\n]|$)" % (quote, quote, mark), sample.quick))
    bare = edges_of(other.data, shape.candidate.quote or 0, shape.candidate.marks.delimiter).alone
    if bare > total:
        return shape
    if other.consistency > shape.consistency + 0.01:
        return other
    return other if other.consistency >= shape.consistency and at_end * 2 < total else shape
