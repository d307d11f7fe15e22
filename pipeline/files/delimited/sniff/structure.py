"""What the records of a sample are: preamble, header, data, another table, footer.

What belongs here: where the table begins and ends among the records of the chosen dialect. What does not: whether a row holds
names (`headers`), other tables (`tables`), footers (`footer`), choosing the dialect (`dialect`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.contract.read import Read
from pipeline.files.delimited.sniff.evidence import Column, filled, is_blank
from pipeline.files.delimited.sniff.fit import fitted
from pipeline.files.delimited.sniff.headers import (
    Verdict,
    adds_names,
    fits_below,
    holds_names,
    holds_values,
    is_series,
    joined,
    judge,
    known_in,
)
from pipeline.files.delimited.sniff.shape import Cells, Shape
from pipeline.files.delimited.sniff.top import Top, mended, profile, top_of

_TOP, _MOST_HEADER_ROWS = 60, 3


@dataclass(frozen=True)
class Head:
    """The beginning of a table.

    Attributes:
        rows: records of the header, first to last; empty if there is none.
        body: the first record of data.
        above: the first record that is no preamble.
        names: cells of the header, joined, or None.
        width: fields that a record should have.
        sure: how sure it is that there is a header, or that there is none, from 0 to 1.
        reasons: why.
        notes: what a person should know.
        agreed: whether header and records agree in width as a whole.
    """

    rows: tuple[int, ...]
    body: int
    above: int
    names: Cells | None
    width: int
    sure: float
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    agreed: bool = True


def head_of(shape: Shape, start: int, known: frozenset[str], read: Read) -> Head:
    """The beginning of the table that starts at record `start` or below it."""
    best = _known_row(shape, start, known) if read.skip is None and read.header is None else None
    if best is not None:
        groups = _rows_above(shape, start, best, known)
        why = ("the header is the row whose names the contract knows",)
        return _with_header(shape, best, groups, known, why, 1.0)
    top = top_of(shape, start) if read.skip is None else Top(start)
    if read.header is not None:
        first = top.below if read.header else top.record
        rows = tuple(range(first, min(first + read.header, len(shape))))
        why = ("the dataset says how many rows hold names",)
        return _described(shape, rows, first, first + len(rows), known, why, 1.0)
    if top.is_names:
        why = (
            "the first row holds names, as it is of another width than the records and has no value in it",
        )
        return _with_header(shape, top.record, (), known, why, 0.6)
    if top.broken:
        why = ("no header: the first row is a record of another width than those below it",)
        return _described(shape, (), top.record, top.record, known, why, 0.6)
    return _judged(shape, top.record, known)


def _judged(shape: Shape, top: int, known: frozenset[str]) -> Head:
    cells = shape.row(top)
    if top + 1 >= len(shape):
        has_values = holds_values(cells) and not is_series(cells)
        why = "its only row holds values" if has_values else "its only row holds names"
        rows = () if has_values else (top,)
        return _described(shape, rows, top, top + len(rows), known, (why,), 0.6)
    columns = profile(shape, top + 1, shape.width, cells)
    verdict = judge(cells, columns)
    if known and verdict.data > 0 and not verdict.sure:
        return _described(
            shape, (), top, top, known, ("the first row holds data, and no name that is known",), 0.9
        )
    if holds_names(cells, verdict):
        return _with_header(shape, top, (), known, (_why(cells, columns, verdict),), _sureness(verdict))
    if holds_values(cells) or verdict.data > 0:
        why = "no header: the first row holds values like those below it"
        return _described(shape, (), top, top, known, (why,), _sureness(verdict))
    return _with_header(
        shape, top, (), known, ("the first row is taken for names: nothing speaks against it",), 0.4
    )


def _why(cells: Sequence[str], columns: Sequence[Column], verdict: Verdict) -> str:
    if not verdict.against:
        return "the first row holds names: it differs from all that stands below it"
    kind = next(
        column.kind
        for cell, column in zip(cells, columns, strict=False)
        if column.typed and not is_blank(cell)
    )
    plural = {"number": "numbers", "date": "dates", "address": "addresses"}[kind]
    return f"the first row holds names: no column of {plural} has one in it"


def _sureness(verdict: Verdict) -> float:
    total = verdict.names + verdict.data
    return 0.5 if not total else min(1.0, 0.5 + abs(verdict.names - verdict.data) / (total + 1))


def _known_row(shape: Shape, start: int, known: frozenset[str]) -> int | None:
    """The row with the most names that the contract knows: half of the best at least, so that no value is taken for one."""
    if not known:
        return None
    matches = [known_in(shape.row(record), known) for record in range(start, min(len(shape), start + _TOP))]
    most = max(matches, default=0)
    return (
        start + matches.index(most)
        if most > 1 or (most == 1 and matches.index(most) == 0) or most == len(known)
        else None
    )


def _rows_above(shape: Shape, start: int, header: int, known: frozenset[str]) -> tuple[int, ...]:
    """Group names above the row of known names, unless the contract knows the names without them."""
    above = header - 1
    if above < start or len(shape.row(above)) != len(shape.row(header)):
        return ()
    group = shape.row(above)
    is_group = filled(group) >= 2 and not holds_values(group) and fits_below(group, shape.row(header))
    together = known_in(joined([group, shape.row(header)]), known)
    return (above,) if is_group and together >= known_in(shape.row(header), known) else ()


def _with_header(
    shape: Shape,
    top: int,
    groups: tuple[int, ...],
    known: frozenset[str],
    reasons: tuple[str, ...],
    sure: float,
) -> Head:
    rows, body = _header_rows(shape, top)
    if known and known_in(joined([shape.row(row) for row in rows]), known) <= known_in(shape.row(top), known):
        rows, body = (top,), top + 1
    if len(rows) > _MOST_HEADER_ROWS:
        rows = rows[-1:]
    return _described(shape, (*groups, *rows), (*groups, *rows)[0], body, known, reasons, sure)


def _header_rows(shape: Shape, top: int) -> tuple[tuple[int, ...], int]:
    """(rows of the header, first record after it): names repeated, names under merged cells, units."""
    rows = [top]
    following = top + 1
    while following + 1 < len(shape) and len(rows) <= 2 * _MOST_HEADER_ROWS:
        cells = shape.row(following)
        if not filled(cells):
            skipped = following
            if skipped + 2 < len(shape) and _continues(shape, rows, skipped + 1):
                following += 1
                continue
            break
        if not _continues(shape, rows, following):
            break
        rows.append(following)
        following += 1
    return tuple(rows), following


def _continues(shape: Shape, rows: list[int], record: int) -> bool:
    """Whether a record is one more row of the header."""
    cells, above = shape.row(record), shape.row(rows[-1])
    if not filled(cells) or holds_values(cells) or len(cells) < 2:
        return False
    if [cell.strip() for cell in cells] == [cell.strip() for cell in above]:
        return True
    if len(cells) != shape.width:
        return False
    verdict = judge(cells, profile(shape, record + 1, shape.width, cells))
    return (verdict.sure and adds_names(above, cells)) or (
        verdict.data == verdict.blank and is_blank(cells[0]) and fits_below(above, cells)
    )


def _described(
    shape: Shape,
    rows: tuple[int, ...],
    above: int,
    body: int,
    known: frozenset[str],
    reasons: tuple[str, ...],
    sure: float,
) -> Head:
    """The head with these header rows; names that are missing or too many for the records are set right."""
    if not rows:
        return Head((), body, above, None, shape.width, sure, reasons)
    for row in rows:
        if shape.text(row).count('"') % 2 and (cells := mended(shape, row)) is not None:
            shape.mend(row, cells)
    names = joined([shape.row(row) for row in rows])
    found = fitted(shape, names, body)
    return Head(rows, body, above, found.names, found.width, sure, reasons, found.notes, found.agreed)
