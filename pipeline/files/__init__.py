"""Bytes to pieces of records: landing, dialect, encoding, one reader per format.

What belongs here: what a file holds. What does not: what its values mean (`ingest`) and where they go (`warehouse`).
"""

from pipeline.files.filing import file_away
from pipeline.files.landing import (
    Refused,
    Scan,
    Waiting,
    hash_file,
    landing_of,
    scan_inbox,
    settle,
    unchanged,
)
from pipeline.files.names import delivery_key, unescape_key
from pipeline.files.open import open_table
from pipeline.files.problems import UnreadableFile
from pipeline.files.table import ROW, Dialect, Parsed, Piece, ReadOptions, Reject, Repair, Table

__all__ = [
    "ROW",
    "Dialect",
    "Parsed",
    "Piece",
    "ReadOptions",
    "Refused",
    "Reject",
    "Repair",
    "Scan",
    "Table",
    "UnreadableFile",
    "Waiting",
    "delivery_key",
    "file_away",
    "hash_file",
    "landing_of",
    "open_table",
    "scan_inbox",
    "settle",
    "unchanged",
    "unescape_key",
]
