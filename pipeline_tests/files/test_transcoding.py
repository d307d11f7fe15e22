"""Undecodable bytes are found and named, and text is the same however it is read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.files.text import TextSource, Undecodable, to_utf8
from pipeline_tests.files.reading import read, write

_STREAMED = (
    "utf-16-le",
    "utf-32-be",
    "cp932",
    "gb18030",
    "cp950",
    "cp949",
    "euc-jp",
    "iso-2022-jp",
    "cp1251",
    "cp1253",
)


def _text(source: TextSource) -> bytes:
    with source.open() as stream:
        return to_utf8(stream.read(1 << 30), source.piece_encoding)


@pytest.mark.parametrize(
    ("encoding", "before", "bad", "value"),
    [
        ("utf-8", "Zoë,東京\n", b"\xe9", 0xE9),
        ("utf-8", "Zoë,東京\n", b"\xe6\x9d", 0xE6),
        ("cp932", "東京,表示\n", b"\x81", 0x81),
        ("gb18030", "北京,说明\n", b"\xff", 0xFF),
        ("cp950", "臺北,功能\n", b"\xff", 0xFF),
        ("cp949", "서울,가격\n", b"\xff", 0xFF),
        ("euc-jp", "東京,表示\n", b"\xff", 0xFF),
        ("iso-2022-jp", "東京,表示\n", b"\xff", 0xFF),
        ("cp1251", "Москва,цена\n", b"\x98", 0x98),
        ("cp1253", "Αθήνα,τιμή\n", b"\xd2", 0xD2),
        ("utf-16-le", "Zoë,東京\n", b"\x00\xd8", 0x00),
        ("utf-16-be", "Zoë,東京\n", b"\xdc\x00", 0xDC),
        ("utf-32-le", "Zoë,東京\n", b"\x00\x00\x11\x00", 0x00),
    ],
)
@pytest.mark.parametrize("lines", [0, 3, 700_000], ids=["start", "near", "far"])
def test_the_first_undecodable_byte_is_named(
    tmp_path: Path, encoding: str, before: str, bad: bytes, value: int, lines: int
) -> None:
    head = before.encode(encoding) * 2 + b"".join(
        [b"plain\n" if "utf-" not in encoding else "plain\n".encode(encoding)] * lines
    )
    tail = ",x\n".encode(encoding) + before.encode(encoding) + bad + "\nend\n".encode(encoding)
    path = write(tmp_path / "a.csv", head + bad + tail)
    source = TextSource(path, None, encoding)
    expected = Undecodable(lines + 3, len(head), value)
    assert source.first_bad() == expected
    data = _text(source)
    with source.open() as stream:
        assert stream.read(1 << 30) == data
        assert source.undecodable(stream, data, 0, 1) == expected
        assert source.undecodable(stream, data, -1, 1) == expected
    assert data.count(b"\n") == lines + 6
    bad_lines = [number for number, line in enumerate(data.split(b"\n")) if not _is_valid(line)]
    assert bad_lines == [lines + 2, lines + 4]
    assert str(expected) == f"byte 0x{value:02X} at offset {len(head):,} (line {lines + 3:,})"


def _is_valid(data: bytes) -> bool:
    return "\ufffd" not in data.decode("utf-8", "replace")


def test_what_is_before_the_data_counts(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfpre\nid,name\n1,Zo\xc3\xab\n2,caf\xe9\n"
    source = TextSource(write(tmp_path / "a.csv", content), None, "utf-8", 3)
    with source.open() as stream:
        skipped = stream.read(len(b"pre\nid,name\n"))
        found = source.undecodable(stream, stream.read(1000), len(skipped), 3)
    assert found == source.first_bad() == Undecodable(4, content.index(0xE9), 0xE9)


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "cp1251", "utf-16-le", "mac-roman"])
def test_a_good_file_has_no_undecodable_byte(tmp_path: Path, encoding: str) -> None:
    path = write(
        tmp_path / "a.csv", ("id,name\r\n1,я\r\n" if encoding != "mac-roman" else "1,é").encode(encoding)
    )
    source = TextSource(path, None, encoding)
    assert source.first_bad() is None
    with source.open() as stream:
        assert source.undecodable(stream, stream.read(100), 0, 1) is None


@pytest.mark.parametrize(
    ("encoding", "cut"),
    [("utf-16-le", 1), ("utf-32-le", 3), ("cp932", 1), ("gb18030", 1), ("utf-8", 2), ("euc-jp", 1)],
)
def test_a_character_cut_off_at_the_end_is_undecodable(tmp_path: Path, encoding: str, cut: int) -> None:
    content = "id\n1\n東京".encode(encoding)[:-cut]
    source = TextSource(write(tmp_path / "a.csv", content), None, encoding)
    found = source.first_bad()
    whole = "id\n1\n東".encode(encoding)
    assert found == Undecodable(3, len(whole), content[len(whole)])
    assert _text(source).startswith("id\n1\n東".encode())
    assert not _is_valid(_text(source))


@given(
    st.binary(max_size=300), st.sampled_from(_STREAMED), st.lists(st.integers(1, 40), min_size=1, max_size=9)
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_bytes_are_the_same_text_in_any_sizes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, encoding: str, sizes: list[int]
) -> None:
    path = write(tmp_path_factory.getbasetemp() / "sizes.csv", content * 40)
    source = TextSource(path, None, encoding)
    whole = _text(source)
    parts: list[bytes] = []
    with source.open() as stream:
        while part := stream.read(sizes[len(parts) % len(sizes)] * 97):
            parts.append(part)
        bad = source.undecodable(stream, whole, 0, 1)
    assert b"".join(parts) == whole
    assert bad == source.first_bad()
    assert (bad is None) == _is_valid(whole.replace("\ufffd".encode(), b"?"))


@pytest.mark.parametrize("encoding", _STREAMED)
def test_text_is_the_same_across_the_borders_of_reading(tmp_path: Path, encoding: str) -> None:
    dice = random.Random(9)
    word = {"cp1251": "Москва", "cp1253": "Αθήνα", "cp949": "서울", "cp950": "臺北"}.get(encoding, "東京ソ表")
    text = "".join(f"{number};{word * dice.randrange(4)};x\n" for number in range(30_000))
    source = TextSource(write(tmp_path / "a.csv", text.encode(encoding)), None, encoding)
    assert _text(source) == text.encode()
    parts, position = [], 0
    with source.open() as stream:
        while part := stream.read(dice.choice([1, 4095, 4096, 4097, 70_001])):
            parts.append(part)
            assert position <= stream.position <= source.path.stat().st_size
            position = stream.position
    assert b"".join(parts) == text.encode()
    assert position == source.path.stat().st_size


def test_an_undecodable_byte_never_becomes_part_of_a_character() -> None:
    every = bytes(range(256)) * 2 + bytes(range(255, -1, -1))
    for encoding in ("ascii", "iso8859-6", "iso8859-8", "cp1255", "cp874"):
        text = to_utf8(every, encoding).decode("utf-8", "surrogateescape")
        good = every.decode(encoding, "ignore")
        assert "".join(character for character in text if not "\udc80" <= character <= "\udcff") == good
        assert len(text) == len(every)


@pytest.mark.parametrize("chunk_rows", [500, 100_000])
def test_an_encoding_that_shows_late_begins_anew_where_it_shows(tmp_path: Path, chunk_rows: int) -> None:
    plain = "".join(f"{number},plain text\n" for number in range(1, 20_001))
    late = "".join(f"{number},表ソ能 日本語の長い文章です\n" for number in range(20_001, 20_301))
    path = write(tmp_path / "a.csv", ("number,text\n" + plain + late).encode("cp932"))
    found = read(path, chunk_rows=chunk_rows)
    assert not found.rejects and len(found.rows) == 20_300
    assert found.rows[20_001] == ("20001", "表ソ能 日本語の長い文章です")
    assert found.lines[20_300] == 20_301
    assert found.table.dialect.encoding == "cp932"


def test_the_first_undecodable_byte_is_named_in_the_notes(tmp_path: Path) -> None:
    good = "".join(f"{number},Zoë\n" for number in range(1, 5_001)).encode()
    path = write(tmp_path / "a.csv", b"number,text\n" + good + b"5001,\xff\n" + b"5002,fine\n")
    found = read(path)
    assert list(found.rejects) == [5_001]
    [note] = [note for note in found.table.dialect.notes if "undecodable" in note]
    assert "0xFF" in note and "line 5002" in note.replace(",", "")
