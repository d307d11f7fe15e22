"""Rows that come back meet all that the commit looks at: other tables, the order of their file, columns that files add."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.contract import Dataset, Reference, clean
from pipeline.errors import write_errors
from pipeline.files.sealing import new_keys
from pipeline.intake import Intake, replay, take_inbox
from pipeline.settings import Settings
from pipeline.warehouse import Entry, Warehouse
from pipeline_tests.ingest.support import model


def house(settings: Settings, *datasets: Dataset) -> Intake:
    known = {dataset.name: dataset for dataset in datasets}
    intake = Intake(settings, known, Warehouse.from_settings(settings, known))
    intake.make_folders()
    return intake


def drop(intake: Intake, dataset: str, name: str, text: str) -> Entry:
    (intake.settings.inbox / dataset / name).write_text(text, encoding="utf-8")
    [outcome] = take_inbox(intake)
    return outcome.entry


def send_back(intake: Intake, dataset: str, folder: Path, **values: pl.Expr) -> Entry:
    """Export what is rejected, give it these values, and take it in."""
    out = folder / "errors.csv"
    write_errors(intake.warehouse, intake.datasets[dataset], out, force=True)
    pl.read_csv(out, infer_schema=False).with_columns(**values).write_csv(
        intake.settings.inbox / dataset / "corrected.csv"
    )
    [outcome] = take_inbox(intake)
    return outcome.entry


def rows(intake: Intake, sql: str) -> list[tuple[Any, ...]]:
    return intake.warehouse.query(sql).rows()


PLACED = Dataset(
    "placed", schema=model(id=int, customer=int), references=[Reference("customer", "customers", "id")]
)
CUSTOMERS = Dataset("customers", schema=model(id=int), key=["id"])


def test_rows_whose_customer_comes_later_are_clean_after_a_replay(settings: Settings) -> None:
    intake = house(settings, CUSTOMERS, PLACED)
    assert drop(intake, "placed", "a.csv", "id,customer\n1,7\n2,8\n").rows_rejected == 2
    assert drop(intake, "customers", "c.csv", "id\n7\n").status == "loaded"
    [done] = replay(intake, "placed")
    assert (done.looked_at, done.passed, done.still_rejected) == (2, 1, 1)
    assert rows(intake, "SELECT id, customer, _row FROM clean.placed") == [(1, 7, 1)]
    [error] = rows(intake, "SELECT _row, check_name, message FROM errors.placed WHERE status = 'open'")
    assert error[:2] == (2, "reference") and "customer 8 is not in customers.id" in error[2]


def test_a_corrected_reference_is_looked_up(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, CUSTOMERS, PLACED)
    drop(intake, "customers", "c.csv", "id\n7\n")
    drop(intake, "placed", "a.csv", "id,customer\n1,70\n2,80\n")
    to = {"1": "7", "2": "9"}
    entry = send_back(intake, "placed", tmp_path, customer=pl.col("id").replace_strict(to))
    assert entry.reason is not None and entry.reason.startswith("1 row of 1 delivery corrected, 1 still")
    assert rows(intake, "SELECT id, customer FROM clean.placed") == [(1, 7)]


@pytest.mark.parametrize(("value", "passes"), [("25", True), ("15", False), ("35", False), ("20", False)])
def test_a_corrected_value_takes_its_place_in_the_order_of_its_file(
    settings: Settings, tmp_path: Path, value: str, passes: bool
) -> None:
    intake = house(settings, Dataset("ticks", schema=model(tick=int), increasing=["tick"]))
    drop(intake, "ticks", "a.csv", "tick\n10\n20\nx\n30\n")
    entry = send_back(intake, "ticks", tmp_path, tick=pl.lit(value))
    assert entry.status == ("loaded" if passes else "partial")
    kept = [(10, 1), (20, 2), *([(25, 3)] if passes else []), (30, 4)]
    assert rows(intake, "SELECT tick, _row FROM clean.ticks ORDER BY _row") == kept
    still = rows(intake, "SELECT check_name FROM errors.ticks WHERE status = 'open'")
    assert still == ([] if passes else [("increasing",)])


def test_columns_that_a_file_added_come_back_with_its_rows(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, Dataset("people", schema=model(id=int), drift="evolve"))
    drop(intake, "people", "a.csv", "id,Age\n1,31\nx,40\n")
    assert send_back(intake, "people", tmp_path, id=pl.lit("2")).status == "loaded"
    assert rows(intake, 'SELECT id, "Age", _rescued FROM clean.people ORDER BY id') == [
        (1, "31", None), (2, "40", None),
    ]  # fmt: skip


def test_a_check_that_refuses_files_rejects_the_row_that_comes_back(
    settings: Settings, tmp_path: Path
) -> None:
    intake = house(
        settings,
        Dataset("people", schema=model(id=int), key=["id"], severity={"id": {"unique": "quarantine"}}),
    )
    drop(intake, "people", "a.csv", "id\n1\nx\n")
    assert send_back(intake, "people", tmp_path, id=pl.lit("1")).status == "partial"
    assert rows(intake, "SELECT id FROM clean.people") == [(1,)]
    assert rows(intake, "SELECT check_name, severity FROM errors.people WHERE status = 'open'") == [
        ("unique", "reject")
    ]


def test_limits_are_of_files_not_of_rows_that_come_back(settings: Settings, tmp_path: Path) -> None:
    intake = house(settings, Dataset("people", schema=model(id=int), max_error_rate=0.5))
    drop(intake, "people", "a.csv", "id\n1\n2\nx\n")
    entry = send_back(intake, "people", tmp_path, id=pl.lit("y"))
    assert entry.reason is not None and "1 still rejected" in entry.reason


SECRET = Dataset(
    "people", schema=model(id=int, mail=str), clean={"mail": clean.mask(keep_last=2)}, archive="encrypt"
)


@pytest.mark.parametrize("has_key", [True, False])
def test_a_hidden_value_is_taken_from_a_sealed_original_where_its_key_is_at_hand(
    settings: Settings, tmp_path: Path, has_key: bool
) -> None:
    key = tmp_path / "key.txt"
    sealing = settings.model_copy(update={"archive_recipient": new_keys(key)})
    drop(house(sealing, SECRET), "people", "a.csv", "id,mail\nx,ann@example.com\n")
    assert not list(settings.archive.rglob("*.csv"))
    reading = sealing.model_copy(update={"archive_identity": str(key)}) if has_key else sealing
    intake = house(reading, SECRET)
    entry = send_back(intake, "people", tmp_path, id=pl.lit("1"))
    assert entry.status == ("loaded" if has_key else "partial")
    clean_rows = rows(intake, "SELECT id, mail FROM clean.people")
    assert clean_rows == ([(1, "*************om")] if has_key else [])
    open_checks = rows(intake, "SELECT check_name FROM errors.people WHERE status = 'open'")
    assert open_checks == ([] if has_key else [("hidden_value",)])
    left = [path for path in settings.staging.rglob("*") if path.is_file() and ".duckdb" not in path.parts]
    assert left == []
