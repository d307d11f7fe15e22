"""Windows and measures as the warehouse computes them, against the reference, on few but nasty rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.contract import Cumulative, Session, Sliding, Total, Tumbling, Window
from pipeline.warehouse import Warehouse
from pipeline_tests.warehouse.factory import stage_rows
from pipeline_tests.windows.readings import (
    ANCHORS,
    SPOKEN,
    any_change,
    compiled,
    differences,
    measures_for,
    random_rows,
    readings,
    row_lists,
    stored,
    verified,
)
from pipeline_tests.windows.reference import reference

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def window(kind: type[Window], *, by: Sequence[str] = (), **fields: Any) -> Window:
    """A window with all measures that it may have."""
    return kind("w", by=by, measures=measures_for(kind), **fields)


def forward(kind: type[Window], **fields: Any) -> Window:
    """A window that is filled forward: a share of another window's rows cannot be."""
    measures = {name: one for name, one in measures_for(kind).items() if one.kind != "share"}
    return kind("w", measures=measures, **fields)


# What a window is called → (window, how far its rows lie apart).
WINDOWS: dict[str, tuple[Window, timedelta]] = {
    "5 minutes": (window(Tumbling, every="5m", by=["place"]), 2 * HOUR),
    "1 hour": (window(Tumbling, every="1h", by=["lane", "open"]), 8 * HOUR),
    "90 minutes": (window(Tumbling, every="90m"), 8 * HOUR),
    "2 hours": (window(Tumbling, every="2h", by=["kind"]), 8 * HOUR),
    "6 hours from half past one": (window(Tumbling, every="6h", offset="90m", by=["place"]), 2 * DAY),
    "1 day": (window(Tumbling, every="1d", by=["place"]), 5 * DAY),
    "1 day from six": (window(Tumbling, every="1d", offset="6h", by=["day"]), 5 * DAY),
    "1 day from half past two": (window(Tumbling, every="1d", offset="150m", by=["place"]), 3 * DAY),
    "1 day from twenty past midnight": (window(Tumbling, every="1d", offset="20m", by=["lane"]), 3 * DAY),
    "2 hours from twenty past": (window(Tumbling, every="2h", offset="20m"), 8 * HOUR),
    "1 week": (window(Tumbling, every="1w", by=["place"]), 20 * DAY),
    "1 month": (window(Tumbling, every="1mo", by=["place"]), 100 * DAY),
    "5 months from the third": (window(Tumbling, every="5mo", offset="2d"), 400 * DAY),
    "1 quarter": (window(Tumbling, every="1q", by=["open"]), 300 * DAY),
    "1 year": (window(Tumbling, every="1y"), 800 * DAY),
    "6 hours, filled with zero": (window(Tumbling, every="6h", by=["place"], fill="zero"), 2 * DAY),
    "1 month, filled with null": (window(Tumbling, every="1mo", by=["lane"], fill="null"), 150 * DAY),
    "10 minutes, filled, from the third": (window(Tumbling, every="10m", by=["lane"], fill="zero", offset="3m"), 3 * HOUR),
    "1 hour, filled over short pauses": (window(Tumbling, every="1h", by=["lane"], fill="zero", fill_limit=5), 30 * HOUR),
    "an hour every 20 minutes, filled over short pauses": (window(Sliding, size="1h", every="20m", fill="null", fill_limit=7), 20 * HOUR),
    "6 hours, carried forward": (forward(Tumbling, every="6h", by=["place"], fill="forward"), 2 * DAY),
    "an hour every 15 minutes": (window(Sliding, size="1h", every="15m", by=["place"]), 2 * HOUR),
    "50 minutes every 20": (window(Sliding, size="50m", every="20m", by=["lane"]), 2 * HOUR),
    "30 hours every 4": (window(Sliding, size="30h", every="4h", by=["place"]), 2 * DAY),
    "3 days every day from five": (window(Sliding, size="3d", every="1d", offset="5h", by=["kind"]), 5 * DAY),
    "3 hours every 90 minutes, filled": (window(Sliding, size="3h", every="90m", by=["place"], fill="zero"), 9 * HOUR),
    "2 days every 12 hours, filled with null": (window(Sliding, size="2d", every="12h", by=["lane"], fill="null"), 4 * DAY),
    "a day by hours": (window(Cumulative, period="1d", every="1h", by=["place"]), 2 * DAY),
    "a day by 6 hours from two": (window(Cumulative, period="1d", every="6h", offset="2h", by=["lane"]), 2 * DAY),
    "a day by 2 hours": (window(Cumulative, period="1d", every="2h"), 2 * DAY),
    "an hour by 10 minutes": (window(Cumulative, period="1h", every="10m", by=["open"]), 3 * HOUR),
    "a month by days": (window(Cumulative, period="1mo", every="1d", by=["lane"]), 40 * DAY),
    "a month by weeks": (window(Cumulative, period="1mo", every="1w", by=["lane"]), 40 * DAY),
    "a quarter by 36 hours": (window(Cumulative, period="1q", every="2d", by=["place"]), 100 * DAY),
    "sessions of half an hour": (window(Session, gap="30m", by=["place"]), 3 * HOUR),
    "sessions of a microsecond's neighbours": (window(Session, gap="1ms"), HOUR),
    "sessions of a day and a half": (window(Session, gap="36h", by=["lane", "open"]), 6 * DAY),
    "total": (window(Total, by=["place"]), DAY),
    "total of all": (window(Total), DAY),
}  # fmt: skip
ZONES = list(ANCHORS)
EXAMPLES = settings().max_examples // 25  # per window; `HYPOTHESIS_PROFILE=search` looks further
PARTS = 4
# Two windows per zone; each kind is among them.
STORED = {
    "UTC": ["1 quarter", "sessions of a day and a half"],
    "Europe/Berlin": ["1 day", "a day by hours"],
    "America/Sao_Paulo": ["6 hours, filled with zero", "3 days every day from five"],
    "Australia/Lord_Howe": ["50 minutes every 20", "sessions of half an hour"],
    "America/Havana": ["2 days every 12 hours, filled with null", "total"],
    "Asia/Kathmandu": ["a month by weeks", "1 month, filled with null"],
}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse without datasets, to run statements in."""
    with Warehouse(tmp_path_factory.mktemp("empty") / "w.duckdb", {}).session() as session:
        yield session.connection


@pytest.mark.parametrize("called", WINDOWS)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_compiled_statement_gives_what_the_reference_gives(
    connection: duckdb.DuckDBPyConnection, called: str, data: st.DataObject
) -> None:
    """Straight from the statement; each time with a part of the measures, as DuckDB plans long statements slowly."""
    whole, reach = WINDOWS[called]
    part = list(whole.measures)[data.draw(st.integers(0, PARTS - 1)) :: PARTS]
    spec = replace(whole, measures={name: whole.measures[name] for name in part})
    known = st.sampled_from([(zone, anchor) for zone, anchors in ANCHORS.items() for anchor in anchors])
    zone, anchor = data.draw(st.one_of(known, any_change()))
    dataset = readings(spec, timezone=zone)
    rows = [row | {"_delivery": "ab"[n % 2]} for n, row in enumerate(data.draw(row_lists(anchor, reach)))]
    expected = reference(rows, dataset, spec, SPOKEN)
    assert differences(compiled(connection, dataset, rows), expected, spec) == []
    if getattr(spec, "fill", None) == "forward":  # what is carried is not looked at again
        expected = [line for line in expected if line["row_count"]]
    assert differences(verified(connection, dataset, rows), expected, spec) == []


@pytest.mark.parametrize("zone", ZONES)
def test_the_tables_hold_what_the_reference_gives(tmp_path: Path, zone: str) -> None:
    """The whole way: staged, committed in two files of which one is replaced, recomputed, read from the table; all measures."""
    specs = [replace(WINDOWS[called][0], name=f"w{n}") for n, called in enumerate(STORED[zone])]
    dataset = readings(*specs, timezone=zone)
    warehouse = Warehouse(tmp_path / "w.duckdb", {dataset.name: dataset})
    versions = [random_rows(seed, ANCHORS[zone][0], 2 * DAY, count) for seed, count in enumerate([9, 20, 15])]
    for name, rows in zip(["a.csv", "b.csv", "a.csv"], versions, strict=True):
        warehouse.commit(stage_rows(tmp_path / "staging", dataset, name, rows))
    rows = [row | {"_delivery": "b.csv"} for row in versions[1]] + [
        row | {"_delivery": "a.csv"} for row in versions[2]
    ]
    for spec in specs:
        warehouse.recompute(dataset.name, spec.name)
        assert (
            differences(stored(warehouse, dataset, spec), reference(rows, dataset, spec, SPOKEN), spec) == []
        )
