"""The one contract of every reader: a file as numbered records, in pieces.

What belongs here: the shapes that readers fill and everything downstream reads. What does not: any format.

A table is cut into *pieces* in one sequential, cheap pass that also counts the records, from the bytes and
apart from the parser. A piece can then be parsed in any thread. `_row` numbers are fixed by the count, so that a parser
that loses or invents a record is found out (`Piece.records` against what `parse` gives).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl

from pipeline.contract.read import Read

ROW = "_row"


@dataclass(frozen=True)
class Dialect:
    """How a file is written; None where the format has no such thing.

    Attributes:
        format: csv, excel, ndjson, json, parquet, arrow or avro; another package's reader has its own word.
        encoding: Python codec name of the text.
        delimiter: between fields, one character or several.
        quote: around fields.
        escape: before a quote inside a quoted field, where quotes are not doubled.
        record_end: `LF`, `CRLF`, `CR` or `mixed`.
        header_line: physical line (or sheet row) of the header, from 1.
        header_rows: rows of column names; 0: the file has none, and its columns were named otherwise.
        comment: what lines begin with that are no records.
        compression: gz, zst, bz2, xz, or None.
        sheets: sheets that are read.
        confidence: how sure the dialect is, from 0 to 1; None where nothing was to be decided.
        reasons: what it was decided by, one sentence each.
        notes: what a person should know (`hidden sheet 'x' left out`).
    """

    format: str
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    record_end: str | None = None
    header_line: int | None = None
    header_rows: int | None = None
    comment: str | None = None
    compression: str | None = None
    sheets: tuple[str, ...] = ()
    confidence: float | None = None
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Only what is set, ready for JSON."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}


@dataclass(frozen=True)
class Reject:
    """A record that could not be read into the table's columns.

    Attributes:
        row: its `_row`.
        check: short stable word: too_many_fields, too_few_fields, unclosed_quote, undecodable, bad_json, …
        message: what is wrong, in words.
        raw: its source text (undecodable bytes as \\xNN), at most 10,000 characters.
        fields: best-effort split.
        line: physical line on which it starts, from 1, where the format has lines.
        sheet: sheet it is in, where the format has sheets.
    """

    row: int
    check: str
    message: str
    raw: str
    fields: tuple[str, ...] = ()
    line: int | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class Repair:
    """A record that could be read only after a repair; it is in the frame, and the repair is told beside it.

    Attributes:
        row: its `_row`.
        check: short stable word: surplus_empty_fields, stray_quote, unclosed_quote, other_delimiter, nul_bytes, …
        message: what was wrong and what was done, in words.
        raw: its source text, as in `Reject`.
        line: physical line on which it starts, from 1, where the format has lines.
        sheet: sheet it is in, where the format has sheets.
    """

    row: int
    check: str
    message: str
    raw: str
    line: int | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class Parsed:
    """A parsed piece.

    Attributes:
        frame: the records that could be read: the table's columns, then `_row` (Int64, ascending). A column that first
            appears in this piece comes with it; one that is absent from it may be missing.
        rejects: the records that could not.
        repairs: what was mended in records of the frame; a record may have several.
        lines: given `_row` numbers of this piece, their physical lines (row numbers within the sheet for workbooks), as
            Int64 Series of the same length; None where the format has no lines. Called for the few rows with errors.
        typed: given a String column of the frame, which of its texts were made from typed values (number cells, numbers and truths
            in JSON), as Boolean Series of the frame's height; None where the format has nothing but texts. It may have to look
            at the file once more: called only where the difference matters.
    """

    frame: pl.DataFrame
    rejects: Sequence[Reject] = ()
    repairs: Sequence[Repair] = ()
    lines: Callable[[pl.Series], pl.Series] | None = None
    typed: Callable[[str], pl.Series] | None = None


@dataclass(frozen=True)
class Piece:
    """A run of consecutive records, counted but not parsed yet.

    Attributes:
        first_row: `_row` of its first record.
        records: how many records it holds, counted apart from the parser.
        bytes_done: bytes of the file (as it lies on disk) consumed up to and with this piece, for progress.
        parse: parses it; pure, callable from any thread, any number of times.
        sheet: sheet it is in, where the format has sheets.
    """

    first_row: int
    records: int
    bytes_done: int
    parse: Callable[[], Parsed]
    sheet: str | None = None


@dataclass(frozen=True)
class ReadOptions:
    """What a reader is told.

    Attributes:
        chunk_rows: target records per piece (bytes are bounded too, whatever the records' size).
        memory_mb: budget of the run, for readers that must choose between fast and frugal.
        sheets: sheets to read; none given reads every visible one.
        expected: column names, with aliases, that the contract knows: evidence when a header is to be told from data.
        positions: the contract's column names in order: the names of a file without a header, if their number fits.
        read: what the dataset says of how its files are written.
    """

    chunk_rows: int = 100_000
    memory_mb: int = 1024
    sheets: tuple[str, ...] = ()
    expected: tuple[str, ...] = field(default=())
    positions: tuple[str, ...] = ()
    read: Read = field(default_factory=Read)


class Table(ABC):
    """A file as a table. Text formats and workbooks give String columns (canonical text: 5 is `5`, dates ISO,
    true/false; an empty field is null, quoted or not); Parquet gives its own dtypes.

    Attributes:
        path: the file.
        dialect: how it is written, as far as that was found out.
        columns: names of the columns.
        header: the header's own cells (several rows of a header joined by a blank), before they are made unique names;
            None where the file has no header.

    Every record of the file is in one of `chunks()` and `rejects()`, numbered from 1 over all sheets in order; header,
    preamble and blank lines are not records.
    """

    path: Path
    dialect: Dialect
    columns: tuple[str, ...]
    header: tuple[str, ...] | None = None

    @abstractmethod
    def pieces(self) -> Iterator[Piece]:
        """Cut the file, front to back; each call starts anew. Raises UnreadableFile where it turns out to be unreadable."""

    def chunks(self) -> Iterator[pl.DataFrame]:
        """The records that could be read, as frames plus `_row` (Int64)."""
        for piece in self.pieces():
            yield piece.parse().frame

    def rejects(self) -> Iterator[Reject]:
        """The records that could not be read, in file order; reads the file once more."""
        for piece in self.pieces():
            yield from piece.parse().rejects
