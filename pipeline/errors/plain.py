"""Exported files for programs: CSV and Parquet.

What belongs here: writing rows as they come. What does not: making them (`rows`), the workbook.

A CSV file is guarded against being run by a spreadsheet, and begins with a byte order mark, without which spreadsheets take it for
text of their country. A Parquet file holds the texts as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors.rows import Batch
from pipeline.ingest.guard import guard


def guarded(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame of String that no spreadsheet runs, its names included; same shape."""
    names = pl.DataFrame({"name": frame.columns}).select(guard(pl.col("name"))).to_series()
    places = [str(place) for place in range(frame.width)]
    cells = pl.DataFrame(
        [series.alias(place) for place, series in zip(places, frame.get_columns(), strict=True)]
    )
    cells = cells.select(guard(pl.col(place)).alias(place) for place in places)
    return pl.DataFrame([series.alias(name) for name, series in zip(names, cells.get_columns(), strict=True)])


class CsvFile:
    """A CSV file (UTF-8, commas) that is written batch by batch."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._begun = False

    def write(self, batch: Batch) -> None:
        """Add rows. An empty text is as empty as none."""
        frame = guarded(batch.frame)
        frame = pl.DataFrame([series.set(series == "", None) for series in frame.get_columns()])
        frame.write_csv(self._file, include_header=not self._begun, include_bom=not self._begun)
        self._begun = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failed: object) -> None:
        self._file.close()


class ParquetFile:
    """A Parquet file that is written batch by batch, every column text."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def write(self, batch: Batch) -> None:
        """Add rows."""
        schema = pa.schema([(name, pa.large_string()) for name in batch.frame.columns])
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, schema, compression="zstd")
        self._writer.write_table(batch.frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failed: object) -> None:
        if self._writer is not None:
            self._writer.close()
