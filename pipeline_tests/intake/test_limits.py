"""Files of which too many rows are rejected, and files that refer to each other, on their way from the inbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.contract import Dataset, Reference
from pipeline.ingest import stage
from pipeline.intake import Intake, Outcome, take_inbox, wait_and_scan
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline_tests.ingest.support import model


def _orders(**declared: Any) -> Dataset:
    return Dataset("orders", schema=model(id=int, amount=(float, {"ge": 0}), customer=int), **declared)


def _house(settings: Settings, *datasets: Dataset) -> Intake:
    named = {one.name: one for one in datasets}
    intake = Intake(settings, named, Warehouse.from_settings(settings, named))
    intake.make_folders()
    return intake


def _drop(intake: Intake, dataset: str, name: str, text: str) -> Path:
    path = intake.settings.inbox / dataset / name
    path.write_text(text)
    return path


def _take(intake: Intake) -> list[Outcome]:
    return list(take_inbox(intake))


def _rows(*amounts: str) -> str:
    return "id,amount,customer\n" + "".join(f"{row},{amount},1\n" for row, amount in enumerate(amounts, 1))


@pytest.mark.parametrize(
    ("limit", "status"),
    [
        ({}, "partial"),
        ({"max_errors": 2}, "partial"),
        ({"max_errors": 1}, "quarantined"),
        ({"max_error_rate": 0.5}, "partial"),
        ({"max_error_rate": 0.49}, "quarantined"),
        ({"max_errors": 0}, "quarantined"),
    ],
)
def test_a_file_is_refused_when_more_rows_are_rejected_than_the_limit(
    settings: Settings, limit: dict[str, Any], status: str
) -> None:
    intake = _house(settings, _orders(**limit))
    _drop(intake, "orders", "a.csv", _rows("1", "-1", "x", "2"))
    [outcome] = _take(intake)
    assert outcome.entry.status == status
    rows = intake.warehouse.query("SELECT count(*) FROM clean.orders").item()
    assert rows == (0 if status == "quarantined" else 2)
    assert list(settings.staging.glob("[!.]*")) == []


def test_the_reason_names_the_counts_and_what_to_do(settings: Settings) -> None:
    intake = _house(settings, _orders(max_error_rate=0.4))
    _drop(intake, "orders", "a.csv", _rows("1", "-1", "x", "-2", "5,6"))
    [outcome] = _take(intake)
    assert outcome.kept_at is not None
    reason = json.loads(outcome.kept_at.with_name("a.csv.reason.json").read_text())
    assert reason["code"] == "too_many_errors"
    assert reason["cause"] == (
        "4 of 5 rows (80.00%) are rejected, more than max_error_rate=0.4 allows: greater_than_or_equal_to of amount 2, "
        "too_many_fields 1, cast of amount 1"
    )
    assert (
        f"`pipeline check {outcome.kept_at} --dataset orders`" in reason["remedy"]
        and "raise the limit" in reason["remedy"]
    )
    assert reason["rejects"] == [
        {"column": "amount", "check": "greater_than_or_equal_to", "rows": 2},
        {"column": None, "check": "too_many_fields", "rows": 1},
        {"column": "amount", "check": "cast", "rows": 1},
    ]
    assert outcome.entry.reason == f"{reason['cause']}. {reason['remedy']}"


def test_rows_that_the_commit_rejects_count_and_nothing_of_the_file_stays(settings: Settings) -> None:
    intake = _house(settings, _orders(key=["id"], max_errors=1))
    _drop(intake, "orders", "a.csv", _rows("1", "2"))
    _drop(intake, "orders", "b.csv", "id,amount,customer\n1,1,1\n2,1,1\n7,-1,1\n8,1,1\n")
    first, second = _take(intake)
    assert (first.entry.status, second.entry.status) == ("loaded", "quarantined")
    assert second.kept_at is not None
    reason = json.loads(second.kept_at.with_name("b.csv.reason.json").read_text())
    assert (reason["code"], reason["cause"]) == (
        "too_many_errors",
        "3 of 4 rows (75.00%) are rejected, more than max_errors=1 allows: unique of id 2, greater_than_or_equal_to of amount 1",
    )
    assert intake.warehouse.query("SELECT DISTINCT _delivery FROM clean.orders").rows() == [("a.csv",)]
    assert intake.warehouse.query("SELECT * FROM errors.orders").is_empty()
    assert list(settings.staging.glob("[!.]*")) == []


def test_a_new_version_that_is_refused_leaves_the_old_one(settings: Settings) -> None:
    intake = _house(settings, _orders(max_errors=0))
    _drop(intake, "orders", "a.csv", _rows("1", "2"))
    _take(intake)
    _drop(intake, "orders", "a.csv", _rows("1", "-2"))
    [outcome] = _take(intake)
    assert outcome.entry.status == "quarantined"
    assert intake.warehouse.query("SELECT count(*) FROM clean.orders").item() == 2


def test_what_was_staged_under_a_wider_limit_is_judged_by_that_of_now(settings: Settings) -> None:
    intake = _house(settings, _orders())
    path = _drop(intake, "orders", "a.csv", _rows("1", "-1"))
    stage(path, intake.datasets["orders"], settings)
    strict = _house(settings, _orders(max_errors=0))
    assert strict.datasets["orders"].fingerprint == intake.datasets["orders"].fingerprint
    [outcome] = _take(strict)
    assert outcome.entry.status == "quarantined"


REFERRING = _orders(references=[Reference("customer", "people", "id")])
PEOPLE = Dataset("people", schema=model(id=int))


def test_files_that_wait_together_are_taken_in_the_order_of_their_references(settings: Settings) -> None:
    intake = _house(settings, REFERRING, PEOPLE)
    _drop(intake, "orders", "b.csv", _rows("1"))
    _drop(intake, "orders", "a.csv", _rows("1", "3"))
    _drop(intake, "people", "z.csv", "id\n1\n")
    assert [(one.dataset, one.delivery) for one in wait_and_scan(intake).waiting] == [
        ("people", "z.csv"), ("orders", "a.csv"), ("orders", "b.csv"),
    ]  # fmt: skip
    assert [outcome.entry.status for outcome in _take(intake)] == ["loaded"] * 3


def test_files_of_unknown_datasets_come_last(settings: Settings) -> None:
    intake = _house(settings, REFERRING, PEOPLE)
    (settings.inbox / "any").mkdir()
    for dataset in ("any", "orders", "people"):
        _drop(intake, dataset, "a.csv", "id\n1\n")
    assert [one.dataset for one in wait_and_scan(intake).waiting] == ["people", "orders", "any"]
    assert [one.dataset for one in wait_and_scan(intake, ["orders"]).waiting] == ["orders"]
