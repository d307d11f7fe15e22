"""Folders under `staging/`: their names, taking them away, and clearing out what nobody will use any more.

What belongs here: names, whether a folder is whole, sweeping. What does not: what is in the folders (`manifest`, `writer`).

A folder under its final name is whole: it comes by a rename, and goes by one before anything in it is removed. What is otherwise (left
by another version, by a power loss) is worth nothing, for its file is there still: it is taken away and staged anew.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl

from pipeline.contract import Dataset
from pipeline.files.leftovers import erase, process_is_there
from pipeline.ingest.manifest import MANIFEST, Manifest, Staged, manifest_of

_PART = ".part"
_KEPT_SECONDS = 86_400
_TRIES = 3


def ready_folder(staging: Path, sha256: str, dataset: Dataset) -> Path:
    """Where a file of this content is staged under this contract."""
    return staging / f"{sha256}-{dataset.fingerprint}"


def new_part(staging: Path) -> Path:
    """A new folder to stage into; its name says which process works on it."""
    part = _part(staging)
    part.mkdir(parents=True)
    return part


def finish(part: Path, folder: Path, manifest: Manifest) -> Manifest:
    """Give a folder that is complete its name; returns the manifest of what is there then. Somebody else's of the same name is as
    good if it is whole, else it is taken away.

    Raises:
        OSError: neither can be done.
    """
    for _ in range(_TRIES):
        try:
            part.rename(folder)
        except OSError:
            there = whole(folder)
            if there is not None:
                return there
            discard(folder)
        else:
            return manifest
    part.rename(folder)
    return manifest


def whole(folder: Path) -> Manifest | None:
    """The manifest of a folder of which every row can be read; None where anything is missing or spoilt."""
    manifest = manifest_of(folder)
    if manifest is None:
        return None
    staged = Staged(folder, manifest, folder, "")
    try:
        _rows(staged.key_paths)
        if (
            _rows(staged.clean_paths) != manifest.rows_clean
            or _rows(staged.error_paths) != manifest.violations
        ):
            return None
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    return manifest


def _rows(paths: Sequence[str]) -> int:
    return sum(pl.read_parquet(path).height for path in paths)


def discard(folder: Path) -> None:
    """Take a folder away. It loses its name first: killed meanwhile, it is a part of a process that is gone, which is swept. One that
    cannot be taken away stays: nobody has to wait for that."""
    gone = _part(folder.parent)
    with suppress(OSError):
        folder.rename(gone)
        erase(gone)


def sweep(staging: Path) -> None:
    """Remove what killed processes of this machine left half made or half removed, and what was staged a day ago and never committed."""
    for folder in staging.glob("[!.]*"):
        if folder.suffix == _PART:
            if _abandoned(folder):
                erase(folder)
        elif _useless(folder):
            discard(folder)


def _part(staging: Path) -> Path:
    return staging / f"{socket.gethostname()}~{os.getpid()}~{uuid.uuid4().hex}{_PART}"


def _abandoned(part: Path) -> bool:
    host, pid, *_ = part.name.split("~") if part.name.count("~") >= 2 else ("", "0")
    return host == socket.gethostname() and pid.isdigit() and not process_is_there(int(pid))


def _useless(folder: Path) -> bool:
    try:
        if folder.is_dir() and not (folder / MANIFEST).exists():
            return True
        return time.time() - folder.stat().st_mtime > _KEPT_SECONDS
    except OSError:
        return False
