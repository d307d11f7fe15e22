"""The parts of an office package, under whatever names a program gave them.

What belongs here: names of parts, and which part refers to which. What does not: what is in a part (`archive`, `biff12`).

Names of parts are compared without case, `\\` is `/`, and targets of relations may be relative to their part or absolute.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.parsers import expat

from pipeline.files.workbook.guard import refuse_bombs

# What a garbled package, or a garbled part of it, makes whoever reads it fail with.
GARBLED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    LookupError,
    ValueError,
    EOFError,
    RuntimeError,  # a part with a password, or compressed in an unknown way
    ElementTree.ParseError,
    expat.ExpatError,
)
_MAINS = ("xl/workbook.xml", "xl/workbook.bin", "workbook.xml", "workbook.bin")


@dataclass(frozen=True)
class Relation:
    """What a part refers to: the last word of its type (`worksheet`), the target as it is written, and the part that it means."""

    kind: str
    target: str
    part: str


class Package:
    """A package, open for reading.

    Attributes:
        zip: the archive.
        main: the workbook's part, empty if there is none.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError, one of GARBLED, UnreadableFile `too_large`."""
        self.zip = zipfile.ZipFile(path)
        refuse_bombs(path, self.zip)
        for entry in self.zip.infolist():
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"its part {entry.filename!r} is compressed as no workbook's is")
        self._entries = {folded(entry.filename): entry for entry in reversed(self.zip.infolist())}
        named = [one.part for one in self.relations("").values() if one.kind == "officeDocument"]
        self.main = next((part for part in (*named, *_MAINS) if part in self), "")

    def __contains__(self, part: str) -> bool:
        return folded(part) in self._entries

    def entry(self, part: str) -> zipfile.ZipInfo:
        """Raises KeyError: there is no such part."""
        return self._entries[folded(part)]

    def open(self, part: str) -> IO[bytes]:
        """Raises KeyError (there is no such part), others of GARBLED."""
        return self.zip.open(self.entry(part))

    def relations(self, part: str) -> dict[str, Relation]:
        """The relations of a part, or of the package (an empty name), by their ids. Raises one of GARBLED."""
        folder, name = posixpath.split(part)
        source = posixpath.join(folder, "_rels", f"{name}.rels")
        if source not in self:
            return {}
        with self.open(source) as file:
            root = ElementTree.fromstring(file.read())
        return {
            one.get("Id", ""): Relation(
                one.get("Type", "").rpartition("/")[2],
                one.get("Target", ""),
                self._meant(folder, one.get("Target", "")),
            )
            for one in root
        }

    def related(self, part: str, kind: str) -> str:
        """The first part of a kind that a part refers to; empty if there is none."""
        found = (one.part for one in self.relations(part).values() if one.kind == kind)
        return next((name for name in found if name in self), "")

    def is_usual(self, relation: Relation) -> bool:
        """Whether the part is found where the library looks for it: in the folder `xl`, by the letters of the target."""
        bare = relation.target.removeprefix("/")
        place = bare if bare.startswith("xl/") else f"xl/{relation.target}"
        return self.entry(relation.part).filename == place

    def _meant(self, folder: str, target: str) -> str:
        """The part that a target means. Some programs write paths from the root without the stroke that says so."""
        target = target.replace("\\", "/")
        tries = [posixpath.join("/", folder, some) for some in (target, unquote(target))] + ["/" + target]
        parts = [posixpath.normpath(some).lstrip("/") for some in tries]
        return next((some for some in parts if some in self), parts[0])


def folded(name: str) -> str:
    """A name of a part as it is compared."""
    return posixpath.normpath("/" + name.replace("\\", "/")).lstrip("/").casefold()
