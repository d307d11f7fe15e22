"""Unusual delimited text, rewritten into ordinary text on its way to the scanner.

What belongs here: delimiters of several bytes, escapes, mixed line ends and blanks round quotes; and the way back, for values
and for source text. What does not: finding out that a file needs it (`dialect`), broken records (`repair`).

Whatever ordinary text cannot say is put into a code: the byte 0x1E and a letter. A delimiter of several bytes becomes 0x1F.
Both are coded themselves where they stand in the source, so that every value and every source text can be had back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from pipeline.files.delimited.runs import Runs, skip_back, skip_forward
from pipeline.files.streams import ByteStream

DELIMITER = 0x1F
_CODE = b"\x1e"
_SEPARATORS = b",;\t|:\x1f\n\r"
_PIECE = 1024 * 1024
_LONGEST_LINE = 64 * _PIECE
_LONE_CR = re.compile(rb"\r(?!\n)")
_LINE_ENDS = {b"\n": b"N", b"\r\n": b"W", b"\r": b"R"}
_DELIMITERS = {b",": b"c", b";": b"s", b"\t": b"t", b"|": b"p", b":": b"k", b" ": b"b"}


@dataclass(frozen=True)
class Rewrite:
    """What is rewritten.

    Attributes:
        delimiter: two bytes or more that stand between fields; they become 0x1F, also inside quotes.
        escape: the byte before a quote, a delimiter, a line end or itself that makes it an ordinary character.
        mixed_ends: lone CR (with other line ends beside it) become LF, inside quotes too.
        quote_space: blanks between a delimiter and an opening quote, and after a closing one, are dropped.
    """

    delimiter: bytes | None = None
    escape: int | None = None
    mixed_ends: bool = False
    quote_space: bool = False

    @property
    def coded(self) -> bool:
        """Whether the rewritten text may hold codes."""
        return self.delimiter is not None or self.escape is not None


def rewrite_bytes(data: bytes, rewrite: Rewrite, quote: int | None) -> bytes:
    """All of a text, rewritten. Cells cut from it go through `Codes.value`."""
    data = _lines(data, rewrite, quote)
    return _QuoteSpace(quote).feed(data) if rewrite.quote_space and quote is not None else data


def rewritten(stream: ByteStream, rewrite: Rewrite, quote: int | None) -> ByteStream:
    """The text of `stream`, rewritten as `rewrite_bytes` does, piece by piece; `position` is that of `stream`."""
    return _Rewritten(stream, rewrite, quote)


class Codes:
    """The way back from rewritten text.

    Attributes:
        rewrite: what was rewritten.
    """

    def __init__(self, rewrite: Rewrite, quote: int | None, delimiter: int) -> None:
        """`delimiter`: the byte between fields of the rewritten text."""
        self.rewrite = rewrite
        mine = rewrite.delimiter[:1] if rewrite.delimiter is not None else bytes([delimiter])
        kept, source = [], []
        for original, code, is_dropped in _escapes(rewrite, quote):
            full = bytes([rewrite.escape or 0]) + original
            kept.append((code, original if is_dropped or original == mine else full))
            source.append((code, full))
        if rewrite.delimiter is not None:
            kept.insert(0, (bytes([DELIMITER]), rewrite.delimiter))
            source.insert(0, (bytes([DELIMITER]), rewrite.delimiter))
        plain = [(_CODE + b"1", b"\x1f"), (_CODE + b"0", _CODE)] if rewrite.coded else []
        self.values = [(code.decode(), text.decode("latin-1")) for code, text in kept + plain]
        self._source = [(code.decode(), text.decode("latin-1")) for code, text in source + plain]

    def in_values(self, data: bytes, quoted: bool) -> bool:
        """Whether values cut from `data` may need the way back; `quoted`: it has quoted fields."""
        if not self.rewrite.coded:
            return False
        return _CODE in data or (quoted and self.rewrite.delimiter is not None)

    def value(self, text: str) -> str:
        """A value as the file means it."""
        return _replaced(text, self.values)

    def source(self, text: str) -> str:
        """Text of a record as it stands in the file (but for dropped blanks and line ends)."""
        return _replaced(text, self._source)


def count_escaped_ends(data: bytes, rewrite: Rewrite, eol: int) -> int:
    """Physical lines that end in `data` at escaped line ends."""
    return sum(data.count(code) for code in _end_codes(rewrite, eol)) if _CODE in data else 0


def escaped_ends(data: bytes, rewrite: Rewrite, eol: int) -> list[int]:
    """Positions of the escaped line ends."""
    codes = _end_codes(rewrite, eol)
    if not codes or _CODE not in data:
        return []
    return [match.start() for match in re.finditer(b"|".join(codes), data)]


def _end_codes(rewrite: Rewrite, eol: int) -> list[bytes]:
    if rewrite.escape is None:
        return []
    ends = (b"\r",) if eol == 13 else (b"\n", b"\r\n", b"\r") if rewrite.mixed_ends else (b"\n", b"\r\n")
    return [_CODE + _LINE_ENDS[end] for end in ends]


def _replaced(text: str, pairs: list[tuple[str, str]]) -> str:
    for code, original in pairs:
        text = text.replace(code, original)
    return text


def _escapes(rewrite: Rewrite, quote: int | None) -> list[tuple[bytes, bytes, bool]]:
    """(what stands after the escape, its code, whether the escape is no part of the value): itself first, then CRLF before CR."""
    if rewrite.escape is None:
        return []
    found = {bytes([rewrite.escape]): (_CODE + b"E", True)}
    if quote is not None:
        found.setdefault(bytes([quote]), (_CODE + b"Q", True))
    for end in (b"\r\n", b"\n", b"\r"):
        found[end] = (_CODE + _LINE_ENDS[end], True)
    if rewrite.delimiter is not None:
        found.setdefault(rewrite.delimiter[:1], (_CODE + b"D", True))
    for mark, letter in _DELIMITERS.items():
        found.setdefault(mark, (_CODE + letter, False))
    return [(original, code, dropped) for original, (code, dropped) in found.items()]


def _lines(data: bytes, rewrite: Rewrite, quote: int | None) -> bytes:
    """Whole lines: all but the blanks round quotes."""
    if rewrite.coded and _CODE in data:
        data = data.replace(_CODE, _CODE + b"0")
    if rewrite.delimiter is not None and b"\x1f" in data:
        data = data.replace(b"\x1f", _CODE + b"1")
    if rewrite.escape is not None and rewrite.escape in data:
        escape = bytes([rewrite.escape])
        for original, code, _ in _escapes(rewrite, quote):
            data = data.replace(escape + original, code)
    if rewrite.mixed_ends and b"\r" in data:
        data = _LONE_CR.sub(b"\n", data)
    return data.replace(rewrite.delimiter, b"\x1f") if rewrite.delimiter is not None else data


class _QuoteSpace:
    """Drops blanks round quotes; remembers whether a quoted field is open where a piece ends (after a line end)."""

    def __init__(self, quote: int | None) -> None:
        self._quote = quote
        self._inside = 0

    def feed(self, data: bytes) -> bytes:
        if self._quote is None or self._quote not in data:
            return data
        bytes_ = np.frombuffer(data, np.uint8)
        is_separator = np.zeros(256, dtype=bool)
        is_separator[list(_SEPARATORS)] = True
        runs = Runs.of(bytes_, self._quote, is_separator, blanks_before=True)
        before = runs.states(np.zeros(len(runs.first), dtype=np.int64), self._inside)
        after = runs.after(before)
        self._inside = int(after[-1])
        empty = (before == 0) & runs.opens & runs.closes & (runs.size % 2 == 0)
        opening = runs.first[empty | ((before == 0) & (after == 1))]
        closing = runs.last[empty | ((before == 1) & (after == 0))]
        depth = np.zeros(len(data) + 1, dtype=np.int8)
        depth[skip_back(bytes_, opening - 1) + 1] += 1
        depth[opening] -= 1
        depth[closing + 1] += 1
        depth[skip_forward(bytes_, closing + 1)] -= 1
        dropped = np.cumsum(depth[:-1], dtype=np.int8) > 0
        return bytes_[~dropped].tobytes() if dropped.any() else data


class _Rewritten(ByteStream):
    """A rewritten stream. It works on whole lines, so that nothing depends on where a piece ends."""

    def __init__(self, stream: ByteStream, rewrite: Rewrite, quote: int | None) -> None:
        self._stream, self.path = stream, stream.path
        self._rewrite, self._quote = rewrite, quote
        self._spaces = _QuoteSpace(quote) if rewrite.quote_space and quote is not None else None
        self._held = b""
        self._ready = bytearray()
        self._ended = False

    @property
    def position(self) -> int:  # type: ignore[override]
        return self._stream.position

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end. Raises as the stream below."""
        while len(self._ready) < size and not self._ended:
            self._more(max(_PIECE, len(self._held)))
        out = bytes(memoryview(self._ready)[:size])
        del self._ready[:size]
        return out

    def read_lines(self, size: int, eol: int) -> bytes:
        """`size` bytes and on to the next `eol` that is ready."""
        while len(self._ready) < size + 1 and not self._ended:
            self._more(max(_PIECE, len(self._held)))
        return self.read(max(size, self._ready.find(eol, size) + 1))

    def close(self) -> None:
        self._stream.close()

    def _more(self, size: int) -> None:
        more = self._stream.read(size)
        self._ended = len(more) < size
        data = self._held + more
        end = len(data) if self._ended or len(data) >= _LONGEST_LINE else self._line_end(data)
        self._held = data[end:]
        data = _lines(data[:end], self._rewrite, self._quote)
        self._ready += self._spaces.feed(data) if self._spaces is not None else data

    def _line_end(self, data: bytes) -> int:
        """Where the last line ends that is whole; 0 if none does. A CR at the very end may belong to an LF."""
        end = len(data)
        while end > 0:
            at = max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, min(end, len(data) - 1)))
            if at < 0 or not self._is_escaped(data, at):
                return at + 1
            end = at
        return 0

    def _is_escaped(self, data: bytes, at: int) -> bool:
        if self._rewrite.escape is None:
            return False
        if data[at] == 10 and at and data[at - 1] == 13:
            at -= 1
        before = data[:at] if at < 64 else data[at - 64 : at]
        run = len(before) - len(before.rstrip(bytes([self._rewrite.escape])))
        if run == 64:
            run = len(data[:at]) - len(data[:at].rstrip(bytes([self._rewrite.escape])))
        return run % 2 == 1
