"""Delimited text files as tables.

What belongs here: putting sample, dialect, cutting and parsing together. What does not: each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.files.delimited.blocks import Blocks
from pipeline.files.delimited.layout import Layout
from pipeline.files.delimited.parse import parse_block
from pipeline.files.delimited.sniff.dialect import CsvDialect, sniff
from pipeline.files.problems import UnreadableFile
from pipeline.files.table import Dialect, Piece, ReadOptions, Table
from pipeline.files.text import TextSource, read_sample

_MOST_COLUMNS = 100_000


class CsvTable(Table):
    """A delimited text file."""

    def __init__(self, path: Path, source: TextSource, found: CsvDialect, options: ReadOptions) -> None:
        self.path, self._found = path, found
        self.columns, self.header = found.columns, found.header
        self._layout = Layout(found.marks, found.columns, found.rewrite, found.doubled, found.surplus)
        self._blocks = Blocks(
            source,
            found.marks,
            options,
            found.skip,
            found.skip_lines,
            found.record,
            rewrite=found.rewrite,
            stop=found.stop,
            comment=tuple(line for line in (found.comment, *found.dropped) if line is not None),
        )
        self.dialect = _dialect(source, found)

    def pieces(self) -> Iterator[Piece]:
        """None where there is nothing but a header. Raises OSError, UnreadableFile `damaged`, `record_too_large`."""
        for block in self._blocks:
            self._learn()
            yield Piece(
                block.first_row, block.records, block.bytes_done, partial(parse_block, block, self._layout)
            )

    def _learn(self) -> None:
        """What cutting the file told of its encoding."""
        if self._blocks.source.encoding != self.dialect.encoding:
            self.dialect = replace(self.dialect, encoding=self._blocks.source.encoding)
        if self._blocks.undecodable is not None:
            note = f"first undecodable: {self._blocks.undecodable}"
            if note not in self.dialect.notes:
                self.dialect = replace(self.dialect, notes=(*self.dialect.notes, note))


def _dialect(source: TextSource, found: CsvDialect) -> Dialect:
    quote = found.marks.quote
    escape = found.rewrite.escape if found.rewrite is not None else None
    return Dialect(
        "csv",
        encoding=source.encoding,
        delimiter=found.delimiter,
        quote=chr(quote) if quote is not None else None,
        escape=chr(escape) if escape is not None else None,
        record_end=found.record_end,
        header_line=found.header_line,
        header_rows=found.header_rows,
        comment=found.comment.decode(source.piece_encoding, "replace") if found.comment is not None else None,
        compression=source.compression,
        confidence=found.confidence,
        reasons=found.reasons,
        notes=found.notes,
    )


def open_csv(path: Path, compression: str | None, options: ReadOptions) -> Table:
    """Open a delimited text file; only its beginning and its end are read, unless its encoding is in doubt.

    Raises:
        OSError. UnreadableFile: `empty`, `no_header`, `ambiguous`, `not_what_it_says`, `damaged`, `too_large`.
    """
    source, sample, whole = read_sample(path, compression, options.read.encoding)
    found = sniff(source, sample, whole, options)
    if len(found.columns) > _MOST_COLUMNS:
        raise UnreadableFile(
            path,
            "too_large",
            f"its records have {len(found.columns):,} columns",
            f"A table of up to {_MOST_COLUMNS:,} columns can be read: check that its lines end with a line break",
        )
    return CsvTable(path, source, found, options)
