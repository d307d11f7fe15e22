"""Which rows of a sheet name its columns.

What belongs here: deciding on the header, from the first rows. What does not: where the table ends (`ending`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.contract.headers import normalise
from pipeline.counts import counted
from pipeline.files.table import ReadOptions
from pipeline.files.workbook.kinds import Cells, Kind, column_kinds, could_name, kind_of
from pipeline.files.workbook.layout import Line

GAP = 16
_LOOK, _BODY, _WIDE, _NAMES = 60, 50, 0.8, 0.8
# How sure a header is by its looks: over columns of numbers or dates, over nothing but texts, or missing.
_TYPED, _TEXTS, _UNNAMED = 0.9, 0.6, 0.7
_MISSING = {"", "-", "–", "?", ".", "na", "nan", "null", "none", "nil", "unknown", "missing", "tbd"}


@dataclass(frozen=True)
class Header:
    """The rows that name the columns.

    Attributes:
        at: the first of them, as a place among the sheet's filled rows; where there is none, the first record's place.
        rows: how many; 0 for none.
        names: column → name.
        reason: why these.
        confidence: how sure, from 0 to 1.
    """

    at: int
    rows: int
    names: dict[int, str]
    reason: str
    confidence: float = 1.0


def find_header(head: Sequence[Line], options: ReadOptions) -> Header:
    """The header among the first rows of a sheet; there is at least one."""
    start = next(
        (place for place, (number, _) in enumerate(head) if number > (options.read.skip or 0)), len(head) - 1
    )
    rows = [cells for _, cells in head]
    wanted = options.read.header
    if wanted is not None:
        found = start if options.read.skip is not None else _guess(rows, head, options)[0]
        if wanted == 0:
            return Header(found, 0, {}, "the dataset says that there is no header")
        return Header(
            found,
            wanted,
            _joined(rows[found : found + wanted]),
            f"the dataset says {counted(wanted, 'row')} of header",
        )
    if options.read.skip is not None:
        return Header(start, 1, dict(rows[start]), "the dataset says how many rows lie above the header")
    if known := {normalise(name) for name in options.expected}:
        found_by_name = _by_names(rows, known)
        if found_by_name is not None:
            return found_by_name
    at, count = _guess(rows, head, options)
    if count == 0:
        reason = "no row of names: the first wide row holds values as the rows below it do"
        return Header(at, 0, {}, reason, _UNNAMED)
    reason = "the first row of texts that is as wide as the rows below it"
    told = set(_body_kinds(rows, at + count - 1).values()) - {"text"}
    return Header(at, count, _joined(rows[at : at + count]), reason, _TYPED if told else _TEXTS)


def _by_names(rows: Sequence[Cells], known: set[str]) -> Header | None:
    """The row, or two rows joined, with most of the contract's names; None if no row has enough of them."""
    best: tuple[int, int, int] | None = None
    for at in range(min(len(rows), _LOOK)):
        for count in (1, 2):
            names = [normalise(name) for name in _joined(rows[at : at + count]).values()]
            matches = len(set(names) & known)
            enough = matches >= 2 or (matches == 1 and len(names) <= 2)
            if at + count <= len(rows) and enough and (best is None or matches > best[0]):
                best = (matches, at, count)
    if best is None:
        return None
    matches, at, count = best
    return Header(at, count, _joined(rows[at : at + count]), f"{matches} of its names are the contract's")


def _guess(rows: Sequence[Cells], head: Sequence[Line], options: ReadOptions) -> tuple[int, int]:
    """(place, rows) of the header by its looks; no rows if the table begins without one."""
    usual = _usual_width(rows)
    wide = [place for place, cells in enumerate(rows[:_LOOK]) if len(cells) >= _WIDE * usual]
    best: int | None = None
    for place in wide:
        if not _names_columns(rows, place):
            break
        if best is None or (len(rows[best]) < usual and len(rows[place]) > len(rows[best])):
            best = place
    if best is None:
        # A row of names may be narrower than the records below it: their other columns have no name.
        if wide and wide[0] > 0 and len(rows[wide[0] - 1]) >= 2 and _names_columns(rows, wide[0] - 1):
            best = wide[0] - 1
        elif usual == 1 or (wide and wide[0] == 1 and _next_to(head, 0) and _names_columns(rows, 0)):
            best = 0 if _names_columns(rows, 0) else None
    if best is None:
        return (wide[0] if wide else 0), 0
    return _with_group(rows, head, best)


def _usual_width(rows: Sequence[Cells]) -> int:
    """Cells of a row of the table: the width for which rows at least that wide cover most."""
    widths = sorted((len(cells) for cells in rows), reverse=True)
    return max(enumerate(widths, start=1), key=lambda item: (item[0] * item[1], item[1]))[1]


def _body_kinds(rows: Sequence[Cells], place: int) -> dict[int, Kind]:
    return column_kinds(rows[place + 1 : place + 1 + _BODY])


def _names_columns(rows: Sequence[Cells], place: int) -> bool:
    """Whether nearly all cells of a row could be names."""
    kinds, cells = _body_kinds(rows, place), rows[place]
    names = sum(could_name(text, kinds.get(column)) for column, text in cells.items())
    values = any(kind_of(text) == kinds.get(column) != "text" for column, text in cells.items())
    return names >= _NAMES * len(cells) and not values


def _next_to(head: Sequence[Line], place: int) -> bool:
    """Whether the next filled row is the next row of the sheet."""
    return place + 1 < len(head) and head[place + 1][0] == head[place][0] + 1


def _with_group(rows: Sequence[Cells], head: Sequence[Line], at: int) -> tuple[int, int]:
    """The header with the row of groups above it, or with the second row of names below it."""
    if at and _next_to(head, at - 1) and _is_group(rows, at - 1):
        return at - 1, 2
    return at, 2 if _next_to(head, at) and _is_second(rows, at + 1) else 1


def _is_second(rows: Sequence[Cells], place: int) -> bool:
    """A second row of names is as wide as the first, all texts, all different, over at least two columns of other values. A
    record with words where others have numbers is no such row."""
    if place + 1 >= len(rows) or rows[place].keys() != rows[place - 1].keys():
        return False
    kinds, texts = _body_kinds(rows, place), list(rows[place].values())
    typed = [column for column in rows[place] if kinds.get(column, "text") != "text"]
    plain = all(kind_of(text) == "text" and normalise(text) not in _MISSING for text in texts)
    return len(typed) >= 2 and plain and len(set(texts)) == len(texts)


def _is_group(rows: Sequence[Cells], place: int) -> bool:
    """A row of groups names at least two, one of them over several columns, and nothing but a title stands above it."""
    group, names = rows[place], rows[place + 1]
    if len(group) < 2 or (place and len(rows[place - 1]) > 1):
        return False
    spans = [column for column in names if column not in group and any(left < column for left in group)]
    return bool(spans) and _names_columns(rows, place)


def _joined(rows: Sequence[Cells]) -> dict[int, str]:
    """Names over several rows joined by a blank. A name without one below it is the column's own; a name above names carries to
    the right, as merged cells do, over columns that have none there."""
    names: dict[int, list[str]] = {}
    last = len(rows) - 1
    for level, cells in enumerate(rows):
        carried: str | None = None
        for column in sorted(set().union(*rows)):
            below = any(column in row for row in rows[level + 1 :])
            if column in cells:
                carried = cells[column] if below else None
                names.setdefault(column, []).append(cells[column].strip())
            elif level < last and carried is not None and below:
                names.setdefault(column, []).append(carried.strip())
    return {column: " ".join(parts) for column, parts in names.items()}
