"""Bytes of a file, decompressed on the way, front to back.

What belongs here: plain, gzip and zstd streams and what is said of a damaged one. What does not: text and its encodings.
"""

from __future__ import annotations

import io
import os
import zlib
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Protocol

import zstandard

from pipeline.files.problems import UnreadableFile

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_LOOK_AHEAD = 64 * 1024
_SMALL, _LARGE, _HIGH_RATIO = 4096, 256 * 1024, 50


class _Inflater(Protocol):
    """What zlib and zstandard decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


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
        self._inflater: _Inflater | None = None
        self._step = _SMALL
        self._left = b""
        self._ready = bytearray()

    @abstractmethod
    def _start(self) -> _Inflater:
        """A decompressor for the next member."""

    def read(self, size: int) -> bytes:
        """`size` decompressed bytes, fewer only at the end. Raises OSError, UnreadableFile `damaged`."""
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
        data = self._left or super().read(self._step)
        self._left = b""
        if not data:
            if self._inflater is not None:
                raise damaged_stream(self.path, f"the {self.label} data ends in the middle")
            return False
        if self._inflater is None:
            if not data.strip(b"\0"):
                return True
            self._inflater = self._start()
        try:
            out = self._inflater.decompress(data)
        except (zlib.error, zstandard.ZstdError) as error:
            raise damaged_stream(
                self.path, f"the {self.label} data cannot be decompressed ({error})"
            ) from error
        if self._inflater.eof:
            self._left, self._inflater = self._inflater.unused_data, None
        self._step = _SMALL if len(out) > _HIGH_RATIO * len(data) else _LARGE
        self._ready += out
        return True


class GzipStream(_InflatedStream):
    """A .gz file, of one or more members."""

    label = "gzip"

    def _start(self) -> _Inflater:
        return zlib.decompressobj(31)


class ZstdStream(_InflatedStream):
    """A .zst file, of one or more frames."""

    label = "zstd"

    def _start(self) -> _Inflater:
        return zstandard.ZstdDecompressor().decompressobj()


_STREAMS = {None: ByteStream, "gz": GzipStream, "zst": ZstdStream}


def compression_of(head: bytes) -> str | None:
    """`gz`, `zst` or None, by the first bytes of a file."""
    if head.startswith(GZIP_MAGIC):
        return "gz"
    return "zst" if head.startswith(ZSTD_MAGIC) else None


def open_stream(path: Path, compression: str | None) -> ByteStream:
    """The file's bytes, decompressed. Raises OSError."""
    return _STREAMS[compression](path)


def damaged_stream(path: Path, cause: str) -> UnreadableFile:
    """The problem of a compressed file that is cut off or garbled."""
    return UnreadableFile(path, "damaged", cause, "Send the file again; it was probably cut off on its way")
