"""What a killed process left half made goes; what somebody works on, and what is not ours, stays."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.files import scan_inbox
from pipeline.files.filing import file_away
from pipeline.files.leftovers import half_made, scratch_prefix, sweep, sweep_below
from pipeline.files.sealing import new_keys, recipients_of, seal

HOST = socket.gethostname()


@pytest.fixture(scope="module")
def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def _make(path: Path, age: float = 0) -> Path:
    path.mkdir() if path.name.startswith("windrow-") else path.write_text("half")
    if path.is_dir():
        (path / "inside").write_text("half")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


DAY = 90_000
GOES = {
    "of a process that is gone": (f".{HOST}~{{gone}}~0123456789abcdef0123456789abcdef.tmp", 0),
    "a folder of one that is gone": (f"windrow-{HOST}~{{gone}}~k3j_a9x1", 0),
    "a hidden folder of one": (f".windrow-{HOST}~{{gone}}~k3j_a9x1", 0),
    "of another machine, a day ago": (".elsewhere~1~0123456789abcdef0123456789abcdef.tmp", DAY),
    "of an earlier version, a day ago": (".0123456789abcdef0123456789abcdef.tmp", DAY),
    "a report of a process that is gone": (".{gone}-140676430297984.part", DAY),
    "where one spilled that only read": (f"windrow-{HOST}~{{gone}}~spilled", DAY),
}
STAYS = {
    "of this process": (f".{HOST}~{os.getpid()}~0123456789abcdef0123456789abcdef.tmp", DAY),
    "a folder of this process": (f"windrow-{HOST}~{os.getpid()}~k3j_a9x1", DAY),
    "of another machine, just now": (".elsewhere~1~0123456789abcdef0123456789abcdef.tmp", 0),
    "of an earlier version, just now": (".0123456789abcdef0123456789abcdef.tmp", 0),
    "a report of this process": (f".{os.getpid()}-140676430297984.part", DAY),
    "a file of somebody": ("orders~12~old.tmp", DAY),
    "a hidden file of somebody": (".notes.tmp", DAY),
    "a folder of somebody": ("windrow-my-notes", DAY),
    "one of eight letters": ("windrow-invoices", DAY),
    "one that ends with a day": ("windrow-20261130", DAY),
    "one that ends with a number": ("windrow-99999999", DAY),
    "one that has check in it": ("windrow-check-archived", DAY),
    "a hidden file of another program": (".99999999", DAY),
}


@pytest.mark.parametrize("what", GOES)
def test_what_nobody_works_on_any_more_goes(tmp_path: Path, gone: int, what: str) -> None:
    name, age = GOES[what]
    left = _make(tmp_path / name.format(gone=gone), age)
    sweep(tmp_path)
    assert not left.exists()


@pytest.mark.parametrize("what", STAYS)
def test_all_else_stays(tmp_path: Path, what: str) -> None:
    name, age = STAYS[what]
    other = _make(tmp_path / name, age)
    sweep(tmp_path)
    assert other.exists()


def test_folders_below_are_looked_into_where_that_is_asked_for(tmp_path: Path, gone: int) -> None:
    deep = tmp_path / "archive" / "2026" / "12"
    deep.mkdir(parents=True)
    left = _make(deep / f".{HOST}~{gone}~00.tmp")
    sweep(tmp_path)
    assert left.exists()
    sweep_below(tmp_path)
    assert not left.exists()
    sweep(tmp_path / "not there")
    sweep(_make(tmp_path / "a file"))


@pytest.mark.parametrize("name", ["windrow-20261130", "windrow-invoices", "windrow-99999999/a"])
def test_originals_keep_whatever_name_they_came_with(tmp_path: Path, name: str) -> None:
    """What the inbox takes lies in the archive and the quarantine under the same name."""
    dropped, kept = tmp_path / "inbox" / "orders" / name, tmp_path / "archive" / name
    for path in (dropped, kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("number\n1\n")
    assert [file.delivery for file in scan_inbox(tmp_path / "inbox", 0).waiting] == [name]
    for path in (kept, kept.parent):
        os.utime(path, (time.time() - DAY, time.time() - DAY))
    sweep_below(tmp_path / "archive")
    assert kept.read_text() == "number\n1\n"


def test_whoever_begins_in_a_place_takes_away_what_was_left_there(tmp_path: Path, gone: int) -> None:
    """An archived file that was being sealed when its process was killed is sealed again, into the same folder."""
    key = tmp_path / "key"
    public = new_keys(key)
    folder = tmp_path / "archive"
    folder.mkdir()
    left = _make(folder / f".{HOST}~{gone}~00.tmp")
    (tmp_path / "a.csv").write_text("number\n1\n")
    seal(tmp_path / "a.csv", folder / "a.csv.age", recipients_of(public))
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv.age"]
    assert not left.exists()
    file_away(tmp_path / "a.csv", folder / "a.csv")
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "a.csv.age"]


def test_names_tell_who_works_there(tmp_path: Path) -> None:
    one, other = half_made(tmp_path), half_made(tmp_path)
    assert one.parent == tmp_path and one.name != other.name
    assert all(f"{HOST}~{os.getpid()}~" in name for name in (one.name, other.name, scratch_prefix(tmp_path)))
