"""XML in blocks, without what may stand anywhere in XML and means nothing here: comments, processing instructions, CDATA, other
encodings than UTF-8.

What belongs here: making XML plain, so that whoever counts or reads finds it as spreadsheet programs write it. What does not:
elements (`rows`, `frugal`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

_ASIDE = re.compile(rb"<!\[CDATA\[(.*?)\]\]>|<!--.*?-->|<\?.*?\?>", re.DOTALL)
_BEGUN = re.compile(rb"<!\[CDATA\[|<!--|<\?")
_ENCODING = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_UTF8 = {"utf-8", "ascii"}
_MOST, _NEAR = 64 * 1024 * 1024, 64


class PlainXml:
    """Iterate once.

    Attributes:
        plain: so far, nothing was changed that another reader of this XML may understand otherwise.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = blocks
        self.plain = True

    def __iter__(self) -> Iterator[bytes]:
        """Raises ValueError: bytes that are none of the encoding, a comment that does not end; LookupError: an unknown encoding."""
        carry, first = b"", True
        for block in self._utf8():
            data = carry + block
            carry = b""
            # Exclamation and question marks are found at once, angle brackets before them are everywhere.
            if (b"!" in data and b"<!" in data) or (b"?" in data and b"<?" in data):
                data = self._without(data, first)
                carry = self._begun(data)
            elif data.endswith(b"<"):
                carry = b"<"
            data = data[: len(data) - len(carry)]
            if data:
                first = False
                yield data
        if carry:
            yield carry

    def _without(self, data: bytes, first: bool) -> bytes:
        def put(found: re.Match[bytes]) -> bytes:
            start, end, text = found.start(), found.end(), found.group(1)
            if text is not None:
                self.plain = False
                return text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
            before, after = data[max(0, start - _NEAR) : start].rstrip(), data[end : end + _NEAR].lstrip()
            between = before.endswith(b">") or (first and not before)
            self.plain = self.plain and between and after[:1] in (b"<", b"")
            return b""

        return _ASIDE.sub(put, data)

    def _begun(self, data: bytes) -> bytes:
        """What has begun at the end of a block and does not end in it."""
        found = _BEGUN.search(data)
        start = found.start() if found else data.rfind(b"<", max(0, len(data) - 9))
        rest = data[start:] if start >= 0 else b""
        if not found and not (rest == b"<" or (rest.startswith(b"<!") and b">" not in rest)):
            return b""
        if len(rest) > _MOST:
            raise ValueError("a comment in its XML does not end")
        return rest

    def _utf8(self) -> Iterator[bytes]:
        blocks = iter(self._blocks)
        first = next(blocks, b"")
        encoding = _encoding(first)
        if encoding is None:
            yield first.removeprefix(codecs.BOM_UTF8)
            yield from blocks
            return
        self.plain = False
        decoder = codecs.getincrementaldecoder(encoding)()
        yield decoder.decode(first).removeprefix("\ufeff").encode()
        for block in blocks:
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", True).encode()


def _encoding(first: bytes) -> str | None:
    """The encoding of XML that begins so, if it is not UTF-8. Raises LookupError: there is none of that name."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if first[:4] in (b"<\0?\0", b"\0<\0?"):
        return "utf-16-le" if first[0] else "utf-16-be"
    found = _ENCODING.match(first.removeprefix(codecs.BOM_UTF8))
    name = codecs.lookup(found.group(1).decode()).name if found else "utf-8"
    return None if name in _UTF8 else name
