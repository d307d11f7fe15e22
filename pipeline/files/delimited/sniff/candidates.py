"""Which dialects a sample might be written in, by its bytes alone.

What belongs here: record ends, delimiters, quotes and escapes that are worth a look. What does not: reading the sample with
one of them (`shape`), and choosing (`dialect`).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from pipeline.files.delimited.sniff.comment import leading_comments, without_hash

DOUBLE, SINGLE, BACKSLASH = ord('"'), ord("'"), ord("\\")
COMMON = (b",", b";", b"\t", b"|")
_RARE = (b":", b" ", b"^", b"~", b"\x1f", b"\x01", b"\x02", b"\x1e")
_LONG = (
    b"\t\t",
    b"||",
    b";;",
    b"::",
    b"^^",
    b"~~",
    b"|~|",
    b"~|~",
    b"^|^",
    b"|^|",
    b"#|#",
    b"@@",
    b"##",
    b"<>",
    b"&&",
)
_SPACED = (b",", b";", b"|", b":")
_LINES = 100
_LONE_CR = re.compile(rb"\r(?!\n)")


@dataclass(frozen=True)
class Ends:
    """How records end.

    Attributes:
        eol: LF, or CR where there is no LF.
        lone: CRs without an LF beside LFs: record ends too, or part of values.
        name: `LF`, `CRLF`, `CR` or `mixed`.
    """

    eol: int
    lone: int
    name: str


def ends_of(data: bytes) -> Ends:
    """The record ends of a sample."""
    feeds, pairs, returns = data.count(b"\n"), data.count(b"\r\n"), data.count(b"\r")
    if not feeds and returns:
        return Ends(13, 0, "CR")
    lone = returns - pairs
    if data.endswith(b"\r"):
        lone -= 1
    name = "CRLF" if pairs > feeds // 2 else "LF"
    return Ends(10, lone, name)


def mixed_from_start(data: bytes, ends: Ends) -> bool:
    """Whether so many records end in a lone CR that nothing can be made of the sample without that."""
    return ends.lone > 0 and ends.lone * 5 >= data.count(b"\n")


def lines_of(data: bytes, ends: Ends) -> list[bytes]:
    """The first lines that are neither blank nor comments, spread over the sample's beginning."""
    data = data[leading_comments(data) :]
    text = _LONE_CR.sub(b"\n", data) if mixed_from_start(data, ends) else data
    found = text[: 64 * 1024].split(bytes([ends.eol]))[: 4 * _LINES]
    lines = [line for line in (line.strip(b"\r\n") for line in found) if line.strip(b" ")]
    return without_hash(lines)[:_LINES]


def delimiters_of(lines: list[bytes]) -> list[bytes]:
    """Delimiters that stand in a good part of the lines, the usual ones first."""
    wanted = max(1, len(lines) // 10)
    found = [mark for mark in (*COMMON, *_RARE) if _lines_with(lines, mark) >= wanted]
    long = [mark for mark in _LONG if _lines_with(lines, mark) >= max(1, len(lines) // 2)]
    return [
        *_spaced(lines, found),
        *(mark for mark in long if _is_whole(lines, mark)),
        *found,
        *_other(lines),
    ]


def _lines_with(lines: list[bytes], mark: bytes) -> int:
    return sum(1 for line in lines if mark in line)


def _spaced(lines: list[bytes], found: list[bytes]) -> list[bytes]:
    """`, ` where nearly every comma outside of longer texts has a blank after it."""
    spaced = []
    for mark in _SPACED:
        if mark not in found:
            continue
        text = b"\n".join(lines) + b"\n"
        total, followed = text.count(mark), text.count(mark + b" ") + text.count(mark + b"\n")
        first = lines[0].count(mark + b" ")
        if followed >= 0.9 * total and first and text.count(mark + b" ") >= 0.5 * total:
            both = text.count(b" " + mark + b" ")
            spaced.append(b" " + mark + b" " if both >= 0.9 * text.count(mark + b" ") else mark + b" ")
    return spaced


def _is_whole(lines: list[bytes], mark: bytes) -> bool:
    """Whether its bytes stand in it only, never alone: `||` where there is no `|` for itself, or where `|` makes no table."""
    single = mark[:1]
    alone = sum(line.replace(mark, b"").count(single) for line in lines)
    if alone * 10 <= sum(line.count(mark) for line in lines):
        return True
    return len({line.count(mark) for line in lines}) == 1 < len({line.count(single) for line in lines})


_PUNCTUATION = re.compile(rb"[!#$%&*+<=>?@\\^`{}~|;:,\t]{2,4}|[!#*@&]|\xc2[\xa6\xa7]")


def _other(lines: list[bytes]) -> list[bytes]:
    """Unusual ones: punctuation that stands equally often in every line."""
    looked = lines[:20]
    if len(looked) < 2:
        return []
    counts = [Counter(_PUNCTUATION.findall(line)) for line in looked]
    return [
        mark
        for mark, times in counts[0].items()
        if mark not in _LONG
        and all(count[mark] == times for count in counts[1:])
        and _stands_alone(looked, mark)
    ]


def _stands_alone(lines: list[bytes], mark: bytes) -> bool:
    """Whether none of the usual delimiters in it stands outside of it, and it is not such a one twice and more: then there are empty
    fields between them."""
    usual = [single for single in COMMON if single in mark]
    return mark not in [single * len(mark) for single in usual] and not any(
        single in line.replace(mark, b"") for line in lines for single in usual
    )


@dataclass(frozen=True)
class Edges:
    """Where the quotes of a text stand.

    Attributes:
        total: quotes.
        opening, closing: those after, before a delimiter or line end.
        alone: those amid other text.
        twos: pairs amid other text.
    """

    total: int
    opening: int
    closing: int
    alone: int
    twos: int


def edges_of(data: bytes, quote: int, delimiter: int) -> Edges:
    """Where the quotes stand; the start and the end of `data` count as line ends."""
    bytes_ = np.frombuffer(data, np.uint8)
    at = np.flatnonzero(bytes_ == quote)
    if not len(at):
        return Edges(0, 0, 0, 0, 0)
    is_border = np.zeros(256, dtype=bool)
    is_border[[10, 13, delimiter]] = True
    before, after = bytes_[np.maximum(at - 1, 0)], bytes_[np.minimum(at + 1, len(bytes_) - 1)]
    opening, closing = is_border[before] | (at == 0), is_border[after] | (at == len(bytes_) - 1)
    inner_before, inner_after = ~opening & (before != quote), ~closing & (after != quote)
    pair = (after[:-1] == quote) & inner_before[:-1] & inner_after[1:]
    counts = (opening, closing, inner_before & inner_after, pair)
    return Edges(len(at), *(int(np.count_nonzero(flags)) for flags in counts))


def quotes_of(data: bytes, delimiter: bytes) -> list[int | None]:
    """Quotes worth a look: the double one always (it may come later in the file), the single one where it stands round
    fields, none where double quotes stand in the text that do not."""
    quotes: list[int | None] = [DOUBLE]
    if b"'" in data:
        edges = edges_of(data, SINGLE, delimiter[-1])
        fewer, more = sorted((edges.opening, edges.closing))
        if fewer >= 2 and fewer >= 0.6 * more:
            quotes.append(SINGLE)
    if b'"' in data:
        quotes.append(None)
    return quotes


def has_escapes(data: bytes, quote: int) -> bool:
    """Whether some quote has a backslash before it."""
    return bytes([BACKSLASH, quote]) in data


def has_spaced_quotes(data: bytes, delimiter: bytes) -> bool:
    """Whether blanks stand between a delimiter and a quote."""
    return b'"' in data and re.search(rb'%s +"' % re.escape(delimiter), data) is not None
