"""Avro container files as tables, with their own dtypes.

What belongs here: blocks of records, their counts and their columns. What does not: decoding a record, which is the library's.

The blocks are found and counted here, from their own headers; a piece is some of them behind a header of its own, decoded in
the parsing thread. The fields of a record are columns by their path, arrays and maps are JSON text.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import fastavro
import polars as pl
import pyarrow as pa
import zstandard

from pipeline.counts import counted
from pipeline.files.avro_columns import Column, columns_of, frame_of
from pipeline.files.names import column_names
from pipeline.files.problems import UnreadableFile
from pipeline.files.table import ROW, Dialect, Parsed, Piece, ReadOptions, Table

MAGIC = b"Obj\x01"
_MB = 1024 * 1024
_LARGEST_BLOCK = 64 * _MB
_TEXT_FACTOR = 10
_ERRORS = (
    MemoryError,  # a garbled length asks for more than there is; what is asked for in good faith is small
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    pa.ArrowException,
    fastavro.schema.SchemaParseException,
    fastavro.schema.UnknownType,
)


@dataclass(frozen=True)
class _Header:
    """What a file begins with.

    Attributes:
        schema: of its records.
        codec: that its blocks are compressed with.
        sync: the marker after each block.
        size: bytes up to the first block.
        plain: the header of the same file without compression.
    """

    schema: Any
    codec: str
    sync: bytes
    size: int
    plain: bytes


class AvroTable(Table):
    """An Avro file."""

    def __init__(self, path: Path, header: _Header, columns: list[Column], options: ReadOptions) -> None:
        self.path, self._header, self._options = path, header, options
        self._columns = columns
        self.columns = column_names([column.name for column in columns])
        self.dialect = Dialect("avro")

    def pieces(self) -> Iterator[Piece]:
        """The counts come from the headers of the blocks. Raises OSError, UnreadableFile `damaged`."""
        row, records, blocks, size = 1, 0, [], 0
        most = self._options.memory_mb * _MB // 16 // _TEXT_FACTOR
        done = self._header.size
        for count, data, done in _blocks(self.path, self._header):
            records, size = records + count, size + len(data)
            blocks.append(_varint(count) + _varint(len(data)) + data + self._header.sync)
            if records >= self._options.chunk_rows or size >= most:
                yield Piece(row, records, done, partial(self._parse, b"".join(blocks), records, row))
                row, records, blocks, size = row + records, 0, [], 0
        if records:
            yield Piece(row, records, done, partial(self._parse, b"".join(blocks), records, row))

    def _parse(self, blocks: bytes, records: int, first_row: int) -> Parsed:
        try:
            found: list[Any] = list(fastavro.reader(io.BytesIO(self._header.plain + blocks)))
            if len(found) != records:
                raise ValueError(
                    f"{counted(len(found), 'record')} where {counted(records, 'is', 'are')} announced"
                )
            frame = frame_of(found, self._columns, self.columns)
        except (*_ERRORS, pl.exceptions.PolarsError) as error:
            raise _damaged(self.path, error) from error
        rows = pl.int_range(first_row, first_row + records, dtype=pl.Int64, eager=True)
        return Parsed(frame.with_columns(rows.alias(ROW)))


def open_avro(path: Path, compression: str | None, options: ReadOptions) -> Table:
    """Open an Avro container file; its header is read, and its first block.

    Raises:
        OSError. UnreadableFile: `damaged`, `unsupported` (no records, or a codec that is not known).
    """
    header = _header(path)
    if header.codec not in _CODECS:
        raise UnreadableFile(
            path,
            "unsupported",
            f"its blocks are compressed with {header.codec!r}",
            f"Write it with one of {', '.join(_CODECS)}",
        )
    try:
        columns = columns_of(header.schema)
    except _ERRORS as error:
        raise _damaged(path, error) from error
    if columns is None:
        raise UnreadableFile(
            path, "unsupported", "its values are not records with fields", "Write one Avro record per row"
        )
    next(_blocks(path, header), None)
    return AvroTable(path, header, columns, options)


def _header(path: Path) -> _Header:
    try:
        with path.open("rb") as file:
            reader = fastavro.reader(file)
            schema = reader.writer_schema
            plain = io.BytesIO()
            fastavro.writer(plain, fastavro.parse_schema(schema), [], codec="null", sync_marker=b"\0" * 16)
            file.seek(0)
            size = _header_size(file)
            file.seek(size - 16)
            sync = file.read(16)
        header = plain.getvalue()[:-16] + sync
        return _Header(schema, str(reader.codec), sync, size, header)
    except _ERRORS as error:
        raise _damaged(path, error) from error


def _header_size(file: io.BufferedReader) -> int:
    """Bytes of the magic, the metadata (a map in blocks, keys and values with their lengths) and the sync marker."""
    file.seek(len(MAGIC))
    while count := _read_varint(file):
        if count < 0:
            _read_varint(file)
        for _ in range(2 * abs(count)):
            file.seek(_read_varint(file), io.SEEK_CUR)
    return file.tell() + 16


def _blocks(path: Path, header: _Header) -> Iterator[tuple[int, bytes, int]]:
    """(records, their bytes, bytes of the file up to the end of the block)."""
    decompress = _CODECS[header.codec]
    try:
        with path.open("rb") as file:
            file.seek(header.size)
            while file.peek(1):
                count, size = _read_varint(file), _read_varint(file)
                if count < 0 or not 0 <= size <= _LARGEST_BLOCK:
                    raise ValueError(f"a block of {counted(count, 'record')} and {counted(size, 'byte')}")
                data = file.read(size)
                if len(data) < size or file.read(16) != header.sync:
                    raise ValueError(f"the block before byte {file.tell()} does not end where it says")
                if count:
                    yield count, decompress(data), file.tell()
    except (*_ERRORS, OSError) as error:
        raise _damaged(path, error) from error


def _read_varint(file: io.BufferedReader) -> int:
    """A long: seven bits a byte, least first; then even numbers are positive, odd ones negative."""
    value = shift = 0
    while True:
        byte = file.read(1)
        if not byte or shift > 63:
            raise EOFError("a number is cut off")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return (value >> 1) ^ -(value & 1)
        shift += 7


def _varint(value: int) -> bytes:
    value <<= 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _snappy(data: bytes) -> bytes:
    """A snappy block: its size first, seven bits a byte; four bytes of checksum after it."""
    size = shift = 0
    for byte in data:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or shift > 35:
            break
    return _sized(bytes(pa.Codec("snappy").decompress(data[:-4], min(size, _LARGEST_BLOCK))))


def _inflate(data: bytes) -> bytes:
    return zlib.decompressobj(-15).decompress(data, _LARGEST_BLOCK + 1)


def _zstd(data: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(data) as reader:
        return bytes(reader.read(_LARGEST_BLOCK + 1))


def _sized(data: bytes) -> bytes:
    if len(data) > _LARGEST_BLOCK:
        raise ValueError(f"a block is larger than {_LARGEST_BLOCK // _MB} MB")
    return data


_CODECS: dict[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": lambda data: _sized(_inflate(data)),
    "snappy": _snappy,
    "zstandard": lambda data: _sized(_zstd(data)),
    "bzip2": lambda data: _sized(bz2.BZ2Decompressor().decompress(data, _LARGEST_BLOCK + 1)),
    "xz": lambda data: _sized(lzma.LZMADecompressor().decompress(data, _LARGEST_BLOCK + 1)),
}


def _damaged(path: Path, error: Exception) -> Exception:
    if isinstance(error, OSError) and error.errno is not None:
        return error
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UnreadableFile(
        path, "damaged", f"the Avro data cannot be read ({said})", "Send the file again; it may be cut off"
    )
