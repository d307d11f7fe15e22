"""A block of CSV as a frame and rejects.

What belongs here: the fast path (polars, checked against the count). What does not: blocks in which something
is amiss (`records`), cutting (`blocks`) and the dialect.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.files.delimited import scan
from pipeline.files.delimited.blocks import Block
from pipeline.files.delimited.layout import Layout, Lines, lines_at, polars_frame, start_lines
from pipeline.files.delimited.records import by_record, with_nuls
from pipeline.files.delimited.scan import Quotes
from pipeline.files.table import ROW, Parsed
from pipeline.files.text import to_utf8


def parse_block(block: Block, layout: Layout) -> Parsed:
    """The block's records. Well-formed blocks take the fast path; every other one is looked at record by record."""
    data = to_utf8(block.data, block.encoding)
    quotes = _quotes(data, block, layout)
    parsed = _parsed(data, block, layout, quotes)
    return with_nuls(parsed, data, block, layout, quotes) if len(block.nuls) else parsed


def _quotes(data: bytes, block: Block, layout: Layout) -> Quotes:
    """The quotes of `data`, which is the block's as UTF-8."""
    if block.quotes is None:
        return scan.find_quotes(data, layout.marks, True)
    if data is block.data:
        return block.quotes
    longer = np.array([len(to_utf8(bytes([byte]), block.encoding)) - 1 for byte in range(256)])
    return block.quotes.moved(np.cumsum(longer[np.frombuffer(block.data, np.uint8)]))


def _parsed(data: bytes, block: Block, layout: Layout, quotes: Quotes) -> Parsed:
    if block.valid and not len(quotes.odd) and not len(quotes.broken):
        frame = _fast(data, block, layout, quotes)
        if frame is not None:
            return Parsed(_numbered(frame, block.first_row), lines=_lines(block, data, layout, quotes))
    return by_record(data, block, layout, quotes)


def _fast(data: bytes, block: Block, layout: Layout, quotes: Quotes) -> pl.DataFrame | None:
    """The frame, or None unless every record has as many fields as there are columns: polars pads short records in silence
    and refuses long ones, so that the number of delimiters settles it."""
    delimiters = scan.count_delimiters(data, layout.marks, quotes)
    if delimiters != block.records * (len(layout.columns) - 1):
        return None
    frame = polars_frame(data, layout, quoted=len(quotes.toggles) > 0)
    return frame if frame is not None and frame.height == block.records else None


def _numbered(frame: pl.DataFrame, first_row: int) -> pl.DataFrame:
    rows = pl.int_range(first_row, first_row + frame.height, dtype=pl.Int64, eager=True)
    return frame.with_columns(rows.alias(ROW))


def _lines(block: Block, data: bytes, layout: Layout, quotes: Quotes) -> Lines:
    """Lines by row: plain arithmetic where each record is one line, else from where the records start."""
    shift = block.first_line - block.first_row
    if block.lines == block.records:
        return lambda rows: rows.cast(pl.Int64) + shift
    starts, _ = scan.record_spans(data, layout.marks, quotes)
    return lines_at(
        start_lines(data, layout.marks, starts, block.first_line, layout.rewrite), block.first_row
    )
