"""Records with the wrong number of fields: those that can be read nevertheless.

What belongs here: surplus fields without content, and records in another delimiter than the rest of the file. What does not:
wrong quotes (`repair`).
"""

from __future__ import annotations

import numpy as np

from pipeline.counts import counted
from pipeline.files.delimited.fields import split_record
from pipeline.files.delimited.runs import Flags
from pipeline.files.delimited.scan import Marks, Positions
from pipeline.files.delimited.spans import how_many

_OTHERS = ",;\t|"
_SPACE = 32
_WIDE = 4
_NAMES = {"\t": "tabs", " ": "blanks"}


def others_in(data: bytes, marks: Marks) -> str:
    """The other delimiters that occur in `data` at all."""
    return "".join(other for other in _OTHERS if other != chr(marks.delimiter) and other.encode() in data)


def mendable(
    data: bytes, starts: Positions, ends: Positions, counts: Positions, marks: Marks, width: int, others: str
) -> Flags:
    """Which records `mend_row` might read; it reads none of the rest. The records have `counts` fields, not `width`, and their
    quotes are in order. For many records at once: almost all of a file of bad records are settled by this."""
    bytes_ = np.frombuffer(data, np.uint8)
    tail = bytes_[ends - 1]
    is_blank = (tail == marks.delimiter) | (tail == _SPACE)
    if marks.quote is not None:
        is_blank |= tail == marks.quote
    may: Flags = (counts > width) & is_blank
    if width == 1:
        return may
    for other in others:
        fits = counts == 1 if other == "," or width < _WIDE else counts > 0
        if fits.any():
            may |= fits & (how_many(bytes_, ord(other), starts, ends) >= width - 1)
    is_one = counts == 1
    if marks.quote is not None and marks.quote in data and is_one.any():
        may |= is_one & (how_many(bytes_, _SPACE, starts, ends) >= width - 1)
    return may


def mend_row(
    text: str, fields: list[str], marks: Marks, width: int, others: str, own: str, *, agreed: bool = True
) -> tuple[list[str], str, str] | None:
    """(values, `Repair.check`, what was done) of a record that is not `width` fields wide; None where it cannot be read.
    `others`: delimiters to try; `own`: the table's, as it stands in the file. Unless header and records have `agreed` in width as a
    whole, only a record of one field may be read."""
    if agreed and len(fields) > width and not "".join(fields[width:]).strip(" "):
        return fields[:width], "surplus_empty_fields", surplus(len(fields), width)
    may_be_other = width > 1 and (agreed or len(fields) == 1)
    if may_be_other and (found := _other(text, marks, width, len(fields), others)) is not None:
        values, other = found
        return (
            values,
            "other_delimiter",
            f"the fields are separated by {named(other)} instead of {named(own)}; they were split so",
        )
    return None


def surplus(found: int, width: int) -> str:
    """What is said of surplus fields without content."""
    return (
        f"{counted(found, 'field')}, but the header has {width}; the surplus ones are empty and were left out"
    )


def _other(text: str, marks: Marks, width: int, found: int, others: str) -> tuple[list[str], str] | None:
    """The one other delimiter that gives `width` fields. A record that has delimiters of its own is taken only for one in `;`,
    tab or `|`, and only if it is wide: commas and blanks are what texts and numbers are made of."""
    fits: list[tuple[list[str], str]] = []
    for other in others:
        if (found > 1 and (other == "," or width < _WIDE)) or text.count(other) < width - 1:
            continue
        fields = _split(text, marks, other)
        if len(fields) == width:
            fits.append((fields, other))
    if fits or found > 1 or marks.quote is None or marks.delimiter == 32:
        return fits[0] if len(fits) == 1 else None
    if chr(marks.quote) in text and text.count(" ") >= width - 1:
        fields = _split(text, marks, " ")
        if len(fields) == width:
            fits.append((fields, " "))
    return fits[0] if len(fits) == 1 else None


def _split(text: str, marks: Marks, other: str) -> list[str]:
    if marks.quote is None or chr(marks.quote) not in text:
        return text.split(other)
    return split_record(text, Marks(ord(other), marks.quote, marks.eol))


def named(delimiter: str) -> str:
    """A delimiter in a message."""
    return _NAMES.get(delimiter, f"'{delimiter}'")
