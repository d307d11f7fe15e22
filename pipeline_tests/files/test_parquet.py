"""Parquet."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from pipeline.files import UnreadableFile, open_table
from pipeline_tests.files.reading import read, write


@pytest.mark.parametrize("chunk_rows", [1, 2, 100])
def test_dtypes_are_native_and_nested_columns_flat(tmp_path: Path, chunk_rows: int) -> None:
    frame = pl.DataFrame(
        {
            "id": [1, 2, 3],
            "at": [datetime(2024, 1, 1)] * 3,  # noqa: DTZ001
            "data": [{"x": 1, "y": {"z": "q"}}, None, {"x": 2, "y": None}],
            "tags": [[1, 2], None, []],
        }
    )
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=2)
    found = read(tmp_path / "a.parquet", chunk_rows=chunk_rows)
    assert found.table.columns == ("id", "at", "data.x", "data.y.z", "tags")
    at = datetime(2024, 1, 1)  # noqa: DTZ001
    assert found.values == [(1, at, 1, "q", "[1,2]"), (2, at, None, None, None), (3, at, 2, None, "[]")]
    assert next(found.table.chunks()).schema["at"] == pl.Datetime("us")


def test_damaged_files_are_unreadable_and_empty_ones_have_no_records(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"id": list(range(1000))}).write_parquet(path)
    whole = path.read_bytes()
    for content in (whole[:-20], whole[:10] + b"\xff" * 200 + whole[210:]):
        with pytest.raises(UnreadableFile) as caught:
            list(open_table(write(path, content)).chunks())
        assert caught.value.code == "damaged"
    pl.DataFrame({"id": []}, schema={"id": pl.Int64}).write_parquet(path)
    assert open_table(path).columns == ("id",)
    assert not list(open_table(path).pieces())
