"""Where windows start and end, and on which days, against the definition tried out moment by moment."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.contract import Cumulative, Dataset, GridWindow, Sliding, Tumbling
from pipeline.contract.durations import parse_duration
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.body import bucket
from pipeline.warehouse.windows.grid import grid_of
from pipeline_tests.windows.readings import ANCHORS, any_change, readings
from pipeline_tests.windows.reference import grid_by_definition

HOUR = timedelta(hours=1)
WINDOWS = [
    Tumbling("w", every="5m"), Tumbling("w", every="1h", offset="20m"), Tumbling("w", every="90m"),
    Tumbling("w", every="2h", offset="20m"), Tumbling("w", every="6h"), Tumbling("w", every="1d"),
    Tumbling("w", every="1d", offset="150m"), Tumbling("w", every="1w", offset="20m"), Tumbling("w", every="1mo"),
    Tumbling("w", every="1mo", offset="26h"), Tumbling("w", every="1q"), Tumbling("w", every="5mo"),
    Tumbling("w", every="1y", offset="6h"), Sliding("w", size="50m", every="20m"), Sliding("w", size="30h", every="4h"),
    Sliding("w", size="3h", every="90m", offset="10m"), Sliding("w", size="3d", every="1d"),
    Cumulative("w", period="1d", every="6h"), Cumulative("w", period="1d", every="1h", offset="90m"),
    Cumulative("w", period="1mo", every="1w"), Cumulative("w", period="1q", every="2h"),
]  # fmt: skip
ZONES = list(ANCHORS)
EXAMPLES = settings().max_examples // 4


def near(anchor: datetime) -> st.SearchStrategy[datetime]:
    """Moments around another: minutes, with a microsecond more or less."""
    minutes = st.one_of(st.integers(-100, 100), st.integers(-3 * 1440, 3 * 1440))
    away = minutes.map(lambda count: timedelta(minutes=count))
    return st.builds(
        lambda by, less: anchor + by + less * timedelta(microseconds=1),
        away,
        st.sampled_from([-1, 0, 0, 1]),
    )


@cache
def declared(zone: str, number: int) -> Dataset:
    """The dataset with the window of that number."""
    return readings(WINDOWS[number], timezone=zone)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Dataset, GridWindow, datetime]:
    known = st.sampled_from([(zone, anchor) for zone, anchors in ANCHORS.items() for anchor in anchors])
    zone, anchor = draw(st.one_of(known, any_change()))
    number = draw(st.integers(0, len(WINDOWS) - 1))
    return declared(zone, number), WINDOWS[number], draw(near(anchor))


def case(zone: str, spec: GridWindow, moment: datetime) -> tuple[Dataset, GridWindow, datetime]:
    """One that chance rarely finds: a start within an hour that comes twice, or that is skipped."""
    return readings(spec, timezone=zone), spec, moment


TWICE_IN_BERLIN = case(
    "Europe/Berlin", Tumbling("w", every="1d", offset="150m"), datetime(2025, 10, 26, 0, 45)
)
TWICE_IN_HAVANA = case(
    "America/Havana", Tumbling("w", every="2h", offset="20m"), datetime(2025, 11, 2, 4, 30)
)
SKIPPED_IN_BERLIN = case(
    "Europe/Berlin", Tumbling("w", every="1d", offset="150m"), datetime(2025, 3, 30, 1, 10)
)


def spans(dataset: Dataset, spec: GridWindow, moment: datetime, back: int) -> list[tuple[datetime, datetime]]:
    """UTC start and end of windows from `back` steps before a moment to some after it."""
    plain = grid_by_definition(dataset, spec)
    (start, *_) = plain.starts(moment)
    found = [plain.later(start, n) for n in range(-back, 4)]
    return [(plain.utc(one), plain.utc(plain.end(one))) for one in found]


@settings(max_examples=EXAMPLES * 4)
@given(case=cases())
def test_a_moment_lies_in_the_windows_that_the_definition_gives(
    case: tuple[Dataset, GridWindow, datetime],
) -> None:
    dataset, spec, moment = case
    grid, plain = grid_of(dataset, spec), grid_by_definition(dataset, spec)
    start = grid.floor(grid.on_clock(moment))
    (first, *_) = plain.starts(moment)
    assert (grid.off_clock(start), grid.off_clock(grid.end(start))) == (
        plain.utc(first), plain.utc(plain.end(first))
    )  # fmt: skip
    assert grid.off_clock(grid.following(start)) == plain.utc(plain.later(first, 1))


@settings(max_examples=EXAMPLES)
@given(case=cases())
def test_the_statement_places_rows_as_the_definition_does(case: tuple[Dataset, GridWindow, datetime]) -> None:
    dataset, spec, moment = case
    grid, plain = grid_of(dataset, spec), grid_by_definition(dataset, spec)
    around = [moment + minutes * timedelta(minutes=7) for minutes in range(-300, 300)]
    lower, upper = around[0] - timedelta(days=400), around[-1] + timedelta(days=400)
    starts = [next(plain.starts(one)) for one in around]
    placed = bucket(grid, grid.step, grid.clock_sql("moment", lower, upper))
    rows = duckdb.execute(
        f"SELECT {placed}, {grid.utc_sql('begun', lower, upper)} "
        "FROM (SELECT unnest(?::TIMESTAMP[]) AS moment, unnest(?::TIMESTAMP[]) AS begun)",
        [around, starts],
    ).fetchall()
    assert rows == [(start, plain.utc(start)) for start in starts]


@settings(max_examples=EXAMPLES)
@given(case=cases(), minutes=st.sampled_from([0, 1, 45, 100, 1_500, 6_000]))
@example(case=TWICE_IN_BERLIN, minutes=30)
@example(case=TWICE_IN_HAVANA, minutes=40)
@example(case=SKIPPED_IN_BERLIN, minutes=0)
def test_the_days_of_a_span_are_those_on_which_its_windows_start(
    case: tuple[Dataset, GridWindow, datetime], minutes: int
) -> None:
    dataset, spec, first = case
    plain = grid_by_definition(dataset, spec)
    last = first + minutes * timedelta(minutes=1)
    moments = [*(first + n * timedelta(minutes=5) for n in range(minutes // 5 + 1)), last]
    starts = {start for moment in moments for start in plain.starts(moment)}
    assert grid_of(dataset, spec).days(first, last) == sorted(
        {local_day(dataset, plain.utc(start)) for start in starts}
    )


def local_day(dataset: Dataset, moment: datetime) -> date:
    """The day between whose first moments a moment lies."""
    return next(grid_by_definition(dataset, Tumbling("w", every="1d")).starts(moment)).date()


@settings(max_examples=EXAMPLES)
@given(case=cases())
@example(case=case("America/Havana", Tumbling("w", every="2h", offset="20m"), datetime(2025, 11, 2, 5, 10)))
@example(case=SKIPPED_IN_BERLIN)
def test_the_windows_that_have_ended_are_all_with_an_end_up_to_the_watermark(
    case: tuple[Dataset, GridWindow, datetime],
) -> None:
    dataset, spec, watermark = case
    ends = [end for _, end in spans(dataset, spec, watermark, back=12)]
    if isinstance(spec, Cumulative):
        ends = [
            end for span in spans(dataset, spec, watermark, back=2) for end in grown(dataset, spec, *span)
        ]
    assert grid_of(dataset, spec).ended(watermark) == max(end for end in ends if end <= watermark)


def grown(dataset: Dataset, spec: Cumulative, start: datetime, over: datetime) -> list[datetime]:
    """The ends of a period's windows."""
    step, plain = parse_duration(spec.every), grid_by_definition(dataset, spec)
    if step > HOUR and not step % HOUR:
        (begun, *_) = plain.starts(start)
        times = (begun + n * step for n in range(1, (plain.end(begun) - begun) // step + 1))
        return sorted({*map(plain.utc, times), over})
    return [*(start + n * step for n in range(1, (over - start) // step + 1)), over]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("number", range(len(WINDOWS)), ids=lambda number: repr(WINDOWS[number]))
def test_no_window_of_a_day_reaches_beyond_what_is_read_for_it(zone: str, number: int) -> None:
    dataset, spec = declared(zone, number), WINDOWS[number]
    grid = grid_of(dataset, spec)
    for anchor in ANCHORS[zone]:
        for days in range(-3, 4):
            _, upper = clock.day_bounds(dataset.zone, local_day(dataset, anchor + days * timedelta(days=1)))
            ends = [end for start, end in spans(dataset, spec, upper, back=12) if start < upper]
            assert grid.reach(upper) >= max(ends)
