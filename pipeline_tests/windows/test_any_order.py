"""Any order of arrival, any split into files, replaced files and removed rows, windows computed again at any moment in between: all
end in the windows that one file with all the data gives."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

import itertools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.contract import Cumulative, Dataset, Session, Sliding, Total, Tumbling, agg
from pipeline.warehouse import Warehouse
from pipeline.warehouse.session import Session as Open
from pipeline_tests.warehouse.factory import stage_rows
from pipeline_tests.windows.readings import SPOKEN, Row, differences, fetched, readings, row_lists
from pipeline_tests.windows.reference import reference

OF_TOTALS = {
    "n": agg.count(), "dear": agg.count(where="price > 1"), "kinds": agg.count_distinct("kind"), "price": agg.sum("price"),
    "heat": agg.avg("heat"), "p90": agg.quantile("whole", 0.9), "by_kind": agg.distribution("kind"), "often": agg.top("price", 2),
    "deviation": agg.stddev("heat"), "weighed": agg.sql("sum(heat * whole)"),
}  # fmt: skip
OF_SESSIONS = OF_TOTALS | {
    "one": agg.first("kind"),
    "other": agg.last("kind"),
    "each_hour": agg.rate(per="1h"),
}
MEASURES = OF_SESSIONS | {"part": agg.share("price")}
WINDOWS = (
    Tumbling("side_by_side", every="6h", by=["place"], measures=MEASURES),
    Tumbling("filled", every="8h", offset="90m", by=["place"], measures=MEASURES, fill="zero"),
    Tumbling("monthly", every="1mo", by=["open"], measures=MEASURES),
    Sliding("hourly", size="50m", every="20m", by=["place"], measures=MEASURES),
    Sliding("of_days", size="3d", every="1d", measures=MEASURES, fill="null"),
    Cumulative("growing", period="1d", every="6h", by=["place"], measures=MEASURES),
    Cumulative("within_weeks", period="1w", every="1d", measures=MEASURES),
    Session("visits", gap="3h", by=["place"], measures=OF_SESSIONS),
    Session("stays", gap="30h", by=["lane"], measures=OF_SESSIONS),
    Total("total", by=["place"], measures=OF_TOTALS),
)
ZONE = "Europe/Berlin"
PIECES, WHOLE = (readings(*WINDOWS, timezone=ZONE, name=name, lateness="2h") for name in ("pieces", "whole"))
FILES = ("a.csv", "b.csv", "c.csv")
CLOCKS_CHANGE = datetime(2025, 10, 26, 1)
EXAMPLES = settings().max_examples // 25
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Load:
    """A file comes, or a new version of it, with other, fewer or no rows."""

    file: str
    rows: list[Row]


@dataclass(frozen=True)
class Recompute:
    """Some windows are computed again: all that is dirty of them, or the first dirty day alone."""

    windows: Sequence[str]
    one_day: bool


def steps() -> st.SearchStrategy[list[Load | Recompute]]:
    """Files and recomputations in any order."""
    rows = st.one_of(st.just([]), row_lists(CLOCKS_CHANGE, timedelta(days=2), most=8))
    loads = st.builds(Load, st.sampled_from(FILES), rows)
    names = [window.name for window in WINDOWS]
    some = st.one_of(st.just(names), st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    return st.lists(
        st.one_of(loads, loads, st.builds(Recompute, some, st.booleans())), min_size=2, max_size=9
    )


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with both datasets and nothing in it."""
    path = tmp_path_factory.mktemp("empty") / "w.duckdb"
    with Warehouse(path, {PIECES.name: PIECES, WHOLE.name: WHOLE}).session():
        pass
    return path


def load(session: Open, staging: Path, dataset: Dataset, file: str, rows: Sequence[Row]) -> None:
    """Commit a file; files with equal rows are different files."""
    session.commit(stage_rows(staging, dataset, file, rows, sha256=f"{next(_NUMBERS):064x}"))


def recompute(session: Open, step: Recompute) -> None:
    """Compute windows again as the step says."""
    for name in step.windows:
        dirty = [
            mark.day for mark in session.dirty(PIECES.name) if mark.window == name and mark.day is not None
        ]
        session.recompute(PIECES.name, name, dirty[:1] if step.one_day and dirty else None)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(taken=steps())
def test_any_way_to_the_same_rows_ends_in_the_same_windows(
    empty: Path, tmp_path_factory: pytest.TempPathFactory, taken: list[Load | Recompute]
) -> None:
    folder = tmp_path_factory.mktemp("order")
    shutil.copyfile(empty, folder / "w.duckdb")
    warehouse = Warehouse(folder / "w.duckdb", {PIECES.name: PIECES, WHOLE.name: WHOLE})
    files: dict[str, list[Row]] = {}
    with warehouse.session() as session:
        for step in taken:
            if isinstance(step, Recompute):
                recompute(session, step)
            else:
                load(session, folder, PIECES, step.file, step.rows)
                files[step.file] = step.rows
        recompute(session, Recompute([window.name for window in WINDOWS], one_day=False))
        load(session, folder, WHOLE, "all.csv", [row for rows in files.values() for row in rows])
        for window in WINDOWS:
            session.recompute(WHOLE.name, window.name)
        assert session.dirty() == []
        pieces = {window.name: _table(session, PIECES, window.name) for window in WINDOWS}
        whole = {window.name: _table(session, WHOLE, window.name) for window in WINDOWS}
    rows = [row | {"_delivery": file} for file, rows in files.items() for row in rows]
    for window in WINDOWS:
        found = {
            window.name: differences(pieces[window.name], reference(rows, PIECES, window, SPOKEN), window)
        }
        if not isinstance(window, Total):
            found["one file, " + window.name] = differences(pieces[window.name], whole[window.name], window)
        assert not any(found.values()), found


def _table(session: Open, dataset: Dataset, window: str) -> list[Row]:
    return fetched(session.connection, f"SELECT * FROM windows.{dataset.name}_{window}")
