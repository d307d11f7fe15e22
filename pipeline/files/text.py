"""Text in any encoding as bytes in which line ends, delimiters and quotes are ASCII.

What belongs here: detecting the encoding, transcoding, and the verdict on a whole file. What does not: records.

UTF-8, cp1252 and latin-1 are cut as they are (an ASCII byte always means itself) and turned into UTF-8 piece by piece,
in the parsing thread. UTF-16 is transcoded while it is read.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.files.problems import UnreadableFile
from pipeline.files.streams import ByteStream, open_stream

SINGLE_BYTE = ("cp1252", "latin-1")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_SAMPLE = 256 * 1024
_LONGEST_HEADER = 64 * _SAMPLE
_SCAN = 4 * 1024 * 1024
_SURE = 3
_ESCAPED = re.compile("[\udc80-\udcff]")
_MULTI = re.compile("[^\x00-\x7f\udc80-\udcff]")
_CONTROL = bytes([*range(8), *range(14, 27), 28, 29, 30, 31])

# What browsers read as cp1252: its five undefined bytes are the control characters of latin-1.
_CP1252 = "".join(
    bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(byte)
    for byte in range(256)
)


@dataclass(frozen=True)
class TextSource:
    """A text file and how to read it.

    Attributes:
        path: the file.
        compression: gz, zst or None.
        encoding: utf-8, utf-16-le, utf-16-be, cp1252 or latin-1.
        bom: bytes of byte order mark to leave out.
    """

    path: Path
    compression: str | None
    encoding: str
    bom: int = 0

    def open(self) -> ByteStream:
        """The text after the byte order mark: UTF-16 as UTF-8, anything else as it is. Raises OSError."""
        stream = open_stream(self.path, self.compression)
        stream.read(self.bom)
        return _Transcoded(stream, self.encoding) if self.encoding.startswith("utf-16") else stream

    @property
    def piece_encoding(self) -> str:
        """Encoding of the bytes that `open` gives."""
        return "utf-8" if self.encoding.startswith("utf-16") else self.encoding


class _Transcoded(ByteStream):
    """UTF-16 as UTF-8. What cannot be decoded becomes bytes that are not valid UTF-8, to be found in its record."""

    def __init__(self, stream: ByteStream, encoding: str) -> None:
        self._stream, self.path = stream, stream.path
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._ready = bytearray()
        self._ended = False

    @property
    def position(self) -> int:  # type: ignore[override]
        return self._stream.position

    def read(self, size: int) -> bytes:
        while len(self._ready) < size and not self._ended:
            data = self._stream.read(max(size, 2))
            self._ended = len(data) < max(size, 2)
            try:
                text = self._decoder.decode(data, self._ended)
                self._ready += text.encode("utf-8", "surrogatepass")
            except UnicodeDecodeError as error:
                text = str(error.object[: error.start], self._encoding, "surrogatepass")
                self._ready += text.encode("utf-8", "surrogatepass") + b"\xff"
        out = bytes(memoryview(self._ready)[:size])
        del self._ready[:size]
        return out

    def read_lines(self, size: int, eol: int) -> bytes:
        return self.read(size)

    def close(self) -> None:
        self._stream.close()


def read_sample(path: Path, compression: str | None) -> tuple[TextSource, bytes, bool]:
    """(source, first bytes of its text with a whole line at least, whether that is all of it). Raises as `detect`, OSError."""
    size = _SAMPLE
    while True:
        with open_stream(path, compression) as stream:
            source = detect(path, compression, stream.read(size))
        with source.open() as stream:
            sample = stream.read(size)
            whole = len(sample) < size or not stream.read(1)
        if whole or b"\n" in sample or b"\r" in sample or size >= _LONGEST_HEADER:
            return source, sample, whole
        size *= 4


def detect(path: Path, compression: str | None, sample: bytes) -> TextSource:
    """The encoding of a text file by its first bytes, and by all of it where those leave a doubt.

    Raises:
        UnreadableFile: `not_what_it_says`: it is no text. `damaged`: it is compressed and cut off.
    """
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return TextSource(path, compression, encoding, len(bom))
    if b"\0" in sample[:4096] and (wide := _wide(sample)):
        return TextSource(path, compression, wide)
    controls = len(sample) - len(sample.translate(None, _CONTROL))
    if controls * 100 > len(sample):
        raise UnreadableFile(
            path,
            "not_what_it_says",
            f"the file is named {path.suffix or 'without extension'} but holds binary data, not text",
            "Export it again as CSV, Excel, JSON lines or Parquet",
        )
    good, bad = count_utf8(sample)
    if bad == 0:
        return TextSource(path, compression, "utf-8")
    if good > 0 or bad < _SURE:
        return TextSource(path, compression, decide(path, compression))
    return TextSource(path, compression, _single_byte(sample))


def decide(path: Path, compression: str | None) -> str:
    """Encoding of a file that is not all valid UTF-8, over all of its bytes: utf-8 if that explains most of it, else cp1252."""
    good = bad = 0
    with open_stream(path, compression) as stream:
        carry = b""
        while data := stream.read(_SCAN):
            data = carry + data
            end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1 or len(data)
            carry = data[end:]
            more_good, more_bad = count_utf8(data[:end])
            good, bad = good + more_good, bad + more_bad
        more_good, more_bad = count_utf8(carry)
    return "utf-8" if good + more_good > bad + more_bad else "cp1252"


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
    return len(_MULTI.findall(text)), len(_ESCAPED.findall(text))


def is_utf8(data: bytes) -> bool:
    """Whether all of `data` is valid UTF-8."""
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def to_utf8(data: bytes, encoding: str) -> bytes:
    """`data` as UTF-8. UTF-8 comes back as it is, valid or not."""
    if encoding == "utf-8" or data.isascii():
        return data
    return to_text(data, encoding).encode("utf-8")


def to_text(data: bytes, encoding: str) -> str:
    """`data` as text; what is undecodable stays visible as \\xNN."""
    if encoding == "cp1252":
        return codecs.charmap_decode(data, "strict", _CP1252)[0]
    return data.decode(encoding, "backslashreplace")


def _single_byte(sample: bytes) -> str:
    return "latin-1" if re.search(rb"[\x81\x8d\x8f\x90\x9d]", sample) else "cp1252"


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a byte order mark: nearly every second byte is NUL."""
    even, odd = sample[0:4096:2], sample[1:4096:2]
    even_nul, odd_nul = even.count(0), odd.count(0)
    if odd_nul * 10 > len(odd) * 4 and even_nul * 20 < len(even):
        return "utf-16-le"
    if even_nul * 10 > len(even) * 4 and odd_nul * 20 < len(odd):
        return "utf-16-be"
    return None
