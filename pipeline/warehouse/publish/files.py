"""Query results as Parquet files that replace their predecessors whole.

What belongs here: cutting one sorted result into files, and putting those in place. What does not: which files there are
(`publishing`), their SQL.

One statement serves many files: what it gives is sorted by file, and cut where the file changes. pyarrow writes, for DuckDB's own COPY
makes DOUBLE of a HUGEINT, promises no order within the files of a partition, and cuts row groups no finer than it likes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.machine import written_to
from pipeline.warehouse.sql import ident

NOTE = b"windrow.rows"
"""Key of the metadata of a file under which it is noted which rows it holds."""
_PART = ".part"
_TOGETHER = 64

Cut = Callable[[pa.RecordBatch], Iterator[tuple[str, pa.RecordBatch]]]
"""A batch of the sorted result → (name of a file, rows), in order."""


@dataclass(frozen=True)
class Content:
    """What files are made of.

    Attributes:
        columns: their columns, in order.
        source: SQL after FROM, with its conditions.
        order: the columns that rows are sorted by, nulls last; they are among `columns`.
        group_rows: rows of a row group: the least that a reader reads.
        comments: column → what its field's metadata says under `comment`.
        local: columns of local time. All other times are moments, and marked as UTC.
    """

    columns: Sequence[str]
    source: str
    order: Sequence[str]
    group_rows: int
    comments: Mapping[str, str] = field(default_factory=dict)
    local: Collection[str] = ()

    def schema(self, given: pa.Schema) -> pa.Schema:
        """The schema of the files, from that of the rows."""
        return pa.schema([self._field(one) for one in given])

    def _field(self, given: pa.Field) -> pa.Field:
        kind = given.type
        if pa.types.is_timestamp(kind) and kind.tz is None and given.name not in self.local:
            kind = pa.timestamp(kind.unit, "UTC")
        comment = self.comments.get(given.name)
        return pa.field(given.name, kind, metadata=None if comment is None else {"comment": comment})

    def sql(self, unfit: Sequence[str] = ()) -> str:
        """SELECT of the rows; columns that Parquet has no type for as text."""
        picked = ", ".join(
            f"CAST({ident(name)} AS VARCHAR) AS {ident(name)}" if name in unfit else ident(name)
            for name in self.columns
        )
        return f"SELECT {picked} FROM {self.source} ORDER BY {', '.join(f'{ident(name)} NULLS LAST' for name in self.order)}"


def write(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    content: Content,
    cut: Cut,
    notes: Mapping[str, str] | None = None,
) -> set[str]:
    """Write the files that `cut` makes of the content into `folder`; returns their names.

    Each is written beside its place, brought to the disk, and moved in; a reader sees what was there before or all of it.

    Args:
        notes: name of a file → what its metadata says under NOTE.
    """
    reader = _reader(connection, content)
    written: set[str] = set()
    with written_to(folder), _Files(folder, reader.schema, content, notes or {}) as files:
        for batch in reader:
            for name, rows in cut(batch):
                files.add(name, rows)
                written.add(name)
    return written


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written."""
    for part in folder.glob(f".*{_PART}"):
        part.unlink(missing_ok=True)


def note_of(path: Path) -> str | None:
    """What the file's metadata says under NOTE; None where it says nothing, or is no Parquet."""
    try:
        said = pq.read_schema(path).metadata
    except pa.ArrowInvalid:
        return None
    return said[NOTE].decode() if said and NOTE in said else None


def _reader(connection: duckdb.DuckDBPyConnection, content: Content) -> pa.RecordBatchReader:
    reader = connection.sql(content.sql()).to_arrow_reader(content.group_rows)
    unfit = [
        one.name for one in reader.schema if pa.types.is_interval(one.type) or pa.types.is_union(one.type)
    ]
    return connection.sql(content.sql(unfit)).to_arrow_reader(content.group_rows) if unfit else reader


@dataclass
class _Open:
    """A file that is being written."""

    name: str
    sink: IO[bytes]
    writer: pq.ParquetWriter
    held: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0


class _Files:
    """Files one after another, moved into place some at a time: bringing many to the disk at once costs little more than one."""

    def __init__(self, folder: Path, schema: pa.Schema, content: Content, notes: Mapping[str, str]) -> None:
        self._folder, self._content, self._notes = folder, content, notes
        self._given, self._schema = schema, content.schema(schema)
        self._sorting = [pq.SortingColumn(schema.get_field_index(name)) for name in content.order]
        self._current: _Open | None = None
        self._ready: list[tuple[str, IO[bytes]]] = []
        self._cleaning = ExitStack()

    def __enter__(self) -> _Files:
        self._cleaning.callback(sweep, self._folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._cleaning:
            if kind is None:
                self._finish()
                self._place()
            elif self._current is not None:
                self._current.sink.close()
            for _, sink in self._ready:
                sink.close()

    def add(self, name: str, rows: pa.RecordBatch) -> None:
        """Rows of a file; those of one file come together."""
        if self._current is None or self._current.name != name:
            self._finish()
            self._current = self._begin(name)
        one = self._current
        one.held.append(rows)
        one.rows += rows.num_rows
        if one.rows >= self._content.group_rows:
            self._write_groups(one, whole=False)

    def _begin(self, name: str) -> _Open:
        sink = (self._folder / f".{name}{_PART}").open("wb")
        schema = self._schema
        if name in self._notes:
            schema = schema.with_metadata({NOTE: self._notes[name].encode()})
        writer = pq.ParquetWriter(sink, schema, compression="zstd", sorting_columns=self._sorting)
        return _Open(name, sink, writer)

    def _write_groups(self, one: _Open, *, whole: bool) -> None:
        """Write the row groups that are full, and with `whole` the rest."""
        held = pa.Table.from_batches(one.held, self._given)
        rows = self._content.group_rows
        full = held.num_rows if whole else held.num_rows // rows * rows
        one.writer.write_table(held.slice(0, full).cast(self._schema), row_group_size=rows)
        one.held = held.slice(full).to_batches()
        one.rows = held.num_rows - full

    def _finish(self) -> None:
        one, self._current = self._current, None
        if one is None:
            return
        if one.rows:
            self._write_groups(one, whole=True)
        one.writer.close()
        self._ready.append((one.name, one.sink))
        if len(self._ready) >= _TOGETHER:
            self._place()

    def _place(self) -> None:
        for _, sink in self._ready:
            sink.flush()
        for _, sink in self._ready:
            os.fsync(sink.fileno())
            sink.close()
        for name, _ in self._ready:
            (self._folder / f".{name}{_PART}").replace(self._folder / name)
        self._ready.clear()
