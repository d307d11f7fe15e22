"""Arrow IPC files and streams (Feather version 2 is the former) as tables, with their own dtypes.

What belongs here: record batches, one after another. What does not: laying nested columns out flat (`arrow_columns`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from pipeline.files.arrow_columns import UnknownType, flat_frame
from pipeline.files.parquet import damaged_data, no_columns, parse_batch, unsupported_type
from pipeline.files.table import Dialect, Piece, ReadOptions, Table

_FILE_MAGIC = b"ARROW1"
_STREAM_END = b"\xff\xff\xff\xff\0\0\0\0"
_NOT_CLOSED = "the stream has no end mark: it may be cut off"
_MB = 1024 * 1024
_ERRORS = (pa.ArrowException, OSError, ValueError)


class ArrowTable(Table):
    """An Arrow file or stream. The fields of a struct are columns by their path, lists are JSON text."""

    def __init__(self, path: Path, schema: pa.Schema, options: ReadOptions) -> None:
        self.path, self._options = path, options
        self.dialect = Dialect("arrow", notes=() if _is_closed(path) else (_NOT_CLOSED,))
        self.columns = tuple(flat_frame(pa.Table.from_batches([], schema)).columns)

    def pieces(self) -> Iterator[Piece]:
        """The counts come from the headers of the batches. Raises OSError, UnreadableFile `damaged`."""
        row = 1
        for batch, done in _batches(self.path, self._options):
            size = max(batch.nbytes // max(batch.num_rows, 1), 1)
            step = max(min(self._options.chunk_rows, self._options.memory_mb * _MB // 16 // size), 1)
            for start in range(0, batch.num_rows, step):
                part = batch.slice(start, step)
                yield Piece(row, part.num_rows, done, partial(parse_batch, self.path, part, row))
                row += part.num_rows


def open_arrow(path: Path, compression: str | None, options: ReadOptions) -> Table:
    """Open an Arrow IPC file or stream; it is read up to its first record.

    Raises:
        OSError. UnreadableFile: `damaged`, `unsupported` (a type without a column of ours).
    """
    batch = next(_batches(path, options), None)
    schema = _schema(path) if batch is None else batch[0].schema
    try:
        if not schema.names:
            raise no_columns(path)
        return ArrowTable(path, schema, options)
    except UnicodeDecodeError as error:
        raise damaged_data(path, "Arrow", error) from error  # the name of a column
    except UnknownType as error:
        raise unsupported_type(path, error) from error


def _batches(path: Path, options: ReadOptions) -> Iterator[tuple[pa.RecordBatch, int]]:
    """(batch with records, bytes of the file consumed with it). One batch is in memory at a time; of a large file, that is
    mapped instead, only the part that is looked at."""
    size = path.stat().st_size
    large = size > options.memory_mb * _MB // 4
    try:
        with pa.memory_map(str(path)) if large else pa.OSFile(str(path)) as source:
            for batch, done in _of_file(source, size) if _is_file(path) else _of_stream(source):
                if batch.num_rows:
                    batch.validate(full=True)  # what is garbled inside must not reach native code
                    yield batch, min(done, size)
    except _ERRORS as error:
        raise damaged_data(path, "Arrow", error) from error


def _schema(path: Path) -> pa.Schema:
    """That of a file without records."""
    try:
        with pa.OSFile(str(path)) as source:
            return pa.ipc.open_file(source).schema if _is_file(path) else pa.ipc.open_stream(source).schema
    except _ERRORS as error:
        raise damaged_data(path, "Arrow", error) from error


def _is_file(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_FILE_MAGIC)) == _FILE_MAGIC


def _is_closed(path: Path) -> bool:
    """Whether a file ends as it should; one that is cut off between two batches of a stream looks complete otherwise."""
    if _is_file(path):
        return True
    with path.open("rb") as file:
        file.seek(-len(_STREAM_END), os.SEEK_END)
        return file.read() == _STREAM_END


def _of_file(source: pa.NativeFile, size: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    reader = pa.ipc.open_file(source)
    total = reader.num_record_batches
    for index in range(total):
        yield reader.get_batch(index), size * (index + 1) // total


def _of_stream(source: pa.NativeFile) -> Iterator[tuple[pa.RecordBatch, int]]:
    for batch in pa.ipc.open_stream(source):
        yield batch, source.tell()
