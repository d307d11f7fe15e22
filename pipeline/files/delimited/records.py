"""A block of CSV record by record: for blocks in which something is amiss.

What belongs here: which records of the block can be read, and why the others cannot. What does not: blocks that are well
formed (`parse`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.files.delimited import scan
from pipeline.files.delimited.blocks import Block
from pipeline.files.delimited.fields import split_record
from pipeline.files.delimited.scan import Marks, Positions, Quotes
from pipeline.files.table import ROW, Parsed, Reject
from pipeline.files.text import to_text

RAW = 10_000
Lines = Callable[[pl.Series], pl.Series]


@dataclass(frozen=True)
class Layout:
    """How the records of a file are to be read: its marks and the names of its columns."""

    marks: Marks
    columns: tuple[str, ...]


def polars_frame(data: bytes, layout: Layout, quoted: bool) -> pl.DataFrame | None:
    """Strict parse of well-formed records; None where polars finds them otherwise."""
    marks = layout.marks
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            schema=dict.fromkeys(layout.columns, pl.String),
            separator=chr(marks.delimiter),
            quote_char=chr(marks.quote) if quoted and marks.quote is not None else None,
            eol_char=chr(marks.eol),
        )
    except pl.exceptions.PolarsError:
        return None
    if quoted and marks.quote is not None and bytes([marks.quote] * 2) in data:
        frame = frame.select(pl.when(pl.all() != "").then(pl.all()))
    return frame


def start_lines(data: bytes, marks: Marks, starts: Positions, first_line: int) -> Positions:
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == marks.eol)
    return np.searchsorted(ends, starts) + first_line


def lines_at(lines: Positions, first_row: int) -> Lines:
    return lambda rows: pl.Series(rows.name, lines[rows.to_numpy() - first_row], dtype=pl.Int64)


@dataclass(frozen=True)
class _Records:
    """The records of a block: their bytes and where they lie.

    Attributes:
        data: the block as UTF-8.
        layout: how to read it.
        first_row: `_row` of the first record.
        starts, ends: first byte, and byte after the last, of each record.
        lines: physical line of each.
        counts: fields of each.
        undecodable: position of the first byte that is not UTF-8, by record.
        broken: records with a quote that never closes.
    """

    data: bytes
    layout: Layout
    first_row: int
    starts: Positions
    ends: Positions
    lines: Positions
    counts: Positions
    undecodable: dict[int, int]
    broken: frozenset[int]

    def fields(self, record: int) -> list[str]:
        """Best-effort split."""
        return split_record(self.text(record), self.layout.marks)

    def text(self, record: int) -> str:
        """Source text, undecodable bytes as \\xNN."""
        return to_text(self.data[self.starts[record] : self.ends[record]], "utf-8")


def by_record(data: bytes, block: Block, layout: Layout, quotes: Quotes) -> Parsed:
    """Records with the right number of fields to polars, odd ones to the exact splitter, the others to the rejects."""
    records = _records(data, block, layout, quotes)
    bad = records.counts != len(layout.columns)
    bad[list(records.broken | records.undecodable.keys())] = True
    odd = np.zeros(len(bad), dtype=bool)
    odd[_records_at(quotes.odd, records.starts)] = True
    plain = _plain(records, np.flatnonzero(~bad & ~odd))
    split = _split(records, np.flatnonzero(~bad & odd))
    frame = pl.concat([plain, split]).sort(ROW) if split.height else plain
    rejects = tuple(_reject(records, record, block) for record in np.flatnonzero(bad).tolist())
    return Parsed(frame, rejects, lines=lines_at(records.lines, block.first_row))


def _records(data: bytes, block: Block, layout: Layout, quotes: Quotes) -> _Records:
    starts, ends = scan.record_spans(data, layout.marks, quotes)
    found = scan.delimiters(data, layout.marks, quotes)
    return _Records(
        data,
        layout,
        block.first_row,
        starts,
        ends,
        start_lines(data, layout.marks, starts, block.first_line),
        np.searchsorted(found, ends) - np.searchsorted(found, starts) + 1,
        {} if block.valid else _undecodable(data, starts, ends),
        frozenset(_records_at(quotes.broken, starts).tolist()),
    )


def _records_at(positions: Positions, starts: Positions) -> Positions:
    """The records that hold `positions`."""
    return np.unique(np.searchsorted(starts, positions, side="right") - 1)


def _undecodable(data: bytes, starts: Positions, ends: Positions) -> dict[int, int]:
    found: dict[int, int] = {}
    for record in _records_at(np.flatnonzero(np.frombuffer(data, np.uint8) >= 0x80), starts).tolist():
        try:
            data[starts[record] : ends[record]].decode("utf-8")
        except UnicodeDecodeError as error:
            found[record] = int(starts[record]) + error.start
    return found


def _plain(records: _Records, chosen: Positions) -> pl.DataFrame:
    """Well-formed records, put together again and parsed at once."""
    if not len(chosen):
        return _frame(records.layout, [], [])
    marks, data = records.layout.marks, records.data
    follows = (np.diff(chosen) == 1) & _adjacent(records)[chosen[:-1]]
    breaks = np.flatnonzero(~follows)
    first = records.starts[chosen[np.concatenate(([0], breaks + 1))]].tolist()
    last = records.ends[chosen[np.concatenate((breaks, [len(chosen) - 1]))]].tolist()
    eol = bytes([marks.eol])
    text = eol.join(data[start:end] for start, end in zip(first, last, strict=True)) + eol
    frame = polars_frame(text, records.layout, quoted=marks.quote is not None and marks.quote in data)
    if frame is None or frame.height != len(chosen):
        return _split(records, chosen)
    return frame.with_columns(pl.Series(ROW, chosen + records.first_row, dtype=pl.Int64))


def _adjacent(records: _Records) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the next record begins right after this one's record end, with no blank line between."""
    ends = records.ends[:-1]
    has_cr = np.frombuffer(records.data, np.uint8)[ends] == 13 if records.layout.marks.eol != 13 else 0
    return np.append(records.starts[1:] == ends + 1 + has_cr, False)


def _split(records: _Records, chosen: Positions) -> pl.DataFrame:
    rows = [records.fields(record) for record in chosen.tolist()]
    return _frame(records.layout, rows, (chosen + records.first_row).tolist())


def _frame(layout: Layout, rows: list[list[str]], numbers: list[int]) -> pl.DataFrame:
    values = [[value or None for value in column] for column in zip(*rows, strict=True)] or [[]] * len(
        layout.columns
    )
    columns = [
        pl.Series(name, column, pl.String) for name, column in zip(layout.columns, values, strict=True)
    ]
    return pl.DataFrame([*columns, pl.Series(ROW, numbers, pl.Int64)])


def _reject(records: _Records, record: int, block: Block) -> Reject:
    check, message = _reason(records, record, block)
    return Reject(
        row=records.first_row + record,
        check=check,
        message=message,
        raw=records.text(record)[:RAW],
        fields=tuple(records.fields(record)),
        line=int(records.lines[record]),
    )


def _reason(records: _Records, record: int, block: Block) -> tuple[str, str]:
    line = int(records.lines[record])
    if record in records.undecodable:
        position = records.undecodable[record]
        line += records.data.count(b"\n", int(records.starts[record]), position)
        return (
            "undecodable",
            f"byte 0x{records.data[position]:02X} at offset {block.offset + position} (line {line}) is not valid UTF-8",
        )
    if record in records.broken:
        return "unclosed_quote", f"a quote that opens in line {line} is never closed"
    found, wanted = int(records.counts[record]), len(records.layout.columns)
    check = "too_few_fields" if found < wanted else "too_many_fields"
    return check, f"{found} fields, but the header has {wanted}"
