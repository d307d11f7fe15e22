"""Zip files as containers."""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.files import UnreadableFile, open_table
from pipeline.files.archive import extract, members
from pipeline_tests.files.reading import read, write
from pipeline_tests.files.test_excel import workbook

_CSV = "id,name\n1,a\n2,b\n"


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A zip with these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.xls", "a.csv"])
def test_a_zip_of_one_file_is_read_as_that_file(tmp_path: Path, name: str) -> None:
    clutter = {"__MACOSX/._data.csv": "x", "deep/.DS_Store": "x", "deep/": ""}
    path = zipped(tmp_path / name, {**clutter, "deep/data.csv": _CSV})
    found = read(path)
    assert found.values == [("1", "a"), ("2", "b")]
    assert found.table.path == path
    assert "its member 'deep/data.csv' was read" in found.table.dialect.notes[0]


@pytest.mark.parametrize(
    "clutter", ["Thumbs.db", "desktop.ini", "a.csv~", "~$a.xlsx", "@eaDir/a.csv", "deep/data.csv.partial"]
)
def test_what_the_inbox_leaves_alone_is_no_second_file_of_a_zip(tmp_path: Path, clutter: str) -> None:
    path = zipped(tmp_path / "a.zip", {clutter: "x", "data.csv": _CSV})
    assert read(path).values == [("1", "a"), ("2", "b")]


def test_the_member_is_kept_while_its_table_lives_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    table = open_table(zipped(tmp_path / "a.zip", {"data.csv": _CSV}))
    assert sum(frame.height for frame in table.chunks()) == 2
    assert list(temporary.rglob("data.csv"))
    del table
    assert not list(temporary.iterdir())


def test_a_workbook_in_a_zip_and_a_workbook_named_zip(tmp_path: Path) -> None:
    book = workbook(tmp_path / "b.zip", {"one": [["id"], [1]]})
    assert open_table(book).dialect.format == "excel"
    inside = zipped(tmp_path / "a.zip", {"book.xlsx": book.read_bytes()})
    assert read(inside).values == [("1",)]


def _encrypted(path: Path) -> Path:
    zipped(path, {"a.csv": _CSV})
    data = bytearray(path.read_bytes())
    for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + flags] |= 1
    return write(path, bytes(data))


def _linked(path: Path) -> Path:
    entry = zipfile.ZipInfo("a.csv")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    return path


def _twice(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning):
        archive.writestr("a.csv", "x")
        archive.writestr("a.csv", "y")
    return path


def _garbled(path: Path) -> Path:
    zipped(path, {"a.csv": _CSV * 100, "b.csv": _CSV * 100})
    data = bytearray(path.read_bytes())
    data[60:70] = bytes(10)
    return write(path, bytes(data))


def _overlapping(path: Path) -> Path:
    zipped(path, {"a.csv": "x" * 10})
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02") + 20
    struct.pack_into("<I", data, place, 1_000_000)
    return write(path, bytes(data))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: zipped(path, {}), "empty"),
        (lambda path: zipped(path, {".hidden": "x", "folder/": ""}), "empty"),
        (lambda path: zipped(path, {"a.csv": _CSV, "b.csv": _CSV}), "several_files"),
        (lambda path: zipped(path, {"../a.csv": _CSV}), "unsafe_archive"),
        (lambda path: zipped(path, {"/etc/a.csv": _CSV}), "unsafe_archive"),
        (lambda path: zipped(path, {"C:\\a.csv": _CSV}), "unsafe_archive"),
        (lambda path: zipped(path, {"..\\a.csv": _CSV}), "unsafe_archive"),
        (lambda path: zipped(path, {"a\n.csv": _CSV}), "unsafe_archive"),
        (lambda path: zipped(path, {"x" * 300: _CSV}), "unsafe_archive"),
        (lambda path: zipped(path, {"inner.zip": b"PK"}), "unsafe_archive"),
        (lambda path: zipped(path, {"a": _CSV, "a/b.csv": _CSV}), "unsafe_archive"),
        (lambda path: zipped(path, {"[Content_Types].xml": "", "word/document.xml": ""}), "not_what_it_says"),
        (lambda path: zipped(path, {"mimetype": "application/vnd.oasis.opendocument.text"}), "not_what_it_says"),
        (_encrypted, "encrypted"),
        (_linked, "unsafe_archive"),
        (_twice, "unsafe_archive"),
        (_garbled, "damaged"),
        (_overlapping, "too_large"),
        (lambda path: write(path, b"PK\x03\x04 and no more"), "damaged"),
    ],
    ids=[
        "empty", "clutter", "several", "up", "absolute", "drive", "backslash", "control", "long", "nested", "file_and_folder",
        "word", "writer", "encrypted", "link", "twice", "garbled", "overlapping", "cut_off",
    ],
)  # fmt: skip
def test_what_is_refused_says_why(tmp_path: Path, make: object, code: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = make(folder / "a.zip")  # type: ignore[operator]
    with pytest.raises(UnreadableFile) as caught:
        open_table(path)
    assert caught.value.code == code
    assert caught.value.cause and caught.value.remedy
    assert not list(tmp_path.glob("*.csv"))


def test_a_bomb_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.files.archive._HARMLESS", 1024 * 1024)
    path = zipped(tmp_path / "a.zip", {"a.csv": b"0" * 3 * 1024 * 1024})
    with pytest.raises(UnreadableFile, match="would become 3 MB") as caught:
        open_table(path)
    assert caught.value.code == "too_large"
    assert len(members(zipped(tmp_path / "b.zip", {"a.csv": b"0" * 1000 * 1000}))) == 1


def test_a_member_comes_out_as_it_went_in(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    path = zipped(tmp_path / "a.zip", {"deep\\ä b.bin": content})
    (member,) = members(path)
    assert (member.name, member.size) == ("deep/ä b.bin", len(content))
    extract(path, member, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content


def test_a_table_in_a_zip_names_the_zip_when_it_fails(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"data.csv": "%PDF-1.7"})
    with pytest.raises(UnreadableFile, match=r"a\.zip: in the zip file, 'data\.csv': .* PDF"):
        open_table(path)
