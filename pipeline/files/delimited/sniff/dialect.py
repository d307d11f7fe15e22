"""How a delimited text file is written: delimiter, quote, record end, and where its table begins and ends.

What belongs here: choosing by the evidence of a sample, of the names that the contract knows, and of what the dataset says; and
putting the findings together. What does not: encodings (`text`), candidates, shapes and structure (modules of their own).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pipeline.contract.headers import normalise
from pipeline.files.delimited.rewrite import Rewrite
from pipeline.files.delimited.scan import Marks
from pipeline.files.delimited.sniff import footer, tables
from pipeline.files.delimited.sniff.choice import Choice, choose
from pipeline.files.delimited.sniff.columns import named
from pipeline.files.delimited.sniff.comment import HASH, begins_with_hash
from pipeline.files.delimited.sniff.evidence import filled
from pipeline.files.delimited.sniff.sample import Sample, sample_of
from pipeline.files.delimited.sniff.shape import Shape
from pipeline.files.delimited.sniff.structure import Head, head_of
from pipeline.files.table import ReadOptions
from pipeline.files.text import TextSource, to_text


@dataclass(frozen=True)
class CsvDialect:
    """What was found.

    Attributes:
        marks: delimiter, quote and record end of the text after `rewrite`.
        rewrite: what is done to the text first, or None.
        delimiter: as it stands in the file.
        record_end: `LF`, `CRLF`, `CR` or `mixed`.
        columns: names, made unique.
        header: the header's cells (several rows joined), or None where there is none.
        header_rows: rows of names.
        header_line: physical line of the first of them, or None.
        skip: bytes of rewritten text up to the first record.
        skip_lines: physical lines in them.
        stop: bytes of rewritten text after which nothing is a record; None if there is no footer, or it is not known.
        record: mean bytes of a record.
        comment: what lines begin with that are no records, or None.
        dropped: whole lines that are no records wherever they stand: delimiters alone, the header again.
        doubled: whether quotes inside quoted fields are doubled.
        surplus: whether records with surplus fields that are empty are read without them.
        tables: other tables of the file, left out, by line and names.
        confidence: how sure all this is, from 0 to 1.
        reasons: what it was decided by, one sentence each.
        notes: what a person should know.
    """

    marks: Marks
    rewrite: Rewrite | None
    delimiter: str
    record_end: str
    columns: tuple[str, ...]
    header: tuple[str, ...] | None
    header_rows: int
    header_line: int | None
    skip: int
    skip_lines: int
    stop: int | None
    record: float
    comment: bytes | None
    dropped: tuple[bytes, ...]
    doubled: bool
    surplus: bool
    tables: tuple[str, ...]
    confidence: float
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def sniff(source: TextSource, data: bytes, whole: bool, options: ReadOptions) -> CsvDialect:
    """The dialect by `data`, the first bytes of the text (all of it if `whole`).

    Raises:
        OSError. UnreadableFile: `empty`, `no_header`, `ambiguous`.
    """
    known = frozenset(normalise(name) for name in options.expected)
    sample = sample_of(source, data, whole, options, known)
    choice = choose(sample)
    return _described(sample, choice)


def _described(sample: Sample, choice: Choice) -> CsvDialect:
    shape, read = choice.shape, sample.options.read
    head = head_of(shape, sample.first_record(shape), sample.known, read)
    stacked = tables.stacked_in(shape, head)
    head, end, others = _table(sample, shape, head, stacked)
    found = named(sample, head, shape)
    dropped = _dropped(shape, head, end, stacked)
    skip = int(shape.starts[head.body]) if head.body < len(shape) else len(shape.data)
    stop, notes = _stop(sample, shape, head, end)
    records = max(end - head.body, 1)
    lead = shape.row(head.rows[0])[:3] if head.rows else ()
    if stacked.repeated is not None and _line_of(shape, stacked.repeated) in dropped:
        line = shape.lines_before(int(shape.starts[stacked.repeated])) + 1
        notes = (
            *notes,
            f"the header comes again in line {line} ({', '.join(lead)}, …); that line is no record",
        )
    return CsvDialect(
        marks=replace(shape.candidate.marks, width=head.width),
        rewrite=shape.candidate.rewrite,
        delimiter=to_text(shape.candidate.delimiter, sample.encoding),
        record_end="mixed" if shape.candidate.mixed else sample.ends.name,
        columns=found.columns,
        header=found.header,
        header_rows=len(head.rows),
        header_line=_line(shape, head.rows[0]) if head.rows else None,
        skip=skip,
        skip_lines=shape.lines_before(skip),
        stop=stop,
        record=(len(shape.data) - skip) / records,
        comment=_comment(shape, head),
        dropped=dropped,
        doubled=shape.doubled,
        surplus=head.agreed,
        tables=others,
        confidence=round(choice.confidence * (0.6 + 0.4 * head.sure), 2),
        reasons=(*choice.reasons, *head.reasons),
        notes=(
            *choice.notes,
            *_comments_note(shape),
            *(_preamble(shape, head) if not stacked.starts else ()),
            *head.notes,
            *found.notes,
            *notes,
            *(f"left out: {other}" for other in others),
        ),
    )


def _line(shape: Shape, record: int) -> int:
    return shape.lines_before(int(shape.starts[record])) + 1


def _table(
    sample: Sample, shape: Shape, head: Head, stacked: tables.Stacked
) -> tuple[Head, int, tuple[str, ...]]:
    """(the table that is read, the record after its last, the others): the one that the dataset names or the contract knows,
    else the first."""
    if not stacked.starts:
        return head, len(shape), ()
    starts = [head.above, *stacked.starts]
    read = sample.options.read
    if read.table is not None:
        wanted = min(read.table, len(starts)) - 1
    else:
        wanted = tables.wanted_start(shape, starts, sample.known) if sample.known else 0
    end = starts[wanted + 1] if wanted + 1 < len(starts) else len(shape)
    if wanted:
        head = head_of(shape, starts[wanted], sample.known, replace(read, skip=0))
        head = replace(head, width=int(shape.widths[starts[wanted]]))
    others = tuple(
        f"a table that begins in line {_line(shape, start)} ({', '.join(shape.row(start))[:80]})"
        for number, start in enumerate(starts)
        if number != wanted
    )
    return head, end, others


def _dropped(shape: Shape, head: Head, end: int, stacked: tables.Stacked) -> tuple[bytes, ...]:
    """Whole lines that are passed over as a comment would be: a record of delimiters alone, the header come again."""
    repeated = () if stacked.repeated is None else (_line_of(shape, stacked.repeated),)
    blank = bytes([shape.candidate.marks.delimiter]) * (head.width - 1)
    found = None
    if blank and blank in shape.data:
        for record in range(head.body, end):
            is_blank = shape.data[shape.starts[record] : shape.ends[record]] == blank
            found = record if is_blank and found is None else found
            if found is not None and not is_blank and filled(shape.row(record)):
                return _line_of(shape, found), *repeated
    return repeated


def _line_of(shape: Shape, record: int) -> bytes:
    return shape.data[int(shape.starts[record]) : shape.after(record)]


def _comment(shape: Shape, head: Head) -> bytes | None:
    """What lines of the file begin with that are no records. Not `#` where a record of the table begins so, or where there is but one
    column: then some of those further down may be values."""
    if shape.candidate.comment is not None:
        return shape.candidate.comment
    if not shape.comments or head.width < 2 or begins_with_hash(shape.data, shape.starts[head.body :]).any():
        return None
    return HASH


def _comments_note(shape: Shape) -> tuple[str, ...]:
    if not shape.comment_count:
        return ()
    count = shape.comment_count
    what = "1 comment line is no record" if count == 1 else f"{count:,} comment lines are no records"
    return (f"{what}: {footer.text_of([shape.comments])}",)


def _preamble(shape: Shape, head: Head) -> tuple[str, ...]:
    lines = shape.lines_before(int(shape.starts[head.above]))
    text = footer.text_of([shape.row(record) for record in range(head.above)])
    if not text:
        return ()
    return (
        f"{lines} lines above the table are no records: {text}"
        if lines > 1
        else f"the line above the table is no record: {text}",
    )


def _stop(sample: Sample, shape: Shape, head: Head, end: int) -> tuple[int | None, tuple[str, ...]]:
    """(bytes of rewritten text after which nothing is a record, what is said of them)."""
    read = sample.options.read
    if end == len(shape) and not sample.whole:
        return _stop_of_large(sample, shape, head)
    first = (
        max(end - read.footer, head.body)
        if read.footer is not None
        else footer.footer_start(shape, head.body, end, head.width)
    )
    if first == len(shape):
        return None, ()
    text = footer.text_of([shape.row(record) for record in range(first, end)])
    return int(shape.starts[first]), _footer_note(end - first, text)


def _stop_of_large(sample: Sample, shape: Shape, head: Head) -> tuple[int | None, tuple[str, ...]]:
    """As `_stop`, by the end of the file, where its bytes are those of the text."""
    read = sample.options.read
    if not sample.is_plain or shape.candidate.rewrite is not None or read.footer == 0:
        return None, ("the footer of a compressed or rewritten file is not left out",) if read.footer else ()
    bom, marks = sample.source.bom, shape.candidate.marks
    if read.footer is not None:
        at = footer.last_records(sample.path, marks, read.footer)
        return (None, ()) if at is None else (at - bom, _footer_note(read.footer, ""))
    usual = footer.usual_fill(shape, head.body, head.width, len(shape))
    found = footer.tail_footer(sample.path, marks, sample.encoding, head.width, usual)
    if found is None:
        return None, ()
    at, rows = found
    return at - bom, _footer_note(len(rows), footer.text_of(rows))


def _footer_note(lines: int, text: str) -> tuple[str, ...]:
    if not lines:
        return ()
    return (
        f"{lines} row{'s' if lines > 1 else ''} at the end {'are' if lines > 1 else 'is'} no record: {text or 'blank'}",
    )
