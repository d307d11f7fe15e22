"""Opening DuckDB: settings, waiting for the lock, transactions.

What belongs here: how a connection comes and goes. What does not: any table.

While one process holds the file for writing every other open fails, so connections are short and an open waits, with
jitter, until the file is free, and says for whom it waits. Threads of one process take turns too. An opening for reading makes
nothing: no folder, no file, no lock that is left. See docs/decisions/0037-reading-changes-nothing.md.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.files.leftovers import scratch_prefix
from pipeline.machine import program_of
from pipeline.warehouse.errors import WarehouseBusy, WarehouseMissing, full_disk

_TURNS: dict[Path, threading.RLock] = {}
_TURNS_GUARD = threading.Lock()
_FIRST_WAIT, _LONGEST_WAIT, _LONGEST_WAIT_READING = 0.005, 0.25, 0.1
_TOLD_AFTER, _TOLD_EVERY = 0.3, 30.0  # seconds: most waits are over before there is something to tell
_UNMADE_SECONDS = 5.0
_SPILLED = "duckdb_temp_"
"""Begins the names of the files that DuckDB spills to."""
_LOCKED = "IO Error: Could not set lock on file "
_HOLDER = re.compile(
    r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)(?: by user (?P<user>\S+?))?\.? "
)
_HOLDER_READS = "would be able to open this database in read-only mode"
# The newest file format that the oldest allowed DuckDB reads: its ways to compress text load 30 % faster than those of the
# default, which keeps files readable for DuckDB 0.10.
_STORAGE = "v1.5.0"
# It takes parts of a statement for one that are not: of DuckDB 1.5 it makes errors inside DuckDB, and figures that are wrong in silence.
_NOT_TRUSTED = "common_subplan"


@dataclass(frozen=True)
class Holder:
    """The program that has the warehouse open, as far as DuckDB tells it.

    Attributes:
        program: its name, with what it was told to do where the system says that.
        pid: its process id.
        user: whose it is, where DuckDB says it.
        reads: whether it only reads.
    """

    program: str
    pid: int
    user: str | None = None
    reads: bool = False

    def __str__(self) -> str:
        of = f" of user {self.user}" if self.user else ""
        return f"{self.program} (process {self.pid}{of}) has it open{' for reading' if self.reads else ''}"


def holder_of(message: str) -> Holder | None:
    """Who holds the lock, from DuckDB's words; None where they do not say it."""
    found = _HOLDER.search(f"{message} ")
    if found is None:
        return None
    pid = int(found["pid"])
    program = program_of(pid) or Path(found["program"]).name
    return Holder(program, pid, found["user"], _HOLDER_READS in message)


Waiting = Callable[[Path, Holder | None], None]
"""Told for which program an open waits, soon after it began and again from time to time."""


@dataclass(frozen=True)
class Opening:
    """How the warehouse is opened.

    Attributes:
        path: the DuckDB file.
        memory_mb: DuckDB's memory limit, in MiB; beyond it DuckDB spills to `temp`.
        threads: DuckDB's threads.
        temp: folder that DuckDB spills to; made when needed.
        busy_timeout: seconds to wait for another process to let go of the file.
        waiting: told of a wait that is more than a moment; None: nobody.
    """

    path: Path
    memory_mb: int
    threads: int
    temp: Path
    busy_timeout: float
    waiting: Waiting | None = None


@contextmanager
def connected(opening: Opening, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """An open connection, closed whatever happens.

    Raises:
        WarehouseBusy: the file was not free within `busy_timeout`.
        WarehouseMissing: opened for reading, and there is no file.
        OSError: the disk is full, or cannot be written to, whatever DuckDB says of it.
    """
    if read_only and not is_made(opening.path):
        raise WarehouseMissing(opening.path)
    began = time.monotonic()
    turn = _turn(opening.path)
    if not turn.acquire(timeout=opening.busy_timeout):
        raise WarehouseBusy(opening.path, time.monotonic() - began, "this program itself has it open")
    try:
        connection = _open(opening, read_only, began)
        try:
            if not read_only:
                _sweep_spilled(opening.temp)
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


def is_made(path: Path) -> bool:
    """Whether there is a warehouse: a file of no bytes is what a program leaves that could not write its first ones."""
    return path.exists() and (not path.is_file() or path.stat().st_size > 0)


def _sweep_spilled(folder: Path) -> None:
    """Remove what a killed process had spilled, which may be large; whoever has the file open for writing is the only one that spills there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.iterdir():
            if path.name.startswith(_SPILLED):
                path.unlink(missing_ok=True)


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
    temp = _room_to_spill(opening.temp) if read_only else opening.temp
    if not read_only:
        opening.path.parent.mkdir(parents=True, exist_ok=True)
        temp.parent.mkdir(parents=True, exist_ok=True)  # DuckDB makes the last folder alone
        if opening.path.exists() and not is_made(opening.path):
            _forget_unmade(opening.path)
    config = _config(opening, temp)
    wait, longest = _FIRST_WAIT, _LONGEST_WAIT_READING if read_only else _LONGEST_WAIT
    tell_at = _TOLD_AFTER
    while True:
        try:
            return duckdb.connect(str(opening.path), read_only=read_only, config=config)
        except duckdb.IOException as error:
            if not str(error).startswith(_LOCKED):  # a path may have "lock" in it, too
                raise
            waited = time.monotonic() - began
            if waited >= opening.busy_timeout:
                holder = holder_of(str(error))
                raise WarehouseBusy(opening.path, waited, None if holder is None else str(holder)) from error
            if opening.waiting is not None and waited >= tell_at:
                opening.waiting(opening.path, holder_of(str(error)))
                tell_at = waited + _TOLD_EVERY
            time.sleep(min(wait * random.uniform(0.5, 1.5), max(opening.busy_timeout - waited, 0.001)))
            wait = min(wait * 1.5, longest)


def _forget_unmade(path: Path) -> None:
    """DuckDB takes a file of no bytes for no database. One that has just been made may be another program's, which writes it now."""
    if time.time() - path.stat().st_mtime > _UNMADE_SECONDS:
        path.unlink(missing_ok=True)


def _config(opening: Opening, temp: Path) -> dict[str, str | bool | int | float | list[str]]:
    return {
        "memory_limit": f"{opening.memory_mb}MiB",
        "threads": str(opening.threads),
        "temp_directory": str(temp),
        "preserve_insertion_order": "false",
        "autoinstall_known_extensions": "false",
        "storage_compatibility_version": _STORAGE,
        "disabled_optimizers": _NOT_TRUSTED,
    }


def _room_to_spill(wanted: Path) -> Path:
    """Where a reader may spill to: a home may be read-only, or not be there, and stays as it is."""
    if wanted.parent.is_dir() and os.access(wanted.parent, os.W_OK):
        return wanted
    folder = Path(tempfile.gettempdir())
    return folder / f"{scratch_prefix(folder)}spilled"


@contextmanager
def in_memory(opening: Opening) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to an empty database that is gone with it."""
    connection = duckdb.connect(":memory:", config=_config(opening, _room_to_spill(opening.temp)))
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()
