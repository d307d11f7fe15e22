"""Footers: what stands at the end of a table and is no record.

What belongs here: blank records, notes and totals at the end of a sample or of a file. What does not: other tables.

Only what is clearly no record is left out; a doubtful row stays a record, to be judged by the contract.
"""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Sequence
from pathlib import Path

from pipeline.files.delimited import scan
from pipeline.files.delimited.fields import split_record
from pipeline.files.delimited.scan import Marks
from pipeline.files.delimited.sniff.evidence import NUMBER, WORD, filled, is_blank, kind_of
from pipeline.files.delimited.sniff.shape import Cells, Shape
from pipeline.files.text import to_text

_TAIL = 64 * 1024
_WORDS = 5
_MARKS = " \t,;|\r"
_TOTAL = re.compile(
    r"(?:(?:grand|sub|over)[\s-]*)?totals?\b.{0,30}|(?:gesamt|zwischen)?summen?\b.{0,30}|(?:ins)?gesamt\b.{0,30}|suma|somme|totale|totaal|合計|总计",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"(?:foot)?notes?\b.*|source\b.*|quellen?\b.*|\*.*|©.*|\(c\).*|copyright\b.*|anmerkung.*|hinweis.*|stand\b.*|end of (?:file|report|table).*|"
    r"generated\b.*|erstellt\b.*|\d+ (?:rows?|records?|lines?|datensätze|zeilen)\b.*|(?:rows?|records?)(?: count)?:? ?\d+",
    re.IGNORECASE | re.DOTALL,
)


def footer_start(shape: Shape, body: int, end: int, width: int) -> int:
    """The first record of the footer of the records `body` to `end`; `end` if there is none."""
    usual = usual_fill(shape, body, width, end)
    first = end
    while first - 1 > body and is_footer(shape.row(first - 1), width, usual):
        first -= 1
    return first


def _fills(rows: Sequence[Cells], width: int) -> Sequence[int]:
    return sorted(filled(row) for row in rows if len(row) >= width and filled(row)) or [width]


def is_footer(cells: Sequence[str], width: int, usual: Sequence[int]) -> bool:
    """Whether a last row is clearly no record: nothing in it, a note of one cell, a total with cells missing. `usual`: how
    many cells the records fill, ascending."""
    count = filled(cells)
    if not count or not "".join(cells).strip(_MARKS):
        return len(cells) > 1
    if width < 2:
        return False
    typical = statistics.median(usual)
    text = next(cell.strip() for cell in cells if not is_blank(cell))
    rare = usual[len(usual) // 20] > count
    if count == 1 and kind_of(text) != NUMBER:
        return rare and not is_blank(cells[0]) and (len(cells) != width or typical >= 3) and _is_note(text)
    return bool(rare and _TOTAL.fullmatch(text) and count < typical)


def _is_note(text: str) -> bool:
    """A remark in words; not what is left of a torn record, nor a record in another delimiter."""
    words = text.split()
    sentence = len(words) >= _WORDS and '"' not in text and kind_of(words[0]) == WORD
    return sentence or _NOTE.fullmatch(text) is not None


def text_of(rows: Sequence[Sequence[str]]) -> str:
    """What stands in a footer, in short."""
    texts = [" ".join(cell.strip() for cell in row if cell.strip(_MARKS)) for row in rows]
    return "; ".join(text for text in texts if text)[:120]


def tail_footer(
    path: Path, marks: Marks, encoding: str, width: int, usual: Sequence[int]
) -> tuple[int, list[list[str]]] | None:
    """(offset in the file at which the footer of a large plain file begins, its rows), or None. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = max(size - _TAIL, 0)
        data = os.pread(file.fileno(), _TAIL, start)
    eol = bytes([marks.eol])
    first = data.find(eol) + 1
    if not first:
        return None
    text = data[first:] if data.endswith(eol) else data[first:] + eol
    quotes = scan.find_quotes(text, marks, True)
    starts, ends = scan.record_spans(text, marks, quotes)
    rows: list[list[str]] = []
    at = None
    for begin, end in zip(starts[::-1].tolist(), ends[::-1].tolist(), strict=True):
        cells = split_record(to_text(text[begin:end], encoding), marks)
        if not is_footer(cells, width, usual):
            break
        rows.insert(0, cells)
        at = start + first + begin
    return (at, rows) if at is not None and len(rows) < len(starts) else None


def usual_fill(shape: Shape, body: int, width: int, end: int) -> Sequence[int]:
    """How many cells the sample's records fill, ascending; the last ones, which may be a footer, left out."""
    last = max(end - 5, body + (end - body + 1) // 2)
    return _fills([shape.row(record) for record in range(body, min(last, body + 200))], width)


def last_records(path: Path, marks: Marks, count: int) -> int | None:
    """Offset in a plain file at which its last `count` records begin; None if they are too long to tell. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = max(size - _TAIL, 0)
        data = os.pread(file.fileno(), _TAIL, start)
    eol = bytes([marks.eol])
    first = data.find(eol) + 1 if start else 0
    text = data[first:] if data.endswith(eol) else data[first:] + eol
    starts, _ = scan.record_spans(text, marks, scan.find_quotes(text, marks, True))
    return start + first + int(starts[-count]) if 0 < count < len(starts) else None
