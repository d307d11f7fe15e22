"""Opening DuckDB: settings, waiting for the lock, transactions.

What belongs here: how a connection comes and goes. What does not: any table.

While one process holds the file for writing every other open fails, so connections are short and an open waits, with
jitter, until the file is free. Threads of one process take turns too.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.warehouse.errors import WarehouseBusy, WarehouseMissing, full_disk

_TURNS: dict[Path, threading.RLock] = {}
_TURNS_GUARD = threading.Lock()
_FIRST_WAIT, _LONGEST_WAIT = 0.005, 0.25
_LOCKED = "IO Error: Could not set lock on file "
# The newest file format that the oldest allowed DuckDB reads: its ways to compress text load 30 % faster than those of the
# default, which keeps files readable for DuckDB 0.10.
_STORAGE = "v1.5.0"
# It takes parts of a statement for one that are not: of DuckDB 1.5 it makes errors inside DuckDB, and figures that are wrong in silence.
_NOT_TRUSTED = "common_subplan"


@dataclass(frozen=True)
class Opening:
    """How the warehouse is opened.

    Attributes:
        path: the DuckDB file.
        memory_mb: DuckDB's memory limit, in MiB; beyond it DuckDB spills to `temp`.
        threads: DuckDB's threads.
        temp: folder that DuckDB spills to; made when needed.
        busy_timeout: seconds to wait for another process to let go of the file.
    """

    path: Path
    memory_mb: int
    threads: int
    temp: Path
    busy_timeout: float


@contextmanager
def connected(opening: Opening, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """An open connection, closed whatever happens.

    Raises:
        WarehouseBusy: the file was not free within `busy_timeout`.
        WarehouseMissing: opened for reading, and there is no file.
        OSError: the disk is full, or cannot be written to, whatever DuckDB says of it.
    """
    if read_only and not opening.path.exists():
        raise WarehouseMissing(opening.path)
    began = time.monotonic()
    turn = _turn(opening.path)
    if not turn.acquire(timeout=opening.busy_timeout):
        raise WarehouseBusy(opening.path, time.monotonic() - began)
    try:
        connection = _open(opening, read_only, began)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()
    except duckdb.Error as error:
        number = full_disk(error)
        if number is None:
            raise
        raise _full(opening, number) from error
    finally:
        turn.release()


def _full(opening: Opening, number: int) -> OSError:
    folder = opening.path.parent
    free = shutil.disk_usage(folder).free / 2**20
    return OSError(
        number,
        f"{os.strerror(number)}: the warehouse {opening.path.name} cannot be written, {free:,.1f} MB are free; what was not committed is "
        "as it was",
        str(folder),
    )


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block or nothing of it: ROLLBACK on any exception, for a COMMIT after an error may store nothing
    and say nothing."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        _rollback(connection)
        raise
    connection.execute("COMMIT")


def _rollback(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.TransactionException:
        return  # the error ended the transaction itself: there is nothing to roll back


def _turn(path: Path) -> threading.RLock:
    with _TURNS_GUARD:
        return _TURNS.setdefault(path.absolute(), threading.RLock())


def _open(opening: Opening, read_only: bool, began: float) -> duckdb.DuckDBPyConnection:
    opening.path.parent.mkdir(parents=True, exist_ok=True)
    opening.temp.parent.mkdir(parents=True, exist_ok=True)  # DuckDB makes the last folder alone
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{opening.memory_mb}MiB",
        "threads": str(opening.threads),
        "temp_directory": str(opening.temp),
        "preserve_insertion_order": "false",
        "autoinstall_known_extensions": "false",
        "storage_compatibility_version": _STORAGE,
        "disabled_optimizers": _NOT_TRUSTED,
    }
    wait = _FIRST_WAIT
    while True:
        try:
            return duckdb.connect(str(opening.path), read_only=read_only, config=config)
        except duckdb.IOException as error:
            if not str(error).startswith(_LOCKED):  # a path may have "lock" in it, too
                raise
            waited = time.monotonic() - began
            if waited >= opening.busy_timeout:
                raise WarehouseBusy(opening.path, waited) from error
            time.sleep(min(wait * random.uniform(0.5, 1.5), max(opening.busy_timeout - waited, 0.001)))
            wait = min(wait * 1.5, _LONGEST_WAIT)
