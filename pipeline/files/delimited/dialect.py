"""How a CSV file is written: delimiter, quote, line end, header.

What belongs here: choosing by the evidence of a sample and of the names that the contract knows. What does not: encodings
(`text`) and the records themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.contract.headers import normalise
from pipeline.files.delimited.scan import Marks
from pipeline.files.delimited.shape import Sample, Shape, shape_of
from pipeline.files.names import column_names
from pipeline.files.problems import UnreadableFile, empty_file, header_only

_DELIMITERS = b"\t;|,"
_DOUBLE, _SINGLE = ord('"'), ord("'")
_DATA = re.compile(r"[-+]?[\d.,]*\d|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|[^@\s]+@[^@\s]+\.\w+")


@dataclass(frozen=True)
class CsvDialect:
    """What was found.

    Attributes:
        marks: delimiter, quote and line end.
        columns: names from the header, made unique.
        header_line: physical line of the header.
        skip: bytes up to the end of the header.
        skip_lines: physical lines in them.
        record: mean bytes of a record.
        notes: what a person should know.
    """

    marks: Marks
    columns: tuple[str, ...]
    header_line: int
    skip: int
    skip_lines: int
    record: float
    notes: tuple[str, ...]


def sniff(path: Path, data: bytes, whole: bool, encoding: str, expected: tuple[str, ...]) -> CsvDialect:
    """The dialect by `data`, the first bytes of the text (all of it if `whole`); `expected`: names the contract knows.

    Raises:
        UnreadableFile: `empty`, `header_only`, `no_header`.
    """
    if not data.strip(b"\r\n \t"):
        raise empty_file(path)
    eol = 13 if b"\n" not in data and b"\r" in data else 10
    if data[-1] != eol and (whole or eol not in data):
        data += bytes([eol])
    sample = Sample(data, whole, eol, encoding, frozenset(normalise(name) for name in expected))
    return _described(path, sample, _best(sample, ".tsv" in path.name.lower()))


def _best(sample: Sample, tabs: bool) -> Shape:
    """With which delimiter most names are known, then most records are of one width. Of equals the comma comes last: it is
    the one that also stands inside numbers and names."""
    seen = [mark for mark in _DELIMITERS if mark in sample.data]
    shapes = [shape for mark in seen if len((shape := _quoted(sample, mark)).header) > 1]
    if not shapes:
        return _quoted(sample, ord("\t") if tabs else ord(","))
    return max(shapes, key=lambda shape: (shape.matches(sample.known), shape.consistency))


def _quoted(sample: Sample, delimiter: int) -> Shape:
    """Double quotes, unless none of them works out; single ones if they surround a field of every record."""
    shape = shape_of(sample, Marks(delimiter, _DOUBLE, sample.eol))
    if shape.broken and not shape.quoted:
        plain = shape_of(sample, Marks(delimiter, None, sample.eol))
        if plain.consistency > shape.consistency:
            shape = plain
    if _SINGLE in sample.data:
        single = shape_of(sample, Marks(delimiter, _SINGLE, sample.eol))
        surrounds = single.clean and single.quoted >= max(single.records, 1)
        if surrounds and single.consistency >= shape.consistency:
            return single
    return shape


def _described(path: Path, sample: Sample, shape: Shape) -> CsvDialect:
    if sample.known and _is_data(shape.header) and not shape.matches(sample.known):
        raise UnreadableFile(
            path,
            "no_header",
            f"the first line holds data ({', '.join(shape.header)[:80]}), not column names",
            "Put a line with the column names on top of the file",
        )
    if sample.whole and not shape.records:
        raise header_only(path)
    eol = sample.eol
    skip = sample.data.index(eol, shape.end) + 1
    surplus = shape.width - len(shape.header)
    note = f"records have {shape.width} fields but the header {len(shape.header)}; the surplus has no names"
    return CsvDialect(
        shape.marks,
        columns=column_names([*shape.header, *[""] * surplus]),
        header_line=sample.data.count(eol, 0, shape.start) + 1,
        skip=skip,
        skip_lines=sample.data.count(eol, 0, skip),
        record=shape.size / shape.records if shape.records else 0.0,
        notes=(note,) if surplus else (),
    )


def _is_data(cells: tuple[str, ...]) -> bool:
    return any(_DATA.fullmatch(cell.strip()) for cell in cells)
