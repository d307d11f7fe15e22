"""Which shape a JSON file has, from the beginning of its text.

What belongs here: lines, array, objects or an object that wraps an array, and the evidence for it. What does not: cutting.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.contract.headers import normalise
from pipeline.files.json.flat import columns_of
from pipeline.files.json.scan import end_of
from pipeline.files.json.values import Shape
from pipeline.files.json.walk import skip_blank, walk
from pipeline.files.problems import UnreadableFile
from pipeline.files.table import ReadOptions

_LINE_NAMES = (".ndjson", ".jsonl")
_MOST_MEMBERS = 10_000
_ARRAY, _OBJECT = 0x5B, 0x7B


class NeedsMore(Exception):
    """The beginning that was given does not show the shape."""


@dataclass(frozen=True)
class Member:
    """A key of an object and its value.

    Attributes:
        key: its name.
        array: whether the value is an array whose first element is an object.
        inside: first byte of that element.
    """

    key: str
    array: bool = False
    inside: int = 0


def find_shape(path: Path, sample: bytes, whole: bool, options: ReadOptions) -> Shape:
    """The shape of the JSON text that begins with `sample`.

    Args:
        whole: whether that is all of it.

    Raises:
        NeedsMore: a longer beginning would tell. UnreadableFile: `ambiguous`: several arrays could be the table.
    """
    first = skip_blank(sample, 0)
    mark = sample[first] if first < len(sample) else 0
    if mark == _ARRAY:
        line = sample[first:].split(b"\n", 1)[0].strip()
        if _is_json(line) and any_object_line(sample):
            return Shape("lines")
        return _shape("array", sample, skip_blank(sample, first + 1))
    if mark != _OBJECT:
        return Shape("lines")
    document = end_of(sample, first)
    if document.end < 0 and document.broken >= 0:
        return Shape("lines" if _mostly_lines(sample) else "objects")
    following = len(sample) if document.end < 0 else skip_blank(sample, document.end)
    if following < len(sample):
        one_line = b"\n" not in sample[first : document.end] and b"\n" in sample[document.end : following]
        return Shape("lines" if one_line else "objects")
    if document.end >= 0 and not whole:
        raise NeedsMore
    return _of_document(path, sample, first, document.end, whole, options)


def any_object_line(sample: bytes) -> bool:
    """Whether a line of the text is a JSON object."""
    return any(line.lstrip().startswith(b"{") and _is_json(line) for line in sample.split(b"\n"))


def _mostly_lines(sample: bytes) -> bool:
    """Whether lines are objects more often than not; judged by how they begin, since some are broken."""
    beginnings = [line.lstrip()[:1] for line in sample.split(b"\n") if line.strip()]
    return 2 * beginnings.count(b"{") > len(beginnings) and any_object_line(sample)


def members(text: bytes, start: int) -> list[Member]:
    """The keys of the object whose first key is at or after `start`, as far as the text goes; ten thousand at most."""
    found: list[Member] = []
    position = skip_blank(text, start)
    while len(found) < _MOST_MEMBERS and position < len(text) and text[position] == 0x22:
        key = walk(text, position)
        value = skip_blank(text, key.end) + 1 if key.end >= 0 else len(text)
        if value >= len(text) or text[value - 1] != 0x3A:
            break
        value = skip_blank(text, value)
        inside = skip_blank(text, value + 1)
        array = text[value : value + 1] == b"[" and text[inside : inside + 1] == b"{"
        found.append(Member(_key(text[position : key.end]), array, inside))
        end = end_of(text, value).end
        comma = skip_blank(text, end) if end >= 0 else len(text)
        if text[comma : comma + 1] != b",":
            break
        position = skip_blank(text, comma + 1)
    return found


def _of_document(path: Path, sample: bytes, first: int, end: int, whole: bool, options: ReadOptions) -> Shape:
    """A single object that ends at `end`, or (-1) the beginning of one that goes on beyond the sample."""
    keys = members(sample, first + 1)
    arrays = [member for member in keys if member.array]
    if not arrays:
        if not whole:
            raise NeedsMore
        return Shape("objects")
    fits = [
        _fit(_names(sample, member.inside, walk(sample, member.inside).end), options) for member in arrays
    ]
    itself = _fit(_names(sample, first, end), options)
    names = {suffix.lower() for suffix in path.suffixes}
    if itself > max(fits) or (itself == max(fits) and names.intersection(_LINE_NAMES)):
        return Shape("objects")
    chosen = [member for member, fit in zip(arrays, fits, strict=True) if fit == max(fits)]
    if len(chosen) > 1:
        raise ambiguous(path, [member.key for member in chosen])
    found = _shape("wrapped", sample, chosen[0].inside)
    beside = tuple(member.key for member in keys if member is not chosen[0])
    return Shape("wrapped", found.skip, found.skip_lines, chosen[0].key, beside)


def ambiguous(path: Path, keys: Sequence[str]) -> UnreadableFile:
    """The problem of an object with several arrays, each of which could be the table."""
    return UnreadableFile(
        path,
        "ambiguous",
        f"the JSON object holds several arrays of objects: {', '.join(map(repr, keys))}",
        "Send each array as a file of its own",
    )


def _shape(kind: str, sample: bytes, skip: int) -> Shape:
    return Shape(kind, skip, sample.count(b"\n", 0, skip))


def _fit(names: Iterable[str], options: ReadOptions) -> int:
    """How many columns that the contract knows are among the names."""
    known = {normalise(name) for name in options.expected}
    return len(known.intersection(map(normalise, names)))


def _names(sample: bytes, start: int, end: int) -> list[str]:
    """The columns of the object from `start` to `end`; of one that is cut off or broken its own keys, as far as they go."""
    columns = columns_of(sample[start:end].decode("utf-8", "replace")) if end >= 0 else []
    return columns or [member.key for member in members(sample, start + 1)]


def _key(quoted: bytes) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return quoted[1:-1].decode("utf-8", "replace")


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
