"""What a correction must know of the files that its rows are from.

What belongs here: the shape of that knowledge, and reading source values again. What does not: finding the files (`intake`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.contract import Dataset
from pipeline.files import open_table
from pipeline.files.table import ROW
from pipeline.ingest.hiding import unquoted
from pipeline.ingest.reading import read_options
from pipeline.settings import Settings

Origin = tuple[str, str]
"""Key of a delivery, and the beginning of its content's hash, as in `RowKey`."""


@dataclass(frozen=True)
class Original:
    """The file of an origin.

    Attributes:
        columns: its columns in order.
        format: as in the ledger.
        find: where it lies now; None when it is gone.
        records: row numbers → the source records of those that are open, as the error table has them.
    """

    columns: tuple[str, ...]
    format: str | None
    find: Callable[[], Path | None]
    records: Callable[[Collection[int]], Mapping[int, Mapping[str, str | None]]] = lambda rows: {}

    def has(self, column: str) -> bool:
        """Whether a column that no header names may be the file's: records of JSON bring their own, and workbooks have cells
        beside the table."""
        if self.format in ("json", "ndjson"):
            return True
        return self.format == "excel" and column.startswith("column_")

    @property
    def has_empty_texts(self) -> bool:
        """Whether an empty text is not the same as no value in it."""
        return self.format not in ("csv", "excel")


Originals = Callable[[Collection[Origin]], Mapping[Origin, Original]]
"""Looks the originals up that are known."""


def none_known(origins: Collection[Origin]) -> Mapping[Origin, Original]:
    """Where there is no warehouse to ask."""
    return {}


def source_values(
    path: Path, rows: pl.Series, columns: Collection[str], dataset: Dataset, settings: Settings
) -> pl.DataFrame:
    """The values of `rows` in these columns of a file, in clear: they must not be written.

    Args:
        rows: `_row` numbers, Int64; those that the reader could not split are not in the result.

    Returns:
        `_row` and the columns that the file has.
    """
    found = []
    with unquoted(dataset):
        for piece in open_table(path, read_options(dataset, settings)).pieces():
            wanted = rows.filter(rows.is_between(piece.first_row, piece.first_row + piece.records - 1))
            if len(wanted):
                frame = piece.parse().frame
                names = [name for name in frame.columns if name in columns]
                found.append(frame.filter(pl.col(ROW).is_in(wanted.implode())).select(ROW, *names))
    return pl.concat(found, how="diagonal") if found else pl.DataFrame(schema={ROW: pl.Int64})
