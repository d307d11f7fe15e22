"""Staging: a file becomes clean and error Parquet beside a manifest.

What belongs here: the way of one file through cutting, chunks and writing, side by side. What does not: which files are
taken and when (`intake`), the warehouse.

The data's way: the calling thread cuts the file into pieces and adds up finished chunks in order; workers parse,
validate and write them; one more thread hashes the file meanwhile. At most `workers + 1` pieces are under way, so memory
does not depend on the file. Everything is made under a temporary name; the folder's rename is the last act.
"""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl

from pipeline.contract import Dataset
from pipeline.files import UnreadableFile, hash_file
from pipeline.files.names import delivery_key
from pipeline.ingest.correction import stage_correction
from pipeline.ingest.file_rows import SMALL, WORKERS, stage_rows
from pipeline.ingest.hiding import unquoted
from pipeline.ingest.manifest import Manifest, Staged, manifest_of, read_manifest, write_manifest
from pipeline.ingest.originals import Originals, none_known
from pipeline.ingest.progress import Progress, ProgressMeter
from pipeline.ingest.reading import open_file
from pipeline.ingest.refusals import refuse_changed, refuse_oversize, refuse_too_many
from pipeline.ingest.staging import discard, finish, new_part, ready_folder, whole
from pipeline.ingest.waiting import note_delivery
from pipeline.machine import machine_fault, with_place
from pipeline.settings import Settings, load_settings


def stage(
    path: Path,
    dataset: Dataset,
    settings: Settings | None = None,
    *,
    delivery: str | None = None,
    landing: str | None = None,
    progress: Progress | None = None,
    workers: ThreadPoolExecutor | None = None,
    originals: Originals = none_known,
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
        originals: looks up the files that the rows of a correction are from.

    Raises:
        UnreadableFile: the file cannot be loaded as a whole: say so to people, keep the file. RefusedFile, one of these: more of
            its rows are rejected than the dataset allows.
        FileChanged: it was written to meanwhile.
        ContractError: a check, rule, cleaner or derivation of the contract breaks, or a key is not set.
        OSError: the machine fails (disk full, file gone).
    """
    settings = settings or load_settings()
    before = path.stat()
    refuse_oversize(path, before.st_size, settings)
    sha256 = hash_file(path) if before.st_size <= SMALL else None
    ready = _ready(settings.staging, before.st_size, dataset, path, sha256)
    if ready is None:
        pool = workers or ThreadPoolExecutor(WORKERS, "windrow-chunk")
        try:
            ready = _stage(
                path,
                before,
                dataset,
                settings,
                delivery or delivery_key(path.name),
                progress,
                pool,
                sha256,
                originals,
            )
        finally:
            if workers is None:
                pool.shutdown(wait=True, cancel_futures=True)
    refuse_changed(path, before)
    folder, manifest = ready
    if manifest.correction is None:
        refuse_too_many(path, dataset, folder, manifest)
    staged = Staged(folder, manifest, path, delivery or delivery_key(path.name), landing)
    note_delivery(staged)
    return staged


def _ready(
    staging: Path, size: int, dataset: Dataset, path: Path, sha256: str | None
) -> tuple[Path, Manifest] | None:
    """The finished folder of the same content and contract, if an earlier run left one; a large file is hashed only when
    there may be one."""
    if sha256 is None and not any(
        manifest.bytes == size
        for folder in staging.glob(f"*-{dataset.fingerprint}")
        if (manifest := manifest_of(folder)) is not None
    ):
        return None
    folder = ready_folder(staging, sha256 or hash_file(path), dataset)
    if not folder.exists():
        return None
    manifest = whole(folder)
    if manifest is None:
        discard(folder)
        return None
    return folder, manifest


def _stage(
    path: Path,
    before: os.stat_result,
    dataset: Dataset,
    settings: Settings,
    delivery: str,
    progress: Progress | None,
    pool: ThreadPoolExecutor,
    sha256: str | None,
    originals: Originals,
) -> tuple[Path, Manifest]:
    started, size = time.perf_counter(), before.st_size
    part = new_part(settings.staging)
    hasher = ThreadPoolExecutor(1, "windrow-hash")
    digest = hasher.submit(hash_file, path) if sha256 is None else None
    try:
        with unquoted(dataset):
            table, sent_back = open_file(path, dataset, settings)
        meter = ProgressMeter(progress, delivery, size)
        if sent_back:
            manifest = stage_correction(table, dataset, settings, part, originals, meter)
        else:
            manifest = stage_rows(table, path, dataset, settings, part, pool, meter, size)
        sha256 = sha256 if digest is None else digest.result()
        assert sha256 is not None
        manifest = replace(manifest, sha256=sha256, bytes=size, seconds=time.perf_counter() - started)
        # Before the folder gets its name: rows of the old content must not stand under the hash of the new.
        refuse_changed(path, before)
        write_manifest(part, manifest)
        folder = ready_folder(settings.staging, manifest.sha256, dataset)
        # Somebody who staged the same content first may have cut it otherwise: what lies there counts.
        return folder, finish(part, folder, read_manifest(part))
    except (Exception, pl.exceptions.PanicException) as error:
        fault = machine_fault(error)
        if fault is not None:
            raise with_place(fault, settings.staging, path) from error
        if isinstance(error, UnreadableFile):
            refuse_changed(path, before)  # a file that is still being written looks damaged
        raise
    finally:
        hasher.shutdown(wait=True)
        shutil.rmtree(part, ignore_errors=True)
