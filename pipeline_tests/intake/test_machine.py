"""What is the machine's fault and no file's: a warehouse that is busy or broken, a full disk. Nothing is set aside for it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipeline.contract import ContractError, clean
from pipeline.files import UnreadableFile
from pipeline.intake import Intake, open_intake, prepare, take_inbox, wait_and_scan
from pipeline.machine import machine_fault
from pipeline.settings import Settings
from pipeline.warehouse import Failures, Warehouse, WarehouseBusy
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


def limited(home: Path, size: int) -> subprocess.CompletedProcess[str]:
    """`pipeline ingest` in a process that may write no file larger than `size` bytes: the machine's word for it is EFBIG, which polars
    tells as it tells a full disk."""
    start = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); "
        "from pipeline.cli import main; sys.argv[1:] = ['ingest']; main()"
    )
    environment = os.environ | {"PIPELINE_HOME": str(home), "PIPELINE_SETTLE_SECONDS": "0"}
    return subprocess.run(
        [sys.executable, "-c", start], capture_output=True, text=True, env=environment, check=False
    )


@pytest.mark.parametrize("size", [20_000, 200_000])
def test_a_full_disk_is_no_files_fault(intake: Intake, size: int) -> None:
    many = [
        f"{n},a{n}@example.com,1.50,2024-03-01 10:00:00,pending,toys,Ann {n}" if n % 2 else f"{n},x,y,z"
        for n in range(4_000)
    ]
    waits = intake.settings.inbox / "orders" / "a.csv"
    waits.write_text("\n".join([HEADER, *many]) + "\n")
    done = limited(intake.settings.home, size)
    assert done.returncode != 0 and "Traceback" not in done.stderr, done.stderr
    assert "File too large" in done.stderr + done.stdout
    assert (
        "MB are free" in done.stderr + done.stdout and str(intake.settings.home) in done.stderr + done.stdout
    )
    assert waits.exists() and not list(intake.settings.quarantine.rglob("*.*"))

    [outcome] = take_inbox(intake)
    assert (outcome.entry.status, outcome.entry.rows_clean) == ("partial", 2_000)


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def raised(error: Exception, by: BaseException, hidden: bool = False) -> Exception:
    """`error` as it is once it was raised for `by`; without its cause where that is hidden."""
    error.__context__ = by
    if hidden:
        error.__suppress_context__ = True
    else:
        error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (pl.exceptions.ComputeError("parquet: underlying IO error: No space left on device (os error 28)"), errno.ENOSPC),
        (OSError("No space left on device (os error 28): staging/x"), errno.ENOSPC),
        (pl.exceptions.ComputeError("Permission denied (os error 13)"), errno.EACCES),
        (raised(UnreadableFile(Path("a.csv"), "damaged", "it is cut off", "Send it again"), FULL), errno.ENOSPC),
        (raised(RuntimeError("not told"), FULL, hidden=True), errno.ENOSPC),
        (raised(ContractError("orders", "checks", "breaks", "Mend it"), FULL), errno.ENOSPC),
    ],
)  # fmt: skip
def test_the_machines_fault_is_known_whatever_class_it_comes_in(error: BaseException, number: int) -> None:
    fault = machine_fault(error)
    assert isinstance(fault, OSError) and fault.errno == number


@pytest.mark.parametrize(
    "error",
    [
        pl.exceptions.ComputeError("could not parse `No space left on device` as i64"),
        pl.exceptions.ComputeError("could not parse `gone (os error 28)` as i64"),
        OSError("Invalid data stream"),
        OSError(errno.EINVAL, "Invalid argument"),
        UnreadableFile(Path("a.csv"), "damaged", "it is cut off", "Send it again"),
    ],
)
def test_what_a_file_says_is_not_taken_for_the_machines_fault(error: BaseException) -> None:
    assert machine_fault(error) is None


def test_no_memory_is_the_machines_fault() -> None:
    assert isinstance(machine_fault(raised(RuntimeError("a chunk failed"), MemoryError())), MemoryError)


@pytest.mark.parametrize(
    "error",
    [
        raised(RuntimeError("Query interrupted"), KeyboardInterrupt()),
        raised(duckdb.Error("stopped"), KeyboardInterrupt()),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_ctrl_c_within_a_query_is_no_failure_of_a_part(error: Exception, last: bool) -> None:
    """DuckDB tells it as a RuntimeError of its own."""
    failures = Failures()
    with pytest.raises(KeyboardInterrupt), failures.aside("window", "orders", "daily", last=last):
        raise error
    assert not failures
