"""fastexcel, with what must be known before it is given a file.

What belongs here: opening, and its failures as ours. What does not: what is read through it (`fast`, `typed`).
"""

from __future__ import annotations

import logging
from pathlib import Path

import fastexcel

from pipeline.files.problems import UnreadableFile
from pipeline.files.workbook.guard import damaged_workbook
from pipeline.files.workbook.layout import Sheet

# A column without values is nothing to warn of.
logging.getLogger("fastexcel.types.dtype").setLevel(logging.ERROR)

_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXTENSIONS = {".xls", ".xla", ".xlsx", ".xlsm", ".xlam", ".xlsb", ".ods"}


def open_reader(path: Path, sheet: Sheet) -> fastexcel.ExcelReader:
    """The library goes by the extension where it knows it: a workbook with that of another format is handed over as bytes."""
    with path.open("rb") as file:
        if file.read(len(_OLE2)) == _OLE2:
            own = {".xls", ".xla"}
        else:
            own = {".xlsb"} if sheet.part.endswith(".bin") else {".xlsx", ".xlsm", ".xlam"}
        if path.suffix.lower() in _EXTENSIONS - own:
            file.seek(0)
            return fastexcel.read_excel(file.read())
    return fastexcel.read_excel(str(path))


class NotByLibrary(UnreadableFile):
    """The library cannot read this workbook, or not as it is meant: `damaged`, unless there is another way to read it."""


def not_by_library(path: Path, error: BaseException) -> NotByLibrary:
    """The problem as it is told where there is no other way."""
    told = damaged_workbook(path, error)
    return NotByLibrary(path, told.code, told.cause, told.remedy)


class Readable:
    """Failures of the library, its panics too (which are no `Exception`), become NotByLibrary."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, fastexcel.FastExcelError) or (kind and kind.__name__ == "PanicException"):
            raise not_by_library(self._path, error or Exception()) from error
