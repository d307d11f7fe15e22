"""The pages of windows: their figures in the dataset's time, bounded, safe, and of now."""

# ruff: noqa: DTZ001  (the warehouse's moments are UTC without zone)

from __future__ import annotations

import textwrap
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from pipeline.intake import Intake, open_intake, recompute_dirty, take_inbox
from pipeline.pictures import bar_panel
from pipeline.report import renew_windows, reported, write_indexes
from pipeline.report import windows as pages
from pipeline.report.paths import index_page, window_page
from pipeline.report.tables import table_workbook
from pipeline.settings import Settings
from pipeline.warehouse import Failures
from pipeline.warehouse.windows.shown import Bars
from pipeline_tests.report.conftest import Drop, TakeIn, order
from pipeline_tests.report.test_reports import parsed

BERLIN = """
    from datetime import datetime
    import pandera.polars as pa
    from pipeline.contract import Dataset, Session, Total, Tumbling, agg

    class Trip(pa.DataFrameModel):
        at: datetime
        where: str = pa.Field(nullable=True)
        km: float

    trips = Dataset(
        "trips", schema=Trip, event_time="at", timezone="Europe/Berlin",
        windows=[
            Tumbling("hourly", every="1h", by=["where"], measures={"km": agg.sum("km"), "kinds": agg.collect("where")}),
            Session("rides", gap="30m", by=["where"], measures={"km": agg.sum("km")}),
            Total("all", by=["where"], measures={"km": agg.sum("km")}),
        ],
    )
"""


def up_to_date(house: Intake) -> None:
    """As `pipeline ingest` does it."""
    write_indexes(house, {one.dataset for one in reported(house, take_inbox(house))})
    renew_windows(house, [(one.dataset, one.window) for one in recompute_dirty(house)])


def words(page: str) -> str:
    return " ".join(" ".join(parsed(page).itertext()).split())


def page_of(house: Intake, window: str, dataset: str = "orders") -> str:
    return window_page(house.settings, dataset, window).read_text(encoding="utf-8")


def cells_of(house: Intake, window: str, dataset: str = "orders") -> list[tuple[Any, ...]]:
    return list(
        load_workbook(window_page(house.settings, dataset, window).with_suffix(".xlsx"))["Table"].values
    )


@pytest.fixture
def trips(settings: Settings, tmp_path: Path) -> Intake:
    module = tmp_path / "declared" / "trips.py"
    module.parent.mkdir()
    module.write_text(textwrap.dedent(BERLIN).replace('"kinds": agg.collect("where")', '"n": agg.count()'))
    house = open_intake(settings.model_copy(update={"datasets": str(module.parent)}))
    house.make_folders()
    return house


def drive(house: Intake, *lines: str) -> None:
    path = house.settings.inbox / "trips" / f"{len(list((house.settings.archive).rglob('*.csv')))}.csv"
    path.write_text("at,where,km\n" + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    up_to_date(house)


def test_windows_have_a_page_and_a_workbook_that_the_pages_over_them_link(house: Intake, drop: Drop) -> None:
    drop("a.csv", order(1), order(2, day="2026-01-06", amount="3.5"))
    up_to_date(house)
    text = words(page_of(house, "daily_by_department"))
    assert "2026-01-06 00:00 2026-01-07 00:00 toys 3.50" in text and "Windows 2" in text
    header, *rows = cells_of(house, "daily_by_department")
    assert header[:4] == ("window_start (UTC)", "window_end (UTC)", "department", "revenue")
    assert rows[0][:4] == (datetime(2026, 1, 6), datetime(2026, 1, 7), "toys", 3.5)
    for index, prefix in (
        (index_page(house.settings, "orders"), ""),
        (index_page(house.settings), "orders/"),
    ):
        links = [one.attrib["href"] for one in parsed(index.read_text()).findall(".//a")]
        assert f"{prefix}windows/daily_by_department.html" in links
        assert all((index.parent / href).exists() for href in links)
    assert "<svg" in page_of(house, "last_hour")


def test_a_page_follows_each_recomputation(house: Intake, drop: Drop) -> None:
    drop("a.csv", order(1, amount="2"))
    up_to_date(house)
    drop("a.csv", order(1, amount="5"), order(2, amount="6"))
    up_to_date(house)
    assert cells_of(house, "daily_by_department")[1][3] == 11
    assert "11.00" in words(page_of(house, "daily_by_department"))


def test_times_are_those_of_the_datasets_zone_also_in_the_hour_that_comes_twice(trips: Intake) -> None:
    drive(trips, "2026-07-01T10:15:00Z,x,1", "2026-10-25T00:30:00Z,x,1", "2026-10-25T01:30:00Z,x,2")
    text = words(page_of(trips, "hourly", "trips"))
    assert "2026-07-01 12:00 2026-07-01 13:00" in text and "Times are those of Europe/Berlin" in text
    assert "2026-10-25 02:00 +02:00" in text
    header, *rows = cells_of(trips, "hourly", "trips")
    assert header[0] == "window_start (Europe/Berlin)" and header[-2:] == (
        "window_start (UTC)",
        "window_end (UTC)",
    )
    assert rows[-1][0] == datetime(2026, 7, 1, 12) and rows[-1][-2] == datetime(2026, 7, 1, 10)


@pytest.mark.parametrize(
    "zone, moment, text",
    [
        ("UTC", datetime(2026, 10, 25, 1), "2026-10-25 01:00"),
        ("Europe/Berlin", datetime(2026, 10, 25, 1), "2026-10-25 02:00 +01:00"),
        ("America/St_Johns", datetime(2026, 11, 1, 3, 45, 7), "2026-11-01 01:15:07 -02:30"),
        ("Asia/Kolkata", datetime(2026, 1, 1, 18, 30), "2026-01-02 00:00"),
    ],
)
def test_a_moment_is_told_on_the_clock_of_the_zone(zone: str, moment: datetime, text: str) -> None:
    assert pages.local_text(ZoneInfo(zone), moment) == text


def test_any_kind_of_window_and_any_group_is_shown_and_none_is_run(trips: Intake) -> None:
    evil = ["<script>alert(1)</script>", "=1+1", "شارع", "x" * 500, ""]
    drive(trips, *(f'2026-05-01T0{n}:00:00Z,"{name}",{n}' for n, name in enumerate(evil)))
    for window in ("hourly", "rides", "all"):
        page = page_of(trips, window, "trips")
        assert "<script" not in page and "alert(1)" in words(page) and "شارع" in words(page)
        assert "x" * 200 not in page and "http:" not in page
        header, *rows = cells_of(trips, window, "trips")
        assert {row[header.index("where")] for row in rows} == {*evil[:1], "'=1+1", *evil[2:4], None}


def test_the_latest_are_shown_and_what_is_left_out_is_said(
    house: Intake, drop: Drop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 2)
    monkeypatch.setattr(pages, "IN_WORKBOOK", 3)
    drop("a.csv", *(order(n, day=f"2026-01-{n:02}") for n in range(1, 6)))
    up_to_date(house)
    text = words(page_of(house, "daily_by_department"))
    assert "2 of 5" in text and "2026-01-05 00:00" in text and "2026-01-03 00:00" not in text
    assert "The workbook has the latest 3. All are in" in text
    assert str(house.settings.published / "orders" / "daily_by_department") in text
    assert [row[0].day for row in cells_of(house, "daily_by_department")[1:]] == [5, 4, 3]


def test_without_rows_a_page_says_so_and_a_date_far_ahead_hides_no_picture(house: Intake, drop: Drop) -> None:
    renewed = window_page(house.settings, "orders", "daily_by_department")
    drop("a.csv", order(1, amount="oops"))
    up_to_date(house)
    write_indexes(house, ["orders"])
    assert "There are no windows yet" in words(page_of(house, "daily_by_department"))
    assert not renewed.with_suffix(".xlsx").exists()
    drop("b.csv", order(2), order(3, day="2199-01-01"))
    up_to_date(house)
    assert "revenue, 30 days to 2026-01-05" in words(page_of(house, "daily_by_department"))


def test_one_page_that_cannot_be_written_stops_no_other(house: Intake, drop: Drop) -> None:
    drop("a.csv", order(1))
    window_page(house.settings, "orders", "last_hour").mkdir(parents=True)
    list(take_inbox(house))
    failures = Failures()
    renew_windows(house, [(one.dataset, one.window) for one in recompute_dirty(house)], failures)
    assert [one.where for one in failures.found] == ["report orders/windows/last_hour.html"]
    assert "toys" in words(page_of(house, "daily_by_department"))


def test_a_window_that_is_declared_no_longer_has_no_page(house: Intake, drop: Drop, take_in: TakeIn) -> None:
    old = window_page(house.settings, "orders", "gone")
    old.parent.mkdir(parents=True)
    for path in (old, old.with_suffix(".xlsx")):
        path.write_text("old")
    drop("a.csv", order(1))
    take_in()
    assert not old.exists() and not old.with_suffix(".xlsx").exists()


def test_a_workbook_keeps_figures_as_they_are_and_runs_no_text() -> None:
    values = [
        (1, 1), (2.5, 2.5), (Decimal("3.10"), 3.1), (True, True), (10**17, str(10**17)), (float("nan"), "nan"),
        (float("inf"), "inf"), (datetime(2026, 1, 2, 3), datetime(2026, 1, 2, 3)), (datetime(1850, 1, 1), "1850-01-01 00:00:00"),
        ("=1+1", "'=1+1"), ("+1 x", "'+1 x"), ("-5", "-5"), ("http://x.org", "http://x.org"), ([1, 2], "[1, 2]"), (None, None),
    ]  # fmt: skip
    book = load_workbook(BytesIO(table_workbook("t", ["=v", "b"], [(given, 1) for given, _ in values])))
    header, *rows = book["Table"].values
    assert header[0] == "'=v"
    assert [row[0] for row in rows] == [wanted for _, wanted in values]
    assert not [cell for row in book["Table"].rows for cell in row if cell.data_type == "f" or cell.hyperlink]


@pytest.mark.parametrize("values", [(30.0, -10.0), (-5.0, -1.0), (4.0, 2.0), (0.0,)])
def test_bars_of_groups_begin_at_zero_and_go_to_their_own_side(values: tuple[float, ...]) -> None:
    panel = bar_panel(Bars("m", tuple((f"g{n}", value) for n, value in enumerate(values))), "t")
    bars = [
        (float(one.attrib["x"]), float(one.attrib["width"]))
        for one in parsed(f"<svg>{panel.shapes}</svg>").iter("rect")
    ]
    per_unit = max(width for _, width in bars) / (max(map(abs, values)) or 1.0)
    zero = {round(x + (width if value < 0 else 0.0)) for (x, width), value in zip(bars, values, strict=True)}
    assert len(zero) == 1
    for (_, width), value in zip(bars, values, strict=True):
        assert width == pytest.approx(abs(value) * per_unit, abs=0.15)
