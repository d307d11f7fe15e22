"""Formats are told apart by content first."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import polars as pl
import pytest

from pipeline.files import UnreadableFile, open_table
from pipeline_tests.files.reading import read, write
from pipeline_tests.files.test_excel import workbook

_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


def test_content_wins_over_the_name(tmp_path: Path) -> None:
    book = workbook(tmp_path / "a.csv", {"one": [["id"], [1]]})
    assert open_table(book).dialect.format == "excel"
    pl.DataFrame({"id": [1]}).write_parquet(tmp_path / "b.csv")
    assert open_table(tmp_path / "b.csv").dialect.format == "parquet"
    assert open_table(write(tmp_path / "c.csv", '{"id": 1}\n')).dialect.format == "ndjson"
    assert read(write(tmp_path / "d.csv", gzip.compress(b"id\n1\n"))).values == [("1",)]
    assert open_table(write(tmp_path / "no_extension", "id,b\n1,2\n")).dialect.format == "csv"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.xlsx", b"id,name\n1,a\n", "not_what_it_says"),
        ("a.parquet", b"id,name\n1,a\n", "not_what_it_says"),
        ("a.csv", b"%PDF-1.7 ...", "not_what_it_says"),
        ("a.csv", b"<html><body>Not found</body></html>", "not_what_it_says"),
        ("a.csv.gz", b"id,name\n1,a\n", "not_what_it_says"),
        ("a.xlsx", b"PK\x03\x04 and then nothing", "damaged"),
        ("a.parquet", b"PAR1 and then nothing", "damaged"),
        ("a.xls", _OLE2, "unsupported"),
        ("a.xlsx", _OLE2 + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        ("a.xlsx", b"", "empty"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "empty"),
        ("a.csv", b"\xef\xbb\xbf", "empty"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_do(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        open_table(write(tmp_path / name, content))
    assert caught.value.code == code
    assert caught.value.cause
    assert caught.value.remedy


def test_a_zip_without_a_workbook_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(UnreadableFile, match="without a workbook"):
        open_table(tmp_path / "a.xlsx")
