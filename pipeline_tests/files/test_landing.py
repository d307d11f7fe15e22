"""The inbox."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.files import hash_file, scan_inbox, settle, unchanged
from pipeline.files.names import delivery_key
from pipeline_tests.files.reading import write


def put(inbox: Path, below: str, content: str = "x") -> Path:
    path = inbox / below
    path.parent.mkdir(parents=True, exist_ok=True)
    return write(path, content)


def test_files_wait_in_the_order_of_their_names(tmp_path: Path) -> None:
    for below in ("orders/b.csv", "orders/a.csv", "events/2024/x 'y\" é.csv", "lost.csv"):
        put(tmp_path, below)
    scan = scan_inbox(tmp_path, 0)
    assert [(file.dataset, file.delivery) for file in scan.waiting] == [
        ("", "lost.csv"),
        ("events", "2024/x 'y\" é.csv"),
        ("orders", "a.csv"),
        ("orders", "b.csv"),
    ]
    assert scan.waiting[1].path.read_text() == "x"
    assert scan.waiting[1].size == 1


def test_hidden_and_unfinished_files_are_passed_over(tmp_path: Path) -> None:
    for name in (".a.csv", "~$a.xlsx", "a.tmp", "a.csv.PART", "a.crdownload", ".git/a.csv"):
        put(tmp_path, f"orders/{name}")
    scan = scan_inbox(tmp_path, 0)
    assert not scan.waiting and not scan.unsettled and not scan.refused


LEFT_ALONE = [
    *(
        "Thumbs.db",
        "thumbs.DB",
        "ehthumbs.db",
        "desktop.ini",
        "Desktop.ini",
        ".DS_Store",
        "._a.csv",
        "Icon\r",
    ),
    *("~$a.xlsx", ".~lock.a.ods#", "a.csv~", "#a.csv#", ".a.csv.swp", ".nfs0001"),
    *(
        "a.csv.tmp",
        "a.part",
        "a.csv.partial",
        "a.csv.filepart",
        "a.CRDOWNLOAD",
        "a.opdownload",
        "a.csv.aria2",
    ),
    *(
        "__MACOSX/a.csv",
        "@eaDir/a.csv",
        "#recycle/a.csv",
        "$RECYCLE.BIN/a.csv",
        "System Volume Information/a.csv",
    ),
]


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_nobody_dropped_is_left_alone(tmp_path: Path, name: str) -> None:
    for folder in ("", "orders/", "orders/deep/"):
        put(tmp_path, folder + name)
    scan = scan_inbox(tmp_path, 0)
    assert not scan.waiting and not scan.unsettled and not scan.refused


@pytest.mark.parametrize(
    "name", ["thumbs.csv", "desktop.ini.csv", "a~b.csv", "#a.csv", "parts", "partial.csv", "icon.png", "tmp"]
)
def test_a_name_that_only_resembles_those_is_a_file(tmp_path: Path, name: str) -> None:
    put(tmp_path, f"orders/{name}")
    assert [file.path.name for file in scan_inbox(tmp_path, 0).waiting] == [name]


def test_a_file_is_taken_once_it_has_stood_still(tmp_path: Path) -> None:
    path = put(tmp_path, "orders/a.csv")
    os.utime(path, (1, 1))
    assert [file.path for file in scan_inbox(tmp_path, 60).unsettled] == [path]
    assert [file.path for file in scan_inbox(tmp_path, 60, now=time.time() + 61).waiting] == [path]


def test_times_in_the_future_do_not_block_for_ever(tmp_path: Path) -> None:
    path = put(tmp_path, "orders/a.csv")
    os.utime(path, (time.time() + 1e6, time.time() + 1e6))
    assert scan_inbox(tmp_path, 60, now=time.time() + 61).waiting


def test_links_and_what_is_no_file_are_refused(tmp_path: Path) -> None:
    outside = write(tmp_path / "secret.csv", "x")
    inbox = tmp_path / "inbox"
    put(inbox, "orders/a.csv")
    (inbox / "orders/out.csv").symlink_to(outside)
    (inbox / "orders/folder").symlink_to(tmp_path)
    (inbox / "orders/again.csv").symlink_to(inbox / "orders/a.csv")
    os.mkfifo(inbox / "orders/pipe.csv")
    scan = scan_inbox(inbox, 0)
    assert [file.delivery for file in scan.waiting] == ["a.csv"]
    reasons = {refused.path.name: refused.reason for refused in scan.refused}
    assert set(reasons) == {"out.csv", "folder", "again.csv", "pipe.csv"}
    assert "out of the inbox" in reasons["out.csv"]
    assert "regular" in reasons["pipe.csv"]


def test_a_landing_changes_with_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, "orders/a.csv")
    waiting = scan_inbox(tmp_path, 0).waiting[0]
    assert unchanged(waiting)
    time.sleep(0.02)
    write(path, "y")
    assert not unchanged(waiting)
    path.unlink()
    assert not unchanged(waiting)


def test_settling_waits_for_fresh_files(tmp_path: Path) -> None:
    put(tmp_path, "orders/a.csv")
    started = time.monotonic()
    scan = settle(tmp_path, 0.2)
    assert scan.waiting and not scan.unsettled
    assert time.monotonic() - started < 0.6


def test_a_missing_inbox_is_empty(tmp_path: Path) -> None:
    assert not scan_inbox(tmp_path / "none", 0).waiting


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a...b", "a%2E..b"),
        ("a....b", "a%2E%2E..b"),
        ("100%.csv", "100%.csv"),
        ("a%20b", "a%2520b"),
        ("a\nb", "a%0Ab"),
        ("\udce9", "%E9"),
    ],
)
def test_delivery_keys_are_escaped(path: str, key: str) -> None:
    assert delivery_key(path) == key


@given(st.text(st.sampled_from(".%2E50a\n"), max_size=8), st.text(st.sampled_from(".%2E50a\n"), max_size=8))
def test_no_two_paths_have_one_key(one: str, other: str) -> None:
    assert (delivery_key(one) == delivery_key(other)) == (one == other)
    assert "..." not in delivery_key(one)


def test_hashing_gives_sha256(tmp_path: Path) -> None:
    assert hash_file(write(tmp_path / "a", "")).startswith("e3b0c44298fc1c14")
