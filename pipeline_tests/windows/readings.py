"""What the tests of windows share: a dataset with a column of every kind, its measures in SQL and in Python, nasty rows, and the
comparison of two window tables.

What belongs here: making and comparing. What does not: what is right (`reference`).
"""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import duckdb
import pandera.polars as pa
import polars as pl
from hypothesis import strategies as st

from pipeline.contract import Aggregate, Dataset, Session, Total, Window, agg
from pipeline.contract.zones import changes
from pipeline.warehouse import Warehouse
from pipeline.warehouse.windows import clock
from pipeline.warehouse.windows.compiler import compile_total
from pipeline.warehouse.windows.figures import figures_sql
from pipeline.warehouse.windows.grid import days_of_window
from pipeline.warehouse.windows.limits import Limits
from pipeline.warehouse.windows.plain import plain_total, plain_windows

Row = dict[str, Any]


class Reading(pa.DataFrameModel):
    at: datetime
    place: str = pa.Field(nullable=True)
    lane: int = pa.Field(nullable=True)
    whole: int = pa.Field(nullable=True)
    price: Annotated[pl.Decimal, 18, 2] = pa.Field(nullable=True)
    heat: float = pa.Field(nullable=True)
    kind: str = pa.Field(nullable=True)
    open: bool = pa.Field(nullable=True)
    day: date = pa.Field(nullable=True)
    seen: datetime = pa.Field(nullable=True)


def _dear(row: Mapping[str, Any]) -> bool | None:
    return None if row["price"] is None else row["price"] > 1


def _weighed(rows: Sequence[Mapping[str, Any]]) -> float | None:
    both = [row for row in rows if row["heat"] is not None and row["whole"] is not None]
    return math.fsum(row["heat"] * row["whole"] for row in both) if both else None


def _widest(rows: Sequence[Mapping[str, Any]]) -> Decimal | None:
    prices = [row["price"] for row in rows if row["price"] is not None]
    some = [row["price"] for row in rows if row["price"] is not None and row["open"]]
    return max(prices) - min(some) if some else None


SPOKEN: dict[str, Callable[..., Any]] = {
    "price > 1": _dear,
    "open": lambda row: row["open"],
    "kind = 'x' OR kind IS NULL": lambda row: row["kind"] is None or row["kind"] == "x",
    "false": lambda row: False,
    "sum(heat * whole)": _weighed,
    "max(price) - min(price) FILTER (open)": _widest,
    "count(*) FILTER (lane = 1)": lambda rows: sum(row["lane"] == 1 for row in rows),
}
"""The SQL of `where=` and `agg.sql` in the measures below → the same in Python."""

MEASURES: dict[str, Aggregate] = {
    "n": agg.count(), "n_whole": agg.count("whole"), "n_dear": agg.count(where="price > 1"),
    "n_open": agg.count("kind", where="open"), "n_none": agg.count(where="false"),
    "kinds": agg.count_distinct("kind"), "prices": agg.count_distinct("price", where="kind = 'x' OR kind IS NULL"),
    "days": agg.count_distinct("day"), "heats": agg.count_distinct("heat"),
    "sum_whole": agg.sum("whole"), "sum_price": agg.sum("price"), "sum_heat": agg.sum("heat"),
    "sum_dear": agg.sum("price", where="price > 1"), "sum_none": agg.sum("heat", where="false"),
    "avg_whole": agg.avg("whole"), "avg_price": agg.avg("price"), "avg_heat": agg.avg("heat", where="open"),
    "min_price": agg.min("price"), "min_kind": agg.min("kind"), "min_day": agg.min("day", where="open"),
    "max_seen": agg.max("seen"), "max_heat": agg.max("heat"), "max_open": agg.max("open"),
    "dev_price": agg.stddev("price"), "dev_heat": agg.stddev("heat", where="price > 1"), "dev_whole": agg.stddev("whole"),
    "var_price": agg.variance("price", where="open"), "var_heat": agg.variance("heat"),
    "median": agg.median("heat"), "p0": agg.quantile("whole", 0), "p90": agg.quantile("price", 0.9),
    "p33": agg.quantile("heat", 0.333, where="open"), "p100": agg.quantile("price", 1),
    "d0": agg.quantile_discrete("whole", 0), "d50": agg.quantile_discrete("kind", 0.5), "d90": agg.quantile_discrete("price", 0.9, where="open"),
    "d100": agg.quantile_discrete("day", 1), "d33": agg.quantile_discrete("heat", 0.333),
    "cheapest": agg.min_by("kind", "price"), "earliest": agg.min_by("heat", "day", where="open"), "named": agg.max_by("whole", "kind"),
    "dearest": agg.max_by("seen", "price", where="price > 1"),
    "first_price": agg.first("price"), "first_kind": agg.first("kind", where="open"), "first_seen": agg.first("seen"),
    "last_heat": agg.last("heat"), "last_kind": agg.last("kind"), "last_day": agg.last("day", where="price > 1"),
    "per_second": agg.rate(), "dear_per_hour": agg.rate(where="price > 1", per="1h"), "price_per_minute": agg.rate("price", per="1m"),
    "whole_per_second": agg.rate("whole", where="open"),
    "top_kind": agg.top("kind"), "top_price": agg.top("price", 2), "top_open": agg.top("open", 1, where="price > 1"),
    "top_day": agg.top("day", 3), "by_kind": agg.distribution("kind"), "by_lane": agg.distribution("lane", where="open"),
    "by_price": agg.distribution("price"), "by_open": agg.distribution("open"),
    "part": agg.share(), "part_price": agg.share("price"), "part_whole": agg.share("whole", where="open"),
    "part_heat": agg.share("heat"),
    "weighed": agg.sql("sum(heat * whole)"), "widest": agg.sql("max(price) - min(price) FILTER (open)", "DECIMAL(18,2)"),
    "in_lane": agg.sql("count(*) FILTER (lane = 1)", "BIGINT"),
}  # fmt: skip
_FAR = timedelta(days=800)  # more than a year, the longest window here
_FLOATS = frozenset({"avg", "stddev", "variance", "quantile", "rate", "share"})


def measures_for(kind: type[Window]) -> dict[str, Aggregate]:
    """The measures that a kind of window may have."""
    refused: tuple[str, ...] = ()
    if kind is Session:
        refused = ("share",)
    elif kind is Total:
        refused = ("rate", "first", "last")
    return {name: measure for name, measure in MEASURES.items() if measure.kind not in refused}


def readings(*windows: Window, timezone: str = "UTC", name: str = "readings", **fields: Any) -> Dataset:
    """The dataset with these windows."""
    return Dataset(name, schema=Reading, event_time="at", timezone=timezone, windows=windows, **fields)


ANCHORS = {
    # zone → UTC moments at which clocks change, a month or year ends, or a leap day does
    "UTC": [datetime(2024, 2, 29), datetime(2024, 12, 31), datetime(2000, 1, 3)],
    "Europe/Berlin": [datetime(2025, 3, 30, 1), datetime(2025, 10, 26, 1), datetime(2024, 2, 29, 23)],
    "America/Sao_Paulo": [datetime(2017, 10, 15, 3), datetime(2018, 2, 18, 2), datetime(2018, 11, 4, 3)],
    "Australia/Lord_Howe": [datetime(2025, 4, 5, 15), datetime(2025, 10, 4, 15, 30), datetime(2024, 12, 31, 13)],
    "America/Havana": [datetime(2025, 11, 2, 5), datetime(2025, 3, 9, 5)],
    "Asia/Kathmandu": [datetime(2023, 12, 31, 18, 15), datetime(2024, 2, 28, 18, 15)],
}  # fmt: skip
ODD_CHANGES = [
    # (zone, the moment at which its clocks change): at midnight, just before or after it, by a day, by minutes, by hours
    ("Asia/Beirut", datetime(2026, 3, 28, 22)), ("Africa/Cairo", datetime(2024, 4, 25, 22)), ("Africa/Cairo", datetime(2024, 10, 31, 21)),
    ("America/Santiago", datetime(2024, 9, 8, 4)), ("America/Santiago", datetime(2024, 4, 7, 3)), ("America/Havana", datetime(2025, 3, 9, 5)),
    ("America/Havana", datetime(2025, 11, 2, 5)), ("Atlantic/Azores", datetime(2025, 3, 30, 1)), ("Atlantic/Azores", datetime(2025, 10, 26, 1)),
    ("Asia/Tehran", datetime(2022, 3, 21, 20, 30)), ("Asia/Tehran", datetime(2022, 9, 21, 19, 30)), ("Asia/Amman", datetime(2022, 2, 24, 22)),
    ("Asia/Damascus", datetime(2022, 3, 24, 22)), ("America/Sao_Paulo", datetime(2018, 11, 4, 3)), ("America/Asuncion", datetime(2024, 10, 6, 4)),
    ("America/Asuncion", datetime(2024, 3, 24, 3)), ("Asia/Gaza", datetime(2021, 10, 28, 22)), ("America/Scoresbysund", datetime(2025, 3, 30, 1)),
    ("America/St_Johns", datetime(2006, 4, 2, 3, 31)), ("America/St_Johns", datetime(2006, 10, 29, 2, 31)),
    ("America/St_Johns", datetime(1988, 4, 3, 3, 31)), ("Pacific/Apia", datetime(2011, 12, 30, 10)), ("Pacific/Fakaofo", datetime(2011, 12, 30, 11)),
    ("Pacific/Kwajalein", datetime(1993, 8, 21, 12)), ("Pacific/Kiritimati", datetime(1994, 12, 31, 10)),
    ("America/Juneau", datetime(1867, 10, 19, 0, 31, 13)), ("Asia/Manila", datetime(1844, 12, 31, 15, 56, 8)),
    ("Australia/Lord_Howe", datetime(2025, 10, 4, 15, 30)), ("Antarctica/Troll", datetime(2025, 3, 30, 1)),
    ("Antarctica/Troll", datetime(2025, 10, 26, 1)), ("Africa/Casablanca", datetime(2025, 2, 23, 2)), ("Africa/El_Aaiun", datetime(2025, 4, 6, 2)),
    ("Africa/Freetown", datetime(1939, 9, 1, 1)), ("Europe/Berlin", datetime(2100, 3, 28, 1)), ("Asia/Pyongyang", datetime(2018, 5, 4, 15)),
]  # fmt: skip


@cache
def all_zones() -> list[str]:
    """The zones of the tz database, in one order everywhere."""
    return sorted(available_timezones() - {"localtime", "Factory", "posixrules"})


@st.composite
def any_change(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and the moment of one of its changes; of any zone, and often one of `ODD_CHANGES`."""
    zone, year = draw(st.sampled_from(all_zones())), draw(st.integers(1900, 2150))
    _, found = changes(ZoneInfo(zone), datetime(year, 1, 1), datetime(year, 12, 31))
    odd = draw(st.sampled_from(ODD_CHANGES))
    return odd if not found or draw(st.booleans()) else (zone, draw(st.sampled_from(found)).moment)


_NEAR = [timedelta(), timedelta(microseconds=1), timedelta(microseconds=-1), timedelta(minutes=29), timedelta(minutes=30),
         timedelta(minutes=-30), timedelta(minutes=61), timedelta(hours=-1), timedelta(hours=1), timedelta(hours=2, minutes=5),
         timedelta(hours=-23), timedelta(days=1), timedelta(days=-1, seconds=7)]  # fmt: skip


def moments(anchor: datetime, reach: timedelta) -> st.SearchStrategy[datetime]:
    """Event times at and around a moment: any of `_NEAR`, or whole minutes up to `reach` away."""
    far = st.integers(-(reach // timedelta(minutes=1)), reach // timedelta(minutes=1))
    return st.one_of(st.sampled_from(_NEAR), far.map(_minutes)).map(lambda away: anchor + away)


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def nullable(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """One of few values, so that they come twice, or null."""
    return st.sampled_from([None, *values])


VALUES: dict[str, Sequence[Any]] = {
    "place": ["A", "B", ""],
    "lane": [1, 2],
    "whole": [0, -7, 3, 3, 10**12, 2**53 + 1],
    "price": [Decimal("0.00"), Decimal("1.00"), Decimal("1.10"), Decimal("-3.33"), Decimal("999999999999999.99")],
    "heat": [0.0, 0.25, -17.5, 1024.125, 3.0],  # of few binary digits: any order of adding gives the same
    "kind": ["x", "y", "zé", "X", "10", "9"],
    "open": [True, False],
    "day": [date(2024, 2, 29), date(1999, 12, 31)],
    "seen": [datetime(2025, 3, 30, 1, 30), datetime(1969, 12, 31, 23, 59, 59, 999_999)],
}  # fmt: skip


def row_lists(anchor: datetime, reach: timedelta, most: int = 20) -> st.SearchStrategy[list[Row]]:
    """Few rows with many equal values, nulls and equal times."""
    columns = {name: nullable(values) for name, values in VALUES.items()}
    return st.lists(
        st.fixed_dictionaries({"at": moments(anchor, reach), **columns}), min_size=1, max_size=most
    )


def keyed(rows: Sequence[Mapping[str, Any]], window: Window) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    """The rows of a window table by times, delivery and group; each is there once."""
    names = ["window_start", "window_end", *(["_delivery"] if isinstance(window, Total) else []), *window.by]
    found = {tuple(row[name] for name in names): row for row in rows}
    assert len(found) == len(rows), "a window is there twice"
    return found


def differences(
    actual: Sequence[Mapping[str, Any]],
    expected: Sequence[Mapping[str, Any]],
    window: Window,
    tolerance: float = 1e-9,
) -> list[str]:
    """What is different between two tables of a window, in words; nothing where they say the same."""
    one, other = keyed(actual, window), keyed(expected, window)
    found = [f"is not there: {key}" for key in other if key not in one]
    found += [f"is too much: {key}" for key in one if key not in other]
    for key in one.keys() & other.keys():
        for name in [*window.measures, "row_count"]:
            measure = window.measures.get(name)
            value, wanted = one[key][name], other[key][name]
            if not same(value, wanted, measure is not None and _inexact(measure), tolerance):
                found.append(f"{name} of {key}: {value!r}, not {wanted!r}")
    return found


def same(value: Any, wanted: Any, inexact: bool, tolerance: float) -> bool:
    """Whether two figures are the same: of one type and equal, maps in one order; inexact ones to a relative tolerance."""
    if inexact and value is not None and wanted is not None:
        near = math.isclose(value, wanted, rel_tol=tolerance, abs_tol=tolerance)
        return isinstance(value, float) and (near or (math.isnan(value) and math.isnan(wanted)))
    if isinstance(wanted, dict) and isinstance(value, dict):
        return list(value.items()) == list(wanted.items())
    return type(value) is type(wanted) and bool(value == wanted)


def _inexact(measure: Aggregate) -> bool:
    return (
        measure.kind in _FLOATS
        or (measure.kind == "sum" and measure.column == "heat")
        or (measure.kind == "sql" and measure.sql_type == "DOUBLE")
    )


def random_rows(seed: int, anchor: datetime, reach: timedelta, count: int) -> list[Row]:
    """Many rows like those of `row_lists`."""
    rng = random.Random(seed)

    def away() -> timedelta:
        near = rng.random() < 0.3
        return rng.choice(_NEAR) if near else reach * rng.uniform(-1, 1)

    return [
        {"at": anchor + away(), **{name: rng.choice([None, *values]) for name, values in VALUES.items()}}
        for _ in range(count)
    ]


def stored(warehouse: Warehouse, dataset: Dataset, window: Window) -> list[Row]:
    """The rows of a window's table."""
    with warehouse.session() as session:
        return fetched(session.connection, f'SELECT * FROM windows."{dataset.name}_{window.name}"')


def fetched(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    """The rows of a statement, by name."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def compiled(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, rows: Sequence[Mapping[str, Any]]
) -> list[Row]:
    """What the compiled SQL of the dataset's one window gives over rows as they are, without a warehouse."""
    (spec,) = dataset.windows
    schema = {column.name: column.dtype for column in dataset.columns} | {"_delivery": pl.String()}
    connection.register("rows_now", pl.DataFrame(list(rows), schema=schema).to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE source AS SELECT * FROM rows_now")
    if isinstance(spec, Total):
        both = [compile_total(dataset, spec, "source", per_delivery=per) for per in (False, True)]
        return [row for sql in both for row in fetched(connection, sql)]
    times = [row["at"] for row in rows]
    lower, upper = (_midnight(dataset, moment) for moment in (min(times) - _FAR, max(times) + _FAR))
    return fetched(connection, figures_sql(connection, dataset, spec, lower, upper, "source"))


def verified(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, rows: Sequence[Mapping[str, Any]]
) -> list[Row]:
    """What a verification would have the table say, over the rows that `compiled` has left."""
    (spec,) = dataset.windows
    if isinstance(spec, Total):
        return [
            row for plain in plain_total(dataset, spec, "source") for row in fetched(connection, plain.sql)
        ]
    times = [row["at"] for row in rows]
    days = days_of_window(dataset, spec, min(times), max(times))
    bounds = clock.span_bounds(dataset.zone, [days[0], days[-1]])
    return fetched(
        connection, plain_windows(connection, dataset, spec, *bounds, Limits(), relation="source").sql
    )


def _midnight(dataset: Dataset, moment: datetime) -> datetime:
    """The beginning of the day on the dataset's clock, in UTC."""
    local = moment.replace(tzinfo=UTC).astimezone(dataset.zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC).replace(tzinfo=None)
