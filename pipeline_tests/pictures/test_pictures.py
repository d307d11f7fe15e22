"""Pictures: gaps, open windows, axes, and the page with figures under the pointer."""

# ruff: noqa: DTZ001  (moments are UTC without zone)

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.pictures import bar_panel, page, picture, series_panel, ticks
from pipeline.pictures.files import draw_bars, draw_series
from pipeline.warehouse.windows.shown import Bars, Line, Point, Series

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 1)


def of(*lines: list[float | None], names: tuple[str, ...] = ("A", "B"), open_last: bool = False) -> Series:
    """Daily figures; None where there is no window."""
    made = []
    for name, values in zip(names, lines, strict=False):
        found = [
            Point(START + timedelta(days=n), value, value, value, not (open_last and n == len(values) - 1))
            for n, value in enumerate(values)
            if value is not None
        ]
        made.append(Line(name, tuple(found)))
    end = START + timedelta(days=max(len(values) for values in lines))
    return Series("d", "w", "n", START, end, timedelta(days=1), tuple(made))


def shapes(series: Series, tag: str) -> list[dict[str, str]]:
    text = picture([series_panel(series, UTC, "title")], "title")
    return [dict(node.attrib) for node in ET.fromstring(text).iter(f"{{http://www.w3.org/2000/svg}}{tag}")]


def test_a_line_breaks_where_a_window_is_missing() -> None:
    lines = shapes(of([1, 2, None, 4, 5], [3, 3, 3, 3, 3]), "polyline")
    assert [len(line["points"].split()) for line in lines] == [2, 2, 5]


def test_an_open_window_is_lighter_than_the_final_ones_before_it() -> None:
    lines = shapes(of([1, 2, 3], [3, 2, 1], open_last=True), "polyline")
    assert [(len(line["points"].split()), line["stroke-opacity"]) for line in lines] == [
        (2, "1"),
        (2, "0.4"),
    ] * 2
    bars = [
        bar for bar in shapes(of([1, 2, 3], names=("A",), open_last=True), "rect") if "fill-opacity" in bar
    ]
    assert [bar["fill-opacity"] for bar in bars] == ["1", "1", "0.4"]


def test_a_group_has_one_colour_in_panels_side_by_side() -> None:
    month = series_panel(of([1, 2], [3, 4], names=("A", "B")), UTC, "month")
    day = series_panel(of([1, 2], [3, 4], names=("B", "A")), UTC, "day", legend=month.legend)
    assert day.legend == month.legend and len(set(month.legend.values())) == 2


def test_names_from_files_are_text_and_nothing_else() -> None:
    text = picture([bar_panel(Bars("n", (("<script>x</script>", 1.0),)), "a & b")], '"<b>')
    assert "<script>" not in text and ET.fromstring(text) is not None
    made = page(of([1, 2], [1, 2], names=("</script><b>", "B")), UTC, "t")
    assert made.count("</script>") == 1


def test_the_page_holds_every_figure_and_reaches_for_nothing_outside() -> None:
    made = page(of([1234.5, None, 3], [7, 8, 9], open_last=True), BERLIN, "title")
    found = re.search(r"const points = (\[.*\]), wide", made)
    assert found is not None
    points = json.loads(found[1])
    assert [point["at"] for point in points] == ["2026-03-01 01:00", "2026-03-02 01:00", "2026-03-03 01:00"]
    assert [row[1] for row in points[0]["rows"]] == ["A: 1,234.5", "B: 7"]
    assert [row[1] for row in points[2]["rows"]] == ["A: 3, open", "B: 9, open"]
    assert not re.findall(r"(?:src|href|url)\s*[=(]", made)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_files_are_written_whatever_there_is_to_draw(tmp_path: Path, ending: str) -> None:
    for name, series in {
        "one": of([1], names=("A",)),
        "gaps": of([1, None, 3], [2, 2, 2]),
        "none": of([None, None]),
    }.items():
        draw_series(series, BERLIN, name, tmp_path / f"{name}.{ending}")
    draw_bars(Bars("n", (("A", 2.0),), 1.0, 3), "bars", tmp_path / f"bars.{ending}")
    assert all(path.stat().st_size > 1_000 for path in tmp_path.iterdir())


@settings(max_examples=60)
@given(st.integers(-(10**12), 10**12).map(lambda n: n / 100), st.integers(0, 10**12).map(lambda n: n / 1000))
def test_marks_of_figures_are_round_few_and_hold_them_all(low: float, span: float) -> None:
    marks = ticks.values(low, low + span)
    assert marks[0] <= low + 1e-6 * abs(low) and marks[-1] >= low + span - 1e-6 * abs(low + span)
    assert 2 <= len(marks) <= 8


@settings(max_examples=60)
@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    st.timedeltas(timedelta(minutes=30), timedelta(days=4_000)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]),
)
def test_marks_of_time_lie_within_and_are_few(lower: datetime, span: timedelta, zone: str) -> None:
    marks = ticks.times(lower, lower + span, ZoneInfo(zone))
    assert all(lower <= at <= lower + span for at, _ in marks) and len(marks) <= 9
    assert [at for at, _ in marks] == sorted({at for at, _ in marks})


def test_marks_of_time_are_round_on_the_clock_of_the_zone() -> None:
    # Berlin's clocks go forward on 29 March
    marks = ticks.times(datetime(2026, 3, 28, 23), datetime(2026, 3, 29, 22), BERLIN)
    assert [label for _, label in marks] == ["29 Mar", "06:00", "12:00", "18:00", "30 Mar"]
    assert [at.hour for at, _ in marks] == [23, 4, 10, 16, 22]
    assert [label for _, label in ticks.times(datetime(2026, 1, 1), datetime(2026, 12, 31), UTC, 5)] == [
        "Jan 2026", "Apr 2026", "Jul 2026", "Oct 2026",
    ]  # fmt: skip
