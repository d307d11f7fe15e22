"""The sample that a dialect is found in, and what is known before anything is tried.

What belongs here: the bytes, what the dataset says of them, a `sep=` line. What does not: reading them (`shape`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.files.delimited.sniff.candidates import Ends, ends_of, lines_of, mixed_from_start
from pipeline.files.delimited.sniff.comment import leading_comments
from pipeline.files.delimited.sniff.shape import Candidate, Shape
from pipeline.files.problems import empty_file
from pipeline.files.table import ReadOptions
from pipeline.files.text import TextSource

_QUICK = 64 * 1024
_SEP = re.compile(rb'"?sep=([^\r\n"]+)"?\r?(?:\n|$)', re.IGNORECASE)


@dataclass(frozen=True)
class Sample:
    """The first bytes of a text.

    Attributes:
        source: where they are from.
        data: the bytes, ending with a record end.
        whole: whether there is no more.
        ends: how records end.
        options: what the reader is told.
        known: normalised names that the contract knows.
        delimiter: what a `sep=` line or the dataset says, or None.
        sep: bytes of the `sep=` line.
    """

    source: TextSource
    data: bytes
    whole: bool
    ends: Ends
    options: ReadOptions
    known: frozenset[str]
    delimiter: bytes | None
    sep: int

    @property
    def path(self) -> Path:
        """The file."""
        return self.source.path

    @property
    def encoding(self) -> str:
        """Of `data`."""
        return self.source.piece_encoding

    @property
    def is_plain(self) -> bool:
        """Whether the file's bytes are those of the text."""
        return self.source.compression is None and self.source.encoding == self.source.piece_encoding

    @cached_property
    def quick(self) -> bytes:
        """The beginning, for candidates that need no more to be refused: so much of it below the comments on top."""
        wanted = leading_comments(self.data) + _QUICK
        if len(self.data) <= wanted + _QUICK // 4:
            return self.data
        eol = bytes([self.ends.eol])
        return self.data[: self.data.rfind(eol, 0, wanted) + 1] or self.data

    @cached_property
    def lines(self) -> list[bytes]:
        """Its first lines that are not blank."""
        return lines_of(self.data[self.sep :], self.ends)

    @cached_property
    def mixed(self) -> bool:
        """Whether lone CRs have to be record ends."""
        return mixed_from_start(self.data, self.ends)

    def shape(self, candidate: Candidate, quick: bool) -> Shape:
        """Read with a candidate; `quick`: the beginning only."""
        return Shape(candidate, self.quick if quick else self.data, self.encoding)

    def first_record(self, shape: Shape) -> int:
        """The first record that may belong to the table: after the lines that the dataset skips, and a `sep=` line."""
        skip = self.options.read.skip
        if skip is None:
            return 1 if self.sep and len(shape) > 1 else 0
        for record, start in enumerate(shape.starts.tolist()):
            if shape.lines_before(start) >= skip:
                return record
        return max(len(shape) - 1, 0)


def sample_of(
    source: TextSource, data: bytes, whole: bool, options: ReadOptions, known: frozenset[str]
) -> Sample:
    """Raises UnreadableFile `empty`."""
    if not data.strip(b"\r\n \t\0"):
        raise empty_file(source.path)
    ends = ends_of(data)
    eol = bytes([ends.eol])
    if not data.endswith(eol):
        cut = data.rfind(eol) + 1
        data = data + eol if whole or not cut else data[:cut]
    given = (
        options.read.delimiter.encode(source.piece_encoding) if options.read.delimiter is not None else None
    )
    match = _SEP.match(data)
    says = match.group(1) if match is not None and len(match.group(1)) <= 3 else None
    return Sample(
        source, data, whole, ends, options, known, given or says, match.end() if says and match else 0
    )
