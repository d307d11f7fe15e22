"""Encodings of whole files: the verdict on all of it, the first undecodable byte, transcoding while reading."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipeline.files import UnreadableFile, open_table
from pipeline.files.text import Undecodable, decide, detect, read_sample, to_utf8
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


@pytest.mark.parametrize("kind", [None, "gz"])
def test_deciding_looks_at_the_whole_file(tmp_path: Path, kind: str | None) -> None:
    plain = b"".join(b"%d;plain\n" % number for number in range(200_000))
    japanese = "".join(f"{number};東京都の商品名と価格\n" for number in range(50)).encode("cp932")
    content = plain + japanese
    path = write(tmp_path / "a.csv", gzip.compress(content) if kind else content)
    assert decide(path, kind) == "cp932"


def test_a_mixed_file_is_utf8_if_that_explains_most(tmp_path: Path) -> None:
    lines = [
        f"{number};Zoë, café\n".encode("cp1252" if number % 5 == 0 else "utf-8") for number in range(1000)
    ]
    source, _, _ = read_sample(write(tmp_path / "a.csv", b"".join(lines)), None)
    assert source.encoding == "utf-8"
    assert source.first_bad() == Undecodable(1, 4, 0xEB)
    lines = [
        f"{number};Zoë, café\n".encode("utf-8" if number % 9 == 0 else "cp1252") for number in range(1000)
    ]
    source, _, _ = read_sample(write(tmp_path / "b.csv", b"".join(lines)), None)
    assert source.encoding == "cp1252"


@pytest.mark.parametrize(
    ("content", "encoding", "named", "text"),
    [
        ("id\nZoë\n".encode("cp1252"), "windows-1252", "cp1252", "id\nZoë\n"),
        ("id\nZoë\n".encode(), "latin1", "latin-1", "id\nZoÃ«\n"),
        ("id\nZoë\n".encode("utf-8-sig"), "utf-8", "utf-8", "id\nZoë\n"),
        ("id\nZoë\n".encode("utf-8-sig"), "utf-8-sig", "utf-8", "id\nZoë\n"),
        ("id\nZoë\n".encode(), "utf-8-sig", "utf-8", "id\nZoë\n"),
        ("id\nZoë\n".encode("utf-8-sig"), "cp1252", "cp1252", "id\nZoÃ«\n"),
        ("id\nZoë\n".encode("utf-16"), "utf-16", "utf-16-le", "id\nZoë\n"),
        ("\ufeffid\nZoë\n".encode("utf-16-be"), "utf-16", "utf-16-be", "id\nZoë\n"),
        ("id\nZoë\n".encode("utf-16-be"), "utf-16", "utf-16-be", "id\nZoë\n"),
        ("\ufeffid\nZoë\n".encode("utf-16-le"), "utf-16-le", "utf-16-le", "id\nZoë\n"),
        ("id\nZoë\n".encode("utf-32"), "utf-32", "utf-32-le", "id\nZoë\n"),
        ("id\n東京\n".encode("shift_jis"), "cp932", "cp932", "id\n東京\n"),
        ("id\n①髙\n".encode("cp932"), "Shift-JIS", "cp932", "id\n①髙\n"),
        ("id\n裏恒\n".encode("cp950"), "big5", "cp950", "id\n裏恒\n"),
        ("id\nZoë\n".encode("cp500"), "cp500", "cp500", "id\nZoë\n"),
    ],
)
def test_an_encoding_that_is_given_is_taken(
    tmp_path: Path, content: bytes, encoding: str, named: str, text: str
) -> None:
    source, sample, whole = read_sample(write(tmp_path / "a.csv", content), None, encoding)
    assert source.encoding == named
    assert whole
    assert to_utf8(sample, source.piece_encoding).decode() == text


def test_a_given_encoding_with_a_bad_byte_rejects_that_record_alone(tmp_path: Path) -> None:
    content = "id\nZoë\nJosé\nAñil\n".encode() + b"caf\xe9\n"
    source, _, _ = read_sample(write(tmp_path / "a.csv", content), None, "utf-8")
    assert source.first_bad() == Undecodable(5, content.index(0xE9), 0xE9)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp932", "utf-16"])
def test_a_given_encoding_that_cannot_be_is_refused(tmp_path: Path, encoding: str) -> None:
    bad = b"\x81,\x81,\x81," if encoding != "utf-16" else b"\xdc\xdc\xdd\xdd\xdc\xdc"
    start = "id\n1\n".encode(encoding if encoding != "utf-16" else "utf-16-le")
    path = write(tmp_path / "a.csv", start + bad)
    with pytest.raises(UnreadableFile, match=f"offset {len(start)} \\(line 3\\)") as caught:
        read_sample(path, None, encoding)
    assert caught.value.code == "undecodable"


def test_the_sample_decides_where_nothing_is_in_doubt(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"")
    sample = "".join(f"{number};Größe, Köln\n" for number in range(900)).encode("cp1252")
    assert detect(path, None, sample).encoding == "cp1252"


@pytest.mark.parametrize("encoding", ["idna", "punycode"])
def test_a_codec_that_is_not_for_files_is_refused(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "a.csv", b"id\n1\ncaf\xe9\n")
    with pytest.raises(UnreadableFile, match=f"{encoding} is no encoding of files") as caught:
        read_sample(path, None, encoding)
    assert caught.value.code == "undecodable"


@pytest.mark.parametrize("codec", ["cp932", "cp1251", "big5", "gb18030", "utf-32", "iso-2022-jp", "koi8-r"])
@pytest.mark.parametrize("rows", [50, 100_000])
def test_a_table_in_any_encoding_is_read_whole(tmp_path: Path, codec: str, rows: int) -> None:
    words = {"cp932": "東京ソ表", "iso-2022-jp": "東京", "big5": "台北功能", "gb18030": "北京说明"}.get(
        codec, "Москва цена"
    )
    values = [(str(number), words[: number % 5] or "plain") for number in range(3000)]
    text = "id;name\n" + "".join(f"{';'.join(value)}\n" for value in values)
    found = read(write(tmp_path / "a.csv", text.encode(codec)), chunk_rows=rows)
    assert found.values == values
