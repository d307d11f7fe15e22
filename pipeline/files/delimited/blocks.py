"""A text file cut into blocks of whole records, in one cheap pass.

What belongs here: reading, cutting, counting, and the verdict on the encoding once a block is no valid UTF-8. What does
not: what is in a record.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.files.delimited import scan
from pipeline.files.delimited.cutting import LARGEST_BLOCK, LARGEST_RECORD, Cutting, largest_block
from pipeline.files.delimited.rewrite import Rewrite, count_escaped_ends, rewritten
from pipeline.files.delimited.scan import Cut, Marks, Positions, Quotes
from pipeline.files.streams import ByteStream
from pipeline.files.table import ReadOptions
from pipeline.files.text import TextSource, Undecodable, decide, is_utf8


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
        offset: bytes of text before `data`; -1 where the text was rewritten, or NUL bytes were taken out before.
        bytes_done: bytes on disk consumed with it.
        nuls: where NUL bytes were taken out of `data`, ascending: before which byte.
        torn: the last record has no record end in the file.
        quotes: those of `data`, where they are not all in order.
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
    nuls: Positions = field(default_factory=lambda: scan.NONE)
    torn: bool = False
    quotes: Quotes | None = None


@dataclass(frozen=True)
class _Place:
    """Where a block begins: `_row` and physical line from 1, and bytes of text before it (-1 where that is not known)."""

    row: int
    line: int
    text: int


class Blocks:
    """Cuts a text file. It remembers what it learns of the encoding, so that a second pass starts with it.

    Attributes:
        source: the file; its encoding changes once if a block turns out not to be UTF-8.
        marks: what ends records.
        skip: bytes of text before the first record.
        skip_lines: physical lines in them.
        undecodable: the first byte that its encoding does not know, once it was met.
    """

    def __init__(
        self,
        source: TextSource,
        marks: Marks,
        options: ReadOptions,
        skip: int,
        skip_lines: int,
        record: float,
        *,
        rewrite: Rewrite | None = None,
        stop: int | None = None,
        comment: tuple[bytes, ...] = (),
    ) -> None:
        """`record`: mean bytes of a record, from a sample. `rewrite`: applied to the text first; `skip` and `stop` count the
        bytes of what it gives. `stop`: bytes of text after which nothing is a record. `comment`: lines that begin with one
        of these are no records."""
        self.source, self.marks = source, marks
        self.skip, self.skip_lines = skip, skip_lines
        self._rewrite, self._stop, self._comment = rewrite, stop, comment
        self._rows = max(options.chunk_rows, 1)
        self._largest = largest_block(options)
        self._cutting = Cutting(source.path, marks, options)
        self._record = max(record, 1.0)
        self.undecodable: Undecodable | None = None

    def __iter__(self) -> Iterator[Block]:
        """Raises OSError, UnreadableFile `damaged`."""
        place: _Place | None = _Place(1, self.skip_lines + 1, self.skip)
        while place is not None:
            with self._open() as stream:
                _discard(stream, place.text)
                place = yield from self._blocks(stream, place)

    def _open(self) -> ByteStream:
        stream = self.source.open()
        return stream if self._rewrite is None else rewritten(stream, self._rewrite, self.marks.quote)

    def _blocks(self, stream: ByteStream, place: _Place) -> Generator[Block, None, _Place | None]:
        """Blocks from `place` on; gives the place where all must be read anew, in another encoding."""
        row, line, text = place.row, place.line, place.text
        offset = text if self._rewrite is None else -1
        carry, ended, again, seen_multibyte, record = b"", False, False, False, self._record
        left = None if self._stop is None else max(self._stop - text, 0)
        nuls, torn = scan.NONE, False
        while again or not ended:
            data = carry
            if not again:
                more, ended, left = self._read(stream, self._wanted(record, len(carry)), left)
                if self.marks.delimiter and b"\0" in more:
                    more, found = _without_nuls(more)
                    nuls = np.concatenate((nuls, found + len(carry)))
                data = carry + more if carry else more
                torn = ended and bool(data) and data[-1] != self.marks.eol
                if torn:
                    data += bytes([self.marks.eol])
            cut, again = self._cutting.cut(data, ended, int(record * self._rows) + 1 if again else None, line)
            carry = data[cut.end :] if cut.end < len(data) else b""
            if not cut.end:
                continue
            data = data if cut.end == len(data) else data[: cut.end]
            here, nuls = nuls[nuls < cut.end], nuls[nuls >= cut.end] - cut.end
            taken = cut.end
            cut, data, lines = self._without_comments(data, cut)
            transcoded = self.source.transcoded
            valid, multibyte = self._verdict(data, seen_multibyte, text >= 0)
            if self.source.transcoded is not transcoded:
                return _Place(row, line, text)
            seen_multibyte |= multibyte
            if not valid and self.undecodable is None:
                self.undecodable = self.source.undecodable(stream, data, offset, line)
            if cut.records:
                yield Block(
                    data,
                    self.source.piece_encoding,
                    valid,
                    cut.records,
                    row,
                    line,
                    lines,
                    offset,
                    stream.position - len(carry) if self._is_plain else stream.position,
                    here,
                    torn and not again,
                    cut.quotes,
                )
                record = cut.end / cut.records
            row, line = row + cut.records, line + lines
            text = -1 if text < 0 or len(nuls) or len(here) else text + taken
            offset = -1 if offset < 0 else text
        return None

    @property
    def _is_plain(self) -> bool:
        return self.source.compression is None and self._rewrite is None and not self.source.transcoded

    def _read(self, stream: ByteStream, wanted: int, left: int | None) -> tuple[bytes, bool, int | None]:
        """(bytes, whether they are the last, bytes left before `stop`)."""
        if left is not None and left <= wanted:
            return stream.read(left), True, 0
        more = stream.read_lines(wanted, self.marks.eol)
        if left is not None:
            more = more[:left]
            left -= len(more)
        return more, len(more) < wanted or left == 0, left

    def _without_comments(self, data: bytes, cut: Cut) -> tuple[Cut, bytes, int]:
        """(cut as before but for the records, data with blank lines for comments, physical lines)."""
        lines = cut.lines
        for comment in self._comment:
            if comment in data:
                data = scan.without_comments(data, self.marks, comment, cut.quotes)
                found = scan.measure(data, self.marks, True)
                cut = replace(cut, records=found.records, quotes=found.quotes)
        if self._rewrite is not None:
            lines += count_escaped_ends(data, self._rewrite, self.marks.eol)
        return cut, data, lines

    def _wanted(self, record: float, held: int) -> int:
        """Bytes to read: what is missing to a piece; once a record is larger than that, twice what is held, as long
        as that is no endless record."""
        target = min(int(record * self._rows) + 1, self._largest)
        if held < target:
            return target - held
        return min(held, max(LARGEST_RECORD + 1 - held, target))

    def _verdict(self, data: bytes, seen_multibyte: bool, placed: bool) -> tuple[bool, bool]:
        """(valid, not only ASCII); decides over the whole file if this is the first that is not valid UTF-8. All before it
        was ASCII then: an encoding that is transcoded while it is read begins anew here, if the place is known."""
        if self.source.piece_encoding != "utf-8":
            return True, True
        if data.isascii():
            return True, False
        if is_utf8(data):
            return True, True
        undecided = not seen_multibyte and not self.source.bom and self.source.encoding == "utf-8"
        if undecided:
            source = replace(self.source, encoding=decide(self.source.path, self.source.compression))
            if source.transcoded:
                self._stop = None  # it counts bytes of the text as it was taken for
            if placed or not source.transcoded:
                self.source = source
        return self.source.piece_encoding != "utf-8", True


def _discard(stream: ByteStream, size: int) -> None:
    while size > 0 and (data := stream.read(min(size, LARGEST_BLOCK))):
        size -= len(data)


def _without_nuls(data: bytes) -> tuple[bytes, Positions]:
    """The other bytes, and before which of them NUL bytes stood."""
    is_nul = np.frombuffer(data, np.uint8) == 0
    at = np.flatnonzero(is_nul)
    return data.translate(None, b"\0"), np.unique(at - np.arange(len(at)))
