"""Figures of a file under a contract: profile, cleaners, what loading would need; which dataset a file looks like.

What belongs here: making them ready for JSON. What does not: showing them (`show`), validating (`against`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.contract import Dataset
from pipeline.files import UnreadableFile
from pipeline.ingest import Manifest, Staged
from pipeline.ingest.mapping import map_columns, require_columns
from pipeline.warehouse import Entry

Found = dict[str, Any]
_MIB = 2**20


def column_profile(manifest: Manifest, dataset: Dataset) -> list[Found]:
    """Column by column, ready for JSON: `name, rows, nulls, distinct, distinct_error, min, max, mean, top_values, top_error,
    violations`; no values of
    columns that the dataset hides."""
    return [
        {
            "name": one.name,
            "rows": one.row_count,
            "nulls": one.null_count,
            "distinct": one.distinct_count,
            "distinct_error": one.distinct_error,
            "min": None if (hidden := one.name in dataset.hidden) else one.min,
            "max": None if hidden else one.max,
            "mean": None if hidden else one.mean,
            "top_values": [] if hidden else [list(pair) for pair in one.top_values],
            "top_error": one.top_error,
            "hidden": hidden,
            "violations": one.violations,
        }
        for one in manifest.columns
    ]


def cleaned_values(manifest: Manifest) -> list[Found]:
    """The cleaners that changed something: `column, cleaner, changed` (values)."""
    return [
        {"column": one.column, "cleaner": one.cleaner, "changed": one.changed}
        for one in manifest.cleaned
        if one.changed
    ]


def needed(staged: Staged, entry: Entry, seconds: float, grown: int) -> Found:
    """What loading the file took here, and so may be expected to take.

    Args:
        seconds: wall time of staging and commit.
        grown: bytes by which the warehouse file grew.

    Returns:
        `seconds`; `memory_mb` (largest resident size of the process); `staging_mb` (Parquet, removed after the commit);
        `warehouse_mb` (growth), each in MiB or seconds.
    """
    staging = sum(path.stat().st_size for path in staged.folder.iterdir())
    return {
        "seconds": round(seconds, 2),
        "memory_mb": round(max(entry.peak_memory_mb or 0.0, staged.manifest.peak_memory_mb)),
        "staging_mb": round(staging / _MIB, 2),
        "warehouse_mb": round(max(grown, 0) / _MIB, 2),
    }


def looks_like(path: Path, columns: Sequence[str], datasets: Mapping[str, Dataset]) -> Found | None:
    """The dataset that a file may belong to, and why: the folder of whose inbox it lies in, or the only one that has its columns."""
    parts = path.resolve().parts
    for above, name in pairwise(parts[:-1]):
        if above == "inbox" and name in datasets:
            return {"dataset": name, "because": "it lies in the inbox of that dataset"}
    fitting = [name for name, dataset in datasets.items() if _fits(path, tuple(columns), dataset)]
    if len(fitting) != 1:
        return None
    return {"dataset": fitting[0], "because": "it has the columns of that dataset, and of no other"}


def _fits(path: Path, columns: tuple[str, ...], dataset: Dataset) -> bool:
    mapping = map_columns(dataset, columns)
    try:
        require_columns(dataset, mapping, path)
    except UnreadableFile:
        return False
    return 2 * len(mapping.unknown) <= len(columns)
