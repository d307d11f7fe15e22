"""A sample of delimited text as one candidate dialect would read it.

What belongs here: what a candidate makes of the sample. What does not: choosing one (`dialect`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from pipeline.contract.headers import normalise
from pipeline.files.delimited import scan
from pipeline.files.delimited.fields import split_record
from pipeline.files.delimited.scan import Marks
from pipeline.files.text import to_text

_RECORDS, _LOOK = 1000, 50


@dataclass(frozen=True)
class Sample:
    """The first bytes of a text (all of it if `whole`), and what is known of it already.

    Attributes:
        data: the bytes.
        whole: whether there is no more.
        eol: the byte that ends records.
        encoding: of the bytes.
        known: normalised names that the contract knows.
    """

    data: bytes
    whole: bool
    eol: int
    encoding: str
    known: frozenset[str]


@dataclass(frozen=True)
class Shape:
    """What a candidate makes of the sample.

    Attributes:
        marks: the candidate.
        header: cells of the first record.
        start, end: bytes of the first record, without its record end.
        width: fields that a record should have.
        records: whole records after the header.
        size: bytes of those.
        consistency: share of them (of the first thousand) with `width` fields.
        clean: every quote opens or closes a field.
        broken: some quote never closes.
        quoted: quoted fields.
    """

    marks: Marks
    header: tuple[str, ...]
    start: int
    end: int
    width: int
    records: int
    size: int
    consistency: float
    clean: bool
    broken: bool
    quoted: int

    def matches(self, known: frozenset[str]) -> int:
        """How many of the header's names are known."""
        return len({normalise(cell) for cell in self.header} & known)


def shape_of(sample: Sample, marks: Marks) -> Shape:
    """Read `sample` with `marks`; it holds at least one record that is not blank."""
    whole_records = scan.measure(sample.data, marks, sample.whole).end
    data = sample.data[: whole_records or sample.data.rfind(marks.eol) + 1]
    quotes = scan.find_quotes(data, marks, True)
    starts, ends = scan.record_spans(data, marks, quotes)
    found = scan.delimiters(data, marks, quotes)
    counts = (np.searchsorted(found, ends) - np.searchsorted(found, starts) + 1)[1 : _RECORDS + 1]
    cells = [
        split_record(to_text(data[start:end], sample.encoding), marks)
        for start, end in zip(starts[:_LOOK].tolist(), ends[:_LOOK].tolist(), strict=True)
    ]
    width = _width(len(cells[0]), counts.tolist(), cells[1:])
    return Shape(
        marks,
        header=tuple(cells[0]),
        start=int(starts[0]),
        end=int(ends[0]),
        width=width,
        records=len(starts) - 1,
        size=len(data) - int(ends[0]),
        consistency=round(float(np.mean(counts == width)), 2) if len(counts) else 1.0,
        clean=not len(quotes.odd) and not len(quotes.broken),
        broken=len(quotes.broken) > 0,
        quoted=len(quotes.toggles) // 2,
    )


def _width(header: int, counts: list[int], records: list[list[str]]) -> int:
    """Fields of a record: as many as the header has, or more where nearly all records end in the same number of fields
    with nothing in them. Fields with something in them are left to be rejected: nobody knows which name is theirs."""
    if not counts:
        return header
    common, times = Counter(counts).most_common(1)[0]
    if common <= header or times < 0.9 * len(counts):
        return header
    surplus = "".join("".join(cells[header:]) for cells in records)
    return header if any(character.isalnum() for character in surplus) else common
