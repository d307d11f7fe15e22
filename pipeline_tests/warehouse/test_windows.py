"""Windows: what the compiled SQL gives, against the same computed row by row in Python."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
import pytest

from pipeline.contract import Dataset, Sliding, Total, Tumbling, agg
from pipeline.warehouse import Warehouse
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.compiler import compile_total, compile_window
from pipeline.warehouse.windows.grid import grid_of
from pipeline_tests.warehouse.factory import stage_rows


class Reading(pa.DataFrameModel):
    at: datetime
    place: str = pa.Field(nullable=True)
    whole: int = pa.Field(nullable=True)
    price: Annotated[pl.Decimal, 18, 2] = pa.Field(nullable=True)
    heat: float = pa.Field(nullable=True)
    kind: str = pa.Field(nullable=True)


MEASURES = {
    "rows_seen": agg.count(), "wholes": agg.count("whole"), "whole_sum": agg.sum("whole"), "price_sum": agg.sum("price"),
    "heat_sum": agg.sum("heat"), "price_avg": agg.avg("price"), "low": agg.min("price"), "high": agg.max("kind"),
    "kinds": agg.count_distinct("kind"), "p90": agg.quantile("price", 0.9), "by_kind": agg.distribution("kind"),
}  # fmt: skip


def readings(window: Any, timezone: str = "UTC") -> Dataset:
    return Dataset("readings", schema=Reading, event_time="at", timezone=timezone, windows=[window])


def random_rows(seed: int, start: datetime, hours: int, count: int = 400) -> list[dict[str, Any]]:
    rng = random.Random(seed)

    def perhaps(value: Any) -> Any:
        return None if rng.random() < 0.15 else value

    return [
        {
            "at": start + timedelta(milliseconds=rng.randrange(hours * 3_600_000)),
            "place": perhaps(rng.choice("AB")),
            "whole": perhaps(rng.randrange(-5, 10**12)),
            "price": perhaps(Decimal(rng.randrange(10_000)) / 100),
            "heat": perhaps(rng.uniform(-5, 40)),
            "kind": perhaps(rng.choice(["x", "y", "zé"])),
        }
        for _ in range(count)
    ]


def quantile(values: list[float], share: float) -> float | None:
    if not values:
        return None
    values = sorted(values)
    at = share * (len(values) - 1)
    low = math.floor(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The measures of MEASURES over rows, the slow and plain way."""
    got = {name: [row[name] for row in rows if row[name] is not None] for name in rows[0]}
    prices = got["price"]
    return {
        "rows_seen": len(rows),
        "wholes": len(got["whole"]),
        "whole_sum": sum(got["whole"]) if got["whole"] else None,
        "price_sum": sum(prices) if prices else None,
        "heat_sum": pytest.approx(math.fsum(got["heat"])) if got["heat"] else None,
        "price_avg": pytest.approx(float(sum(prices)) / len(prices)) if prices else None,
        "low": min(prices, default=None),
        "high": max(got["kind"], default=None),
        "kinds": len(set(got["kind"])),
        "p90": pytest.approx(quantile([float(price) for price in prices], 0.9)) if prices else None,
        "by_kind": dict(sorted(Counter(got["kind"]).items())),
        "row_count": len(rows),
    }


def compute(warehouse: Warehouse, dataset: Dataset) -> list[dict[str, Any]]:
    """Recompute what is dirty and give the stored rows."""
    (window,) = dataset.windows
    with warehouse.session() as session:
        session.recompute(dataset.name, window.name)
        assert session.dirty() == []
        cursor = session.connection.execute(f"SELECT * FROM windows.{dataset.name}_{window.name}")
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def load(tmp_path: Path, dataset: Dataset, rows: list[dict[str, Any]], delivery: str = "a.csv") -> Warehouse:
    warehouse = Warehouse(tmp_path / "w.duckdb", {dataset.name: dataset})
    warehouse.commit(stage_rows(tmp_path / "staging", dataset, delivery, rows))
    return warehouse


@pytest.mark.parametrize(
    ("window", "seed"),
    [
        (Tumbling("w", every="1d", by=["place"], measures=MEASURES), 1),
        (Tumbling("w", every="6h", measures=MEASURES), 2),
        (Tumbling("w", every="432s", by=["place", "kind"], measures=MEASURES), 3),
        (Tumbling("w", every="7d", by=["place"], measures=MEASURES), 4),
        (Sliding("w", size="1h", every="15m", by=["place"], measures=MEASURES), 5),
        (Sliding("w", size="50m", every="20m", measures=MEASURES), 6),
        (Sliding("w", size="3d", every="1d", by=["place"], measures=MEASURES), 7),
        (Sliding("w", size="36h", every="1d", measures=MEASURES), 8),
        (Sliding("w", size="30h", every="4h", measures=MEASURES), 9),
    ],
)  # fmt: skip
@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin"])
def test_windows_hold_what_the_rows_give(tmp_path: Path, window: Any, seed: int, timezone: str) -> None:
    dataset = readings(window, timezone)
    rows = random_rows(
        seed, datetime(2025, 10, 24, 20), hours=24 * 4
    )  # Berlin turns its clocks back on the 26th
    stored = compute(load(tmp_path, dataset, rows), dataset)

    assert len(stored) == len({(row["window_start"], *(row[name] for name in window.by)) for row in stored})
    members = 0
    for row in stored:
        inside = [
            r for r in rows
            if row["window_start"] <= r["at"] < row["window_end"] and all(r[name] == row[name] for name in window.by)
        ]  # fmt: skip
        expected = figures(inside)
        assert {name: row[name] for name in [*window.measures, "row_count"]} == {
            name: expected[name] for name in [*window.measures, "row_count"]
        }
        members += len(inside)
    assert members == sum(len(starts_of(dataset, window, r["at"])) for r in rows)


def starts_of(dataset: Dataset, window: Any, moment: datetime) -> list[datetime]:
    """Every start of a window that contains the moment, stepping over the grid."""
    grid = grid_of(dataset, window)
    shown = grid.floor(grid.on_clock(moment))
    found = []
    while shown + grid.length > grid.on_clock(moment):
        found.append(shown)
        shown -= grid.step
    return found


def test_a_daily_window_is_the_local_day_when_clocks_change(tmp_path: Path) -> None:
    dataset = readings(Tumbling("w", every="1d"), "Europe/Berlin")
    rows = random_rows(3, datetime(2025, 3, 29), hours=72)
    stored = {
        row["window_start"]: row["window_end"] for row in compute(load(tmp_path, dataset, rows), dataset)
    }

    assert stored[datetime(2025, 3, 29, 23)] == datetime(2025, 3, 30, 22)


def test_an_hour_that_comes_twice_gives_two_hourly_windows(tmp_path: Path) -> None:
    dataset = readings(Tumbling("w", every="1h"), "Europe/Berlin")
    blank = dict.fromkeys(["place", "whole", "price", "heat", "kind"])
    rows = [{"at": datetime(2025, 10, 26, hour, 30), **blank} for hour in (0, 1)]
    stored = compute(load(tmp_path, dataset, rows), dataset)

    assert sorted(row["window_start"] for row in stored) == [
        datetime(2025, 10, 26, 0),
        datetime(2025, 10, 26, 1),
    ]


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Berlin",
        "America/Sao_Paulo",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "UTC",
    ],
)
@pytest.mark.parametrize(
    "window",
    [Tumbling("w", every="5m"), Tumbling("w", every="1h"), Tumbling("w", every="2h"), Tumbling("w", every="90m"),
     Tumbling("w", every="6h"), Tumbling("w", every="1d"), Tumbling("w", every="7d")],
    ids=lambda w: w.every,
)  # fmt: skip
def test_tumbling_windows_leave_no_gap_and_never_overlap(window: Any, zone: str) -> None:
    grid = grid_of(readings(window, zone), window)
    moment = datetime(2018, 10, 1)
    rng = random.Random(1)
    for _ in range(500):
        moment += timedelta(seconds=rng.randrange(20_000))
        slot = grid.floor(grid.on_clock(moment))
        start, end = grid.off_clock(slot), grid.off_clock(slot + grid.length)
        assert start <= moment < end
        following = grid.floor(grid.on_clock(end))
        assert grid.off_clock(following) == end


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Auckland"])
def test_local_days_touch_and_the_offset_changes_are_found(zone: str) -> None:
    owner = readings(Tumbling("w", every="1d"), zone).zone
    for number in range(400):
        day = date(2017, 6, 1) + timedelta(days=number)
        start, end = clock.day_bounds(owner, day)
        assert clock.day_bounds(owner, day + timedelta(days=1))[0] == end
        assert (
            clock.day_of(owner, start) == day and clock.day_of(owner, end - timedelta(microseconds=1)) == day
        )
    _, found = clock.changes(owner, datetime(2017, 1, 1), datetime(2018, 1, 1))
    assert len(found) == (0 if zone == "UTC" else 2)
    for change in found:
        assert clock.offset_at(owner, change.moment) == change.offset
        assert clock.offset_at(owner, change.moment - timedelta(seconds=1)) == change.before


def test_the_days_of_a_moment_are_those_on_which_windows_start_that_hold_it() -> None:
    def days(window: Any, moment: datetime, zone: str = "UTC") -> list[str]:
        return [day.isoformat() for day in grid_of(readings(window, zone), window).days(moment, moment)]

    wednesday = datetime(2025, 3, 5, 0, 20)
    assert days(Tumbling("w", every="1d"), wednesday) == ["2025-03-05"]
    assert days(Tumbling("w", every="7d"), wednesday) == ["2025-03-03"]
    assert days(Sliding("w", size="1h", every="5m"), wednesday) == ["2025-03-04", "2025-03-05"]
    assert days(Sliding("w", size="20m", every="20m"), wednesday) == ["2025-03-05"]
    assert days(Sliding("w", size="30m", every="5m"), wednesday) == ["2025-03-04", "2025-03-05"]
    assert days(Sliding("w", size="3d", every="1d"), wednesday) == ["2025-03-03", "2025-03-04", "2025-03-05"]
    assert days(Tumbling("w", every="1d"), datetime(2025, 3, 5, 23, 30), "Europe/Berlin") == ["2025-03-06"]


def test_moments_at_the_ends_of_the_calendar_fail_nothing(tmp_path: Path) -> None:
    blank = dict.fromkeys(["place", "whole", "price", "heat", "kind"])
    rows = [
        {"at": moment, **blank}
        for moment in (datetime(1, 1, 1, 5), datetime(2025, 1, 1), datetime(9999, 12, 31, 5))
    ]
    for number, zone in enumerate(["UTC", "Europe/Berlin"]):
        dataset = readings(Sliding("w", size="2h", every="30m"), zone)
        folder = tmp_path / str(number)
        stored = compute(load(folder, dataset, rows), dataset)
        assert {row["window_start"].year for row in stored} >= {1, 2025, 9999} - (
            {1} if zone != "UTC" else set()
        )


def test_revisions_rise_only_where_a_figure_changed_and_vanished_windows_go(tmp_path: Path) -> None:
    dataset = readings(Tumbling("w", every="1d", by=["place"], measures={"total": agg.sum("whole")}))
    blank = {"price": None, "heat": None, "kind": None}

    def row(day: int, place: str, whole: int) -> dict[str, Any]:
        return {"at": datetime(2025, 1, day, 12), "place": place, "whole": whole, **blank}

    warehouse = load(tmp_path, dataset, [row(1, "A", 1), row(1, "B", 5), row(2, "A", 2)])
    first = {(r["window_start"].day, r["place"]): r for r in compute(warehouse, dataset)}
    assert {key: r["revision"] for key, r in first.items()} == {(1, "A"): 1, (1, "B"): 1, (2, "A"): 1}
    assert {key: r["is_final"] for key, r in first.items()} == {
        (1, "A"): True,
        (1, "B"): True,
        (2, "A"): False,
    }

    warehouse.commit(
        stage_rows(tmp_path / "staging", dataset, "a.csv", [row(1, "A", 10), row(1, "B", 5), row(3, "A", 2)])
    )
    second = {(r["window_start"].day, r["place"]): r for r in compute(warehouse, dataset)}

    assert {key: r["revision"] for key, r in second.items()} == {(1, "A"): 2, (1, "B"): 1, (3, "A"): 1}
    assert second[1, "B"]["computed_at"] == first[1, "B"]["computed_at"] < second[1, "A"]["computed_at"]
    assert warehouse.recompute("readings", "w", [date(2025, 1, 1)])[0].changed == 0


def test_windows_become_final_when_later_rows_arrive_on_other_days(tmp_path: Path) -> None:
    dataset = readings(Tumbling("w", every="1d"))
    warehouse = load(tmp_path, dataset, random_rows(1, datetime(2025, 1, 1), 24, 5))
    assert [row["is_final"] for row in compute(warehouse, dataset)] == [False]
    warehouse.commit(
        stage_rows(tmp_path / "staging", dataset, "b.csv", random_rows(2, datetime(2025, 1, 9), 24, 5))
    )

    assert sorted((row["window_start"].day, row["is_final"]) for row in compute(warehouse, dataset)) == [
        (1, True),
        (9, False),
    ]


def test_a_total_runs_over_the_table_and_per_delivery(tmp_path: Path) -> None:
    dataset = readings(Total("w", by=["place"], measures=MEASURES))
    one, two = random_rows(1, datetime(2025, 1, 1), 5), random_rows(2, datetime(2025, 1, 1), 5)
    warehouse = load(tmp_path, dataset, one)
    compute(warehouse, dataset)
    warehouse.commit(stage_rows(tmp_path / "staging", dataset, "b.csv", two))

    for row in compute(warehouse, dataset):
        source = {"a.csv": one, "b.csv": two, None: one + two}[row["_delivery"]]
        expected = figures([r for r in source if r["place"] == row["place"]])
        assert {name: row[name] for name in expected} == expected
        assert row["revision"] == (2 if row["_delivery"] is None else 1) and row["window_start"] is None

    three = random_rows(3, datetime(2025, 1, 1), 5, count=10)
    warehouse.commit(stage_rows(tmp_path / "staging", dataset, "b.csv", three))
    counts = Counter[str]()
    for row in compute(warehouse, dataset):
        counts[str(row["_delivery"])] += row["row_count"]
    assert counts == {"a.csv": 400, "b.csv": 10, "None": 410}


def test_a_window_with_another_specification_is_made_anew(tmp_path: Path) -> None:
    before = readings(Tumbling("w", every="1d", measures={"figure": agg.sum("heat")}))
    warehouse = load(tmp_path, before, random_rows(1, datetime(2025, 1, 1), 30))
    compute(warehouse, before)

    after = readings(Tumbling("w", every="1d", measures={"figure": agg.avg("heat")}))
    again = Warehouse(tmp_path / "w.duckdb", {"readings": after})
    with again.session() as session:
        assert session.window_rows("readings", "w").height == 0
        assert [mark.day for mark in session.dirty()] == [date(2025, 1, 1), date(2025, 1, 2)]
    assert max(row["figure"] for row in compute(again, after)) < 40


def test_rows_of_a_window_can_be_asked_for_by_day(tmp_path: Path) -> None:
    dataset = readings(Sliding("w", size="1h", every="30m", by=["place"]), "Europe/Berlin")
    warehouse = load(tmp_path, dataset, random_rows(1, datetime(2025, 1, 1), 48))
    everything = compute(warehouse, dataset)
    with warehouse.session(read_only=True) as session:
        found = session.window_rows("readings", "w", [date(2025, 1, 2)])
        assert session.window_rows("readings", "w", limit=3).height == 3
        assert session.window_rows("readings", "w", []).height == 0
    low, high = datetime(2025, 1, 1, 23), datetime(2025, 1, 2, 23)
    assert found.height == sum(low <= row["window_start"] < high for row in everything) > 0


def test_the_compiled_sql_reads_like_the_window_it_is() -> None:
    lower, upper = datetime(2025, 1, 1), datetime(2025, 1, 2)
    window = Tumbling("w", every="1d", by=["place"], measures={"total": agg.sum("price")})
    assert (
        compile_window(readings(window), window, "clean.readings", lower, upper)
        == """\
SELECT window_start,
  window_end,
  "place",
  _1 AS "total",
  row_count
FROM (
  SELECT _slot AS window_start,
    (_slot + INTERVAL '1' DAY) AS window_end,
    "place",
    row_count,
    _1
  FROM (
  SELECT time_bucket(INTERVAL '1' DAY, "at", TIMESTAMP '2000-01-03 00:00:00') AS _slot,
    "place",
    count(*) AS row_count,
    sum("price")::DECIMAL(38,2) AS _1
  FROM clean.readings
  WHERE "at" >= TIMESTAMP '2025-01-01 00:00:00' AND "at" < TIMESTAMP '2025-01-02 00:00:00'
  GROUP BY 1, "place"
  )
)
WHERE window_start >= TIMESTAMP '2025-01-01 00:00:00' AND window_start < TIMESTAMP '2025-01-02 00:00:00'"""
    )


def test_a_sliding_window_aggregates_rows_per_pane_and_expands_panes() -> None:
    window = Sliding("w", size="60s", every="5s", measures={"mean": agg.avg("heat")})
    sql = compile_window(
        readings(window), window, "clean.readings", datetime(2025, 1, 1), datetime(2025, 1, 2)
    )
    assert "range(12) AS steps(_back)" in sql and "time_bucket(INTERVAL '5' SECOND, \"at\"" in sql
    assert sql.index("GROUP BY 1") < sql.index("range(12)")


def test_a_total_is_one_scan() -> None:
    window = Total("w", by=["place"], measures={"n": agg.count()})
    sql = compile_total(readings(window), window, "clean.readings", per_delivery=True)
    assert sql.count("FROM clean.readings") == 1 and 'GROUP BY _delivery, "place"' in sql
