"""Which way a measure is computed, by rule; that the SQL goes that way; the account of it for people."""

# ruff: noqa: DTZ001  (the warehouse keeps moments in UTC without zone)

from __future__ import annotations

from datetime import date, datetime
from math import prod
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract import Cumulative, Dataset, Session, Sliding, Total, Tumbling, agg
from pipeline.warehouse.windows import batches as batching
from pipeline.warehouse.windows.compiler import compile_window
from pipeline.warehouse.windows.explain import explain
from pipeline.warehouse.windows.sliding import stages
from pipeline.warehouse.windows.ways import Way, plan
from pipeline_tests.warehouse.test_windows import compute, load, random_rows, readings

LOWER, UPPER = datetime(2025, 1, 1), datetime(2025, 1, 2)
MIXED = {
    "total": agg.sum("heat"), "mean": agg.avg("heat"), "kinds": agg.count_distinct("kind"), "p95": agg.quantile("price", 0.95),
    "own": agg.sql("sum(whole) / 2"), "about": agg.count_distinct("kind", approximate=True), "spread": agg.stddev("heat"),
}  # fmt: skip


def ways(window: Any) -> dict[str, str]:
    return {one.name: one.way.value for one in plan(readings(window), window)}


def sql(window: Any, zone: str = "UTC") -> str:
    dataset: Dataset = readings(window, zone)
    return compile_window(dataset, window, "clean.readings", LOWER, UPPER, UPPER)


def test_windows_that_overlap_merge_panes_follow_changes_and_cut_lists() -> None:
    assert ways(Sliding("w", size="1h", every="5m", measures=MIXED)) == {
        "total": "panes", "mean": "panes", "kinds": "changes", "p95": "lists", "own": "rows", "about": "keys", "spread": "lists",
    }  # fmt: skip


def test_windows_that_hardly_overlap_take_quantiles_by_rows() -> None:
    assert ways(Sliding("w", size="36h", every="1d", measures=MIXED))["p95"] == "rows"


@pytest.mark.parametrize(
    "window",
    [Tumbling("w", every="1h", measures=MIXED), Session("w", gap="1h", measures=MIXED), Total("w", measures=MIXED),
     Sliding("w", size="1h", every="1h", measures=MIXED)],
    ids=["tumbling", "session", "total", "sliding without overlap"],
)  # fmt: skip
def test_windows_that_do_not_overlap_are_one_aggregation(window: Any) -> None:
    assert {name: way for name, way in ways(window).items() if way != "rows"} == {"about": "keys"}


def test_growing_windows_run_over_steps() -> None:
    found = ways(Cumulative("w", period="1d", every="1h", measures=MIXED))
    assert (found["mean"], found["kinds"], found["p95"]) == ("panes", "changes", "rows")


@given(st.integers(1, 20_000))
def test_stages_multiply_to_the_panes_of_a_window(panes: int) -> None:
    found = stages(panes)
    assert prod(found) == panes
    assert all(factor <= 16 or all(factor % n for n in range(2, factor)) for factor in found)


def test_many_panes_are_merged_in_stages_and_few_at_once() -> None:
    many = sql(Sliding("w", size="1h", every="5s", measures={"n": agg.count()}))
    assert "stage_1 AS" in many and "range(720)" not in many
    few = sql(Sliding("w", size="60s", every="5s", measures={"n": agg.count()}))
    assert "stage_" not in few and "range(12) AS steps(_back)" in few


def test_a_state_that_several_measures_need_is_kept_once() -> None:
    written = sql(
        Sliding("w", size="60s", every="5s", measures={"total": agg.sum("heat"), "mean": agg.avg("heat"), "n": agg.count()})
    )  # fmt: skip
    assert written.count('fsum("heat")') == 1 and written.count("count(*) AS") == 1


def test_a_count_of_a_column_without_nulls_is_the_count_of_rows() -> None:
    written = sql(Tumbling("w", every="1h", measures={"n": agg.count("at")}))
    assert 'row_count AS "n"' in written


def test_sessions_are_numbered_by_the_pauses_before_them() -> None:
    written = sql(Session("w", gap="30m", by=["place"], measures={"n": agg.count()}))
    assert (
        'lag("at") OVER (PARTITION BY "place" ORDER BY "at") <= INTERVAL \'30\' MINUTE AS _goes_on' in written
    )
    assert "\"at\" >= TIMESTAMP '2024-12-31 23:30:00'" in written


def test_growing_windows_end_by_the_local_clock_or_by_elapsed_time() -> None:
    local = sql(Cumulative("w", period="1d", every="6h"), "Europe/Berlin")
    assert "least((_slot + (_step + 1) * INTERVAL '6' HOUR) - INTERVAL '1' HOUR" in local
    elapsed = sql(Cumulative("w", period="1d", every="1h"), "Europe/Berlin")
    assert "least((_slot - INTERVAL '1' HOUR + (_step + 1) * INTERVAL '1' HOUR)" in elapsed


def test_the_account_names_the_way_the_reason_and_the_sql() -> None:
    window = Sliding("w", size="1h", every="5m", by=["place"], measures=MIXED)
    told = explain(readings(window), window, date(2025, 1, 1))
    assert told.window == "readings/w" and told.kind == "sliding: 1h long, one each 5m, by place"
    assert {name: way for name, way, _ in told.measures} == ways(window)
    assert all(reason for _, _, reason in told.measures)
    assert "2025-01-01 00:00:00" in told.sql and 'FROM "clean"."readings"' in told.sql
    assert {way.value for way in Way} == {way for _, way, _ in told.measures}


@pytest.mark.parametrize(
    ("window", "kind", "clock"),
    [
        (Tumbling("w", every="1mo", offset="4d", fill="zero"), "tumbling: one each 1mo, 4d later, gaps filled with zero", "the local clock of UTC"),
        (Cumulative("w", period="1d", every="1h"), "cumulative: within 1d, one more each 1h", "the local clock of UTC"),
        (Session("w", gap="30m", by=["place"]), "session: rows with pauses of at most 30m, by place", "the rows' own times"),
        (Tumbling("w", every="5m"), "tumbling: one each 5m", "elapsed time"),
        (Total("w"), "total: over the table and per delivery", "none"),
    ],
)  # fmt: skip
def test_every_kind_is_told_in_words(window: Any, kind: str, clock: str) -> None:
    told = explain(readings(window), window, date(2025, 1, 1))
    assert told.kind == kind and told.clock.startswith(clock)


def test_a_day_with_too_many_values_to_hold_is_computed_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = Sliding("w", size="20m", every="5m", by=["place"], measures=MIXED)
    dataset, rows = readings(window, "Europe/Berlin"), random_rows(4, datetime(2025, 10, 25), hours=48)
    whole = compute(load(tmp_path / "whole", dataset, rows), dataset)
    monkeypatch.setattr(batching, "memory_of", lambda connection: 100_000)
    with load(tmp_path / "pieces", dataset, rows).session() as session:
        days = [date(2025, 10, 25), date(2025, 10, 26)]
        (batch,) = batching.batches(session.connection, dataset, days)
        spans = batching.pieces(session.connection, dataset, window, batch)
    assert len(spans) > 3 and (spans[0].lower, spans[-1].upper) == (batch.lower, batch.upper)
    assert [one.upper for one in spans[:-1]] == [one.lower for one in spans[1:]]
    pieces = compute(load(tmp_path / "again", dataset, rows), dataset)

    def told(found: list[dict[str, Any]]) -> list[Any]:
        return sorted(([v for k, v in row.items() if k != "computed_at"] for row in found), key=repr)

    assert told(pieces) == told(whole)
