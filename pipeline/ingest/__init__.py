"""Chunks to staged Parquet: clean, cast, filter, validate, profile, reconcile.

What belongs here: everything between a reader's pieces and the commit, as pure functions of bytes and contract. What does not: the warehouse, Dagster.
"""

from pipeline.ingest.manifest import CleanerCount, ColumnProfile, DaySpan, Manifest, Staged, read_manifest
from pipeline.ingest.progress import Progress, ProgressUpdate
from pipeline.ingest.records import source_records
from pipeline.ingest.refusals import FileChanged
from pipeline.ingest.stage import stage
from pipeline.ingest.staging import sweep

__all__ = [
    "CleanerCount",
    "ColumnProfile",
    "DaySpan",
    "FileChanged",
    "Manifest",
    "Progress",
    "ProgressUpdate",
    "Staged",
    "read_manifest",
    "source_records",
    "stage",
    "sweep",
]
