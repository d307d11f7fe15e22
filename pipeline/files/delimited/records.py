"""A block of CSV record by record: for blocks in which something is amiss.

What belongs here: which records of the block can be read, and how. What does not: blocks that are well formed (`parse`), what
is said of the others (`verdicts`).

Good records go to polars, all at once. Of the others only those that can be mended become Python objects here; most rejects are
found by their numbers alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from pipeline.files.delimited import scan
from pipeline.files.delimited.blocks import Block
from pipeline.files.delimited.fields import split_record
from pipeline.files.delimited.layout import (
    Layout,
    Lines,
    lines_at,
    polars_frame,
    rows_frame,
    start_lines,
)
from pipeline.files.delimited.mend_rows import mend_row, mendable, others_in, surplus
from pipeline.files.delimited.runs import Flags
from pipeline.files.delimited.scan import Positions, Quotes
from pipeline.files.delimited.scratch import how_often
from pipeline.files.delimited.spans import Spans, follows, holding, joined, spans_of
from pipeline.files.delimited.splice import among, apart, mended_of
from pipeline.files.delimited.told import Said, no_collection, together
from pipeline.files.delimited.verdicts import (
    RAW,
    Records,
    fields_of,
    nuls_left_out,
    reasons_of,
    rejects_of,
    repairs_of,
)
from pipeline.files.table import ROW, Parsed, Reject

_ALMOST_ALL = 0.8

__all__ = ["RAW", "Layout", "Lines", "by_record", "lines_at", "polars_frame", "start_lines", "with_nuls"]


def by_record(data: bytes, block: Block, layout: Layout, quotes: Quotes) -> Parsed:
    """Well-formed records and those that can be mended in a frame, the others in the rejects."""
    spans = spans_of(data, layout.marks, quotes)
    records = _records(data, block, layout, quotes, spans)
    width = len(layout.columns)
    readable = np.ones(len(records.starts), dtype=bool)
    readable[list(records.undecodable)] = False
    special = np.zeros(len(readable), dtype=bool)
    special[holding(quotes.odd, records.starts)] = True
    special[holding(quotes.broken, records.starts)] = True
    ends = _without_surplus(data, layout, quotes, spans, special)
    is_cut = ends < records.ends
    cut = np.flatnonzero(readable & is_cut)
    is_plain = readable & ~special & ((records.counts == width) | is_cut)
    found = mended_of(records, np.flatnonzero(readable & special))
    mended, quotes_said = found.records, found.said
    frame = among(records, np.flatnonzero(is_plain), ends, found)
    frames = [] if frame is None else [frame]
    if frame is None:
        plain = _among(records, is_plain, special)
        frames = [_plain(records, np.flatnonzero(is_plain), ends) if plain is None else plain]
        frame = apart(records, found)
        if frame is None:
            mended, quotes_said = mended[:0], Said.nothing()
        else:
            frames.append(frame)
    left = ~is_plain
    left[mended] = False
    frame, rows_said, rejects = _by_hand(records, np.flatnonzero(left), special, block)
    frames.append(frame)
    frames = [frame for frame in frames if frame.height] or frames[:1]
    surplus_said = Said.by_count(
        cut, records.counts[cut], lambda count: ("surplus_empty_fields", surplus(count, width))
    )
    return Parsed(
        pl.concat(frames).sort(ROW) if len(frames) > 1 else frames[0],
        rejects,
        repairs_of(records, together([surplus_said, quotes_said, rows_said])),
        lines_at(records.lines, block.first_row),
    )


def with_nuls(parsed: Parsed, data: bytes, block: Block, layout: Layout, quotes: Quotes) -> Parsed:
    """Says which records lost NUL bytes."""
    records = _records(data, block, layout, quotes, spans_of(data, layout.marks, quotes))
    rejected = {reject.row for reject in parsed.rejects}
    repairs = [
        repair for repair in repairs_of(records, nuls_left_out(records, block)) if repair.row not in rejected
    ]
    return Parsed(
        parsed.frame,
        parsed.rejects,
        tuple(sorted((*parsed.repairs, *repairs), key=lambda repair: repair.row)),
        parsed.lines,
    )


def _records(data: bytes, block: Block, layout: Layout, quotes: Quotes, spans: Spans) -> Records:
    starts, ends = spans.starts, spans.ends
    if block.lines == len(starts):
        lines = np.arange(block.first_line, block.first_line + len(starts))
    elif not len(quotes.toggles) and layout.rewrite is None:
        lines = spans.line + block.first_line
    else:
        lines = start_lines(data, layout.marks, starts, block.first_line, layout.rewrite)
    return Records(
        data,
        layout,
        block.first_row,
        starts,
        ends,
        lines,
        spans.counts,
        {} if block.valid else _undecodable(data, starts, ends),
        frozenset(holding(quotes.broken, starts).tolist()),
    )


def _undecodable(data: bytes, starts: Positions, ends: Positions) -> dict[int, int]:
    found: dict[int, int] = {}
    for record in holding(np.flatnonzero(np.frombuffer(data, np.uint8) >= 0x80), starts).tolist():
        try:
            data[starts[record] : ends[record]].decode("utf-8")
        except UnicodeDecodeError as error:
            found[record] = int(starts[record]) + error.start
    return found


def _without_surplus(data: bytes, layout: Layout, quotes: Quotes, spans: Spans, special: Flags) -> Positions:
    """Where each record ends without surplus fields that are empty, where these may be left out."""
    if not layout.surplus:
        return spans.ends
    marks, width = layout.marks, len(layout.columns)
    long = np.flatnonzero((spans.counts > width) & ~special)
    long = long[np.frombuffer(data, np.uint8)[spans.ends[long] - 1] == marks.delimiter]
    if not len(long):
        return spans.ends
    ends, delimiters = spans.ends.copy(), scan.delimiters(data, marks, quotes)
    cut = delimiters[np.searchsorted(delimiters, spans.starts[long]) + width - 1]
    is_empty = ends[long] - cut == spans.counts[long] - width
    ends[long[is_empty]] = cut[is_empty]
    return ends


def _among(records: Records, is_plain: Flags, special: Flags) -> pl.DataFrame | None:
    """Well-formed records by parsing all of the block where almost all are well formed, and none of those holds a quote: what
    became of the others is left out then. None where that does not do. As polars takes every line for a record, it finds as many
    as there are only if each is one line."""
    layout, data = records.layout, records.data
    quote = layout.marks.quote
    if records.undecodable or np.count_nonzero(is_plain) < _ALMOST_ALL * len(is_plain):
        return None
    if quote is not None and quote in data:
        spans = zip(records.starts[special].tolist(), records.ends[special].tolist(), strict=True)
        if sum(data.count(quote, start, end) for start, end in spans) < how_often(data, quote):
            return None
    frame = polars_frame(data, layout, quoted=False, ragged=True)
    if frame is None or frame.height != len(is_plain):
        return None
    rows = pl.Series(ROW, np.flatnonzero(is_plain) + records.first_row, dtype=pl.Int64)
    return frame.filter(pl.Series(is_plain)).with_columns(rows)


def _plain(records: Records, chosen: Positions, ends: Positions) -> pl.DataFrame:
    """Well-formed records, put together again and parsed at once."""
    layout, data = records.layout, records.data
    if not len(chosen):
        return rows_frame(layout, [], [])
    marks = layout.marks
    starts, stops = records.starts[chosen], ends[chosen]
    text = joined(data, starts, stops, follows(data, starts, stops, marks.eol), marks.eol)
    frame = polars_frame(text, layout, quoted=marks.quote is not None and marks.quote in text)
    numbers = chosen + records.first_row
    if frame is None or frame.height != len(chosen):
        rows = [split_record(text, marks) for text in records.texts(chosen, ends)]
        return rows_frame(layout, rows, numbers.tolist())
    return frame.with_columns(pl.Series(ROW, numbers, dtype=pl.Int64))


def _by_hand(
    records: Records, chosen: Positions, special: Flags, block: Block
) -> tuple[pl.DataFrame, Said, Sequence[Reject]]:
    """(frame, repairs, rejects) of records with the wrong number of fields, or undecodable ones."""
    layout = records.layout
    if not len(chosen):
        return rows_frame(layout, [], []), Said.nothing(), ()
    marks, width = layout.marks, len(layout.columns)
    others = others_in(records.data, marks)
    may_be = special[chosen] | mendable(
        records.data,
        records.starts[chosen],
        records.ends[chosen],
        records.counts[chosen],
        marks,
        width,
        others,
    )
    may_be &= ~np.isin(chosen, list(records.undecodable))
    tried = chosen[may_be]
    own, odd = layout.value(chr(marks.delimiter)), bool(special[chosen].any())
    with no_collection():
        texts = records.texts(tried)
        found = [
            mend_row(text, fields, marks, width, others, own, agreed=layout.surplus)
            for text, fields in zip(texts, fields_of(records, texts, odd), strict=True)
        ]
        is_read = np.array([each is not None for each in found], dtype=bool)
        mended = [each for each in found if each is not None]
        accepted = tried[is_read]
        numbers = (accepted + records.first_row).tolist()
        frame = rows_frame(layout, [row for row, _, _ in mended], numbers)
    said = Said.each(accepted, [(check, what) for _, check, what in mended])
    rejected = chosen[~np.isin(chosen, accepted)] if len(accepted) else chosen
    return frame, said, rejects_of(records, reasons_of(records, rejected, block), odd)
