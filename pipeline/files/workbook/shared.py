"""The shared texts of a workbook, from a stream of their XML.

What belongs here: counting them and picking some. What does not: the zip they lie in (`archive`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.files.workbook.sample import raw_rows

DATE_TEXT = re.compile(rb"-\d\d-\d\d \d\d:\d\d:\d\d")
_ITEM_END = re.compile(rb"<(?:\w+:)?si\s*/>|</(?:\w+:)?si>")
_TEXT = re.compile(rb"<(?:\w+:)?t(?:\s[^>]*)?>[^<]")
_CLAIM = re.compile(rb"\s(?:uniqueC|c)ount\s*=\s*[\"'](\d+)[\"']")
_ITEM_START = re.compile(rb"<(?:\w+:)?si[\s>]")
_PLAIN, _SPACED = b"<si><t>", b'<si><t xml:space="preserve">'
_TOP = 4096
_HELD, _HELD_BYTES = 4, 2 * 1024 * 1024


@dataclass(frozen=True)
class _Run:
    """XML of the texts from number `first` up to `end`, which is left out."""

    first: int
    end: int
    xml: bytes


@dataclass(frozen=True)
class SharedTexts:
    """The texts that cells refer to.

    Attributes:
        size: bytes of their XML.
        empty: numbers of the empty ones.
        dates_as_text: whether any looks like a date.
        count: how many they are.
        plain: whether the library is known to understand them as they are meant.
        runs: the first and the last of them, a few megabytes: those that a sheet's first and last rows mostly refer to.
    """

    size: int
    empty: frozenset[bytes] = frozenset()
    dates_as_text: bool = False
    count: int = 0
    runs: tuple[_Run, ...] = ()
    plain: bool = True

    def picked(self, wanted: set[int]) -> dict[int, str] | None:
        """The texts with these numbers; None if they are not all among `runs`. Raises expat.ExpatError."""
        numbers = {number for number in wanted if number < self.count}
        found: dict[int, str] = {}
        for run in self.runs:
            if here := {number for number in numbers if run.first <= number < run.end}:
                numbers -= here
                found |= _picked(run.xml, run.first, here)
        return None if numbers else found


def count_texts(blocks: Iterable[bytes], size: int) -> SharedTexts:
    """One pass over the shared texts; empty ones are rare but make an empty row look filled."""
    empty: list[int] = []
    first: list[_Run] = []
    last: deque[_Run] = deque(maxlen=_HELD)
    index, dates, carry, plain = 0, False, b"", True
    for block in blocks:
        if not index and not carry:
            # The library makes room for as many as it says there are, and ends the process when there is none.
            plain = all(int(claimed) <= max(size, 1) for claimed in _CLAIM.findall(block, 0, _TOP))
        data = carry + block
        dates = dates or DATE_TEXT.search(data) is not None
        end = _whole(data)
        items, carry = data[:end], data[end:]
        count = _plain(items)
        if count is None:
            count, hollow = _each(items)
            empty += [index + place for place in hollow]
        if len(items) <= _HELD_BYTES:
            (first if len(first) < _HELD else last).append(_Run(index, index + count, items))
        index += count
    count, hollow = _each(carry)
    empty += [index + place for place in hollow]
    numbers = frozenset(b"%d" % number for number in empty)
    return SharedTexts(size, numbers, dates, index + count, (*first, *last), plain)


def _plain(items: bytes) -> int | None:
    """How many items there are, if each is a plain text that is not empty; else None."""
    count = items.count(b"</si>")
    plain = items.count(_PLAIN)
    spaced = items.count(_SPACED) if plain < count else 0
    if not count or plain + spaced != count or items.count(b"<si") != count:
        return None
    return None if _PLAIN + b"<" in items or (spaced and _SPACED + b"<" in items) else count


def _each(items: bytes) -> tuple[int, list[int]]:
    """(how many items there are, places of the empty ones)."""
    count, start, empty = 0, 0, []
    for match in _ITEM_END.finditer(items):
        if not _TEXT.search(items, start, match.start()):
            empty.append(count)
        start, count = match.end(), count + 1
    return count, empty


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
