"""Opening a file of a dataset: as its dataset says, or as error rows that come back.

What belongs here: what readers are told, and telling a correction from other files. What does not: what is in it (`stage`,
`correction`).
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path

from pipeline.contract import Dataset
from pipeline.files import Table, UnreadableFile, open_table
from pipeline.files.canonical import as_text
from pipeline.files.streams import compression_of
from pipeline.files.table import ReadOptions
from pipeline.ingest.keys import KEY, LAYOUT, OWN, REASONS, SHEET, TITLE
from pipeline.ingest.mapping import expected_names
from pipeline.settings import Settings

SUMMARY = "Summary"
_HEAD = 64 * 1024
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_OUR_SHEET = re.compile(rf"{SHEET}(?: \d+)?")
_PLACE = re.compile(r"(?:^|, )(?:line|row) [\d,]+: ")
_TITLE = f">{TITLE} ".encode()
_MARKS = tuple(name.encode(codec) for name in (KEY, REASONS) for codec in ("ascii", "utf-16-le", "utf-16-be"))


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
        if correction is not None:
            _refuse_without_key(path, correction)
    if table is not None:
        _refuse_without_key(path, table)
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


def _refuse_without_key(path: Path, table: Table) -> None:
    """Raise UnreadableFile for an exported file whose key column is gone: its rows would be loaded as new ones.

    It is told by `_errors` with what we write there, by the names of its sheets, or by the title of the workbook.
    """
    mark = None
    if REASONS in table.columns and _says_places(table):
        mark = f"it has the column {REASONS}"
    named = [name for name in table.dialect.sheets if _OUR_SHEET.fullmatch(name)]
    if named:
        mark = mark or f"its sheet is called {named[0]!r}"
    elif mark is None and _titled(path):
        mark = "its title says so"
    if mark is not None:
        raise UnreadableFile(
            path,
            "no_usable_key",
            f"it is an export of rejected rows ({mark}) without the column {KEY}, which tells which row is which",
            "Export the errors again, correct those, and leave that column as it is (it is the last, and hidden in a workbook). A file of"
            " your own must not bear these marks.",
        )


def _says_places(table: Table) -> bool:
    """Whether the first text of `_errors` is one of ours: `line 19: …`."""
    for piece in table.pieces():
        frame = piece.parse().frame
        if REASONS in frame.columns:
            told = as_text(frame[REASONS]).drop_nulls()
            if len(told):
                return _PLACE.search(str(told[0])) is not None
    return False


def _titled(path: Path) -> bool:
    """Whether a workbook has the title that we give; it stays when the workbook is saved by others."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("docProps/core.xml") as file:
            return _TITLE in file.read(_HEAD)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError):
        return False  # no workbook of this kind, or one that is locked: the reader says what it is


def _may_hold_keys(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    return (
        head.startswith(_WORKBOOKS)
        or compression_of(head) is not None
        or any(mark in head for mark in _MARKS)
    )
