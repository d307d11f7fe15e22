"""What is the machine's fault and no file's: a warehouse that is busy or broken, a full disk. Nothing is set aside for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.contract import clean
from pipeline.intake import Intake, open_intake, prepare, take_inbox, wait_and_scan
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse, WarehouseBusy
from pipeline_tests.sending_back import write_back
from pipeline_tests.warehouse.test_connection import HOLDS

HEADER = "order_id,customer_email,amount,ordered_at,status,department,customer_name"
ORDERS = f"{HEADER}\n1,a@example.com,oops,2024-03-01 10:00:00,pending,toys,Ann\n"


@pytest.fixture
def intake(settings: Settings) -> Intake:
    made = open_intake(settings)
    made.make_folders()
    return made


@contextmanager
def held(intake: Intake) -> Iterator[Intake]:
    """The same home, while another process has its warehouse open; who waits for it, waits a moment only."""
    path = intake.settings.warehouse
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    try:
        yield replace(intake, warehouse=Warehouse(path, intake.datasets, busy_timeout=0.2))
    finally:
        holder.communicate("\n")


def rejected(intake: Intake) -> Path:
    """A correction that waits: a row that was rejected, sent back."""
    (intake.settings.inbox / "orders" / "a.csv").write_text(ORDERS)
    assert [outcome.entry.status for outcome in take_inbox(intake)] == ["partial"]
    return intake.settings.inbox / "orders" / "errors.csv"


@pytest.mark.parametrize("name", ["errors.csv", "errors.xlsx", "errors.parquet"])
@pytest.mark.parametrize("hidden", [False, True])
def test_a_correction_waits_for_a_warehouse_that_is_busy(intake: Intake, name: str, hidden: bool) -> None:
    if hidden:  # its errors are told without their words
        orders = replace(intake.datasets["orders"], clean={"customer_name": clean.redact()})
        intake = replace(intake, datasets={"orders": orders})
        intake = replace(intake, warehouse=Warehouse.from_settings(intake.settings, intake.datasets))
    correction = rejected(intake).with_name(name)
    write_back(intake, correction, lambda row: {"amount": "9.50"})
    with held(intake) as impatient, pytest.raises(WarehouseBusy):
        list(prepare(impatient, wait_and_scan(intake).waiting))
    assert correction.exists() and not list(intake.settings.quarantine.rglob("*.*"))

    [outcome] = take_inbox(intake)
    assert outcome.entry.reason == "1 row of 1 delivery corrected"


def test_a_correction_waits_for_a_warehouse_that_is_broken(intake: Intake) -> None:
    correction = rejected(intake)
    write_back(intake, correction, lambda row: {"amount": "9.50"})
    whole = intake.settings.warehouse.read_bytes()
    intake.settings.warehouse.write_bytes(b"no database" * 1000)
    [prepared] = prepare(intake, wait_and_scan(intake).waiting)
    assert prepared.problem is None and prepared.failure is not None
    assert "not a valid DuckDB database file" in prepared.failure.cause
    assert correction.exists() and not list(intake.settings.quarantine.rglob("*.*"))

    intake.settings.warehouse.write_bytes(whole)
    [outcome] = take_inbox(intake)
    assert outcome.entry.reason == "1 row of 1 delivery corrected"
