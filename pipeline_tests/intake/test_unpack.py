"""Zip files in the inbox."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pipeline.intake import Intake, Outcome, open_intake, take_inbox, wait_and_scan
from pipeline.intake import unpack as unpacking
from pipeline.settings import Settings
from pipeline_tests.files.test_archive import zipped
from pipeline_tests.orchestration.conftest import HEADER, order


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def intake(settings: Settings) -> Intake:
    house = open_intake(settings)
    house.make_folders()
    return house


@pytest.fixture
def drop(intake: Intake) -> Callable[..., Path]:
    """A zip of orders files in the inbox: name of the member → its rows."""

    def put(name: str, members: Mapping[str, str | bytes]) -> Path:
        path = intake.settings.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return zipped(path, members)

    return put


def orders(*numbers: int) -> str:
    return HEADER + "".join(order(number) for number in numbers)


def take(intake: Intake) -> list[Outcome]:
    return list(take_inbox(intake))


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.delivery: outcome.entry.status for outcome in outcomes}


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def ids(intake: Intake) -> list[int]:
    with intake.warehouse.session(read_only=True) as session:
        found: list[int] = session.query("SELECT order_id FROM clean.orders ORDER BY 1").to_series().to_list()
    return found


def test_each_member_is_a_delivery_and_the_zip_is_archived(intake: Intake, drop: Callable[..., Path]) -> None:
    clutter = {"__MACOSX/._a.csv": "x", ".DS_Store": "x", "deep/": ""}
    drop("orders/week.zip", {"a.csv": orders(1, 2), "deep/b.csv": orders(3), **clutter})
    outcomes = take(intake)
    assert statuses(outcomes) == {"week.zip.d/a.csv": "loaded", "week.zip.d/deep/b.csv": "loaded"}
    assert [name.split("/", 4)[4] for name in files_in(intake.settings.archive)] == [
        "week.zip",
        "week.zip.d/a.csv",
        "week.zip.d/deep/b.csv",
    ]
    assert not files_in(intake.settings.inbox)
    assert wait_and_scan(intake).waiting == ()
    assert not (intake.settings.inbox / "orders" / "week.zip.d").exists()


def test_the_same_zip_again_changes_nothing_and_a_new_one_replaces(
    intake: Intake, drop: Callable[..., Path]
) -> None:
    drop("orders/week.zip", {"a.csv": orders(1), "b.csv": orders(2)})
    take(intake)
    drop("orders/week.zip", {"a.csv": orders(1), "b.csv": orders(2, 3)})
    assert statuses(take(intake)) == {"week.zip.d/a.csv": "duplicate", "week.zip.d/b.csv": "loaded"}


def _encrypted(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)


def _garbled(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[60:64] = bytes(4)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("members", "spoil", "said"),
    [
        ({"a.csv": orders(1), "b.csv": orders(2)}, _encrypted, "password"),
        ({"a.csv": orders(1), "b.csv": orders(2)}, _garbled, "garbled"),
        ({"a.csv": orders(1), "../b.csv": orders(2)}, None, "leads out of its folder"),
        ({"a.csv": orders(1), "b.zip": b"PK"}, None, "a zip file itself"),
        ({}, None, "no file to be read"),
    ],
    ids=["encrypted", "garbled", "unsafe", "nested", "empty"],
)
def test_a_zip_that_cannot_be_unpacked_is_quarantined_whole(
    intake: Intake,
    drop: Callable[..., Path],
    members: Mapping[str, str],
    spoil: Callable[[Path], None] | None,
    said: str,
) -> None:
    path = drop("orders/week.zip", members)
    if spoil is not None:
        spoil(path)
    [outcome] = take(intake)
    assert (outcome.delivery, outcome.entry.status) == ("week.zip", "quarantined")
    assert said in str(outcome.entry.reason)
    assert files_in(intake.settings.quarantine) == ["orders/week.zip", "orders/week.zip.reason.json"]
    assert not files_in(intake.settings.inbox) and not files_in(intake.settings.archive)


def test_a_member_that_is_too_large_costs_itself_alone(settings: Settings) -> None:
    intake = open_intake(settings.model_copy(update={"max_file_mb": 1}))
    intake.make_folders()
    large = orders(2) + " " * 2 * 2**20
    zipped(intake.settings.inbox / "orders" / "week.zip", {"a.csv": orders(1), "b.csv": large})
    assert statuses(take(intake)) == {"week.zip.d/a.csv": "loaded", "week.zip.d/b.csv": "quarantined"}


def test_a_workbook_named_zip_is_a_delivery_and_a_zip_elsewhere_no_container(
    intake: Intake, drop: Callable[..., Path]
) -> None:
    drop("orders/book.zip", {"xl/workbook.xml": "no workbook after all"})
    drop("nobody/week.zip", {"a.csv": orders(1)})
    assert {(w.dataset, w.delivery) for w in wait_and_scan(intake).waiting} == {
        ("orders", "book.zip"),
        ("nobody", "week.zip"),
    }


@pytest.mark.parametrize(
    ("step", "after"),
    [("extract", 0), ("extract", 1), ("replace", 0), ("replace", 1), ("put_zip_in_archive", 0)],
)
def test_killed_at_any_point_nothing_is_lost_or_doubled(
    intake: Intake, drop: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, step: str, after: int
) -> None:
    drop("orders/week.zip", {"a.csv": orders(1), "b.csv": orders(2)})
    place = {"extract": unpacking, "replace": Path, "put_zip_in_archive": unpacking}[step]
    original, calls = getattr(place, step), []

    def killed(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) > after:
            raise Killed
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(place, step, killed)
        # A killed process tidies nothing up.
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(Killed):
            wait_and_scan(intake)
    assert (intake.settings.inbox / "orders" / "week.zip").exists()
    take(intake)
    assert ids(intake) == [1, 2]
    assert not files_in(intake.settings.inbox)
    wait_and_scan(intake)
    assert [path.name for path in (intake.settings.inbox / "orders").iterdir()] == []


def test_members_taken_before_the_kill_come_again_as_duplicates(
    intake: Intake, drop: Callable[..., Path]
) -> None:
    path = drop("orders/week.zip", {"a.csv": orders(1)})
    kept = path.read_bytes()
    assert statuses(take(intake)) == {"week.zip.d/a.csv": "loaded"}
    path.write_bytes(kept)  # as if it had not been put away
    assert statuses(take(intake)) == {"week.zip.d/a.csv": "duplicate"}
    assert ids(intake) == [1]


def test_a_zip_that_another_process_unpacks_is_left_alone(intake: Intake, drop: Callable[..., Path]) -> None:
    path = drop("orders/week.zip", {"a.csv": orders(1)})
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        scan = wait_and_scan(intake)
    assert not scan.waiting
    assert [file.delivery for file in scan.unsettled] == ["week.zip"]
    assert [file.delivery for file in wait_and_scan(intake).waiting] == ["week.zip.d/a.csv"]


def test_a_full_disk_fails_the_run_before_anything_is_written(
    intake: Intake, drop: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop("orders/week.zip", {"a.csv": orders(1)})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(OSError, match=r"week\.zip needs") as caught:
        wait_and_scan(intake)
    assert caught.value.errno == errno.ENOSPC
    assert files_in(intake.settings.inbox) == ["orders/week.zip"]
    assert zipfile.is_zipfile(path)


def test_what_a_killed_run_left_of_a_zip_that_is_gone_is_removed(intake: Intake) -> None:
    folder = intake.settings.inbox / "orders" / ".week.zip.unpacking"
    folder.mkdir()
    (folder / "0").write_text("x")
    wait_and_scan(intake)
    assert not folder.exists()


def test_only_the_folders_asked_for_are_unpacked(intake: Intake, drop: Callable[..., Path]) -> None:
    drop("orders/week.zip", {"a.csv": orders(1)})
    assert wait_and_scan(intake, ["sales"]).waiting == ()
    assert files_in(intake.settings.inbox) == ["orders/week.zip"]


def below(folder: Path) -> set[str]:
    """The folders below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir()}


def aged(inbox: Path, *names: str, by: float = 2 * 86_400) -> None:
    """Folders that nobody has changed for so many seconds."""
    for name in names:
        (inbox / name).mkdir(parents=True, exist_ok=True)
    for path in [*inbox.rglob("*"), inbox]:
        os.utime(path, (time.time() - by, time.time() - by), follow_symlinks=False)


def test_folders_that_have_been_empty_for_a_day_go_and_the_datasets_own_stay(intake: Intake) -> None:
    inbox = intake.settings.inbox
    aged(inbox, "orders/2026/01/05", "orders/2026/02", "orders/kept", "sales", "stray/deep", "orders/with.d")
    (inbox / "orders" / "kept" / ".DS_Store").write_text("x")
    aged(inbox)
    wait_and_scan(intake)
    assert below(inbox) == {"orders", "orders/kept", "sales", "events", "stray", "stray/deep"}


def test_one_that_was_just_made_or_emptied_stays_with_those_above_it(intake: Intake) -> None:
    inbox = intake.settings.inbox
    aged(inbox, "orders/2026/01", "orders/2026/02")
    (inbox / "orders" / "2026" / "02" / "now").mkdir()
    wait_and_scan(intake)
    assert below(inbox / "orders") == {"2026", "2026/02", "2026/02/now"}


def test_folders_of_files_that_were_taken_go_a_day_later(intake: Intake, drop: Callable[..., Path]) -> None:
    path = intake.settings.inbox / "orders" / "2026" / "01" / "a.csv"
    path.parent.mkdir(parents=True)
    path.write_text(orders(1))
    assert statuses(take(intake)) == {"2026/01/a.csv": "loaded"}
    assert path.parent.is_dir()
    unpacking.tidy_folders(intake, now=time.time() + 90_000)
    assert not (intake.settings.inbox / "orders" / "2026").exists() and path.parents[2].is_dir()


def test_links_and_folders_that_cannot_be_read_are_left(intake: Intake, tmp_path: Path) -> None:
    inbox = intake.settings.inbox
    aged(tmp_path, "elsewhere/empty")
    (inbox / "orders").mkdir(parents=True, exist_ok=True)
    (inbox / "orders" / "link").symlink_to(tmp_path / "elsewhere")
    aged(inbox)
    unpacking.tidy_folders(intake)
    assert (inbox / "orders" / "link").is_symlink() and (tmp_path / "elsewhere" / "empty").is_dir()
