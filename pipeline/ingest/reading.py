"""Opening a file of a dataset: as its dataset says, or as error rows that come back.

What belongs here: what readers are told, and telling a correction from other files. What does not: what is in it (`stage`,
`correction`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.contract import Dataset
from pipeline.files import Table, UnreadableFile, open_table
from pipeline.files.streams import compression_of
from pipeline.files.table import ReadOptions
from pipeline.ingest.keys import KEY, LAYOUT, OWN
from pipeline.ingest.mapping import expected_names
from pipeline.settings import Settings

SUMMARY = "Summary"
_HEAD = 64 * 1024
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MARKS = tuple(KEY.encode(codec) for codec in ("ascii", "utf-16-le", "utf-16-be"))


def read_options(dataset: Dataset, settings: Settings) -> ReadOptions:
    """What readers are told for this dataset."""
    return ReadOptions(
        chunk_rows=settings.chunk_rows,
        memory_mb=settings.memory_mb,
        sheets=tuple(dataset.sheets),
        expected=expected_names(dataset),
        positions=tuple(name for name in dataset.column_names if name not in dataset.derived),
        read=dataset.read,
    )


def open_file(path: Path, dataset: Dataset, settings: Settings) -> tuple[Table, bool]:
    """Open a file; whether it is a correction is told by its columns, whatever its name and format.

    Raises:
        OSError. UnreadableFile: see `open_table`.
    """
    problem: UnreadableFile | None = None
    table: Table | None = None
    try:
        table = open_table(path, read_options(dataset, settings))
    except UnreadableFile as error:
        problem = error
    if table is not None and KEY in table.columns:
        return _open_correction(path, dataset, settings), True
    # What the dataset says of its own files is not true of ours: with it the key may not be seen.
    if (dataset.sheets or dataset.read.given) and _may_hold_keys(path):
        try:
            correction = _open_correction(path, dataset, settings)
        except UnreadableFile:
            correction = None
        if correction is not None and KEY in correction.columns:
            return correction, True
    if problem is not None:
        raise problem
    assert table is not None
    return table, False


def _open_correction(path: Path, dataset: Dataset, settings: Settings) -> Table:
    """As we write such files: every row below the header is a record, the summary is none."""
    options = replace(
        read_options(dataset, settings),
        sheets=(),
        positions=(),
        expected=(*expected_names(dataset), *sorted(OWN)),
        read=LAYOUT,
    )
    table = open_table(path, options)
    sheets = tuple(name for name in table.dialect.sheets if name != SUMMARY)
    return table if sheets == table.dialect.sheets else open_table(path, replace(options, sheets=sheets))


def _may_hold_keys(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return (
        head.startswith(_WORKBOOKS)
        or compression_of(head) is not None
        or any(mark in head for mark in _MARKS)
    )
