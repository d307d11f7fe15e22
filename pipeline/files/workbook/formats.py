"""Which kind of workbook a file is, by its content.

What belongs here: telling the formats apart. What does not: reading one.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.files.workbook.biff8 import XlsBook
from pipeline.files.workbook.biff12 import XlsbBook
from pipeline.files.workbook.book import Book, XmlBook
from pipeline.files.workbook.guard import damaged_workbook
from pipeline.files.workbook.opendocument import OdsBook
from pipeline.files.workbook.package import GARBLED, Package

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
        package = Package(path)
    except GARBLED as error:
        raise damaged_workbook(path, error) from error
    package.zip.close()
    if package.main.endswith(".bin"):
        return XlsbBook(path, memory_mb)
    if not package.main and "content.xml" in package:
        return OdsBook(path)
    return XmlBook(path)
