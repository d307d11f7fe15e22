"""Decompressors whose output a caller can bound, all of one shape.

What belongs here: zlib and zstandard made to look like `bz2` and `lzma`. What does not: files and members (`streams`).
"""

from __future__ import annotations

import zlib
from typing import Protocol

import zstandard

MEMORY_MB = 128  # that a decompressor may take for what it must remember
# zstd bounds no output: but a byte of it gives 32 KB at most.
_ZSTD_STEP, _ZSTD_SMALL, _MUCH = 1024, 64, 256 * 1024


class Inflater(Protocol):
    """Decompresses one member; `bz2` and `lzma` have it as it is."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class ZlibInflater:
    """zlib's decompressor: what it has not looked at yet is kept for it."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))


class ZstdInflater:
    """zstd's decompressor, which takes no bound: it is fed little, and less where that became much."""

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=MEMORY_MB << 20).decompressobj()
        self._waiting = memoryview(b"")
        self._step = _ZSTD_STEP

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not len(self._waiting)

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._waiting

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if data:
            self._waiting = memoryview(bytes(self._waiting) + data)
        parts: list[bytes] = []
        size = 0
        while len(self._waiting) and not self._inner.eof and (max_length < 0 or size < max_length):
            part = self._inner.decompress(self._waiting[: self._step])
            self._waiting = self._waiting[self._step :]
            self._step = _ZSTD_SMALL if len(part) > _MUCH else _ZSTD_STEP
            parts.append(part)
            size += len(part)
        return b"".join(parts)
