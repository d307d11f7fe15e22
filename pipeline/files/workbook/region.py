"""Where the table of a sheet lies: between title rows and notes, between blank margins.

What belongs here: putting header and ending together. What does not: each of them, and reading the values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipeline.counts import counted
from pipeline.files.table import ReadOptions
from pipeline.files.workbook.ending import is_total, notes_from
from pipeline.files.workbook.header import GAP, Header, find_header
from pipeline.files.workbook.layout import Line, Look, Region, letters

_SHOWN, _NAMED = 300, 5


def find_region(look: Look, options: ReadOptions) -> Region:
    """The table of a sheet that holds at least one value. Without a header, columns have no names yet."""
    header = find_header(look.head, options)
    begin = header.at + header.rows
    body = look.head[begin:]
    first, width = _columns(header, body)
    edge = first + width
    reach = edge + GAP
    body = _within(body, first, reach)
    end, below = _ending(look, body, begin, (first, reach), width, options)
    notes = []
    if above := look.head[: header.at]:
        notes.append(_left_out("above the table", above))
    notes += [_left_out(where, lines) for where, lines in below if lines]
    if far := {column: cell for column, cell in sorted(look.edges.items()) if column >= reach}:
        notes.append(_far(far))
    names = tuple(header.names.get(column) for column in range(first, edge)) if header.rows else None
    line = look.head[header.at][0] if header.rows else None
    return Region(
        first,
        names,
        width,
        line,
        header.rows,
        begin,
        max(begin, end),
        reach,
        (header.reason,),
        header.confidence,
        tuple(notes),
    )


def _columns(header: Header, body: Sequence[Line]) -> tuple[int, int]:
    """(first column, columns): those with a name, and before them those that most records fill (an index without a name).
    Names beyond a wide gap are none."""
    filled = Counter(column for _, cells in body for column in cells)
    usual = sorted(column for column, times in filled.items() if 2 * times >= len(body))
    columns = sorted(header.names) or usual or sorted(filled) or [0]
    last = columns[0]
    for column in columns:
        if column - last > GAP:
            break
        last = column
    first = columns[0]
    while first and first - 1 in usual:
        first -= 1
    return first, last + 1 - first


def _ending(
    look: Look,
    body: Sequence[Line],
    begin: int,
    columns: tuple[int, int],
    width: int,
    options: ReadOptions,
) -> tuple[int, list[tuple[str, Sequence[Line]]]]:
    """(end of the records as a place in `look.numbers`, what is below them)."""
    end = len(look.numbers)
    if options.read.footer is not None:
        count = min(options.read.footer, end - begin)
        shown = look.tail[max(0, len(look.tail) - count) :] if count else ()
        return end - count, [("below the table, as the dataset says,", shown)]
    tail = _within(look.tail[-(end - begin) :] if end > begin else (), *columns)
    count = notes_from(body, tail, width)
    below: list[tuple[str, Sequence[Line]]] = [("below the table", look.tail[len(look.tail) - count :])]
    end -= count
    rest = tail[: len(tail) - count]
    if len(rest) > 1:
        last = rest[-1][0]
        before = {number: cells for number, cells in [*body, *rest] if number < last}
        whole = len(before) == end - begin - 1
        if is_total(sorted(before.items()), rest[-1], whole):
            end -= 1
            below.insert(0, ("below the table, a total,", rest[-1:]))
    return end, below


def _within(lines: Sequence[Line], first: int, reach: int) -> tuple[Line, ...]:
    return tuple(
        (number, {column: text for column, text in cells.items() if first <= column < reach})
        for number, cells in lines
    )


def _left_out(where: str, lines: Sequence[Line]) -> str:
    """What is said of rows that are no records, with the beginning of their text."""
    texts = " | ".join(" ".join(cells[column] for column in sorted(cells)) for _, cells in lines)
    rows = f"row {lines[0][0]}" if len(lines) == 1 else f"rows {lines[0][0]} to {lines[-1][0]}"
    return f"{rows} {where} left out: {texts[:_SHOWN]}{'…' if len(texts) > _SHOWN else ''}"


def _far(cells: dict[int, tuple[int, str]]) -> str:
    named = [
        f"{letters(column)}{row} ({text[:50]!r})" for column, (row, text) in list(cells.items())[:_NAMED]
    ]
    more = f" and in {counted(len(cells) - _NAMED, 'other column')}" if len(cells) > _NAMED else ""
    return f"cells far to the right of the table left out: {', '.join(named)}{more}"
