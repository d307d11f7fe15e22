"""Which format a file has: by its content first, by its name where the content leaves it open.

What belongs here: magic numbers, what text looks like, and what is said of names that do not fit. What does not: reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.files.archive import ZIP_MAGICS, holds_workbook
from pipeline.files.json.scan import end_of
from pipeline.files.json.shape import any_object_line
from pipeline.files.json.walk import may_follow
from pipeline.files.problems import UnreadableFile
from pipeline.files.streams import open_stream

CONTAINER = "zip"
_BY_SUFFIX = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".xlsb": "excel",
    ".ods": "excel",
    ".ndjson": "json",
    ".jsonl": "json",
    ".json": "json",
    ".geojson": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".avro": "avro",
}
_WORDS = {
    "csv": "delimited text",
    "excel": "a workbook",
    "json": "JSON",
    "parquet": "a Parquet file",
    "arrow": "an Arrow file",
    "avro": "an Avro file",
    CONTAINER: "a zip file",
}
COMPRESSED = {
    ".gz": "gz",
    ".gzip": "gz",
    ".zst": "zst",
    ".zstd": "zst",
    ".bz2": "bz2",
    ".xz": "xz",
}
# The first message of a stream: a marker, its size, and the offset of the table at its root, which is small.
_ARROW_STREAM = re.compile(rb"\xff\xff\xff\xff..[\x00-\x0f]\x00[\x04-\xff]\x00\x00\x00", re.DOTALL)
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BOOK = re.compile(
    b"|".join(re.escape(name.encode("utf-16-le")) for name in ("Workbook\0", "Book\0")), re.IGNORECASE
)
_ENTRY = 128
# Workbooks before Excel 5 are no compound files: their first record tells.
_OLD_WORKBOOKS = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00")
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
    b"version https://git-lfs": "a pointer to a file in Git LFS, not the file",
}
_JSON = re.compile(rb'\s*(?:\[\s*)?\{\s*(?:"(?:[^"\\\n]|\\.)*"\s*:|\})')
_PAGE = re.compile(
    rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|table|meta|style)\b", re.IGNORECASE | re.DOTALL
)
_SPREADSHEET_ML = b"urn:schemas-microsoft-com:office:spreadsheet"


@dataclass(frozen=True)
class Found:
    """What a file is.

    Attributes:
        format: one of the readers' names, or `zip`: a container.
        notes: what is to be said of a name that does not fit.
        certain: whether the content or a known extension tells it.
    """

    format: str
    notes: tuple[str, ...] = ()
    certain: bool = True


def recognise(path: Path, head: bytes, compression: str | None) -> Found:
    """The format of a file whose text begins with `head`.

    Raises:
        OSError. UnreadableFile: `not_what_it_says`, `unsupported`, `encrypted`, `damaged`.
    """
    claimed = _claimed(path)
    magic = _by_magic(path, head)
    if magic is not None and compression is not None:
        raise UnreadableFile(
            path,
            "unsupported",
            f"it is {_WORDS[magic]} compressed once more",
            "Send the file itself, not compressed",
        )
    if magic is not None:
        return Found(magic, _misnamed(path, claimed, magic))
    _refuse_foreign(path, head)
    if claimed in ("parquet", "arrow", "avro"):
        raise not_what_it_says(path, f"is not {_WORDS[claimed]}")
    text = _plain(head)
    if _holds_json(text, claimed == "json"):
        return Found("json", _misnamed(path, claimed, "json"))
    return Found("csv", _misnamed(path, claimed, "csv"), certain=claimed is not None)


def claimed_compression(path: Path) -> str | None:
    """The compression that a name claims: `gz`, `zst`, `bz2`, `xz` or None."""
    return COMPRESSED.get(path.suffix.lower())


def not_what_it_says(path: Path, cause: str) -> UnreadableFile:
    """The problem of a file that holds something else than a table."""
    name = path.suffix or "without extension"
    return UnreadableFile(
        path,
        "not_what_it_says",
        f"the file is named {name} but {cause}",
        "Export it again as CSV, Excel, JSON or Parquet, with the extension that fits",
    )


def suffix_of(path: Path) -> str:
    """The extension in lower case, without that of a compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _claimed(path: Path) -> str | None:
    return _BY_SUFFIX.get(suffix_of(path))


def _holds_json(text: bytes, claimed: bool) -> bool:
    """Whether text is JSON: a name that says so is believed as soon as it begins so; otherwise the first object must be one, or a
    line."""
    if claimed:
        return text.lstrip()[:1] in (b"[", b"{") or any_object_line(text)
    if not _JSON.match(text):
        return False
    first = end_of(text, text.index(b"{"))
    well = may_follow(text, first.end) if first.end >= 0 else first.broken < 0
    return well or any_object_line(text)


def _misnamed(path: Path, claimed: str | None, found: str) -> tuple[str, ...]:
    if claimed in (None, found):
        return ()
    return (f"the file is named {path.suffix} but holds {_WORDS[found]}; it was read as that",)


def _by_magic(path: Path, head: bytes) -> str | None:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"Obj\x01"):
        return "avro"
    if head.startswith(ZIP_MAGICS):
        return "excel" if holds_workbook(path) else CONTAINER
    if head.startswith(_OLE2):
        _refuse_no_workbook(path)
        return "excel"
    if head.startswith(_OLD_WORKBOOKS):
        raise UnreadableFile(
            path,
            "unsupported",
            "it is a workbook of Excel 2, 3 or 4",
            "Open it in a spreadsheet program, save it as .xlsx or CSV, and send that",
        )
    if head.startswith(b"FEA1"):
        raise UnreadableFile(
            path,
            "unsupported",
            "it is a Feather file of version 1",
            "Write it as Feather version 2 (Arrow IPC) or as Parquet",
        )
    return "arrow" if head.startswith(b"ARROW1") or _ARROW_STREAM.match(head) else None


def _refuse_no_workbook(path: Path) -> None:
    """A compound file holds a workbook of before 2007, an encrypted one, or something else: its streams' names tell."""
    overlap, offset, found = 2 * _ENTRY, 0, False
    with open_stream(path, None) as stream:
        tail = b""
        while data := stream.read(1024 * 1024):
            data = tail + data
            if _ENCRYPTED in data:
                raise UnreadableFile(
                    path,
                    "encrypted",
                    "the workbook is protected by a password",
                    "Save it without a password and send it again",
                )
            found = found or any((offset + match.start()) % _ENTRY == 0 for match in _BOOK.finditer(data))
            tail = data[-overlap:]
            offset += len(data) - len(tail)
    if not found:
        raise not_what_it_says(path, "is no workbook: a compound file without one, such as a Word document")


def _refuse_foreign(path: Path, head: bytes) -> None:
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise not_what_it_says(path, f"is {what}")
    if head[257:262] == b"ustar":
        raise not_what_it_says(path, "is a tar archive")
    text = _plain(head[:4096])
    remedy = "Open it in a spreadsheet program, save it as .xlsx or CSV, and send that"
    if _PAGE.match(text):
        if b"<table" in _plain(head).lower() and _claimed(path) == "excel":
            cause = f"the file is named {path.suffix} but is a web page with a table in it"
            raise UnreadableFile(path, "unsupported", cause, remedy)
        raise not_what_it_says(path, "is a web page")
    if text.lstrip().startswith(b"<?xml"):
        if _SPREADSHEET_ML in _plain(head):
            raise UnreadableFile(path, "unsupported", "it is a workbook in XML, as of Excel 2003", remedy)
        raise not_what_it_says(path, "is an XML document")


def _plain(head: bytes) -> bytes:
    """The text near enough to look at: without byte order mark, and of UTF-16 and UTF-32 the ASCII part."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:64]:
        head = head.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").replace(b"\0", b"")
    return head.removeprefix(b"\xef\xbb\xbf")
