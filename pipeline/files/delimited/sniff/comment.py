"""Comment lines: what begins with `#` and is no record.

What belongs here: telling them from headers and records that begin so too, when nobody says what comments begin with. What does
not: passing over them (`blocks`).

Any number of them may stand above the table or in it, with any words, delimiters and quotes in them. So they are told before
anything else is made of the lines: the other lines say how wide a record is, and what begins with `#` stays only if it is of that
width and reads like a record, or like the names above the records (`#CHROM`, `#id,name`). Where the lines with `#` are themselves
the table (tags, colours), they are no comments.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from pipeline.files.delimited.runs import Flags
from pipeline.files.delimited.scan import Positions
from pipeline.files.delimited.sniff.evidence import CODE, EMPTY, TEXT, TYPED, WORD, columns_of, kind_of
from pipeline.files.delimited.sniff.headers import look_like_names

HASH = b"#"
_PROSE = re.compile(r"#(?:\s|#|$)")
_LEADING = re.compile(rb"(?:#[^\r\n]*(?:\r\n|\n|\r)|[ \t]*(?:\r\n|\n|\r))*")
_LOOK, _MANY, _MOST_WORDS, _SAME = 120, 500, 3, 0.9
Cells = Sequence[str]


def leading_comments(data: bytes) -> int:
    """Bytes of the lines at the beginning of a text that begin with `#`, and of blank ones between them; 0 if there is nothing else."""
    if not data.startswith(HASH):
        return 0
    match = _LEADING.match(data)
    return match.end() if match is not None and match.end() < len(data) else 0


def without_hash(lines: list[bytes]) -> list[bytes]:
    """The lines that do not begin with `#`, if there are some."""
    others = [line for line in lines if not line.startswith(HASH)]
    return others if len(others) > 1 else lines


def comments_among(said: Flags, widths: Positions, row: Callable[[int], Cells]) -> Flags:
    """Which records are comments.

    Args:
        said: which of them begin with `#`.
        widths: fields of each.
        row: gives the fields of one.
    """
    others = np.flatnonzero(~said)
    if not len(others):
        return _doubled(said, row)
    width = _mode(widths[others])
    found: Flags = said & (widths != width)
    if width == 1:
        return _above_one_column(said, row)
    if _are_the_table(widths[said], widths[others], width):
        return np.zeros_like(said)
    lead = int(others[0])
    block = range(_after_last(found, lead), lead)
    whole = others[widths[others] == width][:_LOOK]
    columns = columns_of([row(record) for record in whole[len(whole) > 1 :].tolist()], width)
    typed = [position for position, column in enumerate(columns) if column.kind in TYPED]
    doubtful = np.flatnonzero(said & ~found)
    found[doubtful] = True
    some = doubtful[:: len(doubtful) // _MANY + 1]
    kept = [record for record in some.tolist() if _reads_like_a_record(row(record), typed)]
    if len(some) < len(doubtful):  # one by one they would cost more than all else: most of a table of tags
        kept = doubtful.tolist() if 2 * len(kept) > len(some) else []
    found[[record for record in kept if record in block or record > lead]] = False
    names = [record for record in range(lead) if widths[record] == width and _are_names(row(record))]
    found[names[-1:]] = False
    return found


def _doubled(said: Flags, row: Callable[[int], Cells]) -> Flags:
    """Of lines that all begin with `#`: those with two, if they stand above names that begin with one."""
    found = np.zeros_like(said)
    doubled = 0
    while doubled < len(said) and row(doubled)[0].startswith("##"):
        doubled += 1
    found[:doubled] = doubled < len(said)
    return found


def _above_one_column(said: Flags, row: Callable[[int], Cells]) -> Flags:
    """Above a single column nothing but prose is a comment: a value may begin with `#`, too."""
    found = np.zeros_like(said)
    lead = int(np.argmin(said))
    found[:lead] = all(_PROSE.match(row(record)[0]) for record in range(lead))
    return found


def _are_the_table(said: Positions, others: Positions, width: int) -> bool:
    """Whether the lines with `#` are the rectangle, and the others a title or two."""
    common = _mode(said)
    regular = common > 1 and int(np.count_nonzero(said == common)) >= _SAME * len(said)
    if common == width or not regular:
        return False
    return len(said) > len(others) and (len(others) == 1 or int(np.count_nonzero(others == width)) < 2)


def _after_last(found: Flags, lead: int) -> int:
    """The first record below the last comment of those above the table."""
    above = np.flatnonzero(found[:lead])
    return int(above[-1]) + 1 if len(above) else 0


def _reads_like_a_record(cells: Cells, typed: Sequence[int]) -> bool:
    """Whether numbers, dates and the like stand where the records have them (or one word for what is not known); where they have
    none, whether it is no prose. A record that was made a comment of (`# 1,ann`) has a number only behind its `#`."""
    is_prose = _PROSE.match(cells[0]) is not None
    kinds = {kind_of(cells[position]) for position in typed if position} - {EMPTY}
    if is_prose and (not kinds or 0 in typed):
        return False
    return not kinds & ({TEXT, WORD, CODE} if is_prose else {TEXT})


def _are_names(cells: Cells) -> bool:
    """Whether a line with `#` may be the header: names of a few words, no words between commas. The first may be `#` itself, and a few
    words more (`# of items sold`)."""
    names = [cells[0].lstrip("# ") or "#", *cells[1:]]
    words = [len(name.split()) for name in names]
    is_short = words[0] <= 2 * _MOST_WORDS and max(words[1:], default=0) <= _MOST_WORDS
    return is_short and all(name == name.strip() for name in names) and look_like_names(names)


def _mode(widths: Positions) -> int:
    counts: Counter[int] = Counter(widths.tolist())
    most = max(counts.values())
    return max(width for width, times in counts.items() if times == most)


def begins_with_hash(data: bytes, starts: Positions) -> Flags:
    """Which records begin with `#`."""
    found: Flags = np.frombuffer(data, np.uint8)[starts] == HASH[0]
    return found
