"""Arrow files and streams."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pytest

from pipeline.files import UnreadableFile, open_table
from pipeline_tests.files.reading import read, write

_AT = datetime(2024, 1, 1)  # noqa: DTZ001
_FRAME = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "at": [_AT] * 3,
        "data": [{"x": 1, "y": {"z": "q"}}, None, {"x": 2, "y": None}],
        "tags": [[1, 2], None, []],
    }
)


def _batches(path: Path, frame: pl.DataFrame) -> None:
    table = frame.to_arrow()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        for start in range(0, table.num_rows, 2):
            writer.write_table(table.slice(start, 2))


_WRITERS: dict[str, Callable[[Path, pl.DataFrame], object]] = {
    "file": lambda path, frame: frame.write_ipc(path),
    "compressed": lambda path, frame: frame.write_ipc(path, compression="zstd"),
    "stream": lambda path, frame: frame.write_ipc_stream(path),
    "feather": lambda path, frame: pyarrow.feather.write_feather(frame.to_arrow(), str(path)),
    "batches": _batches,
}


@pytest.mark.parametrize("kind", list(_WRITERS))
@pytest.mark.parametrize("chunk_rows", [1, 2, 100])
def test_dtypes_are_native_and_nested_columns_flat(tmp_path: Path, kind: str, chunk_rows: int) -> None:
    for name in ("a.arrow", "a.csv"):
        _WRITERS[kind](tmp_path / name, _FRAME)
        found = read(tmp_path / name, chunk_rows=chunk_rows)
        assert found.table.dialect.format == "arrow"
        assert found.table.columns == ("id", "at", "data.x", "data.y.z", "tags")
        assert found.values == [
            (1, _AT, 1, "q", "[1,2]"),
            (2, _AT, None, None, None),
            (3, _AT, 2, None, "[]"),
        ]


def test_a_large_file_is_mapped_and_reads_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": range(200_000), "name": ["abc"] * 200_000})
    frame.write_ipc(tmp_path / "a.arrow")
    table = open_table(tmp_path / "a.arrow")
    assert pl.concat(list(table.chunks())).drop("_row").equals(frame)
    small = read(tmp_path / "a.arrow", memory_mb=1, chunk_rows=50_000)
    assert len(small.rows) == 200_000


@pytest.mark.parametrize("kind", list(_WRITERS))
def test_no_damage_brings_it_down(tmp_path: Path, kind: str) -> None:
    path, chance = tmp_path / "a.arrow", random.Random(7)
    _WRITERS[kind](path, pl.concat([_FRAME] * 50))
    whole = path.read_bytes()
    codes = set()
    for attempt in range(60):
        data = bytearray(whole)
        if attempt % 2:
            del data[chance.randrange(20, len(data)) :]
        else:
            for _ in range(4):
                data[chance.randrange(16, len(data))] = chance.randrange(256)
        try:
            list(open_table(write(path, bytes(data))).chunks())
        except UnreadableFile as problem:
            codes.add(problem.code)
    assert "damaged" in codes
    assert codes <= {"damaged", "unsupported", "header_only"}


def test_a_stream_without_its_end_says_so(tmp_path: Path) -> None:
    _FRAME.write_ipc_stream(tmp_path / "a.arrows")
    assert not open_table(tmp_path / "a.arrows").dialect.notes
    cut = write(tmp_path / "b.arrows", (tmp_path / "a.arrows").read_bytes()[:-8])
    assert len(read(cut).rows) == 3
    assert "cut off" in open_table(cut).dialect.notes[0]


def test_old_feather_is_refused_and_an_empty_file_has_no_records(tmp_path: Path) -> None:
    pyarrow.feather.write_feather(_FRAME.select("id").to_arrow(), str(tmp_path / "old.feather"), version=1)
    with pytest.raises(UnreadableFile, match="version 1") as caught:
        open_table(tmp_path / "old.feather")
    assert caught.value.code == "unsupported"
    _FRAME.select("id").clear().write_ipc(tmp_path / "a.arrow")
    _FRAME.select("id").clear().write_ipc_stream(tmp_path / "a.arrows")
    for name in ("a.arrow", "a.arrows"):
        assert open_table(tmp_path / name).columns == ("id",)
        assert not list(open_table(tmp_path / name).pieces())
    with pytest.raises(UnreadableFile) as caught:
        open_table(write(tmp_path / "b.arrow", "id,name\n1,a\n"))
    assert caught.value.code == "not_what_it_says"
