"""Staged folders that wait for their commit: whose rows they are, and finding them again.

What belongs here: the note that staging leaves in a folder for each delivery, and reading the notes. What does not: whether a delivery
is committed already (the ledger says so).

A folder is named by content and contract, and two deliveries of one content share it: only a note says which delivery its rows are to be.
Folders come by rename and go file by file, at any time: one of which something is missing is passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import MutableMapping
from pathlib import Path

from pipeline.contract import Dataset
from pipeline.ingest.manifest import Manifest, Staged, manifest_of

_NOTE = "delivery-"


def note_delivery(staged: Staged) -> None:
    """Leave a note in the folder of which delivery it is staged for."""
    name = f"{_NOTE}{hashlib.sha256(staged.delivery.encode(errors='surrogateescape')).hexdigest()[:16]}.json"
    said = {"delivery": staged.delivery, "landing": staged.landing, "source": str(staged.source)}
    part = staged.folder / f".{os.getpid()}-{name}"
    part.write_text(json.dumps(said), encoding="utf-8")
    part.replace(staged.folder / name)


def waiting(staging: Path, dataset: Dataset, known: MutableMapping[Path, Manifest]) -> list[Staged]:
    """What is staged under the dataset's contract as it is now, by delivery; of one delivery that was staged twice the later. Some of it
    may be committed already. Corrections are left out.

    Args:
        staging: `settings.staging`.
        dataset: whose deliveries.
        known: manifests that were read before, by folder; added to.
    """
    found: dict[str, tuple[int, Staged]] = {}
    for name in _names(staging):
        if not name.endswith(f"-{dataset.fingerprint}"):
            continue
        folder = staging / name
        try:
            for at, said in _notes(folder):
                manifest = known.get(folder) or manifest_of(folder)
                if manifest is None:
                    break
                known[folder] = manifest
                if manifest.dataset != dataset.name or manifest.correction is not None:
                    break
                staged = Staged(folder, manifest, Path(said["source"]), said["delivery"], said["landing"])
                found[staged.delivery] = max(
                    found.get(staged.delivery, (0, staged)), (at, staged), key=lambda one: one[0]
                )
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError):
            continue  # it went meanwhile, or is spoilt: the next run stages the file anew
    return [found[delivery][1] for delivery in sorted(found)]


def _names(staging: Path) -> list[str]:
    try:
        return sorted(os.listdir(staging))  # noqa: PTH208  (asked for with every live query)
    except FileNotFoundError:
        return []


def _notes(folder: Path) -> list[tuple[int, dict[str, str]]]:
    """When each note was written, in ns, and what it says."""
    return [
        (path.stat().st_mtime_ns, json.loads(path.read_text(encoding="utf-8")))
        for path in folder.iterdir()
        if path.name.startswith(_NOTE)
    ]
