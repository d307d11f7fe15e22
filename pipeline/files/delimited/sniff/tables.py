"""Other tables stacked below the first in one file.

What belongs here: finding where another table begins, and which one the contract means. What does not: the beginning of a
table (`structure`), footers (`footer`).

A table of the same width is read on: its records are records. One of another width, or with other names, is left out and named.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from pipeline.files.delimited.sniff.evidence import filled, is_blank
from pipeline.files.delimited.sniff.headers import judge, known_in, look_like_names
from pipeline.files.delimited.sniff.shape import Shape
from pipeline.files.delimited.sniff.structure import Head
from pipeline.files.delimited.sniff.top import profile

_MOST, _SAME_NAMES = 20_000, 0.6


@dataclass(frozen=True)
class Stacked:
    """What stands below the first table.

    Attributes:
        starts: first records of other tables, title rows above them left out.
        repeated: a record that holds the header once more.
    """

    starts: tuple[int, ...]
    repeated: int | None


def stacked_in(shape: Shape, head: Head) -> Stacked:
    """Other tables in the sample, and whether the first one's header comes again."""
    starts: list[int] = []
    repeated = None
    if head.rows:
        for record in _like_header(shape, head):
            if _same(shape, record, head.rows[-1]):
                repeated = record if repeated is None else repeated
            else:
                starts.append(record)
    starts += [record for record in _after_gaps(shape, head) if record not in starts]
    return Stacked(tuple(sorted(starts)), repeated)


def _same(shape: Shape, record: int, header: int) -> bool:
    return [cell.strip() for cell in shape.row(record)] == [cell.strip() for cell in shape.row(header)]


def _like_header(shape: Shape, head: Head) -> list[int]:
    """Records that begin as the header does and share most of its names."""
    header = shape.row(head.rows[-1])
    if len(header) < 2 or is_blank(header[0]):
        return []
    start = int(shape.starts[head.rows[-1]])
    beginning = shape.data[start : start + max(len(header[0].encode()) - 2, 2)]
    if shape.data.count(beginning) < 2:
        return []
    found = []
    for record in range(head.body, min(len(shape), _MOST)):
        if shape.data.startswith(beginning, int(shape.starts[record])):
            shared = sum(
                1 for cell, name in zip(shape.row(record), header, strict=False) if name and cell == name
            )
            if shared >= max(2, _SAME_NAMES * len(header)):
                found.append(record)
    return found


def _after_gaps(shape: Shape, head: Head) -> list[int]:
    """First records of the parts, set off by blank lines, that are tables of another width."""
    borders = [record for record in range(head.body + 1, min(len(shape), _MOST)) if shape.gaps[record]]
    if not borders or len(borders) > 50:
        return []
    found = []
    for start, end in zip(borders, [*borders[1:], len(shape)], strict=True):
        widths = shape.widths[start:end].tolist()
        common = statistics.mode(widths)
        if common in (1, head.width) or widths.count(common) < 3:
            continue
        first = start + widths.index(common)
        columns = profile(shape, first + 1, common)
        cells = shape.row(first)
        if filled(cells) == common and look_like_names(cells) and judge(cells, columns).is_header:
            found.append(first)
    return found


def wanted_start(shape: Shape, starts: list[int], known: frozenset[str]) -> int:
    """Which of the tables that start at these records the contract means: the one with most of its names; else the first."""
    matches = [max(known_in(shape.row(record), known) for record in _rows(shape, start)) for start in starts]
    return matches.index(max(matches))


def _rows(shape: Shape, start: int) -> range:
    return range(start, min(start + 3, len(shape)))
