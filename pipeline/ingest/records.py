"""Source records once more, as text, for row numbers found out later.

What belongs here: reading a staged file again for the few rows that the commit rejects. What does not: deciding which.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipeline.contract import Dataset
from pipeline.files import open_table
from pipeline.files.canonical import as_text
from pipeline.files.table import ROW
from pipeline.ingest.hiding import Hiding, unquoted
from pipeline.ingest.manifest import Staged
from pipeline.ingest.mapping import ColumnMapping, map_columns
from pipeline.ingest.reading import read_options
from pipeline.ingest.violations import records_as_json
from pipeline.settings import Settings

RECORD_SCHEMA = {
    ROW: pl.Int64(),
    "line": pl.Int64(),
    "sheet": pl.String(),
    "record": pl.String(),
    "shown": pl.String(),
}


def source_records(
    staged: Staged, rows: pl.Series, dataset: Dataset, settings: Settings
) -> Iterator[pl.DataFrame]:
    """The source records of `rows`, read from `staged.source`.

    Args:
        rows: `_row` numbers, Int64, ascending.

    Yields:
        Frames `_row` Int64, line Int64, sheet String, record String (JSON of the source columns as text; values that the
        dataset hides are ***), shown String (see `shown_values`), a piece each.
    """
    with unquoted(dataset):
        yield from _records(staged, rows, dataset, settings)


def _records(staged: Staged, rows: pl.Series, dataset: Dataset, settings: Settings) -> Iterator[pl.DataFrame]:
    hiding = Hiding(dataset)
    table = open_table(staged.source, read_options(dataset, settings))
    for piece in table.pieces():
        last = piece.first_row + piece.records - 1
        wanted = rows.filter(rows.is_between(piece.first_row, last))
        if wanted.is_empty():
            continue
        parsed = piece.parse()
        frame = parsed.frame.filter(pl.col(ROW).is_in(wanted.implode()))
        columns = tuple(name for name in frame.columns if name != ROW)
        mapping = map_columns(dataset, columns, table.columns)
        frame = hiding.told(frame, mapping)
        lines = parsed.lines(frame[ROW]) if parsed.lines else pl.Series([None] * frame.height, dtype=pl.Int64)
        yield pl.DataFrame(
            {
                ROW: frame[ROW],
                "line": lines.cast(pl.Int64),
                "sheet": pl.Series([piece.sheet] * frame.height, dtype=pl.String),
                "record": records_as_json(frame),
                "shown": shown_values(frame, mapping, dataset),
            }
        )


def shown_values(frame: pl.DataFrame, mapping: ColumnMapping, dataset: Dataset) -> pl.Series:
    """JSON text of what stands in a file for the columns that the commit judges (unique ones, references, order): contract column → source
    text. Columns that are hidden or computed are not in it."""
    judged = [*dataset.uniqueness, dataset.increasing, *(one.names for one in dataset.references)]
    columns = []
    for name in dict.fromkeys(name for names in judged for name in names):
        source = mapping.sources[name]
        if source is not None and source in frame.columns and name not in dataset.hidden:
            columns.append(as_text(frame[source]).alias(name))
    if not columns:
        return pl.Series("shown", [None], pl.String).new_from_index(0, frame.height)
    return records_as_json(pl.DataFrame(columns)).alias("shown")
