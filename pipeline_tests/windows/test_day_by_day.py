"""Days computed one by one, in any zone, beside any change of its clocks: together they are the windows of the definition, each once, by
the compiler and by the second road that a verification takes."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.contract import Cumulative, Session, Sliding, TimeWindow, Tumbling, agg
from pipeline.contract.zones import changes, offset_at
from pipeline.warehouse import Warehouse
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.figures import figures_sql
from pipeline.warehouse.windows.grid import days_of_window
from pipeline.warehouse.windows.limits import Limits
from pipeline.warehouse.windows.plain import plain_windows
from pipeline_tests.windows.readings import (
    ODD_CHANGES,
    Row,
    all_zones,
    any_change,
    differences,
    fetched,
    moments,
    readings,
)
from pipeline_tests.windows.reference import reference

BLANK: Row = {
    "place": None,
    "lane": None,
    "whole": None,
    "price": None,
    "heat": None,
    "kind": None,
    "open": None,
    "day": None,
    "seen": None,
}
MEASURES = {"n": agg.count(), "lanes": agg.count_distinct("lane"), "median": agg.median("whole")}
HOURS = timedelta(hours=30)


def window(kind: type[TimeWindow], **fields: Any) -> TimeWindow:
    return kind("w", measures=MEASURES, **fields)


WINDOWS = [
    window(Tumbling, every="5m"), window(Tumbling, every="1h"), window(Tumbling, every="2h", offset="30m"),
    window(Tumbling, every="2h", offset="1h"), window(Tumbling, every="6h"), window(Tumbling, every="1d"),
    window(Tumbling, every="1d", fill="zero"), window(Tumbling, every="2h", offset="1h", fill="null"), window(Tumbling, every="1w"),
    window(Tumbling, every="1mo"), window(Sliding, size="2d", every="1d"), window(Sliding, size="3d", every="1d", fill="zero"),
    window(Sliding, size="4h", every="2h", offset="1h"), window(Sliding, size="1h", every="20m"), window(Cumulative, period="1d", every="6h"),
    window(Cumulative, period="1d", every="2h", offset="1h"), window(Cumulative, period="1d", every="1h"),
    window(Cumulative, period="1mo", every="1d"), window(Session, gap="3h"),
]  # fmt: skip


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse without datasets, to run statements in."""
    with Warehouse(tmp_path_factory.mktemp("empty") / "w.duckdb", {}).session() as session:
        yield session.connection


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(0, len(WINDOWS) - 1),
    place=any_change(),
    away=st.lists(moments(datetime(2000, 1, 1), HOURS), min_size=1, max_size=6),
)
@example(number=5, place=("Asia/Beirut", datetime(2026, 3, 28, 22)), away=[datetime(2000, 1, 1, 11)])
@example(number=10, place=("Pacific/Apia", datetime(2011, 12, 30, 10)), away=[datetime(2000, 1, 1)])
@example(
    number=11,
    place=("Pacific/Apia", datetime(2011, 12, 30, 10)),
    away=[datetime(1999, 12, 26), datetime(2000, 1, 6)],
)
@example(number=12, place=("Antarctica/Troll", datetime(2025, 3, 30, 1)), away=[datetime(2000, 1, 1)])
@example(
    number=15, place=("Antarctica/Troll", datetime(2025, 3, 30, 1)), away=[datetime(1999, 12, 31, 23, 30)]
)
def test_the_windows_of_days_are_together_those_of_the_definition(
    connection: duckdb.DuckDBPyConnection, number: int, place: tuple[str, datetime], away: list[datetime]
) -> None:
    spec, (zone, anchor) = WINDOWS[number], place
    dataset = readings(spec, timezone=zone)
    rows = [
        BLANK | {"at": anchor + (at - datetime(2000, 1, 1)), "lane": n % 2, "whole": n}
        for n, at in enumerate(away)
    ]
    schema = {column.name: column.dtype for column in dataset.columns}
    connection.register("rows_now", pl.DataFrame(rows, schema=schema).to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE source AS SELECT * FROM rows_now")
    times = [row["at"] for row in rows]
    days = days_of_window(dataset, spec, min(times), max(times))
    around = [days[0] + timedelta(days=n) for n in range(-1, (days[-1] - days[0]).days + 2)]
    found = [
        row
        for day in around
        for row in fetched(
            connection, figures_sql(connection, dataset, spec, *clock.day_bounds(dataset.zone, day), "source")
        )
    ]
    expected = reference(rows, dataset, spec)
    assert differences(found, expected, spec) == []
    checked: list[Row] = []
    for day in around:
        bounds = clock.day_bounds(dataset.zone, day)
        plain = plain_windows(connection, dataset, spec, *bounds, Limits(), relation="source")
        checked += fetched(connection, plain.sql)
    assert differences(checked, expected, spec) == []
    assert {clock.day_of(dataset.zone, row["window_start"]) for row in found} <= set(days)


@pytest.mark.parametrize(("zone", "moment"), ODD_CHANGES)
def test_days_lie_side_by_side_and_a_moment_is_of_the_day_between_whose_bounds_it_lies(
    zone: str, moment: datetime
) -> None:
    owner = readings(timezone=zone).zone
    day = clock.day_of(owner, moment)
    around = [day + timedelta(days=n) for n in range(-3, 4)]
    bounds = [clock.day_bounds(owner, one) for one in around]
    assert [upper for _, upper in bounds[:-1]] == [lower for lower, _ in bounds[1:]]
    for one, (lower, upper) in zip(around, bounds, strict=True):
        times = [lower + (upper - lower) * n / 40 for n in range(40)] if lower < upper else []
        assert {clock.day_of(owner, at) for at in times} <= {one}
    assert clock.days_between(owner, around[0], around[-1]) == [
        one for one, (lower, upper) in zip(around, bounds, strict=True) if lower < upper
    ]


def test_a_day_that_never_was_is_none() -> None:
    apia = readings(timezone="Pacific/Apia").zone
    assert clock.days_between(apia, date(2011, 12, 29), date(2011, 12, 31)) == [
        date(2011, 12, 29),
        date(2011, 12, 31),
    ]
    assert clock.day_bounds(apia, date(2011, 12, 30)) == (datetime(2011, 12, 30, 10),) * 2


@pytest.mark.parametrize(("zone", "moment"), ODD_CHANGES)
def test_every_change_of_a_zone_is_found_whatever_lies_beside_it(zone: str, moment: datetime) -> None:
    owner = readings(timezone=zone).zone
    first, found = changes(owner, moment, moment)
    assert [change.moment for change in found] == [moment]
    assert (found[0].before, found[0].offset) == (
        offset_at(owner, moment - timedelta(seconds=1)),
        offset_at(owner, moment),
    )
    assert first == found[0].before


@settings(max_examples=30)
@given(zone=st.sampled_from(all_zones()), year=st.one_of(st.integers(1830, 2150), st.integers(2490, 9990)))
def test_between_changes_the_offset_stays_and_at_changes_it_changes(zone: str, year: int) -> None:
    owner = readings(timezone=zone).zone
    first, found = changes(owner, datetime(year, 1, 1), datetime(year, 12, 31))
    for hours in range(0, 364 * 24, 6):
        at = datetime(year, 1, 1) + timedelta(hours=hours)
        before = [change for change in found if change.moment <= at]
        assert offset_at(owner, at) == (before[-1].offset if before else first)
