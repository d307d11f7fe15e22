"""Encodings."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.files import UnreadableFile, open_table
from pipeline_tests.files.reading import read, write

_TEXT = "id,name\n1,Zoë\n2,Ærø\n3,€uro\n4,naïve\n"
_VALUES = [("1", "Zoë"), ("2", "Ærø"), ("3", "€uro"), ("4", "naïve")]


@pytest.mark.parametrize(
    ("codec", "named"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("rows", [1, 1000])
def test_the_encoding_is_found(tmp_path: Path, codec: str, named: str, rows: int) -> None:
    found = read(write(tmp_path / "a.csv", _TEXT.encode(codec)), chunk_rows=rows)
    assert found.values == _VALUES
    assert found.table.columns == ("id", "name")
    assert found.table.dialect.encoding == named


def test_bytes_that_cp1252_lacks_mean_latin_1(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.csv", b"id,name\n1,\xe9\xe8\x81\xe0\n"))
    assert found.values == [("1", "éè\x81à")]
    assert found.table.dialect.encoding == "latin-1"


def test_cp1252_that_shows_far_behind_the_sample_is_found(tmp_path: Path) -> None:
    body = b"".join(b"%d,plain\n" % i for i in range(60_000)) + b"60000,caf\xe9\n60001,na\xefve\n"
    found = read(write(tmp_path / "a.csv", b"id,name\n" + body), chunk_rows=10_000)
    assert found.table.dialect.encoding == "cp1252"
    assert not found.rejects
    assert found.values[-2:] == [("60000", "café"), ("60001", "naïve")]


@pytest.mark.parametrize("where", [2, 50_000])
@pytest.mark.parametrize("rows", [1000, 1_000_000])
def test_a_broken_byte_in_utf8_rejects_its_record_alone(tmp_path: Path, where: int, rows: int) -> None:
    lines = [f"{i},Zoë" for i in range(1, 60_001)]
    encoded = [line.encode() for line in lines]
    encoded[where - 1] = b"%d,Zo\xeb" % where
    content = b"id,name\n" + b"\n".join(encoded)
    found = read(write(tmp_path / "a.csv", content), chunk_rows=rows)
    reject = found.rejects[where]
    assert list(found.rejects) == [where]
    assert (reject.check, reject.line, reject.raw) == ("undecodable", where + 1, f"{where},Zo\\xeb")
    assert f"0xEB at offset {content.index(b'Zo' + bytes([0xEB])) + 2}" in reject.message
    assert found.values[-1] == ("60000", "Zoë")


def test_binary_data_named_csv_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as caught:
        open_table(write(tmp_path / "a.csv", bytes(range(256)) * 40))
    assert caught.value.code == "not_what_it_says"
