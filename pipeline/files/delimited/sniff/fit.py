"""A header set right against its records: names that are missing or too many.

What belongs here: as many names as a record has fields. What does not: which rows are the header (`structure`).
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import numpy as np

from pipeline.contract.headers import normalise
from pipeline.counts import counted
from pipeline.files.delimited.sniff.evidence import filled, is_blank
from pipeline.files.delimited.sniff.shape import Cells, Shape
from pipeline.files.delimited.sniff.top import BODY

_LOOK = 2000
_KEYS = ("id", "nr", "no", "number", "row", "index", "key", "position", "pos", "#")


@dataclass(frozen=True)
class Fitted:
    """A header set right against its records.

    Attributes:
        names: as many as there are columns.
        width: fields that a record should have.
        agreed: whether header and records agree in width as a whole: then a record with surplus fields that are empty can be read.
            Where the records as a whole are wider than the header, with something in what is surplus, nobody knows which field has no
            name, and a record that happens to be empty there would have its values under wrong names.
        notes: for people.
    """

    names: Cells
    width: int
    agreed: bool = True
    notes: tuple[str, ...] = ()


def fitted(shape: Shape, names: Cells, body: int) -> Fitted:
    """Fields with something in them but no name are left to be rejected; but fields that are empty throughout have no name, and row
    numbers need none."""
    found = _as_most(shape, names, body)
    if 2 * len(shape.quotes.odd) >= len(shape) or not _are_wider(shape, len(names), body):
        return found
    if found.width > len(names) and not found.names[0]:
        return found
    note = (
        f"the header has {counted(len(names), 'name')}, but most records have more fields, with something in them: which field has no name "
        "cannot be known, so that none of these records is read"
    )
    return Fitted(names, len(names), agreed=False, notes=(note,))


def _are_wider(shape: Shape, width: int, body: int) -> bool:
    """Whether most records have more fields than the header, and some of them something in those."""
    wider = body + np.flatnonzero(shape.widths[body:] > width)
    if 2 * len(wider) <= len(shape) - body:
        return False
    return any(_holds(shape.row(record)[width:]) for record in wider[:_LOOK].tolist())


def _holds(cells: Cells) -> bool:
    return any(character.isalnum() for cell in cells for character in cell)


def _as_most(shape: Shape, names: Cells, body: int) -> Fitted:
    """By the width that nearly all of the first records have."""
    records = [shape.row(record) for record in range(body, min(len(shape), body + BODY))]
    widths = [len(row) for row in records if filled(row)] or [len(names)]
    common = statistics.mode(widths)
    unchanged = Fitted(names, len(names))
    if common == len(names) or widths.count(common) < 0.9 * len(widths):
        return unchanged
    if 2 * len(shape.quotes.odd) >= len(shape):
        return unchanged
    if common < len(names):
        surplus = len(names) - common
        blank = [position for position, name in enumerate(names) if is_blank(name)]
        if len(blank) < surplus:
            return unchanged
        dropped = set(blank[len(blank) - surplus :])
        kept = tuple(name for position, name in enumerate(names) if position not in dropped)
        note = (
            f"the header has {counted(len(names), 'field')}, of which {surplus} without a name are left out"
        )
        return Fitted(kept, common, notes=(note,))
    note = f"records have {counted(common, 'field')} but the header {len(names)}; the surplus has no names"
    if common == len(names) + 1 and normalise(names[0]) not in _KEYS and _numbered(records, common):
        return Fitted(("", *names), common, notes=(f"{note}: the first counts the rows",))
    if not any(_holds(row[len(names) :]) for row in records):
        return Fitted((*names, *[""] * (common - len(names))), common, notes=(note,))
    return unchanged


def _numbered(records: list[Cells], width: int) -> bool:
    first = [row[0].strip() for row in records if len(row) == width]
    if len(first) < 2 or not first[0].isdecimal() or int(first[0]) > 1:
        return False
    return first == [str(int(first[0]) + row) for row in range(len(first))]
