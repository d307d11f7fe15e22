"""Which kind of workbook a file is, by its content.

What belongs here: telling the formats apart. What does not: reading one.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from pipeline.files.workbook.biff8 import XlsBook
from pipeline.files.workbook.biff12 import XlsbBook
from pipeline.files.workbook.book import Book, XmlBook
from pipeline.files.workbook.guard import damaged_workbook
from pipeline.files.workbook.opendocument import OdsBook

_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def open_book(path: Path, memory_mb: int) -> Book:
    """Open a workbook of any format.

    Raises:
        OSError. UnreadableFile: `damaged`, `encrypted`, `too_large`.
    """
    with path.open("rb") as file:
        if file.read(len(_OLE2)) == _OLE2:
            return XlsBook(path, memory_mb)
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise damaged_workbook(path, error) from error
    if "xl/workbook.bin" in names:
        return XlsbBook(path, memory_mb)
    if "xl/workbook.xml" not in names and "content.xml" in names:
        return OdsBook(path)
    return XmlBook(path)
