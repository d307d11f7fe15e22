"""Sessions: which rows come too late for them, and what retention leaves of them."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract import Session, TimeWindow
from pipeline.warehouse import Retained
from pipeline_tests.warehouse.late import DAILY, MEASURES, NOON, House, row
from pipeline_tests.warehouse.test_late import DELIVERIES, SLOW, compare_policies, rows_of

VISITS = Session("visits", gap="30m", by=["place"], measures=MEASURES)
ALL = Session("everywhere", gap="2h", measures=MEASURES)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def retain(house: House, now: datetime) -> Retained:
    with house.session() as session:
        return session.retain("readings", now)


def visits(house: House) -> list[tuple[Any, ...]]:
    return house.windows("visits", "window_start", "window_end", "place", "heat")


def test_a_session_is_open_for_a_row_at_its_very_end(tmp_path: Path) -> None:
    house = House(tmp_path, [VISITS])
    house.load("a.csv", row(0), row(0.5, place="B"))
    assert house.windows("visits", "is_final") == [(False,), (False,)]
    house.load("b.csv", row(0.5 + 1e-6, place="B"))
    assert house.windows("visits", "place", "is_final") == [("A", True), ("B", False)]


def test_a_row_that_begins_a_session_that_would_be_final_is_late(tmp_path: Path) -> None:
    house = House(tmp_path, [VISITS])
    house = house.declare(lateness="1h")
    house.load("a.csv", row(9))
    house.load("b.csv", row(7, place="B"), row(7.5, place="A"), row(7.49, place="C"))
    assert house.late("visits") == [("b.csv", 1, "applied"), ("b.csv", 3, "applied")]


def test_a_row_that_joins_a_final_session_is_late_though_it_makes_it_open_again(tmp_path: Path) -> None:
    house = House(tmp_path, [VISITS], lateness="1h", late="hold")
    house.load("a.csv", row(0), row(1.6, place="B"))
    before = visits(house)
    house.load("b.csv", row(0.25, 10))
    assert house.late("visits") == [("b.csv", 1, "held")]
    assert visits(house) == before
    with house.session() as session:
        session.release("readings")
    house.recompute()
    assert visits(house)[0] == (at(0), at(0.75), "A", 11)


def test_a_row_behind_the_watermark_that_joins_an_open_session_is_not_late(tmp_path: Path) -> None:
    house = House(tmp_path, [VISITS], lateness="1h", late="hold")
    house.load("a.csv", row(0.4), row(0.8), row(1.2), row(2, place="B"))
    house.load("b.csv", row(0, 10), row(0.1, 10, place="B"))
    assert house.late("visits") == [("b.csv", 2, "held")]
    assert visits(house)[0] == (at(0), at(1.7), "A", 13)


def test_a_row_between_a_final_and_an_open_session_is_late(tmp_path: Path) -> None:
    house = House(tmp_path, [VISITS], lateness="1h", late="hold")
    house.load("a.csv", row(0), row(0.9), row(1.7, place="B"))
    before = visits(house)
    house.load("b.csv", row(0.45, 10), row(0.5001, 10))
    assert house.late("visits") == [("b.csv", 1, "held")]
    assert visits(house) == [before[0], (at(0.5001), at(1.4), "A", 11), before[2]]


def test_rows_that_lead_to_one_on_time_are_not_late(tmp_path: Path) -> None:
    house = House(tmp_path, [VISITS], lateness="1h")
    house.load("a.csv", row(5))
    house.load("b.csv", *[row(3 + 0.4 * step, place="B") for step in range(5)])
    assert house.late("visits") == []


def sessions_of(rows: list[tuple[datetime, Any]], gap: timedelta) -> list[tuple[datetime, datetime, Any]]:
    """(start, end, key) of the sessions of (moment, key) rows."""
    found: list[tuple[datetime, datetime, Any]] = []
    for key in {key for _, key in rows}:
        start = last = None
        for moment in sorted(moment for moment, other in rows if other == key):
            if last is not None and moment - last > gap:
                found.append((start, last + gap, key))  # type: ignore[arg-type]
                last = None
            start, last = (moment if last is None else start), moment
        assert start is not None and last is not None
        found.append((start, last + gap, key))
    return found


@SLOW
@given(deliveries=DELIVERIES)
def test_rows_are_late_exactly_where_they_change_a_final_session_or_make_one(
    deliveries: list[list[tuple[int, str]]],
) -> None:
    gap = timedelta(minutes=30)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        house = House(Path(folder), [VISITS], lateness="3h")
        stack.enter_context(house.opened())
        there: list[tuple[datetime, Any]] = []
        wanted = []
        for number, parts in enumerate(deliveries):
            rows, delivery = rows_of(parts, NOON), f"{number}.csv"
            house.load(delivery, *rows)
            came = [(one["at"], one["place"]) for one in rows]
            if there:
                mark = max(moment for moment, _ in there) - 3 * HOUR
                closed = [one for one in sessions_of(there, gap) if one[1] < mark]
                joins = [
                    any(start - gap <= moment <= end and key == other for start, end, other in closed)
                    for moment, key in came
                ]
                rest = [one for one, late in zip(came, joins, strict=True) if not late]
                rest += [
                    (moment, key)
                    for moment, key in there
                    if not any(start <= moment <= end and key == other for start, end, other in closed)
                ]
                ended = [one for one in sessions_of(rest, gap) if one[1] < mark]
                for place, ((moment, key), late) in enumerate(zip(came, joins, strict=True), 1):
                    alone = any(start <= moment <= end and key == other for start, end, other in ended)
                    if late or alone:
                        wanted.append((delivery, place, "applied"))
            there += came
        assert house.late("visits") == sorted(wanted)


@SLOW
@given(deliveries=DELIVERIES)
def test_held_rows_leave_final_sessions_as_they_are_and_released_they_are_as_if_repaired(
    deliveries: list[list[tuple[int, str]]],
) -> None:
    windows: list[TimeWindow] = [VISITS, ALL]
    compare_policies(windows, deliveries)


def test_rows_of_a_session_that_is_not_over_by_the_cutoff_stay(tmp_path: Path) -> None:
    house = House(tmp_path, [VISITS, DAILY], keep_rows="8d")
    midnight = datetime(2025, 3, 5)
    moments = [-90, -50, -15, 10, 35, 70]  # minutes: the last three before 70 are one session over midnight
    house.load("a.csv", *[row() | {"at": midnight + timedelta(minutes=m), "heat": m} for m in moments])
    before = visits(house), house.windows("daily")
    assert retain(house, NOON + 10 * DAY).rows == 2
    assert [one[0] for one in house.ask("SELECT heat FROM clean.readings ORDER BY 1")] == [-15, 10, 35, 70]
    with house.session() as session:
        for window in ("visits", "daily"):
            session.recompute("readings", window, [date(2025, 3, day) for day in (4, 5, 6)])
    assert (visits(house), house.windows("daily")) == before
    assert retain(house, NOON + 11 * DAY).rows == 4
    assert (visits(house), house.windows("daily")) == before


def test_a_session_that_never_pauses_keeps_its_rows_and_goes_on(tmp_path: Path) -> None:
    house = House(tmp_path, [VISITS], keep_rows="2d")
    for day in range(5):
        house.load(f"{day}.csv", *[row(24 * day + step / 2) for step in range(48)])
        assert retain(house, NOON + (day + 1) * DAY).rows == 0
        assert visits(house) == [(at(0), at(24 * day + 24), "A", 48 * (day + 1))]
    assert house.late("visits") == []


def test_a_late_row_for_a_session_whose_rows_are_gone_is_kept_out_of_all_sessions(tmp_path: Path) -> None:
    house = House(tmp_path, [VISITS], keep_rows="8d")
    midnight = datetime(2025, 3, 5)
    house.load("a.csv", *[row() | {"at": midnight + timedelta(minutes=m), "heat": m} for m in (-60, -32, 20)])
    before = visits(house)
    assert retain(house, NOON + 10 * DAY).rows == 2
    # It would join the session that is gone to the one that is there.
    house.load("late.csv", row() | {"at": midnight - timedelta(minutes=5)}, row(-100))
    assert house.late("visits") == [("late.csv", 1, "frozen"), ("late.csv", 2, "frozen")]
    assert visits(house) == before
    # This one joins what is there only.
    house.load("more.csv", row() | {"at": midnight - timedelta(minutes=1), "heat": 1000})
    assert house.late("visits")[2:] == []
    assert visits(house)[-1] == (midnight - timedelta(minutes=1), midnight + timedelta(minutes=50), "A", 1020)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@SLOW
@given(
    parts=st.lists(st.tuples(st.integers(0, 500), st.sampled_from("AB")), min_size=1, max_size=40),
    stops=st.lists(st.integers(0, 9), min_size=1, max_size=3),
)
def test_no_session_changes_whatever_day_retention_stops_at(
    zone: str, parts: list[tuple[int, str]], stops: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        house = House(Path(folder), [VISITS, ALL, DAILY], timezone=zone, keep_rows="2d")
        stack.enter_context(house.opened())
        start = datetime(2025, 3, 28, 12)
        house.load("a.csv", *rows_of(parts, start))
        names = ("visits", "everywhere", "daily")
        before = {name: house.windows(name) for name in names}
        days = [start.date() + n * DAY for n in range(-1, 9)]
        for stop in stops:
            retain(house, start + stop * DAY)
            with house.session() as session:
                for name in names:
                    session.recompute("readings", name, days)
            assert {name: house.windows(name) for name in names} == before
