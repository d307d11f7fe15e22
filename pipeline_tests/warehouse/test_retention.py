"""Rows and windows that grow old: deleted as declared, and no window made of less than it was."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.contract import Sliding, Tumbling, Window
from pipeline.warehouse import Retained, Warehouse
from pipeline.warehouse.windows.retention import cutoff
from pipeline_tests.warehouse.late import DAILY, HOURLY, MEASURES, NOON, SLIDING, House, row

DAY = timedelta(days=1)
WEEKLY = Tumbling("weekly", every="1w", measures=MEASURES)


def retain(house: House, now: datetime, **options: Any) -> Retained:
    with house.session() as session:
        return session.retain("readings", now, **options)


def rows_left(house: House) -> list[Any]:
    return [one[0] for one in house.ask("SELECT heat FROM clean.readings ORDER BY heat")]


def filled(tmp_path: Path, windows: list[Window], **declared: Any) -> House:
    """Ten days from 3 March 2025 on, a row at every noon UTC; its heat counts the days from 0."""
    house = House(tmp_path, windows, **({"keep_rows": "8d"} | declared))
    for day in range(10):
        house.load(f"{day}.csv", row(24 * day, day), sha256=str(day))
    return house


@pytest.mark.parametrize(
    ("keep", "now", "zone", "edge"),
    [
        ("90d", datetime(2025, 6, 10, 15), "UTC", datetime(2025, 3, 12)),
        ("36h", datetime(2025, 6, 10, 15), "UTC", datetime(2025, 6, 9)),
        ("1mo", datetime(2025, 3, 31, 15), "UTC", datetime(2025, 2, 28)),
        ("1y", datetime(2024, 2, 29, 15), "UTC", datetime(2023, 2, 28)),
        ("1q", datetime(2025, 1, 15), "UTC", datetime(2024, 10, 15)),
        ("1d", datetime(2025, 3, 31, 1), "Europe/Berlin", datetime(2025, 3, 29, 23)),
        ("1d", datetime(2025, 10, 27, 12), "Europe/Berlin", datetime(2025, 10, 25, 22)),
        ("10d", datetime(2025, 3, 31, 23), "Asia/Tokyo", datetime(2025, 3, 21, 15)),
    ],
)
def test_the_cutoff_is_where_a_local_day_begins(
    tmp_path: Path, keep: str, now: datetime, zone: str, edge: datetime
) -> None:
    assert cutoff(House(tmp_path, timezone=zone).dataset, keep, now) == edge


def test_nothing_goes_where_nothing_is_declared(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.load("a.csv", row())
    assert retain(house, datetime(2999, 1, 1)) == Retained("readings", None, None)
    assert rows_left(house) == [1]


def test_old_rows_go_and_their_windows_stay(tmp_path: Path) -> None:
    house = filled(tmp_path, [HOURLY, DAILY, SLIDING])
    before = {name: house.windows(name) for name in ("hourly", "daily", "sliding")}
    done = retain(house, NOON + 10 * DAY)
    assert (done.rows, done.held, done.rows_before, done.windows) == (2, 0, datetime(2025, 3, 5), {})
    assert rows_left(house) == list(range(2, 10))
    with house.session() as session:
        for window in ("hourly", "daily", "sliding"):
            found = session.recompute("readings", window, [date(2025, 3, day) for day in range(3, 13)])
            assert [one.kept for one in found] == [True] * 2 + [False] * 8
            assert sum(one.rows for one in found) == len(before[window])
            assert {one.changed for one in found} == {0}
    assert {name: house.windows(name) for name in before} == before
    entries = house.ask("SELECT rows_clean, rows_expired FROM ops.deliveries ORDER BY seq")
    assert entries == [(1, 1)] * 2 + [(1, 0)] * 8


def test_retention_twice_is_retention_once_and_it_never_goes_back(tmp_path: Path) -> None:
    house = filled(tmp_path, [DAILY])
    assert retain(house, NOON + 10 * DAY).rows == 2
    assert retain(house, NOON + 10 * DAY).rows == 0
    assert retain(house, NOON).rows_before == datetime(2025, 3, 5)
    assert retain(house.declare(keep_rows="30d"), NOON + 10 * DAY).rows_before == datetime(2025, 3, 5)
    assert retain(house, NOON + 11 * DAY).rows == 1


def test_a_dry_run_only_counts(tmp_path: Path) -> None:
    house = filled(tmp_path, [DAILY], keep_windows="9d")
    done = retain(house, NOON + 10 * DAY, dry_run=True)
    assert (done.rows, done.windows) == (2, {"daily": 1})
    assert len(rows_left(house)) == 10 == len(house.windows("daily"))
    assert house.ask("SELECT * FROM ops.retention") == []


def test_windows_that_are_out_of_date_are_computed_before_their_rows_go(tmp_path: Path) -> None:
    house = filled(tmp_path, [DAILY])
    house.commit("more.csv", row(0, 100))
    done = retain(house, NOON + 10 * DAY)
    assert [(one.day, one.rows) for one in done.recomputed] == [(date(2025, 3, 3), 1)]
    assert house.windows("daily", "heat", "revision")[-1] == (100, 2)
    assert done.rows == 3


def test_a_window_that_reaches_beyond_the_cutoff_is_frozen_to_its_end(tmp_path: Path) -> None:
    house = filled(tmp_path, [WEEKLY, Sliding("days", size="3d", every="1d", measures=MEASURES)])
    before = house.windows("weekly"), house.windows("days")
    retain(house, NOON + 10 * DAY)
    house.load("late.csv", row(24 * 2.4, 1000))
    assert house.windows("weekly") == before[0]
    assert house.late("weekly") == [("late.csv", 1, "frozen")] == house.late("days")
    changed = set(house.windows("days")) - set(before[1])
    assert changed == {(datetime(2025, 3, 5), 1000 + 2 + 3 + 4, 4)}


def test_a_late_file_for_deleted_rows_is_kept_and_listed_but_changes_no_window(tmp_path: Path) -> None:
    house = filled(tmp_path, [HOURLY, DAILY])
    retain(house, NOON + 10 * DAY)
    before = house.windows(), house.windows("daily")
    entry = house.load("late.csv", row(0, 100), row(24 * 8, 1000))
    assert (entry.status, entry.rows_clean) == ("loaded", 2)
    assert house.late() == [("late.csv", 1, "frozen")] == house.late("daily")
    assert house.windows("daily")[:8] == before[1][:8]
    assert house.windows("daily", "heat")[-2:] == [(9,), (1008,)]
    assert 100 in rows_left(house)
    assert retain(house, NOON + 10 * DAY).rows == 1
    assert house.late() == [("late.csv", 1, "frozen")]


def test_a_file_whose_rows_are_partly_gone_can_be_replaced_and_loaded_again(tmp_path: Path) -> None:
    house = House(tmp_path, [DAILY], keep_rows="8d")
    rows = [row(24 * day, day) for day in range(10)]
    house.load("all.csv", *rows, sha256="x")
    before = house.windows("daily")
    retain(house, NOON + 10 * DAY)
    again = house.load("all.csv", *rows, sha256="x", again=True)
    assert (again.rows_read, again.rows_clean, again.rows_expired) == (10, 10, 2)
    assert rows_left(house) == list(range(2, 10))
    assert (house.windows("daily"), house.late("daily")) == (before, [])
    assert house.load("other.csv", *rows, sha256="x").status == "duplicate"

    newer = house.load("all.csv", *rows[:5], row(24 * 9, 900))
    assert (newer.rows_clean, newer.rows_expired) == (6, 0)
    # The duplicate has the rows from now on that its original had.
    heat = [0, 1, 2 + 2, 3 + 3, 4 + 4, 5, 6, 7, 8, 9 + 900]
    assert house.windows("daily", "heat") == [(one,) for one in sorted(heat)]
    assert retain(house, NOON + 10 * DAY).rows == 2
    with house.session() as session:
        current = session.current("readings", "all.csv")
    assert current is not None and (current.rows_clean, current.rows_expired) == (6, 2)


def test_a_file_all_of_whose_rows_are_gone_is_loaded_again_as_nothing(tmp_path: Path) -> None:
    house = filled(tmp_path, [DAILY], key=["heat"])
    before = house.windows("daily")
    retain(house, NOON + 10 * DAY)
    for day in range(10):
        entry = house.load(f"{day}.csv", row(24 * day, day), sha256=str(day), again=True)
        assert (entry.rows_clean, entry.rows_expired) == (1, int(day < 2))
    assert house.windows("daily") == before
    assert rows_left(house) == list(range(2, 10))


def test_what_gives_way_to_an_earlier_file_does_not_to_its_deleted_rows(tmp_path: Path) -> None:
    house = filled(tmp_path, [DAILY], key=["heat"])
    retain(house, NOON + 10 * DAY)
    house.load("new.csv", row(24 * 9, 0))
    house.load("0.csv", row(0, 0), sha256="0", again=True)
    assert rows_left(house) == [0, 2, 3, 4, 5, 6, 7, 8, 9]
    assert house.windows("daily", "heat")[-1] == (9,)


def test_held_rows_stay_until_they_are_released(tmp_path: Path) -> None:
    house = filled(tmp_path, [DAILY], lateness="1d", late="hold")
    house.load("late.csv", row(0, 100), row(24 * 4, 200))
    done = retain(house, NOON + 10 * DAY)
    assert (done.rows, done.held) == (2, 1)
    before = house.windows("daily")
    with house.session() as session:
        (released,) = session.release("readings")
    assert (released.rows, released.frozen, released.days) == (1, 1, (date(2025, 3, 7),))
    house.recompute()
    assert [new for new in house.windows("daily") if new not in before] == [(datetime(2025, 3, 7), 204, 2)]
    assert house.late("daily") == [("late.csv", 1, "frozen"), ("late.csv", 2, "released")]
    assert (retain(house, NOON + 10 * DAY).rows, rows_left(house)[-1]) == (1, 200)


def test_applied_rows_leave_the_list_with_the_clean_table(tmp_path: Path) -> None:
    house = filled(tmp_path, [DAILY], lateness="1d")
    house.load("late.csv", row(0, 100), row(24 * 4, 200))
    assert len(house.late("daily")) == 2
    retain(house, NOON + 10 * DAY)
    assert house.late("daily") == [("late.csv", 2, "applied")]


def test_old_windows_go_by_their_end_and_do_not_come_back(tmp_path: Path) -> None:
    house = filled(tmp_path, [DAILY, WEEKLY], keep_rows=None, keep_windows="4d")
    done = retain(house, NOON + 10 * DAY)
    assert done.windows_before == datetime(2025, 3, 9)
    assert (done.rows, done.windows) == (0, {"daily": 6})
    assert done.days == {"daily": tuple(date(2025, 3, day) for day in range(3, 9))}
    left = house.windows("daily"), house.windows("weekly")
    assert [one[1] for one in left[1]] == [sum(range(7)), 7 + 8 + 9]
    house.load("late.csv", row(0, 100))
    assert house.windows("daily") == left[0]
    assert [one[1] for one in house.windows("weekly")] == [sum(range(7)) + 100, 7 + 8 + 9]
    assert house.late("daily") == [("late.csv", 1, "frozen")]
    with house.session() as session:
        (found,) = session.recompute("readings", "daily", [date(2025, 3, 3)])
    assert (found.kept, found.rows) == (True, 0)


def test_windows_declared_anew_after_retention_lose_nothing(tmp_path: Path) -> None:
    house = filled(tmp_path, [DAILY])
    retain(house, NOON + 10 * DAY)
    before = house.windows("daily")
    other = house.declare([Tumbling("daily", every="1d", by=["place"], measures=MEASURES)])
    other.recompute()
    assert other.windows("daily", "window_start", "heat") == [one[:2] for one in before[2:]]
    (kept,) = other.ask(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'windows' AND table_name <> 'readings_daily'"
    )
    assert other.ask(f'SELECT window_start, heat, row_count FROM windows."{kept[0]}" ORDER BY ALL') == before


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("start", [datetime(2025, 3, 8), datetime(2025, 3, 28), datetime(2025, 10, 24)])
def test_no_window_changes_over_a_clock_change_whatever_day_retention_stops_at(
    tmp_path: Path, zone: str, start: datetime
) -> None:
    windows = [HOURLY, DAILY, SLIDING, WEEKLY]
    house = House(tmp_path, windows, timezone=zone, keep_rows="7d")
    house.load(
        "a.csv", *[row() | {"at": start + timedelta(hours=hour / 2), "heat": hour} for hour in range(200)]
    )
    before = {window.name: house.windows(window.name) for window in windows}
    days = [start.date() + timedelta(days=n) for n in range(-8, 8)]
    for day in range(5):
        retain(house, start + timedelta(days=7 + day, hours=9))
        with house.session() as session:
            for window in windows:
                session.recompute("readings", window.name, days)
        assert {window.name: house.windows(window.name) for window in windows} == before
    assert len(rows_left(house)) < 60


def test_what_retention_deletes_is_no_longer_published(tmp_path: Path) -> None:
    house = House(tmp_path, [DAILY], keep_rows="2d", keep_windows="5d", publish="all")
    house.warehouse = Warehouse(
        tmp_path / "warehouse.duckdb", {"readings": house.dataset}, published=tmp_path / "published"
    )
    house.load("a.csv", *[row(24 * day) for day in range(10)])

    def published(name: str) -> list[str]:
        return sorted(path.stem for path in (tmp_path / "published" / "readings" / name).glob("*.parquet"))

    assert len(published("clean")) == len(published("daily")) == 10
    with house.session() as session:
        session.retain("readings", NOON + timedelta(days=9))
    assert published("clean") == ["2025-03-10", "2025-03-11", "2025-03-12"]
    assert published("daily") == [f"2025-03-{day:02d}" for day in range(7, 13)]


def test_a_filled_window_stays_when_the_first_rows_of_its_group_are_gone(tmp_path: Path) -> None:
    filled = Tumbling("filled", every="1d", by=["place"], fill="zero", measures=MEASURES)
    house = House(tmp_path, [filled], keep_rows="4d")
    house.load("a.csv", row(0, place="B"), *[row(24 * day) for day in range(10)])
    before = house.windows("filled")
    assert [one[1:] for one in before if one[1] == "B"] == [("B", 1, 1), *[("B", 0, 0)] * 9]
    with house.session() as session:
        assert session.retain("readings", NOON + timedelta(days=9)).rows == 6
        session.recompute("readings", "filled", [date(2025, 3, 3) + timedelta(days=n) for n in range(10)])
    assert house.windows("filled") == before


def test_a_frozen_row_makes_no_empty_windows_of_its_group(tmp_path: Path) -> None:
    filled = Tumbling("filled", every="1d", by=["place"], fill="zero", measures=MEASURES)
    house = House(tmp_path, [filled], keep_rows="4d")
    house.load("a.csv", *[row(24 * day) for day in range(10)], row(24 * 7, place="B"))
    with house.session() as session:
        session.retain("readings", NOON + timedelta(days=9))
    before = house.windows("filled")
    house.load("late.csv", row(0, place="B"))
    assert house.late("filled") == [("late.csv", 1, "frozen")]
    with house.session() as session:
        session.recompute("readings", "filled", [date(2025, 3, 3) + timedelta(days=n) for n in range(10)])
        assert house.windows("filled") == before
        session.retain("readings", NOON + timedelta(days=9))
        assert sum(day.differences for day in session.verify("readings", "filled", sampled=None).days) == 0
