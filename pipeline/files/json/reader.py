"""JSON files as tables.

What belongs here: opening, columns, and parsing a block of elements. What does not: finding the shape (`shape`) and the borders
(`cut`) of what is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import takewhile
from pathlib import Path

import numpy as np
import polars as pl

from pipeline.files.json.cut import Block, Cutter
from pipeline.files.json.flat import (
    BAD,
    DUPLICATE,
    Flat,
    columns_of,
    keys_written,
    record,
    repeated_keys,
    typed_names,
)
from pipeline.files.json.shape import NeedsMore, ambiguous, find_shape, members
from pipeline.files.json.values import Shape, Values, lines
from pipeline.files.json.walk import SEPARATORS, Likeness, walk
from pipeline.files.problems import UnreadableFile, empty_file
from pipeline.files.streams import open_stream
from pipeline.files.table import ROW, Dialect, Parsed, Piece, ReadOptions, Reject, Repair, Table
from pipeline.files.text import TextSource, detect, to_text

RAW = 10_000
_SAMPLE = 256 * 1024
_LONGEST_SAMPLE = 64 * _SAMPLE
_SAMPLED_RECORDS = 2_000
_NAMED = 20


class JsonTable(Table):
    """A JSON file. `columns` are those of its beginning; a later record may bring more."""

    def __init__(self, path: Path, cutter: Cutter, columns: tuple[str, ...]) -> None:
        self.path, self.columns, self._cutter = path, columns, cutter
        source, shape = cutter.source, cutter.shape
        notes = (_said_of_wrapping(shape.key, shape.beside),) if shape.kind == "wrapped" else ()
        name = "ndjson" if shape.kind == "lines" else "json"
        self.dialect = Dialect(name, encoding=source.encoding, compression=source.compression, notes=notes)

    def pieces(self) -> Iterator[Piece]:
        """The counts come from brackets and quotes, not from a parser.

        Raises:
            OSError. UnreadableFile: `damaged`, `record_too_large`, `ambiguous` (a second array after the first).
        """
        for block in self._cutter:
            if self._cutter.source.encoding != self.dialect.encoding:
                self.dialect = replace(self.dialect, encoding=self._cutter.source.encoding)
            parse = partial(_parse, block, self.columns)
            yield Piece(block.first_row, len(block.starts), block.bytes_done, parse)
        self._look_at_the_end()

    def _look_at_the_end(self) -> None:
        shape, notes = self._cutter.shape, self.dialect.notes
        if not self._cutter.closed:
            notes += ("the array is not closed at the end of the file, which may be cut off",)
        if self._cutter.tail is not None:
            after = members(self._cutter.tail.lstrip(SEPARATORS), 0)
            if more := [member.key for member in after if member.array]:
                raise ambiguous(self.path, [shape.key, *more])
            if said := [member.key for member in after if member.key not in shape.beside]:
                wrapped = _said_of_wrapping(shape.key, (*shape.beside, *said))
                notes = (*(note for note in notes if not note.startswith("the records are")), wrapped)
        self.dialect = replace(self.dialect, notes=tuple(dict.fromkeys(notes)))


def open_json(path: Path, compression: str | None, options: ReadOptions) -> Table:
    """Open a JSON file of any shape; only its beginning is read, unless its encoding is in doubt.

    Raises:
        OSError. UnreadableFile: `empty`, `unsupported` (no objects), `ambiguous` (several arrays of objects), `damaged`,
            `not_what_it_says`.
    """
    size = _SAMPLE
    while True:
        source, sample, whole = _beginning(path, compression, size, options.read.encoding)
        if not sample.strip():
            raise empty_file(path)
        try:
            shape = find_shape(path, sample, whole, options)
            spans = _elements(path, shape, sample, whole, Likeness())
            if not spans and not whole:
                raise NeedsMore
            like = _likeness(spans)
            break
        except NeedsMore:
            if size >= _LONGEST_SAMPLE:
                raise _no_table(path, sample, whole) from None
            size *= 4
    records = _records(spans, source)
    if (
        0 < len(records) < len(spans)
    ):  # something is broken: now that records are known, it can be told from them
        spans = _elements(path, shape, sample, whole, like)
        records = _records(spans, source)
    if not records:
        raise _no_table(path, sample, whole)
    # The median: a broken element can swallow what follows it, and the mean would be far too large.
    size = sorted(map(len, spans))[len(spans) // 2] + 2
    cutter = Cutter(source, shape, like, size, options)
    return JsonTable(path, cutter, tuple(dict.fromkeys(name for names in records for name in names)))


def _beginning(
    path: Path, compression: str | None, size: int, given: str | None
) -> tuple[TextSource, bytes, bool]:
    with open_stream(path, compression) as stream:
        source = detect(path, compression, stream.read(size), given)
    with source.open() as stream:
        sample = stream.read(size)
        return source, sample, len(sample) < size or not stream.read(1)


def _records(spans: list[bytes], source: TextSource) -> list[list[str]]:
    """The columns of each that is a record; of one with two values for a column too, for it is one by its borders."""
    found = []
    for data in spans:
        try:
            found.append(columns_of(to_text(data, source.piece_encoding)))
        except UnicodeDecodeError:
            continue
    return [columns for columns in found if columns]


def _elements(path: Path, shape: Shape, sample: bytes, whole: bool, like: Likeness) -> list[bytes]:
    """The elements at the beginning, a few thousand at most."""
    text = sample[shape.skip :]
    if shape.kind == "lines":
        found = lines(text, whole or b"\n" not in text)
    else:
        found = Values(path, shape, like, 1.0).cut(text, whole)
    spans = [
        text[start:end]
        for starts, ends in zip(found.starts, found.ends, strict=True)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    return spans[:_SAMPLED_RECORDS]


def _likeness(spans: list[bytes]) -> Likeness:
    """What the well-formed of some elements have in common; after a broken one, what is cut is no sure thing any more."""
    walks = [(data, walk(data, 0)) for data in spans[:200]]
    sure = list(takewhile(lambda pair: pair[1].end >= 0, walks)) or walks
    good = [(data, found.keys) for data, found in sure if found.end >= 0 and found.keys]
    keys = [of_one for _, of_one in good]
    counts: dict[bytes, int] = {}
    for key in (key for of_one in keys for key in set(of_one)):
        counts[key] = counts.get(key, 0) + 1
    common = {key for key, count in counts.items() if count * 2 >= len(keys)}
    first = keys[0][0] if keys else b""
    begin = sum(of_one[0] == first for of_one in keys)
    anywhere = sum(len(re.findall(rb"\{\s*" + re.escape(first) + rb"\s*:", data)) for data, _ in good)
    alone = bool(first) and begin * 10 >= len(keys) * 9 and anywhere == begin
    return Likeness(frozenset(counts), frozenset(common), first if alone else b"")


def _no_table(path: Path, sample: bytes, whole: bool) -> UnreadableFile:
    """Why there is no record at the beginning of the text."""
    text = sample.lstrip()
    remedy = "Write one JSON object per line, or an array of objects"
    if text.startswith((b"[", b"{")):
        found = walk(text, 0)
        if found.end >= 0 and text.startswith(b"[") and not text[1 : found.end - 1].strip():
            return UnreadableFile(
                path, "empty", "the JSON array is empty", "Send it with at least one object"
            )
        if found.end < 0 and found.broken < 0 and whole:
            return UnreadableFile(
                path, "damaged", "the JSON text ends in the middle of the first object", "Send the file again"
            )
        return UnreadableFile(
            path, "unsupported", "its JSON text holds no record: no object can be read", remedy
        )
    return UnreadableFile(path, "not_what_it_says", "no line of it is a JSON object", remedy)


def _said_of_wrapping(key: str, beside: tuple[str, ...]) -> str:
    named = ", ".join(map(repr, beside[:_NAMED])) + (
        f" and {len(beside) - _NAMED} more" if beside[_NAMED:] else ""
    )
    others = f"; left out beside it: {named}" if beside else ""
    return f"the records are the array {key!r} of a JSON object{others}"


def _parse(block: Block, columns: tuple[str, ...]) -> Parsed:
    data = block.data
    rows: list[int] = []
    records: list[Flat] = []
    keys: list[int] = []
    bad: list[tuple[int, str, str]] = []
    for index, (start, end) in enumerate(zip(block.starts.tolist(), block.ends.tolist(), strict=True)):
        found, more = record(data[start:end], block.encoding, block.offset + start)
        if isinstance(found, dict):
            rows.append(block.first_row + index)
            records.append(found)
            keys.append(int(more))
        else:
            bad.append((index, found, str(more)))
    again: list[tuple[int, str]] = []
    if keys_written(data) != sum(keys):
        several, again = _repeated(block, rows, keys)
        bad = sorted([*bad, *several])
        gone = {block.first_row + index for index, _, _ in several}
        records = [one for row, one in zip(rows, records, strict=True) if row not in gone]
        rows = [row for row in rows if row not in gone]
    line_ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 10)
    lines = np.searchsorted(line_ends, block.starts) + block.first_line

    def lines_of(numbers: pl.Series) -> pl.Series:
        return pl.Series(numbers.name, lines[numbers.to_numpy() - block.first_row], dtype=pl.Int64)

    rejects = tuple(
        Reject(block.first_row + index, check, message, _raw(block, index), line=int(lines[index]))
        for index, check, message in bad
    )
    repairs = tuple(
        Repair(block.first_row + index, DUPLICATE, message, _raw(block, index), line=int(lines[index]))
        for index, message in again
    )
    return Parsed(_frame(records, rows, columns), rejects, repairs, lines_of, _Typed(block, rows))


def _repeated(
    block: Block, rows: list[int], keys: list[int]
) -> tuple[list[tuple[int, str, str]], list[tuple[int, str]]]:
    """Records with several values for one key of an object, as (index, check, message), and those in which a key only stands again with the
    same value, as (index, message): a decoder keeps the last without a word.

    Args:
        rows: of the records that were decoded.
        keys: how many keys each of them has then.
    """
    several: list[tuple[int, str, str]] = []
    again: list[tuple[int, str]] = []
    for row, known in zip(rows, keys, strict=True):
        index = row - block.first_row
        element = block.data[block.starts[index] : block.ends[index]]
        if keys_written(element) == known:
            continue
        differing, same = repeated_keys(element, block.encoding)
        if differing:
            several.append((index, BAD, f"two values for the key {differing[0]!r} of one object"))
        elif same:
            again.append((index, f"the key {same[0]!r} stands in one object again, with the same value"))
    return several, again


class _Typed:
    """`Parsed.typed`: the records are decoded once more when it is first asked for; strings and numbers are one in the frame."""

    def __init__(self, block: Block, rows: list[int]) -> None:
        self._block, self._rows = block, rows
        self._places: dict[str, list[int]] | None = None

    def __call__(self, column: str) -> pl.Series:
        if self._places is None:
            self._places = self._found()
        is_typed = np.zeros(len(self._rows), dtype=bool)
        is_typed[self._places.get(column, [])] = True
        return pl.Series(column, is_typed)

    def _found(self) -> dict[str, list[int]]:
        block, places = self._block, dict[str, list[int]]()
        for place, row in enumerate(self._rows):
            start, end = block.starts[row - block.first_row], block.ends[row - block.first_row]
            for name in typed_names(block.data[start:end], block.encoding):
                places.setdefault(name, []).append(place)
        return places


def _raw(block: Block, index: int) -> str:
    start, end = int(block.starts[index]), int(block.ends[index])
    return to_text(block.data[start : min(end, start + 4 * RAW)], block.encoding)[:RAW]


def _frame(records: list[Flat], rows: list[int], columns: tuple[str, ...]) -> pl.DataFrame:
    series = [
        pl.Series(name, [record.get(name) for record in records], pl.String)
        for name in _columns(records, columns)
    ]
    return pl.DataFrame([*series, pl.Series(ROW, np.array(rows, dtype=np.int64))])


def _columns(records: list[Flat], known: tuple[str, ...]) -> tuple[str, ...]:
    names = dict.fromkeys(known)
    previous: object = None
    for of_one in map(dict.keys, records):
        if of_one != previous:
            names |= dict.fromkeys(of_one)
            previous = of_one
    return tuple(names)
