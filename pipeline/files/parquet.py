"""Parquet files as tables, with their own dtypes.

What belongs here: reading batches and laying nested columns out flat. What does not: what the values mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.files.names import column_names
from pipeline.files.problems import UnreadableFile, header_only
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
        self.columns = tuple(flat_frame(pa.Table.from_batches([], schema)).columns)

    def pieces(self) -> Iterator[Piece]:
        """The counts come from the file's metadata. Raises OSError, UnreadableFile `damaged`."""
        try:
            yield from self._pieces()
        except (pa.ArrowException, OSError, ValueError) as error:
            raise damaged_data(self.path, "Parquet", error) from error

    def _pieces(self) -> Iterator[Piece]:
        row, size, total = 1, self.path.stat().st_size, sum(self._groups)
        with pq.ParquetFile(self.path, pre_buffer=False, buffer_size=_MB) as file:
            for group, left in enumerate(self._groups):
                for batch in file.iter_batches(self._batch, row_groups=[group]):
                    batch.validate(full=True)  # what is garbled inside must not reach native code
                    records = min(self._batch, left)
                    left -= records
                    done = size * (row + records - 1) // total
                    yield Piece(row, records, done, partial(parse_batch, batch, row))
                    row += records


def open_parquet(path: Path, compression: str | None, options: ReadOptions) -> Table:
    """Open a Parquet file; only its metadata is read.

    Raises:
        OSError. UnreadableFile: `header_only`, `damaged`, `unsupported` (a type without a column of ours).
    """
    try:
        with pq.ParquetFile(path) as file:
            metadata, schema = file.metadata, file.schema_arrow
    except (pa.ArrowException, OSError, ValueError) as error:
        raise damaged_data(path, "Parquet", error) from error
    if not metadata.num_rows:
        raise header_only(path)
    try:
        return ParquetTable(path, metadata, schema, options)
    except (pl.exceptions.PolarsError, pa.ArrowException) as error:
        raise unsupported_type(path, error) from error


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


def _batch_rows(metadata: pq.FileMetaData, options: ReadOptions) -> int:
    """Rows per piece: as asked for, unless they would be larger than a sixteenth of the budget."""
    size: int = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    row = max(size // max(int(metadata.num_rows), 1), 1)
    return max(min(options.chunk_rows, options.memory_mb * _MB // 16 // row), 1)


def parse_batch(batch: pa.RecordBatch, first_row: int) -> Parsed:
    """The records of an Arrow batch, numbered from `first_row`."""
    frame = flat_frame(pa.Table.from_batches([batch]))
    rows = pl.int_range(first_row, first_row + frame.height, dtype=pl.Int64, eager=True)
    return Parsed(frame.with_columns(rows.alias(ROW)))


def flat_frame(table: pa.Table) -> pl.DataFrame:
    """An Arrow table with its own dtypes, without nesting: the fields of a struct are columns by their path, lists are JSON text.

    Raises:
        polars.exceptions.PolarsError, pyarrow.ArrowException: a type that polars does not know.
    """
    frame = pl.DataFrame(table.rename_columns([str(index) for index in range(table.num_columns)]))
    columns: list[pl.Series] = []
    for name, column in zip(table.column_names, frame.get_columns(), strict=True):
        columns += _laid_out(column.alias(name))
    names = column_names([column.name for column in columns])
    return pl.DataFrame([column.alias(name) for column, name in zip(columns, names, strict=True)])


def _laid_out(column: pl.Series) -> list[pl.Series]:
    """The column, or those of its fields; a list as JSON text."""
    if isinstance(column.dtype, pl.Struct) and column.dtype.fields:
        fields = [column.struct.field(field.name) for field in column.dtype.fields]
        return [flat for field in fields for flat in _laid_out(field.alias(f"{column.name}.{field.name}"))]
    if isinstance(column.dtype, pl.List | pl.Array):
        wrapped = column.alias("v").to_frame().to_struct(column.name).struct.json_encode()
        text = wrapped.str.slice(5).str.strip_suffix("}")
        return [text.to_frame().select(pl.when(pl.all() != "null").then(pl.all())).to_series()]
    return [column]
