"""All rows of a file through the contract, chunks side by side.

What belongs here: cutting, the workers, adding up finished chunks in order, and the manifest that comes of it. What does not: one
chunk (`chunk`), rows that are no whole file (`revalidate`), the staged folder's life (`stage`).
"""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.contract import Dataset
from pipeline.files import Piece, Table
from pipeline.files.table import ROW
from pipeline.ingest import drift
from pipeline.ingest.chunk import ChunkProcessor
from pipeline.ingest.columns import ColumnReader
from pipeline.ingest.hiding import Hiding, unquoted
from pipeline.ingest.local_times import second_ones, taken_in_words, utc_ticks
from pipeline.ingest.manifest import Manifest
from pipeline.ingest.mapping import map_columns, require_columns
from pipeline.ingest.progress import ProgressMeter
from pipeline.ingest.refusals import refuse_by_rule
from pipeline.ingest.writer import Account, WrittenChunk, peak_memory_mb, write_chunk
from pipeline.settings import Settings

SMALL = 4 * 2**20
"""Bytes of a file that is done before it would pay to prepare for it."""
WORKERS = max(2, min(8, os.cpu_count() or 2))


def stage_rows(
    table: Table,
    path: Path,
    dataset: Dataset,
    settings: Settings,
    part: Path,
    pool: ThreadPoolExecutor,
    meter: ProgressMeter,
    size: int,
) -> Manifest:
    """Validate the rows of a file into `part`.

    Args:
        table: the open file.
        path: the file, for messages.
        part: where the Parquet goes.
        pool: what chunks run in.
        meter: told how far it is.
        size: bytes of the file.

    Returns:
        The account, without hash, size and time.

    Raises:
        UnreadableFile: a column is missing or not wanted, or a rule refuses the file.
    """
    mapping = map_columns(dataset, table.columns)
    require_columns(dataset, mapping, path)
    drift.refuse_unknown(dataset, mapping, mapping.unknown, path)
    with _imports_settled(size), unquoted(dataset):
        account = _run_chunks(table, dataset, settings, part, pool, meter)
    refuse_by_rule(path, account.refusals.values())
    drift.refuse_unknown(dataset, mapping, account.unknown, path)  # a late record may bring more of them
    return _manifest(table, account)


@contextmanager
def _imports_settled(size: int) -> Iterator[None]:
    """Meanwhile the garbage collector leaves alone what is there already, imported modules above all: going through them
    again and again took 4 % of the time of a large file."""
    if size <= SMALL:
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _run_chunks(
    table: Table,
    dataset: Dataset,
    settings: Settings,
    part: Path,
    pool: ThreadPoolExecutor,
    meter: ProgressMeter,
) -> Account:
    """All chunks; once more where late records bring columns that the table gets: every chunk has the same columns."""
    second = _second_times(table, dataset, settings)
    account = _run_once(table, dataset, settings, part, pool, meter, table.columns, second)
    late = tuple(dict.fromkeys((*table.columns, *account.unknown)))
    if list(drift.places(dataset, late).values()) != list(account.added.values()):
        return _run_once(table, dataset, settings, part, pool, meter, late, second)
    return account


def _run_once(
    table: Table,
    dataset: Dataset,
    settings: Settings,
    part: Path,
    pool: ThreadPoolExecutor,
    meter: ProgressMeter,
    columns: tuple[str, ...],
    second: NDArray[np.int64] | None,
) -> Account:
    processor = ChunkProcessor(dataset, settings.hash_key, columns, second=second)
    account = Account(dataset, added=drift.places(dataset, columns))
    under_way: deque[tuple[int, Future[WrittenChunk]]] = deque()

    def take_in_first() -> None:
        bytes_done, future = under_way.popleft()
        account.add(future.result())
        meter.advance(bytes_done, account.rows_read)

    try:
        for number, piece in enumerate(table.pieces()):
            if len(under_way) > WORKERS:
                take_in_first()
            job = pool.submit(_work, part, number, piece, processor)
            under_way.append((piece.bytes_done, job))
        while under_way:
            take_in_first()
    finally:
        for _, future in under_way:
            future.cancel()
        for _, future in under_way:
            if not future.cancelled():
                future.exception()
    meter.finish(account.rows_read)
    return account


def _second_times(table: Table, dataset: Dataset, settings: Settings) -> NDArray[np.int64] | None:
    """`_row` numbers whose event times are meant the second time that the clocks show them, where the order of rows tells: the file is read
    for it once before, since a chunk does not know the others."""
    name, group = dataset.event_time, dataset.repeated_group
    if name is None or dataset.repeated_way(name) != "order" or dataset.timezone == "UTC":
        return None
    reader, parts = ColumnReader(dataset, settings.hash_key), []
    wanted = {name} if group is None else {name, group}
    for piece in table.pieces():
        parsed = piece.parse()
        columns = tuple(column for column in parsed.frame.columns if column != ROW)
        typed = reader.read(parsed.frame, map_columns(dataset, columns, table.columns), parsed.typed, wanted)
        if name in typed.repeated:
            rows, gaps = typed.repeated[name]
            groups = (
                pl.Series([0], dtype=pl.Int8).new_from_index(0, len(rows))
                if group is None
                else typed.columns[group][rows]
            )
            ticks = utc_ticks(typed.columns[name][rows])
            parts.append(
                pl.DataFrame({"row": typed.numbers[rows], "tick": ticks, "gap": gaps, "group": groups})
            )
    return second_ones(parts) if parts else None


def _work(part: Path, number: int, piece: Piece, processor: ChunkProcessor) -> WrittenChunk:
    return write_chunk(part, number, piece.records, processor.process(piece))


def _taken(account: Account) -> list[str]:
    ways = {column: account.dataset.repeated_way(column) for column, _ in account.taken}
    return taken_in_words(account.taken, ways)


def _manifest(table: Table, account: Account) -> Manifest:
    """All but the file's hash, size and time."""
    days = account.days()
    dialect = Hiding(account.dataset).dialect(table.dialect)
    dataset, unknown = account.dataset, tuple(account.unknown)
    remarks = [*drift.hints(dataset, map_columns(dataset, table.columns)), *_taken(account)]
    said = drift.told(dataset, unknown, account.added)
    notes = (*dialect.notes, *said, *remarks)
    return Manifest(
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        sha256="",
        bytes=0,
        format=dialect.format,
        dialect=dialect.as_dict()
        | {"columns": list(table.columns)}
        | ({"notes": list(notes)} if notes else {}),
        rows_read=account.rows_read,
        rows_clean=account.rows_clean,
        rows_rejected=account.rows_rejected,
        rows_filtered=account.rows_filtered,
        violations=account.violations,
        event_time_min=min((d.first for d in days), default=None),
        event_time_max=max((d.last for d in days), default=None),
        days=days,
        columns=account.profiles(),
        clean_files=tuple(account.clean_files),
        error_files=tuple(account.error_files),
        seconds=0.0,
        peak_memory_mb=peak_memory_mb(),
        notes=notes,
        rows_warned=account.rows_warned,
        rows_mended=account.rows_mended,
        cleaned=account.cleaned(),
        rejects=account.rejects(),
        added=tuple(account.added.values()),
        remarks=(*(said if dataset.drift == "ignore" else ()), *remarks),
    )
