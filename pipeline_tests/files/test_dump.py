"""`python -m pipeline.files.dump`: what was understood of a file, as plain CSV and JSON."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pipeline.files import ReadOptions
from pipeline.files.dump import dump, main
from pipeline_tests.files.reading import write


def dumped(path: Path, **options: int) -> list[list[str]]:
    """The rows of the dump of `path`, as Python's csv module reads them."""
    out = path.parent / "table.out"
    dump(path, out, ReadOptions(**options))
    with out.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def test_a_table_is_written_with_its_header_and_values_as_they_were(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id;text\n1;"a;b"\n2;"say ""hi"""\n3;"two\nlines"\n4;\n')
    assert dumped(path) == [["id", "text"], ["1", "a;b"], ["2", 'say "hi"'], ["3", "two\nlines"], ["4", ""]]


def test_the_output_is_utf8_with_line_feeds_and_doubled_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'name;size\r\nGröße;5"\r\nWeg;6\r\n'.encode("cp1252"))
    dump(path, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == 'name,size\nGröße,"5"""\nWeg,6\n'.encode()


def test_rejects_stand_where_they_stood_in_the_file(tmp_path: Path) -> None:
    lines = [f"{n},x{n},y{n}" for n in range(1, 31)]
    lines[4], lines[11] = "5,x5,y5,more,and more", '12,"q",y12,z,"a,b"'
    path = write(tmp_path / "a.csv", "id,x,y\n" + "\n".join(lines) + "\n")
    for chunk_rows in (1, 5, 1000):
        rows = dumped(path, chunk_rows=chunk_rows)
        assert [row[0] for row in rows] == ["id", *map(str, range(1, 31))]
        assert rows[5] == ["5", "x5", "y5", "more", "and more"]
        assert rows[12] == ["12", "q", "y12", "z", "a,b"]


def test_values_beside_a_reject_are_quoted_where_they_must_be(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,x\n1,"a,b"\n2,b,c,d\n3,"""q"""\n4,"l\nm"\n5,\n6,plain\n')
    assert dumped(path) == [
        ["id", "x"],
        ["1", "a,b"],
        ["2", "b", "c", "d"],
        ["3", '"q"'],
        ["4", "l\nm"],
        ["5", ""],
        ["6", "plain"],
    ]


def test_names_that_were_made_up_are_not_written(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,,id\n1,2,3\n4,5,6\n")
    assert dumped(path)[0] == ["id", "", "id"]


def test_a_lone_column_keeps_its_empty_records(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'name\na\n""\nb\n')
    assert dumped(path) == [["name"], ["a"], [""], ["b"]]


def test_columns_that_come_late_stand_in_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", '{"a": 1}\n{"a": 2}\n{"a": 3, "b": "x"}\n')
    assert dumped(path, chunk_rows=1) == [["a", "b"], ["1", ""], ["2", ""], ["3", "x"]]


def test_a_reject_without_a_split_is_one_cell(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ndjson", '{"a": 1, "b": 2}\n{"a": 2, \n{"a": 3, "b": 4}\n')
    assert dumped(path) == [["a", "b"], ["1", "2"], ['{"a": 2, '], ["3", "4"]]


def test_native_types_become_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"n": [1, None], "x": [1.5, 2.0], "b": [b"\x00\xff", None], "l": [[1, 2], None]})
    frame.write_parquet(tmp_path / "a.parquet")
    assert dumped(tmp_path / "a.parquet") == [
        ["n", "x", "b", "l"],
        ["1", "1.5", "00ff", "[1,2]"],
        ["", "2.0", "", ""],
    ]


def test_json_tells_dialect_counts_and_repairs(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv.gz", gzip.compress(b"id;x\n1;a\n2;b;c;d\n3;c\n", mtime=0))
    assert main([str(path), "--out", str(tmp_path / "t.csv"), "--json", str(tmp_path / "t.json")]) == 0
    told = json.loads((tmp_path / "t.json").read_text())
    assert told["dialect"]["delimiter"] == ";" and told["dialect"]["compression"] == "gz"
    assert (told["columns"], told["records"], told["rejected"]) == (["id", "x"], 3, 1)
    assert told["rejects"] == {"too_many_fields": 1}
    assert told["problem"] is None
    assert told.keys() >= {"confidence", "repairs", "notes"}


@pytest.mark.parametrize("content", [b"", b"\n\n \n", b"%PDF-1.7 \x00\x01\x02"])
def test_a_file_without_a_table_gives_an_empty_one_and_3(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "a.csv", content)
    assert main([str(path), "--out", str(tmp_path / "t.csv"), "--json", str(tmp_path / "t.json")]) == 3
    assert (tmp_path / "t.csv").read_bytes() == b""
    assert "a.csv" in capsys.readouterr().err
    assert json.loads((tmp_path / "t.json").read_text())["problem"]["code"] in ("empty", "not_what_it_says")


def test_a_file_with_nothing_but_a_header_gives_the_header(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,"full name",amount\n')
    assert main([str(path), "--out", str(tmp_path / "t.csv")]) == 0
    assert (tmp_path / "t.csv").read_text() == "id,full name,amount\n"


def test_what_was_read_before_a_break_is_kept(tmp_path: Path) -> None:
    text = "id,x\n" + "".join(f"{n},{n * 7919 % 1000003}\n" for n in range(200_000))
    path = write(tmp_path / "a.csv.gz", gzip.compress(text.encode(), mtime=0)[:-300_000])
    done = dump(path, tmp_path / "t.csv")
    assert done.problem is not None and done.problem.code == "damaged"
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert 0 < done.records == len(lines) - 1
    assert lines == text.splitlines()[: len(lines)]


def test_a_file_that_is_not_there_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.csv"), "--out", str(tmp_path / "t.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err


def test_the_module_runs_as_a_command(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "id,x\n1,2\n")
    command = [sys.executable, "-m", "pipeline.files.dump", str(path), "--out", str(tmp_path / "t.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "t.csv").read_text() == "id,x\n1,2\n"
