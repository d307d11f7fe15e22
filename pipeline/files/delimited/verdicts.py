"""What is said of records in which something is amiss.

What belongs here: rejects and repairs, with row, line, source text and a plain message. What does not: deciding which is which
(`records`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.counts import counted
from pipeline.files.delimited.blocks import Block
from pipeline.files.delimited.fields import split_record, split_records
from pipeline.files.delimited.layout import Layout
from pipeline.files.delimited.repair import Mended
from pipeline.files.delimited.runs import Flags
from pipeline.files.delimited.scan import Positions
from pipeline.files.delimited.told import Said, made_when_asked
from pipeline.files.table import Reject, Repair
from pipeline.files.text import to_text

RAW = 10_000


@dataclass(frozen=True)
class Records:
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

    def texts(self, chosen: Positions, ends: Positions | None = None) -> list[str]:
        """Text of some records (up to other `ends`), undecodable bytes as \\xNN."""
        if not len(chosen):
            return []
        starts, stops = self.starts[chosen], (self.ends if ends is None else ends)[chosen]
        first, last = int(starts[0]), int(stops[-1])
        if len(chosen) * 8 > int(chosen[-1] - chosen[0]):
            piece = self.data[first:last]
            if piece.isascii():
                text = piece.decode("ascii")
                spans = zip((starts - first).tolist(), (stops - first).tolist(), strict=True)
                return [text[start:end] for start, end in spans]
        data = self.data
        return [
            to_text(data[start:end], "utf-8")
            for start, end in zip(starts.tolist(), stops.tolist(), strict=True)
        ]

    def weight(self, chosen: Positions) -> int:
        """Bytes of some records."""
        return int((self.ends[chosen] - self.starts[chosen]).sum())

    def sources(self, texts: list[str]) -> list[str]:
        """`texts` as they stand in the file, as long as they may be told."""
        if self.layout.codes is not None:
            texts = [self.layout.source(text) for text in texts]
        return [text[:RAW] for text in texts]


def repairs_of(records: Records, said: Said) -> Sequence[Repair]:
    """A repair for each that is said of a record."""

    def make(start: int, stop: int) -> list[Repair]:
        chosen, words = (
            said.chosen[start:stop],
            [said.words[each] for each in said.which[start:stop].tolist()],
        )
        rows, lines = (chosen + records.first_row).tolist(), records.lines[chosen].tolist()
        raws = records.sources(records.texts(chosen))
        return [
            Repair(row, check, message, raw, line)
            for row, (check, message), raw, line in zip(rows, words, raws, lines, strict=True)
        ]

    return made_when_asked(len(said.chosen), records.weight(said.chosen), make)


def rejects_of(records: Records, said: Said, odd: bool) -> Sequence[Reject]:
    """A reject for each of the records that something is said of; `odd` as for `fields_of`."""
    layout = records.layout

    def make(start: int, stop: int) -> list[Reject]:
        chosen, words = (
            said.chosen[start:stop],
            [said.words[each] for each in said.which[start:stop].tolist()],
        )
        rows, lines = (chosen + records.first_row).tolist(), records.lines[chosen].tolist()
        texts = records.texts(chosen)
        fields = fields_of(records, texts, odd)
        if layout.codes is not None:
            fields = [list(map(layout.value, values)) for values in fields]
        return [
            Reject(row, check, message, raw, tuple(values), line)
            for row, (check, message), raw, values, line in zip(
                rows, words, records.sources(texts), fields, lines, strict=True
            )
        ]

    return made_when_asked(len(said.chosen), records.weight(said.chosen), make)


def fields_of(records: Records, texts: list[str], odd: bool) -> list[list[str]]:
    """The fields of each of some records; `odd`: the quotes of some are not in order."""
    marks = records.layout.marks
    return [split_record(text, marks) for text in texts] if odd else split_records(texts, marks)


def quotes_mended(records: Records, accepted: Positions, found: Mended, fits: Flags) -> Said:
    """What is said of the `accepted` records: those that `fits` chooses of `found`, where they needed a repair."""
    wrong = found.wrong[fits]
    columns = records.layout.columns
    stray = [
        ("stray_quote", f"a quote in '{name}' neither begins nor ends the field; it was kept as text")
        for name in columns
    ]
    never = [
        ("unclosed_quote", f"a quote that opens in '{name}' is never closed; it was kept as text")
        for name in columns
    ]
    is_open = found.never_closed[fits][wrong]
    return Said(accepted[wrong], found.column[fits][wrong] + is_open * len(columns), stray + never)


def nuls_left_out(records: Records, block: Block) -> Said:
    """What is said of the records that NUL bytes were taken out of. Places are told by their line: they were counted before
    the text became UTF-8."""
    eol = records.layout.marks.eol
    ends = np.flatnonzero(np.frombuffer(block.data, np.uint8) == eol)
    lines = np.unique(np.searchsorted(ends, block.nuls))
    utf8_ends = np.flatnonzero(np.frombuffer(records.data, np.uint8) == eol)
    first, last = np.searchsorted(utf8_ends, records.starts), np.searchsorted(utf8_ends, records.ends)
    at = np.searchsorted(first, lines, side="right") - 1
    found = np.unique(at[(at >= 0) & (lines <= last[np.maximum(at, 0)])])
    return Said(found, np.zeros_like(found), [("nul_bytes", "the record held NUL bytes; they were left out")])


def reasons_of(records: Records, chosen: Positions, block: Block) -> Said:
    """Why the records `chosen` cannot be read."""
    width = len(records.layout.columns)
    torn = len(records.starts) - 1 if block.torn else -1
    named = [*records.broken, *records.undecodable, torn]
    said = Said.by_count(chosen, records.counts[chosen], lambda count: _width(count, width))
    is_special = np.isin(chosen, named) if len(named) > 1 or torn >= 0 else np.zeros(len(chosen), dtype=bool)
    which, words = said.which.copy(), list(said.words)
    for index in np.flatnonzero(is_special).tolist():
        record = int(chosen[index])
        which[index] = len(words)
        words.append(_reason(records, record, block, record == torn))
    return Said(chosen, which, words)


def _width(count: int, width: int) -> tuple[str, str]:
    if count == width:
        return "stray_quote", f"its quotes cannot be read so that it has {counted(width, 'field')}"
    check = "too_few_fields" if count < width else "too_many_fields"
    return check, f"{counted(count, 'field')}, but the header has {width}"


def _reason(records: Records, record: int, block: Block, torn: bool) -> tuple[str, str]:
    line = int(records.lines[record])
    if record in records.undecodable:
        position = records.undecodable[record]
        line += records.data.count(b"\n", int(records.starts[record]), position)
        place = (
            f"at offset {block.offset + position} (line {line})" if block.offset >= 0 else f"in line {line}"
        )
        return "undecodable", f"byte 0x{records.data[position]:02X} {place} is not valid UTF-8"
    found, width = int(records.counts[record]), len(records.layout.columns)
    if torn and found < width:
        return "torn_last_line", (
            f"the file ends in this line without a line end: {counted(found, 'field')}, but the header has {width}"
        )
    if record in records.broken:
        return "unclosed_quote", f"a quote that opens in line {line} is never closed"
    check = "too_few_fields" if found < width else "too_many_fields"
    return check, f"{counted(found, 'field')}, but the header has {width}"
