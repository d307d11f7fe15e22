"""Rows that come behind the watermark: repaired or held, listed, released."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.contract import Sliding, TimeWindow, Tumbling, agg
from pipeline.warehouse import Released
from pipeline.warehouse.commit import commit
from pipeline_tests.warehouse.factory import stage_rows
from pipeline_tests.warehouse.late import DAILY, HOURLY, MEASURES, NOON, SLIDING, House, row

HOUR = timedelta(hours=1)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def test_a_row_for_a_final_window_is_listed_and_its_window_is_repaired(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="1h")
    house.load("a.csv", row(0, 1), row(5, 1))
    house.load("b.csv", row(0.5, 10), row(4.5, 10))
    assert house.late() == [("b.csv", 1, "applied")]
    assert house.windows("hourly", "window_start", "heat", "revision", "is_final") == [
        (at(0), 11, 2, True),
        (at(4), 10, 1, False),
        (at(5), 1, 1, False),
    ]
    (listed,) = house.ask("SELECT window_name, event_time, watermark FROM ops.late_rows")
    assert listed == ("hourly", at(0.5), at(4))


def test_the_first_delivery_is_never_late(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="1h")
    house.load("a.csv", row(0), row(1000))
    assert house.late() == []


def test_without_a_declared_lateness_no_row_is_late_and_the_commit_asks_nothing_more(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.load("a.csv", row(0), row(5))
    said: list[str] = []

    class Listening:
        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def execute(self, sql: str, *values: Any) -> Any:
            said.append(sql)
            return self._connection.execute(sql, *values)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

    with house.session() as session:
        for rows in ([row(0)], [row(0), row(1)]):
            staged = stage_rows(tmp_path / "staging", house.dataset, "b.csv", rows)
            commit(Listening(session.connection), house.dataset, staged)  # type: ignore[arg-type]
    assert said
    assert [
        sql for sql in said if "late_rows" in sql or "retention" in sql or "max(event_time_max)" in sql
    ] == []
    assert house.late() == []


def test_a_row_at_the_watermark_itself_is_on_time(tmp_path: Path) -> None:
    house = House(tmp_path, [HOURLY], lateness="1h")
    house.load("a.csv", row(5))
    house.load("b.csv", row(4), row(4 - 1e-6))
    assert house.late() == [("b.csv", 2, "applied")]


def test_each_window_has_its_own_late_rows(tmp_path: Path) -> None:
    house = House(tmp_path, [HOURLY, DAILY, SLIDING], lateness="1h")
    house.load("a.csv", row(5))
    house.load("b.csv", row(1.5), row(-13))
    assert house.late("hourly") == [("b.csv", 1, "applied"), ("b.csv", 2, "applied")]
    assert house.late("sliding") == [("b.csv", 1, "applied"), ("b.csv", 2, "applied")]
    assert house.late("daily") == [("b.csv", 2, "applied")]


def test_held_rows_are_in_the_clean_table_but_not_in_their_window(tmp_path: Path) -> None:
    house = House(tmp_path, [HOURLY, DAILY], lateness="1h", late="hold")
    house.load("a.csv", row(0, 1), row(5, 1))
    before = house.windows()
    house.load("b.csv", row(0.5, 10), row(4.5, 10))
    assert house.late() == [("b.csv", 1, "held")]
    assert house.windows() == sorted([*before, (at(4), "A", 10, 1)])
    assert house.windows("hourly", "revision") == [(1,), (1,), (1,)]
    assert house.windows("daily", "heat") == [(22,)]
    assert house.ask("SELECT count(*) FROM clean.readings") == [(4,)]


def test_released_rows_count_and_give_what_repair_gives(tmp_path: Path) -> None:
    for policy in ("hold", "repair"):
        (tmp_path / policy).mkdir()
    held = House(tmp_path / "hold", [HOURLY, SLIDING], lateness="1h", late="hold")
    repaired = House(tmp_path / "repair", [HOURLY, SLIDING], lateness="1h")
    for house in (held, repaired):
        house.load("a.csv", row(0, 1), row(30, 1))
        house.load("b.csv", row(0.5, 10), row(1.5, 10))
        house.load("c.csv", row(0.6, 100))
    assert held.windows() != repaired.windows()
    with held.warehouse.session() as session:
        done = session.release("readings", "hourly", "b.csv")
        assert done == [Released("readings", "hourly", "b.csv", 2, 0, (date(2025, 3, 3),))]
        (mark,) = session.dirty()
        assert (mark.window, mark.day, mark.causes) == ("hourly", date(2025, 3, 3), ("b.csv",))
    held.recompute()
    assert held.late() == [("b.csv", 1, "released"), ("b.csv", 2, "released"), ("c.csv", 1, "held")]
    assert [heat for _, heat in held.windows("hourly", "window_start", "heat")] == [11, 10, 1]
    with held.warehouse.session() as session:
        assert {(one.window, one.delivery, one.rows) for one in session.release("readings")} == {
            ("hourly", "c.csv", 1),
            ("sliding", "b.csv", 2),
            ("sliding", "c.csv", 1),
        }
        assert session.release("readings") == []
        with pytest.raises(KeyError, match="no window 'weekly'"):
            session.release("readings", "weekly")
    held.recompute()
    for window in ("hourly", "sliding"):
        assert held.windows(window) == repaired.windows(window)


def test_a_new_version_of_a_late_file_has_its_own_late_rows(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="1h", late="hold")
    house.load("a.csv", row(0, 1), row(9, 1))
    house.load("late.csv", row(0, 10), row(1, 10), row(2, 10))
    house.load("late.csv", row(1, 10), row(2, 20))
    assert house.late() == [("late.csv", 1, "held"), ("late.csv", 2, "held")]
    house.load("late.csv", row(9, 10))
    assert house.late() == []
    assert house.windows("hourly", "window_start", "heat") == [(at(0), 1), (at(9), 11)]


def test_a_file_that_goes_takes_its_late_rows_along(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="1h", late="hold")
    house.load("a.csv", row(0, 1), row(9, 1), sha256="a")
    house.load("late.csv", row(0, 10))
    assert house.load("late.csv", row(0, 1), row(9, 1), sha256="a").status == "duplicate"
    assert house.late() == []


@pytest.mark.parametrize("policy", ["repair", "hold"])
def test_of_a_new_version_only_the_rows_that_the_old_one_lacked_are_late(tmp_path: Path, policy: str) -> None:
    house = House(tmp_path, lateness="1h", late=policy)
    house.load("a.csv", row(0, 1), row(0, 1), row(3, 1))
    house.load("b.csv", row(20, 1))
    assert house.late() == []
    # One row of hour 0 twice as before and a third time; hour 3 corrected; hour 6 had none.
    house.load("a.csv", row(0, 1), row(0, 1), row(0, 1), row(3.5, 7), row(6, 100))
    held = "held" if policy == "hold" else "applied"
    assert house.late() == [("a.csv", 3, "applied"), ("a.csv", 4, "applied"), ("a.csv", 5, held)]
    found = house.windows("hourly", "window_start", "heat")
    assert found[:2] == [(at(0), 3), (at(3), 7)]
    assert ((at(6), 100) in found) == (policy == "repair")


def test_a_window_never_loses_the_old_row_without_getting_the_new_one(tmp_path: Path) -> None:
    house = House(tmp_path, [DAILY, SLIDING], timezone="Europe/Berlin", lateness="1h", late="hold")
    house.load("a.csv", row(0, 1))
    house.load("b.csv", row(100, 1))
    house.load("a.csv", row(2, 5))
    assert house.late("daily") == [("a.csv", 1, "applied")]
    assert house.windows("daily", "heat") == [(1,), (5,)]
    assert house.windows("sliding", "window_start", "heat")[:3] == [(at(0), 5), (at(1), 5), (at(2), 5)]


def test_released_rows_stay_released_when_their_file_is_loaded_again(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="1h", late="hold")
    house.load("a.csv", row(0, 1), row(9, 1))
    house.load("b.csv", row(0, 10), sha256="b")
    house.load("c.csv", row(0, 100), sha256="c")
    with house.session() as session:
        session.release("readings", delivery="b.csv")
    house.recompute()
    before, listed = house.windows(), house.ask("SELECT * FROM ops.late_rows ORDER BY ALL")
    for delivery, heat in (("b.csv", 10), ("c.csv", 100)):
        house.load(delivery, row(0, heat), sha256=delivery[0], again=True)
    assert house.windows() == before
    assert house.ask("SELECT * FROM ops.late_rows ORDER BY ALL") == listed


def test_a_row_that_passes_when_its_file_is_loaded_again_is_late(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="1h", late="hold")
    bad = [{"_row": 2, "check_name": "cast", "value": "x"}]
    house.load("a.csv", row(0, 1), errors=bad, sha256="a")
    house.load("b.csv", row(9, 1))
    house.load("a.csv", row(0, 1), row(0.1, 5), sha256="a", again=True)
    assert house.late() == [("a.csv", 2, "held")]
    assert house.windows("hourly", "heat") == [(1,), (1,)]


def test_rows_that_give_way_to_an_earlier_file_are_no_longer_late(tmp_path: Path) -> None:
    house = House(tmp_path, lateness="1h", late="hold", key=["heat"])
    bad = [{"_row": 2, "check_name": "cast", "value": "x"}]
    house.load("a.csv", row(9, 1), errors=bad, sha256="a")
    house.load("b.csv", row(0, 2), row(0, 3))
    house.load("a.csv", row(9, 1), row(9, 2), sha256="a", again=True)
    assert house.late() == [("b.csv", 2, "held")]


def test_late_rows_are_counted_and_shown(tmp_path: Path) -> None:
    house = House(tmp_path, [HOURLY, DAILY], lateness="1h")
    house.load("a.csv", row(50))
    house.load("b.csv", row(0), row(1), row(40))
    with house.warehouse.session(read_only=True) as session:
        assert session.late_counts("readings").rows() == [
            ("readings", "daily", "b.csv", "applied", 2, at(0), at(1)),
            ("readings", "hourly", "b.csv", "applied", 3, at(0), at(40)),
        ]
        assert session.late_counts("sales").is_empty()
        assert session.late_rows(window="hourly", limit=2)["_row"].to_list() == [1, 2]
        assert session.late_rows(status="held").is_empty()


WINDOWS: list[TimeWindow] = [
    HOURLY,
    DAILY,
    SLIDING,
    Tumbling("weekly", every="1w", by=["place"], measures=MEASURES),
    Sliding("days", size="2d", every="1d", measures=MEASURES),
]
DELIVERIES = st.lists(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from("AB")), min_size=1, max_size=6),
    min_size=2,
    max_size=6,
)
SLOW = settings(
    max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def rows_of(parts: list[tuple[int, str]], start: datetime) -> list[dict[str, Any]]:
    return [
        {"at": start + timedelta(minutes=17 * step), "place": place, "heat": step} for step, place in parts
    ]


@pytest.mark.parametrize(
    "start", [datetime(2025, 3, 28, 12), datetime(2025, 10, 24, 12)], ids=["spring", "autumn"]
)
@SLOW
@given(deliveries=DELIVERIES)
def test_rows_are_late_exactly_where_a_window_that_holds_them_was_final(
    start: datetime, deliveries: list[list[tuple[int, str]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        house = House(Path(folder), WINDOWS, timezone="Europe/Berlin", lateness="3h")
        stack.enter_context(house.opened())
        newest: datetime | None = None
        wanted = []
        for number, parts in enumerate(deliveries):
            rows, delivery = rows_of(parts, start), f"{number}.csv"
            house.load(delivery, *rows, sha256=delivery)
            for window in WINDOWS:
                ends = house.windows(window.name, "window_start", "window_end")
                for place, one in enumerate(rows, 1):
                    holding = [end for begin, end in ends if begin <= one["at"] < end]
                    assert holding
                    if newest is not None and min(holding) <= newest - 3 * HOUR:
                        wanted.append((window.name, delivery, place, "applied"))
            moments = [one["at"] for one in rows]
            newest = max(moments if newest is None else [newest, *moments])
        listed = house.ask("SELECT window_name, delivery, _row, status FROM ops.late_rows ORDER BY ALL")
        assert listed == sorted(wanted)


def compare_policies(
    windows: list[TimeWindow], deliveries: list[list[tuple[int, str]]]
) -> tuple[House, House]:
    """Load deliveries under both policies: under "hold" what is final stays as it is, and once all is released both are alike."""
    houses = []
    for policy in ("hold", "repair"):
        folder = Path(tempfile.mkdtemp())
        houses.append(House(folder, windows, timezone="Europe/Berlin", lateness="3h", late=policy))
    held, repaired = houses
    with held.opened(), repaired.opened():
        _compare(held, repaired, windows, deliveries)
    return held, repaired


def _compare(
    held: House, repaired: House, windows: list[TimeWindow], deliveries: list[list[tuple[int, str]]]
) -> None:
    final: dict[str, set[tuple[Any, ...]]] = {window.name: set() for window in windows}
    for number, parts in enumerate(deliveries):
        rows = rows_of(parts, datetime(2025, 3, 28, 12))
        for house in (held, repaired):
            house.load(f"{number}.csv", *rows, sha256=str(number))
        for window in windows:
            stored = held.ask(f"SELECT * EXCLUDE (is_final), is_final FROM windows.readings_{window.name}")
            assert final[window.name] <= {one[:-1] for one in stored}
            final[window.name] = {one[:-1] for one in stored if one[-1]}
    with held.session() as session:
        session.release("readings")
    held.recompute()
    for window in windows:
        assert held.windows(window.name) == repaired.windows(window.name)


@SLOW
@given(deliveries=DELIVERIES)
def test_held_rows_leave_final_windows_as_they_are_and_released_they_are_as_if_repaired(
    deliveries: list[list[tuple[int, str]]],
) -> None:
    held, repaired = compare_policies(WINDOWS, deliveries)
    for window in WINDOWS:
        released = [(delivery, number, "released") for delivery, number, _ in repaired.late(window.name)]
        assert held.late(window.name) == released


def test_held_rows_are_left_out_of_every_way_to_compute_a_sliding_window(tmp_path: Path) -> None:
    measures = {
        "different": agg.count_distinct("heat"), "middle": agg.median("heat"), "doubled": agg.sql("sum(heat) * 2", "BIGINT"), "sum": agg.sum("heat"),
    }  # fmt: skip
    house = House(
        tmp_path,
        [Sliding("mixed", size="3h", every="1h", by=["place"], measures=measures)],
        lateness="1h",
        late="hold",
    )
    house.load("a.csv", row(0, heat=1), row(8, heat=2))
    before = house.windows("mixed")
    house.load("b.csv", row(0.5, heat=5))
    assert house.windows("mixed") == before and {one[2] for one in house.late("mixed")} == {"held"}
    with house.session() as session:
        session.release("readings")
    house.recompute()
    noon = next(one for one in house.windows("mixed") if one[0] == NOON)
    assert noon[2:] == (2, 3.0, 12, 6, 2)
