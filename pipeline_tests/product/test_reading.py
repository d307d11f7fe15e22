"""Commands that only read: they change nothing, whatever the home is like, and read beside each other and beside a writer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from pipeline import doctor, status
from pipeline.warehouse import Warehouse
from pipeline_tests.product.support import SAMPLES, drop, pipeline

Tree = dict[str, tuple[int, int]]

HOLDS = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reads")
print("held", flush=True)
sys.stdin.readline()
"""

READS = [
    ["status"],
    ["status", "--json"],
    ["doctor"],
    ["errors", "orders"],
    ["errors", "orders", "--delivery", "2026-11-16.csv"],
    ["errors", "orders", "--out", "OUT/errors.csv"],
    ["query", "SELECT count(*) FROM ops.deliveries"],
    ["explain", "orders/daily_by_department"],
    ["check", str(SAMPLES / "orders" / "2026-11-16.csv"), "--dataset", "orders"],
    ["plot", "orders/daily_by_department", "--out", "OUT/plot.svg"],
    ["windows", "late"],
    ["windows", "verify"],
    ["retain", "--dry-run"],
    ["migrate", "--dry-run"],
]


def tree(folder: Path) -> Tree:
    """Every path below a folder, and the folder itself: size and time of change."""
    if not folder.exists():
        return {}
    found = [folder, *folder.rglob("*")]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two deliveries loaded and one that waits; nothing here changes it."""
    home = tmp_path_factory.mktemp("loaded") / "home"
    drop(SAMPLES / "orders" / "2026-11-16.csv", home, "orders")
    drop(SAMPLES / "sales" / "week 47.csv", home, "sales")
    assert pipeline(home, "ingest").returncode == 0
    drop(SAMPLES / "orders" / "2026-11-17.xlsx", home, "orders")
    return home


@contextmanager
def held(home: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has a home's warehouse open, until `let_go` or the end of the block."""
    command = [sys.executable, "-c", HOLDS, str(home / "warehouse.duckdb"), how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        let_go(process)


def let_go(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.communicate("\n")


def typed(command: list[str], out: Path) -> list[str]:
    return [word.replace("OUT", str(out)) for word in command]


@pytest.mark.parametrize("command", READS, ids=" ".join)
def test_a_command_that_reads_leaves_a_home_as_it_is(
    loaded: Path, tmp_path: Path, command: list[str]
) -> None:
    before = tree(loaded)
    done = pipeline(loaded, *typed(command, tmp_path))
    assert done.returncode in (0, 1), done.stderr  # `check` finds the rejected rows
    assert tree(loaded) == before


@pytest.mark.parametrize("command", READS, ids=" ".join)
def test_a_command_that_reads_makes_no_home(tmp_path: Path, command: list[str]) -> None:
    home, out = tmp_path / "new" / "home", tmp_path / "out"
    out.mkdir()
    done = pipeline(home, *typed(command, out))
    assert done.returncode in (0, 1, 2) and "Traceback" not in done.stderr
    if command[0] in ("status", "doctor", "check", "retain", "migrate", "explain"):
        assert done.returncode == (command[0] == "check"), done.stderr
    assert not home.parent.exists()


def test_what_a_killed_writer_left_is_read_and_stays(loaded: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "warehouse.duckdb").write_bytes((loaded / "warehouse.duckdb").read_bytes())
    killed = (
        "import duckdb, os, sys; c = duckdb.connect(sys.argv[1]);"
        "c.execute(\"INSERT INTO ops.deliveries BY NAME SELECT * REPLACE ('later.csv' AS delivery) FROM ops.deliveries LIMIT 1\");"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", killed, str(home / "warehouse.duckdb")], check=False)
    assert (home / "warehouse.duckdb.wal").stat().st_size
    before = tree(home)
    found = json.loads(pipeline(home, "status", "--json").stdout)
    assert "later.csv" in [entry["delivery"] for entry in found["deliveries"]]
    assert pipeline(home, "doctor").returncode == 0
    assert tree(home) == before


def test_readers_read_beside_another_reader(loaded: Path, tmp_path: Path) -> None:
    with held(loaded, "reads"):
        for command in READS:
            done = pipeline(
                loaded, *typed(command, tmp_path), *(["--force"] if "errors.csv" in command[-1] else [])
            )
            assert done.returncode in (0, 1), (command, done.stderr)
            assert "Waiting" not in done.stderr


def test_status_beside_a_writer_shows_what_waits_and_who_writes(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_PATIENCE", 0.5)
    with held(loaded, "writes") as holder:
        done, told = pipeline(loaded, "status", "--json"), pipeline(loaded, "status")
    assert (done.returncode, told.returncode) == (0, 0)
    found = json.loads(done.stdout)
    assert found["busy"] and str(holder.pid) in found["not_read"]
    [orders] = [one for one in found["datasets"] if one["dataset"] == "orders"]
    assert (orders["waiting"], orders["rows_clean"]) == (1, None)
    assert "Waiting for the warehouse" in done.stderr and str(holder.pid) in done.stderr
    assert f"process {holder.pid}" in told.stdout


def test_a_reader_waits_no_longer_than_the_writer_holds_the_file(loaded: Path) -> None:
    with held(loaded, "writes") as holder:
        ends = threading.Timer(0.8, let_go, [holder])
        ends.start()
        done = pipeline(loaded, "query", "SELECT count(*) AS n FROM clean.orders", "--json")
        ends.join()
    assert json.loads(done.stdout) == [{"n": 115}]
    assert str(holder.pid) in done.stderr


def test_doctor_beside_a_writer_names_it(loaded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PATIENCE", 0.4)
    with held(loaded, "writes") as holder:
        done = pipeline(loaded, "doctor", "--json")
    assert done.returncode == 1
    [fault] = [one for one in json.loads(done.stdout) if not one["ok"]]
    assert fault["check"] == "warehouse" and f"process {holder.pid}" in fault["found"]


@pytest.fixture
def behind(loaded: Path, tmp_path: Path) -> Path:
    """The same home as an earlier version of the program would have left it."""
    home = tmp_path / "behind"
    shutil.copytree(loaded, home)
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute(
            "DELETE FROM ops.migrations WHERE version = (SELECT max(version) FROM ops.migrations)"
        )
        connection.execute("DROP TABLE ops.joined_rows")
    return home


@pytest.mark.parametrize("command", READS, ids=" ".join)
def test_a_warehouse_of_an_earlier_version_stays_as_it_is(
    behind: Path, tmp_path: Path, command: list[str]
) -> None:
    before = tree(behind)
    done = pipeline(behind, *typed(command, tmp_path))
    assert tree(behind) == before
    if command[0] in (
        "query",
        "explain",
        "check",
        "migrate",
        "retain",
    ):  # of these samples nothing is retained
        assert done.returncode in (0, 1), done.stderr
    else:
        assert done.returncode == (1 if command[0] == "doctor" else 2)
        assert "pipeline migrate" in done.stdout + done.stderr


@pytest.mark.parametrize("content", [b"no database " * 1000, None, 300_000], ids=["text", "folder", "cut"])
@pytest.mark.parametrize(
    "command", [["status"], ["doctor"], ["errors", "orders"], ["query", "FROM clean.orders"]], ids=" ".join
)
def test_a_spoilt_warehouse_is_one_readable_message(
    loaded: Path, tmp_path: Path, command: list[str], content: bytes | int | None
) -> None:
    path = tmp_path / "home" / "warehouse.duckdb"
    path.parent.mkdir()
    if content is None:
        path.mkdir()
    elif isinstance(content, int):
        path.write_bytes((loaded / "warehouse.duckdb").read_bytes()[:content])
    else:
        path.write_bytes(content)
    done = pipeline(path.parent, *command)
    assert done.returncode == (1 if command == ["doctor"] else 2)
    assert str(path) in " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    "command", [["status"], ["doctor"], ["errors", "orders"], ["windows", "late"]], ids=" ".join
)
def test_a_warehouse_of_no_bytes_is_none_yet(tmp_path: Path, command: list[str]) -> None:
    """A writer that was killed as it began, or found the disk full, leaves one; the next makes it."""
    path = tmp_path / "home" / "warehouse.duckdb"
    path.parent.mkdir()
    path.touch()
    done = pipeline(path.parent, *command)
    assert done.returncode == 0, done.stderr
    assert path.stat().st_size == 0
    os.utime(path, (1e9, 1e9))
    with Warehouse(path, {}).session() as session:
        assert session.entries() == []


DECLARED_SINCE = """
from datetime import datetime
import pandera.polars as pa
from pipeline.contract import Dataset, Tumbling, agg

class Fresh(pa.DataFrameModel):
    n: int
    at: datetime

fresh = Dataset("fresh", schema=Fresh, event_time="at", keep_rows="30d",
                windows=[Tumbling("daily", every="1d", measures={"rows": agg.count()})])
"""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["errors", "fresh"], "No row of fresh is rejected"),
        (["errors", "fresh", "--out", "OUT/x.csv"], "No row of fresh is rejected"),
        (["windows", "verify", "fresh"], "fresh/daily"),
        (["windows", "late", "fresh"], "No row came late"),
        (["retain", "fresh", "--dry-run"], "0 clean rows"),
        (["status"], "fresh"),
    ],
)
def test_a_dataset_that_was_declared_since_has_no_rows_yet(
    loaded: Path, tmp_path: Path, command: list[str], said: str
) -> None:
    places = tmp_path / "places"
    places.mkdir()
    (places / "fresh.py").write_text(DECLARED_SINCE, encoding="utf-8")
    before = tree(loaded)
    done = pipeline(loaded, *typed(command, tmp_path), PIPELINE_DATASETS=str(places))
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert tree(loaded) == before
