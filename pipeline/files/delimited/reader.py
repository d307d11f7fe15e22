"""CSV files as tables.

What belongs here: putting sample, dialect, cutting and parsing together. What does not: each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.files.delimited.blocks import Blocks
from pipeline.files.delimited.dialect import CsvDialect, sniff
from pipeline.files.delimited.parse import parse_block
from pipeline.files.delimited.records import Layout
from pipeline.files.problems import header_only
from pipeline.files.table import Dialect, Piece, ReadOptions, Table
from pipeline.files.text import TextSource, read_sample


class CsvTable(Table):
    """A delimited text file."""

    def __init__(self, path: Path, source: TextSource, found: CsvDialect, options: ReadOptions) -> None:
        self.path, self._found = path, found
        self.columns = found.columns
        self._layout = Layout(found.marks, found.columns)
        self._blocks = Blocks(source, found.marks, options, found.skip, found.skip_lines, found.record)
        quote = found.marks.quote
        self.dialect = Dialect(
            "csv",
            encoding=source.encoding,
            delimiter=chr(found.marks.delimiter),
            quote=chr(quote) if quote is not None else None,
            header_line=found.header_line,
            compression=source.compression,
            notes=found.notes,
        )

    def pieces(self) -> Iterator[Piece]:
        """Raises OSError, UnreadableFile `header_only`, `damaged`, `record_too_large`."""
        empty = True
        for block in self._blocks:
            empty = False
            if self._blocks.source.encoding != self.dialect.encoding:
                self.dialect = replace(self.dialect, encoding=self._blocks.source.encoding)
            yield Piece(
                block.first_row, block.records, block.bytes_done, partial(parse_block, block, self._layout)
            )
        if empty:
            raise header_only(self.path)


def open_csv(path: Path, compression: str | None, options: ReadOptions) -> Table:
    """Open a delimited text file; only its beginning is read, unless its encoding is in doubt.

    Raises:
        OSError. UnreadableFile: `empty`, `header_only`, `no_header`, `not_what_it_says`, `damaged`.
    """
    source, sample, whole = read_sample(path, compression)
    found = sniff(path, sample, whole, source.piece_encoding, options.expected)
    return CsvTable(path, source, found, options)
