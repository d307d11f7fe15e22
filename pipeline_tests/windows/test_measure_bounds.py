"""Measures that are not exact keep within the bounds that their declaration states."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import bisect
import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from pipeline.contract import Cumulative, Session, Sliding, Total, Tumbling, Window, agg
from pipeline.warehouse import Warehouse
from pipeline_tests.windows.readings import Row, compiled, differences, readings
from pipeline_tests.windows.reference import reference

MEASURES = {
    "sum": agg.sum("heat"), "some": agg.sum("heat", where="lane = 1"), "about": agg.count_distinct("whole", approximate=True),
    "p90": agg.quantile("heat", 0.9, approximate=True), "middle": agg.median("heat", approximate=True),
}  # fmt: skip
WINDOWS: list[Window] = [
    Tumbling("w", every="6h", by=["place"], measures=MEASURES),
    Sliding("w", size="12h", every="4h", by=["place"], measures=MEASURES),
    Cumulative("w", period="1d", every="6h", by=["place"], measures=MEASURES),
    Session("w", gap="5m", by=["place"], measures=MEASURES),
]
SUM_ERROR, DISTINCT_ERROR, RANK_ERROR = 1e-12, 4 * 0.0082, 0.02
"""Of the sum of absolute values; of the count, four standard errors; of the rank."""


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """20,000 rows over two days with floats of all sizes, that cancel each other out."""
    rng = random.Random(5)
    found = []
    for number in range(20_000):
        size = rng.choice([1e-9, 1.0, 1e7, 1e15])
        found.append(
            {"at": datetime(2025, 3, 30) + timedelta(seconds=rng.randrange(2 * 86_400)), "place": "ABC"[number % 3],
             "lane": number % 2, "whole": rng.randrange(50_000), "price": None, "heat": rng.uniform(-size, size), "kind": None,
             "open": None, "day": None, "seen": None}
        )  # fmt: skip
    return found


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse without datasets, to run statements in; several threads, so that partial sums come in any order."""
    with Warehouse(tmp_path_factory.mktemp("empty") / "w.duckdb", {}).session() as session:
        yield session.connection


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: type(window).__name__)
def test_sums_and_sketches_keep_their_bounds_in_any_order(
    connection: duckdb.DuckDBPyConnection, rows: list[Row], window: Window
) -> None:
    dataset = readings(window)
    inside: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["at"]):
        inside[row["place"]].append(row)
    times = {place: [row["at"] for row in theirs] for place, theirs in inside.items()}
    for order in (rows, rows[::-1], random.Random(1).sample(rows, len(rows))):
        for line in compiled(connection, dataset, order):
            at = times[line["place"]]
            begin, end = (bisect.bisect_left(at, line[name]) for name in ("window_start", "window_end"))
            check(line, inside[line["place"]][begin:end])


def check(line: Row, inside: Sequence[Row]) -> None:
    """One window against its rows."""
    assert line["row_count"] == len(inside)
    heats = [row["heat"] for row in inside]
    one_lane = [row["heat"] for row in inside if row["lane"] == 1]
    assert_sum(line["sum"], heats)
    assert_sum(line["some"], one_lane)
    distinct = len({row["whole"] for row in inside})
    assert abs(line["about"] - distinct) <= max(1, DISTINCT_ERROR * distinct)
    ordered = sorted(heats)
    for name, share in (("p90", 0.9), ("middle", 0.5)):
        ranks = [place(ordered, line[name]) for place in (bisect.bisect_left, bisect.bisect_right)]
        wanted, allowed = share * (len(ordered) - 1), max(1.0, RANK_ERROR * len(ordered))
        assert ranks[0] - allowed - 1 <= wanted <= ranks[1] + allowed, (line, ranks)


def assert_sum(found: Any, values: Sequence[float]) -> None:
    """A sum within its bound; null for none."""
    if not values:
        assert found is None
    else:
        assert abs(found - math.fsum(values)) <= SUM_ERROR * math.fsum(map(abs, values))


EDGES = [
    (10.0, math.inf),
    (math.inf, -math.inf),
    (-3.5, -math.inf),
    (1e200, -1e200),
    (1e200, 0.5),
    (1e308, 1e308),
    (1e308, -1e308),
]
AT_THE_EDGE = {
    "sum": agg.sum("heat"), "some": agg.sum("heat", where="lane = 1"), "mean": agg.avg("heat"), "spread": agg.stddev("heat"),
    "least": agg.min("heat"), "most": agg.max("heat"), "middle": agg.median("heat"), "p90": agg.quantile("heat", 0.9),
    "kinds": agg.count_distinct("heat"), "price": agg.sum("price"), "wide": agg.stddev("price"),
}  # fmt: skip
ONE_LANE = {"lane = 1": lambda row: row["lane"] == 1}
RATES = {"rate": agg.rate("heat")}
EDGE_WINDOWS: list[Window] = [
    Tumbling("w", every="6h", by=["place"], measures=AT_THE_EDGE | RATES, fill="zero"),
    Sliding("w", size="12h", every="4h", by=["place"], measures=AT_THE_EDGE | RATES),
    Sliding("w", size="5h", every="4h", measures=AT_THE_EDGE),
    Cumulative("w", period="1d", every="6h", by=["place"], measures=AT_THE_EDGE | RATES),
    Session("w", gap="5m", by=["place"], measures=AT_THE_EDGE | RATES),
    Total("w", by=["place"], measures=AT_THE_EDGE),
]


@pytest.mark.parametrize("window", EDGE_WINDOWS, ids=lambda window: type(window).__name__)
def test_infinity_and_the_largest_floats_follow_ieee_754(
    connection: duckdb.DuckDBPyConnection, window: Window
) -> None:
    dataset = readings(window)
    for seed, few in enumerate(EDGES):
        rng = random.Random(seed)
        rows = [
            {"at": datetime(2025, 3, 30) + timedelta(minutes=rng.randrange(2_000)), "place": "AB"[number % 2],
             "lane": number % 2, "whole": 1, "price": Decimal(number), "heat": rng.choice([None, *few]), "kind": None,
             "open": None, "day": None, "seen": None, "_delivery": "a"}
            for number in range(25)
        ]  # fmt: skip
        expected = reference(rows, dataset, window, ONE_LANE)
        assert differences(compiled(connection, dataset, rows), expected, window) == []
