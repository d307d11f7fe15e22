"""Staged folders are disposable: whatever is left of one, its file is staged anew, and no run ends with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipeline.ingest import Staged, discard, stage, sweep
from pipeline.ingest.manifest import MANIFEST
from pipeline.ingest.staging import whole
from pipeline.ingest.waiting import waiting
from pipeline.intake import Intake, open_intake, prepare, take_inbox, wait_and_scan
from pipeline.settings import Settings

HEADER = "order_id,customer_email,amount,ordered_at,status,department,customer_name"
ORDERS = (
    f"{HEADER}\n1,a@example.com,1.50,2024-03-01 10:00:00,pending,toys,Ann\n"
    "2,b@example.com,oops,2024-03-01 10:00:00,pending,toys,Bob\n"
)


@pytest.fixture
def intake(settings: Settings) -> Intake:
    made = open_intake(settings)
    made.make_folders()
    return made


def left_staged(intake: Intake, text: str = ORDERS) -> Staged:
    """A file in the inbox that a killed run has staged, and not committed."""
    (intake.settings.inbox / "orders" / "a.csv").write_text(text)
    [prepared] = prepare(intake, wait_and_scan(intake).waiting)
    assert prepared.staged is not None
    return prepared.staged


def taken(intake: Intake) -> tuple[str, int, int]:
    [outcome] = take_inbox(intake)
    assert not list(intake.settings.quarantine.rglob("*.*"))
    assert [path.name for path in intake.settings.staging.glob("[!.]*")] == []
    return outcome.entry.status, outcome.entry.rows_clean, outcome.entry.rows_rejected


def no_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


def empty_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"")


def zero_manifest(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_bytes(b"\0" * path.stat().st_size)


def cut_manifest(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes()[:100])


def other_manifest(folder: Path) -> None:
    (folder / MANIFEST).write_text('{"dataset": "orders"}')


def folder_for_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    (folder / MANIFEST).mkdir()


def before_the_start(folder: Path) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"boot": "of yesterday"}))


def no_rows(folder: Path) -> None:
    next(folder.glob("clean-*")).unlink()


def no_errors(folder: Path) -> None:
    next(folder.glob("errors-*")).unlink()


def empty_rows(folder: Path) -> None:
    next(folder.glob("clean-*")).write_bytes(b"")


def cut_rows(folder: Path) -> None:
    path = next(folder.glob("clean-*"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero_rows(folder: Path) -> None:
    path = next(folder.glob("errors-*"))
    content = path.read_bytes()
    path.write_bytes(b"PAR1" + b"\0" * 200 + content[204:])


def fewer_rows(folder: Path) -> None:
    path = next(folder.glob("clean-*"))
    pl.read_parquet(path).clear().write_parquet(path)


def only_a_note(folder: Path) -> None:
    for path in folder.iterdir():
        if not path.name.startswith("delivery-"):
            path.unlink()


def spoilt_note(folder: Path) -> None:
    next(folder.glob("delivery-*")).write_bytes(b"\0" * 40)


SPOILT = [
    no_manifest, empty_manifest, zero_manifest, cut_manifest, other_manifest, folder_for_manifest, before_the_start, no_rows, no_errors,
    empty_rows, cut_rows, zero_rows, fewer_rows, only_a_note,
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT)
def test_what_is_spoilt_is_staged_anew(intake: Intake, spoil: Callable[[Path], None]) -> None:
    folder = left_staged(intake).folder
    spoil(folder)
    assert whole(folder) is None
    waiting(intake.settings.staging, intake.datasets["orders"], {})  # a live query passes it over
    assert taken(intake) == ("partial", 1, 1)


def test_a_note_that_is_spoilt_is_written_anew(intake: Intake) -> None:
    spoilt_note(left_staged(intake).folder)
    assert waiting(intake.settings.staging, intake.datasets["orders"], {}) == []
    assert taken(intake) == ("partial", 1, 1)


@pytest.mark.parametrize("spoil", SPOILT[:7])
def test_a_half_removed_folder_of_another_file_is_nobodys_matter(
    intake: Intake, spoil: Callable[[Path], None]
) -> None:
    folder = left_staged(intake).folder
    (intake.settings.inbox / "orders" / "a.csv").rename(intake.settings.inbox / "orders" / "b.csv")
    (intake.settings.inbox / "orders" / "b.csv").write_text(ORDERS.replace("Ann", "Zoë"))
    spoil(folder)
    [outcome] = take_inbox(intake)
    assert (outcome.delivery, outcome.entry.status) == ("b.csv", "partial")


def test_a_file_in_the_place_of_a_folder_is_taken_away(intake: Intake) -> None:
    folder = left_staged(intake).folder
    discard(folder)
    folder.write_text("no folder")
    assert taken(intake) == ("partial", 1, 1)


def test_a_folder_that_is_whole_is_used_again(intake: Intake) -> None:
    folder = left_staged(intake).folder
    before = (folder / MANIFEST).stat().st_mtime_ns
    again = stage(intake.settings.inbox / "orders" / "a.csv", intake.datasets["orders"], intake.settings)
    assert (again.folder, (folder / MANIFEST).stat().st_mtime_ns) == (folder, before)
    assert taken(intake) == ("partial", 1, 1)


REMOVES = """
import os, sys
from pathlib import Path
from pipeline.ingest import discard
left = int(sys.argv[2])
def killed(event, arguments):
    global left
    if event in ("os.remove", "os.rmdir"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
sys.addaudithook(killed)
discard(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("removed", [0, 1, 3])
def test_killed_while_a_folder_is_removed_the_next_run_goes_on(intake: Intake, removed: int) -> None:
    folder = left_staged(intake).folder
    done = subprocess.run([sys.executable, "-c", REMOVES, str(folder), str(removed)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not folder.exists() and len(list(intake.settings.staging.glob("*.part"))) == 1
    assert taken(intake) == ("partial", 1, 1)


def test_sweeping_leaves_what_is_whole_and_what_is_being_made(intake: Intake) -> None:
    folder = left_staged(intake).folder
    mine = intake.settings.staging / f"{os.uname().nodename}~{os.getpid()}~1.part"
    mine.mkdir()
    (intake.settings.staging / "half").mkdir()
    sweep(intake.settings.staging)
    assert sorted(intake.settings.staging.glob("[!.]*")) == sorted([folder, mine])


@pytest.mark.parametrize("left", ["folder", "file"])
def test_what_is_left_of_a_zip_keeps_none_from_being_unpacked(intake: Intake, left: str) -> None:
    inbox = intake.settings.inbox / "orders"
    with zipfile.ZipFile(inbox / "week.zip", "w") as archive:
        archive.writestr("a.csv", ORDERS)
    hidden = inbox / ".week.zip.unpacking"
    if left == "file":
        hidden.write_text("half")
    else:
        (hidden / "0").mkdir(parents=True)
        (hidden / "0" / "x").write_text(left)
    [outcome] = take_inbox(intake)
    assert (outcome.entry.status, outcome.entry.rows_clean) == ("partial", 1)
    wait_and_scan(intake)
    assert not list(inbox.rglob("*"))
