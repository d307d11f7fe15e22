"""Comment lines: what begins with `#` and is no record.

What belongs here: finding them when nobody says what they begin with. What does not: passing over them (`blocks`).
"""

from __future__ import annotations

from pipeline.files.delimited.sniff.shape import Shape
from pipeline.files.delimited.sniff.structure import Head

_HASH = b"#"


def comment_of(shape: Shape, head: Head) -> bytes | None:
    """`#`, if lines that begin with it stand above the table or, being no records, in it; None if a record begins so."""
    if _HASH not in shape.data or head.width < 2:
        return None
    said = [
        record for record, start in enumerate(shape.starts.tolist()) if shape.data.startswith(_HASH, start)
    ]
    inside = [record for record in said if record >= head.above]
    if any(shape.widths[record] == head.width for record in inside):
        return None
    return _HASH if said else None
