"""Decoding that goes on behind bytes that cannot be decoded, and says where the first of them is.

What belongs here: names of encodings, decoding whole pieces and streams. What does not: which encoding a file is in.

An undecodable byte becomes a byte that is no valid UTF-8 wherever it stands, so that the record that holds it is found out
later: itself if nothing can follow it in UTF-8, else 0xFF. What follows it is read on: a line break behind half a
character still ends its record.
"""

from __future__ import annotations

import codecs
import re
import threading
from dataclasses import dataclass

from pipeline.files.streams import ByteStream

# One byte is one character, always, and every byte is one: text can be cut as it lies and decoded piece by piece.
PIECEWISE = frozenset(
    [
        *(
            "utf-8",
            "latin-1",
            "cp1252",
            "cp1256",
            "cp437",
            "cp737",
            "cp775",
            "cp850",
            "cp852",
            "cp855",
            "cp860",
        ),
        *(
            "cp862",
            "cp863",
            "cp865",
            "cp866",
            "iso8859-2",
            "iso8859-4",
            "iso8859-5",
            "iso8859-9",
            "iso8859-10",
        ),
        *(
            "iso8859-13",
            "iso8859-15",
            "iso8859-16",
            "koi8-r",
            "koi8-u",
            "mac-roman",
            "mac-latin2",
            "mac-cyrillic",
        ),
        *("mac-greek", "mac-turkish"),
    ]
)
_USUAL_NAMES = {"iso8859-1": "latin-1", "euc_jp": "euc-jp", "iso2022_jp": "iso-2022-jp"}
# What files of these names really hold: the same and more characters, as Windows or a later standard has them.
_WIDER = {"euc_kr": "cp949", "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "big5": "cp950"}
MARK = "pipeline.mark"
_MARKED = re.compile("[\udc80-\udcff]")
_FOREIGN = re.compile("[^\x00-\x7f\udc80-\udcff]")
_LEAST = 4096
_place = threading.local()
Place = tuple[int, int]  # bytes from an undecodable byte to the end of the data, the byte

# What browsers read as cp1252: its five undefined bytes are the control characters of latin-1.
_CP1252 = "".join(
    bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(byte)
    for byte in range(256)
)


@dataclass(frozen=True)
class Undecodable:
    """A byte that is no character in the file's encoding.

    Attributes:
        line: physical line it stands in, from 1.
        offset: bytes of the file (decompressed, byte order mark included) before it.
        byte: its value.
    """

    line: int
    offset: int
    byte: int

    def __str__(self) -> str:
        return f"byte 0x{self.byte:02X} at offset {self.offset:,} (line {self.line:,})"


def usual_name(encoding: str) -> str:
    """The one name that this room has for an encoding that Python knows by many; the wider one where two are often taken for
    each other. Raises LookupError."""
    name = codecs.lookup(encoding).name
    return _USUAL_NAMES.get(name) or _WIDER.get(name, name)


def to_text(data: bytes, encoding: str) -> str:
    """`data` as text; what is undecodable stays visible as \\xNN."""
    if encoding == "cp1252":
        return codecs.charmap_decode(data, "strict", _CP1252)[0]
    return data.decode(encoding, "backslashreplace")


def to_utf8(data: bytes, encoding: str) -> bytes:
    """`data` as UTF-8, undecodable bytes as bytes that are not valid in it. UTF-8 comes back as it is, valid or not."""
    if encoding == "utf-8" or (encoding in PIECEWISE and data.isascii()):
        return data
    return _encoded(marked(data, encoding))


def marked(data: bytes, encoding: str) -> str:
    """`data` as text, undecodable bytes as U+DC80 to U+DCFF."""
    return to_text(data, encoding) if encoding == "cp1252" else data.decode(encoding, MARK)


def strictly(data: bytes, encoding: str) -> str | None:
    """`data` as text, or None if something in it is undecodable."""
    try:
        return to_text(data, encoding) if encoding == "cp1252" else data.decode(encoding)
    except UnicodeError:
        return None


def count_marked(text: str) -> tuple[int, int]:
    """(characters beyond ASCII, undecodable bytes) of what `marked` gave."""
    return len(_FOREIGN.findall(text)), len(_MARKED.findall(text))


def decoded(decoder: codecs.IncrementalDecoder, data: bytes, final: bool) -> tuple[str, Place | None]:
    """(`data` decoded on, undecodable bytes as `marked`; the first of them). `decoder` has the error handler `MARK`."""
    _place.first = None
    text = decoder.decode(data, final)
    return text, _place.first


def before_marked(text: str) -> str:
    """What stands before the first undecodable byte; all of it, if there is none."""
    found = _MARKED.search(text)
    return text[: found.start()] if found else text


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if getattr(_place, "first", None) is None:
        _place.first = len(error.object) - error.start, error.object[error.start]
    bad = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + _stray(byte)) for byte in bad), error.end


def _stray(byte: int) -> int:
    """A byte that is invalid in UTF-8 whatever stands beside it, as long as that is whole or stray as well."""
    return 0xFF if byte < 0x80 or 0xC2 <= byte <= 0xF4 else byte


codecs.register_error(MARK, _mark)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def count_utf8(data: bytes) -> tuple[int, int]:
    """(multi-byte characters, undecodable bytes) of `data` as UTF-8; a character cut off at the end is not counted."""
    if data.isascii():
        return 0, 0
    for cut in range(1, 4):
        if len(data) >= cut and data[-cut] >= 0xC0:
            wanted = 2 if data[-cut] < 0xE0 else 3 if data[-cut] < 0xF0 else 4
            data = data[:-cut] if wanted > cut else data
            break
    text = data.decode("utf-8", "surrogateescape")
    return len(_FOREIGN.findall(text)), len(_MARKED.findall(text))


def is_utf8(data: bytes) -> bool:
    """Whether all of `data` is valid UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class Transcoded(ByteStream):
    """A stream of any encoding as UTF-8.

    Attributes:
        position: bytes on disk consumed so far, near enough for progress: what is ready but not read yet does not count.
        first_bad: (offset in the stream below, value) of the first undecodable byte so far, or None.
    """

    def __init__(self, stream: ByteStream, encoding: str) -> None:
        """Raises LookupError: Python does not know the encoding."""
        self._stream, self.path, self.position = stream, stream.path, stream.position
        self._decoder = codecs.getincrementaldecoder(encoding)(MARK)
        self._ready = bytearray()
        self._taken = 0
        self._ended = False
        self._share = 0.0  # bytes on disk behind a byte that is ready
        self.first_bad: tuple[int, int] | None = None

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end. Raises as the stream below."""
        while len(self._ready) < size and not self._ended:
            wanted, before = max(size, _LEAST), self._stream.position
            data = self._stream.read(wanted)
            self._ended = len(data) < wanted
            self._taken += len(data)
            text, bad = decoded(self._decoder, data, self._ended)
            encoded = _encoded(text)
            self._ready += encoded
            self._share = (self._stream.position - before) / max(len(encoded), 1)
            if self.first_bad is None and bad is not None:
                self.first_bad = self._taken - bad[0], bad[1]
        out = bytes(memoryview(self._ready)[:size])
        del self._ready[:size]
        self.position = max(self.position, self._stream.position - int(len(self._ready) * self._share))
        return out

    def read_lines(self, size: int, eol: int) -> bytes:
        """As `read`."""
        return self.read(size)

    def close(self) -> None:
        """Release the file."""
        self._stream.close()
