"""JSON lines as tables: one object per line.

What belongs here: decoding a line and laying nested objects out flat. What does not: JSON documents that are one value.

Numbers keep their source text. `{"data": {"value": 1}}` is the column `data.value`; an array is its JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
import polars as pl

from pipeline.files.delimited import scan
from pipeline.files.delimited.blocks import Block, Blocks
from pipeline.files.delimited.records import RAW, lines_at, start_lines
from pipeline.files.delimited.scan import Marks, Quotes
from pipeline.files.names import column_names
from pipeline.files.problems import UnreadableFile, empty_file
from pipeline.files.table import ROW, Dialect, Parsed, Piece, ReadOptions, Reject, Table
from pipeline.files.text import TextSource, read_sample, to_text, to_utf8

_MARKS = Marks(delimiter=0, quote=None)
_ODD_NAMES = {name: column_names([name])[0] for name in ("", ROW)}
Flat = dict[str, str | None]


class _Number(str):
    """The source text of a number, told from a string."""

    __slots__ = ()


_WORDS = {True: "true", False: "false"}


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


_PLAIN = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_constant)
_EXACT = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_constant)


class NdjsonTable(Table):
    """A file of JSON lines. `columns` are those of its beginning; a later line may bring more."""

    def __init__(
        self, path: Path, source: TextSource, columns: tuple[str, ...], record: float, options: ReadOptions
    ) -> None:
        self.path, self.columns = path, columns
        self._blocks = Blocks(source, _MARKS, options, 0, 0, record)
        self.dialect = Dialect("ndjson", encoding=source.encoding, compression=source.compression)

    def pieces(self) -> Iterator[Piece]:
        """Raises OSError, UnreadableFile `damaged`, `record_too_large`."""
        for block in self._blocks:
            if self._blocks.source.encoding != self.dialect.encoding:
                self.dialect = replace(self.dialect, encoding=self._blocks.source.encoding)
            yield Piece(
                block.first_row, block.records, block.bytes_done, partial(_parse, block, self.columns)
            )


def open_ndjson(path: Path, compression: str | None, options: ReadOptions) -> Table:
    """Open a file of JSON lines; only its beginning is read, unless its encoding is in doubt.

    Raises:
        OSError. UnreadableFile: `empty`, `unsupported` (one JSON value over many lines), `not_what_it_says`, `damaged`.
    """
    source, sample, whole = read_sample(path, compression)
    if not sample.strip():
        raise empty_file(path)
    if not whole and b"\n" in sample:
        sample = sample[: sample.rfind(b"\n") + 1]
    lines = [line for line in to_text(sample, source.piece_encoding).split("\n") if line.strip()]
    records = [flat for line in lines if isinstance(flat := _flat(line), dict)]
    if not records:
        raise _no_objects(path, lines[0].lstrip()[:1])
    return NdjsonTable(path, source, _columns(records, ()), len(sample) / len(lines), options)


def _no_objects(path: Path, start: str) -> UnreadableFile:
    remedy = "Write one JSON object per line"
    if start in "[{":
        return UnreadableFile(path, "unsupported", "it is one JSON value, not one object per line", remedy)
    return UnreadableFile(path, "not_what_it_says", "no line of it is a JSON object", remedy)


def _parse(block: Block, columns: tuple[str, ...]) -> Parsed:
    data = to_utf8(block.data, block.encoding)
    starts, ends = scan.record_spans(data, _MARKS, Quotes())
    lines = start_lines(data, _MARKS, starts, block.first_line)
    rows: list[int] = []
    records: list[Flat] = []
    rejects: list[Reject] = []
    for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        found = _record(data[start:end], block.offset + start)
        if isinstance(found, dict):
            rows.append(block.first_row + index)
            records.append(found)
        else:
            raw = to_text(data[start:end], "utf-8")[:RAW]
            rejects.append(Reject(block.first_row + index, *found, raw, line=int(lines[index])))
    return Parsed(_frame(records, rows, columns), tuple(rejects), lines=lines_at(lines, block.first_row))


def _frame(records: list[Flat], rows: list[int], columns: tuple[str, ...]) -> pl.DataFrame:
    series = [
        pl.Series(name, [record.get(name) for record in records], pl.String)
        for name in _columns(records, columns)
    ]
    return pl.DataFrame([*series, pl.Series(ROW, np.array(rows, dtype=np.int64))])


def _columns(records: list[Flat], known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *(name for record in records for name in record)]))


def _record(data: bytes, offset: int) -> Flat | tuple[str, str]:
    """The record, or (check, message)."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = data[error.start]
        return "undecodable", f"byte 0x{byte:02X} at offset {offset + error.start} is not valid UTF-8"
    found = _flat(text)
    return ("bad_json", found) if isinstance(found, str) else found


def _flat(text: str) -> Flat | str:
    """The object in `text` laid out flat, or why there is none."""
    try:
        value = (_EXACT if "[" in text else _PLAIN).decode(text)
        if not isinstance(value, dict):
            return "the line is not a JSON object"
        flat: Flat = {}
        _lay_out(value, "", flat)
        if "\\u" in text:
            "".join(cell or "" for pair in flat.items() for cell in pair).encode("utf-8")
    except json.JSONDecodeError as error:
        return f"not valid JSON: {error.msg} at character {error.colno}"
    except UnicodeEncodeError:
        return "not valid JSON text: half of a surrogate pair"
    except RecursionError:
        return "the object is nested too deeply"
    except ValueError as error:
        return f"not valid JSON: {error}"
    return flat


def _lay_out(value: dict[str, object], prefix: str, flat: Flat) -> None:
    for key, item in value.items():
        name = prefix + key if prefix else key
        if isinstance(item, dict) and item:
            _lay_out(item, name + ".", flat)
            continue
        if name in _ODD_NAMES:
            name = _ODD_NAMES[name]
        if name in flat:
            raise ValueError(f"two values for {name}")
        if item is None or type(item) is str:
            flat[name] = item or None
        else:
            flat[name] = _WORDS[item] if isinstance(item, bool) else _json(item)


def _json(value: object) -> str:
    """JSON text with the numbers as they were written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_json(key)}:{_json(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
