"""The one contract of every reader: a file as numbered records, in pieces.

What belongs here: the shapes that readers fill and everything downstream reads. What does not: any format.

A table is cut into *pieces* in one sequential, cheap pass that also counts the records, from the bytes and
apart from the parser. A piece can then be parsed in any thread. `_row` numbers are fixed by the count, so that a parser
that loses or invents a record is found out (`Piece.records` against what `parse` gives).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl

ROW = "_row"


@dataclass(frozen=True)
class Dialect:
    """How a file is written; None where the format has no such thing.

    Attributes:
        format: csv, excel, ndjson or parquet.
        encoding: Python codec name of the text.
        delimiter: between fields.
        quote: around fields.
        header_line: physical line (or sheet row) of the header, from 1.
        compression: gz, zst, or None.
        sheets: sheets that are read.
        notes: what a person should know (`hidden sheet 'x' left out`).
    """

    format: str
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header_line: int | None = None
    compression: str | None = None
    sheets: tuple[str, ...] = ()
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
class Parsed:
    """A parsed piece.

    Attributes:
        frame: the records that could be read: the table's columns, then `_row` (Int64, ascending). A column that first
            appears in this piece comes with it; one that is absent from it may be missing.
        rejects: the records that could not.
        lines: given `_row` numbers of this piece, their physical lines (row numbers within the sheet for workbooks), as
            Int64 Series of the same length; None where the format has no lines. Called for the few rows with errors.
    """

    frame: pl.DataFrame
    rejects: tuple[Reject, ...] = ()
    lines: Callable[[pl.Series], pl.Series] | None = None


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
    """

    chunk_rows: int = 100_000
    memory_mb: int = 1024
    sheets: tuple[str, ...] = ()
    expected: tuple[str, ...] = field(default=())


class Table(ABC):
    """A file as a table. Text formats and workbooks give String columns (canonical text: 5 is `5`, dates ISO,
    true/false; an empty field is null, quoted or not); Parquet gives its own dtypes.

    Every record of the file is in one of `chunks()` and `rejects()`, numbered from 1 over all sheets in order; header,
    preamble and blank lines are not records.
    """

    path: Path
    dialect: Dialect
    columns: tuple[str, ...]

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
