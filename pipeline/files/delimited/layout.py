"""How the records of a delimited text are laid out, and well-formed ones as a frame.

What belongs here: marks, names, the way back from rewritten text, and the strict parse. What does not: anything amiss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from pipeline.files.delimited.rewrite import Codes, Rewrite, escaped_ends
from pipeline.files.delimited.scan import Marks, Positions
from pipeline.files.delimited.scratch import where
from pipeline.files.table import ROW

Lines = Callable[[pl.Series], pl.Series]


@dataclass(frozen=True)
class Layout:
    """How the records of a file are to be read.

    Attributes:
        marks: the bytes that give it structure (after the rewrite).
        columns: names of the columns.
        rewrite: what was rewritten, so that values and source text can be had back.
        doubled: False where the file does not double quotes inside quoted fields: such quotes are then no fault.
        surplus: whether surplus fields that are empty are left out of a record; False where header and records disagree as a whole.
    """

    marks: Marks
    columns: tuple[str, ...]
    rewrite: Rewrite | None = None
    doubled: bool = True
    surplus: bool = True

    @cached_property
    def codes(self) -> Codes | None:
        """The way back, if values may need it."""
        if self.rewrite is None or not self.rewrite.coded:
            return None
        return Codes(self.rewrite, self.marks.quote, self.marks.delimiter)

    def source(self, text: str) -> str:
        """Text of a record as it stands in the file."""
        return text if self.codes is None else self.codes.source(text)

    def value(self, text: str) -> str:
        """A field as the file means it."""
        return text if self.codes is None else self.codes.value(text)


def polars_frame(data: bytes, layout: Layout, quoted: bool, *, ragged: bool = False) -> pl.DataFrame | None:
    """Strict parse of well-formed records; None where polars finds them otherwise. `ragged`: surplus fields are cut off, and
    missing ones are null."""
    marks = layout.marks
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            schema=dict.fromkeys(layout.columns, pl.String),
            separator=chr(marks.delimiter),
            quote_char=chr(marks.quote) if quoted and marks.quote is not None else None,
            eol_char=chr(marks.eol),
            truncate_ragged_lines=ragged,
        )
    except pl.exceptions.PolarsError:
        return None
    if quoted and marks.quote is not None and _has_empty(data, marks):
        frame = frame.select(pl.when(pl.all() != "").then(pl.all()))
    if layout.codes is not None and layout.codes.in_values(data, quoted):
        codes, values = zip(*layout.codes.values, strict=True)
        frame = frame.with_columns(pl.all().str.replace_many(list(codes), list(values)))
    return frame


def _has_empty(data: bytes, marks: Marks) -> bool:
    """Whether there is a field of two quotes."""
    bytes_, last = np.frombuffer(data, np.uint8), len(data) - 1
    quotes = where(bytes_, marks.quote or 0)
    pairs = quotes[:-1][np.diff(quotes) == 1]
    is_border = np.zeros(256, dtype=bool)
    is_border[[marks.delimiter, marks.eol, 13]] = True
    opens = (pairs == 0) | is_border[bytes_[pairs - 1]]
    closes = (pairs + 1 == last) | is_border[bytes_[np.minimum(pairs + 2, last)]]
    return bool((opens & closes).any())


def rows_frame(layout: Layout, rows: list[list[str]], numbers: list[int]) -> pl.DataFrame:
    """Records that are split already, as a frame with `_row`."""
    values = [[layout.value(value) or None for value in column] for column in zip(*rows, strict=True)]
    columns = [
        pl.Series(name, column, pl.String)
        for name, column in zip(layout.columns, values or [[]] * len(layout.columns), strict=True)
    ]
    return pl.DataFrame([*columns, pl.Series(ROW, numbers, pl.Int64)])


def start_lines(
    data: bytes, marks: Marks, starts: Positions, first_line: int, rewrite: Rewrite | None = None
) -> Positions:
    """Physical line of each of `starts`."""
    ends = where(np.frombuffer(data, np.uint8), marks.eol)
    if rewrite is not None and (more := escaped_ends(data, rewrite, marks.eol)):
        ends = np.sort(np.concatenate((ends, np.array(more, dtype=np.int64))))
    return np.searchsorted(ends, starts) + first_line


def lines_at(lines: Positions, first_row: int) -> Lines:
    """`Parsed.lines` of records whose lines are known."""
    return lambda rows: pl.Series(rows.name, lines[rows.to_numpy() - first_row], dtype=pl.Int64)
