"""Which reader a file needs: by its content first, by its name where the content leaves it open.

What belongs here: telling formats apart, and the table of readers. What does not: reading one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from pipeline.files.delimited.reader import open_csv
from pipeline.files.ndjson import open_ndjson
from pipeline.files.parquet import open_parquet
from pipeline.files.problems import UnreadableFile, empty_file
from pipeline.files.streams import compression_of, open_stream
from pipeline.files.table import ReadOptions, Table

Opener = Callable[[Path, str | None, ReadOptions], Table]


def _open_excel(path: Path, compression: str | None, options: ReadOptions) -> Table:
    # The workbook libraries take a quarter of a second to import: only a workbook pays for it.
    from pipeline.files.workbook.reader import open_excel

    return open_excel(path, compression, options)


READERS: dict[str, Opener] = {
    "csv": open_csv,
    "excel": _open_excel,
    "ndjson": open_ndjson,
    "parquet": open_parquet,
}

_BY_SUFFIX = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "ndjson",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_BINARY = ("excel", "parquet")
_COMPRESSED = {".gz": "gz", ".gzip": "gz", ".zst": "zst", ".zstd": "zst"}
_HEAD = 64 * 1024
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_FOREIGN = {
    b"%PDF-": "a PDF document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"\x7fELF": "a program",
    b"SQLite format 3\0": "an SQLite database",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"BZh": "bzip2 data",
    b"\xfd7zXZ\0": "xz data",
    b"ARROW1": "an Arrow file",
    b"<html": "a web page",
    b"<!doctype html": "a web page",
}


def open_table(path: Path, options: ReadOptions | None = None) -> Table:
    """Open a file of any known format as a table.

    Raises:
        OSError: it cannot be read. UnreadableFile: it holds no table we can read; its `code` is one of `empty`,
            `header_only`, `no_header`, `not_what_it_says`, `unsupported`, `encrypted`, `damaged`, `no_such_sheet`.
    """
    path = Path(path)
    head = _head(path, None)
    compression = compression_of(head)
    if compression is None and (claimed := _COMPRESSED.get(path.suffix.lower())) and head:
        raise _not_what_it_says(path, f"holds no {claimed} data")
    if compression is not None:
        head = _head(path, compression)
    if not head:
        raise empty_file(path)
    return READERS[_format(path, head, compression)](path, compression, options or ReadOptions())


def _head(path: Path, compression: str | None) -> bytes:
    with open_stream(path, compression) as stream:
        return stream.read(_HEAD)


def _format(path: Path, head: bytes, compression: str | None) -> str:
    claimed = _claimed(path)
    if found := _by_magic(path, head):
        if compression is not None:
            raise UnreadableFile(
                path,
                "unsupported",
                f"it is a compressed {found} file",
                f"Send the {found} file itself, not compressed",
            )
        return found
    if claimed in _BINARY:
        kind = "a workbook" if claimed == "excel" else "a Parquet file"
        raise _not_what_it_says(path, f"is not {kind}")
    if claimed == "ndjson" or (claimed in (None, "csv") and _is_json_line(head)):
        return "ndjson"
    return "csv"


def _claimed(path: Path) -> str | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return _BY_SUFFIX.get(suffixes[-1]) if suffixes else None


def _by_magic(path: Path, head: bytes) -> str | None:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(path, head)
    if head.startswith(_OLE2):
        raise _ole2(path)
    start = head.lstrip().lower()
    for magic, what in _FOREIGN.items():
        if head.startswith(magic) or (magic.startswith(b"<") and start.startswith(magic)):
            raise _not_what_it_says(path, f"is {what}")
    return None


def _in_zip(path: Path, head: bytes) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise UnreadableFile(
            path,
            "damaged",
            f"the zip file is cut off or garbled ({error})",
            "Send the file again; it was probably cut off on its way",
        ) from error
    if "xl/workbook.bin" in names:
        raise UnreadableFile(
            path, "unsupported", "it is a binary workbook (.xlsb)", "Save it as .xlsx and send that"
        )
    if any(name.startswith("xl/") for name in names):
        return "excel"
    raise _not_what_it_says(path, "is a zip archive without a workbook in it")


def _ole2(path: Path) -> UnreadableFile:
    """An encrypted workbook and a workbook of before 2007 look alike from outside; the stream names tell."""
    with open_stream(path, None) as stream:
        tail = b""
        while data := stream.read(1024 * 1024):
            if _ENCRYPTED in tail + data:
                return UnreadableFile(
                    path,
                    "encrypted",
                    "the workbook is protected by a password",
                    "Save it without a password and send it again",
                )
            tail = data[-len(_ENCRYPTED) :]
    return UnreadableFile(
        path, "unsupported", "it is a workbook of Excel 97-2003 (.xls)", "Save it as .xlsx and send that"
    )


def _is_json_line(head: bytes) -> bool:
    line = head.removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _not_what_it_says(path: Path, cause: str) -> UnreadableFile:
    name = path.suffix or "without extension"
    return UnreadableFile(
        path,
        "not_what_it_says",
        f"the file is named {name} but {cause}",
        "Export it again as CSV, Excel, JSON lines or Parquet, with the extension that fits",
    )
