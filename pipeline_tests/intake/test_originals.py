"""What becomes of an original once its rows are loaded: kept, sealed, deleted; and having it back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.contract import ContractError, Dataset
from pipeline.doctor import examine
from pipeline.files.sealing import identities_of, new_keys, unseal
from pipeline.intake import (
    Intake,
    OriginalUnavailable,
    Outcome,
    commit,
    find_delivery,
    original,
    prepare,
    take_inbox,
    wait_and_scan,
)
from pipeline.intake import originals as putting
from pipeline.settings import Settings
from pipeline.warehouse import PartsFailed, Warehouse
from pipeline_tests.files.test_archive import zipped
from pipeline_tests.ingest.support import model

PEOPLE = Dataset("people", schema=model(id=(int, {"ge": 1}), name=(str, {"nullable": True})), key=["id"])
TEXT = "id,name\n1,Bobbington\n2,Carol\n"


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def keyed(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a pair of keys; the private one lies outside the home."""
    key = tmp_path / "key.txt"
    return settings.model_copy(update={"archive_recipient": new_keys(key), "archive_identity": str(key)})


def _house(settings: Settings, archive: Any, **declared: Any) -> Intake:
    named = {"people": replace(PEOPLE, archive=archive, **declared)}
    intake = Intake(settings, named, Warehouse.from_settings(settings, named))
    intake.make_folders()
    return intake


def _drop(intake: Intake, text: str = TEXT, name: str = "a.csv") -> Path:
    path = intake.settings.inbox / "people" / name
    path.write_text(text)
    return path


def _take(intake: Intake) -> list[Outcome]:
    return list(take_inbox(intake))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _in_the_clear(intake: Intake) -> list[str]:
    """Files that hold what the original holds as it stands there."""
    return [str(path) for path in _files(intake.settings.home) if b"1,Bobbington" in path.read_bytes()]


@pytest.mark.parametrize("archive", ["keep", "encrypt", "off"])
def test_the_original_is_kept_sealed_or_deleted_and_the_ledger_says_so(keyed: Settings, archive: str) -> None:
    intake = _house(keyed, archive)
    path = _drop(intake)
    [outcome] = _take(intake)
    assert (outcome.entry.status, outcome.entry.archive) == ("loaded", archive)
    assert not path.exists()
    kept = _files(keyed.archive)
    assert kept == ([] if archive == "off" else [outcome.kept_at])
    assert len(_in_the_clear(intake)) == (1 if archive == "keep" else 0)
    if archive == "encrypt":
        assert kept[0].name == f"a.csv.{outcome.entry.id}.age"


def test_a_sealed_original_comes_back_for_as_long_as_it_is_needed(keyed: Settings) -> None:
    intake = _house(keyed, "encrypt")
    _drop(intake)
    [outcome] = _take(intake)
    with original(intake, outcome.entry) as path:
        assert (path.name, path.read_text()) == ("a.csv", TEXT)
        assert path.parent.stat().st_mode & 0o077 == 0
    assert _in_the_clear(intake) == []


@pytest.mark.parametrize("archive", ["encrypt", "keep"])
def test_a_delivery_is_loaded_again_from_its_original_as_often_as_the_contract_changes(
    keyed: Settings, archive: str
) -> None:
    _drop(_house(keyed, archive))
    _take(_house(keyed, archive))
    for limit in (2, 3):
        stricter = _house(
            keyed, archive, rules=(), schema=model(id=(int, {"ge": limit}), name=(str, {"nullable": True}))
        )
        found = find_delivery(stricter, "people", "a.csv")
        assert found is not None
        [outcome] = commit(stricter, list(prepare(stricter, [found])))
        assert (outcome.entry.status, outcome.entry.rows_clean) == ("partial", 3 - limit)
        assert _in_the_clear(stricter) == ([] if archive == "encrypt" else [str(_files(keyed.archive)[0])])
    assert len(_files(keyed.archive)) == 1
    assert list(keyed.staging.glob("[!.]*")) == []


@pytest.mark.parametrize(
    ("archive", "change", "said"),
    [
        ("off", {}, 'was deleted once it was loaded (archive="off"). Send the file again'),
        ("encrypt", {"archive_identity": ""}, "is sealed, and PIPELINE_ARCHIVE_IDENTITY is not set"),
        ("encrypt", {"archive_identity": "/nowhere/key"}, "does not open it: /nowhere/key cannot be read"),
        ("keep", {}, "is not in the archive any more"),
    ],
    ids=["deleted", "no key", "a key that is not there", "gone"],
)
def test_an_original_that_cannot_be_had_says_why_and_what_would_help(
    keyed: Settings, archive: str, change: dict[str, str], said: str
) -> None:
    _drop(_house(keyed, archive))
    _take(_house(keyed, archive))
    if archive == "keep":
        _files(keyed.archive)[0].unlink()
    with pytest.raises(OriginalUnavailable) as caught:
        find_delivery(_house(keyed.model_copy(update=change), archive), "people", "a.csv")
    assert said in str(caught.value) and "people/a.csv" in str(caught.value)


def test_the_private_key_of_somebody_else_does_not_open_it(keyed: Settings, tmp_path: Path) -> None:
    _drop(_house(keyed, "encrypt"))
    _take(_house(keyed, "encrypt"))
    new_keys(tmp_path / "other.txt")
    other = keyed.model_copy(update={"archive_identity": str(tmp_path / "other.txt")})
    with pytest.raises(OriginalUnavailable, match="was sealed to another key"):
        find_delivery(_house(other, "encrypt"), "people", "a.csv")


@pytest.mark.parametrize(
    ("recipient", "cause"),
    [("", "is not set"), ("age1nonsense", "cannot be used: 'age1nonsense' is no public key")],
    ids=["no key", "no such key"],
)
@pytest.mark.parametrize("zip_it", [False, True])
def test_without_a_key_nothing_is_loaded(
    settings: Settings, recipient: str, cause: str, zip_it: bool
) -> None:
    intake = _house(settings.model_copy(update={"archive_recipient": recipient}), "encrypt")
    path = _drop(intake)
    if zip_it:
        path = zipped(path.rename(path.with_suffix(".zip")), {"b.csv": TEXT})
    with pytest.raises(PartsFailed) as caught:
        _take(intake)
    (failure,) = caught.value.failures
    assert (failure.part, failure.dataset) == ("dataset", "people")
    assert cause in str(failure) and "PIPELINE_ARCHIVE_RECIPIENT" in failure.cause
    assert isinstance(failure.__cause__, ContractError)
    assert path.exists()
    assert (
        intake.warehouse.query("SELECT * FROM ops.deliveries").is_empty()
        if intake.warehouse.path.exists()
        else True
    )


@pytest.mark.parametrize("archive", ["encrypt", "off"])
@pytest.mark.parametrize("sealed_already", [False, True])
def test_a_run_that_is_killed_before_the_original_is_away_is_finished_by_the_next(
    keyed: Settings, monkeypatch: pytest.MonkeyPatch, archive: str, sealed_already: bool
) -> None:
    intake = _house(keyed, archive)
    path = _drop(intake)

    def killed(*given: Any) -> None:
        if sealed_already and archive == "encrypt":
            real(*given)
            path.write_text(TEXT) if not path.exists() else None
        raise Killed

    real = putting.seal
    with monkeypatch.context() as patched:
        patched.setattr(putting, "seal", killed)
        if archive == "off":
            patched.setattr(Path, "unlink", killed)
        with pytest.raises(Killed):
            _take(intake)
    assert path.exists()
    [outcome] = _take(intake)
    assert (outcome.entry.status, path.exists()) == ("loaded", False)
    assert intake.warehouse.query("SELECT count(*) FROM ops.deliveries").item() == 1
    assert len(_files(keyed.archive)) == (1 if archive == "encrypt" else 0)
    assert _in_the_clear(intake) == []


@pytest.mark.parametrize(("archive", "sealed"), [("keep", False), ("encrypt", True), ("off", False)])
def test_a_quarantined_original_is_never_deleted(keyed: Settings, archive: str, sealed: bool) -> None:
    intake = _house(keyed, archive, max_errors=0)
    text = TEXT + "0,Dan\n"
    _drop(intake, text)
    [outcome] = _take(intake)
    assert outcome.entry.status == "quarantined" and outcome.kept_at is not None
    reason = json.loads(outcome.kept_at.with_name(outcome.kept_at.name + ".reason.json").read_text())
    assert (reason["file"], reason["code"]) == (outcome.kept_at.name, "too_many_errors")
    if not sealed:
        assert outcome.kept_at.read_text() == text
        return
    assert outcome.kept_at.name == f"a.csv.{outcome.entry.id}.age"
    unseal(outcome.kept_at, keyed.home / "back.csv", identities_of(Path(keyed.archive_identity)))
    assert (keyed.home / "back.csv").read_text() == text


@pytest.mark.parametrize(("archive", "left"), [("keep", 2), ("encrypt", 2), ("off", 0)])
def test_a_zip_goes_the_way_of_its_members(keyed: Settings, archive: str, left: int) -> None:
    intake = _house(keyed, archive)
    zipped(keyed.inbox / "people" / "week.zip", {"a.csv": TEXT})
    assert [outcome.delivery for outcome in _take(intake)] == ["week.zip.d/a.csv"]
    assert _files(keyed.inbox) == []
    kept = _files(keyed.archive)
    assert len(kept) == left
    assert all(path.suffix == ".age" for path in kept) == (archive != "keep")


def test_a_duplicate_is_put_away_like_any_original(keyed: Settings) -> None:
    intake = _house(keyed, "off")
    _drop(intake)
    _take(intake)
    _drop(intake, name="b.csv")
    [outcome] = _take(intake)
    assert (outcome.entry.status, outcome.kept_at) == ("duplicate", None)
    assert _files(keyed.inbox) == [] and wait_and_scan(intake).waiting == ()


@pytest.mark.parametrize(
    ("content", "ok", "found"),
    [
        ("", False, "holds no key"),
        (None, True, "sealed originals are open while PIPELINE_ARCHIVE_IDENTITY is set"),
    ],
    ids=["no key", "a key"],
)
def test_doctor_looks_at_the_private_key(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, ok: bool, found: str
) -> None:
    key = tmp_path / "key.txt"
    new_keys(key) if content is None else key.write_text(content)
    monkeypatch.setenv("PIPELINE_HOME", str(home))
    monkeypatch.setenv("PIPELINE_ARCHIVE_IDENTITY", str(key))
    [finding] = [one for one in examine() if one.check == "private key"]
    assert finding.ok == ok and found in finding.found
