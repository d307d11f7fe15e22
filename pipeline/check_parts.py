"""What `pipeline check` says beside errors: profile, cleaners, what loading would need, which dataset a file looks like.

What belongs here: these figures, and showing them. What does not: reading and validating the file (`check`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.contract import Dataset
from pipeline.files import Dialect, UnreadableFile
from pipeline.ingest import Manifest, Staged
from pipeline.ingest.hiding import Hiding, unquoted
from pipeline.ingest.mapping import map_columns, require_columns
from pipeline.terminal import say, show_rows
from pipeline.warehouse import Entry

Found = dict[str, Any]
_MIB = 2**20
_HIDDEN = "(hidden)"
_TOP = 3


def quoting(dataset: Dataset | None) -> AbstractContextManager[None]:
    """Errors on the way may quote the file, unless its dataset hides values."""
    return nullcontext() if dataset is None else unquoted(dataset)


def told(dialect: Dialect, dataset: Dataset | None) -> Found:
    """How a file is written, ready for JSON, without what a dataset hides."""
    return dialect.as_dict() if dataset is None else Hiding(dataset).dialect(dialect).as_dict()


def shown_rows(rows: Sequence[Found], dataset: Dataset | None) -> list[Found]:
    """Source rows, with *** for the values of columns that the dataset hides."""
    if dataset is None or not rows or not Hiding(dataset):
        return list(rows)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return Hiding(dataset).told(frame, map_columns(dataset, tuple(frame.columns))).to_dicts()


def column_profile(manifest: Manifest, dataset: Dataset) -> list[Found]:
    """Column by column, ready for JSON: `name, rows, nulls, distinct, min, max, mean, top_values, violations`; no values of
    columns that the dataset hides."""
    return [
        {
            "name": one.name,
            "rows": one.row_count,
            "nulls": one.null_count,
            "distinct": one.distinct_count,
            "min": None if (hidden := one.name in dataset.hidden) else one.min,
            "max": None if hidden else one.max,
            "mean": None if hidden else one.mean,
            "top_values": [] if hidden else [list(pair) for pair in one.top_values],
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


def show_profile(profile: Sequence[Found], cleaned: Sequence[Found]) -> None:
    """Both as tables."""
    rows = [
        (
            one["name"],
            one["nulls"],
            one["distinct"],
            _HIDDEN if one["hidden"] else one["min"],
            _HIDDEN if one["hidden"] else one["max"],
            _HIDDEN if one["hidden"] else _top(one["top_values"]),
        )
        for one in profile
    ]
    columns = ["column", "nulls", "distinct", "min", "max", "most frequent"]
    show_rows("The columns", columns, rows, ["nulls", "distinct"])
    if cleaned:
        changed = [(one["column"], one["cleaner"], one["changed"]) for one in cleaned]
        show_rows("What cleaners changed", ["column", "cleaner", "values"], changed, ["values"])


def _top(values: Sequence[Sequence[Any]]) -> str:
    """The values that come again, with their counts."""
    return ", ".join(f"{value} {count:,}" for value, count in values[:_TOP] if count > 1)


def show_needed(need: Found) -> None:
    """In one sentence."""
    say(
        f"Loading it would take about {need['seconds']:,.1f} s, {need['memory_mb']:,} MB of memory,"
        f" {need['staging_mb']:,.1f} MB of disk meanwhile and {need['warehouse_mb']:,.1f} MB in the warehouse: an estimate,"
        " as it took so much here, into an empty one."
    )
