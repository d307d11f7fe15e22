"""Chunks to staged Parquet: clean, cast, filter, validate, profile, reconcile.

What belongs here: everything between a reader's pieces and the commit, as pure functions of bytes and contract. What does not: the warehouse, Dagster.
"""

from pipeline.ingest.manifest import (
    CheckCount,
    CleanerCount,
    ColumnProfile,
    DaySpan,
    Manifest,
    Staged,
    approximate_count,
    bounded_count,
    read_manifest,
)
from pipeline.ingest.progress import Progress, ProgressUpdate
from pipeline.ingest.records import source_records
from pipeline.ingest.refusals import FileChanged, RefusedFile, without_limits
from pipeline.ingest.stage import stage
from pipeline.ingest.staging import discard, sweep

__all__ = [
    "CheckCount",
    "CleanerCount",
    "ColumnProfile",
    "DaySpan",
    "FileChanged",
    "Manifest",
    "Progress",
    "ProgressUpdate",
    "RefusedFile",
    "Staged",
    "approximate_count",
    "bounded_count",
    "discard",
    "read_manifest",
    "source_records",
    "stage",
    "sweep",
    "without_limits",
]
