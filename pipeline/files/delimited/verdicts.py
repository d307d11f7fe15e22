"""What is said of records in which something is amiss.

What belongs here: rejects and repairs, with row, line, source text and a plain message. What does not: deciding which is which
(`records`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.files.delimited.blocks import Block
from pipeline.files.delimited.layout import Layout
from pipeline.files.delimited.repair import Mended
from pipeline.files.delimited.runs import Flags
from pipeline.files.delimited.scan import Positions
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
        delimiters: positions of the delimiters between fields.
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
    delimiters: Positions
    undecodable: dict[int, int]
    broken: frozenset[int]

    def texts(self, chosen: Positions, ends: Positions | None = None) -> list[str]:
        """Text of some records (up to other `ends`), undecodable bytes as \\xNN."""
        if not len(chosen):
            return []
        data = self.data
        spans = zip(
            self.starts[chosen].tolist(),
            (self.ends if ends is None else ends)[chosen].tolist(),
            strict=True,
        )
        if len(chosen) * 8 > len(self.starts) and data.isascii():
            text = data.decode("ascii")
            return [text[start:end] for start, end in spans]
        return [to_text(data[start:end], "utf-8") for start, end in spans]


def repairs_of(records: Records, chosen: Positions, checks: list[str], messages: list[str]) -> list[Repair]:
    """A repair for each of the records `chosen`."""
    raws = [text[:RAW] for text in records.texts(chosen)]
    if records.layout.codes is not None:
        raws = [records.layout.source(text)[:RAW] for text in records.texts(chosen)]
    rows, lines = (chosen + records.first_row).tolist(), records.lines[chosen].tolist()
    return list(map(Repair, rows, checks, messages, raws, lines))


def quote_repairs(records: Records, accepted: Positions, found: Mended, fits: Flags) -> list[Repair]:
    """Repairs of the `accepted` records: those that `fits` chooses of `found`, where they needed one."""
    wrong = found.wrong[fits]
    columns = records.layout.columns
    stray = [
        f"a quote in '{name}' neither begins nor ends the field; it was kept as text" for name in columns
    ]
    never = [f"a quote that opens in '{name}' is never closed; it was kept as text" for name in columns]
    is_open = found.never_closed[fits][wrong]
    which = (found.column[fits][wrong] + is_open * len(columns)).tolist()
    said = stray + never
    checks = ["unclosed_quote" if each else "stray_quote" for each in is_open.tolist()]
    messages = [said[each] for each in which]
    return repairs_of(records, accepted[wrong], checks, messages)


def nul_repairs(records: Records, block: Block) -> list[Repair]:
    """Repairs of the records that NUL bytes were taken out of. Places are told by their line: they were counted before the
    text became UTF-8."""
    eol = records.layout.marks.eol
    ends = np.flatnonzero(np.frombuffer(block.data, np.uint8) == eol)
    lines = np.unique(np.searchsorted(ends, block.nuls))
    utf8_ends = np.flatnonzero(np.frombuffer(records.data, np.uint8) == eol)
    first, last = np.searchsorted(utf8_ends, records.starts), np.searchsorted(utf8_ends, records.ends)
    at = np.searchsorted(first, lines, side="right") - 1
    found = np.unique(at[(at >= 0) & (lines <= last[np.maximum(at, 0)])])
    return repairs_of(
        records,
        found,
        ["nul_bytes"] * len(found),
        ["the record held NUL bytes; they were left out"] * len(found),
    )


def rejects_of(
    records: Records, chosen: Positions, split: list[tuple[str, list[str]]], block: Block
) -> tuple[Reject, ...]:
    """A reject for each of the records `chosen`; `split`: text and fields of each."""
    layout = records.layout
    raws, fields = [text[:RAW] for text, _ in split], [tuple(values) for _, values in split]
    if layout.codes is not None:
        raws = [layout.source(text)[:RAW] for text, _ in split]
        fields = [tuple(map(layout.value, values)) for values in fields]
    width, counts = len(layout.columns), records.counts[chosen].tolist()
    checks = ["too_few_fields" if count < width else "too_many_fields" for count in counts]
    messages = [f"{count} fields, but the header has {width}" for count in counts]
    for index in np.flatnonzero(records.counts[chosen] == width).tolist():
        checks[index], messages[index] = (
            "stray_quote",
            f"its quotes cannot be read so that it has {width} fields",
        )
    torn = len(records.starts) - 1 if block.torn else -1
    is_special = np.isin(chosen, [*records.broken, *records.undecodable, torn])
    for index in np.flatnonzero(is_special).tolist():
        record = int(chosen[index])
        checks[index], messages[index] = _reason(records, record, block, record == torn)
    rows, lines = (chosen + records.first_row).tolist(), records.lines[chosen].tolist()
    return tuple(map(Reject, rows, checks, messages, raws, fields, lines))


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
            f"the file ends in this line without a line end: {found} fields, but the header has {width}"
        )
    if record in records.broken:
        return "unclosed_quote", f"a quote that opens in line {line} is never closed"
    check = "too_few_fields" if found < width else "too_many_fields"
    return check, f"{found} fields, but the header has {width}"
