"""Folders under `staging/`: their names, and clearing out what nobody will use any more.

What belongs here: names and sweeping. What does not: what is in the folders (`manifest`, `writer`).
"""

from __future__ import annotations

import os
import shutil
import socket
import time
import uuid
from pathlib import Path

from pipeline.contract import Dataset
from pipeline.ingest.manifest import MANIFEST

_PART = ".part"
_KEPT_SECONDS = 86_400


def ready_folder(staging: Path, sha256: str, dataset: Dataset) -> Path:
    """Where a file of this content is staged under this contract."""
    return staging / f"{sha256}-{dataset.fingerprint}"


def new_part(staging: Path) -> Path:
    """A new folder to stage into; its name says which process works on it."""
    part = staging / f"{socket.gethostname()}~{os.getpid()}~{uuid.uuid4().hex}{_PART}"
    part.mkdir(parents=True)
    return part


def finish(part: Path, folder: Path) -> Path:
    """Give a folder that is complete its name. Somebody else's of the same name is as good."""
    try:
        part.rename(folder)
    except OSError:
        if not (folder / MANIFEST).exists():
            raise
    return folder


def sweep(staging: Path) -> None:
    """Remove what killed processes of this machine left half made, and what was staged a day ago and never committed."""
    for folder in staging.glob("[!.]*"):
        if _abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _abandoned(folder: Path) -> bool:
    if folder.suffix == _PART:
        host, pid, *_ = folder.name.split("~") if folder.name.count("~") >= 2 else ("", "0")
        return host == socket.gethostname() and pid.isdigit() and not _alive(int(pid))
    try:
        return time.time() - folder.stat().st_mtime > _KEPT_SECONDS
    except FileNotFoundError:
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
