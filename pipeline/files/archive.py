"""Zip files as containers: which members are tables to be read, and taking them out.

What belongs here: safe names, limits against zip bombs, writing a member to a file. What does not: workbooks, which are zips too
(`workbook`), reading a zip of one member (`member`), and unpacking into the inbox (`intake.unpack`).
"""

from __future__ import annotations

import errno
import posixpath
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.files.names import is_clutter
from pipeline.files.problems import UnreadableFile

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
MEMBER_FOLDER = ".d"
_MB = 1024 * 1024
_BLOCK = _MB
_MOST_MEMBERS = 100_000
_HARMLESS, _RATIO = 256 * _MB, 200
_LONGEST_NAME, _LONGEST_PATH = 200, 1000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile("[A-Za-z]:")
_OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    IndexError,
    OverflowError,
    RuntimeError,  # a member with a password; the library's own limits
)
_SPREADSHEET_TYPE = re.compile(rb"spreadsheetml\.(?:sheet|template)\.main\+xml|ms-excel\.[\w.]+\.main\+xml")
_BODY = re.compile(rb"<office:body\b[^>]*>\s*<office:(\w+)")


@dataclass(frozen=True)
class Member:
    """A file in a zip that is to be read.

    Attributes:
        name: its path in the zip, with `/`; safe to be used below a folder.
        size: its bytes, as the zip says.
        info: its entry.
    """

    name: str
    size: int
    info: zipfile.ZipInfo


def holds_workbook(path: Path) -> bool:
    """Whether a zip is a workbook, whatever its parts' names: in capitals, with `\\`, from a root. Raises OSError, UnreadableFile
    `damaged`, `not_what_it_says` (another office document)."""
    with _damage_said(path), zipfile.ZipFile(path) as archive:
        names = {_folded(entry.filename): entry for entry in archive.infolist()}
        if any(name.startswith("xl/") for name in names):
            return True
        document = _beginning(archive, names.get("mimetype"), len(_OPEN_DOCUMENT))
        types = _beginning(archive, names.get("[content_types].xml"), _MB)
        if document == _OPEN_DOCUMENT or _SPREADSHEET_TYPE.search(types):
            return True
        content = names.get("content.xml") if not document else None
        if content is not None and {"meta-inf/manifest.xml", "styles.xml", "meta.xml"} & names.keys():
            return _holds_sheets(archive, content)
    if document.startswith(b"application/") or "[content_types].xml" in names:
        raise UnreadableFile(
            path,
            "not_what_it_says",
            "the file is an office document without a workbook in it",
            "Export its table as a workbook or as CSV",
        )
    return False


def _folded(name: str) -> str:
    return posixpath.normpath("/" + name.replace("\\", "/")).lstrip("/").casefold()


def _beginning(archive: zipfile.ZipFile, entry: zipfile.ZipInfo | None, size: int) -> bytes:
    if entry is None:
        return b""
    with archive.open(entry) as file:
        return file.read(size)


def _holds_sheets(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Whether an OpenDocument file that does not say what it is holds a spreadsheet: its body says so, behind the styles."""
    tail = b""
    with archive.open(entry) as file:
        while data := file.read(_BLOCK):
            if found := _BODY.search(tail + data):
                return found.group(1) == b"spreadsheet"
            tail = data[-100:]
    return False


def members(path: Path) -> list[Member]:
    """The files in a zip, in its order; folders, hidden files and the like are passed over.

    Raises:
        OSError. UnreadableFile: `damaged`, `encrypted`, `empty`, `unsafe_archive` (a name or link that leads elsewhere, a zip in
            the zip, two members of one name), `too_large` (it would grow out of proportion).
    """
    with _damage_said(path), zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    _refuse_bomb(path, entries)
    found = []
    for entry in entries:
        name = entry.filename.replace("\\", "/")
        if name and not _passed_over(name):
            _refuse_unsafe(path, entry, name)
            found.append(Member(str(PurePosixPath(name)), entry.file_size, entry))
    if not found:
        raise UnreadableFile(path, "empty", "the zip file holds no file to be read", "Send it with its files")
    _refuse_clashes(path, [member.name for member in found])
    return found


def extract(path: Path, member: Member, target: Path) -> None:
    """Write one member to `target`, which must not exist.

    Raises:
        OSError. UnreadableFile: `damaged`, `unsupported` (compressed in a way that is not known).
    """
    with (
        _damage_said(path),
        zipfile.ZipFile(path) as archive,
        archive.open(member.info) as source,
        target.open("xb") as sink,
    ):
        while data := source.read(_BLOCK):
            sink.write(data)


def _passed_over(name: str) -> bool:
    """Folders, and what the inbox passes over too."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return name.endswith("/") or any(map(is_clutter, parts))


def _refuse_unsafe(path: Path, entry: zipfile.ZipInfo, name: str) -> None:
    parts = name.split("/")
    mode = entry.external_attr >> 16
    if entry.flag_bits & 1:
        raise UnreadableFile(
            path,
            "encrypted",
            f"the zip file is protected by a password ({name!r})",
            "Zip it without a password",
        )
    cause = None
    if name.startswith("/") or ".." in parts or _DRIVE.match(name):
        cause = "leads out of its folder"
    elif _CONTROL.search(name) or "" in parts or "." in parts:
        cause = "has a name that no file should have"
    elif len(name.encode()) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_NAME for part in parts):
        cause = "has too long a name"
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        cause = "is a link or a device, not a file"
    elif name.lower().endswith(".zip"):
        cause = "is a zip file itself"
    if cause:
        raise UnreadableFile(
            path,
            "unsafe_archive",
            f"{name!r} in the zip file {cause}",
            "Zip plain files, in plain folders, and send that",
        )


def _refuse_bomb(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    size = path.stat().st_size
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > _MOST_MEMBERS:
        cause = f"it holds {len(entries):,} files, more than {_MOST_MEMBERS:,}"
    elif unpacked > _HARMLESS and unpacked > _RATIO * size:
        cause = f"its {size / _MB:,.1f} MB would become {unpacked / _MB:,.0f} MB"
    elif sum(entry.compress_size for entry in entries) > size:
        cause = "its members overlap"
    else:
        return
    raise UnreadableFile(
        path, "too_large", f"the zip file is not unpacked: {cause}", "Send the files themselves"
    )


def _refuse_clashes(path: Path, names: list[str]) -> None:
    taken = set(names)
    clash = next((name for name in names if _parents(name) & taken), None)
    if len(taken) < len(names) or clash:
        name = clash or next(name for name in names if names.count(name) > 1)
        raise UnreadableFile(
            path,
            "unsafe_archive",
            f"two members of the zip file want the name {name!r}",
            "Give each its own name",
        )


def _parents(name: str) -> set[str]:
    return {str(parent) for parent in PurePosixPath(name).parents}


@contextmanager
def _damage_said(path: Path) -> Iterator[None]:
    """Whatever the library fails with on a garbled zip becomes UnreadableFile `damaged`; a place before the file's beginning, to
    which it then goes, is an OSError of its own, as is a garbled member in bzip2."""
    try:
        yield
    except NotImplementedError as error:
        raise UnreadableFile(
            path, "unsupported", f"the zip file cannot be unpacked ({error})", "Zip it in the ordinary way"
        ) from error
    except _BROKEN as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> UnreadableFile:
    said = str(error) or type(error).__name__
    return UnreadableFile(
        path,
        "damaged",
        f"the zip file is cut off or garbled ({said})",
        "Send the file again; it was probably cut off on its way",
    )
