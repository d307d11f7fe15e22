"""Streams: compressed files of several members, cut off, garbled, padded, and bombs."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from pipeline.files.problems import UnreadableFile
from pipeline.files.streams import compression_of, open_stream
from pipeline_tests.files.reading import write

_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "zst": zstandard.compress,
    "bz2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=1),
}
_ALL = pytest.mark.parametrize("kind", list(_COMPRESS))
_DATA = b"".join(b"%d;name %d;%d\n" % (i, i * 7919 % 1000, i * i) for i in range(20_000))
_MB = 1024 * 1024


def _read_all(path: Path, kind: str | None, size: int = 100_000) -> bytes:
    parts = []
    with open_stream(path, kind) as stream:
        while part := stream.read(size):
            parts.append(part)
    return b"".join(parts)


@_ALL
def test_it_is_recognised_and_read_whole(tmp_path: Path, kind: str) -> None:
    packed = _COMPRESS[kind](_DATA)
    assert compression_of(packed) == kind
    assert _read_all(write(tmp_path / "a", packed), kind) == _DATA


@_ALL
@pytest.mark.parametrize("padding", [0, 4, 512])
def test_members_one_after_another_are_one_text(tmp_path: Path, kind: str, padding: int) -> None:
    pack = _COMPRESS[kind]
    content = pack(_DATA) + bytes(padding) + pack(b"") + pack(b"the last line\n") + bytes(padding)
    assert _read_all(write(tmp_path / "a", content), kind) == _DATA + b"the last line\n"


@pytest.mark.parametrize("kind", [None, *_COMPRESS])
def test_reading_in_any_sizes_gives_the_same(tmp_path: Path, kind: str | None) -> None:
    path = write(tmp_path / "a", _COMPRESS[kind](_DATA) if kind else _DATA)
    dice = random.Random(4)
    parts: list[bytes] = []
    with open_stream(path, kind) as stream:
        while True:
            size = dice.choice([1, 17, 4096, 300_000])
            part = stream.read_lines(size, 10) if dice.random() < 0.5 else stream.read(size)
            parts.append(part)
            if len(part) < size:
                break
        assert stream.position == path.stat().st_size
    assert b"".join(parts) == _DATA


@_ALL
@pytest.mark.parametrize("left_off", [1, 9, 1000])
def test_a_stream_that_is_cut_off_is_damaged(tmp_path: Path, kind: str, left_off: int) -> None:
    path = write(tmp_path / "a", _COMPRESS[kind](_DATA)[:-left_off])
    with pytest.raises(UnreadableFile, match="ends in the middle") as caught:
        _read_all(path, kind)
    assert caught.value.code == "damaged"


@_ALL
def test_garbled_data_is_damaged(tmp_path: Path, kind: str) -> None:
    packed = bytearray(_COMPRESS[kind](_DATA))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = bytes(range(40))
    with pytest.raises(UnreadableFile) as caught:
        _read_all(write(tmp_path / "a", bytes(packed)), kind)
    assert caught.value.code == "damaged"


@_ALL
def test_something_else_behind_the_end_is_damaged(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        _read_all(write(tmp_path / "a", _COMPRESS[kind](_DATA) + b"and more"), kind)
    assert caught.value.code == "damaged"


@_ALL
def test_a_bomb_does_not_fill_the_memory(tmp_path: Path, kind: str) -> None:
    pack = _COMPRESS[kind]
    path = write(tmp_path / "a", pack(_DATA) + pack(bytes(150 * _MB)))
    tracemalloc.start()
    try:
        with open_stream(path, kind) as stream:
            for _ in range(20):
                assert len(stream.read(_MB)) == _MB
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * _MB


def test_xz_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    packed = bytearray(lzma.compress(_DATA))
    header = slice(12, 12 + (packed[12] + 1) * 4)
    block = packed[header]
    assert block[2:4] == b"\x21\x01"
    block[4] = 40
    block[-4:] = zlib.crc32(block[:-4]).to_bytes(4, "little")
    packed[header] = block
    with pytest.raises(UnreadableFile, match="more than 128 MB of memory") as caught:
        _read_all(write(tmp_path / "a", bytes(packed)), "xz")
    assert caught.value.code == "unsupported"


def test_zstd_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    magic, no_size, window_of_2_gb = b"\x28\xb5\x2f\xfd", b"\x00", bytes([(31 - 10) << 3])
    content = magic + no_size + window_of_2_gb + b"\x01\x00\x00"
    with pytest.raises(UnreadableFile, match="more than 128 MB of memory") as caught:
        _read_all(write(tmp_path / "a", content), "zst")
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize("text", [b"BZh9;name\n", b"BZh", b"id;name\n", b"", b"\x1f", b"\xfd7z"])
def test_text_that_begins_alike_is_not_compressed(text: bytes) -> None:
    assert compression_of(text) is None


def test_an_empty_bzip2_file_is_recognised() -> None:
    assert compression_of(bz2.compress(b"")) == "bz2"
