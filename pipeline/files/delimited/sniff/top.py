"""Where a table begins among the records of a sample, below titles, notes and blank records.

What belongs here: the first record of the table. What does not: which of its rows hold names (`structure`).
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from pipeline.files.delimited.fields import split_record
from pipeline.files.delimited.sniff.evidence import (
    EMPTY,
    TEXT,
    WORD,
    Column,
    columns_of,
    filled,
    is_blank,
    kind_of,
)
from pipeline.files.delimited.sniff.headers import holds_names, holds_values, judge, look_like_names
from pipeline.files.delimited.sniff.shape import Cells, Shape

_TOP, BODY = 60, 120
_MANY = 10
_OTHER_DELIMITERS = ",;\t| "


def profile(shape: Shape, start: int, width: int, names: Cells = ()) -> list[Column]:
    """The columns of the records from `start` on; rows that repeat `names` are none."""
    rows = [shape.row(record) for record in range(start, min(len(shape), start + BODY))]
    whole = [row for row in rows if len(row) >= width and filled(row) and not _repeats(row, names)]
    return columns_of(whole or rows, width)


def _repeats(row: Cells, names: Cells) -> bool:
    if not names or row[0] != names[0]:
        return False
    shared = sum(1 for cell, name in zip(row, names, strict=False) if cell == name and not is_blank(cell))
    return shared >= max(2, 0.5 * filled(names))


@dataclass(frozen=True)
class Top:
    """Where a table begins.

    Attributes:
        record: its first record that is no preamble.
        broken: how many records from there on are broken: of another width than those below, and so no row of names.
        is_names: whether that is settled: it holds the names, and is of another width than the records.
    """

    record: int
    broken: int = 0
    is_names: bool = False

    @property
    def below(self) -> int:
        """The first record that is not broken."""
        return self.record + self.broken


def top_of(shape: Shape, start: int) -> Top:
    """The first record that is no preamble: no title, no note, no blank record, nothing of another width above a row of names.

    Above names nothing is a record. Without names a row is left out only where it is clearly none: a broken record is a record.
    """
    usual = _usual_fill(shape, start)
    if _is_own_table(shape, start):
        return Top(start)
    start = _below_hash(shape, start)
    limit = min(len(shape), start + _TOP)
    record = start
    while record < limit and _is_above(shape, record, usual):
        record += 1
    if record >= limit:
        return Top(start)
    if record == start:
        return Top(record)
    if (header := _header_of_other_width(shape, start, record)) is not None:
        return Top(header, is_names=len(shape.row(header)) != shape.width)
    cells = shape.row(record)
    if holds_names(cells, judge(cells, profile(shape, record + 1, shape.width, cells))):
        return Top(record)
    columns = profile(shape, record, shape.width)
    for above in range(_below_labels(shape, start, record), record):
        if _may_be_record(shape, above, record, columns):
            return Top(above, record - above)
    return Top(record)


def _below_labels(shape: Shape, start: int, record: int) -> int:
    """The first row below those of two fields, a word and its value, that are half as wide as the records at most: one of them may be
    a broken record, several are keys with their values."""
    below = start
    while below < record:
        cells = _without_blank_end(shape.row(below))
        if cells and (len(cells) != 2 or shape.width < 4 or kind_of(cells[0]) not in (WORD, TEXT)):
            break
        below += 1
    labels = [shape.row(above)[0] for above in range(start, below) if filled(shape.row(above))]
    return below if len(set(labels)) == len(labels) > 1 else start


def _below_hash(shape: Shape, start: int) -> int:
    """The first record below lines that begin with `#` and are no comments by their width, if it holds the names; else one of them may."""
    record = start
    while record < len(shape) and shape.text(record).startswith("#"):
        record += 1
    if record == start or record + 1 >= len(shape) or len(shape.row(record)) != shape.width:
        return start
    cells = shape.row(record)
    verdict = judge(cells, profile(shape, record + 1, shape.width, cells))
    return record if verdict.names > verdict.data else start


def _is_own_table(shape: Shape, start: int) -> bool:
    """Whether the records above those of the common width are a table themselves, with names or with many records: then it is the
    first of several."""
    above = [shape.row(record) for record in range(start, min(shape.first, start + BODY))]
    if len(above) < 4 or filled(above[0]) < 3 or shape.text(start).startswith("#"):
        return False
    width = statistics.mode(len(row) for row in above[1:])
    if (
        width < 3
        or abs(len(above[0]) - width) > 1
        or sum(1 for row in above if len(row) == width) < 0.8 * (len(above) - 1)
    ):
        return False
    verdict = judge(above[0], columns_of([row for row in above[1:] if len(row) == width], width))
    return (verdict.is_header and verdict.against > 0) or len(above) > _MANY


def _usual_fill(shape: Shape, start: int) -> float:
    rows = [shape.row(record) for record in range(start, min(len(shape), start + BODY))]
    counts = [filled(row) for row in rows[len(rows) // 3 :] if len(row) == shape.width and filled(row)]
    return statistics.median(counts) if counts else 1.0


def _is_above(shape: Shape, record: int, usual: float) -> bool:
    cells = shape.row(record)
    count = filled(cells)
    if not count:
        return True
    if len(cells) != shape.width:
        return record < shape.first or count == 1 < usual
    if shape.width == 1 or usual < 2:
        return False
    leading = all(not is_blank(cell) for cell in cells[:count])
    apart = record + 1 < len(shape) and (shape.gaps[record + 1] or not filled(shape.row(record + 1)))
    return leading and (count == 1 or count <= usual / (2 if apart else 3))


def _may_be_record(shape: Shape, record: int, below: int, columns: list[Column]) -> bool:
    """Whether a row above the first record without names (`below`) may be one that is broken. It is none if it is blank, a lone text,
    or has words where the records have numbers, dates or the like; where nothing tells, it is one unless a blank line sets it off, and
    then it has to have nearly all the fields of one."""
    cells = _without_blank_end(shape.row(record))
    if not cells:
        return False
    fitting = _fitting(cells, columns)
    if 1 < len(cells) == len(columns) - 1:
        fitting = max(fitting, _fitting(cells, columns[1:]))
    if any(shape.gaps[record + 1 : below + 1]):
        return fitting > 1 or (fitting > 0 and len(cells) >= len(columns) - 1)
    return fitting > 0 or (fitting == 0 and len(cells) > 1)


def _fitting(cells: Cells, columns: list[Column]) -> int:
    """Typed columns in which a row has a value of their kind, less those in which it has another."""
    kinds = [
        (kind_of(cell), column.kind) for cell, column in zip(cells, columns, strict=False) if column.typed
    ]
    return sum(1 if kind == wanted else -1 for kind, wanted in kinds if kind != EMPTY)


def _without_blank_end(cells: Cells) -> Cells:
    held = [position for position, cell in enumerate(cells) if not is_blank(cell)]
    return cells[: held[-1] + 1] if held else ()


def _header_of_other_width(shape: Shape, start: int, record: int) -> int | None:
    """The row of names right above the data may be a field shorter or longer than the records."""
    above = record - 1
    while above > start and not filled(shape.row(above)):
        above -= 1
    cells = shape.row(above)
    count = filled(cells)
    if len(cells) == shape.width or _is_one_of_many(shape, start, above):
        return None
    apart = above + 1 < record or shape.gaps[record]
    again = None if apart else mended(shape, above)
    if again is None and (count < max(2, 0.6 * shape.width) or holds_values(cells)):
        return None
    verdict = judge(again or cells, profile(shape, record, shape.width))
    first = judge(shape.row(record), profile(shape, record + 1, shape.width))
    if verdict.data > verdict.names or first.is_header or first.data < first.names:
        return None
    if again is not None:
        shape.mend(above, again)
    return above


def _is_one_of_many(shape: Shape, start: int, record: int) -> bool:
    """Whether several rows right above one are as wide as it, and wider than keys with their values: then it is one of those."""
    width, before = int(shape.widths[record]), shape.widths[max(start, record - 3) : record]
    return width > 2 and len(before) == 3 and bool((before == width).all())


def mended(shape: Shape, record: int) -> Cells | None:
    """A row of names with a quote too many, or with another delimiter: split so that it has a name for each column."""
    text = shape.text(record)
    own = chr(shape.candidate.marks.delimiter)
    plain = tuple(_unquoted(cell) for cell in text.split(own))
    if len(plain) == shape.width > 1 and all(filled([cell]) for cell in plain[:-1]):
        return plain
    for mark in _OTHER_DELIMITERS if own not in text else "":
        cells = tuple(split_record(text, replace(shape.candidate.marks, delimiter=ord(mark))))
        if mark != own and len(cells) == shape.width > (3 if mark == " " else 2) and look_like_names(cells):
            return cells
    return None


def _unquoted(cell: str) -> str:
    return cell[1:-1] if len(cell) > 2 and cell[0] == cell[-1] == '"' else cell
