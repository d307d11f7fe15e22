"""What readers outside find in `published/`: the tables of the warehouse, by day, each file whole."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from pipeline.contract import Session, Sliding, Total, Tumbling, agg
from pipeline.published import NotPublished, read_published
from pipeline.warehouse import Warehouse
from pipeline.warehouse.publish import files, open_rows, publishing
from pipeline.warehouse.windows import clock
from pipeline_tests.product.support import files_below
from pipeline_tests.warehouse.conftest import make_sales, sale
from pipeline_tests.warehouse.factory import stage_rows

MONDAY = datetime(2025, 3, 3, 10)
WINDOWS = [
    Tumbling("daily", every="1d", by=["shop"], measures={"revenue": agg.sum("amount"), "codes": agg.count_distinct("code")}),
    Tumbling("plain", every="1d", by=["shop"], measures={"revenue": agg.sum("amount")}),
    Sliding("last_hour", size="1h", every="15m", measures={"sales": agg.count()}),
    Total("by_shop", by=["shop"], measures={"revenue": agg.sum("amount")}),
]  # fmt: skip


class House:
    """A warehouse that publishes, and a way to load rows into it."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.published = folder / "published"
        self.declare(**changes)

    def declare(self, **changes: Any) -> None:
        """The dataset as it is declared from now on."""
        self.dataset = changes.pop("dataset", None) or make_sales(**({"windows": WINDOWS} | changes))
        self.warehouse = Warehouse(
            self.folder / "w.duckdb", {self.dataset.name: self.dataset}, published=self.published
        )

    def load(self, delivery: str, rows: list[dict[str, Any]], **options: Any) -> None:
        """Commit rows and recompute all windows."""
        staged = stage_rows(self.folder / "staging", self.dataset, delivery, rows, **options)
        with self.warehouse.session() as session:
            session.commit(staged)
            session.publish([] if self.dataset.windows else None)
            for window in self.dataset.windows:
                session.recompute(self.dataset.name, window.name)

    def files(self, window: str) -> dict[str, int]:
        """Name → when it was written, of a window's files."""
        folder = self.published / self.dataset.name / window
        return {name: (folder / name).stat().st_mtime_ns for name in files_below(folder)}

    def read(self, window: str, **asked: Any) -> pl.DataFrame:
        return read_published(self.published, self.dataset.name, window, **asked)

    def stored(self, window: str) -> pl.DataFrame:
        with self.warehouse.session(read_only=True) as session:
            return session.window_rows(self.dataset.name, window)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def days(count: int, first: int = 1, at: datetime = MONDAY) -> list[dict[str, Any]]:
    """Two sales on each of so many days."""
    return [
        sale(
            first + 2 * n + k,
            at=at + timedelta(days=n, minutes=k),
            shop="AB"[k],
            code=f"c{first + 2 * n + k}",
        )
        for n in range(count)
        for k in (0, 1)
    ]


def test_each_window_is_published_by_day_as_the_table_has_it(house: House) -> None:
    house.load("a.csv", days(3))

    assert list(house.files("plain")) == ["2025-03-03.parquet", "2025-03-04.parquet", "2025-03-05.parquet"]
    assert list(house.files("by_shop")) == ["total.parquet"]
    for window in ("daily", "plain", "last_hour", "by_shop"):
        stored = house.stored(window)
        assert stored.height > 0
        key = ["window_start", "_delivery", "shop"]
        by = [name for name in key if name in stored.columns]
        assert house.read(window).sort(by).equals(stored.sort(by)), window
    newest = house.published / "sales" / "plain" / "2025-03-05.parquet"
    assert pl.read_parquet(newest)["window_start"].unique().to_list() == [datetime(2025, 3, 5, tzinfo=UTC)]


def test_moments_are_marked_as_such_and_local_time_is_beside_them(tmp_path: Path) -> None:
    measures = {"n": agg.count(), "newest": agg.max("sold_at")}
    windows = [Tumbling("daily", every="1d", measures=measures), Total("all", measures=measures)]
    house = House(tmp_path, windows=windows, timezone="Asia/Beirut", publish="all")
    house.load("a.csv", [sale(1, at=datetime(2026, 3, 28, 22, 30)), sale(2, at=datetime(2026, 3, 29, 21))])
    path = house.published / "sales" / "daily" / "2026-03-29.parquet"
    (row,) = pl.read_parquet(path).to_dicts()
    assert (row["window_start"], row["window_end"]) == (
        datetime(2026, 3, 28, 22, tzinfo=UTC),
        datetime(2026, 3, 29, 21, tzinfo=UTC),
    )
    assert (row["local_start"], row["local_end"], row["day"]) == (
        datetime(2026, 3, 29, 1),
        datetime(2026, 3, 30),
        date(2026, 3, 29),
    )
    assert row["newest"] == datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
    schema = pq.read_schema(path)
    instants = {
        name: schema.field(name).type.tz for name in schema.names if "TIMESTAMP" in _logical(path, name)
    }
    assert instants == {
        "window_start": "UTC", "window_end": "UTC", "newest": "UTC", "computed_at": "UTC", "local_start": None, "local_end": None,
    }  # fmt: skip
    said = {name: schema.field(name).metadata[b"comment"].decode() for name in schema.names}
    assert said["window_start"] == "start of the window, inclusive; UTC"
    assert said["local_start"].endswith("local time of Asia/Beirut") and said["day"].endswith("Asia/Beirut")
    clean = pl.read_parquet(house.published / "sales" / "clean" / "2026-03-29.parquet")
    assert clean["sold_at"].to_list() == [datetime(2026, 3, 28, 22, 30, tzinfo=UTC)]
    assert house.read("daily").rows() == house.stored("daily").rows()
    since = house.read("daily", since=datetime(2026, 3, 29, 21))
    assert since["day"].to_list() == [date(2026, 3, 30)]


def _logical(path: Path, name: str) -> str:
    with pq.ParquetFile(path) as file:
        names = file.schema.names
        return str(file.schema.column(names.index(name)).logical_type).upper()


def test_files_of_a_version_that_knew_no_local_time_are_read_beside_others(house: House) -> None:
    house.load("a.csv", days(3))
    path = house.published / "sales" / "plain" / "2025-03-03.parquet"
    older = pl.read_parquet(path).drop("local_start", "local_end", "day")
    older.with_columns(
        pl.col("window_start", "window_end", "computed_at").dt.replace_time_zone(None)
    ).write_parquet(path)
    found = house.read("plain", since=datetime(2025, 3, 3), until=datetime(2025, 3, 5))
    rows = found.select("window_start", "day").unique(maintain_order=True).rows()
    assert rows == [(datetime(2025, 3, 3), None), (datetime(2025, 3, 4), date(2025, 3, 4))]


def test_only_days_that_changed_are_written_again(house: House) -> None:
    house.load("a.csv", days(4))
    before = house.files("plain")

    house.load("b.csv", [sale(100, at=MONDAY + timedelta(days=1))])
    after = house.files("plain")

    changed = [name for name in after if after[name] != before.get(name)]
    assert changed == ["2025-03-04.parquet"]
    with house.warehouse.session() as session:
        session.recompute("sales", "plain", [date(2025, 3, 3), date(2025, 3, 4)])
    assert house.files("plain") == after


def test_a_day_that_becomes_final_is_written_again(house: House) -> None:
    house.load("a.csv", days(2))
    before = house.files("plain")
    house.load("b.csv", days(1, first=50, at=MONDAY + timedelta(days=5)))

    after = house.files("plain")
    assert [name for name in before if after[name] != before[name]] == ["2025-03-04.parquet"]
    assert house.read("plain")["is_final"].to_list() == [True] * 4 + [False] * 2


def test_a_day_without_windows_loses_its_file(house: House) -> None:
    house.load("a.csv", days(2))
    house.load("a.csv", days(1, at=MONDAY + timedelta(days=1)))

    assert list(house.files("plain")) == ["2025-03-04.parquet"]
    assert list(house.files("daily")) == ["2025-03-04.parquet", "open/2025-03-04.parquet"]


def test_files_are_sorted_in_small_row_groups_with_statistics(tmp_path: Path) -> None:
    window = Tumbling("fives", every="5s", by=["shop"], measures={"sales": agg.count()})
    house = House(tmp_path, windows=[window])
    rows = [
        sale(number, at=datetime(2025, 3, 3) + timedelta(seconds=5 * (number * 7919 % 17_000)), shop="AB"[number % 2])
        for number in range(20_000)
    ]  # fmt: skip
    house.load("a.csv", rows)

    with pq.ParquetFile(house.published / "sales" / "fives" / "2025-03-03.parquet") as file:
        meta = file.metadata
        groups = [meta.row_group(n) for n in range(meta.num_row_groups)]
        frame = pl.DataFrame(file.read())
    assert [group.num_rows for group in groups[:-1]] == [publishing.GROUP_ROWS] * (len(groups) - 1)
    assert len(groups) > 1 and groups[-1].num_rows <= publishing.GROUP_ROWS
    assert frame.equals(frame.sort("window_start", "shop"))
    starts = [group.column(0).statistics for group in groups]
    assert all(one.max <= other.min for one, other in itertools.pairwise(starts))
    assert [column.column_index for column in groups[0].sorting_columns] == [0, 2]


def test_whole_numbers_of_any_size_and_maps_are_published_as_they_are(tmp_path: Path) -> None:
    measures = {"ids": agg.sum("id"), "shops": agg.distribution("shop")}
    house = House(tmp_path, windows=[Tumbling("daily", every="1d", measures=measures)])
    house.load("a.csv", [sale(2**62 + n) for n in range(8)])

    path = house.published / "sales" / "daily" / "2025-03-03.parquet"
    assert duckdb.sql(f"SELECT ids, shops['A'] FROM '{path}'").fetchall() == [(8 * 2**62 + 28, 8)]
    assert house.read("daily")["shops"].to_list() == [{"A": 8}]


def test_a_reader_sees_only_whole_files_while_they_are_rewritten(house: House) -> None:
    house.load("a.csv", days(1))
    stop, seen = threading.Event(), list[tuple[int, int]]()

    def read_on() -> None:
        while not stop.is_set():
            frame = house.read("plain")
            seen.append((frame.height, frame["row_count"].sum()))

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read_on) for _ in range(2)]
        try:
            for number in range(15):
                shops = [sale(100 * (number + 1) + k, shop=f"{k}") for k in range(50)]
                house.load("b.csv", shops if number % 2 else shops[:20])
        finally:
            stop.set()
        for reader in readers:
            reader.result()

    assert set(seen) <= {(2, 2), (22, 22), (52, 52)} and len(set(seen)) > 1


KILLED = """
import sys
from pathlib import Path
from pipeline_tests.product.killer import arm
from pipeline_tests.warehouse.test_published import House, days
house = House(Path(sys.argv[1]))
house.load("a.csv", days(2))
arm(sys.argv[2])
house.load("a.csv", days(3, first=50))
"""


@pytest.mark.parametrize(
    "boundary",
    [
        "pipeline.warehouse.publish.publishing:publish:before:2",
        "pipeline.warehouse.publish.files:write:after:1",
        "pipeline.warehouse.publish.files:os.fsync:before:2",
        "pipeline.warehouse.publish.marks:clear:before:1",
    ],
)
def test_killed_between_the_commit_and_its_files_the_next_run_publishes(
    tmp_path: Path, boundary: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), boundary], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr

    house = House(tmp_path)
    with house.warehouse.session() as session:
        for mark in session.dirty():
            session.recompute("sales", mark.window)
        session.publish()

    undisturbed = House(tmp_path / "other")
    undisturbed.load("a.csv", days(3, first=50))
    for window in ("daily", "plain", "last_hour"):
        figures = pl.exclude("revision", "computed_at")
        assert house.read(window).select(figures).equals(undisturbed.read(window).select(figures))
        assert list(house.files(window)) == list(undisturbed.files(window))


def test_rows_of_open_windows_are_published_where_figures_cannot_be_added_to(house: House) -> None:
    house.load("a.csv", days(3))

    assert [name for name in house.files("plain") if name.startswith("open/")] == []
    assert [name for name in house.files("daily") if name.startswith("open/")] == ["open/2025-03-05.parquet"]
    rows = pl.read_parquet(house.published / "sales" / "daily" / "open" / "2025-03-05.parquet")
    assert rows.columns == ["shop", "amount", "sold_at", "code", "_delivery", "_row"]
    assert rows["code"].to_list() == ["c5", "c6"]


def test_open_rows_follow_what_is_open_and_only_their_changed_days_are_written(tmp_path: Path) -> None:
    window = Tumbling("monthly", every="1mo", measures={"codes": agg.count_distinct("code")})
    house = House(tmp_path, windows=[Sliding("days", size="3d", every="1d", measures=window.measures)])
    house.load("a.csv", days(5))
    before = house.files("days/open")
    # The window that starts on the 5th is open; those of the 3rd and 4th that reach into it have ended.
    assert list(before) == ["2025-03-05.parquet", "2025-03-06.parquet", "2025-03-07.parquet"]

    # Two codes change places: no figure changes, and yet other rows are behind it.
    swapped = days(5)
    swapped[8]["code"], swapped[9]["code"] = swapped[9]["code"], swapped[8]["code"]
    house.load("a.csv", swapped)
    after = house.files("days/open")
    assert [name for name in after if after[name] != before[name]] == ["2025-03-07.parquet"]

    house.load("b.csv", days(1, first=50, at=MONDAY + timedelta(days=30)))
    assert list(house.files("days/open")) == ["2025-04-02.parquet"]


def test_conditions_and_expressions_may_look_at_any_column(tmp_path: Path) -> None:
    plain = Tumbling("w", every="1d", measures={"codes": agg.count_distinct("code")})
    free = Tumbling("w", every="1d", measures={"codes": agg.count_distinct("code", where="amount > 1")})
    sales = make_sales()
    assert open_rows.row_columns(sales, plain) == ["sold_at", "code", "_delivery", "_row"]
    assert open_rows.row_columns(sales, free) == [*sales.column_names, "_delivery", "_row"]


def test_the_clean_table_is_published_by_day_where_the_dataset_says_so(tmp_path: Path) -> None:
    house = House(tmp_path, publish="all")
    house.load("a.csv", days(3))
    before = house.files("clean")
    assert list(before) == ["2025-03-03.parquet", "2025-03-04.parquet", "2025-03-05.parquet"]

    house.load("b.csv", [sale(100, at=MONDAY + timedelta(days=1))])
    after = house.files("clean")
    assert [name for name in after if after[name] != before[name]] == ["2025-03-04.parquet"]
    published = pl.read_parquet(house.published / "sales" / "clean" / "*.parquet").with_columns(
        pl.col("sold_at").dt.replace_time_zone(None)  # marked as a moment there
    )
    table = house.warehouse.query("SELECT * FROM clean.sales ORDER BY sold_at, _delivery, _row")
    assert published.equals(table)

    house.load("a.csv", days(1))  # its later version has fewer days
    assert list(house.files("clean")) == ["2025-03-03.parquet", "2025-03-04.parquet"]


def test_a_clean_table_without_windows_or_event_time_is_published_by_delivery(tmp_path: Path) -> None:
    house = House(tmp_path, publish="all", windows=[], event_time=None)
    house.load("new/a:b.csv", days(2))
    house.load("c.csv", [sale(100)])
    before = house.files("clean")
    assert list(before) == ["c.csv.parquet", "new%2Fa%3Ab.csv.parquet"]

    house.load("c.csv", [sale(101)])
    after = house.files("clean")
    assert [name for name in after if after[name] != before[name]] == ["c.csv.parquet"]
    assert pl.read_parquet(house.published / "sales" / "clean" / "c.csv.parquet")["id"].to_list() == [101]


def test_a_dataset_may_publish_nothing_and_begin_again(house: House) -> None:
    house.load("a.csv", days(2))
    foreign = house.published / "sales" / "notes.txt"
    foreign.write_text("somebody's own")

    house.declare(publish="nothing")
    house.load("b.csv", [sale(100)])
    assert files_below(house.published) == ["sales/notes.txt"]
    assert house.warehouse.query("SELECT * FROM ops.unpublished").is_empty()

    house.declare()
    house.load("c.csv", [sale(101, at=MONDAY + timedelta(days=1))])
    assert house.read("plain").sort("window_start", "shop").equals(house.stored("plain"))


def test_files_of_a_window_that_is_declared_otherwise_or_no_more_go(house: House) -> None:
    house.load("a.csv", days(3))
    other = Tumbling("plain", every="7d", measures={"revenue": agg.sum("amount")})
    before = house.files("plain")
    house.declare(windows=[other])
    with house.warehouse.session() as session:
        session.publish()
        assert house.files("plain") == before  # readers keep what is there until there is something new
        session.recompute("sales", "plain")

    assert files_below(house.published) == ["sales/plain/2025-03-03.parquet"]
    assert house.read("plain").equals(house.stored("plain"))


def test_what_somebody_deleted_is_published_again(house: House) -> None:
    house.load("a.csv", days(2))
    before = house.read("plain")
    for path in (house.published / "sales" / "plain").iterdir():
        path.unlink()
    (house.published / "sales" / "plain").rmdir()
    with house.warehouse.session() as session:
        assert session.publish() == 2
        assert session.publish() == 0
    assert house.read("plain").equals(before)


def test_nothing_of_an_older_warehouse_stays(house: House) -> None:
    house.load("a.csv", days(3))
    house.warehouse.path.unlink()
    house.declare()
    house.load("b.csv", days(1))
    assert list(house.files("plain")) == ["2025-03-03.parquet"]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "America/St_Johns"])
def test_a_file_holds_the_windows_that_start_on_its_local_day(tmp_path: Path, zone: str) -> None:
    windows = [Tumbling("hourly", every="1h", measures={"codes": agg.count_distinct("code")})]
    house = House(tmp_path, windows=windows, timezone=zone, publish="all")
    hours = [sale(n, at=datetime(2006, 10, 27) + timedelta(hours=n)) for n in range(24 * 11)]
    house.load("a.csv", hours[::2])
    house.load("b.csv", hours[1::2])

    found = 0
    for folder, column in (("hourly", "window_start"), ("clean", "sold_at")):
        for path in (house.published / "sales" / folder).glob("*.parquet"):
            frame = pl.read_parquet(path)
            bounds = clock.day_bounds(house.dataset.zone, date.fromisoformat(path.stem))
            low, high = (bound.replace(tzinfo=UTC) for bound in bounds)
            assert low <= min(frame[column]) and max(frame[column]) < high
            found += frame.height
    assert found == 2 * len(hours)


def test_a_reader_asks_for_a_span_or_the_latest(house: House) -> None:
    house.load("a.csv", days(5))
    all_of_it = house.read("plain")

    span = house.read("plain", since=datetime(2025, 3, 4), until=datetime(2025, 3, 6))
    assert span["window_start"].unique().to_list() == [datetime(2025, 3, 4), datetime(2025, 3, 5)]
    assert house.read("plain", last=3).equals(all_of_it.tail(3))
    assert house.read("plain", last=3, until=datetime(2025, 3, 5)).equals(all_of_it.slice(1, 3))
    assert house.read("plain", last=100).equals(all_of_it)
    nothing = house.read("plain", since=datetime(2030, 1, 1))
    assert nothing.is_empty() and nothing.columns == all_of_it.columns
    assert house.read("by_shop", last=1).height == 1
    with pytest.raises(NotPublished, match="no window of this name has been published"):
        house.read("unknown")


def test_a_reader_keeps_to_the_file_that_it_opened(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.load("a.csv", days(1))
    before = house.read("plain")
    path = house.published / "sales" / "plain" / "2025-03-03.parquet"
    scan: Callable[..., pl.LazyFrame] = pl.scan_parquet

    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())

    def swapped(source: Any) -> pl.LazyFrame:
        rows = scan(source)
        pl.DataFrame({"other": [1] * 1000}).write_parquet(other)
        other.replace(path)
        return rows

    monkeypatch.setattr(pl, "scan_parquet", swapped)
    assert house.read("plain").equals(before)


def test_a_warehouse_without_such_a_folder_publishes_nothing(tmp_path: Path) -> None:
    dataset = make_sales()
    warehouse = Warehouse(tmp_path / "w.duckdb", {"sales": dataset})
    warehouse.commit(stage_rows(tmp_path / "staging", dataset, "a.csv", days(1)))
    warehouse.recompute("sales", "daily")
    with warehouse.session() as session:
        assert session.publish() == 0
    assert not (tmp_path / "published").exists()


def test_types_that_parquet_lacks_are_published_as_text(tmp_path: Path) -> None:
    content = files.Content(["n", "long"], "(SELECT 1 AS n, INTERVAL 90 MINUTE AS long)", ["n"], 10)
    with duckdb.connect() as connection:
        assert files.write(connection, tmp_path, content, lambda batch: iter([("x", batch)])) == {"x"}
    assert pl.read_parquet(tmp_path / "x").rows() == [(1, "01:30:00")]


def test_files_that_cannot_be_finished_leave_those_before_them(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("before")
    content = files.Content(
        ["n"],
        "(SELECT CASE WHEN range < 9000 THEN 1 ELSE error('broken') END AS n FROM range(9001))",
        ["n"],
        10,
    )
    with duckdb.connect() as connection, pytest.raises(duckdb.Error, match="broken"):
        files.write(connection, tmp_path, content, lambda batch: iter([("x", batch)]))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "before")]


def test_of_sessions_the_rows_of_open_ones_alone_are_published(house: House) -> None:
    visits = Session("visits", gap="30m", by=["shop"], measures={"revenue": agg.sum("amount")})
    dataset = make_sales(windows=[visits])
    minutes = [("A", 0), ("A", 50), ("A", 70), ("B", 10), ("B", 55), (None, 60)]
    rows = [sale(n, shop=shop, at=MONDAY + timedelta(minutes=at)) for n, (shop, at) in enumerate(minutes)]
    house.load("a.csv", rows)
    with house.warehouse.session() as session:
        session.connection.execute(
            "CREATE TABLE windows.sales_visits AS SELECT CAST($1 AS TIMESTAMP) + start * INTERVAL 1 MINUTE AS window_start, "
            "CAST($1 AS TIMESTAMP) + until * INTERVAL 1 MINUTE AS window_end, shop, is_final FROM (VALUES (0, 30, 'A', true), "
            "(50, 100, 'A', false), (10, 40, 'B', true), (55, 85, 'B', false), (60, 90, NULL, false)) AS v(start, until, shop, is_final)",
            [MONDAY],
        )
        folder = house.folder / "open"
        assert open_rows.publish_open(session.connection, dataset, visits, folder) == 1
        assert open_rows.publish_open(session.connection, dataset, visits, folder) == 0
    found = pl.read_parquet(folder / "2025-03-03.parquet")
    assert found.select("_row").to_series().to_list() == [2, 5, 6, 3]
