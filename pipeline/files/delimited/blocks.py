"""A text file cut into blocks of whole records, in one cheap pass.

What belongs here: reading, cutting, counting, and the verdict on the encoding once a block is no valid UTF-8. What does
not: what is in a record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.files.delimited import scan
from pipeline.files.delimited.scan import Marks
from pipeline.files.problems import UnreadableFile
from pipeline.files.streams import ByteStream
from pipeline.files.table import ReadOptions
from pipeline.files.text import TextSource, decide, is_utf8

_MB = 1024 * 1024
_LARGEST_BLOCK = 16 * _MB
_LARGEST_RECORD = 64 * _MB


@dataclass(frozen=True)
class Block:
    """Whole records.

    Attributes:
        data: their bytes, each record with its end.
        encoding: of `data`.
        valid: False where `data` is not valid in it.
        records: how many.
        first_row: `_row` of the first.
        first_line: physical line on which `data` starts, from 1.
        lines: physical lines in `data`.
        offset: bytes of text before `data`.
        bytes_done: bytes on disk consumed with it.
    """

    data: bytes
    encoding: str
    valid: bool
    records: int
    first_row: int
    first_line: int
    lines: int
    offset: int
    bytes_done: int


class Blocks:
    """Cuts a text file. It remembers what it learns of the encoding, so that a second pass starts with it.

    Attributes:
        source: the file; its encoding changes once if a block turns out not to be UTF-8.
        marks: what ends records.
        skip: bytes of text before the first record.
        skip_lines: physical lines in them.
    """

    def __init__(
        self,
        source: TextSource,
        marks: Marks,
        options: ReadOptions,
        skip: int,
        skip_lines: int,
        record: float,
    ) -> None:
        """`record`: mean bytes of a record, from a sample."""
        self.source, self.marks = source, marks
        self.skip, self.skip_lines = skip, skip_lines
        self._rows = max(options.chunk_rows, 1)
        self._largest = min(_LARGEST_BLOCK, max(options.memory_mb, 64) * _MB // 64)
        self._record = max(record, 1.0)

    def __iter__(self) -> Iterator[Block]:
        """Raises OSError, UnreadableFile `damaged`."""
        with self.source.open() as stream:
            _discard(stream, self.skip)
            yield from self._blocks(stream)

    def _blocks(self, stream: ByteStream) -> Iterator[Block]:
        row, line, offset = 1, self.skip_lines + 1, self.skip
        carry, final, seen_multibyte, record = b"", False, False, self._record
        while not final:
            wanted = self._wanted(record, len(carry))
            more = stream.read_lines(wanted, self.marks.eol)
            final = len(more) < wanted
            data = carry + more if carry else more
            if final and data and data[-1] != self.marks.eol:
                data += bytes([self.marks.eol])
            cut = scan.measure(data, self.marks, final)
            if not cut.end and len(data) > _LARGEST_RECORD:
                cut = scan.measure(data, self.marks, True)
                if not cut.end:
                    raise _endless_record(self.source.path, line)
            carry = data[cut.end :] if cut.end < len(data) else b""
            if not cut.end:
                continue
            data = data if cut.end == len(data) else data[: cut.end]
            valid, multibyte = self._verdict(data, seen_multibyte)
            seen_multibyte |= multibyte
            if cut.records:
                yield Block(
                    data,
                    self.source.piece_encoding,
                    valid,
                    cut.records,
                    row,
                    line,
                    cut.lines,
                    offset,
                    stream.position - len(carry) if self.source.compression is None else stream.position,
                )
                record = cut.end / cut.records
            row, line, offset = row + cut.records, line + cut.lines, offset + cut.end

    def _wanted(self, record: float, held: int) -> int:
        """Bytes to read: what is missing to a piece; once a record is larger than that, twice what is held."""
        target = min(int(record * self._rows) + 1, self._largest)
        return target - held if held < target else held

    def _verdict(self, data: bytes, seen_multibyte: bool) -> tuple[bool, bool]:
        """(valid, not only ASCII); decides over the whole file if this is the first that is not valid UTF-8."""
        if self.source.piece_encoding != "utf-8":
            return True, True
        if data.isascii():
            return True, False
        if is_utf8(data):
            return True, True
        undecided = not seen_multibyte and not self.source.bom and self.source.encoding == "utf-8"
        if undecided:
            encoding = decide(self.source.path, self.source.compression)
            self.source = replace(self.source, encoding=encoding)
        return self.source.piece_encoding != "utf-8", True


def _discard(stream: ByteStream, size: int) -> None:
    while size > 0 and (data := stream.read(min(size, _LARGEST_BLOCK))):
        size -= len(data)


def _endless_record(path: Path, line: int) -> UnreadableFile:
    return UnreadableFile(
        path,
        "record_too_large",
        f"line {line:,} is longer than {_LARGEST_RECORD // _MB} MB",
        "A record must fit into memory: check that the lines of the file end with a line break",
    )
