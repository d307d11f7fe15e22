"""Records whose quotes were wrong, mended, as a frame: on their own, or among the well-formed records of their block.

What belongs here: putting the two together. What does not: how such a record is to be read (`repair`), which records are which
(`records`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.files.delimited import scan
from pipeline.files.delimited.layout import polars_frame, rows_frame
from pipeline.files.delimited.repair import mend
from pipeline.files.delimited.runs import Flags
from pipeline.files.delimited.scan import Positions
from pipeline.files.delimited.scratch import where
from pipeline.files.delimited.spans import follows, joined
from pipeline.files.delimited.told import Said, together
from pipeline.files.delimited.verdicts import Records, quotes_mended
from pipeline.files.table import ROW

_FEW, _MANY = 0.25, 16_384


@dataclass(frozen=True)
class MendedRecords:
    """Records whose quotes were wrong, with their quotes in order.

    Attributes:
        records: which, ascending.
        text: they themselves, one after the other, each with a record end.
        said: what was repaired.
    """

    records: Positions
    text: bytes
    said: Said


def mended_of(records: Records, chosen: Positions) -> MendedRecords:
    """Those of some records with wrong quotes that can be read. Not all are looked at at once: what is kept of each meanwhile is many
    times its size."""
    parts = [_mended_some(records, chosen[at : at + _MANY]) for at in range(0, len(chosen), _MANY)]
    if len(parts) == 1:
        return parts[0]
    return MendedRecords(
        np.concatenate([chosen[:0], *(part.records for part in parts)]),
        b"".join(part.text for part in parts),
        together([part.said for part in parts]),
    )


def _mended_some(records: Records, chosen: Positions) -> MendedRecords:
    layout = records.layout
    starts, ends = records.starts[chosen], records.ends[chosen]
    found = mend(
        joined(records.data, starts, ends, starts[1:] == ends[:-1] + 1, layout.marks.eol),
        np.cumsum(ends - starts + 1) - 1,
        layout.marks,
        len(layout.columns),
        doubled=layout.doubled,
    )
    fits = found.reading >= 0
    accepted = chosen[fits]
    return MendedRecords(accepted, found.text, quotes_mended(records, accepted, found, fits))


def apart(records: Records, mended: MendedRecords) -> pl.DataFrame | None:
    """Mended records on their own; None where the parser finds others."""
    if not len(mended.records):
        return rows_frame(records.layout, [], [])
    frame = polars_frame(mended.text, records.layout, quoted=True)
    if frame is None or frame.height != len(mended.records):
        return None
    return frame.with_columns(pl.Series(ROW, mended.records + records.first_row, dtype=pl.Int64))


def among(records: Records, plain: Positions, ends: Positions, mended: MendedRecords) -> pl.DataFrame | None:
    """A few mended records among well-formed ones, parsed at once in their order: putting frames together would take longer than
    to parse them. None where that does not do."""
    layout, count = records.layout, len(mended.records)
    if not count or not len(plain) or count > _FEW * len(plain):
        return None
    eol = layout.marks.eol
    record_ends = _ends_in(mended.text, layout.marks)
    if len(record_ends) != count:
        return None
    text = _spliced(
        records.data,
        (records.starts[plain], ends[plain]),
        follows(records.data, records.starts[plain], ends[plain], eol),
        (mended.text, record_ends),
        np.searchsorted(plain, mended.records),
        eol,
    )
    numbers = np.sort(np.concatenate((plain, mended.records))) + records.first_row
    frame = polars_frame(text, layout, quoted=True)
    if frame is None or frame.height != len(numbers):
        return None
    return frame.with_columns(pl.Series(ROW, numbers, dtype=pl.Int64))


def _ends_in(text: bytes, marks: scan.Marks) -> Positions:
    """The record ends of mended records, whose quotes are in order."""
    bytes_ = np.frombuffer(text, np.uint8)
    return scan.outside(where(bytes_, marks.quote or 0), where(bytes_, marks.eol))


def _spliced(
    data: bytes,
    spans: tuple[Positions, Positions],
    follow: Flags,
    more: tuple[bytes, Positions],
    before: Positions,
    eol: int,
) -> bytes:
    """Records of `data` with others among them, each with a record end.

    Args:
        spans: (starts, ends) of the records of `data`.
        follow: as for `joined`.
        more: other records, one after the other, and where their record ends are.
        before: before which of the records of `data` each of the others goes, ascending.
        eol: the record end.
    """
    starts, ends = spans
    text, record_ends = more
    is_break = np.zeros(len(starts) + 1, dtype=bool)
    is_break[0] = is_break[-1] = True
    is_break[1:-1] = ~follow
    is_break[before] = True
    borders = np.flatnonzero(is_break)
    first, last = starts[borders[:-1]].tolist(), ends[borders[1:] - 1].tolist()
    end, view = bytes([eol]), memoryview(data)
    parts: list[bytes | memoryview] = []
    for start, stop in zip(first, last, strict=True):
        parts += (view[start:stop], end)
    # The others, each run of them before its stretch; a part stands for two.
    others = np.searchsorted(borders, before)
    runs = np.flatnonzero(np.diff(others, prepend=-1))
    begin = np.concatenate(([0], record_ends[runs[1:] - 1] + 1)).tolist()
    stop_at = np.concatenate((record_ends[runs[1:] - 1] + 1, [len(text)])).tolist()
    at = others[runs].tolist()
    merged: list[bytes | memoryview] = []
    done = 0
    for stretch, start, stop in zip(at, begin, stop_at, strict=True):
        merged += parts[2 * done : 2 * stretch]
        merged.append(text[start:stop])
        done = stretch
    return b"".join(merged + parts[2 * done :])
