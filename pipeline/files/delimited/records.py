"""A block of CSV record by record: for blocks in which something is amiss.

What belongs here: which records of the block can be read, and how. What does not: blocks that are well formed (`parse`), what
is said of the others (`verdicts`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.files.delimited import scan
from pipeline.files.delimited.blocks import Block
from pipeline.files.delimited.fields import split_record, split_records
from pipeline.files.delimited.layout import (
    Layout,
    Lines,
    lines_at,
    polars_frame,
    rows_frame,
    start_lines,
)
from pipeline.files.delimited.mend_rows import mend_row, others_in, surplus
from pipeline.files.delimited.repair import mend
from pipeline.files.delimited.runs import Flags
from pipeline.files.delimited.scan import Positions, Quotes
from pipeline.files.delimited.verdicts import RAW, Records, nul_repairs, quote_repairs, rejects_of, repairs_of
from pipeline.files.table import ROW, Parsed, Reject, Repair

__all__ = ["RAW", "Layout", "Lines", "by_record", "lines_at", "polars_frame", "start_lines", "with_nuls"]


def by_record(data: bytes, block: Block, layout: Layout, quotes: Quotes) -> Parsed:
    """Well-formed records and those that can be mended in a frame, the others in the rejects."""
    records = _records(data, block, layout, quotes)
    width = len(layout.columns)
    readable = np.ones(len(records.starts), dtype=bool)
    readable[list(records.undecodable)] = False
    special = np.zeros(len(readable), dtype=bool)
    special[_records_at(quotes.odd, records.starts)] = True
    special[_records_at(quotes.broken, records.starts)] = True
    ends = _without_surplus(records, special, width)
    cut = np.flatnonzero(readable & (ends < records.ends))
    repairs = repairs_of(
        records,
        cut,
        ["surplus_empty_fields"] * len(cut),
        [surplus(int(count), width) for count in records.counts[cut].tolist()],
    )
    is_plain = readable & ~special & ((records.counts == width) | (ends < records.ends))
    frames = [_plain(records, np.flatnonzero(is_plain), ends)]
    chosen = np.flatnonzero(readable & special)
    frame, mended, more = _mended(records, chosen)
    frames.append(frame)
    repairs += more
    left = readable & ~is_plain
    left[mended] = False
    frame, more, rejects = _by_hand(records, np.flatnonzero(left | ~readable), special, block)
    frames.append(frame)
    repairs += more
    frames = [frame for frame in frames if frame.height] or frames[:1]
    return Parsed(
        pl.concat(frames).sort(ROW) if len(frames) > 1 else frames[0],
        rejects,
        tuple(sorted(repairs, key=lambda repair: repair.row)),
        lines_at(records.lines, block.first_row),
    )


def with_nuls(parsed: Parsed, data: bytes, block: Block, layout: Layout, quotes: Quotes) -> Parsed:
    """Says which records lost NUL bytes."""
    records = _records(data, block, layout, quotes)
    rejected = {reject.row for reject in parsed.rejects}
    repairs = [repair for repair in nul_repairs(records, block) if repair.row not in rejected]
    return Parsed(
        parsed.frame,
        parsed.rejects,
        tuple(sorted((*parsed.repairs, *repairs), key=lambda repair: repair.row)),
        parsed.lines,
    )


def _records(data: bytes, block: Block, layout: Layout, quotes: Quotes) -> Records:
    starts, ends = scan.record_spans(data, layout.marks, quotes)
    found = scan.delimiters(data, layout.marks, quotes)
    return Records(
        data,
        layout,
        block.first_row,
        starts,
        ends,
        np.arange(block.first_line, block.first_line + len(starts))
        if block.lines == len(starts)
        else start_lines(data, layout.marks, starts, block.first_line, layout.rewrite),
        np.searchsorted(found, ends) - np.searchsorted(found, starts) + 1,
        found,
        {} if block.valid else _undecodable(data, starts, ends),
        frozenset(_records_at(quotes.broken, starts).tolist()),
    )


def _records_at(positions: Positions, starts: Positions) -> Positions:
    """The records that hold `positions`."""
    held = np.zeros(len(starts), dtype=bool)
    held[np.searchsorted(starts, positions, side="right") - 1] = True
    return np.flatnonzero(held)


def _undecodable(data: bytes, starts: Positions, ends: Positions) -> dict[int, int]:
    found: dict[int, int] = {}
    for record in _records_at(np.flatnonzero(np.frombuffer(data, np.uint8) >= 0x80), starts).tolist():
        try:
            data[starts[record] : ends[record]].decode("utf-8")
        except UnicodeDecodeError as error:
            found[record] = int(starts[record]) + error.start
    return found


def _without_surplus(records: Records, special: Flags, width: int) -> Positions:
    """Where each record ends without surplus fields that are empty."""
    ends = records.ends.copy()
    long = np.flatnonzero((records.counts > width) & ~special)
    if len(long):
        cut = records.delimiters[np.searchsorted(records.delimiters, records.starts[long]) + width - 1]
        is_empty = ends[long] - cut == records.counts[long] - width
        ends[long[is_empty]] = cut[is_empty]
    return ends


def _plain(records: Records, chosen: Positions, ends: Positions) -> pl.DataFrame:
    """Well-formed records, put together again and parsed at once."""
    layout, data = records.layout, records.data
    if not len(chosen):
        return rows_frame(layout, [], [])
    marks = layout.marks
    follows = (np.diff(chosen) == 1) & _adjacent(records, ends)[chosen[:-1]]
    breaks = np.flatnonzero(~follows)
    first = records.starts[chosen[np.concatenate(([0], breaks + 1))]].tolist()
    last = ends[chosen[np.concatenate((breaks, [len(chosen) - 1]))]].tolist()
    eol = bytes([marks.eol])
    text = eol.join([data[start:end] for start, end in zip(first, last, strict=True)]) + eol
    frame = polars_frame(text, layout, quoted=marks.quote is not None and marks.quote in data)
    numbers = chosen + records.first_row
    if frame is None or frame.height != len(chosen):
        rows = [split_record(text, marks) for text in records.texts(chosen, ends)]
        return rows_frame(layout, rows, numbers.tolist())
    return frame.with_columns(pl.Series(ROW, numbers, dtype=pl.Int64))


def _adjacent(records: Records, ends: Positions) -> Flags:
    """Whether the next record begins right after this one's record end, with no blank line between."""
    if not len(ends):
        return np.zeros(0, dtype=bool)
    ends = ends[:-1]
    has_cr = np.frombuffer(records.data, np.uint8)[ends] == 13 if records.layout.marks.eol != 13 else 0
    return np.append(records.starts[1:] == ends + 1 + has_cr, False)


def _mended(records: Records, chosen: Positions) -> tuple[pl.DataFrame, Positions, list[Repair]]:
    """(frame, its records, repairs) of records with wrong quotes."""
    layout = records.layout
    if not len(chosen):
        return rows_frame(layout, [], []), chosen, []
    spans = zip(records.starts[chosen].tolist(), records.ends[chosen].tolist(), strict=True)
    found = mend(
        [records.data[start:end] for start, end in spans],
        layout.marks,
        len(layout.columns),
        doubled=layout.doubled,
    )
    fits = found.reading >= 0
    accepted = chosen[fits]
    if not len(accepted):
        return rows_frame(layout, [], []), accepted, []
    frame = polars_frame(found.text, layout, quoted=True)
    if frame is None or frame.height != len(accepted):
        return rows_frame(layout, [], []), accepted[:0], []
    frame = frame.with_columns(pl.Series(ROW, accepted + records.first_row, dtype=pl.Int64))
    return frame, accepted, quote_repairs(records, accepted, found, fits)


def _by_hand(
    records: Records, chosen: Positions, special: Flags, block: Block
) -> tuple[pl.DataFrame, list[Repair], tuple[Reject, ...]]:
    """(frame, repairs, rejects) of records with the wrong number of fields, or undecodable ones."""
    layout = records.layout
    marks, width = layout.marks, len(layout.columns)
    texts = records.texts(chosen)
    if special[chosen].any():
        fields = [split_record(text, marks) for text in texts]
    else:
        fields = split_records(texts, marks)
    others = others_in(records.data, marks)
    own = layout.value(chr(marks.delimiter))
    # The first line is what `mend_row` would say of most records, without the call.
    found = [
        None
        if not others and len(split) > 1 and (len(split) < width or split[-1].strip(" "))
        else mend_row(text, split, marks, width, others, own)
        for text, split in zip(texts, fields, strict=True)
    ]
    for index in np.flatnonzero(np.isin(chosen, list(records.undecodable))).tolist():
        found[index] = None
    is_read = np.array([each is not None for each in found], dtype=bool)
    mended = [each for each in found if each is not None]
    accepted = chosen[is_read]
    repairs = repairs_of(
        records, accepted, [check for _, check, _ in mended], [what for _, _, what in mended]
    )
    frame = rows_frame(layout, [row for row, _, _ in mended], (accepted + records.first_row).tolist())
    bad = [(text, split) for text, split, each in zip(texts, fields, found, strict=True) if each is None]
    return frame, repairs, rejects_of(records, chosen[~is_read], bad, block)
