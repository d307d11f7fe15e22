"""JSON lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from pipeline.files import UnreadableFile, open_table
from pipeline_tests.files.reading import read, write


def test_objects_are_laid_out_flat_and_numbers_keep_their_text(tmp_path: Path) -> None:
    text = (
        '{"id": 1, "data": {"value": 1.50, "ok": true}, "tags": [1.0, "a", {"k": null}], "n": 1E5, "e": {}}\n'
    )
    found = read(write(tmp_path / "a.ndjson", text))
    assert found.table.columns == ("id", "data.value", "data.ok", "tags", "n", "e")
    assert found.values == [("1", "1.50", "true", '[1.0,"a",{"k":null}]', "1E5", "{}")]


def test_null_missing_and_empty_are_null(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.jsonl", '{"a": null, "b": ""}\n{}\n{"c": "x"}'))
    assert found.values == [(None, None, None), (None, None, None), (None, None, "x")]


@pytest.mark.parametrize("rows", [1, 1000])
def test_broken_lines_are_rejects_and_blank_ones_nothing(tmp_path: Path, rows: int) -> None:
    text = '{"a": 1}\n\n{"a": \r\n[1]\n{"a": NaN}\n{"a": "\\ud800"}\n{"a.b": 1, "a": {"b": 2}}\n{"a": 2}\n'
    found = read(write(tmp_path / "a.ndjson", text), chunk_rows=rows)
    assert [row[0] for row in found.values] == ["1", "2"]
    assert {row: (reject.check, reject.line) for row, reject in found.rejects.items()} == {
        row: ("bad_json", row + 1) for row in range(2, 7)
    }


def test_columns_of_later_lines_come_with_their_piece(tmp_path: Path) -> None:
    body = '{"a": 1}\n' * 50_000 + '{"a": 2, "late": 3}\n'
    table = open_table(write(tmp_path / "a.ndjson", body))
    assert table.columns == ("a",)
    assert list(table.chunks())[-1]["late"].to_list()[-1] == "3"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_and_names_as_for_csv(tmp_path: Path, codec: str) -> None:
    content = '{"name": "Zoë"}\n{"name": "Ærø"}\n'.encode(codec)
    assert read(write(tmp_path / "a.json", content)).values == [("Zoë",), ("Ærø",)]
    assert read(write(tmp_path / "a.ndjson.gz", gzip.compress(content))).values == [("Zoë",), ("Ærø",)]


def test_an_undecodable_line_is_a_reject(tmp_path: Path) -> None:
    content = '{"name": "Zoë €"}\n'.encode() + b'{"name": "Zo\xeb"}\n'
    found = read(write(tmp_path / "a.ndjson", content))
    assert (found.rejects[2].check, found.rejects[2].line) == ("undecodable", 2)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "empty"),
        ("[\n1,\n2]\n", "unsupported"),
        ('{"a": 1', "damaged"),
        ("[]", "empty"),
    ],
)
def test_what_holds_no_object_is_unreadable(tmp_path: Path, content: str, code: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        open_table(write(tmp_path / "a.json", content))
    assert caught.value.code == code


def test_the_real_file_loads_whole_and_keeps_its_text(shared_data: Path) -> None:
    path = shared_data / "wikiticker_ndjson" / "wikiticker-2015-09-12-sampled.json"
    lines = path.read_text("utf-8").splitlines()
    table = open_table(path)
    frame = pl.concat(list(table.chunks()), how="diagonal")
    assert (frame.height, table.dialect.format) == (39_244, "ndjson")
    assert frame["_row"].to_list() == list(range(1, 39_245))
    for row in (0, 12_345, 39_243):
        record = {name: value for name, value in json.loads(lines[row]).items() if value not in (None, "")}
        found = frame.row(row, named=True)
        assert {name: found[name] for name in record} == {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in record.items()
        }
