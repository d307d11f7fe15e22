"""JSON text token by token: where one value ends, and where the next record begins after a broken one.

What belongs here: the exact and slow way, for the few elements that the fast scan (`scan`) does not vouch for. What does not:
values. The walk is about structure: whether a word such as `tru` is a value is for the decoder to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

SEPARATORS = b" \t\r\n,"
_TOKEN = re.compile(
    rb'[ \t\r\n]*+(?:("(?:[^"\\\x00-\x1f]++|\\.)*+")|([^\s"{}\[\],:\x00]++)|([{}\[\],:]))', re.DOTALL
)
_CANDIDATE = re.compile(rb'\{[ \t\r\n]*+("(?:[^"\\\x00-\x1f]++|\\.)*+"(?=[ \t\r\n]*+:)|\})', re.DOTALL)
_BLANK = re.compile(rb"[ \t\r\n]*+")
_LONGEST_TRY = 1024 * 1024
_MOST_WORK = 16 * 1024 * 1024
_VALUE, _KEY, _COLON, _AFTER = range(4)


@dataclass(frozen=True)
class Walk:
    """What a walk came to.

    Attributes:
        end: byte after the value; -1 if it has none.
        broken: the first byte that cannot be there; -1 if the text only ends too early.
        keys: the keys of the object itself, with their quotes, as far as the walk went.
    """

    end: int
    broken: int = -1
    keys: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Likeness:
    """What the records of a file have in common, to tell a record from an object inside one.

    Attributes:
        keys: every key (with its quotes) that a record of the sample has.
        common: those that at least half of them have.
        first: the one that nearly all begin with, if no object inside a record does; empty otherwise.
    """

    keys: frozenset[bytes] = frozenset()
    common: frozenset[bytes] = frozenset()
    first: bytes = b""

    def fits(self, keys: Collection[bytes]) -> bool:
        """Whether an object with these keys may be a record: it has more than half of the common ones."""
        return not self.common or 2 * len(self.common.intersection(keys)) > len(self.common)


def walk(data: bytes, start: int, limit: int | None = None) -> Walk:
    """The value at `start`, by its tokens; the text is taken to end at `limit`."""
    limit = len(data) if limit is None else min(limit, len(data))
    stack: list[int] = []
    keys: list[bytes] = []
    position, state = start, _VALUE
    while True:
        match = _TOKEN.match(data, position, limit)
        if match is None:
            return _stopped(data, position, limit)
        kind, here = match.lastindex, match.start(match.lastindex or 0)
        position = match.end()
        mark = data[here] if kind == 3 else 0
        if state == _AFTER:
            if mark == 0x2C:
                state = _KEY if stack[-1] == 0x7B else _VALUE
                continue
            if mark != stack[-1] + 2:  # `}` and `]` are two after `{` and `[`
                return Walk(-1, here)
            stack.pop()
        elif state == _COLON:
            if mark != 0x3A:
                return Walk(-1, here)
            state = _VALUE
            continue
        elif state == _KEY and kind == 1:
            if len(stack) == 1:
                keys.append(match.group(1))
            state = _COLON
            continue
        elif mark in (0x7B, 0x5B) and state == _VALUE:
            stack.append(mark)
            state = _KEY if mark == 0x7B else _VALUE
            continue
        elif mark in (0x7D, 0x5D):  # empty, or after a comma too many: the decoder will say
            if not stack or mark != stack[-1] + 2:
                return Walk(-1, here)
            stack.pop()
        elif mark or state == _KEY:
            return Walk(-1, here)
        if not stack:
            return Walk(position, keys=tuple(keys))
        state = _AFTER


def _stopped(data: bytes, position: int, limit: int) -> Walk:
    """No token: the text ends here, perhaps within a string, or something is in it that is no token."""
    rest = skip_blank(data, position)
    if rest >= limit:
        return Walk(-1)
    if data[rest] != 0x22:
        return Walk(-1, rest)
    inside = re.compile(rb"(?:[^\"\\\x00-\x1f]++|\\.)*+\\?", re.DOTALL).match(data, rest + 1, limit)
    return Walk(-1) if inside is not None and inside.end() >= limit else Walk(-1, rest)


def skip_blank(data: bytes, position: int) -> int:
    """First byte from `position` on that is no white space."""
    match = _BLANK.match(data, position)
    return position if match is None else match.end()


def next_record(data: bytes, start: int, like: Likeness, final: bool) -> int:
    """Where the record after the broken one at `start` begins; `len(data)` where none does.

    A record begins with `{` after a comma, a bracket or a line end. If its first key is the one that only records begin with,
    that is enough. Otherwise its keys must be those of other records, it walks to its end, and after it comes what comes after
    a record; one that the text cuts off counts, unless `final`.
    """
    work = 0
    for match in _CANDIDATE.finditer(data, start + 1):
        if like.keys and match.group(1) not in like.keys:
            continue
        here = match.start()
        if not _may_begin(data, start, here):
            continue
        if like.first and match.group(1) == like.first:
            return here
        tried = walk(data, here, here + _LONGEST_TRY)
        if tried.end < 0 and tried.broken < 0 and (here + _LONGEST_TRY < len(data) or not final):
            return here
        reached = max(tried.end, tried.broken, here)
        work += reached - here
        if tried.end >= 0 and may_follow(data, tried.end) and like.fits(tried.keys):
            return here
        if work > _MOST_WORK:
            break
    return len(data)


def may_end(data: bytes, end: int) -> bool:
    """Whether an element can end before `end`: a separator, a bracket, the next object or nothing follows."""
    following = skip_blank(data, end)
    return following >= len(data) or data[following] in b",]{"


def _may_begin(data: bytes, start: int, here: int) -> bool:
    before = here - 1
    while before >= start and data[before] in b" \t\r":
        before -= 1
    return before < start or data[before] in b",]}[\n"


def may_follow(data: bytes, end: int) -> bool:
    """Whether what follows can follow a record: as `may_end`, but after a comma must come another object: an object in an inner array is no record."""
    following = skip_blank(data, end)
    if following < len(data) and data[following] == 0x2C:
        following = skip_blank(data, following + 1)
    return following >= len(data) or data[following] in b"]{"
