"""What staging hands to the commit: Parquet beside a manifest.

What belongs here: the manifest's shape, and reading and writing it. What does not: making the Parquet (`stage`) or
loading it (`warehouse.commit`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

MANIFEST = "manifest.json"
CORRECTION = "correction"
"""Format of error rows that were sent back: they are rows of other deliveries, and their own delivery has none."""


@dataclass(frozen=True)
class ColumnProfile:
    """One column of one delivery, over its clean and rejected-by-check rows as cleaned and cast.

    Attributes:
        name: contract column.
        row_count: values looked at, nulls too.
        null_count: nulls among them; a value that could not be had is none.
        distinct_count: different values.
        min: smallest value as text, or None.
        max: largest value as text, or None.
        mean: mean of a numeric column, or None.
        top_values: most frequent values with how often they were counted, most frequent first; none where none stands out.
        violations: violations found at this column while staging.
        distinct_error: relative standard error of `distinct_count`: 0 where it is exact, which it is up to 8,191; None: not known.
        top_error: each of `top_values` may occur so many times more: 0 where they are exact, which they are up to 2,048 different values;
            None: not known.
    """

    name: str
    row_count: int
    null_count: int
    distinct_count: int
    min: str | None
    max: str | None
    mean: float | None
    top_values: tuple[tuple[str, int], ...]
    violations: int
    distinct_error: float | None = 0.0
    top_error: int | None = 0


def approximate_count(count: int, error: float | None) -> str:
    """A number for people, with its relative standard error: 0 where it is exact, None where that is not known."""
    if error == 0:
        return f"{count:,}"
    return f"about {count:,}" + ("" if error is None else f" (± {100 * error:.1f} %)")


def bounded_count(count: int, error: int | None) -> str:
    """A number for people that may be so much larger: 0 where it is exact, None where that is not known."""
    if error is None:
        return f"about {count:,}"
    return f"{count:,}–{count + error:,}" if error else f"{count:,}"


@dataclass(frozen=True)
class DaySpan:
    """The event times of one day (in the dataset's zone): first and last moment, in UTC without zone."""

    day: date
    first: datetime
    last: datetime


@dataclass(frozen=True)
class CleanerCount:
    """How many values of a column one cleaner changed, over all rows of the file, filtered ones too.

    Attributes:
        column: contract column.
        cleaner: name of the cleaner.
        changed: values that differ after it, those that became null among them.
    """

    column: str
    cleaner: str
    changed: int


@dataclass(frozen=True)
class CheckCount:
    """How many rows a check rejects.

    Attributes:
        column: contract column, or None: the row, or a record that could not be read.
        check: name of the check.
        rows: how many rows; one that several checks reject counts for each.
    """

    column: str | None
    check: str
    rows: int


@dataclass(frozen=True)
class CorrectionAccount:
    """What a staged correction says of its rows. In its clean and error files `_row` counts the correction's own rows.

    Attributes:
        key_files: names in the folder. Columns: `_row` BIGINT (as in the clean and error files), `_delivery` VARCHAR,
            `content` VARCHAR (see `RowKey`), `original_row` BIGINT, sheet VARCHAR and line BIGINT (where it is in the
            correction), record VARCHAR (the corrected row as JSON, as it may be written), `seen_at` TIMESTAMP (the row counts
            only if its open errors are of then; null: whenever).
        refused: rows without a key that can be used.
        refusals: the first of them, in words.
        untouched: rows in which no column has a value.
    """

    key_files: tuple[str, ...]
    refused: int = 0
    refusals: tuple[str, ...] = ()
    untouched: int = 0


@dataclass(frozen=True)
class Manifest:
    """The account of one staged file. Row counts reconcile: read = clean + rejected + filtered.

    Attributes:
        dataset: name of the dataset.
        fingerprint: contract fingerprint it was staged under.
        sha256: hash of the file's bytes, hex.
        bytes: size of the file.
        format: csv, excel, ndjson, json, parquet, arrow or avro; another package's reader has its own word; `correction` for
            error rows that were sent back, in whatever format.
        dialect: how the file is written, as `Dialect.as_dict()`, and `columns`, the names of its columns in order.
        rows_read: records of the file, counted apart from the parser.
        rows_clean: rows in the clean Parquet.
        rows_rejected: rows with at least one violation that rejects.
        rows_filtered: rows left out by `keep=`.
        violations: rows of the error Parquet.
        event_time_min: earliest event time of a clean row, UTC without zone.
        event_time_max: latest.
        days: the days of the clean rows' event times, ascending.
        columns: profile.
        clean_files: names in the folder, in row order. Columns: the contract's, `_row` BIGINT, `_rescued` VARCHAR (JSON), and
            those of `added` (VARCHAR).
        error_files: names in the folder, in row order. Columns: `_row` BIGINT, sheet VARCHAR, line BIGINT, column_name,
            check_name, value, message, record, severity (all VARCHAR).
        seconds: time that staging took.
        peak_memory_mb: largest resident size of the process so far, in MiB.
        rows_warned: rows with a warning; rejected ones too.
        rows_mended: records that were mended when they were read; rejected ones too.
        cleaned: what each cleaner changed, by column and in the cleaners' order; those that changed nothing, too.
        rejects: what rejects rows, most frequent first.
        notes: what a person should know: columns that the contract does not know, sheets left out.
        added: columns of the clean Parquet that the contract does not know and that the table gets, in the file's order.
        remarks: those of the notes that belong into the ledger: columns left out, probable renames.
        correction: of error rows that were sent back, which rows they are; None for any other file.
        boot: the start of the machine since which it was written, see `read_manifest`; set when it is written.
    """

    dataset: str
    fingerprint: str
    sha256: str
    bytes: int
    format: str
    dialect: dict[str, Any]
    rows_read: int
    rows_clean: int
    rows_rejected: int
    rows_filtered: int
    violations: int
    event_time_min: datetime | None
    event_time_max: datetime | None
    days: tuple[DaySpan, ...]
    columns: tuple[ColumnProfile, ...]
    clean_files: tuple[str, ...]
    error_files: tuple[str, ...]
    seconds: float
    peak_memory_mb: float
    notes: tuple[str, ...] = field(default=())
    cleaned: tuple[CleanerCount, ...] = field(default=())
    rows_warned: int = 0
    rows_mended: int = 0
    rejects: tuple[CheckCount, ...] = field(default=())
    added: tuple[str, ...] = field(default=())
    remarks: tuple[str, ...] = field(default=())
    correction: CorrectionAccount | None = None
    boot: str = field(default="", compare=False)


@dataclass(frozen=True)
class Staged:
    """A staged delivery: where its Parquet lies, its manifest, and the file that it came from.

    Attributes:
        folder: `staging/<sha256>-<fingerprint>/`.
        manifest: the account.
        source: the file as it was staged.
        delivery: its key; by default the file's name.
        landing: identity of this landing of the file (device, inode, size, change time); None outside an inbox. The same
            landing is never recorded twice.
    """

    folder: Path
    manifest: Manifest
    source: Path
    delivery: str
    landing: str | None = None

    @property
    def clean_paths(self) -> list[str]:
        """Paths of the clean Parquet files, in row order."""
        return [str(self.folder / name) for name in self.manifest.clean_files]

    @property
    def error_paths(self) -> list[str]:
        """Paths of the error Parquet files, in row order."""
        return [str(self.folder / name) for name in self.manifest.error_files]

    @property
    def key_paths(self) -> list[str]:
        """Paths of a correction's key files; none for any other file."""
        account = self.manifest.correction
        return [] if account is None else [str(self.folder / name) for name in account.key_files]


_ADAPTER = TypeAdapter(Manifest)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into `folder`."""
    (folder / MANIFEST).write_bytes(_ADAPTER.dump_json(replace(manifest, boot=_boot()), indent=1))


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`.

    Raises:
        FileNotFoundError: there is none. pydantic.ValidationError: it is not one of ours.
    """
    return _ADAPTER.validate_json((folder / MANIFEST).read_bytes())


def manifest_of(folder: Path) -> Manifest | None:
    """The manifest in `folder`; None where it is missing or spoilt, or was written before the machine was started: staged files are not
    forced onto the disk, for that costs more than to stage them anew, and a power loss spoils any of them."""
    try:
        manifest = read_manifest(folder)
    except (OSError, ValidationError):
        return None
    return manifest if manifest.boot == _boot() else None


@cache
def _boot() -> str:
    """What is the same from one start of the machine to the next; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
