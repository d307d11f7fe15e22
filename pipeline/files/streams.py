"""Bytes of a file, decompressed on the way, front to back.

What belongs here: plain, gzip, zstd, bzip2 and xz streams and what is said of a damaged one. What does not: text and its
encodings.

A few bytes can decompress to gigabytes: what one step gives is bounded (`stream_inflaters`), whatever the file says.
"""

from __future__ import annotations

import bz2
import io
import lzma
import os
import re
import zlib
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType

import zstandard

from pipeline.files.problems import UnreadableFile
from pipeline.files.stream_inflaters import MEMORY_MB, Inflater, ZlibInflater, ZstdInflater

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
BZIP2_MAGIC = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
XZ_MAGIC = b"\xfd7zXZ\0"
_LOOK_AHEAD = 64 * 1024
_STEP, _MOST = 256 * 1024, 1024 * 1024


class ByteStream:
    """The file's bytes as they lie on disk.

    Attributes:
        path: the file.
        position: bytes on disk consumed so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.position = 0
        self._file = io.FileIO(path)

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end of the file. Raises OSError."""
        parts: list[bytes] = []
        while size > 0 and (part := self._file.read(size)):
            parts.append(part)
            size -= len(part)
            self.position += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_lines(self, size: int, eol: int) -> bytes:
        """`size` bytes and on to the next `eol`, if that is near; fewer than `size` only at the end of the file."""
        ahead = os.pread(self._file.fileno(), _LOOK_AHEAD, self.position + size)
        return self.read(size + ahead.find(eol) + 1)

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def __enter__(self) -> ByteStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _InflatedStream(ByteStream, ABC):
    """Decompresses member after member; a stream that ends inside one is damaged."""

    label = ""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._inflater: Inflater | None = None
        self._left = b""
        self._ready = bytearray()

    @abstractmethod
    def _start(self) -> Inflater:
        """A decompressor for the next member."""

    def read(self, size: int) -> bytes:
        """`size` decompressed bytes, fewer only at the end.

        Raises:
            OSError. UnreadableFile: `damaged`, or `unsupported` if decompressing it takes too much memory.
        """
        while len(self._ready) < size and self._more():
            pass
        out = bytes(memoryview(self._ready)[:size])
        del self._ready[:size]
        return out

    def read_lines(self, size: int, eol: int) -> bytes:
        """As `ByteStream.read_lines`; raises as `read`."""
        while len(self._ready) < size + _LOOK_AHEAD and self._more():
            pass
        return self.read(max(size, self._ready.find(eol, size, size + _LOOK_AHEAD) + 1))

    def _more(self) -> bool:
        data = b""
        if self._inflater is None or self._inflater.needs_input:
            data, self._left = self._left or super().read(_STEP), b""
            if not data:
                if self._inflater is not None:
                    raise damaged_stream(self.path, f"the {self.label} data ends in the middle")
                return False
        if self._inflater is None:
            # Members may be padded with NUL bytes.
            data = data.lstrip(b"\0")
            if not data:
                return True
            self._inflater = self._start()
        try:
            self._ready += self._inflater.decompress(data, _MOST)
        except (zlib.error, zstandard.ZstdError, lzma.LZMAError, OSError) as error:
            raise self._problem(error) from error
        if self._inflater.eof:
            self._left, self._inflater = self._inflater.unused_data, None
        return True

    def _problem(self, error: Exception) -> UnreadableFile:
        if "emory" not in str(error):
            return damaged_stream(self.path, f"the {self.label} data cannot be decompressed ({error})")
        return UnreadableFile(
            self.path,
            "unsupported",
            f"decompressing its {self.label} data takes more than {MEMORY_MB} MB of memory",
            f"Compress it with a smaller window ({self.label} without options for long distances), or send it plain",
        )


class GzipStream(_InflatedStream):
    """A .gz file, of one or more members."""

    label = "gzip"

    def _start(self) -> Inflater:
        return ZlibInflater()


class ZstdStream(_InflatedStream):
    """A .zst file, of one or more frames."""

    label = "zstd"

    def _start(self) -> Inflater:
        return ZstdInflater()


class Bzip2Stream(_InflatedStream):
    """A .bz2 file, of one or more streams."""

    label = "bzip2"

    def _start(self) -> Inflater:
        return bz2.BZ2Decompressor()


class XzStream(_InflatedStream):
    """A .xz file, of one or more streams."""

    label = "xz"

    def _start(self) -> Inflater:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY_MB << 20)


_STREAMS: dict[str | None, type[ByteStream]] = {
    None: ByteStream,
    "gz": GzipStream,
    "zst": ZstdStream,
    "bz2": Bzip2Stream,
    "xz": XzStream,
}


def compression_of(head: bytes) -> str | None:
    """`gz`, `zst`, `bz2`, `xz` or None, by the first bytes of a file (ten of them tell)."""
    if head.startswith(GZIP_MAGIC):
        return "gz"
    if head.startswith(ZSTD_MAGIC):
        return "zst"
    if head.startswith(XZ_MAGIC):
        return "xz"
    return "bz2" if BZIP2_MAGIC.match(head) else None


def open_stream(path: Path, compression: str | None) -> ByteStream:
    """The file's bytes, decompressed. Raises OSError."""
    return _STREAMS[compression](path)


def damaged_stream(path: Path, cause: str) -> UnreadableFile:
    """The problem of a compressed file that is cut off or garbled."""
    return UnreadableFile(path, "damaged", cause, "Send the file again; it was probably cut off on its way")
