"""The watermark, and which windows are final by it."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.contract import Total, agg
from pipeline.warehouse import ledger
from pipeline_tests.warehouse.late import DAILY, HOURLY, NOON, SLIDING, House, row

HOUR = timedelta(hours=1)


def mark(house: House, now: datetime | None = None) -> datetime | None:
    with house.session() as session:
        return session.watermark("readings", now)


def test_there_is_none_before_anything_is_loaded(tmp_path: Path) -> None:
    house = House(tmp_path)
    assert mark(house) is None
    with house.session() as session:
        session.record_quarantine("readings", "bad.csv", "bad.csv", "cannot be read", bytes=1)
    assert mark(house) is None


def test_it_is_the_largest_event_time_less_the_lateness(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="2h")
    house.commit("a.csv", row(5), row(1))
    house.commit("b.csv", row(3))
    assert mark(house) == NOON + 3 * HOUR
    assert mark(house.declare()) == NOON + 5 * HOUR


def test_it_goes_back_with_the_delivery_that_it_stood_on(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="1h")
    house.load("a.csv", row(0))
    house.load("b.csv", row(9))
    assert house.windows("hourly", "is_final") == [(False,), (True,)]
    house.load("b.csv", row(0.1))
    assert mark(house) == NOON + 0.1 * HOUR - HOUR
    assert house.windows("hourly", "is_final") == [(False,)]


def test_an_event_time_in_the_future_counts_as_now(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="2h")
    house.load("a.csv", row(0), row(0) | {"at": datetime(2999, 1, 1)})
    now = ledger.now()
    found = mark(house, now)
    assert found == now - 2 * HOUR
    assert house.windows("hourly", "window_start", "is_final") == [
        (NOON, True),
        (datetime(2999, 1, 1), False),
    ]


def test_the_clock_takes_over_for_a_source_that_is_idle(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="2h", idle_after="3h")
    entry = house.commit("a.csv", row(0))
    soon, later = entry.committed_at + 2 * HOUR, entry.committed_at + 4 * HOUR
    assert mark(house, soon) == NOON - 2 * HOUR
    assert mark(house, later) == later - 2 * HOUR


def test_a_file_that_is_refused_or_comes_twice_is_a_sign_of_life(tmp_path: Path) -> None:
    house = House(tmp_path, idle_after="1ms")
    house.commit("a.csv", row(0), sha256="a")
    since = ledger.now()
    with house.session() as session:
        session.record_quarantine("readings", "bad.csv", "bad.csv", "cannot be read", bytes=1)
    assert mark(house, since + timedelta(milliseconds=1)) == NOON
    since = ledger.now()
    assert house.commit("b.csv", row(0), sha256="a").status == "duplicate"
    assert mark(house, since + timedelta(milliseconds=1)) == NOON


def test_loading_again_is_none(tmp_path: Path) -> None:
    house = House(tmp_path, idle_after="1ms")
    house.commit("a.csv", row(0), sha256="a")
    since = ledger.now() + timedelta(milliseconds=1)
    house.commit("a.csv", row(0), sha256="a", again=True)
    assert mark(house, since) == since


def test_windows_are_final_once_the_watermark_has_passed_their_end(tmp_path: Path) -> None:
    house = House(tmp_path, [HOURLY, SLIDING, DAILY], lateness="2h")
    house.load("a.csv", row(0), row(2.99))
    assert house.windows("hourly", "window_start", "is_final") == [(NOON, False), (NOON + 2 * HOUR, False)]
    house.load("b.csv", row(3))
    assert house.windows("hourly", "is_final") == [(False,), (False,), (True,)]
    ended = house.ask("SELECT max(window_end) FROM windows.readings_sliding WHERE is_final")
    assert ended == [(NOON + HOUR,)]
    assert house.windows("daily", "is_final") == [(False,)]
    house.load("c.csv", row(14))
    assert house.windows("daily", "is_final") == [(False,), (True,)]


@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2025, 10, 26)])
def test_a_local_day_of_23_or_25_hours_is_final_at_its_own_end(tmp_path: Path, day: date) -> None:
    house = House(tmp_path, [DAILY], timezone="Europe/Berlin")
    end = datetime(2025, 3, 30, 22) if day.month == 3 else datetime(2025, 10, 26, 23)
    house.load("a.csv", row() | {"at": end - 10 * HOUR}, row() | {"at": end - timedelta(microseconds=1)})
    assert house.windows("daily", "window_end", "is_final") == [(end, False)]
    house.load("b.csv", row() | {"at": end})
    assert house.windows("daily", "window_end", "is_final")[0] == (end, True)


def test_finishing_says_which_days_became_final_and_writes_no_others(tmp_path: Path) -> None:
    house = House(
        tmp_path, [HOURLY, Total("all", measures={"n": agg.count()})], timezone="Asia/Tokyo", idle_after="2d"
    )
    entry = house.load("a.csv", *[row(hours) for hours in range(48)])
    with house.session() as session:
        assert session.finish("readings") == {}
        idle = entry.committed_at + timedelta(days=3)
        assert session.finish("readings", idle) == {"hourly": [date(2025, 3, 5)]}
        assert session.finish("readings", idle) == {}
        assert session.finish("readings") == {"hourly": [date(2025, 3, 5)]}
