"""Windows in zones whose clocks change at midnight, twice within an hour, by a day, or so far off that libraries know no rule any more.

What belongs here: the case with its right values, and further zones and kinds through the product.
"""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import Cumulative, Dataset, Session, Sliding, Total, Tumbling, agg
from pipeline.ingest import stage
from pipeline.ingest.timestamps import days_in, parse_datetimes
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse
from pipeline_tests.windows.readings import differences, fetched
from pipeline_tests.windows.reference import reference


class Visit(pa.DataFrameModel):
    t: datetime


N = {"n": agg.count()}
WINDOWS = (
    Tumbling("daily", every="1d", measures=N),
    Cumulative("so_far", period="1d", every="6h", measures=N),
    Tumbling("six_hours", every="6h", measures=N),
    Sliding("two_days", size="2d", every="1d", measures=N),
    Tumbling("from_half_past", every="2h", offset="30m", measures=N),
    Tumbling("filled", every="1d", measures=N, fill="zero"),
    Session("stays", gap="5h", measures=N),
)


def visits(zone: str) -> Dataset:
    return Dataset("visits", schema=Visit, event_time="t", timezone=zone, windows=WINDOWS)


class House:
    """A warehouse of visits, fed with files of local times."""

    def __init__(self, settings: Settings, zone: str) -> None:
        self.settings, self.dataset = settings, visits(zone)
        self.warehouse = Warehouse(settings.home / "w.duckdb", {"visits": self.dataset})
        self.rows: list[dict[str, Any]] = []

    def load(self, name: str, *times: str) -> None:
        """Stage and commit a file, and bring all windows up to date."""
        path = self.settings.home / name
        path.write_text("t\n" + "\n".join(times) + "\n")
        self.warehouse.commit(stage(path, self.dataset, self.settings))
        with self.warehouse.session() as session:
            for window in self.dataset.windows:
                session.recompute("visits", window.name)
            self.rows = fetched(session.connection, "SELECT t FROM clean.visits")

    def table(self, window: str) -> list[tuple[datetime, datetime, int]]:
        with self.warehouse.session(read_only=True) as session:
            return session.connection.execute(
                f"SELECT window_start, window_end, n FROM windows.visits_{window} ORDER BY ALL"
            ).fetchall()

    def wrong(self) -> list[str]:
        """What the tables say otherwise than the definition, and what a verification finds."""
        found = []
        with self.warehouse.session(read_only=True) as session:
            for window in self.dataset.windows:
                stored = fetched(session.connection, f"SELECT * FROM windows.visits_{window.name}")
                found += differences(stored, reference(self.rows, self.dataset, window), window)
                verified = session.verify("visits", window.name, sampled=None)
                found += [f"{window.name}: {day}" for day in verified.days if day.differences]
        return found

    def recompute(self, first: date, last: date) -> int:
        """Compute a range of days again; how many windows changed."""
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        with self.warehouse.session() as session:
            done = [session.recompute("visits", window.name, days) for window in self.dataset.windows]
        return sum(day.changed for window in done for day in window)


@pytest.fixture
def beirut(settings: Settings) -> House:
    """The case: a visit on the day whose midnight the clock skips, another on the day after."""
    house = House(settings, "Asia/Beirut")
    folder = Path(__file__).parent / "w1-midnight-gap" / "visits"
    house.load("a.csv", *(folder / "a.csv").read_text().split("\n")[1:2])
    return house


def test_a_day_whose_midnight_is_skipped_has_its_windows_and_keeps_them(beirut: House) -> None:
    day = (datetime(2026, 3, 28, 22), datetime(2026, 3, 29, 21))
    assert beirut.table("daily") == [(*day, 1)]
    assert beirut.table("six_hours") == [(datetime(2026, 3, 29, 9), datetime(2026, 3, 29, 15), 1)]
    assert beirut.table("so_far") == [(day[0], datetime(2026, 3, 29, hour), 1) for hour in (15, 21)]
    assert beirut.table("two_days") == [
        (datetime(2026, 3, 27, 22), day[1], 1),
        (day[0], datetime(2026, 3, 30, 21), 1),
    ]
    beirut.load("b.csv", "2026-03-30 12:00:00")
    assert beirut.table("daily") == [(*day, 1), (day[1], datetime(2026, 3, 30, 21), 1)]
    assert beirut.wrong() == []
    with beirut.warehouse.session() as session:
        session.connection.execute("DELETE FROM windows.visits_daily WHERE window_start = '2026-03-28 22:00'")
        [lost] = session.verify("visits", "daily", sampled=None).days[0].examples
        assert (lost.kind, lost.window["window_start"]) == ("missing", day[0])
        session.recompute("visits", "daily", [date(2026, 3, 29)])
    for first in range(27, 32):
        assert beirut.recompute(date(2026, 3, first), date(2026, 3, 31)) == 0
        assert beirut.recompute(date(2026, 3, first), date(2026, 3, first)) == 0


# Zones, and a day at whose beginning or end clocks change.
ZONES = [
    ("Africa/Cairo", date(2024, 4, 26)), ("America/Santiago", date(2024, 4, 6)), ("America/Havana", date(2025, 11, 2)),
    ("Atlantic/Azores", date(2025, 10, 26)), ("America/St_Johns", date(2006, 10, 29)), ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Beirut", date(2150, 3, 29)),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "day"), ZONES, ids=lambda value: str(value))
def test_nothing_vanishes_when_days_come_one_by_one_and_are_computed_again(
    settings: Settings, zone: str, day: date
) -> None:
    house = House(settings, zone)
    hours: Sequence[str] = ("00:10", "00:40", "01:20", "02:50", "12:00", "22:50", "23:20", "23:59")
    house.load("b.csv", *(f"{day} {hour}:00" for hour in hours))
    assert house.wrong() == []
    house.load("c.csv", *(f"{day + timedelta(days=n)} {hour}:00" for n in (-1, 1) for hour in hours))
    for first in range(2):
        assert house.recompute(day + timedelta(days=first), day + timedelta(days=first)) == 0
    assert house.recompute(day, day + timedelta(days=2)) == 0
    assert house.wrong() == []


def test_a_border_within_the_hour_that_comes_twice_lies_where_it_is_shown_first(settings: Settings) -> None:
    house = House(settings, "Europe/Berlin")
    house.load("a.csv", *(f"2024-10-27T{at}:00Z" for at in ("00:15", "00:45", "01:15", "01:45")))
    assert house.table("from_half_past") == [
        (datetime(2024, 10, 26, 22, 30), datetime(2024, 10, 27, 0, 30), 1),
        (datetime(2024, 10, 27, 0, 30), datetime(2024, 10, 27, 3, 30), 3),
    ]
    assert house.wrong() == []


def test_windows_that_would_start_on_a_day_that_never_was_start_where_the_gap_ends(
    settings: Settings,
) -> None:
    house = House(settings, "Pacific/Apia")
    house.load("a.csv", "2011-12-29 12:00:00", "2011-12-31 12:00:00")
    gap = datetime(2011, 12, 30, 10)
    assert house.table("daily") == [(gap - timedelta(days=1), gap, 1), (gap, gap + timedelta(days=1), 1)]
    assert house.table("filled") == house.table("daily")
    assert house.table("two_days") == [
        (gap - timedelta(days=2), gap, 1),  # 28 and 29 December
        (gap - timedelta(days=1), gap, 1),  # 29 December, and the one that never was
        (gap, gap + timedelta(days=1), 1),
        (gap, gap + timedelta(days=2), 1),
    ]
    assert house.wrong() == []


FAR = [
    ("Europe/Berlin", "2100-07-01 23:30:00", datetime(2100, 7, 1, 21, 30)),
    ("Europe/Berlin", "2100-01-01 23:30:00", datetime(2100, 1, 1, 22, 30)),
    ("Europe/Berlin", "2500-07-01 23:30:00", datetime(2500, 7, 1, 21, 30)),
    ("America/New_York", "2199-07-01 23:30:00", datetime(2199, 7, 2, 3, 30)),
    ("Australia/Sydney", "2101-01-01 00:00:00", datetime(2100, 12, 31, 13)),
    ("Africa/Casablanca", "2086-12-01 12:00:00", datetime(2086, 12, 1, 11)),
    ("America/Santiago", "2124-09-03 00:30:00", None),
    ("Asia/Kathmandu", "9999-12-31 23:59:59", datetime(9999, 12, 31, 18, 14, 59)),
]


@pytest.mark.parametrize(("zone", "local", "moment"), FAR)
def test_local_times_of_any_year_are_moments_by_the_rule_of_their_zone(
    zone: str, local: str, moment: datetime | None
) -> None:
    read, _ = parse_datetimes(pl.Series([local, None, "2024-07-01 12:00:00"]), zone)
    assert read.to_list()[:2] == [moment, None]
    if moment is not None:
        assert days_in(read, zone).to_list()[:2] == [date.fromisoformat(local[:10]), None]


LOCAL = ("local_start", "local_end", "day")


def test_tables_of_an_earlier_version_get_local_time_without_being_computed(settings: Settings) -> None:
    house = House(settings, "Asia/Beirut")
    house.load("a.csv", "2026-03-28 12:00:00", "2026-03-29 12:00:00", "2026-04-20 00:30:00")
    tables = [f"windows.visits_{window.name}" for window in WINDOWS]
    with house.warehouse.session() as session:
        ask = session.connection.execute
        before = [ask(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in tables]
        for table in tables:
            [(said,)] = ask(
                f"SELECT comment FROM duckdb_tables() WHERE 'windows.' || table_name = '{table}'"
            ).fetchall()
            kept = ask(f"SELECT * EXCLUDE ({', '.join(LOCAL)}) FROM {table}").to_arrow_table()
            session.connection.register("kept", kept)
            ask(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM kept")
            ask(f"COMMENT ON TABLE {table} IS '{said.partition(',')[0]}'")
        # What that version lost: the window of the day whose beginning is skipped.
        ask("DELETE FROM windows.visits_daily WHERE window_start = '2026-03-28 22:00'")
    later = Warehouse(
        settings.home / "w.duckdb", {"visits": house.dataset}, published=settings.home / "published"
    )
    with later.session() as session:
        marked = {
            window.name: {mark.day for mark in session.dirty() if mark.window == window.name}
            for window in WINDOWS
        }
        assert date(2026, 3, 29) in marked["daily"] and date(2026, 4, 20) not in marked["daily"]
        assert marked["stays"] == set()
        done = [session.recompute("visits", window.name) for window in WINDOWS]
        assert sum(day.changed for window in done for day in window) == 1
        ask = session.connection.execute
        found = [ask(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in tables]
        assert found[1:] == before[1:]
        assert [row[:3] for row in found[0]] == [row[:3] for row in before[0]]
        session.publish()
        assert len(list((settings.home / "published" / "visits" / "daily").glob("*.parquet"))) == 3
    with later.session() as session:
        assert session.publish() == 0


def test_a_warehouse_of_an_earlier_version_can_be_read_before_anything_is_written(settings: Settings) -> None:
    house = House(settings, "Europe/Berlin")
    house.load("a.csv", "2026-03-28 12:00:00", "2026-03-29 12:00:00")
    with house.warehouse.session() as session:
        before = session.window_rows("visits", "daily")
        ask = session.connection.execute
        [(said,)] = ask("SELECT comment FROM duckdb_tables() WHERE table_name = 'visits_daily'").fetchall()
        for name in LOCAL:
            ask(f"ALTER TABLE windows.visits_daily DROP COLUMN {name}")
        ask(f"COMMENT ON TABLE windows.visits_daily IS '{said.partition(',')[0]}'")
        ask("ALTER TABLE ops.deliveries DROP COLUMN rows_superseded")
        ask("DROP TABLE ops.joined_rows")
        ask("DELETE FROM ops.migrations WHERE version >= 8")
    reader = Warehouse(settings.home / "w.duckdb", {"visits": house.dataset})
    with reader.session(read_only=True) as session:
        assert [entry.rows_clean for entry in session.entries("visits")] == [2]
        assert session.window_rows("visits", "daily").equals(before)
        assert session.dirty() == []
    assert reader.windows("visits", "daily").equals(before)


def test_local_time_is_what_the_clock_shows_and_each_column_says_its_zone(settings: Settings) -> None:
    house = House(settings, "Europe/Berlin")
    house.load("a.csv", "2024-10-27T00:45:00Z", "2024-10-27T01:45:00Z")
    with house.warehouse.session() as session:
        ask = session.connection.execute
        [row] = ask("SELECT local_start, local_end, day FROM windows.visits_stays").fetchall()
        assert row == (datetime(2024, 10, 27, 2, 45), datetime(2024, 10, 27, 7, 45), date(2024, 10, 27))
        [row] = ask("SELECT local_start, local_end, day FROM windows.visits_daily").fetchall()
        assert row == (datetime(2024, 10, 27), datetime(2024, 10, 28), date(2024, 10, 27))
        said = dict(
            ask(
                "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'visits_daily'"
            ).fetchall()
        )
        live = session.windows("visits", "daily")
        assert live.columns == list(said) and all(said.values())
        assert said["window_end"].endswith("UTC") and said["local_end"].endswith(
            "local time of Europe/Berlin"
        )
        for window in house.dataset.windows:
            stored = session.window_rows("visits", window.name)
            session.mark_everything("visits", window.name)
            computed = session.windows("visits", window.name)
            assert computed.select(LOCAL).rows() == stored.select(LOCAL).rows()


def test_a_group_that_is_called_like_a_column_of_local_time_stays_what_it_is(settings: Settings) -> None:
    class Kept(pa.DataFrameModel):
        t: datetime
        day: str

    window = Tumbling("daily", every="1d", by=["day"], measures={"local_end": agg.count()})
    dataset = Dataset("kept", schema=Kept, event_time="t", windows=[window])
    warehouse = Warehouse(settings.home / "w.duckdb", {"kept": dataset})
    path = settings.home / "a.csv"
    path.write_text("t,day\n2024-01-01 12:00:00,Monday\n")
    warehouse.commit(stage(path, dataset, settings))
    warehouse.recompute("kept", "daily")
    [row] = warehouse.query("SELECT day, local_end, local_start FROM windows.kept_daily").rows()
    assert row == ("Monday", 1, datetime(2024, 1, 1))


def test_a_total_of_the_whole_table_alone_has_no_rows_of_deliveries(settings: Settings) -> None:
    totals = [Total("both", measures=N), Total("whole", measures=N, per_delivery=False)]
    dataset = Dataset("visits", schema=Visit, event_time="t", windows=totals)
    warehouse = Warehouse(settings.home / "w.duckdb", {"visits": dataset})
    for name, count in (("a.csv", 1), ("b.csv", 2)):
        path = settings.home / name
        path.write_text("t\n" + "".join(f"2024-01-0{n + 1} 12:00:0{count}\n" for n in range(count)))
        warehouse.commit(stage(path, dataset, settings))
    with warehouse.session() as session:
        assert session.windows("visits", "whole")["n"].to_list() == [3]
        for window in ("both", "whole"):
            session.recompute("visits", window)
            assert session.verify("visits", window).differences == 0
        assert session.window_rows("visits", "both")["n"].to_list() == [3, 1, 2]
        assert session.window_rows("visits", "whole").select("_delivery", "n").rows() == [(None, 3)]
    assert repr(totals[0]) == f"Total(name='both', by=(), measures={N!r})"
