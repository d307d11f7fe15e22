"""Opening: short, patient, and never half done."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.ingest.manifest import Staged
from pipeline.machine import program_of
from pipeline.settings import Settings
from pipeline.warehouse import (
    Holder,
    QueryError,
    Warehouse,
    WarehouseBehind,
    WarehouseBusy,
    WarehouseError,
    WarehouseMissing,
)
from pipeline.warehouse.connection import holder_of, transaction
from pipeline_tests.warehouse.conftest import make_sales, sale

Stage = Callable[..., Staged]

COMMITS = """
import sys
from pathlib import Path
from pipeline.warehouse import Warehouse
from pipeline_tests.warehouse.conftest import make_sales, sale
from pipeline_tests.warehouse.factory import stage_rows
folder, name, dataset = Path(sys.argv[1]), sys.argv[2], make_sales()
warehouse = Warehouse(folder / "warehouse.duckdb", {"sales": dataset})
for number in range(15):
    key = number + (1000 if name == "two" else 0)
    warehouse.commit(stage_rows(folder / name, dataset, f"{name}-{number}.csv", [sale(key)]))
"""

HOLDS = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
connection.close()
"""


def test_what_a_killed_process_spilled_goes_when_the_file_is_written_to_next(tmp_path: Path) -> None:
    spilled = tmp_path / "spilled"
    spilled.mkdir()
    for name in ("duckdb_temp_storage_DEFAULT-0.tmp", "duckdb_temp_block-77.block", "mine.tmp"):
        (spilled / name).write_text("left")
    warehouse = Warehouse(tmp_path / "warehouse.duckdb", {}, temp=spilled)
    with warehouse.session():
        assert [path.name for path in spilled.iterdir()] == ["mine.tmp"]
    (spilled / "duckdb_temp_storage_DEFAULT-0.tmp").write_text("of somebody who reads")
    with warehouse.reading():
        assert len(list(spilled.iterdir())) == 2


def test_two_processes_that_commit_at_once_lose_nothing(tmp_path: Path, warehouse: Warehouse) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", COMMITS, str(tmp_path), name]) for name in ("one", "two")
    ]
    assert [process.wait(timeout=60) for process in running] == [0, 0]

    assert warehouse.query("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM clean.sales").row(0) == (
        30,
        30,
    )
    seqs = warehouse.query("SELECT seq FROM ops.deliveries ORDER BY seq")["seq"].to_list()
    assert len(set(seqs)) == 30
    with warehouse.session() as session:
        assert session.recompute("sales", "daily")[0].rows == 1


def test_a_file_that_another_process_holds_is_waited_for_and_then_reported_as_busy(
    tmp_path: Path, stage: Stage
) -> None:
    path = tmp_path / "warehouse.duckdb"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None and holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    impatient = Warehouse(path, {"sales": make_sales()}, busy_timeout=0.3)
    with pytest.raises(WarehouseBusy, match=r"warehouse\.duckdb: another process has held"):
        impatient.commit(stage("a.csv", [sale(1)]))
    with pytest.raises(WarehouseBusy):
        impatient.query("SELECT 1")

    timer = threading.Timer(0.3, lambda: holder.communicate("\n"))
    timer.start()
    assert Warehouse(path, {"sales": make_sales()}).commit(stage("a.csv", [sale(1)])).status == "loaded"
    timer.join()


@pytest.mark.parametrize("name", ["block", "clock.duckdb", "locked", "Could not set lock on file x.duckdb"])
@pytest.mark.parametrize("content", [b"no database " * 1000, None])
def test_only_a_lock_is_waited_for_whatever_the_path_says(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    path = tmp_path / "blocks" / name
    path.parent.mkdir()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    began = time.monotonic()
    with (
        pytest.raises(duckdb.IOException, match=r"not a valid|Is a directory"),
        Warehouse(path, {}, busy_timeout=20).session(),
    ):
        raise AssertionError
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("how", ["reads", "writes"])
@pytest.mark.parametrize("opens", [Warehouse.session, Warehouse.reading])
def test_whom_an_open_waits_for_is_told_at_once(tmp_path: Path, how: str, opens: Callable[..., Any]) -> None:
    path, told = tmp_path / "w.duckdb", list[tuple[float, Holder | None]]()
    duckdb.connect(str(path)).close()
    code = HOLDS.replace("sys.argv[1])", f"sys.argv[1], read_only={how == 'reads'})")
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    began = time.monotonic()

    def listen(_: Path, who: Holder | None) -> None:
        told.append((time.monotonic() - began, who))
        if len(told) == 1:
            holder.communicate("\n")

    with opens(Warehouse(path, {}, waiting=listen)):
        pass
    if how == "reads" and opens is Warehouse.reading:
        assert told == []
        holder.communicate("\n")
        return
    [(after, who)] = told
    assert after < 5
    assert who is not None and (who.pid, who.reads) == (holder.pid, how == "reads")
    assert who.program.startswith("python")


@pytest.mark.parametrize(
    ("said", "holder"),
    [
        (
            "Conflicting lock is held in /opt/my duck (new)/duckdb (PID 99999999). See",
            Holder("duckdb", 99999999),
        ),
        (
            "Conflicting lock is held in python3 (PID 99999998) by user a.b. See also",
            Holder("python3", 99999998, "a.b"),
        ),
        ("Conflicting lock is held in x (PID 99999997) by user root", Holder("x", 99999997, "root")),
        (
            "Conflicting lock is held in x (PID 99999997). However, you would be able to open this database in read-only mode, e.g.",
            Holder("x", 99999997, None, reads=True),
        ),
        ("Conflicting lock is held elsewhere", None),
    ],
)
def test_who_holds_the_file_is_in_the_words_of_duckdb(said: str, holder: Holder | None) -> None:
    assert holder_of(f'IO Error: Could not set lock on file "/a (PID 1)/w": {said}') == holder


@pytest.mark.parametrize(
    "error",
    [
        WarehouseBusy(Path("w.duckdb"), 1.5),
        WarehouseBusy(Path("w.duckdb"), 1.5, "python has it open"),
        WarehouseMissing(Path("w.duckdb")),
        WarehouseBehind(Path("w.duckdb"), ("a", "b")),
    ],
)
def test_errors_of_the_warehouse_pass_between_processes(error: WarehouseError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))


def test_threads_of_one_process_take_turns(warehouse: Warehouse, stage: Stage) -> None:
    staged = [stage(f"{number}.csv", [sale(number)]) for number in range(8)]
    threads = [threading.Thread(target=warehouse.commit, args=(one,)) for one in staged]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warehouse.query("SELECT count(*) AS n FROM clean.sales")["n"][0] == 8


def test_a_session_that_fails_lets_go_of_the_file(warehouse: Warehouse) -> None:
    with pytest.raises(RuntimeError, match="mine"), warehouse.session():
        raise RuntimeError("mine")
    duckdb.connect(str(warehouse.path)).close()


def test_a_transaction_that_fails_leaves_nothing_and_the_connection_usable() -> None:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t (n INTEGER)")
    with pytest.raises(duckdb.Error), transaction(connection):
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("INSERT INTO t VALUES ('x')")
    with pytest.raises(KeyError), transaction(connection):
        connection.execute("INSERT INTO t VALUES (2)")
        raise KeyError
    with transaction(connection):
        connection.execute("INSERT INTO t VALUES (3)")
    assert connection.execute("SELECT n FROM t").fetchall() == [(3,)]


def test_reading_without_a_warehouse_says_what_to_do(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseMissing, match="Ingest a file first"):
        warehouse.query("SELECT 1")
    assert not warehouse.path.exists()


def test_a_query_cannot_write(warehouse: Warehouse, stage: Stage) -> None:
    warehouse.commit(stage("a.csv", [sale(1)]))
    with pytest.raises(QueryError, match="read-only"):
        warehouse.query("DELETE FROM clean.sales")


def test_the_memory_limit_follows_the_budget(settings: Settings) -> None:
    for budget, limit in ((1024, "256.0 MiB"), (256, "128.0 MiB")):
        warehouse = Warehouse.from_settings(settings.model_copy(update={"memory_mb": budget}), {})
        with warehouse.session() as session:
            assert session.query("SELECT current_setting('memory_limit') AS value")["value"][0] == limit


def test_a_deleted_warehouse_is_made_again(warehouse: Warehouse, stage: Stage) -> None:
    warehouse.commit(stage("a.csv", [sale(1)]))
    warehouse.path.unlink()
    warehouse.commit(stage("b.csv", [sale(2)]))
    assert warehouse.query("SELECT id FROM clean.sales")["id"].to_list() == [2]


def test_a_holder_is_named_by_what_it_was_started_as_without_its_options(tmp_path: Path) -> None:
    script = tmp_path / "pipeline"
    script.write_text("print(flush=True); input()")
    for words, said in (
        ([str(script), "ingest", "--key=secret"], "pipeline ingest"),
        ([str(script), "--key=secret"], "pipeline"),
        (["-m", "this", "secret"], f"{Path(sys.executable).name} -m this"),
        (["-c", "print(flush=True); input('secret')"], Path(sys.executable).name),
    ):
        running = subprocess.Popen(
            [sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert running.stdout is not None
        running.stdout.readline()
        told = program_of(running.pid)
        running.communicate("\n")
        assert told in (said, None)  # None: a system that does not say it, or a process that has ended
