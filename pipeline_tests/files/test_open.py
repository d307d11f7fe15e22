"""Formats are told apart by content first."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipeline.files import UnreadableFile, open_table
from pipeline_tests.files.reading import read, write
from pipeline_tests.files.test_excel import workbook

_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
_FRAME = pl.DataFrame({"id": [1, 2], "name": ["a", "b"]})
_WRITERS: dict[str, Callable[[Path], object]] = {
    "csv": lambda path: write(path, _FRAME.write_csv()),
    "json": lambda path: write(path, json.dumps(_FRAME.to_dicts(), indent=1)),
    "ndjson": lambda path: write(path, _FRAME.write_ndjson()),
    "excel": lambda path: workbook(path, {"one": [["id", "name"], [1, "a"], [2, "b"]]}),
    "parquet": _FRAME.write_parquet,
    "arrow": _FRAME.write_ipc,
    "avro": _FRAME.write_avro,
}
_NAMES = ["a.csv", "a.txt", "a.xls", "a.xlsx", "a.json", "a.dat", "no_extension", "a.csv.gz"]


@pytest.mark.parametrize("held", list(_WRITERS))
@pytest.mark.parametrize("name", _NAMES)
def test_content_wins_over_the_name(tmp_path: Path, held: str, name: str) -> None:
    _WRITERS[held](tmp_path / name)
    found = read(tmp_path / name)
    assert found.table.dialect.format == held
    assert [tuple(map(str, row)) for row in found.values] == [("1", "a"), ("2", "b")]


@pytest.mark.parametrize(
    ("held", "name", "said"),
    [
        ("csv", "a.xlsx", "named .xlsx but holds delimited text"),
        ("csv", "a.json", "named .json but holds delimited text"),
        ("csv", "a.csv.gz", "named .gz but is not compressed"),
        ("json", "a.csv", "named .csv but holds JSON"),
        ("excel", "a.csv", "named .csv but holds a workbook"),
        ("csv", "a.dat", ""),
        ("ndjson", "a.json", ""),
    ],
)
def test_a_name_that_does_not_fit_is_said(tmp_path: Path, held: str, name: str, said: str) -> None:
    _WRITERS[held](tmp_path / name)
    notes = " ".join(open_table(tmp_path / name).dialect.notes)
    assert said in notes if said else not notes


def test_compressed_text_needs_no_extension(tmp_path: Path) -> None:
    assert read(write(tmp_path / "d.csv", gzip.compress(b"id,b\n1,2\n"))).values == [("1", "2")]


def test_text_that_only_begins_like_json_is_text(tmp_path: Path) -> None:
    for text in (
        '{"a": 1};x\n{"b": 2};y\n',
        '{"a": 1} is text\nand this\n',
        "[a],[b]\n1,2\n",
        '{"a": tr"ue, 5\n1,2\n',
    ):
        assert open_table(write(tmp_path / "a.csv", text)).dialect.format == "csv"
    assert open_table(write(tmp_path / "a.csv", '{"a": 1, "b\n{"a": 2}\n')).dialect.format == "ndjson"


def test_an_old_workbook_is_known_by_its_streams(shared_data: Path, tmp_path: Path) -> None:
    books = sorted((shared_data / "readxl_deaths").glob("*.xls"))
    assert books
    for book in books:
        content = book.read_bytes()
        assert open_table(write(tmp_path / "a.csv", content)).dialect.format == "excel"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.parquet", b"id,name\n1,a\n", "not_what_it_says"),
        ("a.csv", b"%PDF-1.7 ...", "not_what_it_says"),
        ("a.xlsx", b"%PDF-1.7 ...", "not_what_it_says"),
        ("a.csv", b"\x89PNG\r\n\x1a\n", "not_what_it_says"),
        ("a.csv", b"<html><body>Not found</body></html>", "not_what_it_says"),
        ("a.xls", b"\xef\xbb\xbf\r\n<table><tr><td>1</td></tr></table>", "unsupported"),
        ("a.xls", "<html><table>".encode("utf-16"), "unsupported"),
        ("a.csv", b"<?xml version='1.0'?><a/>", "not_what_it_says"),
        (
            "a.xls",
            b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
            "unsupported",
        ),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n", "not_what_it_says"),
        ("a.tar", b"\0" * 257 + b"ustar\x0000" + b"\0" * 300, "not_what_it_says"),
        ("a.xlsx", b"PK\x03\x04 and then nothing", "damaged"),
        ("a.parquet", b"PAR1 and then nothing", "damaged"),
        ("a.xls", _OLE2, "not_what_it_says"),
        ("a.xlsx", _OLE2 + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        ("a.csv", b"FEA1" + b"\0" * 100, "unsupported"),
        ("a.xlsx", b"", "empty"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "empty"),
        ("a.parquet.gz", gzip.compress(b"PAR1 and more", mtime=0), "unsupported"),
        ("a.csv", b"\xef\xbb\xbf", "empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value[:12]),
)
def test_what_cannot_be_read_says_why_and_what_to_do(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        open_table(write(tmp_path / name, content))
    assert caught.value.code == code
    assert caught.value.cause
    assert caught.value.remedy
