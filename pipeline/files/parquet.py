"""Parquet files as tables, with their own dtypes.

What belongs here: reading batches. What does not: laying their columns out flat (`arrow_columns`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.counts import counted
from pipeline.files.arrow_columns import UnknownType, flat_frame
from pipeline.files.problems import UnreadableFile
from pipeline.files.table import ROW, Dialect, Parsed, Piece, ReadOptions, Table

_MB = 1024 * 1024


class ParquetTable(Table):
    """A Parquet file. The fields of a struct are columns by their path (`data.value`), lists are JSON text."""

    def __init__(
        self, path: Path, metadata: pq.FileMetaData, schema: pa.Schema, options: ReadOptions
    ) -> None:
        self.path = path
        self.dialect = Dialect("parquet")
        self._groups = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
        self._batch = _batch_rows(metadata, options)
        self._int96 = any(
            metadata.schema.column(index).physical_type == "INT96" for index in range(metadata.num_columns)
        )
        self.columns = tuple(flat_frame(pa.Table.from_batches([], schema)).columns)

    def pieces(self) -> Iterator[Piece]:
        """The counts come from the file's metadata. Raises OSError, UnreadableFile `damaged`."""
        try:
            yield from self._pieces()
        except (pa.ArrowException, OSError, ValueError) as error:
            raise damaged_data(self.path, "Parquet", error) from error

    def _pieces(self) -> Iterator[Piece]:
        row, size, total = 1, self.path.stat().st_size, sum(self._groups)
        if not total:
            return
        with pq.ParquetFile(self.path, pre_buffer=False, buffer_size=_MB) as file:
            for group, left in enumerate(self._groups):
                for batch in self._batches(file, group):
                    records = min(self._batch, left)
                    if batch.num_rows != records:
                        raise ValueError(
                            f"{counted(batch.num_rows, 'record')} where {counted(records, 'is', 'are')} announced"
                        )
                    left -= records
                    done = size * (row + records - 1) // total
                    yield Piece(row, records, done, partial(parse_batch, self.path, batch, row))
                    row += records
                if left:
                    raise ValueError(f"{counted(left, 'record')} fewer than announced")

    def _batches(self, file: pq.ParquetFile, group: int) -> Iterator[pa.RecordBatch]:
        """The batches of a row group, validated: what is garbled inside must not reach native code."""
        batches = file.iter_batches(self._batch, row_groups=[group])
        if not self._int96:
            for batch in batches:
                batch.validate(full=True)
                yield batch
            return
        with pq.ParquetFile(
            self.path, pre_buffer=False, buffer_size=_MB, coerce_int96_timestamp_unit="us"
        ) as coarse:
            for fine, wide in zip(batches, coarse.iter_batches(self._batch, row_groups=[group]), strict=True):
                for batch in (fine, wide):
                    batch.validate(full=True)
                columns = [_times(*pair) for pair in zip(fine.columns, wide.columns, strict=True)]
                yield pa.RecordBatch.from_arrays(columns, fine.schema.names)


def open_parquet(path: Path, compression: str | None, options: ReadOptions) -> Table:
    """Open a Parquet file; only its metadata is read.

    Raises:
        OSError. UnreadableFile: `damaged`, `unsupported` (a type without a column of ours).
    """
    try:
        with pq.ParquetFile(path) as file:
            metadata, schema = file.metadata, file.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged_data(path, "Parquet", error) from error
    if not schema.names:
        raise no_columns(path)
    try:
        return ParquetTable(path, metadata, schema, options)
    except UnknownType as error:
        raise unsupported_type(path, error) from error


def no_columns(path: Path) -> UnreadableFile:
    """The problem of a file whose records have no fields: there is nothing to count them by."""
    return UnreadableFile(path, "damaged", "it has records but not one column", "Send the file again")


def unsupported_type(path: Path, error: Exception) -> UnreadableFile:
    """The problem of a column that has no counterpart here."""
    return UnreadableFile(
        path, "unsupported", f"a column has a type that cannot be read ({error})", "Write it as another type"
    )


def damaged_data(path: Path, kind: str, error: Exception) -> Exception:
    """The problem behind an error of the library that reads `kind`; an error of the machine stays what it is."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    return UnreadableFile(
        path,
        "damaged",
        f"the {kind} data cannot be read ({str(error).splitlines()[0] if str(error) else type(error).__name__})",
        "Send the file again; it may be cut off",
    )


def _times(fine: pa.Array, wide: pa.Array) -> pa.Array:
    """A column of INT96 times, of which the library gives nanoseconds that wrap around outside the years 1677 to 2262, or microseconds
    that cut them: the former where they are right, else the latter; as text where a column needs both."""
    if fine.type == wide.type:
        return fine
    same = fine.cast(wide.type, safe=False)
    if same.equals(wide):
        return fine
    if not pa.types.is_timestamp(fine.type):
        return wide
    right = pc.equal(same, wide)
    exact = pc.equal(wide.cast(fine.type, safe=False), fine)
    if pc.all(pc.or_(pc.invert(right), exact)).as_py() is not False:
        return wide
    return pc.if_else(right, fine.cast(pa.string()), wide.cast(pa.string()))


def _batch_rows(metadata: pq.FileMetaData, options: ReadOptions) -> int:
    """Rows per piece: as asked for, unless they would be larger than a sixteenth of the budget."""
    size: int = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    row = max(size // max(int(metadata.num_rows), 1), 1)
    return max(min(options.chunk_rows, options.memory_mb * _MB // 16 // row), 1)


def parse_batch(path: Path, batch: pa.RecordBatch, first_row: int) -> Parsed:
    """The records of an Arrow batch, numbered from `first_row`. Raises UnreadableFile `unsupported`: values that no type of ours holds."""
    try:
        frame = flat_frame(pa.Table.from_batches([batch]))
    except UnknownType as error:
        raise unsupported_type(path, error) from error
    rows = pl.int_range(first_row, first_row + frame.height, dtype=pl.Int64, eager=True)
    return Parsed(frame.with_columns(rows.alias(ROW)))
