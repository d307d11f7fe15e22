"""Rows that were rejected, through the contract once more, each under its own number.

What belongs here: from source columns of such rows to staged Parquet, whether they come from a file (`correction`) or from the error
table (`pipeline replay`). What does not: where they come from, and what becomes of them (`warehouse.corrections`).

A row goes by its place (`_row`: 1, 2, … over all that is validated together) until the commit; key files say which row of which
delivery that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from pipeline.contract import Dataset
from pipeline.files import Parsed, Piece, Repair
from pipeline.files.table import ROW
from pipeline.ingest.chunk import ChunkProcessor
from pipeline.ingest.hidden_values import HiddenValues
from pipeline.ingest.hiding import Hiding, unquoted
from pipeline.ingest.manifest import CORRECTION, CorrectionAccount, Manifest
from pipeline.ingest.mapping import map_columns
from pipeline.ingest.originals import Originals
from pipeline.ingest.records import shown_values
from pipeline.ingest.violations import records_as_json
from pipeline.ingest.writer import peak_memory_mb, write_chunk
from pipeline.settings import Settings

KEY_SCHEMA: dict[str, pl.DataType] = {
    ROW: pl.Int64(),
    "_delivery": pl.String(),
    "content": pl.String(),
    "original_row": pl.Int64(),
    "sheet": pl.String(),
    "line": pl.Int64(),
    "seen_at": pl.Datetime("us"),
}
_KEPT = 64


@dataclass
class Revalidation:
    """Validates rows batch by batch into a folder, and adds up what came of them.

    Attributes:
        part: where the Parquet goes.
        originals: looks up the files that the rows are from.
        elsewhere: columns that other rows may have; derivations read them as empty.
    """

    dataset: Dataset
    settings: Settings
    part: Path
    originals: Originals
    elsewhere: tuple[str, ...] = ()
    rows: int = 0
    clean: int = 0
    rejected: int = 0
    filtered: int = 0
    violations: int = 0
    clean_files: list[str] = field(default_factory=list)
    error_files: list[str] = field(default_factory=list)
    key_files: list[str] = field(default_factory=list)
    added: dict[str, None] = field(default_factory=dict)
    _processors: dict[tuple[str, ...], ChunkProcessor] = field(default_factory=dict)
    _number: int = 0

    def __post_init__(self) -> None:
        self._hiding = Hiding(self.dataset)
        self._hidden = HiddenValues(self.dataset, self.settings, self.originals)

    def add(self, keys: pl.DataFrame, source: pl.DataFrame, repairs: Sequence[Repair] = ()) -> None:
        """Validate rows of one header.

        Args:
            keys: `KEY_SCHEMA`, ascending by place.
            source: source columns of the same rows, in the same order; no columns of ours.
            repairs: what was mended in them, by place.
        """
        if keys.is_empty():
            return
        columns = tuple(source.columns)
        mapping = map_columns(self.dataset, columns, self.elsewhere)
        source = source.with_columns(keys[ROW])
        with unquoted(self.dataset):
            restored = self._hidden.restore(keys, source, mapping)
            piece = Piece(
                int(keys[ROW][0]), keys.height, 0, lambda: Parsed(restored.source, repairs=tuple(repairs))
            )
            result = self._hidden.refuse(self._processor(columns).process(piece), restored)
        told = self._hiding.told(source, mapping)
        told = keys.with_columns(
            record=records_as_json(told), shown=shown_values(told, mapping, self.dataset)
        )
        self._number += 1
        name = f"keys-{self._number:06d}.parquet"
        told.write_parquet(self.part / name, compression="lz4", statistics=False)
        self.key_files.append(name)
        written = write_chunk(self.part, self._number, keys.height, result)
        self.clean_files += [written.clean_file] if written.clean_file else []
        self.error_files += [written.error_file] if written.error_file else []
        self.rows += keys.height
        self.clean += written.clean_rows
        self.rejected += result.rejected
        self.filtered += result.filtered
        self.violations += written.violations

    def manifest(self) -> Manifest:
        """The account of all rows so far; it knows of no file."""
        return Manifest(
            dataset=self.dataset.name,
            fingerprint=self.dataset.fingerprint,
            sha256="",
            bytes=0,
            format=CORRECTION,
            dialect={},
            rows_read=self.rows,
            rows_clean=self.clean,
            rows_rejected=self.rejected,
            rows_filtered=self.filtered,
            violations=self.violations,
            event_time_min=None,
            event_time_max=None,
            days=(),
            columns=(),
            clean_files=tuple(self.clean_files),
            error_files=tuple(self.error_files),
            seconds=0.0,
            peak_memory_mb=peak_memory_mb(),
            added=tuple(self.added),
            correction=CorrectionAccount(tuple(self.key_files)),
        )

    def _processor(self, columns: tuple[str, ...]) -> ChunkProcessor:
        found = self._processors.get(columns)
        if found is None:
            if len(self._processors) >= _KEPT:
                self._processors.clear()
            found = ChunkProcessor(
                self.dataset, self.settings.hash_key, (*columns, *self.elsewhere), rows_alone=True
            )
            self._processors[columns] = found
            self.added.update(dict.fromkeys(found.added))
        return found
