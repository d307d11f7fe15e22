"""Names: of columns as a header gives them, and of deliveries as paths give them.

What belongs here: making names usable without losing which is which. What does not: what a name stands for.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.files.table import ROW

_UNSAFE = re.compile("%(?=[0-9A-Fa-f]{2})|[\x00-\x1f\x7f-\x9f\ud800-\udfff]|\\.(?=\\.\\.)")

_UNFIT = re.compile(r"[^\w .,()+=@~!-]")
_LONGEST = 180
_NAME_BYTES, _PATH_BYTES = 255, 3_900
"""What a file system takes of a name, and of a path with room for what is added to it."""
_SUFFIX_BYTES = 80
_UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".opdownload", ".aria2")
_OF_SYSTEMS = {
    *(
        "thumbs.db",
        "ehthumbs.db",
        "ehthumbs_vista.db",
        "desktop.ini",
        "$recycle.bin",
        "system volume information",
    ),
    *("icon\r", "__macosx", "network trash folder", "temporary items"),
    *("@eadir", "#recycle", "lost+found"),
}
_UNSAFE_TO_PRINT = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""What moves the cursor, starts a command of the terminal or turns the direction of writing, and halves of surrogate pairs, which are
no UTF-8; beside the control characters of ASCII."""
_UNSHOWN = re.compile(f"[\x00-\x1f{_UNSAFE_TO_PRINT}]")
_UNPRINTED = re.compile(f"[\x00-\x08\x0b-\x1f{_UNSAFE_TO_PRINT}]")
_ESCAPED = re.compile("(?:%[0-9A-F]{2})+")


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name is none that somebody drops: hidden, not written to its end, locked or kept by a program
    beside the one that it edits (`~$a.xlsx`, `a.csv~`, `#a.csv#`), or put there by Windows, macOS or a network drive (`Thumbs.db`,
    `desktop.ini`)."""
    lowered = name.casefold()
    beside = lowered.startswith((".", "~$")) or lowered.endswith("~") or (lowered[:1] == lowered[-1:] == "#")
    return beside or lowered.endswith(_UNFINISHED) or lowered in _OF_SYSTEMS


def column_names(cells: Sequence[str | None]) -> tuple[str, ...]:
    """Column names of a header's cells: stripped; an empty third one is `column_3`; a repeated `a` is `a_2`;
    `_row` is ours."""
    names: list[str] = []
    taken, given, repeats = {ROW}, set(cells), dict[str, int]()
    for position, cell in enumerate(cells, start=1):
        name = (cell or "").replace("\ufeff", "").strip() or f"column_{position}"
        repeat = repeats.get(name, 1)
        unique = name if repeat == 1 else f"{name}_{repeat}"
        while unique in taken or (repeat > 1 and unique in given):
            repeat += 1
            unique = f"{name}_{repeat}"
        repeats[name] = repeat
        taken.add(unique)
        names.append(unique)
    return tuple(names)


def delivery_key(path: str) -> str:
    """A path below a dataset's inbox folder as a partition key: control characters, undecodable bytes and the first dots of
    `...` percent-escaped, and `%` before two hex digits, so that no two paths have one key."""
    return _UNSAFE.sub(_escaped, path)


def _escaped(match: re.Match[str]) -> str:
    # Halves of surrogate pairs stand for bytes of a name that are no UTF-8; other halves than those come from texts, not from names.
    text = match.group()
    how = "surrogateescape" if "\udc80" <= text <= "\udcff" else "surrogatepass"
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", how))


def unescape_key(key: str) -> str:
    """The path that `delivery_key` made `key` of."""
    return _ESCAPED.sub(
        lambda match: bytes.fromhex(match.group().replace("%", "")).decode("utf-8", "surrogateescape"), key
    )


def shown(path: Path | str) -> str:
    """A name, a path or a value in one line, as people and programs can read it: bytes that are no UTF-8, control characters and those
    that turn the direction of writing are percent-escaped, as in a delivery's key."""
    return _UNSHOWN.sub(_escaped, str(path))


def printable(text: str) -> str:
    """A text of one or more lines in which a file's names and values may stand, escaped as by `shown` but for its line ends and tabs:
    what a terminal and UTF-8 take."""
    return _UNPRINTED.sub(_escaped, text)


def spelled(value: str) -> str:
    """A value as a cell of a table shows it: the same characters, but for line ends and tabs, as programmers write them: `\\x1b`."""
    return _UNPRINTED.sub(_spelt, value)


def in_json(document: str) -> str:
    """JSON with the same meaning that a terminal takes, and UTF-8: of a path halves of surrogate pairs are percent-escaped."""
    return _UNPRINTED.sub(_in_json, document)


def _in_json(match: re.Match[str]) -> str:
    code = ord(match.group())
    return _escaped(match) if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def _spelt(match: re.Match[str]) -> str:
    code = ord(match.group())
    return "\\r" if code == 13 else f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def fitted(name: str, suffix: str = "", room: int = _NAME_BYTES) -> str:
    """`name` and `suffix` as one name that a file system takes: of one that is too long `name` is cut, and ends in `~` and a hash of
    it, so that no two share what is left."""
    whole = os.fsencode(name + suffix)
    if len(whole) <= room:
        return name + suffix
    if len(os.fsencode(suffix)) > _SUFFIX_BYTES:
        name, suffix = name + suffix, ""
    mark = f"~{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}{suffix}"
    kept = os.fsencode(name)[: room - len(os.fsencode(mark))]
    return kept.decode(errors="ignore") + mark


def place_below(folder: Path, relative: Path | str) -> Path:
    """Where a file lies below `folder` that lay at `relative` elsewhere: there too, unless that path is longer than a file system takes;
    then in one folder that stands for all of its folders."""
    place = folder / relative
    if len(os.fsencode(place)) <= _PATH_BYTES:
        return place
    above = os.fsencode(str(Path(relative).parent))
    return folder / f"~{hashlib.sha256(above).hexdigest()}" / place.name


def safe_name(part: str) -> str:
    """A text as the name of a file or folder that every file system takes: other characters are written as `%` and their UTF-8 bytes in
    hex, so that no two texts share a name; very long ones are cut and end in a hash."""
    text = _UNFIT.sub(
        lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode(errors="replace")), part
    )
    if text.startswith(".") or not text:
        text = f"%2E{text[1:]}"
    if len(text.encode()) <= _LONGEST:
        return text
    kept = text.encode()[: _LONGEST - 20].decode(errors="ignore")
    return f"{kept}~{hashlib.sha256(part.encode(errors='replace')).hexdigest()[:16]}"
