"""Choosing among the dialects that a sample may be written in.

What belongs here: which candidate wins and how sure that is; the verdict that two are equally good. What does not: what there is
to choose from (`candidates`), how good one is (`shape`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.counts import counted
from pipeline.files.delimited.sniff.candidates import (
    COMMON,
    DOUBLE,
    SINGLE,
    delimiters_of,
    has_escapes,
    has_spaced_quotes,
    quotes_of,
)
from pipeline.files.delimited.sniff.evidence import ADDRESS, CODE, DATE, NUMBER, columns_of, filled, kind_of
from pipeline.files.delimited.sniff.headers import holds_values, judge, known_in
from pipeline.files.delimited.sniff.quotes import escaped, quotes_better
from pipeline.files.delimited.sniff.sample import Sample
from pipeline.files.delimited.sniff.shape import Candidate, Shape
from pipeline.files.delimited.sniff.tie import refuse_tie
from pipeline.files.delimited.sniff.top import profile

_PRIOR = {b",": 1.0, b";": 1.0, b"\t": 1.02, b"|": 1.01, b"\x1f": 1.02, b"\x01": 1.02, b":": 0.65, b" ": 0.55}
_LONG_PRIOR, _OTHER_PRIOR = 1.01, 0.5
_QUICK_TYPES, _TOP = 0.65, 30
_NAMES = {b",": "','", b";": "';'", b"\t": "a tab", b"|": "'|'", b" ": "a blank", b":": "':'"}


@dataclass(frozen=True)
class Choice:
    """The dialect that was chosen.

    Attributes:
        shape: the sample as it reads it.
        confidence: from 0 to 1.
        reasons, notes: for people.
    """

    shape: Shape
    confidence: float
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()


def choose(sample: Sample) -> Choice:
    """Raises UnreadableFile `ambiguous`."""
    if (quick := _quick(sample)) is not None:
        return _finished(sample, quick, None)
    shapes = [best for mark in _marks(sample) if (best := _best_quote(sample, mark)) is not None]
    if _is_typed(shapes[-1]):
        shapes = [shape for shape in shapes if shape.candidate.delimiter not in (b" ", b":")]
    ranked = sorted(
        ((_value(sample, shape), -number, shape) for number, shape in enumerate(shapes)), reverse=True
    )
    best = ranked[0][2]
    if len(ranked) > 1 and sample.delimiter is None:
        refuse_tie(sample, [shape for _, _, shape in ranked])
    second = next((value for value, _, shape in ranked[1:] if shape.width > 1), None)
    return _finished(sample, best, None if second is None else ranked[0][0] - second)


def _marks(sample: Sample) -> list[bytes]:
    if sample.delimiter is not None:
        return [sample.delimiter]
    found = delimiters_of(sample.lines)
    return [*found, b""]


def _candidate(sample: Sample, mark: bytes, quote: int | None) -> Candidate:
    read = sample.options.read
    if read.quote is not None:
        quote = ord(read.quote) if read.quote else None
    return Candidate(
        mark,
        quote,
        escape=ord(read.escape) if read.escape else None,
        eol=sample.ends.eol,
        mixed=sample.mixed,
        comment=read.comment.encode(sample.encoding) if read.comment is not None else None,
    )


def _quick(sample: Sample) -> Shape | None:
    """The usual file: one of the usual delimiters gives a clean rectangle with good columns, and no other one does."""
    if sample.delimiter is not None or sample.mixed or not sample.lines:
        return None
    first = sample.lines[0]
    regular = [mark for mark in COMMON if mark in first and _is_regular(sample, mark)]
    if any(len(mark) > 1 for mark in delimiters_of(sample.lines)):
        return None
    if len(regular) != 1 or first.count(regular[0] + b" ") > 0 or regular[0] * 2 in first:
        return None
    if (
        b"'" in sample.data
        and len(quotes_of(sample.quick, regular[0])) > 1
        and SINGLE in quotes_of(sample.quick, regular[0])
    ):
        return None
    shape = sample.shape(_candidate(sample, regular[0], DOUBLE), quick=True)
    clean = not len(shape.quotes.odd) and not len(shape.quotes.broken) and shape.quote_fit > 0.95
    if clean and shape.width > 1 and shape.perfect and shape.type_score >= _QUICK_TYPES:
        return shape
    return None


def _is_regular(sample: Sample, mark: bytes) -> bool:
    """Whether it stands in nearly all lines."""
    lines = sample.lines
    return sum(1 for line in lines if mark in line) >= 0.9 * len(lines)


def _best_quote(sample: Sample, mark: bytes) -> Shape | None:
    """The best reading with this delimiter, or None if it makes no columns. No delimiter at all: one column."""
    if not mark:
        return _one_column(sample)
    shape = sample.shape(_candidate(sample, mark, DOUBLE), quick=True)
    if sample.options.read.quote is None:
        for quote in quotes_of(sample.quick, mark)[1:]:
            other = sample.shape(_candidate(sample, mark, quote), quick=True)
            shape = other if quotes_better(other, shape) else shape
    if (
        sample.options.read.escape is None
        and shape.candidate.quote is not None
        and has_escapes(sample.quick, shape.candidate.quote)
    ):
        shape = escaped(sample, shape)
    if has_spaced_quotes(sample.quick, mark) and mark != b" ":
        spaced = sample.shape(replace(shape.candidate, quote_space=True), quick=True)
        shape = (
            spaced if spaced.consistency * spaced.quote_fit > shape.consistency * shape.quote_fit else shape
        )
    if not shape.width or (shape.width == 1 and sample.delimiter is None):
        return None
    return shape


def _one_column(sample: Sample) -> Shape | None:
    """Each line a value. The comma is the delimiter by name: no value has one that is not quoted, or none is split."""
    free = next(
        (mark for mark in (b",", b";", b"\t", b"|", b"\x1f", b"\x01") if mark not in sample.quick), b"\x02"
    )
    if not any(mark in sample.quick for mark in (b",", b";", b"\t", b"|")):
        free = b"\t" if ".tsv" in sample.path.name.lower() else b","
    shape = sample.shape(_candidate(sample, free, DOUBLE), quick=True)
    quoted = len(shape.quotes.toggles) // 2
    if b'"' in sample.quick and (len(shape.quotes.odd) or len(shape.quotes.broken) or not quoted):
        shape = sample.shape(_candidate(sample, free, None), quick=True)
    return shape


def _value(sample: Sample, shape: Shape) -> float:
    """How good a candidate is: as a table, by how usual it is, and by the names that the contract knows."""
    mark = shape.candidate.delimiter
    prior = _PRIOR.get(
        mark, _LONG_PRIOR if len(mark) > 1 or mark in (b"^", b"~", b"\x02", b"\x1e") else _OTHER_PRIOR
    )
    if len(mark) > 1 and mark.isascii() and mark[:1] == b",":
        prior = _spaced_prior(shape)
    score = shape.score * (prior if shape.width > 1 else 1.0)
    if shape.width > 1 and mark in (b" ", b":") and not _has_typed_columns(shape):
        score *= 0.3
    if shape.width == 2 and _lone_name(shape):
        score *= 0.4
    if sample.known:
        rows = range(min(len(shape), _TOP))
        score += (
            2 * max((known_in(shape.row(row), sample.known) for row in rows), default=0) / len(sample.known)
        )
        if sample.options.positions and shape.width == len(sample.options.positions) > 1:
            score += 0.1
    return score


def _spaced_prior(shape: Shape) -> float:
    """`, ` in a bare grid of numbers is a comma, and the blanks align them."""
    rows = [shape.row(record) for record in range(min(len(shape), 10))]
    bare = all(kind_of(cell) == NUMBER for row in rows for cell in row if filled([cell]))
    return 0.9 if bare else _LONG_PRIOR


def _has_typed_columns(shape: Shape) -> bool:
    rows = [shape.row(record) for record in range(shape.first + 1, min(len(shape), shape.first + 60))]
    columns = columns_of([row for row in rows if len(row) >= shape.width], shape.width)
    told = sum(1 for column in columns if column.typed or (column.kind == CODE and len(columns) > 4))
    if shape.candidate.delimiter == b":" and shape.perfect and len(columns) > 3 and told > 1:
        return True
    return told * 2 >= len(columns) > 0 and (len(columns) > 2 or told == 2)


def _is_typed(shape: Shape) -> bool:
    """Whether each line is one date or address: then blanks and colons belong to it."""
    if shape.width != 1:
        return False
    rows = [shape.row(record) for record in range(1, min(len(shape), 60))]
    column = columns_of(rows, 1)[0]
    return column.kind in (DATE, ADDRESS) and column.share > 0.95


def _lone_name(shape: Shape) -> bool:
    """Whether one name stands over rows of two fields: `price` over `1,5`, `name` over `Smith, John`."""
    cells = shape.row(0)
    if shape.first != 1 or len(cells) > 1 or holds_values(cells) or len(cells[0].split()) > 2:
        return False
    below = shape.row(1)
    return not judge(below, profile(shape, 2, shape.width, below)).is_header


def _finished(sample: Sample, shape: Shape, gap: float | None) -> Choice:
    """The choice over the whole sample, with record ends looked at once more."""
    exact = replace(shape.candidate, width=shape.width if shape.consistency > 0.5 else 0)
    is_known = sample.quick is sample.data and not len(shape.quotes.odd) and not len(shape.quotes.broken)
    full = shape if is_known else sample.shape(exact, quick=False)
    if sample.ends.lone and not sample.mixed:
        mixed = sample.shape(replace(full.candidate, mixed=True), quick=False)
        if mixed.consistency > full.consistency or (
            mixed.consistency == full.consistency == 1.0 and len(mixed) > len(full)
        ):
            full = mixed
    if sample.mixed:
        plain = sample.shape(replace(full.candidate, mixed=False), quick=False)
        if plain.width == full.width and plain.consistency >= full.consistency and len(plain) == len(full):
            full = plain
    return Choice(full, _confidence(full, gap, sample), (_reason(sample, full),))


def _confidence(shape: Shape, gap: float | None, sample: Sample) -> float:
    if sample.delimiter is not None:
        return 1.0
    ahead = 1.0 if gap is None else min(max(gap, 0.0) / 0.3, 1.0)
    few = 0.15 if len(shape) < 4 else 0.0
    return max(0.05, 0.5 * shape.consistency + 0.3 * ahead + 0.2 * shape.type_score - few)


def _reason(sample: Sample, shape: Shape) -> str:
    mark = shape.candidate.delimiter
    name = _NAMES.get(mark, repr(mark.decode("utf-8", "replace")))
    if sample.delimiter is not None:
        return f"{name} stands between fields: {'the dataset' if sample.options.read.delimiter else 'the first line'} says so"
    if shape.width == 1:
        return "no delimiter splits the lines into columns: each line is one value"
    records = shape.widths[shape.first :]
    fitting = int((records == shape.width).sum())
    share = f"all {len(records):,}" if fitting == len(records) else f"{fitting:,} of {len(records):,}"
    return f"{name} gives {counted(shape.width, 'field')} in {share} rows looked at"
