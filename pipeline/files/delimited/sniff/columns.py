"""The names of a table's columns: from its header, from the contract by position, or by number.

What belongs here: naming columns. What does not: whether there is a header (`structure`).
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.counts import counted
from pipeline.files.delimited.sniff.sample import Sample
from pipeline.files.delimited.sniff.shape import Shape
from pipeline.files.delimited.sniff.structure import Head
from pipeline.files.names import column_names
from pipeline.files.problems import UnreadableFile


@dataclass(frozen=True)
class Named:
    """Columns with names.

    Attributes:
        columns: the names, made unique.
        header: the header's cells, or None.
        notes: what a person should know.
    """

    columns: tuple[str, ...]
    header: tuple[str, ...] | None
    notes: tuple[str, ...]


def named(sample: Sample, head: Head, shape: Shape) -> Named:
    """Raises UnreadableFile `no_header` where the contract knows names, the file has none, and their number does not fit."""
    if head.names is not None:
        cells = (*head.names, *[""] * (head.width - len(head.names)))
        if shape.candidate.delimiter != b",":
            cells = tuple(cell.rstrip(",") if cell.endswith(",,") else cell for cell in cells)
        return Named(column_names(cells), cells, ())
    positions = sample.options.positions
    if positions and len(positions) == head.width:
        return Named(
            column_names(positions),
            None,
            ("the file has no header: its columns are the contract's, in order",),
        )
    if sample.known:
        raise _no_header(sample, head, shape)
    return Named(column_names([""] * head.width), None, ("the file has no header: its columns are numbered",))


def _no_header(sample: Sample, head: Head, shape: Shape) -> UnreadableFile:
    first = ", ".join(shape.row(head.above))[:80]
    wanted = len(sample.options.positions)
    cause = f"the first line holds data ({first}), not column names"
    if wanted:
        cause += (
            f", and it has {counted(head.width, 'field')} where the contract has {counted(wanted, 'column')}"
        )
    return UnreadableFile(
        sample.path, "no_header", cause, "Put a line with the column names on top of the file"
    )
