"""A sample of delimited text as one candidate dialect would read it.

What belongs here: what a candidate makes of the sample, and how good a table that is. What does not: which candidates
there are (`candidates`), choosing one (`dialect`), what its rows are (`structure`).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.files.delimited import scan
from pipeline.files.delimited.fields import split_record
from pipeline.files.delimited.rewrite import Codes, Rewrite, rewrite_bytes
from pipeline.files.delimited.runs import Flags
from pipeline.files.delimited.scan import Marks, Positions
from pipeline.files.delimited.sniff.candidates import DOUBLE, edges_of
from pipeline.files.delimited.sniff.comment import begins_with_hash, comments_among
from pipeline.files.delimited.sniff.evidence import columns_of, is_blank
from pipeline.files.delimited.sniff.headers import judge
from pipeline.files.text import to_text

Cells = tuple[str, ...]
LOOK = 200
_DEEP, _WIDE = 120, 50
_PAIR, _FAR, _FEW = 2, 2000, 3
_STRONG = ";|\t\x1f"
UNIT = 0x1F


@dataclass(frozen=True)
class Candidate:
    """A dialect that the sample might be written in.

    Attributes:
        delimiter: as it stands in the file, one byte or several.
        quote: byte around fields, or None.
        escape: byte before a quote inside a quoted field, or None.
        eol: byte that ends records after `rewrite`.
        mixed: records end in CR, CRLF and LF.
        quote_space: blanks may stand between delimiter and quote.
        comment: what lines begin with that are no records, where the dataset says so.
        width: fields that a record has, once that is known; 0 before.
    """

    delimiter: bytes
    quote: int | None
    escape: int | None = None
    eol: int = 10
    mixed: bool = False
    quote_space: bool = False
    comment: bytes | None = None
    width: int = 0

    @property
    def marks(self) -> Marks:
        """What the scanner is told."""
        return Marks(UNIT if self._is_long else self.delimiter[0], self.quote, self.eol, self.width)

    @property
    def _is_long(self) -> bool:
        """Whether the delimiter is more than an ASCII byte."""
        return len(self.delimiter) > 1 or not self.delimiter.isascii()

    @property
    def rewrite(self) -> Rewrite | None:
        """What has to be done to the text before it is scanned."""
        long = self.delimiter if self._is_long else None
        if long is None and self.escape is None and not self.mixed and not self.quote_space:
            return None
        return Rewrite(
            delimiter=long, escape=self.escape, mixed_ends=self.mixed, quote_space=self.quote_space
        )


class Shape:
    """The records that a candidate finds in a sample.

    Attributes:
        candidate: the dialect.
        data: the sample as it is after rewriting, whole records only.
        starts, ends: bytes of each record, without its record end.
        widths: fields of each.
        quotes: where quoting goes on and off.
        comments: the first lines that are no records, which are left out of the others.
        comment_count: how many there are.
    """

    def __init__(self, candidate: Candidate, data: bytes, encoding: str) -> None:
        """`data` ends with a record end."""
        self.candidate, self.encoding = candidate, encoding
        marks = candidate.marks
        if candidate.rewrite is not None:
            data = rewrite_bytes(data, candidate.rewrite, candidate.quote)
        self.data = data
        self.quotes = scan.find_quotes(data, marks, True)
        starts, ends = scan.record_spans(data, marks, self.quotes)
        self.starts, self.ends = starts, ends
        found = scan.delimiters(data, marks, self.quotes)
        self.widths: Positions = np.searchsorted(found, ends) - np.searchsorted(found, starts) + 1
        self._cells: dict[int, Cells] = {}
        rewrite = candidate.rewrite
        self._codes = (
            Codes(rewrite, marks.quote, marks.delimiter) if rewrite is not None and rewrite.coded else None
        )
        self.comments: tuple[str, ...] = ()
        self.comment_count = 0
        self._left_out: Positions = scan.NONE
        self._leave_out(self._comments())

    def _comments(self) -> Flags:
        """Which records are comments: what the dataset says they begin with, else what is none of the table's with a `#`."""
        said = self.candidate.comment
        if said is not None:
            return np.array([self.data.startswith(said, start) for start in self.starts.tolist()], dtype=bool)
        begins = begins_with_hash(self.data, self.starts)
        return comments_among(begins, self.widths, self.row) if begins.any() else begins

    def _leave_out(self, comments: Flags) -> None:
        if not comments.any():
            return
        first = np.flatnonzero(comments)[:_FEW]
        self.comments = tuple(self.text(record) for record in first.tolist())
        self.comment_count = int(np.count_nonzero(comments))
        self._left_out = self.starts[comments]
        kept = ~comments
        self.starts, self.ends, self.widths = self.starts[kept], self.ends[kept], self.widths[kept]
        self._cells.clear()

    def __len__(self) -> int:
        return len(self.starts)

    def row(self, record: int) -> Cells:
        """The fields of a record."""
        cells = self._cells.get(record)
        if cells is None:
            cells = tuple(split_record(self.text(record), self.candidate.marks))
            if self._codes is not None:
                cells = tuple(self._codes.value(cell) for cell in cells)
            self._cells[record] = cells
        return cells

    def text(self, record: int) -> str:
        """A record as it stands in the data."""
        return to_text(self.data[self.starts[record] : self.ends[record]], self.encoding).replace("\0", "")

    def mend(self, record: int, cells: Cells) -> None:
        """Take these to be the fields of a record."""
        self._cells[record] = cells

    def after(self, record: int) -> int:
        """First byte after a record and its end."""
        return self.data.find(self.candidate.eol, int(self.ends[record])) + 1 or len(self.data)

    def lines_before(self, position: int) -> int:
        """Physical lines that end before a byte of the data."""
        return self.data.count(self.candidate.eol, 0, position)

    @cached_property
    def gaps(self) -> list[bool]:
        """Whether a blank line stands before each record."""
        comments = np.diff(np.searchsorted(self._left_out, self.starts)).tolist()
        between = zip(self.ends[:-1].tolist(), self.starts[1:].tolist(), comments, strict=True)
        counts = (
            self.data.count(self.candidate.eol, end, start) - comment for end, start, comment in between
        )
        return [False, *(count > 1 for count in counts)]

    @cached_property
    def width(self) -> int:
        """Fields that most records have: of those after the first tenth, where preambles are over, or below keys with their values."""
        widths = self.widths[len(self.widths) // 10 if len(self.widths) > 20 else 0 :][:2000]
        below = self._below_pairs
        counts = Counter((widths if below is None else self.widths[below]).tolist())
        if not counts:
            return 1
        most = max(counts.values())
        if most == 1 and self.widths[0] > 1:
            return int(self.widths[0])
        return int(max(width for width, times in counts.items() if times == most))

    @cached_property
    def _below_pairs(self) -> slice | None:
        """The table below lines of one or two fields, and above such, be there ever so few records: it has names over records of one
        width. None if it is all that there is, or if nothing shows that the names are some."""
        wide = np.flatnonzero(self.widths[:_FAR] > _PAIR)
        if not len(wide) or not wide[0] or len(wide) < 2 or wide[-1] - wide[0] >= len(wide):
            return None
        start, end = int(wide[0]), int(wide[-1]) + 1
        width = int(self.widths[end - 1])
        if np.count_nonzero(self.widths[start + 1 : end] != width):
            return None
        columns = columns_of(
            [self.row(record) for record in range(start + 1, min(end, start + _DEEP))], width
        )
        return slice(start, end) if judge(self.row(start), columns).is_header else None

    @cached_property
    def first(self) -> int:
        """The first record that is as wide as most: what stands above it has another shape."""
        whole = np.flatnonzero(self.widths[:_DEEP] == self.width)
        return int(whole[0]) if len(whole) else 0

    @cached_property
    def consistency(self) -> float:
        """Share of the records, from the first of the common width on, that fit it; lines above count a little."""
        looked = range(self.first, min(len(self), self.first + _DEEP))
        fitting = sum(1 for record in looked if self._fits(record))
        above = min(self.first, 10) * 0.02
        return max(fitting / max(len(looked), 1) - above, 0.0)

    def _fits(self, record: int) -> bool:
        width = int(self.widths[record])
        if width == self.width:
            return True
        if width > self.width:
            return not any(c.isalnum() for cell in self.row(record)[self.width :] for c in cell)
        return self.width > 2 and width == self.width - 1 and is_blank(self.row(self.first)[-1])

    @cached_property
    def perfect(self) -> bool:
        """All records are of one width, from the first on."""
        return len(self.widths) > 0 and bool((self.widths == self.widths[0]).all())

    @cached_property
    def spans_lines(self) -> bool:
        """Some record holds a line break."""
        at = np.flatnonzero(np.frombuffer(self.data, np.uint8) == self.candidate.eol)
        return bool((np.searchsorted(at, self.ends) > np.searchsorted(at, self.starts)).any())

    @cached_property
    def type_score(self) -> float:
        """How well the values of each column agree, from 0 to 1, over the columns."""
        rows = [self.row(record) for record in range(self.first, min(len(self), self.first + _DEEP))]
        rows = [row for row in rows if len(row) == self.width] or rows
        body = rows[1:] if len(rows) > 1 else rows
        columns = columns_of(body, min(self.width, _WIDE), self._foreign)
        return sum(column.score for column in columns) / max(len(columns), 1)

    @property
    def _foreign(self) -> re.Pattern[str]:
        """What in a value says that it was cut wrongly: other delimiters, half a quoted field."""
        own = to_text(self.candidate.delimiter, "latin-1")
        strong = "".join(mark for mark in _STRONG if mark != own)
        comma = r"|,(?=[^\s\d])|(?<=[^\s\d]),(?=\S)" if own.strip() != "," else ""
        prose = "|^ [a-zà-ÿ]" if own in (",", ";", ":") else ""
        return re.compile(f'[{re.escape(strong)}]{comma}{prose}|^"|"$|^ *"[^"]*$')

    @cached_property
    def quote_fit(self) -> float:
        """How well the double quotes of the text stand where this dialect has quotes, from 0 to 1; few of them say little."""
        total = self.data.count(b'"')
        if not total or self.candidate.quote == ord("'"):
            return 1.0
        edges = edges_of(self.data, DOUBLE, self.candidate.marks.delimiter)
        doubled = 2 * self.data.count(b'""')
        fitting = edges.opening + edges.closing + doubled if self.candidate.quote is not None else 0
        weight = min(1.0, total / (2 * max(len(self), 1)))
        return 1 - 0.6 * (1 - min(1.0, fitting / total)) * weight

    @cached_property
    def score(self) -> float:
        """How good a table it is, from 0 to about 1."""
        wide = 0.5 if self.width == 1 else 0.94 + 0.06 * (1 - 2 / self.width)
        return float(self.consistency**1.5) * self.type_score * wide * self.quote_fit

    @cached_property
    def doubled(self) -> bool:
        """Whether quotes inside quoted fields are doubled: not where several stand there alone, and none in twos."""
        if self.candidate.quote is None or self.candidate.escape is not None:
            return True
        edges = edges_of(self.data, self.candidate.quote, self.candidate.marks.delimiter)
        return not (len(self.quotes.toggles) and edges.alone > 1 and not edges.twos)
