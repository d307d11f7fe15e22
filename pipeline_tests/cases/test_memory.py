"""Windows keep within the memory that there is, however many rows a day has; what cannot is told before it is tried."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandera.polars as pa
import pytest

from pipeline.contract import (
    ContractError,
    Cumulative,
    Dataset,
    Session,
    Sliding,
    Total,
    Tumbling,
    Window,
    agg,
)
from pipeline.datasets.events import events
from pipeline.warehouse import Warehouse
from pipeline.warehouse.failures import PartsFailed
from pipeline.warehouse.windows import batches
from pipeline_tests.warehouse.factory import stage_rows
from pipeline_tests.windows.readings import differences
from pipeline_tests.windows.reference import reference

MB = 1 << 20
MEMORY = 128
ROWS = 200_000


class Visit(pa.DataFrameModel):
    at: datetime
    id: str
    place: str
    user: int
    kind: str
    value: float = pa.Field(nullable=True)


def visits(*windows: Window) -> Dataset:
    return Dataset("visits", schema=Visit, event_time="at", windows=windows, publish="nothing")


def a_day(folder: Path, dataset: Dataset, rows: int = ROWS, memory_mb: int = MEMORY) -> Warehouse:
    """A warehouse with so many rows over one day, of 20 places and 5,000 users."""
    warehouse = Warehouse(folder / "w.duckdb", {dataset.name: dataset}, memory_mb=memory_mb)
    with warehouse.session() as session:
        session.connection.execute(
            f"INSERT INTO clean.visits BY NAME SELECT TIMESTAMP '2025-01-01' + to_microseconds((i * {86_400_000_000 // rows})::BIGINT) "
            "AS \"at\", 'visit ' || i AS id, 'place ' || (hash(i) % 20) AS place, (hash(i * 13) % 5000)::BIGINT AS \"user\", "
            "'kind ' || (i % 5) AS kind, (i % 1000)::DOUBLE AS value, 'a file' AS _delivery, i + 1 AS _row "
            f"FROM range({rows}) AS numbers(i)"
        )
        for window in dataset.windows:
            session.mark_everything(dataset.name, window.name)
    return warehouse


def computed(warehouse: Warehouse, sql: str, dataset: str = "visits", window: str = "w") -> list[Any]:
    with warehouse.session() as session:
        session.recompute(dataset, window)
        return session.connection.execute(sql).fetchall()


def test_the_shipped_events_at_a_thousand_a_second_fit_into_a_small_memory(tmp_path: Path) -> None:
    warehouse = Warehouse(
        tmp_path / "w.duckdb", {"events": events}, memory_mb=MEMORY, published=tmp_path / "p"
    )
    with warehouse.session() as session:
        session.connection.execute(
            "INSERT INTO clean.events BY NAME SELECT 'e' || i AS id, 'type ' || (i % 5) AS type, 'source ' || (i % 20) AS source, "
            "TIMESTAMP '2025-01-01' + to_microseconds((i * 1000)::BIGINT) AS timestamp, (i % 100)::DOUBLE AS value, "
            "'a file' AS _delivery, i + 1 AS _row FROM range(600000) AS numbers(i)"
        )
        session.mark_everything("events", "last_minute")
    ((windows, rows, lowest, types),) = computed(
        warehouse,
        "SELECT count(*), sum(row_count), min(lowest), any_value(types) FILTER (row_count = 3000) FROM windows.events_last_minute",
        "events",
        "last_minute",
    )
    assert (windows, rows, lowest) == (131 * 20, 12 * 600_000, 0.0)
    assert sum(types.values()) == 3_000


@pytest.mark.parametrize(
    "window",
    [
        Tumbling("w", every="10s", by=["user"], measures={"kinds": agg.distribution("kind"), "last": agg.last("id")}),
        Tumbling("w", every="1d", by=["place"], measures={"p95": agg.quantile("value", 0.95), "d": agg.quantile_discrete("value", 0.5)}),
        Sliding("w", size="60s", every="5s", by=["place"], measures={"p95": agg.quantile("value", 0.95), "top": agg.top("user", 3)}),
        Sliding("w", size="1h", every="5m", measures={"about": agg.count_distinct("id", approximate=True)}),
        Cumulative("w", period="1d", every="2h", by=["place"], measures={"p95": agg.median("value"), "kinds": agg.distribution("kind")}),
        Session("w", gap="1m", by=["user"], measures={"p95": agg.median("value"), "top": agg.top("kind", 1)}),
    ],
    ids=["seconds of users", "a day", "a minute by 5 s", "an hour by 5 min", "growing", "sessions"],
)  # fmt: skip
def test_each_kind_of_window_fits_into_a_small_memory(tmp_path: Path, window: Window) -> None:
    warehouse = a_day(tmp_path, visits(window), memory_mb=64)
    ((windows, rows),) = computed(warehouse, "SELECT count(*), sum(row_count) FROM windows.visits_w")
    times = window.length / window.step if isinstance(window, Sliding) else 1
    if not isinstance(window, Cumulative):
        assert abs(rows - times * ROWS) < 10, (windows, rows)


@pytest.mark.parametrize(
    "measure", [agg.quantile("value", 0.9), agg.quantile_discrete("value", 0.9), agg.median("value")]
)
def test_what_one_window_cannot_hold_is_told_with_what_helps(
    tmp_path: Path, measure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = visits(Tumbling("w", every="1d", measures={"most": measure}))
    warehouse = a_day(tmp_path, dataset)
    monkeypatch.setattr(batches, "memory_of", lambda connection: 4 * MB)
    with warehouse.session() as session, pytest.raises(PartsFailed) as failed:
        session.recompute("visits", "w")
    said = str(failed.value)
    assert "visits/w" in said and f"{ROWS:,} rows" in said and "may use 4 MB" in said
    assert 'declare most as agg.quantile("value", ' in said and "approximate=True)" in said


def test_the_approximate_form_that_is_named_fits(tmp_path: Path) -> None:
    window = Tumbling("w", every="1d", measures={"most": agg.quantile("value", 0.9, approximate=True)})
    ((most,),) = computed(a_day(tmp_path, visits(window), memory_mb=32), "SELECT most FROM windows.visits_w")
    assert most == pytest.approx(899, abs=20)


def test_figures_are_the_same_in_pieces_and_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measures = {
        "p95": agg.quantile("value", 0.95), "kinds": agg.distribution("kind"), "top": agg.top("user", 2), "sum": agg.sum("value"),
        "about": agg.count_distinct("user", approximate=True),
    }  # fmt: skip
    windows: list[Window] = [
        Tumbling("day", every="1d", by=["place"], measures=measures),
        Tumbling("hours", every="3h", by=["place"], measures=measures),
        Sliding("hour", size="2h", every="20m", by=["place"], measures=measures),
        Cumulative("growing", period="1d", every="3h", by=["place"], measures=measures),
        Session("stay", gap="30s", by=["user"], measures=measures),
        Total("ever", by=["place"], measures=measures),
    ]
    found: list[list[Any]] = []
    for name, memory in (("whole", 1 << 40), ("pieces", 6 << 20)):
        monkeypatch.setattr(batches, "memory_of", lambda connection, memory=memory: memory)
        folder = tmp_path / name
        folder.mkdir()
        warehouse = a_day(folder, visits(*windows), 20_000)
        lines = []
        for window in windows:
            by = ", ".join(window.by)
            columns = ", ".join(["window_start", "window_end", by, *measures, "row_count"])
            lines += computed(
                warehouse,
                f"SELECT {columns} FROM windows.visits_{window.name} ORDER BY ALL",
                window=window.name,
            )
        found.append(lines)
    assert found[0] == found[1] and len(found[0]) > 1_000


def test_pieces_follow_the_rows_not_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All rows within ten minutes of a day: cut evenly one piece would have them all."""
    window = Sliding("w", size="60s", every="5s", by=["place"], measures={"p95": agg.quantile("value", 0.95)})
    warehouse = a_day(tmp_path, visits(window), 10)
    with warehouse.session() as session:
        session.connection.execute("UPDATE clean.visits SET \"at\" = TIMESTAMP '2025-01-01 12:00:00'")
        session.connection.execute(
            "INSERT INTO clean.visits BY NAME SELECT TIMESTAMP '2025-01-01 12:00:00' + to_microseconds((i * 3000)::BIGINT) AS \"at\", "
            "'x' AS id, 'a' AS place, 1 AS \"user\", 'k' AS kind, 1.0 AS value, 'a file' AS _delivery, 1000 + i AS _row "
            "FROM range(200000) AS numbers(i)"
        )
        monkeypatch.setattr(batches, "memory_of", lambda connection: 24 * MB)
        (batch,) = batches.batches(
            session.connection, session._known("visits"), [datetime(2025, 1, 1).date()]
        )
        pieces = batches.pieces(session.connection, visits(window), window, batch)
    busy = [
        one
        for one in pieces
        if one.upper > datetime(2025, 1, 1, 11, 59) and one.lower < datetime(2025, 1, 1, 12, 10)
    ]
    assert len(busy) >= 3
    assert all(one.upper - one.lower < timedelta(minutes=10) for one in busy[1:-1])


class Reading(pa.DataFrameModel):
    at: datetime
    k: str
    v: float


def readings(**fields: Any) -> Dataset:
    window = Tumbling(
        "hourly", by=["k"], measures={"n": agg.count()}, **{"every": "1h", "fill": "zero"} | fields
    )
    return Dataset("fz", schema=Reading, event_time="at", windows=[window])


def filled(folder: Path, dataset: Dataset, *deliveries: list[datetime]) -> list[tuple[Any, ...]]:
    """The windows after files with rows of five groups at these times, one file after another, each recomputed."""
    warehouse = Warehouse(folder / "w.duckdb", {"fz": dataset}, published=folder / "p")
    with warehouse.session() as session:
        for number, times in enumerate(deliveries):
            session.commit(
                stage_rows(
                    folder / f"s{number}",
                    dataset,
                    f"{number}.csv",
                    [{"at": at, "k": k, "v": 1.0} for at in times for k in "abcde"],
                )
            )
            session.recompute("fz", "hourly")
        assert session.verify("fz", "hourly", sampled=None).differences == 0
        return session.connection.execute(
            "SELECT window_start, k, n FROM windows.fz_hourly ORDER BY ALL"
        ).fetchall()


DAY, FAR = datetime(2024, 6, 1), datetime(2124, 6, 1)


def test_a_mistyped_year_makes_no_millions_of_windows(tmp_path: Path) -> None:
    found = filled(tmp_path, readings(), [DAY, DAY + timedelta(hours=23)], [FAR])
    assert len(found) == 5 * (24 + 1)
    assert len(list((tmp_path / "p").rglob("*.parquet"))) == 2


@pytest.mark.parametrize("far", [datetime(9999, 12, 30), datetime(1900, 1, 1)])
def test_nor_do_the_ends_of_the_calendar(tmp_path: Path, far: datetime) -> None:
    assert len(filled(tmp_path, readings(), [DAY, DAY + timedelta(hours=23)], [far])) == 5 * (24 + 1)


def test_a_pause_that_is_cut_in_two_is_filled_and_one_that_comes_back_is_not(tmp_path: Path) -> None:
    few = readings(fill_limit=10)
    apart = filled(tmp_path, few, [DAY, DAY + timedelta(hours=15)])
    assert len(apart) == 5 * 2
    (tmp_path / "more").mkdir()
    joined = filled(tmp_path / "more", few, [DAY, DAY + timedelta(hours=15)], [DAY + timedelta(hours=8)])
    assert len(joined) == 5 * 16


def test_what_is_filled_over_a_limit_can_be_said(tmp_path: Path) -> None:
    assert len(filled(tmp_path, readings(every="1d"), [DAY], [DAY + timedelta(days=900)])) == 5 * 901
    (tmp_path / "less").mkdir()
    assert (
        len(
            filled(
                tmp_path / "less", readings(every="1d", fill_limit=100), [DAY], [DAY + timedelta(days=900)]
            )
        )
        == 10
    )


def test_windows_that_would_put_a_row_into_too_many_of_them_are_refused() -> None:
    with pytest.raises(ContractError, match="345,600 windows"):
        visits(Sliding("w", size="1d", every="250ms"))
    with pytest.raises(ContractError, match="fill_limit"):
        visits(Tumbling("w", every="1d", fill_limit=10))


def test_figures_carried_forward_reach_over_batches_and_are_repaired_by_late_rows(tmp_path: Path) -> None:
    window = Tumbling(
        "w", every="12h", by=["k"], fill="forward", measures={"last": agg.last("v"), "n": agg.count()}
    )
    dataset = Dataset("fz", schema=Reading, event_time="at", timezone="Europe/Berlin", windows=[window])
    files = [
        [(0, "a", 1.0), (1, "b", 2.0)], [(70, "a", 3.0)], [(20, "a", 4.0)], [(75, "b", 5.0), (40, "b", 6.0)], [(-5, "a", 7.0)],
    ]  # fmt: skip
    rows: list[dict[str, Any]] = []
    with Warehouse(tmp_path / "w.duckdb", {"fz": dataset}).session() as session:
        for number, lines in enumerate(files):
            fresh = [{"at": DAY + timedelta(days=day, hours=3), "k": k, "v": v} for day, k, v in lines]
            rows += fresh
            session.commit(stage_rows(tmp_path / f"s{number}", dataset, f"{number}.csv", fresh))
            session.recompute("fz", "w")
            found = session.connection.execute("SELECT * FROM windows.fz_w").pl().to_dicts()
            assert not differences(found, reference(rows, dataset, window), window)
        assert session.verify("fz", "w", sampled=None).differences == 0


def test_a_share_is_not_carried_forward() -> None:
    with pytest.raises(ContractError, match="share"):
        visits(Tumbling("w", every="1d", fill="forward", measures={"part": agg.share()}))
