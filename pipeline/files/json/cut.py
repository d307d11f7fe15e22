"""JSON text cut into blocks of whole elements, in one pass.

What belongs here: reading, numbering, and the verdict on the encoding. What does not: where elements are (`values`), and what they
hold (`flat`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.files.json.scan import Positions
from pipeline.files.json.values import LARGEST_RECORD, Shape, Values, lines
from pipeline.files.json.walk import Likeness
from pipeline.files.problems import UnreadableFile
from pipeline.files.streams import ByteStream
from pipeline.files.table import ReadOptions
from pipeline.files.text import TextSource, decide, is_utf8

_MB = 1024 * 1024
_LARGEST_BLOCK = 16 * _MB
_LARGEST_TAIL = _MB
_LF = 10


@dataclass(frozen=True)
class Block:
    """Whole elements.

    Attributes:
        data: their bytes, and what is between them.
        encoding: of `data`.
        starts, ends: first byte, and byte after the last, of each element.
        first_row: `_row` of the first.
        first_line: physical line on which `data` starts, from 1.
        offset: bytes of text before `data`.
        bytes_done: bytes on disk consumed with it.
    """

    data: bytes
    encoding: str
    starts: Positions
    ends: Positions
    first_row: int
    first_line: int
    offset: int
    bytes_done: int


class Cutter:
    """Cuts a JSON file. It remembers what it learns of the encoding, so that a second pass starts with it.

    Attributes:
        source: the file; its encoding changes once if a block turns out not to be UTF-8.
        tail: what follows a wrapped array, at most 1 MB; None until the end is reached.
        closed: whether the array was closed; True where there is none.
    """

    def __init__(
        self, source: TextSource, shape: Shape, like: Likeness, record: float, options: ReadOptions
    ) -> None:
        """`record`: bytes of a typical record, from a sample."""
        self.source, self.shape = source, shape
        self.tail: bytes | None = None
        self.closed = True
        self._like, self._record = like, max(record, 1.0)
        self._rows = max(options.chunk_rows, 1)
        self._largest = min(_LARGEST_BLOCK, max(options.memory_mb, 64) * _MB // 64)

    def __iter__(self) -> Iterator[Block]:
        """Raises OSError, UnreadableFile `damaged`, `record_too_large`."""
        with self.source.open() as stream:
            _discard(stream, self.shape.skip)
            yield from self._blocks(stream)

    def _blocks(self, stream: ByteStream) -> Iterator[Block]:
        row, line, offset, done = 1, self.shape.skip_lines + 1, self.shape.skip, 0
        values = Values(self.source.path, self.shape, self._like, self._record)
        carry, final, seen_multibyte, record = b"", False, False, self._record
        while not final:
            wanted = self._wanted(record, len(carry))
            more = stream.read(wanted)
            final = len(more) < wanted
            data = carry + more if carry else more
            found = lines(data, final) if self.shape.kind == "lines" else values.cut(data, final)
            if not found.used and len(data) > LARGEST_RECORD:
                raise _endless_line(self.source.path, line)
            carry = data[found.used :] if found.used < len(data) else b""
            if values.closed and self.shape.kind == "wrapped":
                self.tail = carry + stream.read(max(_LARGEST_TAIL - len(carry), 0))
                carry, final = b"", True
            data = data if found.used == len(data) else data[: found.used]
            seen_multibyte = self._look_at_encoding(data, seen_multibyte)
            starts, ends = _joined(found.starts), _joined(found.ends)
            if final and len(starts) and ends[-1] - starts[-1] > LARGEST_RECORD:
                raise _endless_line(self.source.path, line + data.count(_LF, 0, int(starts[-1])))
            if len(starts):
                held = len(carry) if self.source.compression is None else 0
                done = max(done, stream.position - held)
                yield Block(data, self.source.piece_encoding, starts, ends, row, line, offset, done)
                record = len(data) / len(starts)
            row, line, offset = row + len(starts), line + data.count(_LF), offset + len(data)
        self.closed = values.closed or not self.shape.in_array

    def _wanted(self, record: float, held: int) -> int:
        """Bytes to read: what is missing to a piece; once an element is larger than that, twice what is held."""
        target = min(int(record * self._rows) + 1, self._largest)
        return target - held if held < target else held

    def _look_at_encoding(self, data: bytes, seen_multibyte: bool) -> bool:
        """Whether non-ASCII UTF-8 was seen; decides over the whole file if this is the first that is not valid UTF-8."""
        if self.source.piece_encoding != "utf-8" or data.isascii():
            return seen_multibyte
        if (
            not seen_multibyte
            and not self.source.bom
            and self.source.encoding == "utf-8"
            and not is_utf8(data)
        ):
            encoding = decide(self.source.path, self.source.compression)
            self.source = replace(self.source, encoding=encoding)
        return True


def _joined(runs: list[Positions]) -> Positions:
    return np.concatenate(runs) if runs else np.empty(0, dtype=np.int64)


def _discard(stream: ByteStream, size: int) -> None:
    while size > 0 and (data := stream.read(min(size, _LARGEST_BLOCK))):
        size -= len(data)


def _endless_line(path: Path, line: int) -> UnreadableFile:
    return UnreadableFile(
        path,
        "record_too_large",
        f"line {line:,} is longer than {LARGEST_RECORD // _MB} MB",
        "A record must fit into memory: check that the lines of the file end with a line break",
    )
