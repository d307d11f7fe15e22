"""One window, publication, file, report or dataset that fails: everything else is done, and each of them is told.

What belongs here: the cases of these kinds with their right values, and further inputs of the same kinds: times at the ends of the
calendar, names that a file system hardly takes, rows that are held and released.
"""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import io
import json
import math
import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from dagster import DagsterInstance
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract import Cumulative, Session, Sliding, TimeWindow, Tumbling, agg
from pipeline.files.names import fitted
from pipeline.intake import Intake, open_intake, recompute_dirty, take_inbox
from pipeline.orchestration.build import build_definitions
from pipeline.settings import Settings
from pipeline.warehouse import PartsFailed
from pipeline_tests.product.support import pipeline
from pipeline_tests.warehouse.late import House, row

CASES = Path(__file__).parent


def ask(home: Path, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query on the warehouse."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def drop(home: Path, dataset: str, name: str, text: str) -> Path:
    """Put a file into the inbox."""
    path = home / "inbox" / dataset / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# ---- windows, publications, datasets


def test_far_dates_and_infinity_are_data(home: Path) -> None:
    case = CASES / "w3-far-dates"
    for name in ("members", "zebras"):
        shutil.copytree(case / name, home / "inbox" / name)
    for _ in range(2):
        done = pipeline(home, "ingest", PIPELINE_DATASETS=str(case))
        assert (done.returncode, done.stderr) == (0, "")
    first, second = ask(
        home,
        "SELECT window_start, people, total, mean, spread FROM windows.members_daily ORDER BY 1",
    )
    assert first[:4] == (datetime(2026, 1, 1), 1, math.inf, math.inf) and math.isnan(first[4])
    assert second == (datetime(9999, 12, 31), 1, 12.0, 12.0, None)
    stays = "SELECT window_start, n FROM windows.members_stays ORDER BY 1"
    assert ask(home, stays) == [(datetime(2026, 1, 1, 10), 2), (datetime(9999, 12, 31, 23, 59, 59), 1)]
    assert ask(home, "SELECT window_start, n FROM windows.zebras_daily") == [(datetime(2026, 1, 1), 1)]
    last = pq.read_table(home / "published" / "members" / "stays" / "9999-12-31.parquet").to_pylist()
    assert [(row["member"], row["window_end"].year) for row in last] == [("ben", 9999)]
    assert pipeline(home, "windows", "verify", "--all", PIPELINE_DATASETS=str(case)).returncode == 0
    shown = pipeline(home, "query", "FROM windows.members_daily", PIPELINE_DATASETS=str(case))
    assert shown.returncode == 0 and "9999-12-31" in shown.stdout


FAILING = """
from datetime import datetime
from typing import Annotated
import pandera.polars as pa
import polars as pl
from pipeline.contract import Dataset, Total, Tumbling, agg

class Row(pa.DataFrameModel):
    at: datetime
    code: str
    big: Annotated[pl.Decimal, 38, 0]

def made(name, **more):
    return Dataset(name, schema=Row, event_time="at", windows=[
        Tumbling("codes", every="1d", measures={"code": agg.sql("max(code::INTEGER)", "INTEGER")}),
        Tumbling("counts", every="1d", measures={"n": agg.count()}),
        Tumbling("sums", every="1d", measures={"big": agg.sum("big")}),
        Total("ever", measures={"big": agg.sum("big"), "n": agg.count()}),
    ], **more)

first, second, sealed = made("first"), made("second"), made("third", archive="encrypt")
"""
HUGE = "9" * 38
ROWS = f"at,code,big\n2026-01-01,x,{HUGE}\n2026-01-01,1,{HUGE}\n2026-01-02,2,5\n2026-03-01,y,1\n"
WHERE = [
    "dataset third",
    "window first/codes on 2026-01-01",
    "window first/codes on 2026-03-01",
    "window first/ever",
    "window first/sums on 2026-01-01",
    "publication first/counts",
]


@pytest.fixture
def failing(home: Path) -> Path:
    """A home in which a window of each kind, a publication and a dataset fail, and a second dataset that has nothing wrong."""
    (home / "declared").mkdir()
    (home / "declared" / "failing.py").write_text(FAILING)
    drop(home, "first", "a.csv", ROWS)
    drop(home, "second", "a.csv", "at,code,big\n2026-01-01,7,5\n")
    drop(home, "third", "a.csv", ROWS)
    (home / "published" / "first" / "counts" / "2026-01-02.parquet").mkdir(parents=True)
    return home


def house(home: Path) -> Intake:
    return open_intake(Settings(home=home, settle_seconds=0, datasets=str(home / "declared")))


def check_the_rest(home: Path) -> None:
    """Whatever does not fail is there."""
    assert ask(home, "SELECT window_start, code FROM windows.first_codes") == [(datetime(2026, 1, 2), 2)]
    assert ask(home, "SELECT sum(n) FROM windows.first_counts") == [(4,)]
    assert ask(home, "SELECT count(*), sum(big) FROM windows.first_sums") == [(2, 6)]
    assert ask(home, "SELECT code FROM windows.second_codes") == [(7,)]
    assert ask(home, "SELECT big, n FROM windows.second_ever WHERE _delivery IS NULL") == [(5, 1)]
    assert (home / "published" / "second" / "counts" / "2026-01-01.parquet").is_file()


def test_every_failure_is_told_and_nothing_else_is_held_up(failing: Path) -> None:
    declared = {"PIPELINE_DATASETS": str(failing / "declared")}
    for number in range(2):
        done = pipeline(failing, "ingest", **declared)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        # A line each: what, where, why, and what helps.
        assert all(done.stderr.count(where) == 1 for where in WHERE[1:]), done.stderr
        assert (WHERE[0] in done.stderr) and "PIPELINE_ARCHIVE_RECIPIENT" in done.stderr
        assert (
            "Mend it there, for example with try_cast" in done.stderr
            and "beyond what this figure can hold" in done.stderr
        )
        assert ("brought up to date" in done.stdout) == (number == 0)
        check_the_rest(failing)
    assert (failing / "inbox" / "third" / "a.csv").is_file()
    # What comes later is taken in, and shown, all the same.
    drop(failing, "second", "b.csv", "at,code,big\n2026-01-02,8,1\n")
    done = pipeline(failing, "ingest", **declared)
    assert done.returncode == 2 and "b.csv" in done.stdout
    assert ask(failing, "SELECT sum(n) FROM windows.second_counts") == [(2,)]
    # Mended, all of it comes right.
    (failing / "published" / "first" / "counts" / "2026-01-02.parquet").rmdir()
    drop(failing, "first", "a.csv", "at,code,big\n2026-01-01,3,4\n")
    drop(failing, "third", "a.csv", "").unlink()
    assert pipeline(failing, "ingest", **declared).returncode == 0
    assert ask(failing, "SELECT window_start, code FROM windows.first_codes") == [(datetime(2026, 1, 1), 3)]


def test_in_python_they_are_one_group(failing: Path) -> None:
    intake = house(failing)
    with pytest.raises(PartsFailed) as caught:
        list(take_inbox(intake))
    assert [one.where for one in caught.value.failures] == ["dataset third"]
    with pytest.raises(ExceptionGroup) as group:
        list(recompute_dirty(intake))
    assert isinstance(group.value, PartsFailed)
    found = {(one.part, one.dataset, one.name): one for one in group.value.failures}
    assert {one.where for one in found.values()} <= set(WHERE) and len(group.value.failures) == len(WHERE) - 1
    sums = found["window", "first", "sums"]
    assert sums.days == (date(2026, 1, 1),) and sums.lasting and isinstance(sums.__cause__, duckdb.DataError)
    assert "Overflow" in sums.cause and sums.remedy
    check_the_rest(failing)


def test_the_jobs_do_the_rest_before_they_fail(failing: Path, tmp_path: Path) -> None:
    (tmp_path / "dagster").mkdir()
    # What may pass by itself is tried again, after a pause that a test need not wait for.
    (failing / "published" / "first" / "counts" / "2026-01-02.parquet").rmdir()
    definitions = build_definitions(intake=house(failing))
    with DagsterInstance.local_temp(
        str(tmp_path / "dagster"), overrides={"telemetry": {"enabled": False}}
    ) as instance:
        for job, named in (("ingest", WHERE[:-1]), ("first_windows", WHERE[1:-1])):
            ran = definitions.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)
            failed = [event.step_failure_data for event in ran.all_events if event.is_step_failure]
            told = " ".join(
                one.user_failure_data.description or "" for one in failed if one.user_failure_data
            )
            assert not ran.success and [where for where in named if where not in told] == []
            check_the_rest(failing)


def test_a_report_that_cannot_be_written_stops_no_other(home: Path) -> None:
    (home / "declared").mkdir()
    (home / "declared" / "failing.py").write_text(FAILING)
    for name in ("a", "b", "c"):
        drop(home, "second", f"{name}.csv", f"at,code,big\n2026-01-01,{ord(name)},5\n")
    (home / "reports" / "second" / "b.csv.html").mkdir(parents=True)
    done = pipeline(home, "ingest", PIPELINE_DATASETS=str(home / "declared"))
    assert done.returncode == 2 and "report second/b.csv cannot be written" in done.stderr
    assert "c.csv" in done.stdout
    assert (home / "reports" / "second" / "c.csv.html").is_file()
    assert ask(home, "SELECT sum(n) FROM windows.second_counts") == [(3,)]


# ---- names

PLAIN = """
import pandera.polars as pa
from pipeline.contract import Dataset

class Row(pa.DataFrameModel):
    id: int
    x: str

t = Dataset("t", schema=Row)
"""
BINARY = b"\x00\x01\x02\x03" * 50
GOOD = b"id,x\n1,"


@pytest.fixture
def plain(home: Path) -> Path:
    """A home with a dataset `t` of two columns."""
    (home / "declared").mkdir()
    (home / "declared" / "plain.py").write_text(PLAIN)
    (home / "inbox" / "t").mkdir(parents=True)
    return home


def put(home: Path, name: str | bytes, content: bytes) -> None:
    """A file of any name into the inbox of `t`."""
    (home / "inbox" / "t" / os.fsdecode(name)).write_bytes(content)


def ingest(home: Path) -> str:
    """Take in what waits; all of it must go well."""
    done = pipeline(home, "ingest", PIPELINE_DATASETS=str(home / "declared"))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def waiting(home: Path) -> list[str]:
    return [name for _, _, names in os.walk(home / "inbox") for name in names]


@pytest.mark.parametrize(
    "name", ["Q" * 251 + ".csv", "Q" * 240 + ".csv", "\u58f2" * 80 + ".csv", "b." + "e" * 250, "Q" * 255]
)
def test_a_name_as_long_as_a_file_system_takes_is_put_away(plain: Path, name: str) -> None:
    put(plain, name, BINARY)
    for number in range(3):
        put(plain, f"z{number}.csv", GOOD + str(number).encode())
    ingest(plain)
    assert ask(plain, "SELECT count(*) FROM clean.t") == [(3,)] and waiting(plain) == []
    folder = plain / "quarantine" / "t"
    kept, reason = sorted(folder.iterdir(), key=lambda path: path.name.endswith(".reason.json"))
    assert kept.name == name and json.loads(reason.read_text())["file"] == name
    assert "Nothing waits" in ingest(plain)
    # Another version of the same name lies beside it, with a reason of its own.
    put(plain, name, BINARY + b"\x00")
    ingest(plain)
    assert len(list(folder.iterdir())) == 4 and waiting(plain) == []


def test_long_names_are_found_again(plain: Path) -> None:
    name = "L" * 251 + ".csv"
    for content in (b"a", b"b"):
        put(plain, name, GOOD + content)
        ingest(plain)
    declared = {"PIPELINE_DATASETS": str(plain / "declared")}
    done = pipeline(plain, "ingest", "t", "--from-archive", "--all", **declared)
    assert (done.returncode, done.stderr) == (0, "")
    assert ask(plain, "SELECT x FROM clean.t") == [("b",)]
    (page,) = (plain / "reports" / "t").glob("L*.json")
    assert json.loads(page.read_text())["file"]["original"] is not None


def test_a_zip_with_a_long_name_is_unpacked(plain: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", GOOD + b"zipped")
    put(plain, "Z" * 251 + ".zip", buffer.getvalue())
    ingest(plain)
    assert ask(plain, "SELECT x FROM clean.t") == [("zipped",)] and waiting(plain) == []
    assert "Nothing waits" in ingest(plain)


def test_names_that_are_no_utf_8_are_escaped_everywhere(plain: Path, tmp_path: Path) -> None:
    names = [b"bad\xff.csv", b"bad%FF.csv", b"m\xfcller/\xe9t\xe9.csv"]
    (plain / "inbox" / "t" / os.fsdecode(b"m\xfcller")).mkdir()
    for number, name in enumerate(names):
        put(plain, name, GOOD + str(number).encode())
    put(plain, b"refused\xfe.csv", BINARY)
    keys = ["bad%25FF.csv", "bad%FF.csv", "m%FCller/%E9t%E9.csv", "refused%FE.csv"]
    shown = ingest(plain)
    assert [key for key in keys if key not in shown] == []
    assert ask(plain, "SELECT delivery FROM ops.deliveries ORDER BY 1") == [(key,) for key in keys]
    assert ask(plain, "SELECT _delivery, x FROM clean.t ORDER BY 1") == [
        ("bad%25FF.csv", "1"), ("bad%FF.csv", "0"), ("m%FCller/%E9t%E9.csv", "2"),
    ]  # fmt: skip
    put(plain, "later.csv", GOOD + b"later")
    assert "later.csv" in ingest(plain) and waiting(plain) == []
    (reason,) = (plain / "quarantine" / "t").glob("*.reason.json")
    assert json.loads(reason.read_text())["file"] == "refused%FE.csv"
    pages = {json.loads(page.read_text())["delivery"] for page in (plain / "reports" / "t").rglob("*.json")}
    assert pages == {*keys, "later.csv"}
    # The other commands take such a path too.
    path = tmp_path / os.fsdecode(b"sm\xf6r.csv")
    path.write_bytes(GOOD + b"b")
    declared = {"PIPELINE_DATASETS": str(plain / "declared")}
    for command in (
        ("check", str(path), "--dataset", "t"),
        ("check", str(path), "--dataset", "t", "--json"),
        ("infer", str(path), "--out", str(tmp_path / "made.py")),
        ("ingest", "t", "--from-archive", "--all"),
        ("ingest", "--json"),
        ("status",),
    ):
        done = pipeline(plain, *command, **declared)
        assert done.returncode == 0, (command, done.stderr)


def test_odd_names_and_deep_folders_are_taken_like_any_other(plain: Path) -> None:
    names = ["new\nline.csv", "rtl\u202egpj.csv", "dot..csv", "space .csv", "trail.", "trail ", "nfde\u0301.csv",
             "nfc\u00e9.csv", "q'\"#*?.csv", "-rf.csv", "tab\t.csv", "100%.csv"]  # fmt: skip
    for number, name in enumerate(names):
        put(plain, name, GOOD + str(number).encode())
    inbox = os.open(plain / "inbox" / "t", os.O_RDONLY)
    deep = inbox
    for _ in range(18):  # a path that only just can be opened here is too long elsewhere
        os.mkdir("D" * 200, dir_fd=deep)
        deep = os.open("D" * 200, os.O_RDONLY, dir_fd=deep)
    for name, content in (("deep.csv", GOOD + b"deep"), ("bad.csv", BINARY)):
        with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=deep), "wb") as file:
            file.write(content)
    ingest(plain)
    assert ask(plain, "SELECT count(*), count(DISTINCT _delivery) FROM clean.t") == [(13, 13)]
    assert waiting(plain) == [] and "Nothing waits" in ingest(plain)
    declared = {"PIPELINE_DATASETS": str(plain / "declared")}
    again = pipeline(plain, "ingest", "t", "--from-archive", "--all", **declared)
    assert (again.returncode, again.stderr) == (0, "")
    assert ask(plain, "SELECT count(*) FROM clean.t") == [(13,)]


@pytest.mark.parametrize("suffix", ["", ".csv", ".reason.json", "." + "0" * 32 + ".age"])
def test_names_that_are_cut_stay_apart(suffix: str) -> None:
    fits = 255 - len(suffix)
    assert fitted("a" * fits, suffix) == "a" * fits + suffix
    long = {fitted("\u00e9" * 127 + end, suffix) for end in ("b", "c", "bb", "\udcff", "\udcfe")}
    assert len(long) == 5 and all(name.endswith(suffix) for name in long)
    assert max(len(os.fsencode(name)) for name in long) <= 255
    assert [os.fsdecode(os.fsencode(name)) for name in long] == list(long)


# ---- held rows


def as_held_and_as_repaired(folder: Path, windows: Sequence[TimeWindow]) -> tuple[House, House]:
    """Two warehouses of the same windows, one of which holds late rows."""
    houses = []
    for policy in ("hold", "repair"):
        (folder / policy).mkdir()
        houses.append(House(folder / policy, windows, lateness="1h", late=policy, timezone="Europe/Berlin"))
    return houses[0], houses[1]


def stale(house: House) -> dict[str, int]:
    """Windows that are not what the rows give, though nothing says that they are out of date."""
    with house.session() as session:
        found = {
            window.name: session.verify("readings", window.name, sampled=None).differences
            for window in house.dataset.windows
        }
    return {name: count for name, count in found.items() if count}


def test_released_rows_fill_as_repaired_ones_do(tmp_path: Path) -> None:
    filled = Tumbling("filled", every="1d", by=["place"], fill="zero", measures={"n": agg.count()})
    held, repaired = as_held_and_as_repaired(tmp_path, [filled])
    for house in (held, repaired):
        house.load("a.csv", row(7 * 24), row(31 * 24))
        house.load("b.csv", row(27 * 24, place="B"))
    assert [place for _, place, *_ in held.windows("filled")].count("B") == 0
    with held.session() as session:
        (done,) = session.release("readings")
    assert done.days == tuple(date(2025, 3, 30) + timedelta(days=n) for n in range(5))
    held.recompute()
    of_b = [(start.day, n) for start, place, n, _ in held.windows("filled") if place == "B"]
    assert of_b == [(29, 1), (30, 0), (31, 0), (1, 0), (2, 0)]
    assert held.windows("filled") == repaired.windows("filled") and stale(held) == {}


MEASURED = {
    "n": agg.count(),
    "sum": agg.sum("heat"),
    "middle": agg.median("heat"),
    "kinds": agg.count_distinct("heat"),
}
OF_EACH_KIND = [
    Tumbling("filled", every="1d", by=["place"], fill="zero", measures=MEASURED),
    Tumbling("of_all", every="2d", fill="null", measures={"mean": agg.avg("heat")}),
    Sliding("slid", size="36h", every="12h", by=["place"], fill="zero", measures=MEASURED),
    Cumulative("growing", period="1w", every="1d", by=["place"], measures={"most": agg.max("heat")}),
    Session("stays", gap="30h", by=["place"], measures={"first": agg.first("heat"), "n": agg.count()}),
]
STEPS = st.lists(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("AB")), min_size=1, max_size=3),
    min_size=2,
    max_size=4,
)


@settings(max_examples=settings().max_examples // 30)
@given(deliveries=STEPS, data=st.data())
def test_whatever_is_released_ends_as_if_it_had_been_repaired(
    deliveries: list[list[tuple[int, str]]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        held, repaired = as_held_and_as_repaired(Path(folder), OF_EACH_KIND)
        with held.opened(), repaired.opened():
            for number, parts in enumerate(deliveries):
                rows = [row(12 * half_days, number, place) for half_days, place in parts]
                for house in (held, repaired):
                    house.load(f"{number}.csv", *rows, sha256=str(number))
                if data.draw(st.booleans()):
                    window = data.draw(st.sampled_from([None, *(one.name for one in OF_EACH_KIND)]))
                    delivery = data.draw(st.sampled_from([None, "0.csv", "1.csv"]))
                    with held.session() as session:
                        session.release("readings", window, delivery)
                    held.recompute()
                assert stale(held) == {}
            with held.session() as session:
                session.release("readings")
            held.recompute()
            assert stale(held) == {}
            for window in OF_EACH_KIND:
                assert held.windows(window.name) == repaired.windows(window.name)


# ---- the ends of the calendar

AT_THE_ENDS = """
from datetime import datetime
import pandera.polars as pa
from pipeline.contract import Cumulative, Dataset, Session, Sliding, Tumbling, agg

class Row(pa.DataFrameModel):
    moment: datetime
    x: str

ends = Dataset("ends", schema=Row, event_time="moment", timezone="{zone}", publish="all", lateness="1h", windows=[
    Tumbling("hourly", every="1h", measures={{"n": agg.count()}}),
    Tumbling("daily", every="1d", measures={{"n": agg.count()}}),
    Tumbling("odd", every="1mo", by=["x"]),
    Cumulative("grown", period="1w", every="1d", measures={{"n": agg.count()}}),
    Sliding("slid", size="3d", every="1d", measures={{"n": agg.count()}}),
    Session("stays", gap="36h", measures={{"n": agg.count()}}),
])
"""
LATEST = datetime(9999, 12, 31, 23, 59, 59, 999_999)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_rows_at_the_ends_of_the_calendar_are_in_their_windows(home: Path, zone: str) -> None:
    (home / "declared").mkdir()
    (home / "declared" / "ends.py").write_text(AT_THE_ENDS.format(zone=zone))
    utc = zone == "UTC"
    moments = ["0001-01-02 00:00:00", "2026-01-01 12:00:00", "9999-12-31 12:00:00", "9999-12-30 23:59:59"]
    if zone != "America/New_York":
        moments += ["9999-12-31 23:59:59.999999", "9999-12-31T23:30:00Z"]
    moments += ["0001-01-01 00:00:00"] if utc else []
    drop(home, "ends", "a.csv", "moment,x\n" + "".join(f"{moment},a\n" for moment in moments))
    declared = {"PIPELINE_DATASETS": str(home / "declared")}
    done = pipeline(home, "ingest", **declared)
    assert (done.returncode, done.stderr) == (0, "")
    for window in ("hourly", "daily", "odd", "stays"):
        assert ask(home, f"SELECT sum(row_count) FROM windows.ends_{window}") == [(len(moments),)], window
    for window in ("hourly", "daily", "odd", "grown", "slid", "stays"):
        assert ask(
            home, f"SELECT count(*) FROM windows.ends_{window} WHERE window_end > '{LATEST}' OR window_start < '0001-01-01'"
        ) == [(0,)]  # fmt: skip
    assert (
        ask(home, "SELECT count(*), count(DISTINCT (window_start, window_end)) FROM windows.ends_grown")[0][0]
        > 6
    )
    files = (home / "published" / "ends" / "clean").glob("*.parquet")
    assert sum(pq.read_metadata(path).num_rows for path in files) == len(moments)
    found = pipeline(home, "windows", "verify", "ends", "--all", **declared)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout
    assert "Nothing waits" in pipeline(home, "ingest", **declared).stdout
