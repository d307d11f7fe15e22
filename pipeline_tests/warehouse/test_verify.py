"""Verification: stored windows against what the clean rows give."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.contract import Cumulative, Sliding, Tumbling, agg
from pipeline.ingest.manifest import Staged
from pipeline.warehouse import Difference, Warehouse
from pipeline.warehouse.windows.sample import picked
from pipeline_tests.warehouse.conftest import make_sales, sale

DAYS = [date(2025, 3, 3) + timedelta(days=n) for n in range(4)]
Stage = Callable[..., Staged]


@pytest.fixture
def filled(warehouse: Warehouse, stage: Stage) -> Warehouse:
    """Three sales on each of four days, windows up to date."""
    rows = [
        sale(10 * n + k, at=datetime(2025, 3, 3 + n, 10 + k), shop="AB"[k % 2])
        for n in range(4)
        for k in range(3)
    ]
    warehouse.commit(stage("a.csv", rows))
    for window in ("daily", "last_hour", "by_shop"):
        warehouse.recompute("sales", window)
    return warehouse


def spoil(warehouse: Warehouse, *statements: str) -> None:
    with warehouse.session() as session:
        for statement in statements:
            session.connection.execute(statement)


def test_windows_that_were_just_computed_are_what_the_rows_give(filled: Warehouse) -> None:
    with filled.session(read_only=True) as session:
        daily = session.verify("sales", "daily", sampled=None)
        assert [(day.day, day.windows, day.differences) for day in daily.days] == [
            (day, 2, 0) for day in DAYS
        ]
        assert session.verify("sales", "last_hour", sampled=None).differences == 0
        [total] = session.verify("sales", "by_shop").days
        assert (total.day, total.windows, total.differences) == (None, 4, 0)


def test_a_stored_figure_that_was_changed_is_named_with_both_values_and_mended_by_a_recomputation(
    filled: Warehouse,
) -> None:
    spoil(
        filled, "UPDATE windows.sales_daily SET revenue = 9 WHERE shop = 'A' AND window_start = '2025-03-04'"
    )
    with filled.session(read_only=True) as session:
        found = session.verify("sales", "daily", sampled=None)
    assert [(day.day, day.other) for day in found.days if day.differences] == [(DAYS[1], 1)]
    assert found.days[1].examples == (
        Difference(
            "other",
            {"window_start": datetime(2025, 3, 4), "shop": "A"},
            {"revenue": (Decimal("9.00"), Decimal("3.00"))},
        ),
    )
    [done] = filled.recompute("sales", "daily", [DAYS[1]])
    assert done.changed == 1
    with filled.session(read_only=True) as session:
        assert session.verify("sales", "daily", sampled=None).differences == 0


def test_windows_that_are_missing_and_windows_too_many_are_told_apart(filled: Warehouse) -> None:
    spoil(
        filled,
        "UPDATE windows.sales_daily SET shop = NULL WHERE shop = 'B' AND window_start = '2025-03-05'",
        "DELETE FROM windows.sales_daily WHERE window_start = '2025-03-06'",
    )
    with filled.session(read_only=True) as session:
        found = session.verify("sales", "daily", sampled=None)
    assert [(day.day, day.missing, day.extra, day.other) for day in found.days if day.differences] == [
        (DAYS[2], 1, 1, 0),
        (DAYS[3], 2, 0, 0),
    ]
    lost, surplus = found.days[2].examples
    assert (lost.kind, lost.window["shop"], lost.figures["row_count"]) == ("missing", "B", (None, 1))
    assert (surplus.kind, surplus.window["shop"], surplus.figures["row_count"]) == ("extra", None, (1, None))


def test_a_total_is_compared_over_the_table_and_per_delivery(filled: Warehouse) -> None:
    spoil(filled, "UPDATE windows.sales_by_shop SET row_count = 1 WHERE _delivery = 'a.csv' AND shop = 'B'")
    with filled.session(read_only=True) as session:
        [day] = session.verify("sales", "by_shop").days
    assert [(d.window, d.figures) for d in day.examples] == [
        ({"_delivery": "a.csv", "shop": "B"}, {"row_count": (1, 4)})
    ]


def test_all_of_a_window_can_be_marked_and_so_computed_anew_whatever_was_wrong_with_it(
    filled: Warehouse,
) -> None:
    spoil(
        filled,
        "UPDATE windows.sales_by_shop SET row_count = 1",
        "UPDATE windows.sales_by_shop SET _delivery = 'gone.csv' WHERE _delivery = 'a.csv' AND shop = 'B'",
        "UPDATE windows.sales_daily SET window_start = '2030-01-01' WHERE shop = 'B'",
    )
    for window in ("by_shop", "daily"):
        with filled.session() as session:
            assert session.verify("sales", window, sampled=None).differences
            session.mark_everything("sales", window)
            session.recompute("sales", window)
            assert session.dirty("sales") == []
            assert session.verify("sales", window, sampled=None).differences == 0


def test_only_the_days_that_are_asked_for_are_looked_at(filled: Warehouse) -> None:
    spoil(
        filled,
        "UPDATE windows.sales_last_hour SET sales = sales + 1 WHERE window_start = '2025-03-03 10:00:00'",
    )
    with filled.session(read_only=True) as session:
        found = session.verify("sales", "last_hour", DAYS[:1], sampled=None)
        assert session.verify("sales", "last_hour", DAYS[1:], sampled=None).differences == 0
    [day] = found.days
    assert [d.figures for d in day.examples] == [{"sales": (2, 1)}]


def test_days_that_are_dirty_or_whose_rows_are_gone_are_passed_over(filled: Warehouse, stage: Stage) -> None:
    filled.commit(stage("b.csv", [sale(99, at=datetime(2025, 3, 6, 10))]))
    spoil(
        filled,
        "INSERT INTO ops.retention VALUES ('sales', '2025-03-04', NULL)",
        "DELETE FROM clean.sales WHERE sold_at < '2025-03-04'",
    )
    with filled.session(read_only=True) as session:
        found = session.verify("sales", "daily", sampled=None)
        total = session.verify("sales", "by_shop")
    assert [day.day for day in found.days] == DAYS[1:3]
    assert (found.dirty, found.frozen, found.differences) == ((DAYS[3],), (DAYS[0],), 0)
    assert (total.days, total.dirty) == ((), (None,))


def test_no_more_than_a_few_differences_of_a_day_are_told_in_full(warehouse: Warehouse, stage: Stage) -> None:
    warehouse.commit(stage("a.csv", [sale(n, shop=f"shop {n:02d}") for n in range(20)]))
    warehouse.recompute("sales", "daily")
    spoil(warehouse, "UPDATE windows.sales_daily SET row_count = 7")
    with warehouse.session(read_only=True) as session:
        [day] = session.verify("sales", "daily").days
    assert day.other == 20
    assert [d.window["shop"] for d in day.examples] == [f"shop {n:02d}" for n in range(5)]


@settings(max_examples=40)
@given(
    st.integers(1, 400),
    st.sampled_from([1, 7, 8, 30]),
    st.integers(1, 12),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
)
def test_every_day_has_its_turn_and_the_newest_are_always_looked_at(
    count: int, apart: int, sample: int, today: date
) -> None:
    days = [date(2015, 1, 1) + timedelta(days=n * apart) for n in range(count)]
    nights = 2 ** max(0, -(-count // max(1, sample - 2)) - 1).bit_length()
    seen: set[date] = set()
    for night in range(nights if sample > 2 else 1):
        chosen = picked(days, sample, today + timedelta(days=night))
        assert chosen[-1] == days[-1] and chosen == sorted(set(chosen))
        assert len(chosen) <= 2 * sample + 2
        seen |= set(chosen)
    assert sample <= 2 or seen == set(days)


def test_the_sample_is_the_same_all_day() -> None:
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(365)]
    assert picked(days, 6, date(2026, 1, 1)) == picked(days[::-1], 6, date(2026, 1, 1))
    assert picked(days, None, date(2026, 1, 1)) == days


def test_of_windows_that_overlap_often_a_part_is_looked_at_and_each_of_them_in_its_turn(
    tmp_path: Path, stage: Stage
) -> None:
    growing = Cumulative("growing", period="1d", every="2m", measures={"sales": agg.count()})
    often = Sliding("often", size="12h", every="1m", measures={"sales": agg.count()})
    dataset = make_sales(windows=[growing, often])
    warehouse = Warehouse(tmp_path / "w.duckdb", {"sales": dataset})
    warehouse.commit(stage("a.csv", [sale(1, at=datetime(2025, 3, 3, 0, 0)), sale(2)], dataset=dataset))
    for window, first in (("growing", "2025-03-03 00:00"), ("often", "2025-03-02 23:00")):
        warehouse.recompute("sales", window)
        last = f"window_start = '{first}' AND window_end = (SELECT min(window_end) FROM windows.sales_{window} WHERE window_start = '{first}')"
        spoil(warehouse, f"UPDATE windows.sales_{window} SET sales = 9 WHERE {last}")
        with warehouse.session(read_only=True) as session:
            turns = [
                session.verify("sales", window, sampled=None, today=date(2025, 4, 1) + timedelta(days=n))
                for n in range(3)
            ]
            [(stored,)] = session.connection.execute(
                f"SELECT count(*) FROM windows.sales_{window}"
            ).fetchall()
        assert [turn.differences for turn in turns] in ([1, 0, 0], [0, 1, 0], [0, 0, 1])
        assert sum(day.windows for turn in turns for day in turn.days) == stored
        assert max(day.windows for turn in turns for day in turn.days) < stored / 2


def test_distinct_values_by_a_sketch_have_to_be_near_the_exact_number(tmp_path: Path, stage: Stage) -> None:
    shops = Tumbling("shops", every="1d", measures={"shops": agg.count_distinct("shop", approximate=True)})
    dataset = make_sales(windows=[shops])
    warehouse = Warehouse(tmp_path / "w.duckdb", {"sales": dataset})
    warehouse.commit(stage("a.csv", [sale(n, shop=f"{n}") for n in range(500)], dataset=dataset))
    warehouse.recompute("sales", "shops")
    with warehouse.session(read_only=True) as session:
        assert session.verify("sales", "shops").differences == 0
    spoil(warehouse, "UPDATE windows.sales_shops SET shops = 560")
    with warehouse.session(read_only=True) as session:
        [day] = session.verify("sales", "shops").days
    assert day.examples[0].figures == {"shops": (560, 500)}
