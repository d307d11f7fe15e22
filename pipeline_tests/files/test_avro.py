"""Avro."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
import polars as pl
import pytest

from pipeline.files import UnreadableFile, open_table
from pipeline_tests.files.reading import read, write

_INNER = {
    "type": "record",
    "name": "Inner",
    "fields": [
        {"name": "x", "type": "int"},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "next", "type": ["null", "Inner"]},
    ],
}
_SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Outer",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"]},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {
            "name": "price",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2},
        },
        {"name": "number", "type": ["null", "long", "double"]},
        {"name": "either", "type": ["null", "long", "string"]},
        {"name": "counts", "type": {"type": "map", "values": "int"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        {"name": "key", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "data", "type": ["null", _INNER]},
        {"name": "again", "type": ["null", "Inner"]},
    ],
}
_AT, _DAY = datetime(2024, 1, 1, tzinfo=UTC), date(2024, 1, 2)


def _record(number: int) -> dict[str, Any]:
    inner = {"x": number, "tags": ["a"], "next": {"x": 1, "tags": [], "next": None}}
    return {
        "id": number,
        "name": None if number % 2 else "é",
        "at": _AT,
        "day": _DAY,
        "price": Decimal("1.50"),
        "number": 1.5 if number % 2 else 2,
        "either": "x" if number % 2 else 5,
        "counts": {"k": 1},
        "kind": "B",
        "key": UUID(int=number),
        "data": None if number % 2 else inner,
        "again": None,
    }


def _write(path: Path, records: int, codec: str = "null", **options: Any) -> Path:
    with path.open("wb") as file:
        fastavro.writer(
            file, _SCHEMA, map(_record, range(records)), codec, sync_marker=b"0123456789abcdef", **options
        )
    return path


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_dtypes_are_native_and_nested_fields_flat(tmp_path: Path, codec: str, chunk_rows: int) -> None:
    path = _write(tmp_path / "a.csv", 3, codec, sync_interval=1)
    found = read(path, chunk_rows=chunk_rows)
    key = "00000000-0000-0000-0000-00000000000"
    rest = ('{"k":1}', "B")
    nothing = (None, None, None)
    price = Decimal("1.50")
    assert found.table.columns[-6:] == (
        "data.x", "data.tags", "data.next", "again.x", "again.tags", "again.next"
    )  # fmt: skip
    inner = ('["a"]', '{"x":1,"tags":[],"next":null}')
    assert found.values == [
        (0, "é", _AT, _DAY, price, "2", "5", *rest, key + "0", 0, *inner, *nothing),
        (1, None, _AT, _DAY, price, "1.5", "x", *rest, key + "1", *nothing, *nothing),
        (2, "é", _AT, _DAY, price, "2", "5", *rest, key + "2", 2, *inner, *nothing),
    ]
    schema = next(found.table.chunks()).schema
    assert (schema["id"], schema["at"]) == (pl.Int64, pl.Datetime("us", "UTC"))
    assert schema["price"] == pl.Decimal(10, 2)


@pytest.mark.parametrize("compression", ["uncompressed", "snappy", "deflate"])
def test_files_of_another_writer(tmp_path: Path, compression: Any) -> None:
    frame = pl.DataFrame({"id": range(5000), "name": ["a", None] * 2500, "x": [0.5] * 5000})
    frame.write_avro(tmp_path / "a.avro", compression=compression)
    table = open_table(tmp_path / "a.avro")
    assert pl.concat(list(table.chunks())).drop("_row").equals(frame)


@pytest.mark.parametrize("codec", ["null", "deflate"])
def test_no_damage_brings_it_down(tmp_path: Path, codec: str) -> None:
    whole = _write(tmp_path / "whole.avro", 200, codec).read_bytes()
    chance, codes = random.Random(7), set()
    for attempt in range(100):
        data = bytearray(whole)
        if attempt % 2:
            del data[chance.randrange(4, len(data)) :]
        else:
            for _ in range(4):
                data[chance.randrange(4, len(data))] = chance.randrange(256)
        try:
            list(open_table(write(tmp_path / "a.avro", bytes(data))).chunks())
        except UnreadableFile as problem:
            codes.add(problem.code)
    assert "damaged" in codes
    assert codes <= {"damaged", "unsupported", "header_only"}


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    assert not list(open_table(_write(tmp_path / "empty.avro", 0)).pieces())
    with (tmp_path / "numbers.avro").open("wb") as file:
        fastavro.writer(file, "long", [1, 2])
    with pytest.raises(UnreadableFile, match="not records") as caught:
        open_table(tmp_path / "numbers.avro")
    assert caught.value.code == "unsupported"
    with pytest.raises(UnreadableFile) as caught:
        open_table(write(tmp_path / "text.avro", "id,name\n1,a\n"))
    assert caught.value.code == "not_what_it_says"
