"""Figures for pictures: what may be put together, and what is left out."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandera.polars as pa
import pytest

from pipeline.contract import Dataset, Sliding, Total, Tumbling, Window, agg
from pipeline.warehouse import Warehouse
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.series import bars, series
from pipeline.warehouse.windows.shown import Bars, NotDrawable, Series
from pipeline_tests.warehouse.factory import stage_rows

START = datetime(2025, 3, 3)
MEASURES = {
    "n": agg.count(), "total": agg.sum("value"), "mean": agg.avg("value"), "most": agg.max("value"),
    "middle": agg.quantile("value", 0.5), "kinds": agg.distribution("kind"),
}  # fmt: skip


class Reading(pa.DataFrameModel):
    at: datetime
    place: str
    kind: str
    value: float = pa.Field(nullable=True)


def filled(folder: Path, window: Window, rows: Iterable[tuple[int, str, str, float | None]]) -> Warehouse:
    """A warehouse with readings (minutes since START, place, kind, value) and the window up to date."""
    dataset = Dataset("readings", schema=Reading, event_time="at", windows=[window])
    given = [
        {"at": START + timedelta(minutes=minute), "place": place, "kind": kind, "value": value}
        for minute, place, kind, value in rows
    ]
    warehouse = Warehouse(folder / "w.duckdb", {"readings": dataset})
    warehouse.commit(stage_rows(folder / "staging", dataset, "a.csv", given))
    warehouse.recompute("readings", window.name)
    return warehouse


def drawn(warehouse: Warehouse, days: int = 1, **options: Any) -> Series:
    dataset = warehouse.datasets["readings"]
    with warehouse.session(read_only=True) as session:
        return series(
            session.connection,
            dataset,
            dataset.time_windows[0],
            START,
            START + timedelta(days=days),
            **options,
        )


def figures(found: Series) -> dict[str, list[float | None]]:
    return {line.label: [point.value for point in line.points] for line in found.lines}


HOURLY = Tumbling("w", every="1h", by=["place"], measures=MEASURES)
ROWS = [
    (5, "A", "x", 1.0),
    (6, "A", "x", 2.0),
    (7, "B", "x", 9.0),
    (65, "A", "x", 4.0),
    (66, "C", "x", 3.0),
    (200, "A", "x", 5.0),
]


def test_counts_of_the_smaller_groups_are_added_up(tmp_path: Path) -> None:
    found = drawn(filled(tmp_path, HOURLY, ROWS), lines=1)
    assert figures(found) == {"A": [2, 1, 1], "2 others": [1, 1]}
    assert [line.rest for line in found.lines] == [False, True]
    assert (found.measure, found.step, found.averaged, found.left_out) == ("n", timedelta(hours=1), False, 0)


@pytest.mark.parametrize(
    ("measure", "rest", "from_zero"),
    [("total", [14.0], True), ("mean", [14 / 3], False), ("most", [9.0], False)],
)
def test_an_average_is_weighted_and_a_maximum_is_one(
    tmp_path: Path, measure: str, rest: list[float], from_zero: bool
) -> None:
    rows = [
        (1, "A", "x", 50.0),
        (2, "A", "x", 50.0),
        (3, "A", "x", 50.0),
        (5, "B", "x", 9.0),
        (6, "C", "x", 2.0),
        (7, "C", "x", 3.0),
    ]
    found = drawn(filled(tmp_path, HOURLY, rows), measure=measure, lines=1)
    assert figures(found)["2 others"] == pytest.approx(rest)
    assert found.from_zero is from_zero


def test_of_a_quantile_the_groups_without_a_line_are_left_out_and_counted(tmp_path: Path) -> None:
    found = drawn(filled(tmp_path, HOURLY, ROWS), measure="middle", lines=1)
    assert figures(found) == {"A": [1.5, 4.0, 5.0]}
    assert found.left_out == 2


def test_where_there_are_more_windows_than_points_each_is_their_mean_with_its_range(tmp_path: Path) -> None:
    window = Tumbling("w", every="5m", measures={"n": agg.count()})
    rows = [(minute, "A", "x", 1.0) for minute in range(0, 24 * 60, 5)] + [(2, "A", "x", 1.0)]
    found = drawn(filled(tmp_path, window, rows), points=24)
    assert (found.step, found.averaged) == (timedelta(hours=1), True)
    [line] = found.lines
    assert (line.label, len(line.points)) == ("", 24)
    assert (line.points[0].value, line.points[0].low, line.points[0].high) == (pytest.approx(13 / 12), 1, 2)
    assert [point.final for point in line.points] == [True] * 23 + [False]


def test_groups_can_be_put_together_by_one_of_their_columns(tmp_path: Path) -> None:
    window = Sliding("w", size="1h", every="1h", by=["place", "kind"], measures=MEASURES)
    warehouse = filled(tmp_path, window, [(1, "A", "x", 1.0), (2, "A", "y", 2.0), (3, "B", "x", 5.0)])
    assert figures(drawn(warehouse)) == {"A, x": [1], "A, y": [1], "B, x": [1]}
    assert figures(drawn(warehouse, by=["place"])) == {"A": [2], "B": [1]}
    with pytest.raises(NotDrawable, match=r"middle of several groups .* cannot be put together"):
        drawn(warehouse, by=["place"], measure="middle")
    with pytest.raises(NotDrawable, match="not grouped by colour, but by place, kind"):
        drawn(warehouse, by=["colour"])
    with pytest.raises(NotDrawable, match="no measure 'kinds' that is a number; it has: n, total"):
        drawn(warehouse, measure="kinds")


def test_the_bars_of_a_day_are_those_of_its_last_window_by_group(tmp_path: Path) -> None:
    warehouse = filled(tmp_path, HOURLY, [*ROWS, (201, "B", "x", 1.0)])
    dataset = warehouse.datasets["readings"]
    with warehouse.session(read_only=True) as session:
        span = (START, START + timedelta(days=1))
        assert bars(session.connection, dataset, HOURLY, span, measure="total") == Bars(
            "total", (("A", 5.0), ("B", 1.0))
        )


def test_the_bars_of_a_total_are_those_over_the_table_and_the_rest_in_one(tmp_path: Path) -> None:
    window = Total("w", by=["place"], measures=MEASURES)
    warehouse = filled(tmp_path, window, ROWS)
    dataset = warehouse.datasets["readings"]
    with warehouse.session(read_only=True) as session:
        assert bars(session.connection, dataset, window, most=1) == Bars("n", (("A", 4.0),), 2.0, 2)
        assert bars(session.connection, dataset, window, measure="middle", most=1) == Bars(
            "middle", (("B", 9.0),), None, 2
        )


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Beirut", "America/Sao_Paulo", "UTC"])
def test_points_of_several_days_are_of_whole_local_days_when_clocks_change(tmp_path: Path, zone: str) -> None:
    daily = Tumbling("daily", every="1d", measures={"day": agg.max("value")})
    dataset = Dataset("readings", schema=Reading, event_time="at", windows=[daily], timezone=zone)
    bounds = [clock.day_bounds(dataset.zone, date(2017, 1, 1) + timedelta(days=n)) for n in range(364)]
    rows = [
        {"at": low + (high - low) / 2, "place": "A", "kind": "x", "value": n}
        for n, (low, high) in enumerate(bounds)
    ]
    warehouse = Warehouse(tmp_path / "w.duckdb", {"readings": dataset})
    warehouse.commit(stage_rows(tmp_path / "staging", dataset, "a.csv", rows))
    warehouse.recompute("readings", "daily")
    with warehouse.session(read_only=True) as session:
        found = series(session.connection, dataset, daily, bounds[0][0], bounds[-1][1], points=60)
    [line] = found.lines
    assert found.step == timedelta(days=7)
    assert [point.value for point in line.points] == [7 * n + 3 for n in range(52)]
    assert [point.at for point in line.points] == [bounds[7 * n][0] for n in range(52)]
