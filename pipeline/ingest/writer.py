"""The staged folder while it is being made, and the account of what went into it.

What belongs here: adding chunk results up into Parquet files and a manifest. What does not: making chunk results.
"""

from __future__ import annotations

import resource
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import polars as pl

from pipeline.contract import Dataset
from pipeline.ingest.manifest import CheckCount, CleanerCount, ColumnProfile, DaySpan
from pipeline.ingest.profile import ColumnCount, merge_violations
from pipeline.ingest.refusals import Refusal
from pipeline.ingest.result import ChunkResult


@dataclass(frozen=True)
class WrittenChunk:
    """A chunk result with its rows on disk: names of the files (None: no rows) and the counts."""

    result: ChunkResult
    records: int
    clean_rows: int
    violations: int
    warned: int
    mended: int
    clean_file: str | None
    error_file: str | None


def write_chunk(folder: Path, number: int, records: int, result: ChunkResult) -> WrittenChunk:
    """Write one chunk's Parquet and let go of its rows. Called from workers; each chunk has its own files."""
    clean_file = f"clean-{number:06d}.parquet" if result.clean.height else None
    error_file = f"errors-{number:06d}.parquet" if result.errors.height else None
    if clean_file:
        # Read once, at once, from the page cache: to compress the rows costs more than it saves.
        _write(result.clean, folder / clean_file, "uncompressed")
    if error_file:
        # Error rows hold their source records, which say much the same.
        _write(result.errors, folder / error_file, "lz4")
    counted = result.errors.select("column_name", "check_name", "severity")
    light = replace(result, clean=result.clean.clear(), errors=counted)
    warned, mended = _rows_with(result.errors, "warn"), _rows_with(result.errors, "repair")
    return WrittenChunk(
        light, records, result.clean.height, result.errors.height, warned, mended, clean_file, error_file
    )


def _rows_with(errors: pl.DataFrame, severity: str) -> int:
    """Rows that have a violation of this severity."""
    return errors.filter(pl.col("severity") == severity)["_row"].n_unique() if errors.height else 0


def _write(frame: pl.DataFrame, path: Path, compression: Literal["lz4", "uncompressed"]) -> None:
    # Written once and read once: nobody looks at statistics.
    frame.write_parquet(path, compression=compression, statistics=False)


@dataclass
class Account:
    """Running totals of one file, chunk by chunk in order."""

    dataset: Dataset
    rows_read: int = 0
    rows_clean: int = 0
    rows_rejected: int = 0
    rows_filtered: int = 0
    rows_warned: int = 0
    rows_mended: int = 0
    violations: int = 0
    clean_files: list[str] = field(default_factory=list)
    error_files: list[str] = field(default_factory=list)
    unknown: dict[str, None] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    _rejects: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    _changes: dict[str, list[int]] = field(default_factory=dict)
    _counts: dict[str, ColumnCount] = field(default_factory=dict)
    _days: dict[date, tuple[datetime, datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._counts = {column.name: ColumnCount(column) for column in self.dataset.columns}
        self._changes = {name: [0] * len(cleaners) for name, cleaners in self.dataset.cleaners.items()}

    def add(self, chunk: WrittenChunk) -> None:
        """Take in the next chunk."""
        result = chunk.result
        self.rows_read += chunk.records
        self.rows_clean += chunk.clean_rows
        self.rows_rejected += result.rejected
        self.rows_filtered += result.filtered
        self.rows_warned += chunk.warned
        self.rows_mended += chunk.mended
        self.violations += chunk.violations
        self.clean_files += [chunk.clean_file] if chunk.clean_file else []
        self.error_files += [chunk.error_file] if chunk.error_file else []
        self.unknown.update(dict.fromkeys(result.unknown))
        self.taken.update(result.taken)
        for refusal in result.refusals:
            first = self.refusals.get(refusal.rule)
            self.refusals[refusal.rule] = (
                refusal if first is None else replace(first, count=first.count + refusal.count)
            )
        for name, changes in result.changes.items():
            self._changes[name] = [old + new for old, new in zip(self._changes[name], changes, strict=True)]
        for name, figures in result.figures.items():
            self._counts[name].add(figures)
        if chunk.violations:
            merge_violations(self._counts, result.errors)
            self._count_rejects(result.errors)
        if result.days is not None:
            for day, first, last in result.days.iter_rows():
                known = self._days.get(day, (first, last))
                self._days[day] = (min(known[0], first), max(known[1], last))

    def _count_rejects(self, errors: pl.DataFrame) -> None:
        rejecting = errors.filter(pl.col("severity") == "reject")
        for *check, rows in rejecting.group_by("column_name", "check_name").len().iter_rows():
            self._rejects[check[0], check[1]] += rows

    def rejects(self) -> tuple[CheckCount, ...]:
        """What rejects rows, most frequent first."""
        ranked = sorted(self._rejects.items(), key=lambda item: (-item[1], item[0][0] or "", item[0][1]))
        return tuple(CheckCount(column, check, rows) for (column, check), rows in ranked)

    def days(self) -> tuple[DaySpan, ...]:
        """The days of the clean rows' event times, ascending."""
        return tuple(DaySpan(day, first, last) for day, (first, last) in sorted(self._days.items()))

    def cleaned(self) -> tuple[CleanerCount, ...]:
        """What each cleaner changed, by column in the contract's order."""
        return tuple(
            CleanerCount(name, cleaner.name, changed)
            for name in self.dataset.column_names
            for cleaner, changed in zip(
                self.dataset.cleaners.get(name, ()), self._changes.get(name, ()), strict=True
            )
        )

    def profiles(self) -> tuple[ColumnProfile, ...]:
        """The column profile."""
        return tuple(count.profile() for count in self._counts.values())


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
