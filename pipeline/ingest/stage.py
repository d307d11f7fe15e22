"""Staging: a file becomes clean and error Parquet beside a manifest.

What belongs here: the way of one file through cutting, chunks and writing, side by side. What does not: which files are
taken and when (`intake`), the warehouse.

The data's way: the calling thread cuts the file into pieces and adds up finished chunks in order; workers parse,
validate and write them; one more thread hashes the file meanwhile. At most `workers + 1` pieces are under way, so memory
does not depend on the file. Everything is made under a temporary name; the folder's rename is the last act.
"""

from __future__ import annotations

import gc
import os
import shutil
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pipeline.contract import Dataset
from pipeline.files import Piece, Table, UnreadableFile, hash_file, open_table
from pipeline.files.table import ReadOptions
from pipeline.ingest.chunk import ChunkProcessor
from pipeline.ingest.hiding import Hiding, unquoted
from pipeline.ingest.manifest import MANIFEST, Manifest, Staged, read_manifest, write_manifest
from pipeline.ingest.mapping import expected_names, map_columns, require_columns
from pipeline.ingest.progress import Progress, ProgressMeter
from pipeline.ingest.refusals import refuse_by_rule, refuse_changed, refuse_oversize
from pipeline.ingest.staging import finish, new_part, ready_folder
from pipeline.ingest.writer import Account, WrittenChunk, peak_memory_mb, write_chunk
from pipeline.settings import Settings, load_settings

_SMALL = 4 * 2**20
WORKERS = max(2, min(8, os.cpu_count() or 2))


def read_options(dataset: Dataset, settings: Settings) -> ReadOptions:
    """What readers are told for this dataset."""
    return ReadOptions(
        chunk_rows=settings.chunk_rows,
        memory_mb=settings.memory_mb,
        sheets=tuple(dataset.sheets),
        expected=expected_names(dataset),
        positions=tuple(name for name in dataset.column_names if name not in dataset.derived),
        read=dataset.read,
    )


def stage(
    path: Path,
    dataset: Dataset,
    settings: Settings | None = None,
    *,
    delivery: str | None = None,
    landing: str | None = None,
    progress: Progress | None = None,
    workers: ThreadPoolExecutor | None = None,
) -> Staged:
    """Parse and validate a file to Parquet under `staging/<sha256>-<fingerprint>/`; a folder that is there is used again.

    Args:
        path: the file, of any supported format.
        dataset: its contract.
        settings: folders and budgets; read from the environment when not given.
        delivery: its key; the file's name when not given.
        landing: identity of this landing, carried through to the ledger.
        progress: told how far it is, once it takes long.
        workers: pool that chunks run in; one of its own when not given.

    Raises:
        UnreadableFile: the file cannot be loaded as a whole: say so to people, keep the file.
        FileChanged: it was written to meanwhile.
        ContractError: a check, rule, cleaner or derivation of the contract breaks, or a key is not set.
        OSError: the machine fails (disk full, file gone).
    """
    settings = settings or load_settings()
    before = path.stat()
    refuse_oversize(path, before.st_size, settings)
    sha256 = hash_file(path) if before.st_size <= _SMALL else None
    ready = _ready(settings.staging, before.st_size, dataset, path, sha256)
    if ready is None:
        pool = workers or ThreadPoolExecutor(WORKERS, "windrow-chunk")
        try:
            ready = _stage(path, before, dataset, settings, delivery or path.name, progress, pool, sha256)
        finally:
            if workers is None:
                pool.shutdown(wait=True, cancel_futures=True)
    refuse_changed(path, before)
    folder, manifest = ready
    return Staged(folder, manifest, path, delivery or path.name, landing)


def _ready(
    staging: Path, size: int, dataset: Dataset, path: Path, sha256: str | None
) -> tuple[Path, Manifest] | None:
    """The finished folder of the same content and contract, if an earlier run left one; a large file is hashed only when
    there may be one."""
    if sha256 is None and not any(
        read_manifest(folder).bytes == size
        for folder in staging.glob(f"*-{dataset.fingerprint}")
        if (folder / MANIFEST).exists()
    ):
        return None
    folder = ready_folder(staging, sha256 or hash_file(path), dataset)
    return (folder, read_manifest(folder)) if (folder / MANIFEST).exists() else None


def _stage(
    path: Path,
    before: os.stat_result,
    dataset: Dataset,
    settings: Settings,
    delivery: str,
    progress: Progress | None,
    pool: ThreadPoolExecutor,
    sha256: str | None,
) -> tuple[Path, Manifest]:
    started, size = time.perf_counter(), before.st_size
    part = new_part(settings.staging)
    hasher = ThreadPoolExecutor(1, "windrow-hash")
    digest = hasher.submit(hash_file, path) if sha256 is None else None
    try:
        with unquoted(dataset):
            table = open_table(path, read_options(dataset, settings))
        require_columns(dataset, map_columns(dataset, table.columns), path)
        with _imports_settled(size), unquoted(dataset):
            meter = ProgressMeter(progress, delivery, size)
            account = _run_chunks(table, dataset, settings, part, pool, meter)
        refuse_by_rule(path, account.refusals.values())
        sha256 = sha256 if digest is None else digest.result()
        assert sha256 is not None
        manifest = _manifest(table, account, sha256, size, time.perf_counter() - started)
        # Before the folder gets its name: rows of the old content must not stand under the hash of the new.
        refuse_changed(path, before)
        write_manifest(part, manifest)
        folder = finish(part, ready_folder(settings.staging, manifest.sha256, dataset))
        # Somebody who staged the same content first may have cut it otherwise: what lies there counts.
        return folder, read_manifest(folder)
    except UnreadableFile:
        refuse_changed(path, before)  # a file that is still being written looks damaged
        raise
    finally:
        hasher.shutdown(wait=True)
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _imports_settled(size: int) -> Iterator[None]:
    """Meanwhile the garbage collector leaves alone what is there already, imported modules above all: going through them
    again and again took 4 % of the time of a large file."""
    if size <= _SMALL:
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
    processor = ChunkProcessor(dataset, settings.hash_key, table.columns)
    account = Account(dataset)
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


def _work(part: Path, number: int, piece: Piece, processor: ChunkProcessor) -> WrittenChunk:
    return write_chunk(part, number, piece.records, processor.process(piece))


def _manifest(table: Table, account: Account, sha256: str, size: int, seconds: float) -> Manifest:
    days = account.days()
    dialect = Hiding(account.dataset).dialect(table.dialect)
    notes = dialect.notes
    if account.unknown:
        notes += (
            f"columns that the contract does not know are kept in _rescued: {', '.join(account.unknown)}",
        )
    return Manifest(
        dataset=account.dataset.name,
        fingerprint=account.dataset.fingerprint,
        sha256=sha256,
        bytes=size,
        format=dialect.format,
        dialect=dialect.as_dict() | {"columns": list(table.columns)},
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
        seconds=seconds,
        peak_memory_mb=peak_memory_mb(),
        notes=notes,
        cleaned=account.cleaned(),
        rows_warned=account.rows_warned,
        rows_mended=account.rows_mended,
    )
