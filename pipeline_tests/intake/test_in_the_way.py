"""What lies in the way of one file or folder of the home keeps nothing else from being done."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandera.polars as pa
import pytest

from pipeline.contract import Dataset, Total, Tumbling, agg
from pipeline.doctor import inboxes
from pipeline.intake import Intake, recompute_dirty, take_inbox, wait_and_scan
from pipeline.settings import Settings
from pipeline.warehouse import Failures, Warehouse


class Row(pa.DataFrameModel):
    number: int
    at: datetime


def _dataset(name: str) -> Dataset:
    measures = {"n": agg.count()}
    windows = [Tumbling("daily", every="1d", measures=measures), Total("whole", measures=measures)]
    return Dataset(name, schema=Row, event_time="at", windows=windows, publish="all")


@pytest.fixture
def intake(settings: Settings) -> Intake:
    datasets = {name: _dataset(name) for name in ("first", "second")}
    house = Intake(settings, datasets, Warehouse.from_settings(settings, datasets))
    house.make_folders()
    return house


def _rows(number: int) -> str:
    return f"number,at\n{number},2026-01-{number:02} 10:00\n"


def _run(intake: Intake) -> tuple[list[str], list[tuple[str, str, str]]]:
    """Deliveries that were loaded, and what failed."""
    failures = Failures()
    done = [f"{one.dataset}/{one.delivery}" for one in take_inbox(intake, failures=failures)]
    list(recompute_dirty(intake, failures=failures))
    return sorted(done), [(one.part, one.dataset, one.name) for one in failures.found]


def _file(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("in the way")


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir(parents=True)
    (path / "mine").write_text("in the way")


def _zip(intake: Intake) -> None:
    with zipfile.ZipFile(intake.settings.inbox / "first" / "w.zip", "w") as made:
        made.writestr("a.csv", _rows(7))


IN_THE_WAY: dict[str, tuple[Callable[[Path], None], str, bool, tuple[str, str, str]]] = {
    "a zip's folder is a file": (_file, "inbox/first/w.zip.d", True, ("file", "first", "w.zip")),
    "a member's place is a folder": (_folder, "inbox/first/w.zip.d/a.csv", True, ("file", "first", "w.zip")),
    "a window's folder is a file": (_file, "published/first/daily", False, ("publication", "first", "daily")),
    "a total's file is a folder": (_folder, "published/first/whole/total.parquet", False, ("publication", "first", "whole")),
    "the clean table's folder is a file": (_file, "published/first/clean", False, ("publication", "first", "clean")),
}  # fmt: skip


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_what_lies_in_the_way_of_one_thing_is_its_failure_alone(intake: Intake, what: str) -> None:
    make, place, zipped, failed = IN_THE_WAY[what]
    (intake.settings.inbox / "first" / "one.csv").write_text(_rows(1))
    assert _run(intake) == (["first/one.csv"], [])
    make(intake.settings.home / place)
    if zipped:
        _zip(intake)
    for dataset in ("first", "second"):
        (intake.settings.inbox / dataset / "two.csv").write_text(_rows(2 if dataset == "first" else 3))
    done, failures = _run(intake)
    assert {"first/two.csv", "second/two.csv"} <= set(done)
    assert failures == [failed]
    published = {
        path.parent.name
        for path in (intake.settings.published / "first").rglob("*.parquet")
        if path.is_file()
    }
    assert {"daily", "whole", "clean"} - {failed[2]} <= published
    with intake.warehouse.session() as session:
        assert session.dirty() == []
    # Moved away, the next run does what was left.
    way = intake.settings.home / place
    shutil.rmtree(way) if way.is_dir() else way.unlink(missing_ok=True)
    assert _run(intake) == (["first/w.zip.d/a.csv"] if zipped else [], [])
    assert (intake.settings.published / "first" / "whole" / "total.parquet").is_file()


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (_file, "taken"),
        (_link("/nowhere"), "refused"),
        (_link("first"), "refused"),
        (_link("/dev/null"), "refused"),
    ],
)
def test_what_lies_in_place_of_one_dataset_s_inbox_keeps_no_other_from_its_files(
    intake: Intake, make: Callable[[Path], None], told: str
) -> None:
    own, other = intake.settings.inbox / "first", intake.settings.inbox / "second"
    own.rmdir()
    make(own)
    (other / "one.csv").write_text(_rows(1))
    found = [one for one in inboxes(intake.settings, dict(intake.datasets)) if not one.ok]
    assert [(one.check, str(own) in one.found) for one in found] == [("inbox", True)]
    scan = wait_and_scan(intake)
    assert "second/one.csv" in [f"{one.dataset}/{one.delivery}" for one in scan.waiting]
    assert [one.path for one in scan.refused] == ([own] if told == "refused" else [])
    done, failures = _run(intake)
    assert "second/one.csv" in done and failures == []


def test_without_a_collector_a_zip_that_cannot_be_unpacked_is_refused(intake: Intake) -> None:
    _file(intake.settings.inbox / "first" / "w.zip.d")
    _zip(intake)
    scan = wait_and_scan(intake)
    assert [(one.path.name, "w.zip.d" in one.reason) for one in scan.refused] == [("w.zip", True)]
