"""A header set right against its records: names that are missing or too many.

What belongs here: as many names as a record has fields. What does not: which rows are the header (`structure`).
"""

from __future__ import annotations

import statistics

from pipeline.contract.headers import normalise
from pipeline.files.delimited.sniff.evidence import filled, is_blank
from pipeline.files.delimited.sniff.shape import Cells, Shape
from pipeline.files.delimited.sniff.top import BODY

_KEYS = ("id", "nr", "no", "number", "row", "index", "key", "position", "pos", "#")


def fitted(shape: Shape, names: Cells, body: int) -> tuple[Cells, int, tuple[str, ...]]:
    """(names, fields of a record, notes). Fields with something in them but no name are left to be rejected: nobody knows
    which name is theirs; but fields that are empty throughout have no name, and row numbers need none."""
    records = [shape.row(record) for record in range(body, min(len(shape), body + BODY))]
    widths = [len(row) for row in records if filled(row)] or [len(names)]
    common = statistics.mode(widths)
    if common == len(names) or widths.count(common) < 0.9 * len(widths):
        return names, len(names), ()
    if 2 * len(shape.quotes.odd) >= len(shape):
        return names, len(names), ()
    if common < len(names):
        surplus = len(names) - common
        blank = [position for position, name in enumerate(names) if is_blank(name)]
        if len(blank) < surplus:
            return names, len(names), ()
        dropped = set(blank[len(blank) - surplus :])
        kept = tuple(name for position, name in enumerate(names) if position not in dropped)
        return (
            kept,
            common,
            (f"the header has {len(names)} fields, of which {surplus} without a name are left out",),
        )
    note = f"records have {common} fields but the header {len(names)}; the surplus has no names"
    if common == len(names) + 1 and normalise(names[0]) not in _KEYS and _numbered(records, common):
        return ("", *names), common, (f"{note}: the first counts the rows",)
    if not any(c.isalnum() for row in records for cell in row[len(names) :] for c in cell):
        return (*names, *[""] * (common - len(names))), common, (note,)
    return names, len(names), ()


def _numbered(records: list[Cells], width: int) -> bool:
    first = [row[0].strip() for row in records if len(row) == width]
    if len(first) < 2 or not first[0].isdecimal() or int(first[0]) > 1:
        return False
    return first == [str(int(first[0]) + row) for row in range(len(first))]
