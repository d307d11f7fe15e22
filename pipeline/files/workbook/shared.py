"""The shared texts of a workbook, from a stream of their XML.

What belongs here: counting them and picking some. What does not: the zip they lie in (`archive`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.files.workbook.rows import DATE_TEXT, SharedTexts
from pipeline.files.workbook.sample import raw_rows

_ITEM_END = re.compile(rb"<(?:\w+:)?si\s*/>|</(?:\w+:)?si>")
_TEXT = re.compile(rb"<(?:\w+:)?t(?:\s[^>]*)?>[^<]")
_ITEM_START = re.compile(rb"<(?:\w+:)?si[\s>]")


def count_texts(blocks: Iterable[bytes], size: int) -> SharedTexts:
    """One pass over the shared texts; empty ones are rare but make an empty row look filled."""
    empty: list[bytes] = []
    index, dates, carry = 0, False, b""
    for block in blocks:
        data, start = carry + block, 0
        dates = dates or DATE_TEXT.search(data) is not None
        for match in _ITEM_END.finditer(data):
            if not _TEXT.search(data, start, match.start()):
                empty.append(b"%d" % index)
            start, index = match.end(), index + 1
        carry = data[start:]
    return SharedTexts(size, frozenset(empty), dates)


def pick_texts(blocks: Iterable[bytes], wanted: set[int]) -> dict[int, str]:
    """The texts with these numbers: only the blocks that hold them are looked at. Raises expat.ExpatError."""
    found: dict[int, str] = {}
    index, carry, last = 0, b"", max(wanted, default=-1)
    for block in blocks:
        if index > last:
            break
        data = carry + block
        end = _whole(data)
        items, carry = data[:end], data[end:]
        following = index + _count(items)
        if any(index <= number < following for number in wanted):
            found |= _picked(items, index, wanted)
        index = following
    return found


def _whole(data: bytes) -> int:
    """Where the last whole item ends."""
    if (cut := data.rfind(b"</si>")) >= 0:
        return cut + len(b"</si>")
    return max((match.end() for match in _ITEM_END.finditer(data)), default=0)


def _count(data: bytes) -> int:
    if b":si" not in data and b"<si/>" not in data and b"<si />" not in data:
        return data.count(b"</si>")
    return sum(1 for _ in _ITEM_END.finditer(data))


def _picked(data: bytes, index: int, wanted: set[int]) -> dict[int, str]:
    found, start = {}, 0
    for match in _ITEM_END.finditer(data):
        if index in wanted:
            begun = _ITEM_START.search(data, start, match.end())
            text = "" if begun is None else _text_of(data[begun.start() : match.end()])
            found[index] = text
        start, index = match.end(), index + 1
    return found


def _text_of(item: bytes) -> str:
    rows = raw_rows(b"<row><c>" + item + b"</c></row>")
    return rows[0].cells[0].text
