"""The verdict that two dialects are equally good.

What belongs here: when nobody can know which is meant, and saying so. What does not: choosing (`choice`).
"""

from __future__ import annotations

from pipeline.counts import counted
from pipeline.files.delimited.sniff.evidence import NUMBER, kind_of
from pipeline.files.delimited.sniff.headers import holds_values
from pipeline.files.delimited.sniff.sample import Sample
from pipeline.files.delimited.sniff.shape import Shape
from pipeline.files.problems import UnreadableFile

_FEW = 20
_NAMES = {b",": "','", b";": "';'"}


def refuse_tie(sample: Sample, ranked: list[Shape]) -> None:
    """Comma and semicolon may both give a rectangle in every row, the first included: then nobody knows whether `1,5;2,5` is two
    numbers or three values."""
    found = {shape.candidate.delimiter: shape for shape in ranked}
    comma, semicolon = found.get(b","), found.get(b";")
    if comma is None or semicolon is None or ranked[0] not in (comma, semicolon) or sample.known:
        return
    if not (
        comma.perfect
        and semicolon.perfect
        and min(comma.width, semicolon.width) > 1
        and len(comma) == len(semicolon)
    ):
        return
    text = b"\n".join(sample.lines)
    if b", " in text or b'"' in text or len(comma) > _FEW:
        return
    first = semicolon.row(0)
    named = not holds_values(first) and not holds_values(comma.row(0)[:1])
    grid = all(
        "," in cell and kind_of(cell) == NUMBER
        for row in range(len(semicolon))
        for cell in semicolon.row(row)
    )
    if named or grid:
        raise _ambiguous(sample, comma, semicolon, min(1, len(comma) - 1))


def _ambiguous(sample: Sample, comma: Shape, semicolon: Shape, record: int) -> UnreadableFile:
    both = " or ".join(
        f"{' | '.join(shape.row(record))} (with {_NAMES[shape.candidate.delimiter]}: {counted(shape.width, 'field')})"
        for shape in (semicolon, comma)
    )
    line = semicolon.lines_before(int(semicolon.starts[record])) + 1
    return UnreadableFile(
        sample.path,
        "ambiguous",
        f"line {line} can be read in two ways that fit the whole file equally well: {both}",
        'Say which one is meant: Dataset(…, read=Read(delimiter=";")) or read=Read(delimiter=",")',
    )
