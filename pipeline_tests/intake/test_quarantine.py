"""Quarantined files that are taken once more."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.contract import Dataset
from pipeline.files.sealing import new_keys
from pipeline.intake import Intake, Outcome, take_inbox
from pipeline.intake.again import take_quarantined
from pipeline.settings import Settings
from pipeline.warehouse import Failures, Warehouse
from pipeline_tests.files.test_archive import zipped
from pipeline_tests.ingest.support import model

WRONG, RIGHT = "id\n1\nx\n", "id\n1\n2\n"
"""A file that `STRICT` refuses for its second row, and one that it loads."""

PEOPLE = Dataset("people", schema=model(id=int), key=["id"])
STRICT = replace(PEOPLE, max_errors=0)


def house(settings: Settings, dataset: Dataset = STRICT) -> Intake:
    named = {"people": dataset}
    intake = Intake(settings, named, Warehouse.from_settings(settings, named))
    intake.make_folders()
    return intake


def take(intake: Intake, text: str | bytes, name: str = "a.csv") -> Outcome:
    path = intake.settings.inbox / "people" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (outcome,) = take_inbox(intake)
    return outcome


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def loaded(intake: Intake) -> list[tuple[Any, ...]]:
    return intake.warehouse.query("SELECT id, _delivery FROM clean.people ORDER BY id").rows()


def test_the_contract_has_changed(settings: Settings) -> None:
    refused = take(house(settings), WRONG, "north/ä b.csv")
    assert refused.kept_at == settings.quarantine / "people" / "north" / "ä b.csv"
    intake = house(settings, PEOPLE)
    (outcome,) = take_quarantined(intake, "people")
    assert (outcome.entry.status, outcome.again) == (
        "partial",
        "loaded 1 of 2 rows; quarantined before for too_many_errors",
    )
    assert loaded(intake) == [(1, "north/ä b.csv")]
    assert files(settings.quarantine) == files(settings.inbox) == []
    assert outcome.kept_at is not None and outcome.kept_at.read_text() == WRONG
    assert list(take_quarantined(intake, "people")) == []


def test_the_file_was_mended_where_it_lies(settings: Settings) -> None:
    intake = house(settings)
    kept_at = take(intake, WRONG).kept_at
    assert kept_at is not None
    kept_at.write_text(RIGHT)
    (outcome,) = take_quarantined(intake, "people")
    assert outcome.again == "loaded 2 of 2 rows; quarantined before for too_many_errors"
    assert files(settings.quarantine) == []


def test_it_is_refused_again_and_lies_there_with_the_reason_of_now(settings: Settings) -> None:
    first = take(house(settings), WRONG)
    other = house(settings, Dataset("people", schema=model(id=int, name=str)))
    (outcome,) = take_quarantined(other, "people", ["a.csv"])
    assert outcome.again == "quarantined for missing_column; quarantined before for too_many_errors"
    assert files(settings.quarantine) == ["people/a.csv", "people/a.csv.reason.json"]
    reason = json.loads((settings.quarantine / "people" / "a.csv.reason.json").read_text())
    assert (reason["code"], reason["ledger_id"]) == ("missing_column", outcome.entry.id)
    assert outcome.entry.id != first.entry.id


def test_only_the_newest_of_several_with_one_name_is_taken(settings: Settings) -> None:
    intake = house(settings)
    take(intake, "id\n7\ny\n")
    take(intake, WRONG)
    assert len(files(settings.quarantine)) == 4
    open_house = house(settings, PEOPLE)
    (outcome,) = take_quarantined(open_house, "people")
    assert loaded(open_house) == [(1, "a.csv")]
    assert outcome.entry.status == "partial"
    assert files(settings.quarantine) == ["people/a.csv", "people/a.csv.reason.json"]
    # What is left is older than what is loaded.
    assert list(take_quarantined(open_house, "people")) == []


@pytest.mark.parametrize("how", ["removed", "never there", "loaded since"])
def test_what_cannot_be_taken_is_told_while_the_others_are(how: str, settings: Settings) -> None:
    intake = house(settings)
    wanted = {"removed": "a.csv", "never there": "z.csv", "loaded since": "a.csv"}[how]
    told = {
        "removed": f"is not in {settings.quarantine / 'people'} any more. Send it again.",
        "never there": "there is no such delivery",
        "loaded since": "its newest file is loaded. `pipeline ingest people --from-archive`",
    }[how]
    kept_at = take(intake, WRONG).kept_at
    assert kept_at is not None
    take(intake, "id\n3\nz\n", "b.csv")
    if how == "removed":
        kept_at.unlink()
    elif how == "loaded since":
        take(intake, RIGHT)
    failures = Failures()
    outcomes = list(take_quarantined(house(settings, PEOPLE), "people", [wanted, "b.csv"], failures=failures))
    assert [outcome.delivery for outcome in outcomes] == ["b.csv"]
    assert [told in str(failure) for failure in failures.found] == [True]


def test_a_newer_file_that_waits_goes_first(settings: Settings) -> None:
    take(house(settings), WRONG)
    (settings.inbox / "people" / "a.csv").write_text(RIGHT)
    intake, failures = house(settings, PEOPLE), Failures()
    assert list(take_quarantined(intake, "people", failures=failures)) == []
    assert "a newer file of that name waits in inbox/people/" in str(failures.found[0])
    assert files(settings.quarantine) == ["people/a.csv", "people/a.csv.reason.json"]
    assert [outcome.entry.status for outcome in take_inbox(intake)] == ["loaded"]


@pytest.mark.parametrize("left", ["both names", "a copy", "the reason", "all moved"])
def test_a_move_that_was_killed_loses_and_doubles_nothing(left: str, settings: Settings) -> None:
    place, back = take(house(settings), WRONG).kept_at, settings.inbox / "people" / "a.csv"
    assert place is not None
    if left == "both names":
        os.link(place, back)
    elif left == "a copy":
        shutil.copy(place, back)
    else:
        place.rename(back)
    if left == "all moved":
        place.with_name("a.csv.reason.json").unlink()
    intake = house(settings, PEOPLE)
    assert [outcome.entry.status for outcome in take_inbox(intake)] == ["partial"]
    assert loaded(intake) == [(1, "a.csv")]
    assert files(settings.quarantine) == files(settings.inbox) == []
    assert [Path(name).name for name in files(settings.archive)] == ["a.csv"]


def test_a_move_that_was_killed_is_ended_by_the_next_one(settings: Settings) -> None:
    place = take(house(settings), WRONG).kept_at
    assert place is not None
    os.link(place, settings.inbox / "people" / "a.csv")
    (outcome,) = take_quarantined(house(settings, PEOPLE), "people")
    assert outcome.again == "loaded 1 of 2 rows; quarantined before for too_many_errors"
    assert files(settings.quarantine) == files(settings.inbox) == []


def test_the_same_bytes_sent_again_leave_nothing_in_the_quarantine(settings: Settings) -> None:
    take(house(settings), WRONG)
    take(house(settings), "id\n5\nz\n", "other.csv")
    take(house(settings, PEOPLE), WRONG)
    assert files(settings.quarantine) == ["people/other.csv", "people/other.csv.reason.json"]


@pytest.mark.parametrize("keyed", [True, False])
def test_a_sealed_one_is_opened_where_the_key_is(keyed: bool, settings: Settings, tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    sealing = settings.model_copy(
        update={"archive_recipient": new_keys(key), "archive_identity": str(key) if keyed else ""}
    )
    kept_at = take(house(sealing, replace(STRICT, archive="encrypt")), WRONG).kept_at
    assert kept_at is not None and kept_at.suffix == ".age"
    failures = Failures()
    intake = house(sealing, replace(PEOPLE, archive="encrypt"))
    outcomes = list(take_quarantined(intake, "people", failures=failures))
    if keyed:
        assert [one.again for one in outcomes] == [
            "loaded 1 of 2 rows; quarantined before for too_many_errors"
        ]
        assert files(settings.quarantine) == files(settings.staging) == []
    else:
        assert "is sealed, and PIPELINE_ARCHIVE_IDENTITY is not set" in str(failures.found[0])
        assert outcomes == [] and kept_at.is_file()


def test_a_zip_is_unpacked_once_it_can_be(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, PEOPLE)
    kept_at = take(intake, b"PK\x03\x04 no zip", "week.zip").kept_at
    assert kept_at is not None
    shutil.copy(zipped(tmp_path / "week.zip", {"1.csv": b"id\n1\n", "2.csv": b"id\n2\n"}), kept_at)
    outcomes = list(take_quarantined(intake, "people"))
    assert [outcome.delivery for outcome in outcomes] == ["week.zip.d/1.csv", "week.zip.d/2.csv"]
    assert {str(outcome.again).partition(";")[0] for outcome in outcomes} == {"loaded 1 of 1 row"}
